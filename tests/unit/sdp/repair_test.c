/* RTX, RED and transport-wide feedback: agreed where a feature is on, and
 * nowhere else. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#define TWCC                                                                   \
	"http://www.ietf.org/id/"                                              \
	"draft-holmer-rmcat-transport-wide-cc-extensions-01"

static const struct negotiate_features all = {
	.rtx = true, .simulcast = true, .twcc = true, .red = true
};

static struct negotiation *call_with(const struct negotiate_features *f)
{
	struct negotiation *n = call_new();

	negotiation_set_features(n, f);
	return n;
}

#define VIDEO_LINE                                                             \
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\nc=IN IP4 0.0.0.0\r\n"    \
	"a=mid:1\r\na=sendrecv\r\na=msid:s1 t2\r\na=rtcp-mux\r\n" TRANSPORT    \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"                       \
	"a=rtcp-fb:96 transport-cc\r\n"                                        \
	"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                        \
	"a=rtpmap:102 H264/90000\r\n"                                          \
	"a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"          \
	"a=rtpmap:103 rtx/90000\r\na=fmtp:103 rtx-time=3000; apt=102\r\n"      \
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                   \
	"a=extmap:5 " TWCC "\r\n"                                              \
	"a=ssrc-group:FID 21 22\r\n"                                           \
	"a=ssrc:21 cname:c\r\na=ssrc:22 cname:c\r\n"

/* matrix-js-sdk's screen: without what the camera has (what m= does not list is
 * not there). */
#define SCREEN_LINE                                                            \
	"m=video 9 UDP/TLS/RTP/SAVPF 96 102\r\nc=IN IP4 0.0.0.0\r\n"           \
	"a=mid:2\r\na=sendrecv\r\na=msid:s2 t3\r\na=rtcp-mux\r\n" TRANSPORT    \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"                       \
	"a=rtcp-fb:96 transport-cc\r\n"                                        \
	"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                        \
	"a=rtpmap:102 H264/90000\r\n"                                          \
	"a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"          \
	"a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n"                     \
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                   \
	"a=extmap:5 " TWCC "\r\na=ssrc:31 cname:c\r\n"

#define AUDIO_LINE                                                             \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\n"           \
	"a=mid:0\r\na=sendrecv\r\na=msid:s1 t1\r\na=rtcp-mux\r\n" TRANSPORT    \
	"a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"          \
	"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"                     \
	"a=extmap:5 " TWCC "\r\n"

static const char offer[] = HEAD "a=group:BUNDLE 0 1\r\n" AUDIO_LINE VIDEO_LINE;

static const char with_screen[] =
	HEAD "a=group:BUNDLE 0 1 2\r\n" AUDIO_LINE VIDEO_LINE SCREEN_LINE;

static void off_means_off(void **state)
{
	struct negotiation *n = call_new();
	const struct transceiver *t;
	char *answer;

	(void)state;
	call_offer(n, offer);
	answer = call_answer(n);
	assert_null(strstr(answer, "rtx"));
	assert_null(strstr(answer, "red"));
	assert_null(strstr(answer, "transport-"));
	assert_non_null(strstr(answer, "SAVPF 111\r\n"));
	assert_non_null(strstr(answer, "SAVPF 96 102\r\n"));
	t = negotiation_at(n, 1);
	assert_int_equal(t->codec[0]->rtx_pt, 0);
	assert_false(t->codec[0]->twcc || t->recv_twcc || t->send_twcc);
	assert_int_equal(t->n_recv_ssrc, 1);
	assert_int_equal(t->recv_ssrc[0], 21);
	assert_int_equal(t->recv_rtx_ssrc[0], 0);
	assert_int_equal(negotiation_ext(n, EXT_TRANSPORT_CC), 0);
	free(answer);
	negotiation_free(n);
}

static void each_by_itself(void **state)
{
	static const struct {
		struct negotiate_features on;
		const char *has, *audio, *video;
	} t[] = {
		{ { .rtx = true }, "rtx", "111", "96 97 102 103" },
		{ { .red = true }, "red/48000/2", "111 63", "96 102" },
		{ { .twcc = true }, "transport-cc", "111", "96 102" },
		{ { .simulcast = true }, "VP8", "111", "96 102" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct negotiation *n = call_with(&t[i].on);
		char *answer, line[64];

		call_offer(n, offer);
		answer = call_answer(n);
		assert_non_null(strstr(answer, t[i].has));
		snprintf(line, sizeof(line), "SAVPF %s\r\n", t[i].audio);
		assert_non_null(strstr(answer, line));
		snprintf(line, sizeof(line), "SAVPF %s\r\n", t[i].video);
		assert_non_null(strstr(answer, line));
		assert_int_equal(strstr(answer, "rtx/") != NULL, t[i].on.rtx);
		assert_int_equal(strstr(answer, "red/") != NULL, t[i].on.red);
		assert_int_equal(
			strstr(answer, "transport-") != NULL, t[i].on.twcc);
		free(answer);
		negotiation_free(n);
	}
}

static void what_is_agreed(void **state)
{
	struct negotiation *n = call_with(&all);
	const struct transceiver *t;
	char *answer;

	(void)state;
	call_offer(n, offer);
	answer = call_answer(n);
	assert_int_equal(occurrences(answer, "a=extmap:5 " TWCC), 2);
	assert_int_equal(occurrences(answer, "transport-cc\r\n"), 2);
	assert_non_null(strstr(answer, "a=rtpmap:97 rtx/90000\r\n"
				       "a=fmtp:97 apt=96\r\n"));
	assert_non_null(strstr(answer, "a=rtpmap:103 rtx/90000\r\n"
				       "a=fmtp:103 apt=102\r\n"));
	assert_non_null(strstr(answer, "a=rtpmap:63 red/48000/2\r\n"
				       "a=fmtp:63 111/111\r\n"));
	t = negotiation_at(n, 0);
	assert_int_equal(t->n_codecs, 1);
	assert_int_equal(t->codec[0]->red_pt, 63);
	assert_true(t->recv_twcc && t->send_twcc);
	t = negotiation_at(n, 1);
	assert_int_equal(t->n_codecs, 2);
	assert_int_equal(t->codec[0]->rtx_pt, 97);
	assert_int_equal(t->codec[1]->rtx_pt, 103);
	assert_true(t->codec[0]->twcc);
	assert_false(t->codec[1]->twcc);
	assert_true(t->recv_twcc && t->send_twcc);
	assert_int_equal(t->recv_rtx_ssrc[0], 22);
	assert_int_equal(negotiation_ext(n, EXT_TRANSPORT_CC), 5);
	free(answer);
	negotiation_free(n);
}

static void what_does_not_fit_is_left_out(void **state)
{
	static const char *const edits[][2] = {
		{ "a=fmtp:97 apt=96", "a=fmtp:97 apt=102" },
		{ "a=fmtp:97 apt=96", "a=fmtp:97 apt=" },
		{ "a=fmtp:97 apt=96", "a=fmtp:97 captain=96" },
		{ "a=fmtp:97 apt=96", "a=x:y" },
		{ "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/8000" },
		{ "a=rtpmap:97 rtx/90000", "a=rtpmap:97 ulpfec/90000" },
		{ "a=fmtp:63 111/111", "a=fmtp:63 111/0" },
		{ "a=fmtp:63 111/111", "a=fmtp:63 111/111x" },
		{ "a=fmtp:63 111/111", "a=fmtp:63 111/" },
		{ "a=fmtp:63 111/111", "a=fmtp:63 /111" },
		{ "a=fmtp:63 111/111", "a=x:y" },
		{ "a=rtpmap:63 red/48000/2", "a=rtpmap:63 red/48000" },
		{ "a=rtpmap:63 red/48000/2", "a=rtpmap:63 red/8000/2" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		char *text = replace(offer, edits[i][0], edits[i][1]), *answer;
		struct negotiation *n = call_with(&all);

		call_offer(n, text);
		answer = call_answer(n);
		if (edits[i][0][7] == '6' || edits[i][0][9] == '6')
			assert_null(strstr(answer, "red/"));
		else
			assert_null(strstr(answer, "apt=96"));
		assert_non_null(strstr(answer, "apt=102"));
		free(answer);
		free(text);
		negotiation_free(n);
	}
}

/* A longer list of blocks is the same redundancy. */
static void red_of_three(void **state)
{
	char *text = replace(offer, "111/111", "111/111/111");
	struct negotiation *n = call_with(&all);

	(void)state;
	call_accept(n, text);
	assert_int_equal(negotiation_at(n, 0)->codec[0]->red_pt, 63);
	free(text);
	negotiation_free(n);
}

/* Either without the other is no agreement. */
static void twcc_needs_both(void **state)
{
	char *no_ext = replace(offer, TWCC, "urn:x");
	char *no_fb = replace(offer, " transport-cc", " x");
	char *one_way = replace(offer, "extmap:5 ", "extmap:5/sendonly ");
	struct negotiation *n = call_with(&all);
	char *answer;

	(void)state;
	call_offer(n, no_ext);
	answer = call_answer(n);
	assert_null(strstr(answer, "transport-cc"));
	assert_false(negotiation_at(n, 1)->recv_twcc);
	free(answer);
	negotiation_free(n);

	n = call_with(&all);
	call_accept(n, no_fb);
	assert_false(negotiation_at(n, 1)->recv_twcc);
	assert_false(negotiation_at(n, 1)->send_twcc);
	negotiation_free(n);

	n = call_with(&all);
	call_accept(n, one_way);
	assert_true(negotiation_at(n, 1)->recv_twcc);
	assert_false(negotiation_at(n, 1)->send_twcc);
	negotiation_free(n);
	free(no_ext);
	free(no_fb);
	free(one_way);
}

/* --- what we send ------------------------------------------------------- */

static void our_rtx_has_its_ssrc(void **state)
{
	struct negotiation *n = call_with(&all);
	const struct transceiver *t;
	int video, second;
	char *text, *part;

	(void)state;
	call_offer(n, offer);
	video = call_send(n, SDP_VIDEO, "a");
	assert_int_equal(video, 1);
	negotiation_send_rtx(n, (unsigned)video, 777);
	t = negotiation_at(n, (unsigned)video);
	text = call_answer(n);
	part = calloc(1, 64);
	snprintf(part, 64, "a=ssrc-group:FID %u 777\r\na=ssrc:%u cname:",
		(unsigned)t->send_ssrc, (unsigned)t->send_ssrc);
	assert_non_null(strstr(text, part));
	assert_non_null(strstr(text, "a=ssrc:777 cname:cname\r\n"));
	assert_non_null(strstr(text, "a=ssrc:777 msid:a a-cam\r\n"));
	free(text);
	free(part);

	/* An m-line of our making has the publisher's codec and its rtx, and
	 * audio has the receiver's red. */
	second = call_send(n, SDP_VIDEO, "b");
	negotiation_send_rtx(n, (unsigned)second, 888);
	call_send(n, SDP_AUDIO, "a");
	call_send(n, SDP_AUDIO, "b");
	text = negotiation_offer(n, &harness_local);
	part = section(text, 2);
	assert_non_null(strstr(part, "SAVPF 96 97\r\n"));
	assert_non_null(strstr(part, "a=ssrc-group:FID"));
	assert_non_null(strstr(part, "transport-cc"));
	free(part);
	part = section(text, 3);
	assert_non_null(strstr(part, "SAVPF 111 63\r\n"));
	assert_null(strstr(part, "FID"));
	free(part);
	free(text);
	negotiation_rollback(n);
	call_renegotiate(n);
	t = negotiation_at(n, (unsigned)second);
	assert_true(t->sending && t->send_twcc);
	assert_int_equal(t->codec[0]->rtx_pt, 97);
	assert_int_equal(t->send_rtx_ssrc, 888);
	negotiation_free(n);
}

static void no_rtx_no_ssrc(void **state)
{
	char *text = replace(offer, "rtx/90000", "x/90000"), *answer;
	struct negotiation *n = call_with(&all);

	(void)state;
	call_offer(n, text);
	negotiation_send_rtx(n, 0, 1);
	negotiation_send_rtx(n, 99, 1);
	assert_int_equal(negotiation_at(n, 0)->send_rtx_ssrc, 0);
	negotiation_send_rtx(n, (unsigned)call_send(n, SDP_VIDEO, "a"), 777);
	answer = call_answer(n);
	assert_null(strstr(answer, "777"));
	assert_null(strstr(answer, "FID"));
	/* A track taken up later is another stream. */
	negotiation_unsend(n, 1);
	call_renegotiate(n);
	call_send(n, SDP_VIDEO, "b");
	assert_int_equal(negotiation_at(n, 1)->send_rtx_ssrc, 0);
	free(answer);
	free(text);
	negotiation_free(n);
}

/* A peer that leaves rtx out of its answer gets none. */
static void the_answer_decides(void **state)
{
	struct negotiation *n = call_with(&all);
	char error[SDP_ERROR_MAX] = "", *ours, *whole, *answer;
	struct negotiate_remote remote;

	(void)state;
	call_accept(n, offer);
	negotiation_send_rtx(n, (unsigned)call_send(n, SDP_VIDEO, "a"), 777);
	ours = negotiation_offer(n, &harness_local);
	whole = browser_answer(ours, NULL, 0);
	answer = replace(whole, "SAVPF 96 97 ", "SAVPF 96 ");
	assert_int_equal(negotiation_remote_answer(
				 n, answer, strlen(answer), &remote, error),
		0);
	assert_int_equal(negotiation_at(n, 1)->codec[0]->rtx_pt, 0);
	assert_int_equal(negotiation_at(n, 1)->codec[1]->rtx_pt, 103);
	free(ours);
	free(whole);
	free(answer);
	negotiation_free(n);
}

static void assert_rtx(struct negotiation *n, unsigned index, unsigned first)
{
	const struct transceiver *t = negotiation_at(n, index);

	assert_int_equal(t->n_codecs, 2);
	assert_int_equal(transceiver_rtx_pt(t, t->codec[0]), first);
	assert_int_equal(
		transceiver_rtx_pt(t, t->codec[1]), first ? first + 6 : 0);
}

/* One m-line without rtx takes it from no other, whichever is told of first,
 * and its own comes with the description that has it. */
static void each_line_has_its_own(void **state)
{
	struct negotiation *n = call_with(&all);
	char *answer, *part, *text;

	(void)state;
	call_offer(n, offer);
	free(call_answer(n));
	call_offer(n, with_screen);
	answer = call_answer(n);
	part = section(answer, 1);
	assert_non_null(strstr(part, "SAVPF 96 97 102 103\r\n"));
	assert_non_null(strstr(part, "a=fmtp:97 apt=96\r\n"));
	free(part);
	part = section(answer, 2);
	assert_non_null(strstr(part, "SAVPF 96 102\r\n"));
	assert_null(strstr(part, "rtx"));
	free(part);
	free(answer);
	assert_rtx(n, 1, 97);
	assert_rtx(n, 2, 0);
	assert_int_equal(transceiver_red_pt(negotiation_at(n, 0),
				 negotiation_at(n, 0)->codec[0]),
		63);
	text = replace(with_screen, "96 102\r\n", "96 97 102 103\r\n");
	call_offer(n, text);
	free(call_answer(n));
	free(text);
	assert_rtx(n, 1, 97);
	assert_rtx(n, 2, 97);
	negotiation_free(n);
}

static void numbers_keep_their_meaning(void **state)
{
	static const char *const edits[][2] = {
		{ "a=rtpmap:97 rtx/90000", "a=rtpmap:97 VP9/90000" },
		{ "a=rtpmap:63 red/48000/2", "a=rtpmap:63 opus/48000/2" },
		{ "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
			"a=extmap:6 " TWCC },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		char *text = replace(offer, edits[i][0], edits[i][1]);
		struct negotiation *n = call_with(&all);

		call_accept(n, offer);
		assert_int_equal(call_refused(n, text), -EPROTO);
		call_accept(n, offer);
		free(text);
		negotiation_free(n);
	}
}

/* We chose numbers for video to a peer that never spoke of it; then it does, of
 * audio, with one of them. */
static void assumed_numbers_give_way(void **state)
{
	static const char *const mine[] = { "97", "111 97" };
	struct negotiation *n = call_with(&all);
	char *first = replace(plain_audio, "111 0", "111");
	char *text, *ours, *part;

	(void)state;
	call_accept(n, first);
	call_send(n, SDP_VIDEO, "a");
	text = replace(first, "SAVPF 111", "SAVPF 111 97");
	call_accept(n, text);
	ours = negotiation_offer(n, &harness_local);
	part = section(ours, 1);
	assert_non_null(strstr(part, "SAVPF 96\r\n"));
	assert_null(strstr(part, mine[0]));
	free(first);
	free(text);
	free(ours);
	free(part);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_means_off),
		cmocka_unit_test(each_by_itself),
		cmocka_unit_test(what_is_agreed),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(red_of_three),
		cmocka_unit_test(twcc_needs_both),
		cmocka_unit_test(our_rtx_has_its_ssrc),
		cmocka_unit_test(no_rtx_no_ssrc),
		cmocka_unit_test(the_answer_decides),
		cmocka_unit_test(each_line_has_its_own),
		cmocka_unit_test(numbers_keep_their_meaning),
		cmocka_unit_test(assumed_numbers_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
