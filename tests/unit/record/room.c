#include "room.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "record/digest.h"
#include "record/finish.h"

static void on_frame(void *arg, const struct feed_frame *f)
{
	struct room *r = arg;

	session_frame(r->session, f);
}

static void on_tick(void *arg, uint64_t now_us)
{
	struct room *r = arg;

	session_disk(r->session, now_us);
	session_tick(r->session, now_us);
}

static void on_send(
	void *arg, enum feed_type type, const void *payload, size_t len)
{
	struct room *r = arg;

	assert_int_equal(type, FEED_RTCP);
	assert_int_equal(len, 12);
	assert_int_equal(((const uint8_t *)payload)[1], 206);
	r->plis++;
}

static void on_report(void *arg, cJSON *line)
{
	const char *type = manifest_text(line, "type");
	struct room *r = arg;

	r->tracks += strcmp(type, "track") == 0;
	r->recovered += strcmp(type, "recovered") == 0;
	if (strcmp(type, "trouble") == 0) {
		r->troubles++;
		snprintf(r->code, sizeof(r->code), "%s",
			manifest_text(line, "code"));
		assert_true(strlen(manifest_text(line, "message")) > 20);
	}
	cJSON_Delete(line);
}

static uint64_t on_room(void *arg)
{
	return ((struct room *)arg)->free;
}

void room_open(struct room *r)
{
	const struct session_hooks hooks = {
		.send = on_send, .report = on_report, .room = on_room, .arg = r
	};

	snprintf(r->dir, sizeof(r->dir), "/tmp/hearth-session-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->fd = open(r->dir, O_RDONLY | O_DIRECTORY);
	assert_true(r->fd >= 0);
	r->free = 1 << 30;
	r->config.id = "20261126T110552Z-0badcafe";
	r->config.room = "!room:example.org";
	r->stage = stage_new(on_frame, on_tick, r);
	assert_int_equal(session_new(&r->session, r->fd, &r->config,
				 r->stage->now_us, 1795000000000000, &hooks),
		0);
}

static void wait_disk(struct room *r)
{
	struct pollfd p = { .fd = session_fd(r->session), .events = POLLIN };

	while (session_open_files(r->session)) {
		assert_true(poll(&p, 1, 10000) > 0);
		session_disk(r->session, r->stage->now_us);
	}
}

void room_end(struct room *r)
{
	session_stop(r->session, "command", r->stage->now_us);
	wait_disk(r);
	r->manifest = session_finish(r->session, &r->unfinished);
	assert_non_null(r->manifest);
	assert_int_equal(
		finish_files(r->fd, r->dir, r->manifest, NULL, NULL), 0);
}

void room_close(struct room *r)
{
	char command[128];

	manifest_free(r->manifest);
	stage_free(r->stage);
	close(r->fd);
	snprintf(command, sizeof(command), "rm -r '%s'", r->dir);
	assert_int_equal(system(command), 0);
}

cJSON *room_item(const struct room *r, const char *list, int i)
{
	return cJSON_GetArrayItem(
		manifest_list(manifest_root(r->manifest), list), i);
}

int room_count(const struct room *r, const char *list)
{
	return cJSON_GetArraySize(
		manifest_list(manifest_root(r->manifest), list));
}

cJSON *room_track(cJSON *file, const char *kind)
{
	cJSON *t;

	cJSON_ArrayForEach(t, manifest_list(file, "tracks"))
	{
		if (strcmp(manifest_text(t, "kind"), kind) == 0)
			return t;
	}
	return NULL;
}

/* Of each file: it is there, plays, and is what the manifest says. */
void room_check_files(const struct room *r)
{
	for (int i = 0; i < room_count(r, "files"); i++) {
		cJSON *file = room_item(r, "files", i);
		const char *name = manifest_text(file, "name");
		char sum[DIGEST_HEX + 1];
		struct probe p;
		uint64_t bytes;
		int fd = openat(r->fd, name, O_RDONLY);

		assert_true(fd >= 0);
		assert_int_equal(digest_file(fd, sum, &bytes), 0);
		close(fd);
		assert_string_equal(sum, manifest_text(file, "sha256"));
		assert_int_equal(bytes, manifest_get(file, "bytes", 0));
		probe_file(r->dir, name, &p);
		assert_int_equal(p.audio.packets,
			manifest_get(room_track(file, "audio"), "frames", 0));
		assert_int_equal(p.video.packets,
			manifest_get(room_track(file, "video"), "frames", 0));
		assert_in_range(manifest_get(file, "from_ms", 0) +
					p.duration_ms -
					manifest_get(file, "to_ms", 0) + 100,
			0, 200);
	}
}

void room_settle(struct room *r)
{
	/* The disk of a test has no queue for longer than this. */
	for (int i = 0; i < 40; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		session_disk(r->session, r->stage->now_us);
	}
}
