/* Local programs: no transport, m-lines by mid, offers that hold at once. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#define LINE(kind, mid, direction, formats)                                    \
	"m=" kind " 9 RTP/AVPF " formats "\r\na=mid:" mid "\r\na=" direction   \
	"\r\na=rtcp-mux\r\n"
#define OPUS "a=rtpmap:111 opus/48000/2\r\n"
#define VP8  "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n"
#define EARS                                                                   \
	LINE("audio", "0", "recvonly", "111")                                  \
	OPUS LINE("video", "1", "recvonly", "96") VP8
#define SONG                                                                   \
	LINE("audio", "2", "sendonly", "111")                                  \
	OPUS "a=msid:music track\r\na=ssrc:77 cname:band\r\n"
#define BUNDLE "a=group:BUNDLE 0 1 2\r\n"

static struct negotiation *program(bool listen, bool publish)
{
	struct negotiation *n = call_new();

	negotiation_make_plain(n, listen, publish);
	return n;
}

/* Offers and agrees in the program's place; the text, the caller's. */
static char *settled(struct negotiation *n)
{
	char *text = negotiation_offer(n, &harness_local);

	assert_non_null(text);
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	assert_false(negotiation_needed(n));
	return text;
}

static char *answered(struct negotiation *n, const char *text)
{
	call_offer(n, text);
	return call_answer(n);
}

static void says_nothing_of_a_transport(void **state)
{
	static const char *const never[] = { "ice", "fingerprint", "setup",
		"candidate", "SAVP", "0.0.0.0" };
	struct negotiation *n = program(true, true);
	struct negotiate_remote r = call_offer(n, HEAD BUNDLE EARS SONG);
	char *text = call_answer(n);

	(void)state;
	assert_string_equal(r.ufrag, "");
	assert_false(r.has_data || r.ice_restart || r.fingerprint_changed);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (strstr(text, never[i]))
			fail_msg("%s in %s", never[i], text);
	assert_int_equal(occurrences(text, " 9 RTP/AVPF "), 3);
	assert_int_equal(occurrences(text, "c=IN IP4 127.0.0.1\r\n"), 3);
	assert_int_equal(occurrences(text, "a=rtcp-mux\r\n"), 3);
	assert_non_null(strstr(text, "a=group:BUNDLE 0 1 2\r\n"));
	assert_int_equal(negotiation_role(n), SDP_SETUP_NONE);
	free(text);
	negotiation_free(n);
}

static void publishes_with_leave_only(void **state)
{
	(void)state;
	for (int may = 0; may < 2; may++) {
		struct negotiation *n = program(true, may);
		char *text = answered(n, HEAD BUNDLE EARS SONG);
		char *song = section(text, 2);
		const struct transceiver *t = negotiation_at(n, 2);

		assert_non_null(
			strstr(song, may ? "a=recvonly" : "a=inactive"));
		assert_int_equal(t->receiving, may);
		assert_string_equal(t->recv_stream, may ? "music" : "");
		assert_int_equal(t->n_recv_ssrc, may);
		assert_int_equal(t->n_codecs, 1);
		free(song);
		free(text);
		negotiation_free(n);
	}
}

static void listens_with_leave_only(void **state)
{
	struct negotiation *n = program(false, true);
	char *text = answered(n, HEAD BUNDLE EARS SONG);

	(void)state;
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), -EOPNOTSUPP);
	assert_false(negotiation_needed(n));
	assert_int_equal(occurrences(text, "a=inactive"), 2);
	free(text);
	negotiation_free(n);
}

/* Browsers are assumed to have the usual codecs; programs say what they want.
 */
static void gets_no_kind_it_did_not_ask_for(void **state)
{
	struct negotiation *n = program(true, false);

	(void)state;
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), -EOPNOTSUPP);
	call_accept(n, HEAD LINE("audio", "0", "recvonly", "111") OPUS);
	assert_int_equal(call_send(n, SDP_VIDEO, "h1"), -EOPNOTSUPP);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	negotiation_free(n);
}

static void what_is_not_plain_is_rejected(void **state)
{
	struct negotiation *n = program(true, true);
	char *text = answered(n,
		HEAD "m=audio 9 RTP/AVP 111\r\na=mid:a\r\n" OPUS
		     "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:b\r\n"
		     "a=rtcp-mux\r\n" TRANSPORT OPUS
		     "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		     "a=mid:c\r\na=sctp-port:5000\r\n"
		     "m=audio 9 RTP/AVPF 8\r\na=mid:d\r\n"
		     "m=audio 0 RTP/AVPF 111\r\na=mid:e\r\n" OPUS);

	(void)state;
	assert_non_null(strstr(text, "m=audio 9 RTP/AVP 111\r\n"));
	assert_int_equal(occurrences(text, "\r\nm="), 5);
	assert_int_equal(occurrences(text, " 0 "), 4);
	assert_non_null(strstr(text, "a=group:BUNDLE a\r\n"));
	free(text);
	negotiation_free(n);
}

/* And the other way round: a browser is not let in without keys. */
static void others_are_not_plain(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_accept(n, HEAD EARS);
	assert_true(negotiation_at(n, 0)->rejected);
	assert_true(negotiation_at(n, 1)->rejected);
	negotiation_free(n);
}

/* The recorder takes whatever is sent, on one m-line. */
static const char everything[] =
	HEAD LINE("audio", "0", "recvonly", "111") OPUS LINE("video", "1",
		"recvonly", "96 97 98 99 100 101 102 103 104 105 106 107 45 46")
		VP8 "a=rtpmap:97 VP9/90000\r\na=fmtp:97 profile-id=0\r\n"
		    "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=1\r\n"
		    "a=rtpmap:99 VP9/90000\r\na=fmtp:99 profile-id=2\r\n"
		    "a=rtpmap:100 H264/90000\r\na=fmtp:100 "
		    "packetization-mode=1;profile-level-id=42e01f\r\n"
		    "a=rtpmap:101 H264/90000\r\na=fmtp:101 "
		    "packetization-mode=0;profile-level-id=42e01f\r\n"
		    "a=rtpmap:102 H264/90000\r\na=fmtp:102 "
		    "packetization-mode=1;profile-level-id=42001f\r\n"
		    "a=rtpmap:103 H264/90000\r\na=fmtp:103 "
		    "packetization-mode=0;profile-level-id=42001f\r\n"
		    "a=rtpmap:104 H264/90000\r\na=fmtp:104 "
		    "packetization-mode=1;profile-level-id=4d001f\r\n"
		    "a=rtpmap:105 H264/90000\r\na=fmtp:105 "
		    "packetization-mode=0;profile-level-id=4d001f\r\n"
		    "a=rtpmap:106 H264/90000\r\na=fmtp:106 "
		    "packetization-mode=1;profile-level-id=64001f\r\n"
		    "a=rtpmap:107 H264/90000\r\na=fmtp:107 "
		    "packetization-mode=1;profile-level-id=640c1f\r\n"
		    "a=rtpmap:45 AV1/90000\r\na=fmtp:45 profile=0\r\n"
		    "a=rtpmap:46 AV1/90000\r\na=fmtp:46 profile=1\r\n";

static const struct negotiate_codec h264_main = { .name = "H264",
	.clock_hz = 90000,
	.channels = 1,
	.pt = 35,
	.fmtp = "packetization-mode=0;profile-level-id=4d0034" };
static const struct negotiate_codec vp9_two = { .name = "VP9",
	.clock_hz = 90000,
	.channels = 1,
	.pt = 100,
	.fmtp = "profile-id=2" };

static int send_video(struct negotiation *n, const char *stream, uint32_t ssrc,
	const struct negotiate_codec *codec, unsigned n_codecs)
{
	return negotiation_send(n, SDP_VIDEO, stream, "t", "c", ssrc,
		call_from(codec, n_codecs), true);
}

static void every_format_can_be_told(void **state)
{
	const struct negotiate_codec both[] = { vp9_two, h264_main };
	struct negotiation *n = program(true, false);
	char *text;
	int i;

	(void)state;
	call_accept(n, everything);
	assert_int_equal(negotiation_at(n, 1)->n_codecs, 14);
	i = send_video(n, "one", 1, &h264_main, 1);
	assert_int_equal(i, 1);
	assert_int_equal(send_video(n, "two", 2, both, 2), 2);
	text = settled(n);
	assert_non_null(strstr(text, "m=video 9 RTP/AVPF 105\r\n"));
	assert_non_null(strstr(text, "m=video 9 RTP/AVPF 99 105\r\n"));
	assert_int_equal(negotiation_at(n, 1)->n_codecs, 1);
	assert_int_equal(negotiation_at(n, 1)->codec[0]->pt, 105);
	assert_int_equal(negotiation_at(n, 2)->n_codecs, 2);
	assert_int_equal(negotiation_at(n, 2)->codec[0]->pt, 99);
	free(text);
	negotiation_free(n);
}

static void an_offer_holds_at_once(void **state)
{
	struct negotiation *n = program(true, false);
	const struct transceiver *t;
	char *text;

	(void)state;
	call_accept(n, HEAD BUNDLE EARS);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	assert_int_equal(call_send(n, SDP_AUDIO, "h2"), 2);
	assert_true(negotiation_needed(n));
	text = settled(n);
	for (unsigned i = 0; i < 3; i += 2) {
		char id[64];

		t = negotiation_at(n, i);
		assert_true(t->sending && t->peer_receives && t->want_send);
		assert_false(t->receiving || t->cooling || t->rejected);
		assert_int_equal(t->n_codecs, 1);
		assert_int_equal(t->codec[0]->pt, 111);
		assert_int_equal(t->line, i);
		snprintf(id, sizeof(id), "a=ssrc:%u cname:cname\r\n",
			(unsigned)t->send_ssrc);
		assert_int_equal(occurrences(text, id), 1);
	}
	assert_string_equal(t->mid, "h0");
	assert_int_equal(occurrences(text, "a=sendonly"), 2);
	assert_non_null(strstr(text, "m=audio 9 RTP/AVPF 111\r\n"
				     "c=IN IP4 127.0.0.1\r\na=mid:h0\r\n"));
	free(text);
	negotiation_free(n);
}

#define COLOR "http://www.webrtc.org/experiments/rtp-hdrext/color-space"

/* On m-lines of ours as well it has what it asked for, and no more. */
static void extensions_are_its_own(void **state)
{
	struct negotiation *n = program(true, false);
	char *text, *ours;

	(void)state;
	call_accept(n, HEAD LINE("video", "1", "recvonly", "96") VP8
		"a=extmap:5 " COLOR "\r\n");
	assert_int_equal(call_send(n, SDP_VIDEO, "h1"), 0);
	assert_int_equal(call_send(n, SDP_VIDEO, "h2"), 1);
	assert_int_equal(negotiation_ext(n, EXT_COLOR), 5);
	for (int i = 0; i < 2; i++) {
		text = settled(n);
		ours = section(text, 1);
		assert_non_null(strstr(ours, "a=extmap:5 " COLOR "\r\n"));
		assert_int_equal(occurrences(text, "a=extmap:"), 2);
		free(ours);
		free(text);
	}
	negotiation_free(n);
}

/* Browsers must be told that a half is free; a program has been. */
static void a_half_given_up_is_free_after_the_next_word(void **state)
{
	struct negotiation *n = program(true, false);

	(void)state;
	call_accept(n, HEAD BUNDLE EARS);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	free(settled(n));
	negotiation_unsend(n, 0);
	assert_true(negotiation_needed(n));
	assert_int_equal(call_send(n, SDP_AUDIO, "h2"), 2);
	free(settled(n));
	assert_false(negotiation_at(n, 0)->sending);
	assert_int_equal(call_send(n, SDP_AUDIO, "h3"), 0);
	free(settled(n));
	assert_true(negotiation_at(n, 0)->sending);
	assert_int_equal(negotiation_count(n), 3);
	negotiation_free(n);
}

/* There is nothing that could be answered, rolled back, or crossed. */
static void answers_are_not_expected(void **state)
{
	struct negotiation *n = program(true, false);
	char *text, error[SDP_ERROR_MAX];
	struct negotiate_remote r;

	(void)state;
	call_accept(n, HEAD BUNDLE EARS);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	text = settled(n);
	assert_int_equal(
		negotiation_remote_answer(n, text, strlen(text), &r, error),
		-EALREADY);
	negotiation_rollback(n);
	assert_true(negotiation_at(n, 0)->sending);
	/* Not in the middle of its own offer. */
	call_offer(n, HEAD BUNDLE EARS);
	assert_null(negotiation_offer(n, &harness_local));
	free(call_answer(n));
	free(text);
	negotiation_free(n);
}

/* m-lines of ours need not be said again; its own that are left out are gone,
 * and their place is used again. */
static void later_offers_name_what_is_its_own(void **state)
{
	struct negotiation *n = program(true, true);
	char *text;

	(void)state;
	call_accept(n, HEAD BUNDLE EARS SONG);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	assert_int_equal(call_send(n, SDP_AUDIO, "h2"), 3);
	free(settled(n));
	text = answered(n, HEAD BUNDLE EARS);
	assert_true(negotiation_at(n, 2)->rejected);
	assert_false(negotiation_at(n, 2)->receiving);
	assert_true(negotiation_at(n, 0)->sending);
	assert_true(negotiation_at(n, 3)->sending);
	assert_int_equal(occurrences(text, "a=ssrc:"), 4);
	assert_non_null(strstr(text, "a=mid:h0\r\n"));
	free(text);

	text = answered(n, HEAD BUNDLE EARS LINE("video", "x", "sendonly", "96")
				   VP8 "a=msid:pic pic\r\n");
	assert_false(negotiation_at(n, 2)->rejected);
	assert_int_equal(negotiation_at(n, 2)->kind, SDP_VIDEO);
	assert_string_equal(negotiation_at(n, 2)->recv_stream, "pic");
	assert_int_equal(negotiation_count(n), 4);
	free(text);

	/* In any order, and ours said again as we put them. */
	text = answered(n, HEAD BUNDLE LINE("audio", "h0", "recvonly", "111")
				   OPUS SONG EARS);
	assert_true(negotiation_at(n, 2)->rejected);
	assert_true(negotiation_at(n, 3)->sending);
	assert_true(negotiation_at(n, 4)->receiving);
	assert_true(negotiation_at(n, 0)->sending);
	free(text);
	negotiation_free(n);
}

/* The m-line it listens on is gone: so is what went there, and no more. */
static void listening_ends_line_by_line(void **state)
{
	struct negotiation *n = program(true, true);

	(void)state;
	call_accept(n, HEAD BUNDLE EARS);
	assert_int_equal(call_send(n, SDP_AUDIO, "h1"), 0);
	assert_int_equal(call_send(n, SDP_VIDEO, "h1"), 1);
	free(settled(n));
	call_accept(n, HEAD LINE("audio", "0", "recvonly", "111") OPUS);
	assert_true(negotiation_at(n, 0)->sending);
	assert_false(negotiation_at(n, 1)->sending);
	assert_false(negotiation_at(n, 1)->want_send);
	negotiation_free(n);
}

static void bad_offers(void **state)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{ -EINVAL, HEAD },
		{ -EINVAL, HEAD "m=audio 9 RTP/AVPF 111\r\n" OPUS },
		{ -EINVAL, HEAD EARS EARS },
		{ -EPROTO, HEAD LINE("video", "0", "recvonly", "96") VP8 },
		{ -EPROTO,
			HEAD LINE("audio", "0", "recvonly",
				"111") "a=rtpmap:111 PCMU/8000\r\n" OPUS
				LINE("video", "1", "recvonly",
					"111") "a=rtpmap:111 VP8/90000\r\n" },
		{ -EBADMSG, "garbage" },
	};
	struct negotiation *n = program(true, true);

	(void)state;
	call_accept(n, HEAD BUNDLE EARS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int got = call_refused(n, rows[i].text);

		if (got != rows[i].error)
			fail_msg("row %zu: %d", i, got);
	}
	assert_int_equal(negotiation_count(n), 2);
	negotiation_free(n);
}

static void sentences_say_what_to_do(void **state)
{
	struct negotiation *n = program(true, true);
	const char *text = HEAD EARS "m=audio 9 RTP/AVPF 111\r\n" OPUS;
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote r;

	(void)state;
	assert_int_equal(
		negotiation_remote_offer(n, text, strlen(text), &r, error),
		-EINVAL);
	assert_string_equal(error, "m-line 2 has no a=mid; give it one.");
	negotiation_free(n);
}

/* Every m-line there can be, each with all a browser may send. */
static void a_great_call_can_be_told(void **state)
{
	struct negotiate_codec codec[NEGOTIATE_CODECS];
	struct negotiation *n = program(true, false);
	char *text, error[SDP_ERROR_MAX], stream[16];
	struct sdp *s;
	unsigned n_codecs;

	(void)state;
	call_accept(n, everything);
	n_codecs = negotiation_at(n, 1)->n_codecs;
	for (unsigned i = 0; i < negotiation_at(n, 1)->n_codecs; i++)
		codec[i] = *negotiation_at(n, 1)->codec[i];
	for (unsigned i = 1; i < SDP_MEDIA_MAX; i++) {
		snprintf(stream, sizeof(stream), "h%u", i);
		assert_int_equal(send_video(n, stream, i, codec, n_codecs), i);
	}
	assert_int_equal(send_video(n, "more", 999, codec, n_codecs), -ENOSPC);
	text = settled(n);
	assert_int_equal(sdp_parse(text, strlen(text), &s, error), 0);
	assert_int_equal(s->n_media, SDP_MEDIA_MAX);
	assert_int_equal(s->media[255].n_codecs, 14);
	assert_int_equal(s->media[255].ssrc[0].ssrc, 255);
	assert_int_equal(occurrences(text, "a=sendonly"), 255);
	sdp_free(s);
	free(text);
	/* One m-line of its own too many is refused, whole. */
	text = replace(everything, "a=mid:1", "a=mid:new");
	assert_int_equal(call_refused(n, text), -E2BIG);
	free(text);
	call_accept(n, everything);
	assert_true(negotiation_at(n, 255)->sending);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_of_a_transport),
		cmocka_unit_test(publishes_with_leave_only),
		cmocka_unit_test(listens_with_leave_only),
		cmocka_unit_test(gets_no_kind_it_did_not_ask_for),
		cmocka_unit_test(what_is_not_plain_is_rejected),
		cmocka_unit_test(others_are_not_plain),
		cmocka_unit_test(every_format_can_be_told),
		cmocka_unit_test(an_offer_holds_at_once),
		cmocka_unit_test(extensions_are_its_own),
		cmocka_unit_test(a_half_given_up_is_free_after_the_next_word),
		cmocka_unit_test(answers_are_not_expected),
		cmocka_unit_test(later_offers_name_what_is_its_own),
		cmocka_unit_test(listening_ends_line_by_line),
		cmocka_unit_test(bad_offers),
		cmocka_unit_test(sentences_say_what_to_do),
		cmocka_unit_test(a_great_call_can_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
