#include "harness.h"

#include "sfu/sdp/extensions.h"

static void uris_go_both_ways(void **state)
{
	(void)state;
	for (int e = 0; e < EXT_MAX; e++)
		assert_int_equal(ext_by_uri(ext_uri((enum negotiate_ext)e)), e);
	assert_int_equal(ext_by_uri("urn:none"), EXT_MAX);
	assert_int_equal(
		ext_by_uri(
			"http://www.ietf.org/id/"
			"draft-holmer-rmcat-transport-wide-cc-extensions-01"),
		EXT_TRANSPORT_CC);
}

static const struct negotiate_features none,
	all = { .rtx = true, .simulcast = true, .twcc = true, .red = true };

static void kinds(void **state)
{
	(void)state;
	assert_true(ext_fits(EXT_AUDIO_LEVEL, SDP_AUDIO, &none));
	assert_false(ext_fits(EXT_AUDIO_LEVEL, SDP_VIDEO, &none));
	assert_false(ext_fits(EXT_COLOR, SDP_AUDIO, &none));
	assert_false(ext_fits(EXT_ORIENTATION, SDP_VIDEO, &none));
	assert_true(ext_fits(EXT_MID, SDP_AUDIO, &none));
	assert_false(ext_fits(EXT_MID, SDP_APPLICATION, &none));
	assert_false(ext_fits(EXT_RID, SDP_VIDEO, &none));
	assert_false(ext_fits(EXT_RRID, SDP_VIDEO, &none));
	assert_false(ext_fits(EXT_TRANSPORT_CC, SDP_VIDEO, &none));
	assert_true(ext_fits(EXT_RID, SDP_VIDEO, &all));
	assert_true(ext_fits(EXT_RRID, SDP_VIDEO, &all));
	assert_false(ext_fits(EXT_RID, SDP_AUDIO, &all));
	assert_true(ext_fits(EXT_TRANSPORT_CC, SDP_VIDEO, &all));
	assert_true(ext_fits(EXT_TRANSPORT_CC, SDP_AUDIO, &all));
	assert_false(ext_fits(EXT_ORIENTATION, SDP_VIDEO, &all));
}

static void defaults_step_aside(void **state)
{
	struct ext_table t = { { 0 }, { SDP_SENDRECV } };
	bool used[256] = { false };

	(void)state;
	used[4] = true;
	ext_defaults(&t, SDP_AUDIO, &none, used);
	assert_int_not_equal(t.id[EXT_AUDIO_LEVEL], 0);
	assert_int_equal(t.id[EXT_MID], 1);
	assert_int_equal(t.id[EXT_COLOR], 0);
	ext_defaults(&t, SDP_VIDEO, &none, used);
	assert_int_equal(t.id[EXT_COLOR], 8);
	assert_int_equal(t.id[EXT_ORIENTATION], 0);
	assert_int_equal(t.id[EXT_TRANSPORT_CC], 0);
	ext_defaults(&t, SDP_VIDEO, &all, used);
	assert_int_not_equal(t.id[EXT_TRANSPORT_CC], 0);
	assert_int_equal(t.id[EXT_RID], 10);
	/* No id is given twice. */
	for (int e = 0; e < EXT_MAX; e++)
		if (t.id[e])
			assert_int_equal(ext_table_find(&t, t.id[e]), e);
}

static void nothing_is_free(void **state)
{
	struct ext_table t = { { 0 }, { SDP_SENDRECV } };
	bool used[256];

	(void)state;
	memset(used, 1, sizeof(used));
	ext_defaults(&t, SDP_VIDEO, &none, used);
	for (int e = 0; e < EXT_MAX; e++)
		assert_int_equal(t.id[e], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_go_both_ways),
		cmocka_unit_test(kinds),
		cmocka_unit_test(defaults_step_aside),
		cmocka_unit_test(nothing_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
