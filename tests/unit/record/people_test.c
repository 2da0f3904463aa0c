/* Who speaks, and who has left: what the manifest and the files say of it. */
#include "room.h"

#include <string.h>

#include "probe.h"

static void open_two(struct room *r)
{
	*r = (struct room){ .fd = -1 };
	room_open(r);
	session_source(r->session, ANN, "cam", "camera", false, false, 0);
	session_source(r->session, BOB, "cam", "camera", false, false, 0);
	stage_camera(r->stage, "vp8", 7, "cam", ANN);
	stage_camera(r->stage, "vp8", 8, "cam", BOB);
	r->stage->stream[2].id = r->stage->stream[3].id = "other";
	stage_announce(r->stage);
}

static void speak(struct room *r, const char *owner, unsigned ms)
{
	stage_text(r->stage, FEED_SPEAKER, owner);
	stage_play(r->stage, ms);
}

static void check_speaker(
	const struct room *r, int i, int64_t person, int64_t from, int64_t to)
{
	const cJSON *s = room_item(r, "speakers", i);

	assert_int_equal(manifest_get(s, "participant", 0), person);
	assert_int_equal(manifest_get(s, "from_ms", -1), from);
	assert_int_equal(manifest_get(s, "to_ms", -1), to);
}

static void test_speakers(void **state)
{
	struct room r;

	(void)state;
	open_two(&r);
	stage_play(r.stage, 1000);
	speak(&r, "7", 1000);
	speak(&r, "7", 500); /* said twice: one stretch */
	speak(&r, "8", 1500);
	speak(&r, "0", 1000);   /* nobody */
	speak(&r, "99", 500);   /* of whom nothing is known */
	speak(&r, "-7 x", 500); /* no number */
	speak(&r, "7", 1000);   /* until the end */
	room_end(&r);
	assert_int_equal(room_count(&r, "speakers"), 3);
	check_speaker(&r, 0, 1, 1000, 2500);
	check_speaker(&r, 1, 2, 2500, 4000);
	check_speaker(&r, 2, 1, 6000, 7000);
	room_close(&r);
}

static void leave(struct room *r, unsigned first)
{
	struct stage_stream *st = &r->stage->stream[first];

	st[0].off = st[1].off = true;
	stage_announce(r->stage);
	st[0].off = st[1].off = false;
}

/* Who leaves while it speaks does not speak on. */
static void test_speaker_leaves(void **state)
{
	struct room r;

	(void)state;
	open_two(&r);
	speak(&r, "8", 2000);
	leave(&r, 2);
	stage_play(r.stage, 2000);
	speak(&r, "7", 1000);
	room_end(&r);
	assert_int_equal(room_count(&r, "speakers"), 2);
	check_speaker(&r, 0, 2, 0, 2000);
	check_speaker(&r, 1, 1, 4000, 5000);
	room_close(&r);
}

/* Who publishes anew, in one step, speaks on. */
static void test_speaker_publishes_anew(void **state)
{
	struct room r;

	(void)state;
	open_two(&r);
	speak(&r, "8", 2000);
	for (unsigned i = 2; i < 4; i++) {
		r.stage->stream[i].id = "third";
		r.stage->stream[i].source = "again";
		r.stage->stream[i].ssrc += 500;
	}
	stage_announce(r.stage);
	stage_play(r.stage, 2000);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 3);
	assert_int_equal(room_count(&r, "speakers"), 1);
	check_speaker(&r, 0, 2, 0, 4000);
	room_close(&r);
}

/* Packets that come all the same, by whatever mistake, are not written. */
static void test_nothing_of_who_has_left(void **state)
{
	struct room r;
	struct probe p;
	uint64_t sound, picture;

	(void)state;
	open_two(&r);
	stage_play(r.stage, 3000);
	sound = r.stage->stream[2].sent;
	picture = r.stage->stream[3].sent;
	leave(&r, 2);
	stage_play(r.stage, 4000);
	assert_true(r.stage->stream[2].sent > sound + 100);
	room_end(&r);
	room_check_files(&r);
	assert_int_equal(room_count(&r, "files"), 2);
	probe_file(r.dir, "p2-camera-1.webm", &p);
	assert_int_equal(p.audio.packets, sound);
	assert_int_equal(p.video.packets, picture);
	assert_in_range(p.duration_ms, 2900, 3000);
	assert_int_equal(
		manifest_get(
			cJSON_GetArrayItem(
				manifest_list(room_item(&r, "participants", 1),
					"present"),
				0),
			"to_ms", 0),
		3000);
	/* Of the other one all of it. */
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_int_equal(p.audio.packets, r.stage->stream[0].sent);
	room_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speakers),
		cmocka_unit_test(test_speaker_leaves),
		cmocka_unit_test(test_speaker_publishes_anew),
		cmocka_unit_test(test_nothing_of_who_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
