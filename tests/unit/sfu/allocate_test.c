#include <stdio.h>
#include <string.h>
#include "tests/sim/cmocka_sim.h"
#include "sfu/allocate.h"

enum { KBIT = 1000, SUBS = 24, S = 1000000 };

/* A camera as browsers send it: three encodings of three temporal layers. */
static const struct allocate_track camera = {
	.kind = ALLOCATE_CAMERA,
	.n_spatial = 3,
	.n_temporal = 3,
	.height = { 180, 360, 720 },
	.rate_bps = { { 80000, 110000, 150000 }, { 250000, 350000, 500000 },
		{ 1000000, 1500000, 2000000 } },
};
static const struct allocate_track screen = {
	.kind = ALLOCATE_SCREEN,
	.n_spatial = 2,
	.n_temporal = 3,
	.height = { 540, 1080 },
	.rate_bps = { { 150000, 250000, 400000 },
		{ 600000, 1000000, 1600000 } },
};
static const struct allocate_track voice = {
	.kind = ALLOCATE_AUDIO,
	.n_spatial = 1,
	.n_temporal = 1,
	.rate_bps = { { 32000 } },
};

struct stage {
	struct allocate_config cfg;
	struct allocate_track track[SUBS];
	struct allocate_sub sub[SUBS];
	uint16_t order[SUBS];
	unsigned n;
	uint64_t now_us;
};

static struct allocate_sub *add(
	struct stage *g, const struct allocate_track *like, unsigned height)
{
	struct allocate_sub *s = &g->sub[g->n];
	g->track[g->n] = *like;
	*s = (struct allocate_sub){ .track = &g->track[g->n],
		.height = (uint16_t)height };
	g->n++;
	return s;
}

static struct allocate_track *track_of(struct stage *g, unsigned i)
{
	return &g->track[i];
}

static struct allocate_result run(struct stage *g, uint64_t bps)
{
	if (!g->now_us)
		g->now_us = 1000 * (uint64_t)S;
	return allocate(&g->cfg, g->sub, g->order, g->n, bps, g->now_us);
}

static void assert_layer(
	const struct allocate_sub *s, int spatial, int temporal)
{
	assert_int_equal(s->target.spatial, spatial);
	assert_int_equal(s->target.temporal, temporal);
}

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

/* Properties, over random rooms. */

static uint64_t random_bits(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 11;
}

static void random_track(struct allocate_track *t, uint64_t *x)
{
	*t = random_bits(x) % 5 == 0 ? screen
	     : random_bits(x) % 3    ? camera
				     : voice;
	t->speaker = random_bits(x) % 8 == 0;
	t->spoke_us = random_bits(x) % 4 * S;
	t->loudness = (uint32_t)(random_bits(x) % (127 << 8));
	for (unsigned sp = 0; sp < t->n_spatial; sp++)
		for (unsigned te = 0; te < t->n_temporal; te++)
			t->rate_bps[sp][te] =
				random_bits(x) % 9 == 0 &&
						t->kind != ALLOCATE_AUDIO
					? 0
					: (uint32_t)(t->rate_bps[sp][te] *
						     (60 + random_bits(x) %
								     80) /
						     100);
}

static void random_stage(struct stage *g, uint64_t *x)
{
	static const uint16_t heights[] = { 0, 0, 90, 180, 360, 720 };
	memset(g, 0, sizeof(*g));
	g->cfg.last_n = (unsigned)(random_bits(x) % 3 * 4);
	g->cfg.loudest_n = (unsigned)(random_bits(x) % 3 * 2);
	unsigned n = 1 + (unsigned)(random_bits(x) % SUBS);
	for (unsigned i = 0; i < n; i++) {
		struct allocate_track t;
		random_track(&t, x);
		add(g, &t, heights[random_bits(x) % 6])->hidden =
			random_bits(x) % 7 == 0;
	}
}

static uint64_t sum(const struct stage *g, bool audio)
{
	uint64_t bps = 0;
	for (unsigned i = 0; i < g->n; i++)
		if ((g->sub[i].track->kind == ALLOCATE_AUDIO) == audio)
			bps += allocate_cost(g->sub[i].track, g->sub[i].target);
	return bps;
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

static void it_never_spends_more_than_there_is(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252ull;
	for (unsigned round = 0; round < 3000; round++) {
		struct stage g;
		random_stage(&g, &x);
		for (unsigned step = 0; step < 20; step++) {
			uint64_t bps = random_bits(&x) % (6000 * KBIT);
			struct allocate_result r = run(&g, bps);
			uint64_t audio = sum(&g, true);
			assert_int_equal(r.audio_bps, audio);
			assert_int_equal(r.video_bps, sum(&g, false));
			/* A little more for a moment, and not for longer. */
			assert_true(r.video_bps == 0 ||
				    r.video_bps + audio <=
					    bps * ALLOCATE_HOLD_PERCENT / 100);
			if (step % 4 == 0) {
				/* Who has waited for more takes it first. */
				for (unsigned i = 0; i < 3; i++) {
					g.now_us += ALLOCATE_HOLD_US;
					r = run(&g, bps);
				}
				assert_true(r.video_bps == 0 ||
					    r.video_bps + sum(&g, true) <= bps);
			}
			assert_true(r.audio_bps + r.video_bps <= r.wanted_bps);
			g.now_us += random_bits(&x) % (2 * S);
		}
	}
}

static unsigned worth_of(const struct allocate_sub *s)
{
	return s->target.spatial < 0 ? 0
				     : 1u + (unsigned)s->target.spatial * 8u +
					       (unsigned)s->target.temporal;
}

/* The speaker never loses by more bandwidth; nor does the sum of all, beyond
 * what the speaker then takes from them. */
static void more_bandwidth_is_never_worse(void **state)
{
	(void)state;
	uint64_t x = 3141592653589793ull;
	for (unsigned round = 0; round < 1000; round++) {
		struct stage fresh;
		random_stage(&fresh, &x);
		unsigned speaker = SUBS, was = 0;
		for (unsigned i = 0; i < fresh.n; i++) {
			if (fresh.track[i].kind == ALLOCATE_AUDIO)
				continue;
			if (speaker < SUBS || fresh.sub[i].hidden)
				fresh.track[i].speaker = false;
			if (fresh.track[i].kind == ALLOCATE_CAMERA &&
				fresh.track[i].speaker)
				speaker = i;
		}
		for (uint64_t bps = 0; bps < 9000 * KBIT; bps += 60 * KBIT) {
			struct stage g = fresh;
			for (unsigned i = 0; i < g.n; i++)
				g.sub[i].track = &g.track[i];
			struct allocate_result r = run(&g, bps);
			if (bps > r.wanted_bps * 100 / 88 + 1000)
				assert_int_equal(r.audio_bps + r.video_bps,
					r.wanted_bps);
			if (speaker == SUBS)
				continue;
			assert_true(worth_of(&g.sub[speaker]) >= was);
			was = worth_of(&g.sub[speaker]);
		}
	}
}

/* Five percent of noise on the estimate: once what its best moments allow has
 * been given, nothing changes any more. */
static void noise_is_not_seen(void **state)
{
	(void)state;
	uint64_t x = 2718281828459045ull;
	for (unsigned round = 0; round < 400; round++) {
		struct stage g;
		random_stage(&g, &x);
		uint64_t about = 50 * KBIT + random_bits(&x) % (5000 * KBIT);
		unsigned changed = 0;
		for (unsigned step = 0; step < 1500; step++) {
			uint64_t noise =
				step < 100 ? 100 : random_bits(&x) % 101;
			struct allocate_result r =
				run(&g, about / 1000 * (950 + noise));
			if (step > 100)
				changed += r.changed;
			g.now_us += S / 20;
		}
		if (changed)
			fail_msg("room %u: %u changes at %u kbit/s", round,
				changed, (unsigned)(about / KBIT));
	}
}

/* The same room in the same moment: the same answer, and no more change. */
static void it_is_a_fixed_point(void **state)
{
	(void)state;
	uint64_t x = 1618033988749894ull;
	for (unsigned round = 0; round < 1000; round++) {
		struct stage g;
		random_stage(&g, &x);
		uint64_t bps = random_bits(&x) % (5000 * KBIT);
		for (unsigned i = 0; i < 3; i++, g.now_us += 3 * S)
			run(&g, bps);
		struct stage before = g;
		assert_int_equal(run(&g, bps).changed, 0);
		for (unsigned i = 0; i < g.n; i++)
			assert_int_equal(
				worth_of(&g.sub[i]), worth_of(&before.sub[i]));
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
		cmocka_unit_test(it_never_spends_more_than_there_is),
		cmocka_unit_test(more_bandwidth_is_never_worse),
		cmocka_unit_test(noise_is_not_seen),
		cmocka_unit_test(it_is_a_fixed_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
