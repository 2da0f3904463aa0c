/* The whole estimator, in what the bottlenecks of tests/sim do not show. */
#include "check.h"
#include "rtp/estimate.h"

enum { MS = 1000, S = 1000000, KBIT = 1000 };

static struct estimate estimate;
static uint64_t now_us;

static void start(bool twcc)
{
	const struct estimate_config cfg = { .twcc = twcc };

	now_us = 1000 * S;
	assert_int_equal(estimate_init(&estimate, now_us, &cfg), 0);
}

static int teardown(void **state)
{
	(void)state;
	estimate_done(&estimate);
	return 0;
}

/* Sends 100 ms of 1,000-byte packets every 10 ms, and has all told of 20 ms
 * after they were sent. */
static void exchange(bool answer)
{
	uint64_t at_us[10];
	uint8_t buf[200];
	uint16_t first = 0;
	unsigned told;
	size_t len;

	for (unsigned i = 0; i < 10; i++, now_us += 10 * MS) {
		uint16_t seq =
			estimate_sent(&estimate, now_us, 1000, SENT_VIDEO);

		if (i == 0)
			first = seq;
		at_us[i] = now_us + 20 * MS;
		estimate_tick(&estimate, now_us);
	}
	len = twcc_build(buf, sizeof(buf), 1, 2, 0, first, at_us, 10, &told);
	if (answer)
		assert_int_equal(
			estimate_feedback(&estimate, now_us, buf, len), 0);
}

/* Sends all that probes want within 100 ms; returns how many packets. */
static unsigned send_probes(void)
{
	uint64_t end_us = now_us + 100 * MS;
	unsigned n = 0;
	size_t bytes;

	while ((now_us = estimate_deadline(&estimate, now_us)) < end_us) {
		bytes = estimate_padding(&estimate, now_us);
		if (bytes == 0)
			break;
		assert_true(estimate_pace_bps(&estimate, now_us) >= 900 * KBIT);
		estimate_sent(&estimate, now_us, bytes, SENT_PADDING);
		n++;
	}
	return n;
}

/* All that was sent has arrived, and is told of. */
static void tell_all(void)
{
	uint64_t at_us[100];
	uint8_t buf[400];
	unsigned told, n = (unsigned)(estimate.sent.next - 65536);
	size_t len;

	assert_true(n < 100 && n > 0);
	for (unsigned i = 0; i < n; i++)
		at_us[i] = 1000 * S + 20 * MS + i * MS;
	len = twcc_build(buf, sizeof(buf), 1, 2, 0, 0, at_us, n, &told);
	assert_int_equal(told, n);
	assert_int_equal(estimate_feedback(&estimate, now_us, buf, len), 0);
}

static void begins_with_two_probes(void **state)
{
	(void)state;
	start(true);
	assert_int_equal(estimate_bps(&estimate, now_us), 300 * KBIT);
	assert_int_equal(estimate_deadline(&estimate, now_us), now_us);
	assert_true(send_probes() >= 2 * PROBE_PACKETS);
	assert_int_equal(estimate_pace_bps(&estimate, now_us), 750 * KBIT);
}

/* They are sent again where nobody heard them, and nothing of that time counts
 * as arrived; once. */
static void begins_anew_with_who_listens(void **state)
{
	(void)state;
	start(true);
	send_probes();
	for (unsigned i = 0; i < 14; i++)
		exchange(false);
	assert_int_equal(estimate.stalls, 0);
	for (unsigned i = 0; i < 4; i++)
		exchange(false);
	assert_int_equal(estimate.stalls, 1);
	exchange(true);
	assert_int_equal(estimate.probe.n_wishes, 2);
	assert_int_equal(estimate.probe.wish_bps[0], 900 * KBIT);
	assert_int_equal(estimate.probe.wish_bps[1], 1800 * KBIT);
	/* Of 190 packets ten are known to have arrived. */
	assert_true(estimate_bps(&estimate, now_us) <= 1000 * KBIT);
	assert_true(send_probes() >= 2 * PROBE_PACKETS);
	exchange(true);
	assert_int_equal(estimate.probe.n_wishes, 0);
}

static void begins_once_with_who_listened(void **state)
{
	(void)state;
	start(true);
	estimate_sent(&estimate, now_us, 1000, SENT_VIDEO);
	send_probes();
	assert_int_equal(estimate.probe.n_wishes, 0);
	tell_all();
	assert_int_equal(estimate.probe.n_wishes, 0);
}

static void audio_belongs_to_no_probe(void **state)
{
	(void)state;
	start(true);
	assert_true(estimate_padding(&estimate, now_us) > 0);
	estimate_sent(&estimate, now_us, 120, SENT_AUDIO);
	assert_int_equal(estimate.probe.active->sent, 0);
	estimate_sent(&estimate, now_us, 1200, SENT_VIDEO);
	assert_int_equal(estimate.probe.active->sent, 1);
}

static void a_silence_stalls_and_ends(void **state)
{
	uint64_t before, during;

	(void)state;
	start(true);
	for (unsigned i = 0; i < 50; i++)
		exchange(true);
	before = estimate_bps(&estimate, now_us);
	assert_true(before >= 500 * KBIT);
	/* A feedback may be late. */
	for (unsigned i = 0; i < 4; i++)
		exchange(false);
	assert_int_equal(estimate_stall_us(&estimate), 0);
	assert_int_equal(estimate_bps(&estimate, now_us), before);
	for (unsigned i = 0; i < 26; i++)
		exchange(false);
	assert_int_equal(estimate_stall_us(&estimate), ESTIMATE_STALL_GAP_US);
	assert_int_equal(estimate_padding(&estimate, now_us), 0);
	during = estimate_bps(&estimate, now_us);
	assert_true(during < before / 2 && during >= ESTIMATE_MIN_BPS);
	exchange(true);
	assert_int_equal(estimate_stall_us(&estimate), 0);
	assert_true(estimate_bps(&estimate, now_us) >= before * 7 / 10);
	assert_true(estimate_padding(&estimate, now_us) > 0);
	assert_int_equal(estimate.stalls, 1);
}

static void silence_of_ours_is_no_stall(void **state)
{
	(void)state;
	start(true);
	exchange(true);
	for (unsigned i = 0; i < 100; i++, now_us += 100 * MS)
		estimate_tick(&estimate, now_us);
	assert_int_equal(estimate.stalls, 0);
}

/* What came meanwhile waits in a socket. */
static void who_is_not_run_hears_nothing(void **state)
{
	(void)state;
	start(true);
	for (unsigned i = 0; i < 20; i++)
		exchange(true);
	estimate_sent(&estimate, now_us, 1000, SENT_VIDEO);
	for (unsigned i = 0; i < 5; i++, now_us += 2 * S)
		estimate_tick(&estimate, now_us);
	assert_int_equal(estimate.stalls, 0);
	/* But once it is: it listens as long as ever. */
	for (unsigned i = 0; i < 10; i++, now_us += 100 * MS)
		estimate_tick(&estimate, now_us);
	assert_int_equal(estimate.stalls, 1);
}

static void hostile_feedback_is_counted(void **state)
{
	static const uint8_t lie[] = { 0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2,
		0xf0, 0, 0, 1, 0, 0, 0, 0, 0x20, 1, 4, 0 };

	(void)state;
	start(true);
	assert_int_equal(
		estimate_feedback(&estimate, now_us, lie, 10), -EBADMSG);
	assert_int_equal(
		estimate_feedback(&estimate, now_us, lie, sizeof(lie)), 0);
	assert_int_equal(estimate.bad_feedbacks, 1);
	assert_int_equal(estimate_bps(&estimate, now_us), 300 * KBIT);
}

static void remb_bounds_it_for_a_while(void **state)
{
	(void)state;
	start(true);
	estimate_remb(&estimate, now_us, 200 * KBIT);
	assert_int_equal(estimate_bps(&estimate, now_us), 200 * KBIT);
	estimate_remb(&estimate, now_us, 900 * KBIT);
	assert_int_equal(estimate_bps(&estimate, now_us), 300 * KBIT);
	estimate_remb(&estimate, now_us, 200 * KBIT);
	assert_int_equal(estimate_bps(&estimate, now_us + 11 * S), 300 * KBIT);
}

static void without_feedback_remb_and_reports_decide(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(estimate_padding(&estimate, now_us), 0);
	assert_int_equal(estimate_deadline(&estimate, now_us), UINT64_MAX);
	assert_int_equal(
		estimate_feedback(&estimate, now_us, NULL, 0), -EBADMSG);
	estimate_remb(&estimate, now_us, 2000 * KBIT);
	assert_int_equal(estimate_bps(&estimate, now_us), 2000 * KBIT);
	/* A fifth is lost: a tenth less. */
	now_us += S;
	estimate_report(&estimate, now_us, 200, 51, 40 * MS);
	assert_in_range(
		estimate_bps(&estimate, now_us), 1795 * KBIT, 1805 * KBIT);
	/* Loss alone does not take it below half of what REMB says. */
	for (unsigned i = 0; i < 50; i++, now_us += S)
		estimate_report(&estimate, now_us, 200, 128, 0);
	assert_int_equal(estimate_bps(&estimate, now_us - 50 * S), 1000 * KBIT);
	assert_int_equal(estimate.rtt_us, 40 * MS);
}

static void without_either_it_grows_as_it_is_used(void **state)
{
	(void)state;
	start(false);
	for (unsigned i = 0; i < 10; i++) {
		now_us += S;
		estimate_report(&estimate, now_us, 10, 0, 0);
	}
	assert_int_equal(estimate_bps(&estimate, now_us), 300 * KBIT);
	for (unsigned i = 0; i < 10; i++) {
		estimate_sent(&estimate, now_us, 37500, SENT_VIDEO);
		now_us += S;
		estimate_report(&estimate, now_us, 10, 0, 0);
	}
	assert_in_range(
		estimate_bps(&estimate, now_us), 480 * KBIT, 500 * KBIT);
	/* An interval of nothing says nothing. */
	estimate_report(&estimate, now_us, 0, 255, 0);
	estimate_report(&estimate, now_us, 10, 255, 0);
	assert_true(estimate_bps(&estimate, now_us) >= 480 * KBIT);
}

static void limits_are_kept(void **state)
{
	const struct estimate_config cfg = { .start_bps = 10 * KBIT,
		.min_bps = 100 * KBIT,
		.max_bps = 400 * KBIT,
		.twcc = true };
	const struct estimate_config huge = { .n_sent = SENT_MAX + 1 };

	(void)state;
	now_us = 1000 * S;
	assert_int_equal(estimate_init(&estimate, now_us, &huge), -EINVAL);
	assert_int_equal(estimate_init(&estimate, now_us, &cfg), 0);
	assert_int_equal(estimate_bps(&estimate, now_us), 100 * KBIT);
	for (unsigned i = 0; i < 300; i++)
		exchange(true);
	assert_int_equal(estimate_bps(&estimate, now_us), 400 * KBIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(begins_with_two_probes, teardown),
		cmocka_unit_test_teardown(
			begins_anew_with_who_listens, teardown),
		cmocka_unit_test_teardown(
			begins_once_with_who_listened, teardown),
		cmocka_unit_test_teardown(audio_belongs_to_no_probe, teardown),
		cmocka_unit_test_teardown(a_silence_stalls_and_ends, teardown),
		cmocka_unit_test_teardown(
			silence_of_ours_is_no_stall, teardown),
		cmocka_unit_test_teardown(
			who_is_not_run_hears_nothing, teardown),
		cmocka_unit_test_teardown(
			hostile_feedback_is_counted, teardown),
		cmocka_unit_test_teardown(remb_bounds_it_for_a_while, teardown),
		cmocka_unit_test_teardown(
			without_feedback_remb_and_reports_decide, teardown),
		cmocka_unit_test_teardown(
			without_either_it_grows_as_it_is_used, teardown),
		cmocka_unit_test_teardown(limits_are_kept, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
