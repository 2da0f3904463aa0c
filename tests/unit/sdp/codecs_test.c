#include "harness.h"

#include <stdio.h>

#include "sfu/sdp/codecs.h"

static const char *const all[] = { "opus", "VP8", "VP9", "H264", "AV1", NULL };

static struct negotiate_codec codec(
	const char *name, const char *fmtp, bool video)
{
	struct negotiate_codec c = { .clock_hz = video ? 90000 : 48000,
		.channels = video ? 1 : 2 };

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.fmtp, sizeof(c.fmtp), "%s", fmtp);
	return c;
}

static void equality(void **state)
{
	static const struct {
		const char *a, *a_fmtp, *b, *b_fmtp;
		bool equal;
	} table[] = {
		{ "VP8", "", "vp8", "max-fs=12288", true },
		{ "VP8", "", "VP9", "", false },
		{ "VP9", "", "VP9", "profile-id=0", true },
		{ "VP9", "profile-id=2", "VP9", "profile-id=0", false },
		{ "AV1", "profile=0;tier=0", "AV1", "level-idx=5", true },
		{ "AV1", "profile=1", "AV1", "", false },
		{ "H264", "", "H264", "packetization-mode=0", true },
		{ "H264", "packetization-mode=1", "H264", "", false },
		/* The level does not matter. */
		{ "H264", "packetization-mode=1;profile-level-id=42e01f",
			"H264", "profile-level-id=42E034;packetization-mode=1",
			true },
		/* Baseline and Constrained Baseline do. */
		{ "H264", "profile-level-id=42e01f", "H264",
			"profile-level-id=42001f", false },
		/* Ways to write Constrained Baseline: RFC 6184 table 5. */
		{ "H264", "profile-level-id=42e01f", "H264",
			"profile-level-id=4d801f", true },
		{ "H264", "profile-level-id=42c01f", "H264",
			"profile-level-id=58f01f", true },
		{ "H264", "profile-level-id=42001f", "H264",
			"profile-level-id=58801f", true },
		{ "H264", "profile-level-id=640c1f", "H264",
			"profile-level-id=64001f", false },
		{ "H264", "profile-level-id=4d001f", "H264",
			"profile-level-id=64001f", false },
		{ "H264", "", "H264", "profile-level-id=42000a", true },
		{ "H264", "profile-level-id=f4001f", "H264",
			"profile-level-id=f4001f", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct negotiate_codec a =
			codec(table[i].a, table[i].a_fmtp, true);
		struct negotiate_codec b =
			codec(table[i].b, table[i].b_fmtp, true);

		a.pt = 1;
		if (negotiate_codec_equal(&a, &b) != table[i].equal ||
			negotiate_codec_equal(&b, &a) != table[i].equal)
			fail_msg("row %zu", i);
	}
}

static void reading(void **state)
{
	static const struct {
		const char *name;
		uint32_t clock_hz;
		unsigned channels;
		const char *fmtp;
		enum sdp_kind kind;
		const char *kept; /* NULL: not taken */
	} table[] = {
		{ "OPUS", 48000, 2,
			"minptime=10;useinbandfec=1;usedtx=1;sprop-stereo=0",
			SDP_AUDIO, "minptime=10;useinbandfec=1;usedtx=1" },
		{ "opus", 48000, 1, "", SDP_AUDIO, NULL },
		{ "opus", 16000, 2, "", SDP_AUDIO, NULL },
		{ "opus", 48000, 2, "", SDP_VIDEO, NULL },
		{ "VP8", 90000, 1, "max-fs=12288;max-fr=60", SDP_VIDEO, "" },
		{ "VP9", 90000, 1, "profile-id=0;max-fr=60", SDP_VIDEO,
			"profile-id=0" },
		{ "H264", 90000, 1,
			" profile-level-id=42e01f; packetization-mode=1 ;x=1;",
			SDP_VIDEO,
			"profile-level-id=42e01f;packetization-mode=1" },
		{ "AV1", 90000, 1, "level-idx=5;profile=0;tier=0", SDP_VIDEO,
			"level-idx=5;profile=0;tier=0" },
		{ "rtx", 90000, 1, "apt=96", SDP_VIDEO, NULL },
		{ "red", 90000, 1, "", SDP_VIDEO, NULL },
		{ "ulpfec", 90000, 1, "", SDP_VIDEO, NULL },
		{ "flexfec-03", 90000, 1, "", SDP_VIDEO, NULL },
		{ "H265", 90000, 1, "", SDP_VIDEO, NULL },
		{ "CN", 8000, 1, "", SDP_AUDIO, NULL },
		{ "telephone-event", 8000, 1, "", SDP_AUDIO, NULL },
		{ "", 0, 1, "", SDP_AUDIO, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct sdp_codec c = { .pt = 100,
			.name = table[i].name,
			.clock_hz = table[i].clock_hz,
			.channels = table[i].channels,
			.fmtp = table[i].fmtp };
		struct negotiate_codec out;
		bool taken = codec_read(&out, &c, table[i].kind, all);

		if (taken != (table[i].kept != NULL))
			fail_msg("row %zu", i);
		if (taken)
			assert_string_equal(out.fmtp, table[i].kept);
	}
}

static void only_what_is_accepted(void **state)
{
	static const char *const few[] = { "opus", "H264", NULL };
	struct sdp_codec c = {
		.name = "VP8", .clock_hz = 90000, .channels = 1, .fmtp = ""
	};
	struct negotiate_codec out;

	(void)state;
	assert_false(codec_read(&out, &c, SDP_VIDEO, few));
	c.name = "h264";
	assert_true(codec_read(&out, &c, SDP_VIDEO, few));
	assert_string_equal(out.name, "H264");
}

static void long_fmtp_keeps_whole_parameters(void **state)
{
	char fmtp[600] = "cbr=1;usedtx=";
	struct sdp_codec c = {
		.name = "opus", .clock_hz = 48000, .channels = 2, .fmtp = fmtp
	};
	struct negotiate_codec out;

	(void)state;
	memset(fmtp + 13, '1', 400);
	strcpy(fmtp + 413, ";stereo=1");
	assert_true(codec_read(&out, &c, SDP_AUDIO, all));
	assert_string_equal(out.fmtp, "cbr=1;stereo=1");
}

static void feedback_of_audio_is_nack_alone(void **state)
{
	struct sdp_fb fb[] = { { "nack" }, { "nack pli" }, { "ccm fir" },
		{ "goog-remb" }, { "transport-cc" } };
	struct sdp_codec c = { .name = "opus",
		.clock_hz = 48000,
		.channels = 2,
		.fmtp = "",
		.n_fb = 5,
		.fb = fb };
	struct negotiate_codec out;

	(void)state;
	assert_true(codec_read(&out, &c, SDP_AUDIO, all));
	assert_true(out.nack && !out.pli && !out.fir && !out.remb);
	c.name = "VP8";
	c.clock_hz = 90000;
	c.channels = 1;
	assert_true(codec_read(&out, &c, SDP_VIDEO, all));
	assert_true(out.nack && out.pli && out.fir && out.remb);
}

static void sorting_is_by_our_rank_and_stable(void **state)
{
	struct negotiate_codec of[5];
	const struct negotiate_codec *list[5];
	static const char *const name[] = { "H264", "VP9", "H264", "VP8",
		"AV1" };

	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		of[i] = codec(name[i], "", true);
		of[i].pt = i;
		list[i] = &of[i];
	}
	codec_sort(list, 5, SDP_VIDEO, all);
	assert_int_equal(list[0]->pt, 3);
	assert_int_equal(list[1]->pt, 1);
	assert_int_equal(list[2]->pt, 0);
	assert_int_equal(list[3]->pt, 2);
	assert_int_equal(list[4]->pt, 4);
}

static void table_puts_and_finds(void **state)
{
	struct codec_table t = { .n = 0 };
	struct negotiate_codec c = codec("VP8", "", true);

	(void)state;
	for (uint8_t i = 0; i < NEGOTIATE_CODECS; i++) {
		c.pt = (uint8_t)(96 + i);
		assert_int_equal(codec_table_put(&t, &c), i);
	}
	c.pt = 95;
	assert_int_equal(codec_table_put(&t, &c), -1);
	c.pt = 100;
	assert_int_equal(codec_table_put(&t, &c), 4);
	/* What was forgotten leaves its place. */
	*t.codec[7] = (struct negotiate_codec){ .pt = 255 };
	c.pt = 95;
	assert_int_equal(codec_table_put(&t, &c), 7);
	assert_int_equal(codec_table_find(&t, 95), 7);
	assert_int_equal(codec_table_find(&t, 94), -1);
	codec_table_done(&t);
	assert_int_equal(t.n, 0);
}

/* What is in store is taken without a word to the allocator. */
static void a_table_keeps_its_entries_where_they_are(void **state)
{
	struct codec_table t = { .n = 0 };
	struct negotiate_codec c = codec("VP8", "", true), *at[4];

	(void)state;
	assert_int_equal(codec_table_reserve(&t, 3), 0);
	assert_int_equal(t.n, 0);
	for (unsigned i = 0; i < 4; i++)
		at[i] = t.codec[i];
	assert_non_null(at[2]);
	assert_null(at[3]);
	for (uint8_t i = 0; i < 3; i++) {
		c.pt = (uint8_t)(96 + i);
		assert_int_equal(codec_table_put(&t, &c), i);
		assert_ptr_equal(t.codec[i], at[i]);
		assert_int_equal(at[i]->pt, c.pt);
	}
	/* More than it holds is no error. */
	assert_int_equal(codec_table_reserve(&t, 1000), 0);
	assert_non_null(t.codec[NEGOTIATE_CODECS - 1]);
	assert_int_equal(codec_defaults_count(SDP_AUDIO, all), 1);
	assert_int_equal(codec_defaults_count(SDP_VIDEO, all), 9);
	codec_table_done(&t);
	assert_null(t.codec[0]);
}

static const struct negotiate_features none;

static void defaults_step_aside(void **state)
{
	struct codec_table t = { .n = 0 };
	bool used[128] = { false };

	(void)state;
	codec_defaults(&t, SDP_VIDEO, all, &none, used);
	assert_int_equal(t.codec[0]->pt, 96);
	assert_string_equal(t.codec[0]->name, "VP8");
	assert_int_equal(codec_table_find(&t, 98), 1);
	assert_true(codec_table_find(&t, 102) > 0);
	assert_true(codec_table_find(&t, 45) > 0);
	memset(used, 0, sizeof(used));
	used[96] = used[97] = true;
	codec_defaults(&t, SDP_VIDEO, all, &none, used);
	assert_int_equal(t.codec[0]->pt, 98);
	memset(used, 1, sizeof(used));
	codec_defaults(&t, SDP_VIDEO, all, &none, used);
	assert_int_equal(t.n, 0);
	memset(used, 0, sizeof(used));
	codec_defaults(&t, SDP_AUDIO, all, &none, used);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.codec[0]->pt, 111);
	assert_int_equal(t.codec[0]->red_pt, 0);
	codec_table_done(&t);
}

static void defaults_of_features(void **state)
{
	static const struct negotiate_features on = {
		.rtx = true, .twcc = true, .red = true
	};
	struct codec_table audio = { .n = 0 }, video = { .n = 0 };
	bool used[128] = { false }, seen[128] = { false };

	(void)state;
	used[97] = true;
	codec_defaults(&audio, SDP_AUDIO, all, &on, used);
	codec_defaults(&video, SDP_VIDEO, all, &on, used);
	assert_int_equal(audio.codec[0]->red_pt, 63);
	assert_int_equal(audio.codec[0]->rtx_pt, 0);
	for (unsigned i = 0; i < video.n; i++) {
		const struct negotiate_codec *c = video.codec[i];

		assert_true(c->twcc);
		assert_int_equal(c->red_pt, 0);
		assert_true(c->rtx_pt != 0 && c->rtx_pt != 97);
		assert_false(seen[c->pt] || seen[c->rtx_pt]);
		seen[c->pt] = seen[c->rtx_pt] = true;
		assert_true(used[c->rtx_pt]);
	}
	codec_table_done(&audio);
	codec_table_done(&video);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality),
		cmocka_unit_test(reading),
		cmocka_unit_test(only_what_is_accepted),
		cmocka_unit_test(long_fmtp_keeps_whole_parameters),
		cmocka_unit_test(feedback_of_audio_is_nack_alone),
		cmocka_unit_test(sorting_is_by_our_rank_and_stable),
		cmocka_unit_test(table_puts_and_finds),
		cmocka_unit_test(a_table_keeps_its_entries_where_they_are),
		cmocka_unit_test(defaults_step_aside),
		cmocka_unit_test(defaults_of_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
