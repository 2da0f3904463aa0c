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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codecs_by_payload_type),
		cmocka_unit_test(subscriptions_lie_densely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
