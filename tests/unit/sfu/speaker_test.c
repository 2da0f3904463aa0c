#include "tests/sim/cmocka_sim.h"
#include "sfu/speaker.h"

enum { MS = 1000, LOUD = 100 << 8, QUIET = 20 << 8 };

static void loudness_follows_the_level(void **state)
{
	(void)state;
	static const struct {
		int level;
		uint32_t low, high;
	} t[] = {
		{ 0, 120 << 8, 127 << 8 }, /* as loud as can be */
		{ 127, 0, 0 },             /* silence */
		{ 30, 90 << 8, 97 << 8 },  /* speech */
		{ 300, 77 << 8, 84 << 8 }, /* only seven bits count */
	};
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t v = 0;
		for (unsigned k = 0; k < 100; k++)
			v = speaker_smooth(v, t[i].level);
		assert_in_range(v, t[i].low, t[i].high);
	}
	/* 300 ms are 15 packets: most of the way, but not all of it. */
	uint32_t v = 0;
	for (unsigned k = 0; k < 15; k++)
		v = speaker_smooth(v, 0);
	assert_in_range(v, 60 << 8, 100 << 8);
	for (unsigned k = 0; k < 200; k++)
		v = speaker_smooth(v, 127);
	assert_in_range(v, 0, 15);
}

static void the_floor_is_kept_and_passed_on(void **state)
{
	(void)state;
	/* One conversation: each row is a look at one moment. */
	static const struct {
		unsigned at_ms;
		sfu_id loudest;
		uint32_t most, current;
		bool changed;
		sfu_id speaker;
		const char *why;
	} t[] = {
		{ 0, 0, 0, 0, false, 0, "nobody at all" },
		{ 200, 1, QUIET, 0, false, 0, "a rustle is no speech" },
		{ 400, 1, LOUD, 0, true, 1, "the first voice has the floor" },
		{ 600, 2, LOUD + (20 << 8), LOUD, false, 1, "holds it a bit" },
		{ 1700, 2, LOUD + (3 << 8), LOUD, false, 1, "hardly louder" },
		{ 1900, 2, LOUD + (9 << 8), LOUD, true, 2, "clearly louder" },
		{ 2100, 2, LOUD, LOUD, false, 2, "still" },
		{ 3300, 3, SPEAKER_MIN, QUIET, true, 3, "the other is silent" },
		{ 3500, 0, 0, 0, false, 3, "a pause" },
		{ 6200, 0, 0, 0, false, 3, "a long pause" },
		{ 6400, 0, 0, 0, true, 0, "over" },
		{ 6600, 0, 0, 0, false, 0, "and said once" },
		{ 6800, 3, LOUD, LOUD, true, 3, "again" },
	};
	struct speaker s = { 0 };
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t now = SPEAKER_HOLD_US * 10ull + t[i].at_ms * MS;
		bool changed = speaker_choose(
			&s, now, t[i].loudest, t[i].most, t[i].current);
		if (changed != t[i].changed || s.current != t[i].speaker)
			fail_msg("at %u ms: %s", t[i].at_ms, t[i].why);
		assert_int_equal(s.next_us, now + SPEAKER_PERIOD_US);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loudness_follows_the_level),
		cmocka_unit_test(the_floor_is_kept_and_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
