/* What may follow what: 69 and 71 of faults-and-attacks.md. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

struct change {
	const char *old, *new;
	int error;
};

/* Against a session of plain_audio_video. */
static void changes(const struct change *table, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct negotiation *n = call_new();
		char *offer =
			replace(plain_audio_video, table[i].old, table[i].new);
		int r;

		call_accept(n, plain_audio_video);
		r = call_refused(n, offer);
		if (r != table[i].error)
			fail_msg("row %zu: %d", i, r);
		/* After a refusal all is as it was. */
		if (r < 0) {
			assert_int_equal(negotiation_at(n, 1)->n_codecs, 2);
			assert_true(negotiation_at(n, 1)->receiving);
			call_accept(n, plain_audio_video);
		}
		free(offer);
		negotiation_free(n);
	}
}

static void reoffers(void **state)
{
	static const struct change table[] = {
		{ "v=0", "v=0", 0 },
		/* 69: an extension id that comes to mean another */
		{ "extmap:4 urn", "extmap:5 urn", -EPROTO },
		{ "extmap:1 urn", "extmap:4 urn", -EPROTO },
		{ "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
			"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
			-EPROTO },
		{ "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
			"a=extmap:4 urn:other", -EPROTO },
		/* Left out, or new: fine. */
		{ "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", "", 0 },
		{ "a=rtpmap:102",
			"a=extmap:9 urn:3gpp:video-orientation\r\n"
			"a=rtpmap:102",
			0 },
		/* The same of payload types. */
		{ "96 VP8", "96 VP9", -EPROTO },
		{ "96 VP8/90000", "96 rtx/90000", -EPROTO },
		{ "a=rtpmap:96 VP8", "a=rtpmap:102 VP8", -EPROTO },
		{ "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96",
			"a=rtpmap:97 VP9/90000", 0 },
		{ "97 102\r\n", "97\r\n", 0 },
		/* m-lines that are not what they were */
		{ "m=video", "m=application", -EPROTO },
		{ "m=video", "m=text", -EPROTO },
		{ "a=mid:1", "a=mid:2", -EPROTO },
		{ "a=mid:1", "a=mid:0", -EPROTO },
		{ "a=mid:1\r\n", "", -EPROTO },
		{ "m=video 9", "m=video 0", 0 },
	};

	(void)state;
	changes(table, sizeof(table) / sizeof(*table));
}

static void lines_may_not_vanish(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_accept(n, plain_audio_video);
	assert_int_equal(call_refused(n, plain_audio), -EPROTO);
	assert_int_equal(negotiation_count(n), 2);
	negotiation_free(n);
}

static void first_offers(void **state)
{
	static const struct change table[] = {
		{ "a=mid:1\r\n", "a=mid:0\r\n", -EINVAL },
		{ "a=mid:1\r\n", "a=mid:012345678901234567890123456789012\r\n",
			-EINVAL },
		{ "m=video", "m=videovideovideovideovideovideovideo", -EINVAL },
		/* One number for two things in one BUNDLE. */
		{ "m=video 9 UDP/TLS/RTP/SAVPF 96",
			"m=video 9 UDP/TLS/RTP/SAVPF 111 96", -EPROTO },
		{ "extmap:4 urn", "extmap:1 urn", -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct negotiation *n = call_new();
		char *offer =
			replace(plain_audio_video, table[i].old, table[i].new);
		int r = call_refused(n, offer);

		if (r != table[i].error)
			fail_msg("row %zu: %d", i, r);
		assert_int_equal(negotiation_count(n), 0);
		free(offer);
		negotiation_free(n);
	}
}

/* A payload type that only a codec we do not take uses is not ours to guard. */
static void foreign_payload_types_may_move(void **state)
{
	struct negotiation *n = call_new();
	char *offer = replace(plain_audio_video,
		"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
		"a=rtpmap:97 red/90000\r\n");

	(void)state;
	call_accept(n, plain_audio_video);
	call_accept(n, offer);
	free(offer);
	negotiation_free(n);
}

/* An offer of ours is out: one video track on an m-line of its own; with fresh,
 * it is the first text of the session. */
static char *offer_one(struct negotiation *n, bool fresh)
{
	char *base = replace(plain_audio_video, "sendrecv", "sendonly");
	char *offer;

	if (!fresh)
		call_accept(n, base);
	assert_int_equal(call_send(n, SDP_VIDEO, "a"), fresh ? 0 : 2);
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	free(base);
	return offer;
}

static void answered(const struct change *row, size_t i)
{
	/* A role is chosen once, so that is tried at the start. */
	bool fresh = strstr(row->old, "setup") != NULL;
	struct negotiate_remote remote = { .sctp_port = 77 };
	struct negotiation *n = call_new();
	char *offer = offer_one(n, fresh), error[SDP_ERROR_MAX] = "";
	char *good = browser_answer(offer, NULL, 0);
	char *answer = replace(good, row->old, row->new);
	int r = negotiation_remote_answer(
		n, answer, strlen(answer), &remote, error);

	if (r != row->error)
		fail_msg("row %zu: %d %s", i, r, error);
	/* The offer still stands, and a good answer is taken. */
	if (r < 0) {
		assert_int_equal(remote.sctp_port, 77);
		assert_int_equal(negotiation_state(n), NEGOTIATE_HAVE_LOCAL);
		assert_int_equal(negotiation_remote_answer(
					 n, good, strlen(good), &remote, error),
			0);
	}
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	free(answer);
	free(good);
	free(offer);
	negotiation_free(n);
}

/* 71: answers that lack what they must have, or have what they must not */
static void answers(void **state)
{
	static const struct change table[] = {
		{ "v=0", "v=0", 0 },
		{ "v=0", "v=1", -EBADMSG },
		{ "a=ice-ufrag:hrth\r\n", "", -EINVAL },
		{ "a=ice-pwd:hearthhearthhearthhearth\r\n", "", -EINVAL },
		{ "a=fingerprint:sha-256 ", "a=x:", -EINVAL },
		{ "a=fingerprint:sha-256 ", "a=fingerprint:sha-1 ", -EINVAL },
		{ "a=setup:active", "a=setup:actpass", -EINVAL },
		{ "a=setup:active", "a=setup:passive", 0 },
		{ "a=setup:active\r\n", "", 0 },
		{ "a=rtcp-mux\r\n", "", -EINVAL },
		{ "a=group:BUNDLE 0 1 h0\r\n", "", -EINVAL },
		{ "BUNDLE 0 1 h0", "BUNDLE 0 1", -EINVAL },
		{ "a=mid:h0", "a=mid:h1", -EPROTO },
		{ "m=video", "m=audio", -EPROTO },
		{ "VP8", "VP9", -EPROTO },
		{ "a=group", "m=audio 0 RTP/AVP 0\r\na=group", -EPROTO },
		{ "extmap:1 urn", "extmap:2 urn", -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		answered(&table[i], i);
}

/* 71: what was rejected stays so, whatever the answer says; and where there is
 * one m-line, it may go without a name. */
static void answers_to_few_lines(void **state)
{
	struct negotiation *n = call_new();
	char *less = replace(plain_audio_video, "m=audio 9", "m=audio 0");
	char error[SDP_ERROR_MAX] = "", *offer, *answer, *bad;
	struct negotiate_remote r;

	(void)state;
	call_accept(n, less);
	call_send(n, SDP_VIDEO, "a");
	offer = negotiation_offer(n, &harness_local);
	answer = browser_answer(offer, NULL, 0);
	bad = replace(answer, "m=audio 0", "m=audio 9");
	assert_int_equal(
		negotiation_remote_answer(n, bad, strlen(bad), &r, error),
		-EPROTO);
	assert_int_equal(
		negotiation_remote_answer(n, answer, strlen(answer), &r, error),
		0);
	assert_true(negotiation_at(n, 0)->rejected);
	negotiation_free(n);
	free(bad);
	free(answer);
	free(offer);

	n = call_new();
	call_send(n, SDP_AUDIO, "a");
	offer = negotiation_offer(n, &harness_local);
	answer = browser_answer(offer, NULL, 0);
	bad = replace(answer, "a=mid:h0\r\n", "");
	free(answer);
	answer = replace(bad, "a=group:BUNDLE h0\r\n", "");
	assert_int_equal(
		negotiation_remote_answer(n, answer, strlen(answer), &r, error),
		0);
	assert_true(negotiation_at(n, 0)->sending);
	negotiation_free(n);
	free(bad);
	free(answer);
	free(offer);
	free(less);
}

static void an_answer_to_nothing(void **state)
{
	struct negotiation *n = call_new();
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;

	(void)state;
	assert_int_equal(negotiation_remote_answer(n, plain_audio,
				 strlen(plain_audio), &remote, error),
		-EALREADY);
	call_offer(n, plain_audio);
	assert_int_equal(negotiation_remote_answer(n, plain_audio,
				 strlen(plain_audio), &remote, error),
		-EALREADY);
	assert_true(strlen(error) > 4);
	negotiation_free(n);
}

/* 68: whatever is too large for the parser changes nothing here */
static void too_large_changes_nothing(void **state)
{
	struct negotiation *n = call_new();
	size_t len = SDP_TEXT_MAX + 1;
	char *text = malloc(len + 1), error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	memcpy(text, "v=0\r\n", 5);
	call_accept(n, plain_audio);
	assert_int_equal(
		negotiation_remote_offer(n, text, len, &remote, error), -E2BIG);
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	free(text);
	negotiation_free(n);
}

/* 37 of matrix-signalling.md: 200 m-lines, of which 64 are too many for us */
static void two_hundred_lines(void **state)
{
	size_t size = 200000, used;
	char *text = malloc(size), *answer;
	struct negotiation *n = call_new();

	(void)state;
	assert_non_null(text);
	used = (size_t)snprintf(text, size, HEAD "a=group:BUNDLE");
	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(text + used, size - used, " %d", i);
	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(text + used, size - used,
			"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:%d\r\n"
			"a=rtcp-mux\r\n" TRANSPORT "a=rtpmap:111 opus/48000/2",
			i);
	snprintf(text + used, size - used, "\r\n");
	call_offer(n, text);
	answer = call_answer(n);
	assert_int_equal(occurrences(answer, "m=audio 9 "), 64);
	assert_int_equal(occurrences(answer, "m=audio 0 "), 136);
	assert_int_equal(call_send(n, SDP_AUDIO, "x"), 0);
	free(answer);
	free(text);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reoffers),
		cmocka_unit_test(lines_may_not_vanish),
		cmocka_unit_test(first_offers),
		cmocka_unit_test(foreign_payload_types_may_move),
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_to_few_lines),
		cmocka_unit_test(an_answer_to_nothing),
		cmocka_unit_test(too_large_changes_nothing),
		cmocka_unit_test(two_hundred_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
