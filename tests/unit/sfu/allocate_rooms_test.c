/* What holds in all rooms, over random ones. */
#include <string.h>
#include "tests/unit/sfu/allocate_stage.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_never_spends_more_than_there_is),
		cmocka_unit_test(more_bandwidth_is_never_worse),
		cmocka_unit_test(noise_is_not_seen),
		cmocka_unit_test(it_is_a_fixed_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
