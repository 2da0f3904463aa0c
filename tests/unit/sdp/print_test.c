/* Offers of real peers and the answers they get, byte for byte. */
#include "harness.h"

#include <stdio.h>

/* Where an answer has room for it. */
static void send_now(struct negotiation *n, enum sdp_kind kind)
{
	static const struct negotiate_codec codec[] = {
		{ .name = "opus", .clock_hz = 48000, .channels = 2 },
		{ .name = "VP8", .clock_hz = 90000, .channels = 1 },
	};
	const bool video = kind == SDP_VIDEO;

	negotiation_send(n, kind, "anna", video ? "anna-cam" : "anna-mic",
		"cname", 1234, call_from(&codec[video], 1), false);
}

static void answers_are_as_kept(void **state)
{
	static const char *const name[] = { "chromium/offer-av-data.sdp",
		"chromium/offer-recvonly.sdp", "chromium/offer-simulcast.sdp",
		"chromium/reoffer-stopped.sdp", "firefox/offer-av-data.sdp",
		"firefox/offer-max-bundle.sdp", "safari/offer-av-data.sdp",
		"gstreamer/offer-av-data.sdp",
		"gstreamer/offer-av-no-bundle.sdp", "aiortc/offer-av-data.sdp",
		"nheko/offer-av.sdp" };

	(void)state;
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		struct negotiation *n = call_new();
		char path[128], *want, *got;

		call_offer_vector(n, name[i]);
		send_now(n, SDP_AUDIO);
		send_now(n, SDP_VIDEO);
		got = call_answer(n);
		snprintf(path, sizeof(path), "answers/%s", name[i]);
		*strchr(path + 8, '/') = '-';
		want = vector_read(path);
		assert_string_equal(got, want);
		free(want);
		free(got);
		negotiation_free(n);
	}
}

static void our_own_texts_parse(void **state)
{
	struct negotiation *n = call_new();
	char error[SDP_ERROR_MAX], *offer;
	struct sdp *s;

	(void)state;
	call_accept(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	call_send(n, SDP_VIDEO, "b");
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	assert_int_equal(sdp_parse(offer, strlen(offer), &s, error), 0);
	assert_int_equal(s->n_media, 3);
	assert_true(s->session_id == 4711);
	assert_int_equal(s->n_bundle, 3);
	assert_true(s->media[0].ice_lite);
	assert_int_equal(s->media[0].n_candidates, 2);
	assert_int_equal(s->media[1].n_candidates, 0);
	assert_int_equal(s->media[2].direction, SDP_SENDONLY);
	assert_int_equal(s->media[2].setup, SDP_ACTIVE);
	assert_string_equal(s->media[2].stream_id, "b");
	assert_string_equal(s->media[2].track_id, "b-cam");
	assert_string_equal(s->media[2].ssrc[0].cname, "cname");
	assert_string_equal(s->media[2].ssrc[0].msid, "b b-cam");
	sdp_free(s);
	free(offer);
	negotiation_free(n);
}

static struct negotiation *call_with_features(const char *vector)
{
	static const char *const codecs[] = { "opus", "VP8", "VP9", "H264",
		"AV1", NULL };
	static const struct negotiate_features features = {
		.rtx = true, .simulcast = true, .twcc = true, .red = true
	};
	struct negotiation *n = negotiation_new(codecs, 4711, 200);

	assert_non_null(n);
	negotiation_set_features(n, &features);
	call_offer_vector(n, vector);
	free(call_answer(n));
	return n;
}

/* A microphone and a camera of each of 48. */
static void send_many(struct negotiation *n, const struct transceiver *audio,
	const struct transceiver *video)
{
	for (unsigned i = 0; i < 96; i++) {
		const bool cam = i % 2;
		char stream[16], track[16];
		int at;

		snprintf(stream, sizeof(stream), "h%u-0", i / 2);
		snprintf(track, sizeof(track), "h%u-%u-%c", i / 2, i % 2,
			cam ? 'v' : 'a');
		at = negotiation_send(n, cam ? SDP_VIDEO : SDP_AUDIO, stream,
			track, stream, 4000000000u + i, cam ? video : audio,
			true);
		assert_true(at >= 0);
		if (cam)
			negotiation_send_rtx(n, (unsigned)at, 3000000000u + i);
	}
}

/* Of opus and VP8. */
static void send_many_plain(struct negotiation *n)
{
	static const struct negotiate_codec codec[] = {
		{ .name = "opus", .clock_hz = 48000, .channels = 2 },
		{ .name = "VP8", .clock_hz = 90000, .channels = 1 },
	};

	send_many(n, call_from(&codec[0], 1), call_from(&codec[1], 1));
}

static size_t as_json(const char *text)
{
	return strlen(text) + 2 * occurrences(text, "\n");
}

/* Each of all the codecs that Chromium has: it goes through the control
 * channel, which takes 262,144 bytes. */
static void a_room_of_fifty_browsers_can_be_offered(void **state)
{
	struct negotiation *n =
		call_with_features("chromium/offer-av-data.sdp");
	struct negotiation *from =
		call_with_features("chromium/offer-av-data.sdp");
	char *offer;

	(void)state;
	send_many(n, negotiation_at(from, 0), negotiation_at(from, 1));
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	assert_true(occurrences(offer, " H264/90000") >= 48 * 4);
	assert_in_range(as_json(offer), 60000, 130000);
	free(offer);
	negotiation_free(n);
	negotiation_free(from);
}

/* A homeserver takes 65,536 bytes, of which the names of the streams have some
 * 12,000, and every end of a line is a byte or two more in JSON. */
static void a_room_of_fifty_fits_in_a_message(void **state)
{
	static const char *const name[] = { "chromium/offer-av-data.sdp",
		"firefox/offer-av-data.sdp", "safari/offer-av-data.sdp" };

	(void)state;
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		struct negotiation *n = call_with_features(name[i]);
		char *offer, error[SDP_ERROR_MAX];
		struct sdp *s;

		send_many_plain(n);
		offer = negotiation_offer(n, &harness_local);
		assert_non_null(offer);
		assert_in_range(as_json(offer), 20000, 47000);
		assert_int_equal(sdp_parse(offer, strlen(offer), &s, error), 0);
		assert_in_range(s->n_media, 96, 99);
		/* What stands once holds for all. */
		for (unsigned j = 0; j < s->n_media; j++) {
			assert_string_equal(s->media[j].ufrag, "hrth");
			assert_true(s->media[j].fingerprint[0] != '\0');
			assert_int_equal(s->media[j].setup, SDP_ACTIVE);
			assert_true(s->media[j].rtcp_mux ||
				    s->media[j].kind == SDP_APPLICATION);
		}
		sdp_free(s);
		free(offer);
		negotiation_free(n);
	}
}

/* aiortc looks for the transport in each m-line, and webrtcbin for feedback by
 * payload type: neither says what browsers say. */
static void other_peers_get_it_all_in_each_line(void **state)
{
	static const char *const name[] = { "aiortc/offer-av-data.sdp",
		"gstreamer/offer-av-data.sdp", "nheko/offer-av.sdp" };

	(void)state;
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		struct negotiation *n = call_new();
		char *offer;

		call_offer_vector(n, name[i]);
		free(call_answer(n));
		send_now(n, SDP_AUDIO);
		call_send(n, SDP_VIDEO, "a");
		call_send(n, SDP_VIDEO, "b");
		offer = negotiation_offer(n, &harness_local);
		assert_non_null(offer);
		assert_int_equal(occurrences(offer, "\r\na=ice-pwd:"),
			occurrences(offer, "\r\nm="));
		assert_int_equal(occurrences(offer, "\r\na=setup:"),
			occurrences(offer, "\r\nm="));
		assert_int_equal(occurrences(offer, "a=rtcp-fb:*"), 0);
		free(offer);
		negotiation_free(n);
	}
}

/* Codecs that all want the same are told so in one go. */
static void feedback_of_all_is_said_once(void **state)
{
	struct negotiation *n = call_new();
	char *offer, *last;
	int at;

	(void)state;
	call_offer_vector(n, "chromium/offer-av-data.sdp");
	free(call_answer(n));
	at = negotiation_send(
		n, SDP_VIDEO, "s", "t", "c", 1234, negotiation_at(n, 1), true);
	assert_true(at >= 0);
	at = negotiation_send(
		n, SDP_VIDEO, "s", "u", "c", 1235, negotiation_at(n, 1), true);
	assert_true(at >= 0);
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	last = section(offer, occurrences(offer, "\r\nm=") - 1);
	assert_true(occurrences(last, "a=rtpmap:") > 4);
	assert_int_equal(occurrences(last, "a=rtcp-fb:"), 4 - 1);
	assert_int_equal(occurrences(last, "a=rtcp-fb:* "), 4 - 1);
	free(last);
	free(offer);
	negotiation_free(n);
}

static void every_line_ends_in_crlf(void **state)
{
	struct negotiation *n = call_new();
	char *text;

	(void)state;
	call_offer_vector(n, "chromium/offer-av-data.sdp");
	text = call_answer(n);
	assert_int_equal(occurrences(text, "\n"), occurrences(text, "\r\n"));
	assert_int_equal(occurrences(text, "\r"), occurrences(text, "\r\n"));
	assert_string_equal(text + strlen(text) - 2, "\r\n");
	free(text);
	negotiation_free(n);
}

static void versions_count_up(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	for (unsigned i = 1; i < 4; i++) {
		char want[64], *text;

		call_offer(n, plain_audio);
		text = call_answer(n);
		snprintf(want, sizeof(want), "\r\no=- 4711 %u IN IP4", i);
		assert_non_null(strstr(text, want));
		free(text);
	}
	negotiation_free(n);
}

static void old_data_lines_get_old_answers(void **state)
{
	struct negotiation *n = call_new();
	static const char offer[] = HEAD
		"a=group:BUNDLE data\r\n"
		"m=application 9 DTLS/SCTP 5000\r\na=mid:data\r\n" TRANSPORT
		"a=sctpmap:5000 webrtc-datachannel 1024\r\n";
	char *text;

	(void)state;
	assert_true(call_offer(n, offer).has_data);
	text = call_answer(n);
	assert_non_null(strstr(text, "\r\nm=application 9 DTLS/SCTP 5000\r\n"));
	assert_non_null(strstr(text, "a=sctpmap:5000 webrtc-datachannel 1024"));
	assert_null(strstr(text, "a=sctp-port"));
	free(text);
	negotiation_free(n);
}

/* 44 of matrix-signalling.md starts here: what is named is what is sent. */
static void only_sent_streams_are_named(void **state)
{
	struct negotiation *n = call_new();
	char *text;

	(void)state;
	call_accept(n, plain_audio_video);
	call_send(n, SDP_VIDEO, "a");
	call_renegotiate(n);
	negotiation_unsend(n, 1);
	text = negotiation_offer(n, &harness_local);
	assert_null(strstr(text, "msid:a"));
	assert_null(strstr(text, "a=ssrc"));
	free(text);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_as_kept),
		cmocka_unit_test(our_own_texts_parse),
		cmocka_unit_test(a_room_of_fifty_fits_in_a_message),
		cmocka_unit_test(a_room_of_fifty_browsers_can_be_offered),
		cmocka_unit_test(other_peers_get_it_all_in_each_line),
		cmocka_unit_test(feedback_of_all_is_said_once),
		cmocka_unit_test(every_line_ends_in_crlf),
		cmocka_unit_test(versions_count_up),
		cmocka_unit_test(old_data_lines_get_old_answers),
		cmocka_unit_test(only_sent_streams_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
