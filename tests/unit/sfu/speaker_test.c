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

/* A room: levels as microphones give them, one packet each 20 ms, and looks at
 * them as the conference does. */

enum { PEOPLE = 4, PACKET_US = 20000, SILENT_US = 500000 };

/* Levels below dBov: of words, of the gaps between them, of a quiet room. */
enum { WORD = 28, GAP = 72, ROOM = 90 };

struct room {
	struct speaker s;
	uint64_t now_us, seed;
	uint32_t loudness[PEOPLE];
	uint64_t loud_us[PEOPLE];
	unsigned word_left[PEOPLE], gap_left[PEOPLE];
	unsigned changes;
};

static unsigned dice(struct room *r, unsigned sides)
{
	r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(r->seed >> 33) % sides;
}

/* The next packet of somebody who talks: words of 120 to 420 ms whose level
 * wanders, gaps of 40 to 340 ms. */
static int talk(struct room *r, unsigned who, int level)
{
	if (!r->word_left[who] && !r->gap_left[who]) {
		r->word_left[who] = 6 + dice(r, 16);
		r->gap_left[who] = 2 + dice(r, 16);
	}
	if (r->word_left[who]) {
		r->word_left[who]--;
		return level - 6 + (int)dice(r, 13);
	}
	r->gap_left[who]--;
	return GAP - 4 + (int)dice(r, 9);
}

static void look(struct room *r)
{
	sfu_id loudest = 0;
	uint32_t most = 0, current = 0;
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (r->now_us - r->loud_us[i] > SILENT_US)
			r->loudness[i] = 0;
		if (i + 1 == r->s.current)
			current = r->loudness[i];
		if (r->loudness[i] > most) {
			most = r->loudness[i];
			loudest = i + 1;
		}
	}
	r->changes += speaker_choose(&r->s, r->now_us, loudest, most, current);
}

/* One packet of each; a level below 0: that one sends none. */
static void packets(struct room *r, const int level[PEOPLE])
{
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (level[i] < 0)
			continue;
		r->loudness[i] = speaker_smooth(r->loudness[i], level[i]);
		r->loud_us[i] = r->now_us;
	}
	r->now_us += PACKET_US;
	if (r->now_us >= r->s.next_us)
		look(r);
}

static struct room room(uint64_t seed)
{
	return (struct room){ .now_us = 3600ull * 1000000, .seed = seed };
}

/* For so long these talk at these levels (0: not at all). */
static void talking(struct room *r, unsigned ms, const int level[PEOPLE])
{
	for (unsigned at = 0; at < ms; at += PACKET_US / MS) {
		int now[PEOPLE];
		for (unsigned i = 0; i < PEOPLE; i++)
			now[i] = level[i] ? talk(r, i, level[i])
					  : ROOM - 4 + (int)dice(r, 9);
		packets(r, now);
	}
}

static void the_first_voice_has_the_floor(void **state)
{
	(void)state;
	struct room r = room(1);
	talking(&r, 3000, (int[]){ 0, 0, 0, 0 });
	assert_int_equal(r.s.current, 0);
	talking(&r, 1200, (int[]){ 0, WORD, 0, 0 });
	assert_int_equal(r.s.current, 2);
	assert_int_equal(r.changes, 1);
}

/* Turns of a conversation: each gets the floor soon, and once. */
static void each_turn_is_followed_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct room r = room(seed);
		talking(&r, 3000, (int[]){ WORD, 0, 0, 0 });
		assert_int_equal(r.s.current, 1);
		for (unsigned turn = 0; turn < 12; turn++) {
			unsigned who = (turn + 1) % 3;
			int level[PEOPLE] = { 0 };
			level[who] = WORD - 4 + (int)dice(&r, 9);
			talking(&r, 2000, level);
			if (r.s.current != who + 1)
				fail_msg("seed %u, turn %u: %u has the floor",
					(unsigned)seed, turn,
					(unsigned)r.s.current);
			talking(&r, 1000 + dice(&r, 4000), level);
			talking(&r, dice(&r, 700), (int[]){ 0, 0, 0, 0 });
		}
		assert_int_equal(r.changes, 13);
	}
}

/* While one talks, others cough (300 ms, louder than any word), throw in a
 * word, or type. */
static void noises_do_not_get_the_floor(void **state)
{
	(void)state;
	static const struct {
		unsigned ms;
		int level;
		const char *what;
	} t[] = { { 300, 8, "a cough" }, { 400, 26, "a word thrown in" },
		{ 20, 5, "a click" }, { 500, 30, "a chair" } };
	for (uint64_t seed = 1; seed <= 20; seed++)
		for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			struct room r = room(seed);
			talking(&r, 4000, (int[]){ WORD, 0, 0, 0 });
			for (unsigned k = 0; k < 30; k++) {
				for (unsigned ms = 0; ms < t[i].ms;
					ms += PACKET_US / MS)
					packets(&r, (int[]){ talk(&r, 0, WORD),
							    t[i].level, ROOM,
							    ROOM });
				talking(&r, 1500 + dice(&r, 2000),
					(int[]){ WORD, 0, 0, 0 });
			}
			if (r.changes != 1 || r.s.current != 1)
				fail_msg("seed %u: %s: %u changes",
					(unsigned)seed, t[i].what, r.changes);
		}
}

/* Two talk at the same time and equally loud: whoever has the floor, it does
 * not wander. And one who is louder by far and goes on gets it. */
static void crosstalk_does_not_flap(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct room r = room(seed);
		talking(&r, 4000, (int[]){ WORD, 0, 0, 0 });
		talking(&r, 30000, (int[]){ WORD, WORD, WORD, 0 });
		if (r.changes > 10)
			fail_msg("seed %u: %u changes in half a minute",
				(unsigned)seed, r.changes);
		talking(&r, 6000, (int[]){ 50, 0, 0, 12 });
		assert_int_equal(r.s.current, 4);
	}
}

/* A breath is no silence; a long one is, and is said once. Microphones may stop
 * sending meanwhile. */
static void silence_ends_it(void **state)
{
	(void)state;
	for (unsigned sends = 0; sends < 2; sends++) {
		struct room r = room(5);
		talking(&r, 4000, (int[]){ WORD, 0, 0, 0 });
		int quiet[PEOPLE] = { ROOM, ROOM, ROOM, ROOM };
		if (!sends)
			quiet[0] = quiet[1] = quiet[2] = -1;
		for (unsigned i = 0; i < 100; i++)
			packets(&r, quiet);
		assert_int_equal(r.s.current, 1);
		for (unsigned i = 0; i < 300; i++)
			packets(&r, quiet);
		assert_int_equal(r.s.current, 0);
		assert_int_equal(r.changes, 2);
		talking(&r, 1000, (int[]){ 0, 0, WORD, 0 });
		assert_int_equal(r.s.current, 3);
	}
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
		{ 600, 2, LOUD + (20 << 8), LOUD, false, 1, "one vote" },
		{ 800, 2, LOUD + (20 << 8), LOUD, false, 1, "two, but early" },
		{ 1000, 1, LOUD, LOUD, false, 1, "one is lost" },
		{ 1200, 2, LOUD + (3 << 8), LOUD, false, 1, "hardly louder" },
		{ 1400, 2, LOUD + (9 << 8), LOUD, false, 1, "one vote again" },
		{ 1600, 2, LOUD + (9 << 8), LOUD, true, 2, "and another" },
		{ 1800, 2, LOUD, LOUD, false, 2, "still" },
		{ 3000, 3, SPEAKER_MIN, QUIET, false, 2, "not long enough" },
		{ 3200, 0, 0, 0, false, 2, "a pause" },
		{ 6200, 0, 0, 0, true, 0, "over" },
		{ 6400, 0, 0, 0, false, 0, "and said once" },
		{ 6600, 3, LOUD, LOUD, true, 3, "again" },
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
		cmocka_unit_test(the_first_voice_has_the_floor),
		cmocka_unit_test(each_turn_is_followed_once),
		cmocka_unit_test(noises_do_not_get_the_floor),
		cmocka_unit_test(crosstalk_does_not_flap),
		cmocka_unit_test(silence_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
