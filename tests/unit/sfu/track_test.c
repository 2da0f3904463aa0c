#include "tests/sim/cmocka_sim.h"
#include <string.h>
#include "sfu/subscription.h"
#include "sfu/track.h"

enum { S = 1000000 };

static struct track *make(enum sdp_kind kind)
{
	struct track *t;
	assert_int_equal(track_new(&t, NULL, 3, kind, 16), 0);
	assert_int_equal(t->transceiver, 3);
	assert_int_equal(t->kind, kind);
	return t;
}

static void started(struct track *t, uint32_t ssrc)
{
	track_set_ssrc(t, ssrc, 90000, true);
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
	struct track *track = make(SDP_VIDEO);
	started(track, 1);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t now = S + t[i].at_ms * 1000u;
		if (t[i].what == WISH)
			track_want_keyframe(track, now);
		else if (t[i].what == KEY)
			track_keyframe_seen(track);
		else if (track_keyframe_due(track, now) != t[i].due)
			fail_msg("row %u", i);
	}
	track_free(track);
}

static void the_deadline_is_when_it_is_due(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	track_want_keyframe(t, 5 * S);
	/* Whoever sends nothing has nobody to ask. */
	assert_true(track_keyframe_deadline(t) == UINT64_MAX);
	started(t, 1);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t at = track_keyframe_deadline(t);
		assert_false(track_keyframe_due(t, at - 1));
		assert_true(track_keyframe_due(t, at));
	}
	track_free(t);
}

static void a_wish_at_time_zero_is_a_wish(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	started(t, 1);
	track_want_keyframe(t, 0);
	assert_true(track_keyframe_due(t, 1));
	track_free(t);
}

static void sound_has_no_key_frames(void **state)
{
	(void)state;
	struct track *t = make(SDP_AUDIO);
	started(t, 1);
	track_want_keyframe(t, S);
	assert_true(track_keyframe_deadline(t) == UINT64_MAX);
	track_free(t);
}

static void codecs_by_payload_type(void **state)
{
	(void)state;
	struct negotiate_codec c[2] = { { .pt = 96, .fir = true },
		{ .pt = 127 } };
	const struct negotiate_codec *list[] = { &c[0], &c[1] };
	struct transceiver tr = { .n_codecs = 2, .codec = list };
	struct track *t = make(SDP_VIDEO);
	strcpy(c[0].name, "VP8");
	strcpy(c[1].name, "h264");
	track_set_codecs(t, &tr);
	assert_ptr_equal(t->codec_of_pt[96], &codec_vp8);
	assert_ptr_equal(t->codec_of_pt[127], &codec_h264);
	assert_null(t->codec_of_pt[97]);
	assert_true(t->fir);
	/* What is no longer agreed is gone; PLI is preferred. */
	tr.n_codecs = 1;
	c[0].pt = 100;
	c[0].pli = true;
	track_set_codecs(t, &tr);
	assert_null(t->codec_of_pt[96]);
	assert_null(t->codec_of_pt[127]);
	assert_ptr_equal(t->codec_of_pt[100], &codec_vp8);
	assert_false(t->fir);
	track_free(t);
}

static void subscriptions_lie_densely(void **state)
{
	(void)state;
	struct subscription sub[20];
	struct track *t = make(SDP_AUDIO);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(track_attach(t, &sub[i]), 0);
	assert_int_equal(t->n_subs, 20);
	track_detach(t, &sub[0]);
	track_detach(t, &sub[0]); /* not there: nothing happens */
	track_detach(t, &sub[19]);
	assert_int_equal(t->n_subs, 18);
	bool seen[20] = { false };
	for (unsigned i = 0; i < t->n_subs; i++)
		seen[t->sub[i] - sub] = true;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(seen[i], i != 0 && i != 19);
	t->n_subs = 0;
	track_free(t);
}

static uint64_t take(struct track *t, uint16_t seq)
{
	uint64_t n;
	assert_int_equal(
		receive_packet(&t->receive, S, seq, 0, 100, &n), RECEIVE_NEW);
	return n + t->seq_base;
}

/* The history and the rewriters live on numbers that only grow, however long a
 * source ran before the next. */
static void numbers_never_come_twice(void **state)
{
	(void)state;
	static const uint16_t first[] = { 65535, 0, 1, 40000, 12, 65000 };
	struct track *t = make(SDP_VIDEO);
	uint64_t newest = 0;
	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		started(t, i + 1);
		uint64_t n = take(t, first[i]);
		assert_true(n > newest);
		unsigned n_packets = i == 0 ? 1200000 : 70000;
		for (unsigned k = 1; k < n_packets; k++)
			newest = take(t, (uint16_t)(first[i] + k));
	}
	track_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_frames_are_asked_for_sparingly),
		cmocka_unit_test(the_deadline_is_when_it_is_due),
		cmocka_unit_test(a_wish_at_time_zero_is_a_wish),
		cmocka_unit_test(sound_has_no_key_frames),
		cmocka_unit_test(codecs_by_payload_type),
		cmocka_unit_test(subscriptions_lie_densely),
		cmocka_unit_test(numbers_never_come_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
