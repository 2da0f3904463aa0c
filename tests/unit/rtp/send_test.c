#include "check.h"
#include "rtp/send.h"

static uint8_t buf[64];
static struct rtcp_build build;
static struct rtcp_item item;

/* One report, read back into item. */
static bool report(struct send *s, uint64_t now_us, uint64_t ntp, uint32_t ts,
	uint64_t arrival_us, uint32_t offset)
{
	struct rtcp_walk w;

	rtcp_build_init(&build, buf, sizeof(buf));
	if (!send_report(s, now_us, ntp, ts, arrival_us, offset, &build)) {
		assert_int_equal(build.len, 0);
		return false;
	}
	assert_int_equal(rtcp_walk_init(&w, buf, build.len), 0);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_SR);
	assert_false(rtcp_next(&w, &(struct rtcp_item){ 0 }));
	return true;
}

static void counts_payload_octets(void **state)
{
	struct send s;

	(void)state;
	send_init(&s, 7, 90000);
	send_packet(&s, 1000);
	send_packet(&s, 500);
	send_packet(&s, 1000); /* retransmitted */
	assert_int_equal(s.packets, 3);
	assert_int_equal(s.octets, 2500);
	s.octets = UINT32_MAX;
	send_packet(&s, 2);
	assert_int_equal(s.octets, 1);
}

static void carries_the_clock_forward(void **state)
{
	struct send s;

	(void)state;
	send_init(&s, 7, 90000);
	send_packet(&s, 1000);
	/* Arrived at 10 s, sent on at 12.5 s. */
	assert_true(
		report(&s, 12500000, UINT64_C(5) << 32, 1000, 10000000, 4000));
	assert_int_equal(item.sender, 7);
	assert_int_equal(item.ntp, (UINT64_C(7) << 32) + 0x80000000);
	assert_int_equal(item.rtp_ts, 1000 + 4000 + 225000);
	assert_int_equal(item.packets, 1);
	assert_int_equal(item.octets, 1000);
	assert_int_equal(item.n_blocks, 0);
}

/* Audio and video of one publisher, forwarded at different times with different
 * offsets: at any instant the receiver computes the same pairing. */
static void streams_of_a_publisher_stay_in_step(void **state)
{
	struct send audio, video;
	uint64_t ntp = UINT64_C(0xe000000040000000);
	double at_audio, at_video;

	(void)state;
	send_init(&audio, 1, 48000);
	send_init(&video, 2, 90000);
	send_packet(&audio, 1);
	send_packet(&video, 1);
	/* The same instant at the publisher: 0 of each clock; the SRs left 0
	 * and 1 s later and came 3 ms and 3 ms after that. */
	assert_true(report(&audio, 5000000, ntp, 0, 3000, 111));
	at_audio = (double)(item.ntp - ntp) / 4294967296.0 -
		   (item.rtp_ts - 111) / 48000.0;
	assert_true(report(&video, 8000000, ntp + (UINT64_C(1) << 32), 90000,
		1003000, 0xffffff00));
	at_video = (double)(item.ntp - ntp) / 4294967296.0 -
		   (uint32_t)(item.rtp_ts - 0xffffff00) / 90000.0;
	assert_true(at_audio < 1e-4 && at_audio > -1e-4);
	assert_true(at_video < 1e-4 && at_video > -1e-4);
}

static void survives_any_clock(void **state)
{
	struct send s;

	(void)state;
	send_init(&s, 7, 90000);
	send_packet(&s, 1);
	/* Far future (54), a wrap, an arrival after now, two weeks of silence.
	 */
	assert_true(report(&s, 1000000, UINT64_MAX, UINT32_MAX, 0, 1));
	assert_int_equal(item.ntp, 0xffffffff);
	assert_int_equal(item.rtp_ts, 90000);
	assert_true(report(&s, 1000000, 1, 5, 2000000, 0));
	assert_int_equal(item.ntp, 1);
	assert_int_equal(item.rtp_ts, 5);
	assert_true(report(&s, UINT64_C(1209600000000), 1, 0, 0, 0));
	assert_int_equal(item.ntp, (UINT64_C(1209600) << 32) + 1);
	assert_int_equal(item.rtp_ts, (uint32_t)(UINT64_C(1209600) * 90000));
}

static void says_nothing_without_cause(void **state)
{
	struct send s;

	(void)state;
	send_init(&s, 7, 90000);
	assert_false(report(&s, 1000, 5, 0, 0, 0)); /* nothing sent yet */
	send_packet(&s, 1);
	assert_false(report(&s, 1000, 0, 0, 0, 0)); /* no SR came */
	rtcp_build_init(&build, buf, 27);
	assert_false(send_report(&s, 1000, 5, 0, 0, 0, &build));
	assert_int_equal(s.sr[0].mid, 0);
}

static void learn(struct send *s, uint64_t now_us, uint32_t lsr, uint32_t dlsr)
{
	struct rtcp_block b = {
		.ssrc = 7, .fraction_lost = 12, .lsr = lsr, .dlsr = dlsr
	};

	send_block(s, now_us, &b);
}

static void learns_the_round_trip(void **state)
{
	struct send s;
	uint64_t ntp = UINT64_C(0xe123456789abcdef);
	uint32_t lsr[5];

	(void)state;
	send_init(&s, 7, 90000);
	send_packet(&s, 1);
	learn(&s, 500, 0, 0); /* before our first SR */
	assert_int_equal(s.rtt_us, 0);
	assert_int_equal(s.fraction_lost, 12);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(report(&s, 1000000 * (i + 1), ntp, 0, 0, 0));
		lsr[i] = rtcp_ntp_mid(item.ntp);
	}
	/* Held for half a second there, 30 ms on the way. */
	learn(&s, 5530000, lsr[4], 32768);
	assert_int_equal(s.rtt_us, 30000);
	learn(&s, 5800000, lsr[1], 65536 * 3); /* an older one */
	assert_int_equal(s.rtt_us, 800000);
	learn(&s, 5900000, lsr[0], 0); /* too old to be known */
	learn(&s, 5900000, lsr[4] + 1, 0);
	learn(&s, 5900000, 0, 0);
	learn(&s, 5900000, lsr[4], 65536 * 2); /* held longer than ago: a lie */
	assert_int_equal(s.rtt_us, 800000);
	learn(&s, 5500000, lsr[4], 32768 + 10); /* rounding */
	assert_int_equal(s.rtt_us, 1);
}

static void ignores_blocks_about_others(void **state)
{
	struct send s;
	struct rtcp_block b = { .ssrc = 8, .fraction_lost = 200 };

	(void)state;
	send_init(&s, 7, 90000);
	send_block(&s, 1000, &b);
	assert_int_equal(s.fraction_lost, 0);
}

static unsigned resend_for(
	struct send *s, uint64_t from_us, uint64_t us, uint64_t rate_bps)
{
	unsigned n = 0;

	for (uint64_t t = 0; t < us; t += 100)
		n += send_may_resend(s, from_us + t, 1000, rate_bps);
	return n;
}

/* Attack 49: 10,000 asked for a second, the budget says how many go. */
static void keeps_the_budget(void **state)
{
	struct send s;
	unsigned n;

	(void)state;
	send_init(&s, 7, 90000);
	/* 1 Mbit/s: 31 from the burst of 250 ms, then 125 a second. */
	n = resend_for(&s, 0, 10000000, 1000000);
	assert_in_range(n, 1279, 1281);
	/* Idle for an hour: one burst, not an hour's worth. */
	n = resend_for(&s, UINT64_C(3600000000), 5000, 1000000);
	assert_int_equal(n, 31);
}

/* Asked every microsecond at a low rate: what is too short for a byte must not
 * get lost by asking. */
static void asking_often_costs_nothing(void **state)
{
	struct send s;
	uint64_t bytes = 0;

	(void)state;
	send_init(&s, 7, 90000);
	for (uint64_t t = 0; t < 1000000; t++)
		bytes += send_may_resend(&s, t, 100, 100000) ? 100 : 0;
	assert_in_range(bytes, 15500, 15700); /* burst 3125 + 12500 */
}

static void budget_edges(void **state)
{
	struct send s;

	(void)state;
	send_init(&s, 7, 90000);
	assert_false(send_may_resend(&s, 0, 1, 0));
	/* Even at 1 kbit/s one whole packet goes, then a wait of 12 s. */
	assert_true(send_may_resend(&s, 0, 1500, 1000));
	assert_false(send_may_resend(&s, 1, 1500, 1000));
	assert_false(send_may_resend(&s, 11900000, 1500, 1000));
	assert_true(send_may_resend(&s, 12000000, 1500, 1000));
	send_init(&s, 7, 90000);
	assert_true(send_may_resend(&s, UINT64_MAX, 1500, UINT64_MAX));
	assert_true(send_may_resend(&s, 0, 1500, UINT64_MAX));
	assert_false(send_may_resend(&s, 5, SIZE_MAX, UINT64_MAX));
	/* The rate falls: the bucket shrinks with it. */
	assert_true(send_may_resend(&s, UINT64_MAX, 1500, 1000));
	assert_false(send_may_resend(&s, UINT64_MAX, 1, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_payload_octets),
		cmocka_unit_test(carries_the_clock_forward),
		cmocka_unit_test(streams_of_a_publisher_stay_in_step),
		cmocka_unit_test(survives_any_clock),
		cmocka_unit_test(says_nothing_without_cause),
		cmocka_unit_test(learns_the_round_trip),
		cmocka_unit_test(ignores_blocks_about_others),
		cmocka_unit_test(keeps_the_budget),
		cmocka_unit_test(asking_often_costs_nothing),
		cmocka_unit_test(budget_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
