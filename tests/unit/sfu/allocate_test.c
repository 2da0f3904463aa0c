#include <string.h>
#include "tests/unit/sfu/allocate_stage.h"

/* One camera alone at each rate, both as the speaker and not. */
static void one_camera_gets_what_fits(void **state)
{
	(void)state;
	static const struct {
		uint64_t kbps;
		int spatial, temporal;
		enum allocate_why why;
	} t[] = {
		{ 0, -1, -1, ALLOCATE_PAUSED },
		{ 79, -1, -1, ALLOCATE_PAUSED },
		{ 92, 0, 0, ALLOCATE_LIMITED },
		{ 126, 0, 1, ALLOCATE_LIMITED },
		{ 172, 0, 2, ALLOCATE_LIMITED },
		{ 300, 0, 2, ALLOCATE_LIMITED }, /* not 7 frames of 360 */
		{ 400, 1, 1, ALLOCATE_LIMITED },
		{ 570, 1, 2, ALLOCATE_LIMITED },
		{ 1200, 1, 2, ALLOCATE_LIMITED },
		{ 1710, 2, 1, ALLOCATE_LIMITED },
		{ 2300, 2, 2, ALLOCATE_FULL },
	};
	for (unsigned speaks = 0; speaks < 2; speaks++)
		for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			struct stage g = { 0 };
			struct allocate_sub *s = add(&g, &camera, 0);
			track_of(&g, 0)->speaker = speaks;
			struct allocate_result r = run(&g, t[i].kbps * KBIT);
			assert_layer(s, t[i].spatial, t[i].temporal);
			assert_int_equal(s->why, t[i].why);
			assert_int_equal(r.wanted_bps, 2000 * KBIT);
		}
}

static void unlimited_is_all_that_is_wanted(void **state)
{
	(void)state;
	struct stage g = { 0 };
	for (unsigned i = 0; i < 10; i++)
		add(&g, i % 2 ? &camera : &screen, 0);
	struct allocate_result r = run(&g, ALLOCATE_UNLIMITED);
	assert_int_equal(r.video_bps, r.wanted_bps);
	assert_int_equal(r.video_bps, 5 * (2000 + 1600) * KBIT);
	assert_int_equal(r.deadline_us, UINT64_MAX);
	assert_int_equal(r.changed, 10);
	assert_int_equal(run(&g, ALLOCATE_UNLIMITED).changed, 0);
}

static void screens_give_up_frames_first(void **state)
{
	(void)state;
	static const struct {
		uint64_t kbps;
		int spatial, temporal;
	} t[] = { { 175, 0, 0 }, { 290, 0, 1 }, { 470, 0, 2 }, { 690, 1, 0 },
		{ 1150, 1, 1 }, { 1900, 1, 2 } };
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct stage g = { 0 };
		struct allocate_sub *s = add(&g, &screen, 0);
		run(&g, t[i].kbps * KBIT);
		assert_layer(s, t[i].spatial, t[i].temporal);
	}
}

static void audio_is_never_paused_for_video(void **state)
{
	(void)state;
	struct stage g = { 0 };
	add(&g, &camera, 720);
	track_of(&g, 0)->speaker = true;
	for (unsigned i = 0; i < 5; i++)
		add(&g, &voice, 0)->hidden = i == 4;
	for (uint64_t bps = 0; bps <= 400 * KBIT; bps += 20 * KBIT) {
		struct allocate_result r = run(&g, bps);
		assert_int_equal(r.audio_bps, 5 * 32 * KBIT);
		for (unsigned i = 1; i < g.n; i++)
			assert_layer(&g.sub[i], 0, 0);
	}
	/* A microphone that is silent costs nothing and is there. */
	track_of(&g, 1)->rate_bps[0][0] = 0;
	assert_int_equal(run(&g, 0).audio_bps, 4 * 32 * KBIT);
	assert_layer(&g.sub[1], 0, 0);
}

static void the_speaker_comes_first(void **state)
{
	(void)state;
	struct stage g = { 0 };
	for (unsigned i = 0; i < 10; i++)
		add(&g, &camera, 0);
	track_of(&g, 7)->speaker = true;
	run(&g, 170 * KBIT);
	assert_layer(&g.sub[7], 0, 1);
	for (unsigned i = 0; i < 10; i++)
		if (i != 7)
			assert_int_equal(g.sub[i].why, ALLOCATE_PAUSED);
}

/* Beyond enough, others are seen before the speaker gets sharper; with none to
 * be seen all of it is the speaker's. */
static void others_are_seen_before_the_speaker_is_sharp(void **state)
{
	(void)state;
	struct stage g = { 0 };
	for (unsigned i = 0; i < 8; i++)
		add(&g, &camera, i ? 90 : 0);
	track_of(&g, 0)->speaker = true;
	run(&g, 1800 * KBIT);
	assert_layer(&g.sub[0], 1, 2);
	for (unsigned i = 1; i < 8; i++)
		assert_true(g.sub[i].target.spatial == 0);
	for (unsigned i = 1; i < 8; i++)
		g.sub[i].hidden = true;
	run(&g, 1800 * KBIT);
	g.now_us += 2 * S;
	run(&g, 1800 * KBIT);
	assert_layer(&g.sub[0], 2, 1);
}

static void what_is_shown_large_comes_before_the_rest(void **state)
{
	(void)state;
	struct stage g = { 0 };
	struct allocate_sub *rest = add(&g, &camera, 0);
	struct allocate_sub *small = add(&g, &camera, 120);
	struct allocate_sub *large = add(&g, &camera, 700);
	struct allocate_sub *hidden = add(&g, &camera, 720);
	hidden->hidden = true;
	run(&g, 190 * KBIT);
	assert_layer(large, 0, 0);
	assert_layer(small, 0, 0);
	assert_int_equal(rest->why, ALLOCATE_PAUSED);
	assert_int_equal(hidden->why, ALLOCATE_HIDDEN);
	/* A small tile never gets more lines than it shows. */
	run(&g, ALLOCATE_UNLIMITED);
	g.now_us += ALLOCATE_UP_US;
	run(&g, ALLOCATE_UNLIMITED);
	assert_layer(small, 0, 2);
	assert_int_equal(small->why, ALLOCATE_FULL);
	/* It is made larger: at once. */
	small->height = 300;
	run(&g, ALLOCATE_UNLIMITED);
	assert_layer(small, 1, 2);
	/* And smaller, with no bandwidth to spare: to what it shows. */
	g.n = 2;
	rest->hidden = true;
	small->height = 100;
	run(&g, 151 * KBIT);
	assert_layer(small, 0, 2);
}

static void a_dear_one_does_not_darken_the_others(void **state)
{
	(void)state;
	struct allocate_track fat = camera;
	fat.n_spatial = fat.n_temporal = 1;
	fat.height[0] = 1080;
	fat.rate_bps[0][0] = 3000 * KBIT;
	struct stage g = { 0 };
	add(&g, &fat, 900);
	add(&g, &camera, 180);
	add(&g, &camera, 180);
	run(&g, 500 * KBIT);
	assert_int_equal(g.sub[0].why, ALLOCATE_PAUSED);
	assert_layer(&g.sub[1], 0, 2);
	assert_layer(&g.sub[2], 0, 2);
}

static void last_n_follows_who_spoke(void **state)
{
	(void)state;
	struct stage g = { .cfg = { .last_n = 3 } };
	for (unsigned i = 0; i < 8; i++) {
		add(&g, &camera, 0);
		track_of(&g, i)->spoke_us = i == 6 ? 50 : i == 2 ? 40 : 0;
	}
	track_of(&g, 4)->speaker = true;
	struct allocate_result r = run(&g, ALLOCATE_UNLIMITED);
	assert_int_equal(r.video_bps, 3 * 2000 * KBIT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(g.sub[i].why, i == 4 || i == 6 || i == 2
						       ? ALLOCATE_FULL
						       : ALLOCATE_LAST_N);
	/* Somebody who left makes room at once. */
	memset(track_of(&g, 6)->rate_bps, 0, sizeof(camera.rate_bps));
	run(&g, ALLOCATE_UNLIMITED);
	assert_int_equal(g.sub[6].why, ALLOCATE_NOTHING);
	assert_int_equal(g.sub[0].why, ALLOCATE_FULL);
}

static void loudest_n_with_inertia(void **state)
{
	(void)state;
	struct stage g = { .cfg = { .loudest_n = 2 } };
	for (unsigned i = 0; i < 5; i++) {
		add(&g, &voice, 0);
		track_of(&g, i)->loudness = (40 + i) << 8;
	}
	run(&g, ALLOCATE_UNLIMITED);
	assert_layer(&g.sub[4], 0, 0);
	assert_layer(&g.sub[3], 0, 0);
	assert_int_equal(g.sub[0].why, ALLOCATE_LAST_N);
	static const struct {
		unsigned after_ms, loudness;
		bool heard;
		const char *why;
	} t[] = {
		{ 100, 52, false, "9 dB are not enough against a new one" },
		{ 1100, 48, false, "nor 5 against one heard for long" },
		{ 1200, 52, true, "9 are" },
		{ 1300, 45, true, "and now it holds its place" },
		{ 1400, 20, false, "but not silent" },
	};
	uint64_t begin = g.now_us;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		g.now_us = begin + t[i].after_ms * 1000;
		track_of(&g, 0)->loudness = t[i].loudness << 8;
		run(&g, ALLOCATE_UNLIMITED);
		if (t[i].heard != (g.sub[0].target.spatial == 0))
			fail_msg("%s", t[i].why);
	}
	/* The speaker is always heard. */
	track_of(&g, 1)->speaker = true;
	run(&g, ALLOCATE_UNLIMITED);
	assert_layer(&g.sub[1], 0, 0);
}

static void down_at_once_up_after_a_while(void **state)
{
	(void)state;
	struct stage g = { 0 };
	struct allocate_sub *s = add(&g, &camera, 0);
	run(&g, 3000 * KBIT);
	assert_layer(s, 2, 2);
	run(&g, 600 * KBIT);
	assert_layer(s, 1, 2);
	/* Hardly more than it costs: no room to go up. */
	g.now_us += 60 * (uint64_t)S;
	run(&g, 1500 * KBIT);
	g.now_us += 60 * (uint64_t)S;
	struct allocate_result r = run(&g, 1600 * KBIT);
	assert_layer(s, 1, 2);
	assert_int_equal(r.deadline_us, UINT64_MAX);
	/* Enough, but only for a moment. */
	r = run(&g, 3000 * KBIT);
	assert_layer(s, 1, 2);
	assert_int_equal(r.deadline_us, g.now_us + ALLOCATE_UP_US);
	g.now_us += ALLOCATE_UP_US / 2;
	run(&g, 600 * KBIT);
	g.now_us += ALLOCATE_UP_US / 2;
	run(&g, 3000 * KBIT);
	assert_layer(s, 1, 2);
	/* And for long. */
	g.now_us += ALLOCATE_UP_US;
	run(&g, 3000 * KBIT);
	assert_layer(s, 2, 2);
}

/* For a moment it goes on with too few pictures: a smaller size begins with a
 * key frame, and so does the larger one again. */
static void pictures_go_before_a_size_does(void **state)
{
	(void)state;
	struct stage g = { 0 };
	struct allocate_sub *s = add(&g, &camera, 360);
	run(&g, 3000 * KBIT);
	assert_layer(s, 1, 2);
	run(&g, 420 * KBIT);
	assert_layer(s, 1, 1);
	struct allocate_result r = run(&g, 300 * KBIT);
	assert_layer(s, 1, 0);
	assert_int_equal(r.deadline_us, g.now_us + ALLOCATE_THIN_US);
	/* More again in time, after the wait as ever. */
	g.now_us += ALLOCATE_THIN_US / 2;
	run(&g, 420 * KBIT);
	assert_layer(s, 1, 0);
	g.now_us += ALLOCATE_UP_US;
	run(&g, 420 * KBIT);
	assert_layer(s, 1, 1);
	/* Not in time: the time counts from when it began. */
	run(&g, 300 * KBIT);
	assert_layer(s, 1, 0);
	g.now_us += ALLOCATE_THIN_US - 1;
	run(&g, 290 * KBIT);
	assert_layer(s, 1, 0);
	g.now_us++;
	run(&g, 290 * KBIT);
	assert_layer(s, 0, 2);
	/* What it has not even room for with that ends at once. */
	g.now_us += ALLOCATE_UP_US;
	run(&g, 420 * KBIT);
	g.now_us += ALLOCATE_UP_US;
	run(&g, 420 * KBIT);
	assert_layer(s, 1, 1);
	run(&g, 240 * KBIT);
	assert_layer(s, 0, 2);
}

static void a_paused_one_comes_back_the_same_way(void **state)
{
	(void)state;
	struct stage g = { 0 };
	struct allocate_sub *s = add(&g, &camera, 0);
	run(&g, 50 * KBIT);
	assert_int_equal(s->why, ALLOCATE_PAUSED);
	struct allocate_result r = run(&g, 400 * KBIT);
	assert_layer(s, -1, -1);
	assert_int_equal(r.deadline_us, g.now_us + ALLOCATE_UP_US);
	g.now_us = r.deadline_us;
	run(&g, 400 * KBIT);
	assert_layer(s, 1, 1);
	/* A new speaker does not wait. */
	run(&g, 50 * KBIT);
	track_of(&g, 0)->speaker = true;
	run(&g, 400 * KBIT);
	assert_layer(s, 1, 1);
}

/* It would come back with a key frame, which costs more than what is saved. */
static void a_low_estimate_must_last_to_pause(void **state)
{
	(void)state;
	for (unsigned speaks = 0; speaks < 2; speaks++) {
		struct stage g = { 0 };
		struct allocate_sub *s = add(&g, &camera, 0);
		track_of(&g, 0)->speaker = speaks;
		run(&g, 400 * KBIT);
		assert_layer(s, 1, 1);
		/* 64 kbit/s would carry four fifths of the lowest layer. */
		struct allocate_result r = run(&g, 65 * KBIT);
		assert_layer(s, 0, 0);
		assert_int_equal(r.deadline_us, g.now_us + ALLOCATE_HOLD_US);
		g.now_us += ALLOCATE_HOLD_US - 1;
		run(&g, 65 * KBIT);
		assert_layer(s, 0, 0);
		/* It fitted for once: counted anew. */
		run(&g, 90 * KBIT);
		g.now_us += 1 * S;
		run(&g, 65 * KBIT);
		g.now_us += ALLOCATE_HOLD_US;
		run(&g, 65 * KBIT);
		assert_int_equal(s->why, ALLOCATE_PAUSED);
		/* Far less is less at once, but while a queue drains. */
		run(&g, 400 * KBIT);
		g.now_us += ALLOCATE_UP_US;
		run(&g, 400 * KBIT);
		g.cfg.hold_bps = 100 * KBIT;
		run(&g, 40 * KBIT);
		assert_layer(s, 0, 0);
		g.cfg.hold_bps = 0;
		run(&g, 40 * KBIT);
		assert_int_equal(s->why, ALLOCATE_PAUSED);
	}
}

static void nobody_needs_no_arrays(void **state)
{
	(void)state;
	const struct allocate_config cfg = { .last_n = 2 };
	struct allocate_result res = allocate(&cfg, NULL, NULL, 0, 1000, 1);
	assert_int_equal(res.changed + res.wanted_bps + res.video_bps, 0);
	assert_int_equal(res.deadline_us, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_camera_gets_what_fits),
		cmocka_unit_test(nobody_needs_no_arrays),
		cmocka_unit_test(unlimited_is_all_that_is_wanted),
		cmocka_unit_test(screens_give_up_frames_first),
		cmocka_unit_test(audio_is_never_paused_for_video),
		cmocka_unit_test(the_speaker_comes_first),
		cmocka_unit_test(others_are_seen_before_the_speaker_is_sharp),
		cmocka_unit_test(what_is_shown_large_comes_before_the_rest),
		cmocka_unit_test(a_dear_one_does_not_darken_the_others),
		cmocka_unit_test(last_n_follows_who_spoke),
		cmocka_unit_test(loudest_n_with_inertia),
		cmocka_unit_test(down_at_once_up_after_a_while),
		cmocka_unit_test(pictures_go_before_a_size_does),
		cmocka_unit_test(a_paused_one_comes_back_the_same_way),
		cmocka_unit_test(a_low_estimate_must_last_to_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
