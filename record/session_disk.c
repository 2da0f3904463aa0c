#include "record/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	ROOM_MIN = 4 << 20, /* bytes; with less it is full again at once */
	LOST_QUIET_US = 10000000,
	SAVE_PAUSE_US = 200000 /* changes come in swarms */
};

static void report(
	struct session *s, const char *type, const char *code, const char *text)
{
	cJSON *line = cJSON_CreateObject();

	if (!line)
		return;
	manifest_set_text(line, "type", type);
	if (code)
		manifest_set_text(line, "code", code);
	manifest_set_text(line, "message", text);
	s->hooks.report(s->hooks.arg, line);
}

static void trouble(
	struct session *s, const char *code, const char *text, uint64_t now_us)
{
	manifest_trouble(
		s->manifest, shelf_ms(&s->shelf, (int64_t)now_us), code, text);
	report(s, "trouble", code, text);
	s->save_us = 0;
}

static void trouble_of_disk(struct session *s, int err, uint64_t now_us)
{
	char text[256];

	switch (err) {
	case ENOSPC:
	case EDQUOT:
		trouble(s, "disk_full",
			"The disk for recordings is full: nothing is recorded "
			"until there is room. What was recorded is kept. "
			"Delete old recordings, or ask who runs this server.",
			now_us);
		return;
	case EROFS:
		trouble(s, "read_only",
			"The disk for recordings cannot be written any more "
			"(read-only): nothing is recorded until whoever runs "
			"this server has repaired it.",
			now_us);
		return;
	default:
		snprintf(text, sizeof(text),
			"The disk for recordings reports an error (%s): "
			"nothing is recorded until it can be written again. "
			"It is tried every 5 seconds.",
			strerror(err));
		trouble(s, "io_error", text, now_us);
		return;
	}
}

static void block(struct session *s, int err, uint64_t now_us)
{
	if (s->shelf.blocked || s->stopped)
		return;
	people_drop(&s->people);
	s->shelf.blocked = true;
	s->shelf.slow = false;
	s->retry_us = now_us + SESSION_RETRY_US;
	trouble_of_disk(s, err, now_us);
}

static void unblock(struct session *s)
{
	s->shelf.blocked = false;
	s->retry_us = 0;
	report(s, "recovered", NULL,
		"The disk can be written again: recording goes on.");
}

static void retry(struct session *s, uint64_t now_us)
{
	s->retry_us = now_us + SESSION_RETRY_US;
	if (s->hooks.room(s->hooks.arg) >= ROOM_MIN)
		disk_probe(s->disk);
}

static void on_event(
	struct session *s, const struct disk_event *ev, uint64_t now_us)
{
	switch (ev->type) {
	case DISK_LOW:
		block(s, ev->err, now_us);
		break;
	case DISK_FAILED:
		shelf_failed(&s->shelf, ev);
		block(s, ev->err, now_us);
		break;
	case DISK_CLOSED:
		shelf_closed(&s->shelf, ev);
		s->save_us = 0;
		break;
	case DISK_PROBED:
		if (ev->err)
			block(s, ev->err, now_us);
		else if (s->shelf.blocked)
			unblock(s);
		break;
	}
}

int session_fd(const struct session *s)
{
	return disk_fd(s->disk);
}

void session_disk(struct session *s, uint64_t now_us)
{
	struct disk_event ev;

	while (disk_next(s->disk, &ev))
		on_event(s, &ev, now_us);
}

/* A disk that is behind: frames are dropped until half of what waits is
 * written. */
static void watch_queue(struct session *s, uint64_t now_us)
{
	const uint64_t queued = disk_queued(s->disk);

	if (s->shelf.blocked)
		return;
	if (!s->shelf.slow && queued > s->shelf.queue_max) {
		s->shelf.slow = true;
		trouble(s, "slow_disk",
			"The disk for recordings is too slow: parts of this "
			"call are missing until it has caught up.",
			now_us);
	} else if (s->shelf.slow && queued < s->shelf.queue_max / 2) {
		s->shelf.slow = false;
		report(s, "recovered", NULL,
			"The disk has caught up: all is recorded again.");
	}
}

void session_lost(struct session *s, uint64_t now_us, uint64_t packets)
{
	char text[160];

	if (!s->lost_us) {
		snprintf(text, sizeof(text),
			"The recorder was too slow: %llu packets or more are "
			"missing in this recording. Record fewer calls at "
			"once.",
			(unsigned long long)packets);
		trouble(s, "overflow", text, now_us);
	}
	s->lost_us = now_us;
}

static void watch_lost(struct session *s, uint64_t now_us)
{
	if (!s->lost_us || now_us - s->lost_us < LOST_QUIET_US)
		return;
	s->lost_us = 0;
	report(s, "recovered", NULL, "The recorder has caught up.");
}

void session_save(struct session *s, uint64_t now_us)
{
	char *text;

	s->saved_us = now_us;
	s->save_us = now_us + SESSION_SAVE_US;
	people_prolong(&s->people, (int64_t)now_us);
	manifest_duration(s->manifest, shelf_ms(&s->shelf, (int64_t)now_us));
	text = manifest_print(s->manifest);
	if (text)
		disk_manifest(s->disk, text);
}

void session_disk_tick(struct session *s, uint64_t now_us)
{
	watch_queue(s, now_us);
	watch_lost(s, now_us);
	if (s->retry_us && now_us >= s->retry_us)
		retry(s, now_us);
	if (now_us >= s->save_us && now_us - s->saved_us >= SAVE_PAUSE_US)
		session_save(s, now_us);
}
