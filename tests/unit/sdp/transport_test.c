/* Who may live, and on what transport. */
#include "harness.h"

#include <errno.h>

static void setup_decides_the_role(void **state)
{
	static const struct {
		const char *offer;
		enum sdp_setup role;
		const char *answer;
	} table[] = {
		{ "a=setup:actpass\r\n", SDP_ACTIVE, "a=setup:active\r\n" },
		{ "a=setup:passive\r\n", SDP_ACTIVE, "a=setup:active\r\n" },
		{ "a=setup:active\r\n", SDP_PASSIVE, "a=setup:passive\r\n" },
		{ "", SDP_ACTIVE, "a=setup:active\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct negotiation *n = call_new();
		char *offer = replace(
			plain_audio, "a=setup:actpass\r\n", table[i].offer);
		char *answer;

		assert_int_equal(negotiation_role(n), SDP_SETUP_NONE);
		call_offer(n, offer);
		answer = call_answer(n);
		assert_int_equal(negotiation_role(n), table[i].role);
		assert_int_equal(occurrences(answer, table[i].answer), 1);
		free(answer);
		free(offer);
		negotiation_free(n);
	}
}

static void the_role_stays(void **state)
{
	struct negotiation *n = call_new();
	char *active = replace(plain_audio, "actpass", "active");
	char *passive = replace(plain_audio, "actpass", "passive");
	char *changed = replace(active, "AC:70", "AC:71");
	char *answer;

	(void)state;
	call_accept(n, passive);
	call_offer(n, plain_audio);
	answer = call_answer(n);
	assert_non_null(strstr(answer, "a=setup:active"));
	/* We are active already. */
	assert_int_equal(call_refused(n, active), -EINVAL);
	/* Another certificate is another DTLS association (RFC 8842). */
	assert_true(call_offer(n, changed).fingerprint_changed);
	assert_int_equal(negotiation_role(n), SDP_PASSIVE);
	free(answer);
	free(changed);
	free(passive);
	free(active);
	negotiation_free(n);
}

static void refused(const char *base, const char *old, const char *new, int r)
{
	struct negotiation *n = call_new();
	char *offer = replace(base, old, new);

	if (call_refused(n, offer) != r)
		fail_msg("%s -> %s", old, new);
	assert_int_equal(negotiation_count(n), 0);
	free(offer);
	negotiation_free(n);
}

/* 18 and 19 of faults-and-attacks.md among them */
static void unusable_transports_are_refused(void **state)
{
	static const struct {
		const char *old, *new;
	} table[] = {
		{ "a=ice-ufrag:abcd\r\n", "" },
		{ "a=ice-ufrag:abcd\r\n", "a=ice-ufrag:abc\r\n" },
		{ "a=ice-pwd:abcdefghijklmnopqrstuv\r\n", "" },
		{ "a=ice-pwd:abcdefghijklmnopqrstuv\r\n",
			"a=ice-pwd:abcdefghijklmnopqrstu\r\n" },
		{ "a=fingerprint:sha-256 " PRINT "\r\n", "" },
		{ "sha-256", "sha-1" },
		{ "sha-256", "md5" },
		{ "sha-256", "sha-512" },
		{ ":9B:B2\r\n", ":9B\r\n" },
		{ ":9B:B2\r\n", ":9B:BX\r\n" },
		{ ":9B:B2\r\n", "-9B:B2\r\n" },
		{ "a=rtcp-mux\r\n", "" },
		{ "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		refused(plain_audio, table[i].old, table[i].new, -EINVAL);
}

static void no_media_at_all_is_refused(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	assert_int_equal(call_refused(n, HEAD), -EINVAL);
	negotiation_free(n);
}

/* Which m-lines live is said by the ports of the answer. */
static void ports(struct negotiation *n, const char *offer, const char *want)
{
	char *answer;

	call_offer(n, offer);
	answer = call_answer(n);
	for (unsigned i = 0; want[i]; i++) {
		char *m = section(answer, i);
		bool lives = strstr(m, " 9 ") != NULL;

		if (lives != (want[i] == '+'))
			fail_msg("m-line %u: %s", i, m);
		assert_int_equal(negotiation_at(n, i)->rejected, !lives);
		free(m);
	}
	assert_int_equal(occurrences(answer, "\r\nm="), strlen(want));
	free(answer);
}

static void some_lines_are_rejected(void **state)
{
	static const struct {
		const char *old, *new, *ports;
	} table[] = {
		{ "v=0", "v=0", "++" },
		/* Outside of the group, or without any. */
		{ "a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0\r\n", "+-" },
		{ "a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 1\r\n", "-+" },
		{ "a=group:BUNDLE 0 1\r\n", "", "+-" },
		{ "a=group:BUNDLE 0 1\r\n", "a=group:LS 0 1\r\n", "+-" },
		/* Kinds and protocols we have no use for. */
		{ "m=video", "m=text", "+-" },
		{ "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP", "+-" },
		{ "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/SAVPF", "++" },
		{ "m=video 9", "m=video 0", "+-" },
		{ "m=video 9", "m=video 40000/2", "++" },
		{ "opus", "speex", "-+" },
		{ "opus/48000/2", "opus/48000", "-+" },
		{ "VP8", "VP7", "++" },
		{ "a=mid:1\r\na=sendrecv\r\na=msid:s1 t2\r\na=rtcp-mux",
			"a=mid:1", "+-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct negotiation *n = call_new();
		char *offer =
			replace(plain_audio_video, table[i].old, table[i].new);

		ports(n, offer, table[i].ports);
		free(offer);
		negotiation_free(n);
	}
}

static void bundle_only_is_not_rejected(void **state)
{
	struct negotiation *n = call_new();
	char *text = vector_read("firefox/offer-max-bundle.sdp");

	(void)state;
	ports(n, text, "++");
	free(text);
	negotiation_free(n);
}

/* 37 of matrix-signalling.md: unsupported codecs, and nothing else there */
static void nothing_in_common_is_still_answered(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio, "opus", "speex"), *answer;

	(void)state;
	call_offer(n, offer);
	answer = call_answer(n);
	assert_non_null(strstr(answer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
	assert_null(strstr(answer, "BUNDLE"));
	free(answer);
	free(offer);
	negotiation_free(n);
}

static void data_facts(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_remote r;
	char *text = vector_read("chromium/offer-data.sdp"), *less;

	(void)state;
	r = call_offer(n, text);
	assert_true(r.has_data);
	assert_int_equal(r.sctp_port, 5000);
	assert_int_equal(r.max_message_size, 262144);
	assert_int_equal(r.n_candidates, 4);
	assert_string_equal(r.ufrag, "dI+n");
	assert_string_equal(r.fingerprint_hash, "sha-256");
	less = replace(text, "a=max-message-size:262144\r\n", "");
	assert_int_equal(call_offer(n, less).max_message_size, 65536);
	free(less);
	less = replace(text, ":262144\r\n", ":0\r\n");
	assert_int_equal(call_offer(n, less).max_message_size, 0);
	free(less);
	free(text);
	negotiation_free(n);
}

static void the_master_is_of_the_group(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio_video, "BUNDLE 0 1", "BUNDLE 1 0");
	char *text = replace(offer, "a=rtcp-mux\r\na=ice-ufrag:abcd",
		"a=rtcp-mux\r\na=ice-ufrag:abcd");
	char *video = strstr(text, "m=video");

	(void)state;
	memcpy(strstr(video, "abcd"), "wxyz", 4);
	assert_string_equal(call_offer(n, text).ufrag, "wxyz");
	free(text);
	free(offer);
	negotiation_free(n);
}

/* 37: ICE restart is new credentials, nothing else. */
static void a_restart_is_seen(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_remote r;

	(void)state;
	r = call_offer_vector(n, "firefox/reoffer-stopped.sdp");
	assert_false(r.ice_restart);
	free(call_answer(n));
	r = call_offer_vector(n, "firefox/reoffer-stopped.sdp");
	assert_false(r.ice_restart);
	free(call_answer(n));
	r = call_offer_vector(n, "firefox/reoffer-recycled.sdp");
	assert_true(r.ice_restart);
	assert_false(r.fingerprint_changed);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_decides_the_role),
		cmocka_unit_test(the_role_stays),
		cmocka_unit_test(unusable_transports_are_refused),
		cmocka_unit_test(no_media_at_all_is_refused),
		cmocka_unit_test(some_lines_are_rejected),
		cmocka_unit_test(bundle_only_is_not_rejected),
		cmocka_unit_test(nothing_in_common_is_still_answered),
		cmocka_unit_test(data_facts),
		cmocka_unit_test(the_master_is_of_the_group),
		cmocka_unit_test(a_restart_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
