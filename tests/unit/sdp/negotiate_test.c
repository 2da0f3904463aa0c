/* The states, glare (36 and 40 of matrix-signalling.md, 70 of
 * faults-and-attacks.md), and what happens without memory. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>

/* The i-th allocation from now fails, and all after it until it is set again;
 * 0: none does. */
static unsigned fail_at, allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool failing(void)
{
	return fail_at && ++allocations >= fail_at;
}

void *__wrap_malloc(size_t size)
{
	return failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return failing() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return failing() ? NULL : __real_realloc(p, size);
}

static int answer_with(struct negotiation *n, const char *text)
{
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;

	return negotiation_remote_answer(n, text, strlen(text), &remote, error);
}

static void only_what_the_state_allows(void **state)
{
	struct negotiation *n = call_new();
	char *offer;

	(void)state;
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	assert_null(negotiation_answer(n, &harness_local));
	call_offer(n, plain_audio);
	assert_null(negotiation_offer(n, &harness_local));
	/* The peer thinks again before we answered. */
	call_offer(n, plain_audio_video);
	free(call_answer(n));
	assert_int_equal(negotiation_count(n), 2);
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(offer);
	assert_int_equal(negotiation_state(n), NEGOTIATE_HAVE_LOCAL);
	assert_null(negotiation_offer(n, &harness_local));
	assert_null(negotiation_answer(n, &harness_local));
	negotiation_rollback(n);
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	negotiation_rollback(n);
	free(offer);
	assert_null(negotiation_free(n));
	assert_null(negotiation_free(NULL));
}

/* Both sides offer a new m-line at the same place. Ours gives way, keeps its
 * slot, and comes after theirs in the next offer. */
static void glare(void **state)
{
	struct negotiation *n = call_new();
	char *offer, *answer;

	(void)state;
	call_accept(n, plain_audio);
	assert_int_equal(call_send(n, SDP_AUDIO, "a"), 0);
	call_renegotiate(n);
	assert_int_equal(call_send(n, SDP_AUDIO, "b"), 1);
	offer = negotiation_offer(n, &harness_local);
	assert_int_equal(occurrences(offer, "\r\nm="), 2);
	answer = browser_answer(offer, NULL, 0);

	call_offer(n, plain_audio_video);
	/* The answer to what was rolled back comes too late. */
	assert_int_equal(answer_with(n, answer), -EALREADY);
	free(answer);
	answer = call_answer(n);
	assert_int_equal(occurrences(answer, "\r\nm="), 2);
	assert_null(strstr(answer, "msid:b"));
	assert_non_null(strstr(answer, "msid:a"));
	assert_true(negotiation_needed(n));
	assert_int_equal(negotiation_at(n, 1)->line, -1);
	assert_int_equal(negotiation_at(n, 2)->kind, SDP_VIDEO);
	assert_int_equal(negotiation_at(n, 2)->line, 1);

	call_renegotiate(n);
	assert_false(negotiation_needed(n));
	assert_int_equal(negotiation_at(n, 1)->line, 2);
	assert_true(negotiation_at(n, 1)->sending);
	assert_string_equal(negotiation_at(n, 1)->send_stream, "b");
	free(answer);
	free(offer);
	negotiation_free(n);
}

/* A peer's offer that cannot be taken does not cost us ours. */
static void glare_with_garbage(void **state)
{
	struct negotiation *n = call_new();
	char *offer, *answer;

	(void)state;
	call_accept(n, plain_audio);
	call_send(n, SDP_AUDIO, "a");
	offer = negotiation_offer(n, &harness_local);
	answer = browser_answer(offer, NULL, 0);
	assert_int_equal(call_refused(n, "garbage"), -EBADMSG);
	assert_int_equal(call_refused(n, HEAD), -EPROTO);
	assert_int_equal(negotiation_state(n), NEGOTIATE_HAVE_LOCAL);
	assert_int_equal(answer_with(n, answer), 0);
	assert_true(negotiation_at(n, 0)->sending);
	free(answer);
	free(offer);
	negotiation_free(n);
}

static void a_lost_offer_is_made_again(void **state)
{
	struct negotiation *n = call_new();
	char *offer;

	(void)state;
	call_accept(n, plain_audio);
	call_send(n, SDP_AUDIO, "a");
	call_renegotiate(n);
	negotiation_unsend(n, 0);
	offer = negotiation_offer(n, &harness_local);
	free(offer);
	negotiation_rollback(n);
	/* The peer has not heard that it is gone. */
	assert_true(negotiation_at(n, 0)->cooling);
	assert_true(negotiation_needed(n));
	call_renegotiate(n);
	assert_false(negotiation_at(n, 0)->cooling);
	assert_false(negotiation_needed(n));
	negotiation_free(n);
}

static void we_may_begin(void **state)
{
	struct negotiation *n = call_new();
	char *offer;

	(void)state;
	call_send(n, SDP_AUDIO, "a");
	call_send(n, SDP_VIDEO, "a");
	offer = negotiation_offer(n, &harness_local);
	assert_non_null(strstr(offer, "a=group:BUNDLE h0 h1\r\n"));
	assert_int_equal(occurrences(offer, "a=setup:actpass\r\n"), 2);
	free(offer);
	negotiation_rollback(n);
	call_renegotiate(n);
	assert_true(negotiation_at(n, 1)->sending);
	/* They answered active. */
	assert_int_equal(negotiation_role(n), SDP_PASSIVE);
	negotiation_unsend(n, 0);
	offer = negotiation_offer(n, &harness_local);
	assert_int_equal(occurrences(offer, "a=setup:passive\r\n"), 2);
	free(offer);
	negotiation_free(n);
}

/* Waves of joining and leaving neither pile up m-lines nor lose a track. */
static void many_come_and_go(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	call_offer_vector(n, "chromium/offer-av-data.sdp");
	free(call_answer(n));
	for (int round = 0; round < 20; round++) {
		int slot[6];

		for (int i = 0; i < 6; i++) {
			slot[i] = call_send(
				n, i % 2 ? SDP_AUDIO : SDP_VIDEO, "wave");
			assert_true(slot[i] >= 0);
		}
		call_renegotiate(n);
		assert_false(negotiation_needed(n));
		for (int i = 0; i < 6; i++) {
			assert_true(
				negotiation_at(n, (unsigned)slot[i])->sending);
			negotiation_unsend(n, (unsigned)slot[i]);
		}
		call_renegotiate(n);
	}
	/* Three of theirs, and the four that did not fit on those. */
	assert_int_equal(negotiation_count(n), 7);
	negotiation_free(n);
}

static void indexes_are_checked(void **state)
{
	struct negotiation *n = call_new();

	(void)state;
	assert_null(negotiation_at(n, 0));
	negotiation_unsend(n, 0);
	call_accept(n, plain_audio);
	negotiation_unsend(n, 0);
	assert_null(negotiation_at(n, 1));
	assert_false(negotiation_needed(n));
	negotiation_free(n);
}

struct script {
	char *first, *second, *answer;
};

/* One call; false where memory ran out somewhere. Nothing may be half done. */
static bool play(const struct script *s)
{
	static const char *const codecs[] = { "opus", "VP8", NULL };
	struct negotiation *n = negotiation_new(codecs, 1, 64);
	char error[SDP_ERROR_MAX] = "", *text;
	struct negotiate_remote r;
	bool done = false;
	int slot, taken;

	if (!n)
		return false;
	if (negotiation_remote_offer(n, s->first, strlen(s->first), &r, error) <
		0) {
		assert_int_equal(negotiation_count(n), 0);
		goto out;
	}
	text = negotiation_answer(n, &harness_local);
	assert_int_equal(negotiation_state(n),
		text ? NEGOTIATE_STABLE : NEGOTIATE_HAVE_REMOTE);
	free(text);
	if (!text)
		goto out;
	slot = call_send(n, SDP_VIDEO, "a");
	slot = slot < 0 ? slot : call_send(n, SDP_VIDEO, "b");
	if (slot < 0) {
		assert_int_equal(slot, -ENOMEM);
		goto out;
	}
	text = negotiation_offer(n, &harness_local);
	assert_int_equal(negotiation_state(n),
		text ? NEGOTIATE_HAVE_LOCAL : NEGOTIATE_STABLE);
	free(text);
	if (!text)
		goto out;
	taken = answer_with(n, s->answer);
	assert_int_equal(negotiation_state(n),
		taken == 0 ? NEGOTIATE_STABLE : NEGOTIATE_HAVE_LOCAL);
	if (taken < 0)
		goto out;
	done = negotiation_remote_offer(
		       n, s->second, strlen(s->second), &r, error) == 0;
out:
	negotiation_free(n);
	return done;
}

static void memory_may_run_out_anywhere(void **state)
{
	struct negotiation *n = call_new();
	struct script s;
	char *offer, *tail;
	unsigned i;

	(void)state;
	s.first = vector_read("firefox/offer-max-bundle.sdp");
	call_accept(n, s.first);
	call_send(n, SDP_VIDEO, "a");
	call_send(n, SDP_VIDEO, "b");
	offer = negotiation_offer(n, &harness_local);
	s.answer = browser_answer(offer, NULL, 0);
	tail = replace(s.first, "BUNDLE 0 1", "BUNDLE 0 1 h0 9");
	s.second = calloc(1, strlen(tail) + 1024);
	sprintf(s.second,
		"%sm=video 9 UDP/TLS/RTP/SAVPF "
		"120\r\na=mid:h0\r\na=rtcp-mux\r\n"
		"a=recvonly\r\na=rtpmap:120 VP8/90000\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=mid:9\r\na=rtcp-mux\r\n"
		"a=rtpmap:109 opus/48000/2\r\n",
		tail);
	for (i = 1; i < 10000; i++) {
		bool done;

		allocations = 0;
		fail_at = i;
		done = play(&s);
		fail_at = 0;
		if (done)
			break;
	}
	/* It did fail, often, and in the end it did not. */
	assert_in_range(i, 20, 9999);
	free(tail);
	free(offer);
	free(s.first);
	free(s.second);
	free(s.answer);
	negotiation_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_state_allows),
		cmocka_unit_test(glare),
		cmocka_unit_test(glare_with_garbage),
		cmocka_unit_test(a_lost_offer_is_made_again),
		cmocka_unit_test(we_may_begin),
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(indexes_are_checked),
		cmocka_unit_test(memory_may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
