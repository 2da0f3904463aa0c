#include "harness.h"

#include <stdio.h>

static struct sdp *parse(const char *session, const char *media)
{
	char text[2048], error[SDP_ERROR_MAX];
	struct sdp *s = NULL;

	snprintf(text, sizeof(text), "v=0\r\n%sm=video 9 RTP/AVP 96 97\r\n%s",
		session, media);
	if (sdp_parse(text, strlen(text), &s, error) < 0)
		fail_msg("%s", error);
	return s;
}

static void what_stands_above_holds_below(void **state)
{
	struct sdp *s = parse("a=ice-ufrag:top\r\na=ice-pwd:toppwd\r\n"
			      "a=fingerprint:sha-256 AA\r\na=setup:passive\r\n"
			      "a=sendonly\r\na=ice-lite\r\n"
			      "a=extmap:3 urn:top\r\n",
		"a=extmap:4 urn:own\r\n");
	struct sdp_media *m = &s->media[0];

	(void)state;
	assert_string_equal(m->ufrag, "top");
	assert_string_equal(m->pwd, "toppwd");
	assert_string_equal(m->fingerprint, "AA");
	assert_int_equal(m->setup, SDP_PASSIVE);
	assert_int_equal(m->direction, SDP_SENDONLY);
	assert_true(m->ice_lite);
	assert_int_equal(m->n_ext, 2);
	assert_string_equal(m->ext[1].uri, "urn:own");
	sdp_free(s);
}

static void what_stands_below_wins(void **state)
{
	struct sdp *s = parse("a=ice-ufrag:top\r\na=fingerprint:sha-256 AA\r\n"
			      "a=setup:passive\r\na=sendonly\r\n",
		"a=ice-ufrag:own\r\na=fingerprint:sha-1 BB\r\n"
		"a=setup:actpass\r\na=inactive\r\n");
	struct sdp_media *m = &s->media[0];

	(void)state;
	assert_string_equal(m->ufrag, "own");
	assert_string_equal(m->fingerprint_hash, "sha-1");
	assert_int_equal(m->setup, SDP_ACTPASS);
	assert_int_equal(m->direction, SDP_INACTIVE);
	sdp_free(s);
}

static void the_best_fingerprint_is_taken(void **state)
{
	struct sdp *s = parse("",
		"a=fingerprint:sha-1 01\r\na=fingerprint:sha-512 03\r\n"
		"a=fingerprint:SHA-256 02\r\na=fingerprint:md5 04\r\n");

	(void)state;
	assert_string_equal(s->media[0].fingerprint, "02");
	sdp_free(s);
}

static void a_wildcard_is_for_all_codecs(void **state)
{
	struct sdp *s = parse("", "a=rtcp-fb:* nack\r\na=rtcp-fb:97 ccm fir\r\n"
				  "a=rtcp-fb:98 nack\r\n");

	(void)state;
	assert_int_equal(s->media[0].codec[0].n_fb, 1);
	assert_int_equal(s->media[0].codec[1].n_fb, 2);
	sdp_free(s);
}

static void plan_b_names_are_found(void **state)
{
	struct sdp *s = parse("", "a=ssrc:1 cname:c\r\na=ssrc:1 msid:st tr\r\n"
				  "a=ssrc:2 msid:other tr2\r\n");

	(void)state;
	assert_string_equal(s->media[0].stream_id, "st");
	assert_string_equal(s->media[0].track_id, "tr");
	assert_string_equal(s->media[0].ssrc[0].msid, "st tr");
	assert_int_equal(s->media[0].n_ssrc, 2);
	sdp_free(s);
}

static void the_first_msid_line_counts(void **state)
{
	struct sdp *s = parse("", "a=msid:one t\r\na=msid:two t\r\n");

	(void)state;
	assert_string_equal(s->media[0].stream_id, "one");
	sdp_free(s);
}

/* Each is skipped, and none of them hurts. */
static void nonsense_is_skipped(void **state)
{
	static const char *const line[] = { "a=rtpmap:96",
		"a=rtpmap:", "a=rtpmap:96 VP8", "a=rtpmap:96 VP8/x",
		"a=rtpmap:999 VP8/1", "a=rtpmap:x VP8/90000", "a=rtpmap",
		"a=fmtp", "a=fmtp:98 x", "a=rtcp-fb", "a=rtcp-fb:", "a=extmap",
		"a=extmap:1", "a=extmap:0 urn:x", "a=extmap:300 urn:x",
		"a=extmap:4097 urn:x", "a=extmap:1/sideways urn:x", "a=ssrc",
		"a=ssrc:x cname:c", "a=ssrc:4294967296 cname:c", "a=ssrc-group",
		"a=rid", "a=rid:1", "a=fingerprint", "a=fingerprint:sha-256",
		"a=setup", "a=setup:holdconn", "a=msid",
		"a=msid:", "a=candidate", "a=candidate:", "a=sctp-port:70000",
		"a=sctpmap", "a=", "a=:", "a", "a=max-message-size:-1" };

	(void)state;
	for (size_t i = 0; i < sizeof(line) / sizeof(*line); i++) {
		char text[128];
		struct sdp *s;
		struct sdp_media *m;

		if (strlen(line[i]) < 2)
			continue;
		snprintf(text, sizeof(text), "%s\r\n", line[i]);
		s = parse("", text);
		m = &s->media[0];
		assert_string_equal(m->codec[0].name, "");
		assert_int_equal(m->n_ext, 0);
		assert_int_equal(m->n_ssrc, 0);
		assert_int_equal(m->n_rids, 0);
		assert_int_equal(m->n_candidates, 0);
		assert_int_equal(m->setup, SDP_SETUP_NONE);
		assert_string_equal(m->fingerprint, "");
		assert_string_equal(m->stream_id, "");
		assert_int_equal(m->sctp_port, 0);
		assert_false(m->max_message_size_given);
		sdp_free(s);
	}
}

static void old_data_channels_are_read(void **state)
{
	static const char text[] =
		"v=0\r\nm=application 9 DTLS/SCTP 5001\r\n"
		"a=sctpmap:5001 webrtc-datachannel 1024\r\n"
		"m=application 9 DTLS/SCTP 5002\r\n"
		"a=max-message-size:99999999999999999999\r\n";
	char error[SDP_ERROR_MAX];
	struct sdp *s;

	(void)state;
	assert_int_equal(sdp_parse(text, strlen(text), &s, error), 0);
	assert_int_equal(s->media[0].sctp_port, 5001);
	assert_int_equal(s->media[1].sctp_port, 5002);
	assert_int_equal(s->media[1].max_message_size, UINT32_MAX);
	sdp_free(s);
}

static void simulcast_is_read(void **state)
{
	char *text = vector_read("chromium/offer-simulcast.sdp");
	char error[SDP_ERROR_MAX];
	struct sdp *s;

	(void)state;
	assert_int_equal(sdp_parse(text, strlen(text), &s, error), 0);
	assert_int_equal(s->media[0].n_rids, 3);
	assert_string_equal(s->media[0].rid[2].id, "f");
	assert_true(s->media[0].rid[2].send);
	assert_string_equal(s->media[0].simulcast, "send q;h;f");
	sdp_free(s);
	free(text);
}

static void screens_are_known_by_their_content(void **state)
{
	static const struct {
		const char *line;
		bool slides;
	} v[] = { { "", false }, { "a=content:slides\r\n", true },
		{ "a=content:main,slides\r\n", true },
		{ "a=content:slides,alt\r\n", true },
		{ "a=content:slidesx,,main\r\n", false },
		{ "a=content:\r\n", false }, { "a=content\r\n", false } };

	(void)state;
	for (unsigned i = 0; i < sizeof(v) / sizeof(*v); i++) {
		char text[256], error[SDP_ERROR_MAX];
		struct sdp *s;

		snprintf(text, sizeof(text),
			"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
			"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n%s",
			v[i].line);
		assert_int_equal(sdp_parse(text, strlen(text), &s, error), 0);
		assert_int_equal(s->media[0].slides, v[i].slides);
		sdp_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_above_holds_below),
		cmocka_unit_test(what_stands_below_wins),
		cmocka_unit_test(the_best_fingerprint_is_taken),
		cmocka_unit_test(a_wildcard_is_for_all_codecs),
		cmocka_unit_test(plan_b_names_are_found),
		cmocka_unit_test(the_first_msid_line_counts),
		cmocka_unit_test(nonsense_is_skipped),
		cmocka_unit_test(old_data_channels_are_read),
		cmocka_unit_test(simulcast_is_read),
		cmocka_unit_test(screens_are_known_by_their_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
