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

static void feed(struct track *t, unsigned i, uint64_t now_us, size_t len)
{
	assert_true(track_open_encoding(t, i));
	if (!t->encoding[i]->started)
		encoding_begin(t->encoding[i], i + 1, 90000, true);
	encoding_count(t->encoding[i], now_us, 0, len);
}

/* By what they say of their size, else by their rate; which is which is known
 * whatever the order of their names. */
static void encodings_are_put_in_order(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	uint64_t now = 0;
	t->simulcast = true;
	track_describe(t);
	assert_int_equal(t->sent.rate_bps[0][0], 0); /* nothing is sent */
	for (unsigned k = 0; k < 8; k++) {
		now += 250000;
		feed(t, 0, now, 90000);
		feed(t, 1, now, 30000);
		feed(t, 2, now, 10000);
		bool changed = track_measure(t, now);
		assert_int_equal(changed, k < 2); /* they came; they moved */
	}
	assert_int_equal(t->sent.n_spatial, 3);
	static const uint8_t by_rate[] = { 2, 1, 0 }, by_size[] = { 1, 2, 0 };
	assert_memory_equal(t->rank, by_rate, 3);
	assert_int_equal(t->sent.rate_bps[0][0], 320000);
	assert_int_equal(t->sent.rate_bps[2][0], 2880000);
	assert_int_equal(t->sent.height[0], 180);
	assert_int_equal(t->sent.height[2], 720);
	t->encoding[0]->height = 1080;
	t->encoding[1]->height = 270;
	t->encoding[2]->height = 540;
	assert_true(track_describe(t));
	assert_false(track_describe(t));
	assert_memory_equal(t->rank, by_size, 3);
	assert_int_equal(t->sent.height[0], 270);
	/* The one in between ends. */
	for (unsigned k = 0; k < 3; k++) {
		now += 250000;
		feed(t, 0, now, 90000);
		feed(t, 1, now, 30000);
		track_measure(t, now);
	}
	assert_int_equal(t->sent.n_spatial, 2);
	assert_int_equal(t->rank[0], 1);
	assert_int_equal(t->rank[1], 0);
	assert_int_equal(t->sent.rate_bps[2][0], 0);
	track_free(t);
}

static void temporal_layers_are_told_apart(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	t->simulcast = true;
	for (unsigned k = 1; k < 6; k++) {
		feed(t, 0, k * 250000, 5000);
		encoding_count(t->encoding[0], k * 250000, 1, 2500);
		track_measure(t, k * 250000);
	}
	assert_int_equal(t->sent.n_temporal, 2);
	assert_int_equal(t->sent.rate_bps[0][0], 160000);
	assert_int_equal(t->sent.rate_bps[0][1], 240000);
	track_free(t);
}

/* Who can be sent no less than all of an encoding still has the choice of
 * those. */
static void encodings_as_a_whole(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	t->simulcast = true;
	for (unsigned k = 1; k < 6; k++) {
		feed(t, 0, k * 250000, 5000);
		feed(t, 1, k * 250000, 20000);
		encoding_count(t->encoding[0], k * 250000, 1, 2500);
		encoding_count(t->encoding[1], k * 250000, 1, 10000);
		track_measure(t, k * 250000);
	}
	assert_false(track_is_described(t));
	assert_true(encoding_open_layers(t->encoding[1]));
	assert_false(track_is_described(t));
	t->encoding[1]->layers->described = true;
	assert_true(track_is_described(t));
	const struct allocate_track *whole = track_whole(t);
	assert_int_equal(whole->n_spatial, 2);
	assert_int_equal(whole->n_temporal, 1);
	assert_int_equal(whole->rate_bps[0][0], 240000);
	assert_int_equal(whole->rate_bps[1][0], 960000);
	assert_int_equal(whole->height[1], t->sent.height[1]);
	/* One m-line, one encoding: those of before say nothing of it. */
	t->simulcast = false;
	assert_false(track_is_described(t));
	track_free(t);
}

/* One encoding, and what of it goes to whom. */
static void layers_within_a_stream(void **state)
{
	(void)state;
	struct track *t = make(SDP_VIDEO);
	struct encoding *e = t->encoding[0];
	struct layer_info low = { .lines = { 90, 180 } },
			  high = { .spatial = 1 },
			  odd = { .spatial = 1, .temporal = 1 };
	encoding_begin(e, 1, 90000, false);
	assert_true(encoding_open_layers(e));
	track_measure(t, S);
	assert_false(t->layered);
	for (unsigned i = 1; i <= 4; i++) {
		encoding_layers_add(e->layers, &low, 5000);
		encoding_layers_add(e->layers, &high, 10000);
		encoding_layers_add(e->layers, &odd, 10000);
		encoding_count(e, S, 0, 25000);
		assert_int_equal(track_measure(t, S + i * S / 4), i == 1);
	}
	assert_true(t->layered);
	assert_int_equal(t->sent.n_spatial, 2);
	assert_int_equal(t->sent.n_temporal, 2);
	assert_int_equal(t->sent.height[0], 90);
	assert_int_equal(t->sent.height[1], 180);
	assert_int_equal(t->sent.rate_bps[0][0], 160000);
	assert_int_equal(t->sent.rate_bps[1][0], 480000);
	assert_int_equal(t->sent.rate_bps[1][1], 800000);
	const struct allocate_track *whole = track_whole(t);
	assert_int_equal(whole->n_spatial, 1);
	assert_int_equal(whole->n_temporal, 1);
	assert_int_equal(whole->rate_bps[0][0], 800000);
	assert_int_equal(whole->height[0], 180);
	/* What goes whole costs all, whatever its best layer needs. */
	for (unsigned i = 5; i <= 8; i++) {
		encoding_layers_add(e->layers, &odd, 10000);
		encoding_count(e, 2 * S, 0, 25000);
		track_measure(t, S + i * S / 4);
	}
	assert_int_equal(t->sent.rate_bps[1][1], 800000);
	/* None any more. */
	for (unsigned i = 9; i <= 12; i++) {
		encoding_layers_add(e->layers, &low, 25000);
		encoding_count(e, 3 * S, 0, 25000);
		assert_int_equal(track_measure(t, S + i * S / 4), i == 12);
	}
	assert_false(t->layered);
	assert_int_equal(t->sent.n_spatial, 1);
	assert_int_equal(t->sent.rate_bps[0][0], 800000);
	track_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_are_put_in_order),
		cmocka_unit_test(layers_within_a_stream),
		cmocka_unit_test(temporal_layers_are_told_apart),
		cmocka_unit_test(encodings_as_a_whole),
		cmocka_unit_test(codecs_by_payload_type),
		cmocka_unit_test(subscriptions_lie_densely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
