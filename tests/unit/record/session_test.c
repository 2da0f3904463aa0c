/* A whole recording without processes: a stage in, files out, on a virtual
 * clock. */
#include "stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../rtp/check.h"
#include "probe.h"
#include "record/digest.h"
#include "record/finish.h"
#include "record/manifest.h"
#include "record/session.h"

#define ANN "@ann:example.org A"
#define BOB "@bob:example.org B"

struct room {
	char dir[64];
	int fd;
	struct session *session;
	struct stage *stage;
	struct session_config config;
	unsigned plis, tracks, troubles, recovered;
	char code[32];
	uint64_t free;
	struct manifest *manifest;
	bool unfinished;
};

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

static void open_room(struct room *r)
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

static void end_room(struct room *r)
{
	session_stop(r->session, "command", r->stage->now_us);
	wait_disk(r);
	r->manifest = session_finish(r->session, &r->unfinished);
	assert_non_null(r->manifest);
	assert_int_equal(
		finish_files(r->fd, r->dir, r->manifest, NULL, NULL), 0);
}

static void close_room(struct room *r)
{
	char command[128];

	manifest_free(r->manifest);
	stage_free(r->stage);
	close(r->fd);
	snprintf(command, sizeof(command), "rm -r '%s'", r->dir);
	assert_int_equal(system(command), 0);
}

static cJSON *item(const struct room *r, const char *list, int i)
{
	return cJSON_GetArrayItem(
		manifest_list(manifest_root(r->manifest), list), i);
}

static int count(const struct room *r, const char *list)
{
	return cJSON_GetArraySize(
		manifest_list(manifest_root(r->manifest), list));
}

static cJSON *track(cJSON *file, const char *kind)
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
static void check_files(const struct room *r)
{
	for (int i = 0; i < count(r, "files"); i++) {
		cJSON *file = item(r, "files", i);
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
			manifest_get(track(file, "audio"), "frames", 0));
		assert_int_equal(p.video.packets,
			manifest_get(track(file, "video"), "frames", 0));
		assert_in_range(manifest_get(file, "from_ms", 0) +
					p.duration_ms -
					manifest_get(file, "to_ms", 0) + 100,
			0, 200);
	}
}

static void check_codec(const char *codec, const char *name)
{
	struct room r = { .fd = -1 };
	struct probe p;

	open_room(&r);
	stage_camera(r.stage, codec, 1, "cam", ANN);
	session_who(r.session, ANN, "@ann:example.org", "Ann");
	session_source(
		r.session, ANN, "cam", "camera", false, false, r.stage->now_us);
	stage_announce(r.stage);
	stage_play(r.stage, 10000);
	end_room(&r);
	assert_int_equal(count(&r, "files"), 1);
	assert_false(r.unfinished);
	assert_string_equal(manifest_text(item(&r, "files", 0), "name"), name);
	check_files(&r);
	probe_file(r.dir, name, &p);
	assert_int_equal(p.audio.packets, r.stage->stream[0].sent);
	assert_int_equal(p.audio.decoded, p.audio.packets);
	assert_int_equal(p.video.packets, r.stage->stream[1].sent);
	assert_int_equal(p.video.decoded, p.video.packets);
	assert_int_equal(p.audio.errors + p.video.errors, 0);
	assert_string_equal(p.video.codec, codec);
	assert_in_range(p.video.first_ms, 0, 20);
	assert_in_range(p.audio.first_ms, 0, 20);
	assert_in_range(p.audio.last_ms, 9940, 10000);
	assert_in_range(p.video.last_ms, 9900, 10000);
	assert_true(p.audio.longest_ms <= 22);
	assert_true(p.video.longest_ms <= 75);
	assert_true(p.seekable);
	assert_int_equal(r.tracks, 1);
	close_room(&r);
}

static void test_codecs(void **state)
{
	(void)state;
	check_codec("vp8", "p1-camera-1.webm");
	check_codec("vp9", "p1-camera-1.webm");
	check_codec("av1", "p1-camera-1.webm");
	check_codec("h264", "p1-camera-1.mkv");
}

static void test_manifest(void **state)
{
	struct room r = { .fd = -1 };
	cJSON *root, *ann;

	(void)state;
	open_room(&r);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	session_who(r.session, ANN, "@ann:example.org", "Ann");
	stage_announce(r.stage);
	stage_play(r.stage, 1000);
	stage_text(r.stage, FEED_SPEAKER, "1");
	stage_play(r.stage, 2000);
	stage_text(r.stage, FEED_SPEAKER, "0");
	stage_play(r.stage, 1000);
	end_room(&r);
	root = manifest_root(r.manifest);
	assert_string_equal(manifest_text(root, "state"), "finished");
	assert_string_equal(manifest_text(root, "stopped_because"), "command");
	assert_string_equal(manifest_text(root, "room"), "!room:example.org");
	assert_int_equal(manifest_get(root, "duration_ms", 0), 4000);
	assert_int_equal(manifest_get(root, "started_ms", 0), 1795000000000);
	assert_int_equal(manifest_get(root, "ended_ms", 0), 1795000004000);
	ann = item(&r, "participants", 0);
	assert_string_equal(manifest_text(ann, "label"), ANN);
	assert_string_equal(manifest_text(ann, "name"), "Ann");
	assert_int_equal(count(&r, "speakers"), 1);
	assert_int_equal(
		manifest_get(item(&r, "speakers", 0), "from_ms", 0), 1000);
	assert_int_equal(
		manifest_get(item(&r, "speakers", 0), "to_ms", 0), 3000);
	/* Nobody said what it is. */
	assert_string_equal(
		manifest_text(item(&r, "files", 0), "name"), "p1-other-1.webm");
	check_files(&r);
	close_room(&r);
}

static void test_codec_change(void **state)
{
	struct room r = { .fd = -1 };
	struct probe a, b;

	(void)state;
	open_room(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	stage_codec(&r.stage->stream[1], "h264");
	stage_play(r.stage, 4000);
	end_room(&r);
	assert_int_equal(count(&r, "files"), 2);
	check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &a);
	probe_file(r.dir, "p1-camera-2.mkv", &b);
	assert_int_equal(
		a.video.packets + b.video.packets, r.stage->stream[1].sent);
	assert_int_equal(
		a.audio.packets + b.audio.packets, r.stage->stream[0].sent);
	assert_int_equal(b.video.decoded, b.video.packets);
	assert_int_equal(count(&r, "codec_changes"), 1);
	assert_string_equal(
		manifest_text(item(&r, "codec_changes", 0), "to"), "h264");
	assert_in_range(
		manifest_get(item(&r, "files", 1), "from_ms", 0), 3950, 4050);
	close_room(&r);
}

static void test_comes_back(void **state)
{
	struct room r = { .fd = -1 };
	cJSON *present;

	(void)state;
	open_room(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_camera(r.stage, "vp8", 2, "cam", BOB);
	r.stage->stream[2].id = r.stage->stream[3].id = "other";
	stage_announce(r.stage);
	stage_play(r.stage, 3000);
	r.stage->stream[0].off = r.stage->stream[1].off = true;
	stage_announce(r.stage);
	stage_play(r.stage, 2000);
	/* A new stay: another owner id, and a publisher from its beginning. */
	for (int i = 0; i < 2; i++) {
		r.stage->stream[i].off = false;
		r.stage->stream[i].owner = 9;
		r.stage->stream[i].at = 0;
		r.stage->stream[i].ssrc += 500;
	}
	stage_announce(r.stage);
	stage_play(r.stage, 3000);
	end_room(&r);
	assert_int_equal(count(&r, "participants"), 2);
	assert_int_equal(count(&r, "files"), 3);
	check_files(&r);
	present = manifest_list(item(&r, "participants", 0), "present");
	assert_int_equal(cJSON_GetArraySize(present), 2);
	assert_int_equal(
		manifest_get(cJSON_GetArrayItem(present, 0), "to_ms", 0), 3000);
	assert_int_equal(
		manifest_get(cJSON_GetArrayItem(present, 1), "from_ms", 0),
		5000);
	assert_int_equal(faccessat(r.fd, "p1-camera-2.webm", F_OK, 0), 0);
	close_room(&r);
}

static void test_mute_is_a_hole(void **state)
{
	struct room r = { .fd = -1 };
	struct probe p;
	cJSON *muted;

	(void)state;
	open_room(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_announce(r.stage);
	stage_play(r.stage, 3000);
	r.stage->stream[1].muted = true;
	session_source(
		r.session, ANN, "cam", "camera", false, true, r.stage->now_us);
	stage_play(r.stage, 4000);
	r.stage->stream[1].muted = false;
	r.stage->stream[1].at = 0;
	session_source(
		r.session, ANN, "cam", "camera", false, false, r.stage->now_us);
	stage_play(r.stage, 3000);
	end_room(&r);
	assert_int_equal(count(&r, "files"), 1);
	check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_in_range(p.video.longest_ms, 3900, 4200);
	assert_true(p.audio.longest_ms <= 22);
	assert_int_equal(p.video.packets, r.stage->stream[1].sent);
	muted = cJSON_GetArrayItem(
		manifest_list(item(&r, "files", 0), "muted"), 0);
	assert_string_equal(manifest_text(muted, "kind"), "video");
	assert_int_equal(manifest_get(muted, "from_ms", 0), 3000);
	assert_int_equal(manifest_get(muted, "to_ms", 0), 7000);
	close_room(&r);
}

static void test_picture_later(void **state)
{
	struct room r = { .fd = -1 };
	struct probe a, b;

	(void)state;
	open_room(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	r.stage->stream[1].off = true;
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	r.stage->stream[1].off = false;
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	end_room(&r);
	assert_int_equal(count(&r, "files"), 2);
	check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &a);
	probe_file(r.dir, "p1-camera-2.webm", &b);
	assert_false(a.video.there);
	assert_int_equal(b.video.packets, r.stage->stream[1].sent);
	assert_int_equal(
		a.audio.packets + b.audio.packets, r.stage->stream[0].sent);
	close_room(&r);
}

static void test_loss_is_noted(void **state)
{
	struct room r = { .fd = -1 };
	cJSON *file, *gap;

	(void)state;
	open_room(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	r.stage->stream[1].lose = 97;
	stage_announce(r.stage);
	stage_play(r.stage, 8000);
	end_room(&r);
	check_files(&r);
	file = item(&r, "files", 0);
	gap = cJSON_GetArrayItem(manifest_list(file, "gaps"), 0);
	assert_string_equal(manifest_text(gap, "kind"), "video");
	assert_int_equal(manifest_get(gap, "packets", 0), 1);
	assert_true(manifest_get(track(file, "video"), "damaged", 0) > 0);
	close_room(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_codec_change),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_mute_is_a_hole),
		cmocka_unit_test(test_picture_later),
		cmocka_unit_test(test_loss_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
