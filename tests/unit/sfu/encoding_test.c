#include "sfu/encoding.h"
#include "tests/sim/cmocka_sim.h"

enum { S = 1000000 };

static struct encoding *make(bool video)
{
	struct encoding *e = encoding_new(video, 16);
	assert_non_null(e);
	return e;
}

static void started(struct encoding *e, uint32_t ssrc)
{
	encoding_begin(e, ssrc, 90000, true);
}

static void key_frames_are_asked_for_sparingly(void **state)
{
	(void)state;
	/* What happens, when, and whether a request goes out then. */
	enum what { WISH, LOOK, KEY };
	static const struct {
		unsigned at_ms;
		enum what what;
		bool due;
	} t[] = {
		{ 0, LOOK, false }, { 10, WISH, false },
		{ 10, LOOK, true }, /* the first goes at once */
		{ 10, LOOK, false }, { 900, LOOK, false },
		{ 1009, LOOK, false }, { 1010, LOOK, true }, /* unmet */
		{ 1100, KEY, false }, { 5000, LOOK, false }, /* met */
		{ 5000, WISH, false }, { 5000, LOOK, true },
		{ 5100, KEY, false }, { 5200, WISH, false },
		{ 5210, WISH, false }, { 5499, LOOK, false },
		{ 5500, LOOK, true }, /* 500 ms after the last */
	};
	struct encoding *e = make(true);
	started(e, 1);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t now = S + t[i].at_ms * 1000u;
		if (t[i].what == WISH)
			encoding_want_keyframe(e, now);
		else if (t[i].what == KEY)
			encoding_keyframe_seen(e);
		else if (encoding_keyframe_due(e, now) != t[i].due)
			fail_msg("row %u", i);
	}
	encoding_free(e);
}

static void the_deadline_is_when_it_is_due(void **state)
{
	(void)state;
	struct encoding *e = make(true);
	encoding_want_keyframe(e, 5 * S);
	/* Whoever sends nothing has nobody to ask. */
	assert_true(encoding_keyframe_deadline(e) == UINT64_MAX);
	started(e, 1);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t at = encoding_keyframe_deadline(e);
		assert_false(encoding_keyframe_due(e, at - 1));
		assert_true(encoding_keyframe_due(e, at));
	}
	encoding_free(e);
}

static void a_wish_at_time_zero_is_a_wish(void **state)
{
	(void)state;
	struct encoding *e = make(true);
	started(e, 1);
	encoding_want_keyframe(e, 0);
	assert_true(encoding_keyframe_due(e, 1));
	encoding_free(e);
}

static void sound_has_no_key_frames(void **state)
{
	(void)state;
	struct encoding *e = make(false);
	started(e, 1);
	encoding_want_keyframe(e, S);
	assert_true(encoding_keyframe_deadline(e) == UINT64_MAX);
	encoding_free(e);
}

static uint64_t take(struct encoding *e, uint16_t seq)
{
	uint64_t n;
	assert_int_equal(
		receive_packet(&e->receive, S, seq, 0, 100, &n), RECEIVE_NEW);
	return n + e->seq_base;
}

/* The history and the rewriters live on numbers that only grow, however long a
 * source ran before the next. */
static void numbers_never_come_twice(void **state)
{
	(void)state;
	static const uint16_t first[] = { 65535, 0, 1, 40000, 12, 65000 };
	struct encoding *e = make(true);
	uint64_t newest = 0;
	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		started(e, i + 1);
		uint64_t n = take(e, first[i]);
		assert_true(n > newest);
		unsigned n_packets = i == 0 ? 1200000 : 70000;
		for (unsigned k = 1; k < n_packets; k++)
			newest = take(e, (uint16_t)(first[i] + k));
	}
	encoding_free(e);
}

static void the_newest_key_frame_is_known(void **state)
{
	(void)state;
	/* Numbers and times as they come, what is known then. */
	static const struct {
		uint64_t seq;
		uint32_t ts;
		uint64_t key_seq;
		unsigned at; /* which of these rows it came with */
	} t[] = {
		{ 65534, 0xffffff00, 65534, 0 },
		{ 65537, 0xffffff00, 65534, 0 }, /* more of the same */
		{ 65533, 0xffffff00, 65533, 0 }, /* its first, late */
		{ 65540, 0x00000bb8, 65540, 3 }, /* times wrap */
		{ 65538, 0xfffffff0, 65540, 3 }, /* late, of before */
	};
	struct encoding *e = make(true);
	started(e, 1);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		encoding_note_key(e, S + i, t[i].seq, t[i].ts);
		assert_int_equal(e->key_seq, t[i].key_seq);
		assert_int_equal(e->key_us, S + t[i].at);
	}
	/* Of the source before. */
	started(e, 2);
	assert_int_equal(e->key_us, 0);
	encoding_note_key(e, 0, 7, 7);
	assert_int_equal(e->key_us, 1);
	encoding_free(e);
	e = make(false);
	started(e, 1);
	encoding_note_key(e, S, 1, 1);
	assert_int_equal(e->key_us, 0);
	encoding_free(e);
}

static void rates_are_of_the_last_second(void **state)
{
	(void)state;
	struct encoding *e = make(true);
	uint64_t now = S;
	assert_false(encoding_measure(e, now, now)); /* it never began */
	started(e, 1);
	encoding_count(e, now, 0, 999);
	assert_true(encoding_measure(e, now, now));
	assert_int_equal(encoding_rate(e, 7), 0); /* over no time */
	for (unsigned i = 0; i < 8; i++) {
		now += S / 4;
		encoding_count(e, now, 0, 1000 * (i / 4 + 1));
		encoding_count(e, now, 9, 500); /* as the highest told apart */
		assert_false(encoding_measure(e, now, now));
		if (i == 0 || i == 3)
			assert_int_equal(encoding_rate(e, 0), 32000);
	}
	assert_int_equal(encoding_rate(e, 0), 64000);
	assert_int_equal(encoding_rate(e, 2), 64000);
	assert_int_equal(encoding_rate(e, ENCODING_TEMPORAL - 1), 80000);
	encoding_free(e);
}

static void who_is_silent_while_others_send_is_gone(void **state)
{
	(void)state;
	struct encoding *e = make(true);
	started(e, 1);
	encoding_count(e, S, 0, 100);
	assert_true(encoding_measure(e, S, S));
	/* Nobody sends: it may be a muted camera. */
	assert_false(encoding_measure(e, 9 * S, S));
	assert_true(e->live);
	assert_true(encoding_measure(e, 9 * S, 9 * S));
	assert_false(e->live);
	encoding_count(e, 10 * S, 0, 100);
	assert_true(encoding_measure(e, 10 * S, 10 * S));
	assert_true(e->live);
	encoding_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_frames_are_asked_for_sparingly),
		cmocka_unit_test(the_deadline_is_when_it_is_due),
		cmocka_unit_test(a_wish_at_time_zero_is_a_wish),
		cmocka_unit_test(sound_has_no_key_frames),
		cmocka_unit_test(numbers_never_come_twice),
		cmocka_unit_test(the_newest_key_frame_is_known),
		cmocka_unit_test(rates_are_of_the_last_second),
		cmocka_unit_test(who_is_silent_while_others_send_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
