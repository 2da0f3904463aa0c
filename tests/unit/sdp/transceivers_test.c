/* Send halves: taking, planning, giving up, using again. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

static const struct transceiver *at(struct negotiation *n, int i)
{
	return negotiation_at(n, (unsigned)i);
}

static void free_halves_first(void **state)
{
	struct negotiation *n = call_new();
	char *offer;

	(void)state;
	call_accept(n, plain_audio_video);
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 1);
	assert_true(negotiation_needed(n));
	assert_int_equal(call_send(n, SDP_VIDEO, "b"), 2);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 0);
	assert_int_equal(at(n, 2)->line, -1);
	assert_string_equal(at(n, 2)->mid, "");
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	assert_int_equal(occurrences(offer, "\r\nm="), 3);
	assert_non_null(strstr(offer, "BUNDLE 0 1 h0\r\n"));
	assert_string_equal(at(n, 2)->mid, "h0");
	free(offer);
	negotiation_rollback(n);
	call_renegotiate(n);
	assert_true(at(n, 0)->sending && at(n, 1)->sending);
	assert_true(at(n, 2)->sending);
	assert_int_equal(at(n, 2)->line, 2);
	assert_string_equal(at(n, 2)->mid, "h1");
	assert_int_equal(at(n, 2)->n_codecs, 1);
	assert_false(negotiation_needed(n));
	negotiation_free(n);
}

static void without_growth_only_what_is_there(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_codec c = {
		.name = "VP8", .clock_hz = 90000, .channels = 1
	};

	(void)state;
	call_offer(n, plain_audio_video);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(&c, 1), false),
		1);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t2", "c", 2,
				 call_from(&c, 1), false),
		-EAGAIN);
	free(call_answer(n));
	/* In that same answer it began. */
	assert_true(at(n, 1)->sending);
	assert_int_equal(negotiation_count(n), 2);
	negotiation_free(n);
}

/* webrtcbin: an m-line keeps the direction it has, come who may. */
static void a_rigid_peer_gets_new_lines(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_codec c = {
		.name = "VP8", .clock_hz = 90000, .channels = 1
	};
	char *half = replace(plain_audio_video, "a=mid:1", "a=mid:video1");
	char *offer = replace(half, "BUNDLE 0 1", "BUNDLE 0 video1");

	(void)state;
	call_accept(n, plain_audio_video);
	assert_false(negotiation_is_rigid(n));
	negotiation_free(n);

	n = call_new();
	call_accept(n, offer);
	assert_true(negotiation_is_rigid(n));
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 2);
	call_renegotiate(n);
	assert_true(at(n, 2)->sending);
	negotiation_unsend(n, 2);
	call_renegotiate(n);
	assert_int_equal(call_send(n, SDP_VIDEO, "b"), 3);
	negotiation_free(n);

	/* One stream for good: its own m-lines, in the first answer. */
	n = call_new();
	call_offer(n, offer);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(&c, 1), false),
		1);
	free(offer);
	free(half);
	negotiation_free(n);
}

static void codecs_have_to_fit(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_codec c[] = {
		{ .name = "AV1", .clock_hz = 90000, .channels = 1 },
		{ .name = "H264",
			.clock_hz = 90000,
			.channels = 1,
			.fmtp = "packetization-mode=1;"
				"profile-level-id=42e034" }
	};

	(void)state;
	call_accept(n, plain_audio_video);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(c, 1), true),
		-EOPNOTSUPP);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(c, 0), true),
		-EOPNOTSUPP);
	assert_int_equal(negotiation_count(n), 2);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(c, 2), true),
		1);
	/* Planned for the H.264 publisher: H.264 alone, in the peer's number.
	 */
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "u", "c", 2,
				 call_from(c, 2), true),
		2);
	call_renegotiate(n);
	assert_int_equal(at(n, 2)->n_codecs, 1);
	assert_int_equal(at(n, 2)->codec[0]->pt, 102);
	/* It receives there too, and goes on taking all it took. */
	assert_int_equal(at(n, 1)->n_codecs, 2);
	negotiation_free(n);
}

static void names_are_checked(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_codec c = {
		.name = "opus", .clock_hz = 48000, .channels = 2
	};
	static const struct {
		const char *stream, *track, *cname;
	} table[] = { { "", "t", "c" }, { "s", "", "c" }, { "s", "t", "" },
		{ "a b", "t", "c" }, { "s", "t\r\na=x", "c" },
		{ "s", "t", "c\n" } };

	(void)state;
	call_accept(n, plain_audio);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		assert_int_equal(negotiation_send(n, SDP_AUDIO, table[i].stream,
					 table[i].track, table[i].cname, 1,
					 call_from(&c, 1), true),
			-EINVAL);
	assert_int_equal(negotiation_send(n, SDP_APPLICATION, "s", "t", "c", 1,
				 call_from(&c, 1), true),
		-EINVAL);
	assert_false(negotiation_needed(n));
	negotiation_free(n);
}

static void a_half_cools_before_it_is_used_again(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_accept(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	call_renegotiate(n);
	negotiation_unsend(n, 1);
	assert_true(at(n, 1)->cooling);
	assert_true(negotiation_needed(n));
	/* Not yet: the peer would not fire `track`. */
	assert_int_equal(call_send(n, SDP_VIDEO, "b"), 2);
	call_renegotiate(n);
	assert_false(at(n, 1)->cooling || at(n, 1)->sending);
	assert_true(at(n, 1)->receiving);
	assert_int_equal(call_send(n, SDP_VIDEO, "c"), 1);
	call_renegotiate(n);
	assert_true(at(n, 1)->sending);
	assert_string_equal(at(n, 1)->send_stream, "c");
	assert_false(negotiation_needed(n));
	negotiation_free(n);
}

static void an_answer_cools_as_well(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_offer(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	free(call_answer(n));
	call_offer(n, plain_audio_video);
	negotiation_unsend(n, 1);
	assert_int_equal(call_send(n, SDP_VIDEO, "b"), 2);
	free(call_answer(n));
	assert_false(at(n, 1)->cooling || at(n, 1)->sending);
	assert_int_equal(call_send(n, SDP_VIDEO, "c"), 1);
	negotiation_free(n);
}

static void own_lines_are_used_again_for_other_codecs(void **state)
{
	struct negotiation *n = call_new();
	struct negotiate_codec h264 = { .name = "H264",
		.clock_hz = 90000,
		.channels = 1,
		.fmtp = "packetization-mode=1;profile-level-id=42e01f" };

	(void)state;
	call_accept(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	call_send(n, SDP_VIDEO, "b");
	call_renegotiate(n);
	negotiation_unsend(n, 2);
	call_renegotiate(n);
	assert_int_equal(negotiation_send(n, SDP_VIDEO, "s", "t", "c", 1,
				 call_from(&h264, 1), true),
		2);
	call_renegotiate(n);
	assert_true(at(n, 2)->sending);
	assert_int_equal(at(n, 2)->n_codecs, 1);
	assert_string_equal(at(n, 2)->codec[0]->name, "H264");
	negotiation_free(n);
}

static void a_plan_given_up_leaves_nothing(void **state)
{
	struct negotiation *n = call_new();
	char *offer;

	(void)state;
	call_accept(n, plain_audio);
	call_send(n, SDP_AUDIO, "a");
	assert_int_equal(call_send(n, SDP_AUDIO, "b"), 1);
	negotiation_unsend(n, 1);
	assert_false(at(n, 1)->cooling);
	/* Its slot is free for the next. */
	assert_int_equal(call_send(n, SDP_AUDIO, "c"), 1);
	negotiation_unsend(n, 1);
	negotiation_unsend(n, 0);
	assert_false(negotiation_needed(n));
	offer = negotiation_offer(n, &harness_local);
	assert_int_equal(occurrences(offer, "\r\nm="), 1);
	free(offer);
	negotiation_free(n);
}

static void given_up_while_the_offer_is_out(void **state)
{
	struct negotiation *n = call_new();
	char error[SDP_ERROR_MAX], *offer, *answer;
	struct negotiate_remote r;

	(void)state;
	call_accept(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	offer = negotiation_offer(n, &harness_local);
	negotiation_unsend(n, 1);
	assert_int_equal(call_send(n, SDP_VIDEO, "b"), 2);
	answer = browser_answer(offer, NULL, 0);
	assert_int_equal(
		negotiation_remote_answer(n, answer, strlen(answer), &r, error),
		0);
	/* The peer thinks it is sent there; the next offer tells it. */
	assert_true(at(n, 1)->sending && at(n, 1)->cooling);
	assert_true(negotiation_needed(n));
	call_renegotiate(n);
	assert_false(at(n, 1)->sending || at(n, 1)->cooling);
	assert_true(at(n, 2)->sending);
	free(answer);
	free(offer);
	negotiation_free(n);
}

static void a_line_held_by_the_peer_is_not_taken(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio, "sendrecv", "sendonly");

	(void)state;
	call_accept(n, offer);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 1);
	free(offer);
	negotiation_free(n);
}

static void lines_are_limited(void **state)
{
	static const char *const codecs[] = { "opus", NULL };
	struct negotiation *n = negotiation_new(codecs, 1, 3);

	(void)state;
	assert_non_null(n);
	call_accept(n, plain_audio);
	for (int i = 0; i < 3; i++)
		assert_int_equal(call_send(n, SDP_AUDIO, "a"), i);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), -ENOSPC);
	call_renegotiate(n);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), -ENOSPC);
	negotiation_free(n);
}

static void the_peer_declines(void **state)
{
	static const char *const direction[] = { NULL, "inactive", "reject" };
	struct negotiation *n = call_new();
	char error[SDP_ERROR_MAX], *offer, *answer;
	struct negotiate_remote r;

	(void)state;
	call_accept(n, plain_audio);
	for (int i = 0; i < 3; i++)
		assert_int_equal(call_send(n, SDP_AUDIO, "a"), i);
	offer = negotiation_offer(n, &harness_local);
	answer = browser_answer(offer, direction, 3);
	assert_int_equal(
		negotiation_remote_answer(n, answer, strlen(answer), &r, error),
		0);
	assert_true(at(n, 0)->sending);
	assert_false(at(n, 1)->sending || at(n, 2)->sending);
	assert_true(at(n, 2)->rejected && !at(n, 2)->want_send);
	/* Asking again would get the same answer. */
	assert_false(negotiation_needed(n));
	free(offer);
	free(answer);
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(strstr(offer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
	free(offer);
	negotiation_free(n);
}

static void a_peer_with_data_alone_gets_defaults(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_offer_vector(n, "chromium/offer-data.sdp");
	free(call_answer(n));
	assert_int_equal(negotiation_ext(n, EXT_MID), 0);
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 1);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 2);
	call_renegotiate(n);
	assert_int_equal(at(n, 1)->codec[0]->pt, 96);
	assert_int_equal(at(n, 2)->codec[0]->pt, 111);
	assert_int_equal(negotiation_ext(n, EXT_MID), 4);
	assert_int_equal(negotiation_ext(n, EXT_AUDIO_LEVEL), 1);
	negotiation_free(n);
}

/* What was only assumed gives way to what the peer says of itself. */
static void assumptions_give_way(void **state)
{
	struct negotiation *n = call_new();
	char *data = vector_read("firefox/offer-data.sdp"), *grown, *text;
	char *media = vector_read("firefox/offer-video-streamless.sdp");
	char *first = section(media, 0), *more;
	/* It keeps to ids that were agreed on (measured), not so here. */
	char *video = replace(first, "a=extmap:", "a=x-extmap:");

	(void)state;
	call_accept(n, data);
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 1);
	call_renegotiate(n);
	assert_int_equal(at(n, 1)->codec[0]->pt, 96);
	/* Firefox numbers its own m-lines as ever. */
	text = replace(video, "a=mid:0", "a=mid:7");
	more = replace(data, "BUNDLE 0", "BUNDLE 0 h0 7");
	grown = calloc(1, 20000);
	snprintf(grown, 20000,
		"%sm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:h0\r\na=recvonly\r\n"
		"a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n%s",
		more, text);
	call_accept(n, grown);
	assert_true(at(n, 1)->sending);
	assert_int_equal(at(n, 1)->codec[0]->pt, 96);
	assert_int_equal(at(n, 2)->codec[0]->pt, 120);
	assert_int_equal(at(n, 2)->n_codecs, 3);
	free(grown);
	free(more);
	free(text);
	free(video);
	free(first);
	free(media);
	free(data);
	negotiation_free(n);
}

/* An id we only assumed is the peer's to use for something of its own. */
static void assumed_ids_give_way(void **state)
{
	struct negotiation *n = call_new();
	char *data = vector_read("chromium/offer-data.sdp");
	char *head = replace(data, "BUNDLE 0", "BUNDLE 0 1"), *offer;
	static const char audio[] =
		"m=audio 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:1\r\na=rtcp-mux\r\n"
		"a=rtpmap:98 opus/48000/2\r\na=extmap:13 urn:other\r\n";

	(void)state;
	call_accept(n, data);
	/* Assumes VP9 at 98, and orientation at 13. */
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), 1);
	offer = calloc(1, strlen(head) + sizeof(audio));
	strcat(strcpy(offer, head), audio);
	call_accept(n, offer);
	free(offer);
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	assert_int_equal(occurrences(offer, "a=rtpmap:96 VP8/90000"), 1);
	assert_int_equal(occurrences(offer, "a=extmap:13"), 0);
	assert_int_equal(occurrences(offer, "a=rtpmap:98 opus"), 1);
	free(offer);
	free(head);
	free(data);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_halves_first),
		cmocka_unit_test(without_growth_only_what_is_there),
		cmocka_unit_test(a_rigid_peer_gets_new_lines),
		cmocka_unit_test(codecs_have_to_fit),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(a_half_cools_before_it_is_used_again),
		cmocka_unit_test(an_answer_cools_as_well),
		cmocka_unit_test(own_lines_are_used_again_for_other_codecs),
		cmocka_unit_test(a_plan_given_up_leaves_nothing),
		cmocka_unit_test(given_up_while_the_offer_is_out),
		cmocka_unit_test(a_line_held_by_the_peer_is_not_taken),
		cmocka_unit_test(lines_are_limited),
		cmocka_unit_test(the_peer_declines),
		cmocka_unit_test(a_peer_with_data_alone_gets_defaults),
		cmocka_unit_test(assumptions_give_way),
		cmocka_unit_test(assumed_ids_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
