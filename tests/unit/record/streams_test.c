/* What SDP and STREAMS say together; the offer. */
#include "../rtp/check.h"

#include <stdio.h>

#include "record/streams.h"
#include "sfu/sdp/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define AUDIO(mid, direction, id, ssrc)                                        \
	"m=audio 9 RTP/AVPF 111\r\na=mid:" mid "\r\na=" direction              \
	"\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=msid:" id            \
	" t\r\na=ssrc:" ssrc " cname:c\r\n"
#define VIDEO(mid, direction, id, ssrc)                                        \
	"m=video 9 RTP/AVPF 96 103\r\na=mid:" mid "\r\na=" direction           \
	"\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"                          \
	"a=rtpmap:103 H264/90000\r\na=msid:" id " t\r\na=ssrc:" ssrc           \
	" cname:c\r\n"

static int read_both(
	const char *sdp, const char *lines, struct stream **list, unsigned *n)
{
	return streams_read(sdp, strlen(sdp), lines, strlen(lines), list, n);
}

static void test_both_together(void **state)
{
	struct stream *list;
	unsigned n;

	(void)state;
	assert_int_equal(
		read_both(HEAD AUDIO("0", "sendonly", "x", "5") VIDEO("1",
				  "sendonly", "x", "6") VIDEO("2", "inactive",
				  "x", "7") VIDEO("3", "recvonly", "x", "8")
				  VIDEO("4", "sendonly", "nobody", "9"),
			"x 17 {src} audio,video @ann:x A B\n", &list, &n),
		0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].ssrc, 5);
	assert_int_equal(list[0].kind, PART_AUDIO);
	assert_int_equal(list[0].clock_hz, 48000);
	assert_int_equal(list[0].codec[0].codec, TAKE_OPUS);
	assert_int_equal(list[1].ssrc, 6);
	assert_int_equal(list[1].n_codecs, 2);
	assert_int_equal(list[1].codec[1].pt, 103);
	assert_int_equal(list[1].codec[1].codec, TAKE_H264);
	assert_int_equal(list[1].owner, 17);
	assert_string_equal(list[1].source, "{src}");
	assert_string_equal(list[1].label, "@ann:x A B");
	assert_true(stream_same(&list[0], &list[0]));
	assert_false(stream_same(&list[0], &list[1]));
	free(list);
}

static void test_nonsense(void **state)
{
	struct stream *list = NULL;
	unsigned n = 7;

	(void)state;
	assert_int_equal(read_both("no SDP", "", &list, &n), -EBADMSG);
	assert_int_equal(read_both(HEAD AUDIO("0", "sendonly", "x", "5"),
				 "not a line", &list, &n),
		-EBADMSG);
	assert_null(list);
	assert_int_equal(read_both(HEAD, "", &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
}

/* Each payload type once, two recvonly m-lines, PLI for each picture. */
static void test_offer(void **state)
{
	const char *text = streams_offer();
	char error[SDP_ERROR_MAX];
	struct sdp *sdp;
	bool seen[128] = { false };
	unsigned h264 = 0;

	(void)state;
	assert_int_equal(sdp_parse(text, strlen(text), &sdp, error), 0);
	assert_int_equal(sdp->n_media, 2);
	assert_int_equal(sdp->n_bundle, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct sdp_media *m = &sdp->media[i];

		assert_int_equal(m->direction, SDP_RECVONLY);
		assert_true(m->rtcp_mux);
		for (unsigned j = 0; j < m->n_codecs; j++) {
			const struct sdp_codec *c = &m->codec[j];

			assert_false(seen[c->pt]);
			seen[c->pt] = true;
			assert_true(c->clock_hz);
			assert_int_equal(c->n_fb, i);
			h264 += strcmp(c->name, "H264") == 0;
		}
	}
	assert_int_equal(h264, 12);
	assert_int_equal(sdp->media[1].n_codecs, 19);
	sdp_free(sdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_together),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
