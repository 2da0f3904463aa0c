/* A whole recording without processes: a stage in, files out, on a virtual
 * clock. */
#include "room.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

static void check_codec(const char *codec, const char *name)
{
	struct room r = { .fd = -1 };
	struct probe p;

	room_open(&r);
	stage_camera(r.stage, codec, 1, "cam", ANN);
	session_who(r.session, ANN, "@ann:example.org", "Ann");
	session_source(
		r.session, ANN, "cam", "camera", false, false, r.stage->now_us);
	stage_announce(r.stage);
	stage_play(r.stage, 10000);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 1);
	assert_false(r.unfinished);
	assert_string_equal(
		manifest_text(room_item(&r, "files", 0), "name"), name);
	room_check_files(&r);
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
	room_close(&r);
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
	room_open(&r);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	session_who(r.session, ANN, "@ann:example.org", "Ann");
	stage_announce(r.stage);
	stage_play(r.stage, 1000);
	stage_text(r.stage, FEED_SPEAKER, "1");
	stage_play(r.stage, 2000);
	stage_text(r.stage, FEED_SPEAKER, "0");
	stage_play(r.stage, 1000);
	room_end(&r);
	root = manifest_root(r.manifest);
	assert_string_equal(manifest_text(root, "state"), "finished");
	assert_string_equal(manifest_text(root, "stopped_because"), "command");
	assert_string_equal(manifest_text(root, "room"), "!room:example.org");
	assert_int_equal(manifest_get(root, "duration_ms", 0), 4000);
	assert_int_equal(manifest_get(root, "started_ms", 0), 1795000000000);
	assert_int_equal(manifest_get(root, "ended_ms", 0), 1795000004000);
	ann = room_item(&r, "participants", 0);
	assert_string_equal(manifest_text(ann, "label"), ANN);
	assert_string_equal(manifest_text(ann, "name"), "Ann");
	assert_int_equal(room_count(&r, "speakers"), 1);
	assert_int_equal(
		manifest_get(room_item(&r, "speakers", 0), "from_ms", 0), 1000);
	assert_int_equal(
		manifest_get(room_item(&r, "speakers", 0), "to_ms", 0), 3000);
	/* Nobody said what it is. */
	assert_string_equal(manifest_text(room_item(&r, "files", 0), "name"),
		"p1-other-1.webm");
	room_check_files(&r);
	room_close(&r);
}

static void test_codec_change(void **state)
{
	struct room r = { .fd = -1 };
	struct probe a, b;

	(void)state;
	room_open(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	stage_codec(&r.stage->stream[1], "h264");
	stage_play(r.stage, 4000);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 2);
	room_check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &a);
	probe_file(r.dir, "p1-camera-2.mkv", &b);
	assert_int_equal(
		a.video.packets + b.video.packets, r.stage->stream[1].sent);
	assert_int_equal(
		a.audio.packets + b.audio.packets, r.stage->stream[0].sent);
	assert_int_equal(b.video.decoded, b.video.packets);
	assert_int_equal(room_count(&r, "codec_changes"), 1);
	assert_string_equal(
		manifest_text(room_item(&r, "codec_changes", 0), "to"), "h264");
	assert_in_range(manifest_get(room_item(&r, "files", 1), "from_ms", 0),
		3950, 4050);
	room_close(&r);
}

static void test_comes_back(void **state)
{
	struct room r = { .fd = -1 };
	cJSON *present;

	(void)state;
	room_open(&r);
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
	room_end(&r);
	assert_int_equal(room_count(&r, "participants"), 2);
	assert_int_equal(room_count(&r, "files"), 3);
	room_check_files(&r);
	present = manifest_list(room_item(&r, "participants", 0), "present");
	assert_int_equal(cJSON_GetArraySize(present), 2);
	assert_int_equal(
		manifest_get(cJSON_GetArrayItem(present, 0), "to_ms", 0), 3000);
	assert_int_equal(
		manifest_get(cJSON_GetArrayItem(present, 1), "from_ms", 0),
		5000);
	assert_int_equal(faccessat(r.fd, "p1-camera-2.webm", F_OK, 0), 0);
	room_close(&r);
}

static void test_mute_is_a_hole(void **state)
{
	struct room r = { .fd = -1 };
	struct probe p;
	cJSON *muted;

	(void)state;
	room_open(&r);
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
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 1);
	room_check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_in_range(p.video.longest_ms, 3900, 4200);
	assert_true(p.audio.longest_ms <= 22);
	assert_int_equal(p.video.packets, r.stage->stream[1].sent);
	muted = cJSON_GetArrayItem(
		manifest_list(room_item(&r, "files", 0), "muted"), 0);
	assert_string_equal(manifest_text(muted, "kind"), "video");
	assert_int_equal(manifest_get(muted, "from_ms", 0), 3000);
	assert_int_equal(manifest_get(muted, "to_ms", 0), 7000);
	room_close(&r);
}

static void test_picture_later(void **state)
{
	struct room r = { .fd = -1 };
	struct probe a, b;

	(void)state;
	room_open(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	r.stage->stream[1].off = true;
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	r.stage->stream[1].off = false;
	stage_announce(r.stage);
	stage_play(r.stage, 4000);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 2);
	room_check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &a);
	probe_file(r.dir, "p1-camera-2.webm", &b);
	assert_false(a.video.there);
	assert_int_equal(b.video.packets, r.stage->stream[1].sent);
	assert_int_equal(
		a.audio.packets + b.audio.packets, r.stage->stream[0].sent);
	room_close(&r);
}

static void test_loss_is_noted(void **state)
{
	struct room r = { .fd = -1 };
	cJSON *file, *gap;

	(void)state;
	room_open(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	r.stage->stream[1].lose = 97;
	stage_announce(r.stage);
	stage_play(r.stage, 8000);
	room_end(&r);
	room_check_files(&r);
	file = room_item(&r, "files", 0);
	gap = cJSON_GetArrayItem(manifest_list(file, "gaps"), 0);
	assert_string_equal(manifest_text(gap, "kind"), "video");
	assert_int_equal(manifest_get(gap, "packets", 0), 1);
	assert_true(manifest_get(room_track(file, "video"), "damaged", 0) > 0);
	room_close(&r);
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
