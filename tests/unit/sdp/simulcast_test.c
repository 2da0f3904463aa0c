/* Layers of what the peer publishes: a=simulcast with rids, and SIM groups. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

static const struct negotiate_features all = {
	.rtx = true, .simulcast = true, .twcc = true, .red = true
};

static struct negotiation *call_with_all(void)
{
	struct negotiation *n = call_new();

	negotiation_set_features(n, &all);
	return n;
}

/* The transceiver of the first m-line with layers. */
static const struct transceiver *layered(const struct negotiation *n)
{
	for (unsigned i = 0; i < negotiation_count(n); i++)
		if (negotiation_at(n, i)->n_recv_rids)
			return negotiation_at(n, i);
	fail_msg("no layers");
	return NULL;
}

static void check_three(const struct negotiation *n)
{
	const struct transceiver *t = layered(n);

	assert_int_equal(t->n_recv_rids, 3);
	assert_string_equal(t->recv_rid[0], "q");
	assert_string_equal(t->recv_rid[1], "h");
	assert_string_equal(t->recv_rid[2], "f");
	assert_true(t->receiving);
}

static void check_answer(const char *answer)
{
	assert_non_null(strstr(answer,
		"a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\n"
		"a=simulcast:recv q;h;f\r\n"));
	assert_non_null(strstr(
		answer, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
	assert_non_null(strstr(answer,
		"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"));
	assert_non_null(
		strstr(answer, "urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
}

static void browsers_offer_three(void **state)
{
	static const char *const vectors[] = { "chromium/offer-simulcast.sdp",
		"firefox/offer-simulcast.sdp" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct negotiation *n = call_with_all();
		char *answer, *ours;

		call_offer_vector(n, vectors[i]);
		answer = call_answer(n);
		check_answer(answer);
		check_three(n);
		assert_non_null(strstr(answer, " rtx/90000\r\n"));
		assert_int_not_equal(negotiation_ext(n, EXT_RID), 0);
		assert_int_not_equal(negotiation_ext(n, EXT_RRID), 0);
		assert_int_not_equal(layered(n)->codec[0]->rtx_pt, 0);
		free(answer);
		/* What we offer later keeps it. */
		call_send(n, SDP_VIDEO, "a");
		ours = negotiation_offer(n, &harness_local);
		check_answer(ours);
		free(ours);
		negotiation_rollback(n);
		negotiation_free(n);
	}
}

static void off_means_off(void **state)
{
	struct negotiation *n = call_new();
	char *answer;

	(void)state;
	call_offer_vector(n, "chromium/offer-simulcast.sdp");
	answer = call_answer(n);
	assert_null(strstr(answer, "a=rid"));
	assert_null(strstr(answer, "simulcast"));
	assert_null(strstr(answer, "stream-id"));
	assert_int_equal(negotiation_ext(n, EXT_RID), 0);
	for (unsigned i = 0; i < negotiation_count(n); i++)
		assert_int_equal(negotiation_at(n, i)->n_recv_rids, 0);
	free(answer);
	negotiation_free(n);
}

#define RID "a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"

/* plain_audio_video with these lines in its video. */
static char *with(const char *lines)
{
	char text[512];

	snprintf(text, sizeof(text), "a=mid:1\r\n%s", lines);
	return replace(plain_audio_video, "a=mid:1\r\n", text);
}

static void what_is_read(void **state)
{
	static const struct {
		const char *lines, *layers;
	} t[] = {
		{ RID "a=rid:a send\r\na=rid:b send\r\na=simulcast:send a;b",
			"a;b" },
		/* Another order, and receiving as well. */
		{ RID "a=rid:a send\r\na=rid:b send\r\na=rid:c recv\r\n"
		      "a=simulcast:recv c send b;a",
			"b;a" },
		{ RID "a=rid:a send\r\na=simulcast:send a recv a", "a" },
		/* Paused, and alternatives. */
		{ RID "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\n"
		      "a=simulcast:send ~a;~b,c",
			"a;b" },
		{ RID "a=rid:a send pt=96;max-width=640\r\n"
		      "a=simulcast: send a",
			"a" },
		/* Not sent, never named, named twice, no names. */
		{ RID "a=rid:a recv\r\na=rid:b send\r\n"
		      "a=simulcast:send a;b;c;b;;",
			"b" },
		{ RID "a=rid:a/b send\r\na=rid:c send\r\n"
		      "a=simulcast:send a/b;c",
			"c" },
		{ RID "a=rid:abcdefghijklmnopq send\r\na=rid:c send\r\n"
		      "a=simulcast:send abcdefghijklmnopq;c",
			"c" },
		{ RID "a=rid:abcdefghijklmnop send\r\n"
		      "a=simulcast:send abcdefghijklmnop",
			"abcdefghijklmnop" },
		/* More than we have room for. */
		{ RID "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\n"
		      "a=rid:d send\r\na=rid:e send\r\n"
		      "a=simulcast:send a;b;c;d;e",
			"a;b;c;d" },
		/* None at all. */
		{ RID "a=rid:a send", "" },
		{ RID "a=rid:a send\r\na=simulcast:recv a", "" },
		{ RID "a=rid:a send\r\na=simulcast:send", "" },
		{ RID "a=rid:a send\r\na=simulcast:", "" },
		{ RID "a=simulcast:send a", "" },
		/* Nobody could tell the layers. */
		{ "a=rid:a send\r\na=rid:b send\r\na=simulcast:send a;b", "" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct negotiation *n = call_with_all();
		char lines[400], *text, *answer, got[128];

		snprintf(lines, sizeof(lines), "%s\r\n", t[i].lines);
		text = with(lines);
		call_offer(n, text);
		answer = call_answer(n);
		snprintf(got, sizeof(got), "a=simulcast:recv %s\r\n",
			t[i].layers);
		if (*t[i].layers && !strstr(answer, got))
			fail_msg("%s: %s", lines, answer);
		if (!*t[i].layers && (strstr(answer, "a=simulcast") ||
					     strstr(answer, "a=rid")))
			fail_msg("%s: %s", lines, answer);
		free(text);
		free(answer);
		negotiation_free(n);
	}
}

/* A camera that is turned off, or an m-line that is taken back, has none. */
static void layers_end(void **state)
{
	char *on = with(RID "a=rid:a send\r\na=rid:b send\r\n"
			    "a=simulcast:send a;b\r\n");
	char *off = replace(
		on, "a=sendrecv\r\na=msid:s1 t2", "a=recvonly\r\na=x:y");
	struct negotiation *n = call_with_all();
	char *answer;

	(void)state;
	call_accept(n, on);
	assert_int_equal(layered(n)->n_recv_rids, 2);
	call_offer(n, off);
	answer = call_answer(n);
	assert_null(strstr(answer, "simulcast"));
	assert_int_equal(negotiation_at(n, 1)->n_recv_rids, 0);
	call_accept(n, on);
	assert_int_equal(layered(n)->n_recv_rids, 2);
	free(answer);
	free(on);
	free(off);
	negotiation_free(n);
}

/* --- SIM groups, Chromium's older way ----------------------------------- */

#define SIM                                                                    \
	"a=ssrc-group:SIM 33 31 32\r\na=ssrc-group:FID 31 41\r\n"              \
	"a=ssrc-group:FID 32 42\r\na=ssrc-group:FID 33 43\r\n"                 \
	"a=ssrc:31 cname:c\r\na=ssrc:32 cname:c\r\na=ssrc:33 cname:c\r\n"      \
	"a=ssrc:41 cname:c\r\na=ssrc:42 cname:c\r\na=ssrc:43 cname:c\r\n"

static void groups_of_ssrcs(void **state)
{
	static const uint32_t order[] = { 33, 31, 32 };
	struct negotiation *n = call_with_all();
	char *text = with(SIM);
	const struct transceiver *t;

	(void)state;
	call_accept(n, text);
	t = negotiation_at(n, 1);
	assert_true(t->recv_sim);
	assert_int_equal(t->n_recv_ssrc, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(t->recv_ssrc[i], order[i]);
		assert_int_equal(t->recv_rtx_ssrc[i], order[i] + 10);
	}
	negotiation_free(n);

	/* Without the feature they are streams of the m-line, as ever. */
	n = call_new();
	call_accept(n, text);
	t = negotiation_at(n, 1);
	assert_false(t->recv_sim);
	assert_int_equal(t->n_recv_ssrc, 4);
	free(text);
	negotiation_free(n);
}

static void groups_that_lie(void **state)
{
	static const char *const lines[] = {
		/* Nobody's, one alone, itself twice, empty. */
		"a=ssrc-group:SIM 98 99\r\n",
		"a=ssrc-group:SIM 21\r\n",
		"a=ssrc-group:SIM 21 21\r\n",
		"a=ssrc-group:SIM\r\n",
		"a=ssrc-group:FID 21\r\n",
		"a=ssrc-group:FID 99 98\r\n",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct negotiation *n = call_with_all();
		char *text = with(lines[i]);
		const struct transceiver *t;

		call_accept(n, text);
		t = negotiation_at(n, 1);
		assert_false(t->recv_sim);
		assert_int_equal(t->n_recv_ssrc, 1);
		assert_int_equal(t->recv_ssrc[0], 21);
		assert_int_equal(t->recv_rtx_ssrc[0], 0);
		free(text);
		negotiation_free(n);
	}
}

/* What another worker is told of a publisher's layers it takes as they are. */
static void other_workers_are_told(void **state)
{
	static const char group[] =
		HEAD "a=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
		     "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n"
		     "a=rtcp-mux\r\n" TRANSPORT "a=rtpmap:96 VP8/90000\r\n"
		     "a=msid:a b\r\na=ssrc-group:SIM 1 2 3\r\n"
		     "a=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\n"
		     "a=ssrc:3 cname:x\r\n";
	char *rids = vector_read("chromium/offer-simulcast.sdp");
	const char *const offer[] = { rids, group };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct negotiation *n = call_with_all();
		struct negotiation *far = call_new();
		bool which[8] = { false };
		char error[SDP_ERROR_MAX], *told;
		struct negotiate_remote remote;
		const struct transceiver *a = NULL, *b;

		call_accept(n, offer[i]);
		for (unsigned k = 0; k < negotiation_count(n); k++) {
			const struct transceiver *t = negotiation_at(n, k);

			if (t->n_recv_rids < 2 && !t->recv_sim)
				continue;
			which[k] = true;
			a = t;
		}
		assert_non_null(a);
		told = negotiation_published(n, which, which);
		assert_non_null(told);
		negotiation_set_features(far, &all);
		negotiation_make_plain(far, false, true);
		assert_int_equal(negotiation_remote_offer(far, told,
					 strlen(told), &remote, error),
			0);
		b = negotiation_at(far, 0);
		assert_int_equal(b->n_recv_rids, a->n_recv_rids);
		for (unsigned k = 0; k < a->n_recv_rids; k++)
			assert_string_equal(b->recv_rid[k], a->recv_rid[k]);
		assert_int_equal(b->recv_sim, a->recv_sim);
		assert_false(a->recv_slides);
		assert_true(b->recv_slides);
		assert_int_equal(b->n_recv_ssrc, a->n_recv_ssrc);
		for (unsigned k = 0; k < a->n_recv_ssrc; k++)
			assert_int_equal(b->recv_ssrc[k], a->recv_ssrc[k]);
		assert_int_equal(negotiation_ext(far, EXT_RID),
			negotiation_ext(n, EXT_RID));
		free(told);
		negotiation_free(far);
		negotiation_free(n);
	}
	free(rids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_workers_are_told),
		cmocka_unit_test(browsers_offer_three),
		cmocka_unit_test(off_means_off),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(layers_end),
		cmocka_unit_test(groups_of_ssrcs),
		cmocka_unit_test(groups_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
