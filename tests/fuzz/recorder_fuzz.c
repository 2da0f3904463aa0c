/* A whole recording session: frames of a hostile feed and lines of orders, each
 * with two bytes of length and one of type before it. The files go nowhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/command.h"
#include "record/manifest.h"
#include "record/mux.h"
#include "record/session.h"

enum { STEP_US = 30000 };

static char folder[] = "/dev/shm/hearth-fuzz-XXXXXX";

/* The manifest is renamed, so it is there. */
static int open_nothing(int dir, const char *name, int flags, mode_t mode)
{
	if (strncmp(name, "manifest", 8) == 0)
		return openat(dir, name, flags, mode);
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static atomic_uint fuzz_sum;

static unsigned digest(const uint8_t *buf, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + buf[i];
	return sum;
}

static ssize_t write_nothing(int fd, const void *buf, size_t len, off_t at)
{
	(void)fd;
	(void)at;
	/* Reads it all, for the sanitizer. */
	fuzz_sum ^= digest(buf, len);
	return (ssize_t)len;
}

static int sync_nothing(int fd)
{
	(void)fd;
	return 0;
}

static void on_send(
	void *arg, enum feed_type type, const void *payload, size_t len)
{
	(void)arg;
	if (type != FEED_RTCP || !payload || len != 12)
		abort();
}

static void on_report(void *arg, cJSON *line)
{
	(void)arg;
	if (!manifest_text(line, "type")[0])
		abort();
	cJSON_Delete(line);
}

static uint64_t on_room(void *arg)
{
	(void)arg;
	return 0;
}

static struct session *begin(int dir)
{
	static const struct disk_ops ops = { open_nothing, write_nothing,
		sync_nothing };
	const struct session_config config = {
		.id = "id", .room = "room", .keyframe_s = 1, .ops = &ops
	};
	const struct session_hooks hooks = {
		.send = on_send, .report = on_report, .room = on_room
	};
	struct session *s;

	if (session_new(&s, dir, &config, 1000000, 1795000000000000, &hooks))
		abort();
	return s;
}

static void obey(struct session *s, const char *line, size_t len, uint64_t now)
{
	struct command c;

	if (command_read(line, len, &c) != 0)
		return;
	if (c.type == COMMAND_PARTICIPANT)
		session_who(s, c.label, c.user_id, c.name);
	else if (c.type == COMMAND_SOURCE)
		session_source(s, c.label, c.source, c.purpose, c.audio_muted,
			c.video_muted, now);
	command_done(&c);
}

static void remove_folder(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	unlink(path);
	rmdir(folder);
}

static int open_folder(void)
{
	mux_quiet();
	if (!mkdtemp(folder) || atexit(remove_folder) != 0)
		abort();
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	uint64_t now_us = 1000000;
	struct manifest *m;
	struct session *s;
	bool unfinished;

	if (dir < 0)
		dir = open_folder();
	s = begin(dir);
	while (size >= 3) {
		const size_t want = (size_t)(data[0] << 8 | data[1]);
		const uint8_t type = data[2];
		const size_t len = want < size - 3 ? want : size - 3;
		struct feed_frame f = { .payload = data + 3, .len = len };

		data += 3 + len;
		size -= 3 + len;
		now_us += (uint64_t)(type >> 4) * STEP_US;
		f.time_us = now_us;
		f.type = (enum feed_type)(type & 15);
		if (f.type < FEED_TYPES)
			session_frame(s, &f);
		else
			obey(s, (const char *)f.payload, len, now_us);
		session_disk(s, now_us);
		session_tick(s, now_us);
	}
	session_stop(s, "command", now_us);
	m = session_finish(s, &unfinished);
	if (!m)
		abort();
	manifest_free(m);
	return 0;
}
