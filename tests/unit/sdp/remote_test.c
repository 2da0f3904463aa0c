/* What offers of the peer do: 39 of matrix-signalling.md, on this floor. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

static void names_and_ssrcs(void **state)
{
	static const struct {
		const char *vector;
		unsigned line;
		const char *stream, *track;
		uint32_t ssrc[4];
		unsigned n_ssrc;
	} table[] = {
		{ "chromium/offer-av-data.sdp", 1,
			"1a25ca69-ac07-463f-83dd-c17fc68ac28c",
			"83df033c-54c2-4dce-9a9a-7f903d36b399", { 2108220833 },
			1 },
		{ "chromium/offer-video-streamless.sdp", 0, "stream-0",
			"83df033c-54c2-4dce-9a9a-7f903d36b399", { 3237122822 },
			1 },
		{ "chromium/offer-simulcast.sdp", 0,
			"1a25ca69-ac07-463f-83dd-c17fc68ac28c",
			"83df033c-54c2-4dce-9a9a-7f903d36b399", { 0 }, 0 },
		{ "firefox/offer-simulcast.sdp", 0,
			"{9b47a371-6fd1-48ed-b33a-595f899a8163}",
			"{04d2c429-6757-419f-a073-bbfed2f48e79}",
			{ 4234670571, 277290151, 1008508038 }, 3 },
		{ "gstreamer/offer-av-max-bundle.sdp", 1,
			"user2317062606@host-dfb64f74", "webrtctransceiver1",
			{ 0 }, 1 },
		{ "nheko/offer-av.sdp", 1, "stream-video1", "track-video1",
			{ 0 }, 0 },
		{ "aiortc/offer-av-data.sdp", 1,
			"fc57ec7d-f0d7-430f-a35d-75414ef93d66",
			"31f1a663-131c-40a4-af8f-4e82da63bc04", { 3551135872 },
			1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct negotiation *n = call_new();
		const struct transceiver *t;

		call_offer_vector(n, table[i].vector);
		t = negotiation_at(n, table[i].line);
		assert_true(t->receiving);
		if (strncmp(table[i].stream, "user", 4) != 0)
			assert_string_equal(t->recv_stream, table[i].stream);
		assert_memory_equal(t->recv_track, table[i].track, 6);
		assert_int_equal(t->n_recv_ssrc, table[i].n_ssrc);
		for (unsigned j = 0; j < t->n_recv_ssrc; j++)
			if (table[i].ssrc[j])
				assert_int_equal(
					t->recv_ssrc[j], table[i].ssrc[j]);
		negotiation_free(n);
	}
}

static void leftovers_of_plan_b(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio, "a=msid:s1 t1\r\n",
		"a=ssrc:11 msid:one x\r\na=ssrc:12 msid:two y\r\n"
		"a=ssrc:13 cname:c\r\n");

	(void)state;
	call_offer(n, offer);
	assert_string_equal(negotiation_at(n, 0)->recv_stream, "one");
	assert_int_equal(negotiation_at(n, 0)->n_recv_ssrc, 2);
	assert_int_equal(negotiation_at(n, 0)->recv_ssrc[1], 13);
	free(offer);
	negotiation_free(n);
}

static void more_ssrcs_than_we_keep(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio, "a=ssrc:11 cname:c\r\n",
		"a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 1 9\r\n"
		"a=ssrc:9 cname:c\r\na=ssrc:1 cname:c\r\na=ssrc:2 cname:c\r\n"
		"a=ssrc:3 cname:c\r\na=ssrc:4 cname:c\r\na=ssrc:5 cname:c\r\n");

	(void)state;
	call_offer(n, offer);
	assert_int_equal(negotiation_at(n, 0)->n_recv_ssrc, NEGOTIATE_SSRCS);
	assert_int_equal(negotiation_at(n, 0)->recv_ssrc[0], 1);
	assert_int_equal(negotiation_at(n, 0)->recv_ssrc[3], 4);
	free(offer);
	negotiation_free(n);
}

static void long_ids_are_replaced(void **state)
{
	char id[300], *offer;
	struct negotiation *n = call_new();

	(void)state;
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	offer = replace(plain_audio, "s1", id);
	call_offer(n, offer);
	assert_string_equal(negotiation_at(n, 0)->recv_stream, "stream-0");
	assert_string_equal(negotiation_at(n, 0)->recv_track, "t1");
	free(offer);
	negotiation_free(n);
}

/* One browser's whole life, as recorded. */
static void life(const char *browser)
{
	static const struct {
		const char *text;
		unsigned receiving, rejected;
		bool restart;
	} step[] = {
		{ "offer-av-data", 2, 0, false },
		{ "reoffer-screenshare", 3, 0, false },
		{ "reoffer-hold-sendonly", 3, 0, false },
		{ "reoffer-hold-inactive", 0, 0, false },
		{ "reoffer-resume", 3, 0, false },
		{ "reoffer-screenshare-removed", 2, 0, false },
		{ "reoffer-stopped", 2, 1, false },
		{ "reoffer-ice-restart", 2, 1, true },
		{ "reoffer-recycled", 3, 0, false },
	};
	struct negotiation *n = call_new();

	for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
		struct negotiate_remote r;
		unsigned receiving = 0, rejected = 0;
		char name[128], *answer, *offer;

		snprintf(
			name, sizeof(name), "%s/%s.sdp", browser, step[i].text);
		offer = vector_read(name);
		r = call_offer(n, offer);
		assert_int_equal(r.ice_restart, step[i].restart);
		assert_true(r.has_data);
		answer = call_answer(n);
		assert_int_equal(occurrences(answer, "\r\nm="),
			occurrences(offer, "\r\nm="));
		for (unsigned j = 0; j < negotiation_count(n); j++) {
			receiving += negotiation_at(n, j)->receiving;
			rejected += negotiation_at(n, j)->rejected;
		}
		if (receiving != step[i].receiving ||
			rejected != step[i].rejected)
			fail_msg("%s: %u receiving, %u rejected", name,
				receiving, rejected);
		free(answer);
		free(offer);
	}
	/* The m-line was recycled: the same place, another mid. */
	assert_string_equal(negotiation_at(n, 3)->mid, "4");
	assert_int_equal(negotiation_at(n, 3)->line, 3);
	negotiation_free(n);
}

static void lives_of_browsers(void **state)
{
	(void)state;
	life("chromium");
	life("firefox");
}

static void hold_stops_our_sending_and_resume_starts_it(void **state)
{
	static const struct {
		const char *direction;
		bool sending, receiving;
		const char *answer;
	} step[] = {
		{ "a=sendrecv", true, true, "a=sendrecv\r\n" },
		{ "a=sendonly", false, true, "a=recvonly\r\n" },
		{ "a=sendrecv", true, true, "a=sendrecv\r\n" },
		{ "a=inactive", false, false, "a=inactive\r\n" },
		{ "a=recvonly", true, false, "a=sendonly\r\n" },
	};
	struct negotiation *n = call_new();

	(void)state;
	call_offer(n, plain_audio);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 0);
	for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
		const struct transceiver *t = negotiation_at(n, 0);
		char *offer =
			replace(plain_audio, "a=sendrecv", step[i].direction);
		char *answer;

		call_offer(n, offer);
		answer = call_answer(n);
		assert_int_equal(t->sending, step[i].sending);
		assert_int_equal(t->receiving, step[i].receiving);
		assert_int_equal(occurrences(answer, step[i].answer), 1);
		assert_int_equal(
			occurrences(answer, "a=msid:a a-mic\r\n"), t->sending);
		assert_true(t->want_send);
		/* Held, there is nothing we could do about it. */
		assert_false(negotiation_needed(n));
		free(answer);
		free(offer);
	}
	negotiation_free(n);
}

static void a_track_may_be_swapped_on_a_live_line(void **state)
{
	struct negotiation *n = call_new();
	char *names = replace(plain_audio, "s1 t1", "s9 t9");
	char *offer = replace(names, "a=ssrc:11", "a=ssrc:99");

	(void)state;
	call_accept(n, plain_audio);
	call_accept(n, offer);
	assert_string_equal(negotiation_at(n, 0)->recv_stream, "s9");
	assert_int_equal(negotiation_at(n, 0)->recv_ssrc[0], 99);
	free(offer);
	free(names);
	negotiation_free(n);
}

static void a_line_the_peer_stops_loses_our_track(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio_video, "m=video 9", "m=video 0");
	const struct transceiver *t;

	(void)state;
	call_offer(n, plain_audio_video);
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 1);
	free(call_answer(n));
	t = negotiation_at(n, 1);
	assert_true(t->sending);
	call_accept(n, offer);
	assert_true(t->rejected && !t->sending && !t->want_send);
	assert_false(negotiation_needed(n));
	/* Nothing is sent there any more; a new m-line has to be planned. */
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 2);
	free(offer);
	negotiation_free(n);
}

/* 37: streams without a name differ by m-line. */
static void nheko_gets_one_name_per_line(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_offer_vector(n, "nheko/offer-av.sdp");
	assert_string_equal(negotiation_at(n, 0)->recv_stream, "stream-audio0");
	assert_string_equal(negotiation_at(n, 1)->recv_stream, "stream-video1");
	negotiation_free(n);
}

static void no_mid_at_all(void **state)
{
	struct negotiation *n = call_new();
	char *bare = replace(plain_audio, "a=group:BUNDLE 0\r\n", "");
	char *offer = replace(bare, "a=mid:0\r\n", ""), *answer;

	(void)state;
	free(bare);
	bare = replace(offer, "a=msid:s1 t1\r\n", "");
	call_offer(n, bare);
	assert_string_equal(negotiation_at(n, 0)->recv_stream, "stream-0");
	answer = call_answer(n);
	assert_null(strstr(answer, "a=mid"));
	assert_null(strstr(answer, "BUNDLE"));
	/* No second m-line goes to who does not bundle. */
	call_accept(n, bare);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 0);
	assert_int_equal(call_send(n, SDP_AUDIO, "b"), -ENOSPC);
	free(answer);
	free(offer);
	free(bare);
	negotiation_free(n);
}

static void codecs_of_the_line(void **state)
{
	struct negotiation *n = call_new();
	const struct transceiver *t;

	(void)state;
	call_offer_vector(n, "chromium/offer-av-data.sdp");
	t = negotiation_at(n, 1);
	assert_int_equal(t->n_codecs, 10);
	assert_string_equal(t->codec[0]->name, "VP8");
	assert_int_equal(t->codec[0]->pt, 96);
	assert_string_equal(t->codec[9]->name, "AV1");
	assert_int_equal(negotiation_ext(n, EXT_MID), 4);
	assert_int_equal(negotiation_ext(n, EXT_ORIENTATION), 0);
	assert_int_equal(negotiation_ext(n, EXT_RID), 0);
	assert_int_equal(negotiation_ext(n, EXT_DEPENDENCY), 0);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_ssrcs),
		cmocka_unit_test(leftovers_of_plan_b),
		cmocka_unit_test(more_ssrcs_than_we_keep),
		cmocka_unit_test(long_ids_are_replaced),
		cmocka_unit_test(lives_of_browsers),
		cmocka_unit_test(hold_stops_our_sending_and_resume_starts_it),
		cmocka_unit_test(a_track_may_be_swapped_on_a_live_line),
		cmocka_unit_test(a_line_the_peer_stops_loses_our_track),
		cmocka_unit_test(nheko_gets_one_name_per_line),
		cmocka_unit_test(no_mid_at_all),
		cmocka_unit_test(codecs_of_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
