#include "check.h"
#include "rtp/pace.h"

enum { MS = 1000 };

static struct pace pace;
static struct pace_queue queue;

static void far_below_the_rate_nothing_waits(void **state)
{
	(void)state;
	pace_init(&pace, 10000000);
	/* 1 Mbit/s of 10. */
	for (uint64_t us = 0; us < 1000 * MS; us += 9600) {
		assert_true(pace_may_send(&pace, us, PACE_VIDEO));
		pace_sent(&pace, us, 1200);
	}
}

/* Bytes that leave within the time when there is always more. */
static size_t drain(uint64_t from_us, uint64_t to_us, size_t size)
{
	size_t bytes = 0;

	for (uint64_t us = from_us; us < to_us; us = pace_deadline(&pace))
		while (pace_may_send(&pace, us, PACE_VIDEO)) {
			pace_sent(&pace, us, size);
			bytes += size;
		}
	return bytes;
}

static void keeps_its_rate(void **state)
{
	static const uint64_t rates[] = { 100000, 750000, 2500000, 25000000,
		250000000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(rates); i++) {
		size_t want = rates[i] / 8 * 2;
		size_t got;

		pace_init(&pace, rates[i]);
		got = drain(1000 * MS, 3000 * MS, 1200);
		/* A deadline is a whole microsecond. */
		assert_true(got >= want * 95 / 100);
		assert_true(got <= want + PACE_BURST_BYTES + 1200);
	}
}

static void bursts_are_bounded(void **state)
{
	(void)state;
	pace_init(&pace, 2500000);
	/* 5 ms: 1,562 bytes, so two packets. */
	assert_int_equal(drain(MS, MS + 1, 1200), 2400);
	pace_init(&pace, 10000000);
	assert_in_range(drain(MS, MS + 1, 1200), 6250, 6250 + 1200);
	pace_init(&pace, 1000000000);
	assert_int_equal(drain(MS, MS + 1, 1200), PACE_BURST_BYTES);
}

static void audio_goes_first_and_padding_last(void **state)
{
	(void)state;
	pace_init(&pace, 1000000);
	drain(MS, MS + 1, 1200);
	assert_false(pace_may_send(&pace, MS, PACE_VIDEO));
	assert_false(pace_may_send(&pace, MS, PACE_RTX));
	assert_true(pace_may_send(&pace, MS, PACE_AUDIO));
	/* Audio is counted. */
	pace_sent(&pace, MS, 1250);
	assert_in_range(pace_deadline(&pace), MS + 10 * MS, MS + 11 * MS);
	assert_true(pace_may_send(&pace, pace_deadline(&pace), PACE_VIDEO));
	assert_false(pace_may_send(&pace, pace_deadline(&pace), PACE_PADDING));
	assert_true(pace_may_send(&pace, 100 * MS, PACE_PADDING));
}

static void a_new_rate_keeps_the_bytes(void **state)
{
	(void)state;
	pace_init(&pace, 1000000);
	pace_sent(&pace, MS, 12500); /* 100 ms */
	pace_set_rate(&pace, MS, 10000000);
	assert_in_range(pace.debt_ns, 9900000, 10100000);
	pace_set_rate(&pace, MS, 0); /* at least 10 kbit/s */
	assert_int_equal(pace.rate_bps, 10000);
}

static void a_stall_lets_single_packets_through(void **state)
{
	unsigned n = 0;

	(void)state;
	pace_init(&pace, 10000000);
	pace_stall(&pace, 100 * MS);
	for (uint64_t us = 1000 * MS; us < 2000 * MS; us += MS)
		if (pace_may_send(&pace, us, PACE_VIDEO)) {
			pace_sent(&pace, us, 1200);
			n++;
		}
	assert_int_equal(n, 10);
	assert_true(pace_may_send(&pace, 2000 * MS, PACE_AUDIO));
	assert_int_equal(pace_deadline(&pace), 2000 * MS);
	pace_stall(&pace, 0);
	assert_true(pace_may_send(&pace, 1901 * MS, PACE_VIDEO));
}

static void next_is(uint64_t now_us, enum pace_next want, uint64_t seq)
{
	struct pace_ref ref;

	assert_int_equal(pace_queue_next(&queue, now_us, &ref), want);
	if (want != PACE_EMPTY)
		assert_int_equal(ref.seq, seq);
}

static void queue_orders_by_kind(void **state)
{
	(void)state;
	pace_queue_init(&queue);
	next_is(0, PACE_EMPTY, 0);
	assert_true(pace_queue_push(&queue, 0, PACE_VIDEO, 1, 10, 1200));
	assert_true(pace_queue_push(&queue, 0, PACE_VIDEO, 2, 20, 1200));
	assert_true(pace_queue_push(&queue, 0, PACE_RTX, 1, 5, 1000));
	assert_false(pace_queue_push(&queue, 0, PACE_AUDIO, 1, 5, 100));
	assert_int_equal(pace_queue_bytes(&queue), 3400);
	next_is(MS, PACE_SEND, 5);
	next_is(MS, PACE_SEND, 10);
	next_is(MS, PACE_SEND, 20);
	assert_true(pace_queue_empty(&queue));
	assert_int_equal(pace_queue_bytes(&queue), 0);
}

static void old_video_goes_with_all_of_its_stream(void **state)
{
	(void)state;
	pace_queue_init(&queue);
	pace_queue_push(&queue, 0, PACE_RTX, 1, 4, 1000);
	pace_queue_push(&queue, 0, PACE_VIDEO, 1, 10, 1200);
	pace_queue_push(&queue, 400 * MS, PACE_VIDEO, 2, 20, 1200);
	pace_queue_push(&queue, 400 * MS, PACE_VIDEO, 1, 11, 1200);
	next_is(501 * MS, PACE_STALE, 10);
	next_is(501 * MS, PACE_SEND, 20);
	next_is(501 * MS, PACE_EMPTY, 0);
	assert_int_equal(queue.stale, 3);
	assert_int_equal(pace_queue_bytes(&queue), 0);
}

static void queue_is_bounded_and_forgets(void **state)
{
	(void)state;
	pace_queue_init(&queue);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < PACE_QUEUE; i++)
			assert_true(pace_queue_push(
				&queue, 0, PACE_VIDEO, i % 4, i, 100));
		assert_false(pace_queue_push(&queue, 0, PACE_VIDEO, 1, 0, 100));
		pace_queue_forget(&queue, 2);
		assert_int_equal(queue.video.n, PACE_QUEUE * 3 / 4);
		assert_int_equal(
			pace_queue_bytes(&queue), PACE_QUEUE * 3 / 4 * 100);
		next_is(0, PACE_SEND, 0);
		next_is(0, PACE_SEND, 1);
		next_is(0, PACE_SEND, 3);
		pace_queue_forget(&queue, 0);
		pace_queue_forget(&queue, 1);
		pace_queue_forget(&queue, 3);
		assert_true(pace_queue_empty(&queue));
	}
	assert_int_equal(queue.full, 3);
	assert_int_equal(sizeof(struct pace_ref), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(far_below_the_rate_nothing_waits),
		cmocka_unit_test(keeps_its_rate),
		cmocka_unit_test(bursts_are_bounded),
		cmocka_unit_test(audio_goes_first_and_padding_last),
		cmocka_unit_test(a_new_rate_keeps_the_bytes),
		cmocka_unit_test(a_stall_lets_single_packets_through),
		cmocka_unit_test(queue_orders_by_kind),
		cmocka_unit_test(old_video_goes_with_all_of_its_stream),
		cmocka_unit_test(queue_is_bounded_and_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
