#include "check.h"
#include "rtp/receive.h"

static struct receive r;
static uint64_t seq64;

static enum receive_got arrive(uint64_t now_us, uint16_t seq)
{
	return receive_packet(&r, now_us, seq, 0, 100, &seq64);
}

static void begin(bool nack)
{
	receive_init(&r, 0x11223344, 90000, nack);
}

/* --- numbers ------------------------------------------------------------- */

#define END                                                                    \
	{                                                                      \
		-1, 0, 0                                                       \
	}

struct step {
	int seq;
	enum receive_got want;
	int64_t unwrapped; /* relative to 65536 */
};

struct script {
	const char *name;
	struct step step[24];
};

static const struct script scripts[] = {
	{ "in order", { { 7, RECEIVE_NEW, 7 }, { 8, RECEIVE_NEW, 8 }, END } },
	{ "a hole filled", { { 7, RECEIVE_NEW, 7 }, { 9, RECEIVE_NEW, 9 },
				   { 8, RECEIVE_RECOVERED, 8 },
				   { 10, RECEIVE_NEW, 10 }, END } },
	{ "twice", { { 7, RECEIVE_NEW, 7 }, { 7, RECEIVE_DUPLICATE, 7 },
			   { 8, RECEIVE_NEW, 8 }, { 7, RECEIVE_DUPLICATE, 7 },
			   END } },
	{ "filled twice", { { 7, RECEIVE_NEW, 7 }, { 9, RECEIVE_NEW, 9 },
				  { 8, RECEIVE_RECOVERED, 8 },
				  { 8, RECEIVE_DUPLICATE, 8 }, END } },
	{ "wrap with reordering (32)",
		{ { 65533, RECEIVE_NEW, 65533 }, { 65535, RECEIVE_NEW, 65535 },
			{ 0, RECEIVE_NEW, 65536 }, { 1, RECEIVE_NEW, 65537 },
			{ 65534, RECEIVE_RECOVERED, 65534 },
			{ 2, RECEIVE_NEW, 65538 }, END } },
	{ "reordered at the very start",
		{ { 1, RECEIVE_NEW, 1 }, { 65535, RECEIVE_RECOVERED, -1 },
			{ 0, RECEIVE_RECOVERED, 0 }, { 2, RECEIVE_NEW, 2 },
			END } },
	{ "the oldest of the window",
		{ { 5000, RECEIVE_NEW, 5000 }, { 5001, RECEIVE_NEW, 5001 },
			{ 6024, RECEIVE_NEW, 6024 },
			{ 5001, RECEIVE_DUPLICATE, 5001 },
			{ 5002, RECEIVE_RECOVERED, 5002 },
			{ 5000, RECEIVE_OLD, 5000 }, END } },
	{ "no stale bit after a gap of a window",
		{ { 5000, RECEIVE_NEW, 5000 }, { 6024, RECEIVE_NEW, 6024 },
			{ 6023, RECEIVE_RECOVERED, 6023 },
			{ 7500, RECEIVE_NEW, 7500 },
			{ 7048, RECEIVE_RECOVERED, 7048 }, END } },
	{ "longest gap that is a gap",
		{ { 0, RECEIVE_NEW, 0 }, { 3000, RECEIVE_NEW, 3000 }, END } },
	{ "a jump is not believed once",
		{ { 0, RECEIVE_NEW, 0 }, { 3001, RECEIVE_OLD, 3001 },
			{ 1, RECEIVE_NEW, 1 }, { 2, RECEIVE_NEW, 2 }, END } },
	{ "but twice", { { 0, RECEIVE_NEW, 0 }, { 3001, RECEIVE_OLD, 3001 },
			       { 3002, RECEIVE_RESET, 3002 },
			       { 3003, RECEIVE_NEW, 3003 },
			       { 3001, RECEIVE_RECOVERED, 3001 }, END } },
	{ "two jumps not in sequence",
		{ { 0, RECEIVE_NEW, 0 }, { 4000, RECEIVE_OLD, 4000 },
			{ 9000, RECEIVE_OLD, 9000 },
			{ 4001, RECEIVE_OLD, 4001 }, { 1, RECEIVE_NEW, 1 },
			/* a packet in place ends the suspicion */
			{ 4002, RECEIVE_OLD, 4002 }, { 2, RECEIVE_NEW, 2 },
			{ 4003, RECEIVE_OLD, 4003 }, END } },
	{ "back: numbers still rise",
		{ { 30000, RECEIVE_NEW, 30000 }, { 10, RECEIVE_OLD, 10 },
			{ 11, RECEIVE_RESET, 65536 + 11 },
			{ 12, RECEIVE_NEW, 65536 + 12 }, END } },
	{ "a jump over the wrap of its successor",
		{ { 30000, RECEIVE_NEW, 30000 }, { 65535, RECEIVE_OLD, -1 },
			{ 0, RECEIVE_RESET, 65536 }, END } },
};

static void run(const struct script *s)
{
	begin(true);
	for (const struct step *t = s->step; t->seq >= 0; t++) {
		enum receive_got got = arrive(1000, (uint16_t)t->seq);
		int64_t u = (int64_t)seq64 - 65536;

		if (got != t->want || (got != RECEIVE_OLD && u != t->unwrapped))
			fail_msg("%s, step %d: %d, number %lld", s->name,
				(int)(t - s->step), (int)got, (long long)u);
	}
}

static void runs_scripts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(scripts); i++)
		run(&scripts[i]);
}

static void counts(void **state)
{
	(void)state;
	begin(true);
	arrive(0, 7);
	arrive(0, 9);
	arrive(0, 9);
	arrive(0, 8);
	arrive(0, 9000);
	assert_int_equal(r.received, 3);
	assert_int_equal(r.bytes, 300);
	assert_int_equal(r.duplicates, 1);
	assert_int_equal(r.recovered, 1);
	arrive(0, 9001);
	assert_int_equal(r.resets, 1);
	assert_int_equal(r.received, 4);
}

/* Every number of a long shuffled stream is seen as new exactly once. */
static void shuffled_stream(void **state)
{
	enum { N = 200000, BLOCK = 50 };
	static uint8_t seen[N];
	uint64_t seed = 7;

	(void)state;
	memset(seen, 0, sizeof(seen));
	begin(false);
	for (unsigned base = 0; base < N; base += BLOCK) {
		unsigned order[BLOCK];

		for (unsigned i = 0; i < BLOCK; i++)
			order[i] = base + i;
		/* The first stays first: numbers count from it. */
		for (unsigned i = BLOCK - 1; i > 1; i--) {
			unsigned k = 1 + (unsigned)(next_random(&seed) % i);
			unsigned swap = order[i];

			order[i] = order[k];
			order[k] = swap;
		}
		for (unsigned i = 0; i < BLOCK; i++) {
			enum receive_got got =
				arrive(0, (uint16_t)(65000 + order[i]));

			assert_true(
				got == RECEIVE_NEW || got == RECEIVE_RECOVERED);
			assert_int_equal(seq64 - 65536 - 65000, order[i]);
			assert_int_equal(seen[order[i]]++, 0);
			assert_int_equal(
				arrive(0, (uint16_t)(65000 + order[i])),
				RECEIVE_DUPLICATE);
		}
	}
	assert_int_equal(r.received, N);
	assert_int_equal(r.duplicates, N);
}

/* --- NACK ---------------------------------------------------------------- */

static unsigned ask(uint64_t now_us, uint16_t *ret)
{
	return receive_nacks(&r, now_us, ret, RECEIVE_NACK_MAX);
}

static void waits_for_reordering(void **state)
{
	uint16_t seq[RECEIVE_NACK_MAX];

	(void)state;
	begin(true);
	arrive(1000, 10);
	assert_int_equal(receive_deadline(&r), UINT64_MAX);
	arrive(2000, 13);
	assert_int_equal(receive_deadline(&r), 2000 + RECEIVE_NACK_WAIT_US);
	assert_int_equal(ask(11999, seq), 0);
	arrive(12000, 11);
	assert_int_equal(ask(12000, seq), 1);
	assert_int_equal(seq[0], 12);
	assert_int_equal(ask(12000, seq), 0);
	arrive(13000, 12);
	assert_int_equal(receive_deadline(&r), UINT64_MAX);
	assert_int_equal(r.given_up, 0);
}

/* Drives the table by its own deadline; returns how often it asked, *ret_end:
 * when it had given up. */
static unsigned asks_until_given_up(uint64_t rtt_us, uint64_t *ret_end)
{
	uint16_t seq[RECEIVE_NACK_MAX];
	uint64_t now = 0, last = 0;
	unsigned n = 0;

	begin(true);
	r.rtt_us = rtt_us;
	arrive(0, 1);
	arrive(0, 3);
	while ((now = receive_deadline(&r)) != UINT64_MAX) {
		unsigned got;

		if (now > 0)
			assert_int_equal(ask(now - 1, seq), 0);
		got = ask(now, seq);
		if (got) {
			assert_int_equal(got, 1);
			assert_int_equal(seq[0], 2);
			/* Never before an answer could have come. */
			if (n++)
				assert_true(now - last > rtt_us);
			last = now;
		}
		*ret_end = now;
	}
	assert_int_equal(r.given_up, 1);
	return n;
}

static void paces_by_the_round_trip(void **state)
{
	uint64_t end;

	(void)state;
	assert_int_equal(asks_until_given_up(1000, &end), 8);
	assert_int_equal(end, RECEIVE_NACK_LIFE_US);
	assert_int_equal(asks_until_given_up(0, &end), 5);
	assert_int_equal(end, RECEIVE_NACK_LIFE_US);
	assert_int_equal(asks_until_given_up(300000, &end), 3);
	assert_int_equal(asks_until_given_up(900000, &end), 1);
	assert_int_equal(asks_until_given_up(UINT64_MAX, &end), 1);
	assert_int_equal(end, RECEIVE_NACK_LIFE_US);
}

static void takes_no_more_than_asked_for(void **state)
{
	uint16_t seq[RECEIVE_NACK_MAX];

	(void)state;
	begin(true);
	arrive(0, 65530);
	arrive(0, 4); /* 65531 .. 3 are missing: 9 */
	assert_int_equal(receive_nacks(&r, 20000, seq, 0), 0);
	assert_int_equal(receive_nacks(&r, 20000, seq, 6), 6);
	assert_int_equal(seq[0], 65531);
	assert_int_equal(seq[5], 0);
	assert_true(receive_deadline(&r) <= 20000);
	assert_int_equal(receive_nacks(&r, 20000, seq, 6), 3);
	assert_int_equal(seq[0], 1);
	assert_int_equal(seq[2], 3);
	assert_true(receive_deadline(&r) > 20000);
}

static void table_is_bounded(void **state)
{
	uint16_t seq[RECEIVE_NACK_MAX];

	(void)state;
	begin(true);
	arrive(0, 0);
	arrive(0, 1001); /* 1000 missing, the newest 128 are tracked */
	assert_int_equal(r.n_missing, RECEIVE_NACK_MAX);
	assert_int_equal(r.given_up, 1000 - RECEIVE_NACK_MAX);
	arrive(0, 1012); /* ten more push ten out */
	assert_int_equal(r.n_missing, RECEIVE_NACK_MAX);
	assert_int_equal(r.given_up, 1010 - RECEIVE_NACK_MAX);
	assert_int_equal(ask(20000, seq), RECEIVE_NACK_MAX);
	assert_int_equal(seq[0], 1000 - 128 + 1 + 10);
	assert_int_equal(seq[117], 1000);
	assert_int_equal(seq[118], 1002);
	assert_int_equal(seq[127], 1011);
	/* Every second one missing, for ever. */
	for (unsigned i = 1014; i < 60000; i += 2)
		arrive(i, (uint16_t)i);
	assert_int_equal(r.n_missing, RECEIVE_NACK_MAX);
}

static void beyond_the_window_is_hopeless(void **state)
{
	uint16_t seq[RECEIVE_NACK_MAX];

	(void)state;
	begin(true);
	arrive(0, 0);
	for (unsigned i = 2; i < 1024; i++)
		arrive(0, (uint16_t)i);
	assert_int_equal(ask(20000, seq), 1);
	arrive(20000, 1024);
	arrive(20000, 1025);
	assert_int_equal(ask(500000, seq), 0);
	assert_int_equal(r.given_up, 1);
	assert_int_equal(receive_deadline(&r), UINT64_MAX);
}

static void a_reset_forgets_the_missing(void **state)
{
	(void)state;
	begin(true);
	arrive(0, 0);
	arrive(0, 5);
	arrive(0, 30000);
	assert_int_equal(r.n_missing, 4);
	assert_int_equal(arrive(0, 30001), RECEIVE_RESET);
	assert_int_equal(r.n_missing, 0);
	assert_int_equal(receive_deadline(&r), UINT64_MAX);
}

static void without_nack_nothing_is_asked(void **state)
{
	uint16_t seq[RECEIVE_NACK_MAX];

	(void)state;
	begin(false);
	arrive(0, 0);
	arrive(0, 5);
	assert_int_equal(receive_deadline(&r), UINT64_MAX);
	assert_int_equal(ask(500000, seq), 0);
	assert_int_equal(arrive(0, 3), RECEIVE_RECOVERED);
}

/* --- report blocks -------------------------------------------------------- */

static struct rtcp_block report(uint64_t now_us)
{
	struct rtcp_block b;

	memset(&b, 0xff, sizeof(b));
	receive_report(&r, now_us, &b);
	assert_int_equal(b.ssrc, 0x11223344);
	return b;
}

static void reports_loss(void **state)
{
	struct rtcp_block b;

	(void)state;
	begin(false);
	b = report(0);
	assert_int_equal(b.highest_seq, 0);
	assert_int_equal(b.lost, 0);
	assert_int_equal(b.lsr, 0);
	assert_int_equal(b.dlsr, 0);
	/* 65530 .. 65539, every fifth lost. */
	for (unsigned i = 0; i < 10; i++)
		if (i % 5 != 3)
			arrive(0, (uint16_t)(65530 + i));
	b = report(0);
	assert_int_equal(b.lost, 2);
	assert_int_equal(b.fraction_lost, 2 * 256 / 10);
	assert_int_equal(b.highest_seq, 65539);
	b = report(0); /* nothing since */
	assert_int_equal(b.fraction_lost, 0);
	assert_int_equal(b.lost, 2);
	arrive(0, 65533); /* recovered: the interval has a surplus */
	arrive(0, 4);
	b = report(0);
	assert_int_equal(b.fraction_lost, 0);
	assert_int_equal(b.lost, 1);
	/* One of two. */
	arrive(0, 6);
	b = report(0);
	assert_int_equal(b.fraction_lost, 128);
	/* Duplicates make the loss negative, RFC 3550 6.4.1. */
	for (unsigned i = 0; i < 5; i++)
		arrive(0, 6);
	assert_int_equal(report(0).lost, -3);
}

/* What came before the first that came is part of the stream, and so is what
 * lies between them. */
static void reports_from_the_earliest(void **state)
{
	(void)state;
	begin(false);
	arrive(0, 5);
	arrive(0, 4);
	assert_int_equal(report(0).lost, 0);
	arrive(0, 2);
	assert_int_equal(report(0).lost, 1);
	assert_int_equal(r.recovered, 0);
}

static void reports_start_anew_after_a_reset(void **state)
{
	struct rtcp_block b;

	(void)state;
	begin(false);
	arrive(0, 0);
	arrive(0, 100);
	report(0);
	arrive(0, 40000);
	assert_int_equal(arrive(0, 40001), RECEIVE_RESET);
	arrive(0, 40003);
	b = report(0);
	assert_int_equal(b.lost, 1);
	assert_int_equal(b.fraction_lost, 256 / 3);
	assert_int_equal(b.highest_seq & 0xffff, 40003);
}

static void clamps_what_24_bits_hold(void **state)
{
	(void)state;
	begin(false);
	arrive(0, 0);
	for (uint64_t i = 3000; i < UINT64_C(9000000); i += 3000)
		arrive(0, (uint16_t)i);
	assert_int_equal(report(0).lost, 0x7fffff);
	assert_int_equal(r.highest, 65536 + 8997000);
	assert_int_equal(report(0).highest_seq, 8997000);
}

static void echoes_the_sender_report(void **state)
{
	struct rtcp_block b;

	(void)state;
	begin(false);
	receive_sr(&r, 5000000, 0xe1234567890abcde, 777);
	b = report(5000000);
	assert_int_equal(b.lsr, 0x4567890a);
	assert_int_equal(b.dlsr, 0);
	assert_int_equal(report(5500000).dlsr, 32768);
	assert_int_equal(
		report(UINT64_C(10) * 86400 * 1000000).dlsr, UINT32_MAX);
	assert_int_equal(report(1).dlsr, 0); /* never negative */
	/* A sender's clock far in the future is only echoed (54). */
	receive_sr(&r, 6000000, UINT64_MAX, 0);
	assert_int_equal(report(6000000).lsr, 0xffffffff);
	assert_int_equal(r.sr_ts, 0);
}

/* --- jitter --------------------------------------------------------------- */

static void jitter_of_rfc_3550(void **state)
{
	double want = 0;

	(void)state;
	begin(false);
	/* 20 ms apart by timestamp, arriving 20 or 25 ms apart. */
	for (unsigned i = 0; i < 100; i++) {
		uint64_t now = 1000000 + i * 20000 + (i & 1) * 5000;

		receive_packet(&r, now, (uint16_t)i, i * 1800, 100, &seq64);
		if (i > 0)
			want += (450 - want) / 16;
	}
	assert_true(r.jitter > want - 0.01 && r.jitter < want + 0.01);
	assert_int_equal(report(0).jitter, (uint32_t)want);
}

static void jitter_of_a_steady_stream_is_none(void **state)
{
	(void)state;
	begin(false);
	for (unsigned i = 0; i < 1000; i++)
		receive_packet(&r, i * 20000, (uint16_t)i,
			0xfffff000 + i * 1800, 100, &seq64);
	assert_true(r.jitter < 0.01);
}

/* Attack 46 says nothing about the network. */
static void jitter_ignores_jumps_of_the_timestamp(void **state)
{
	(void)state;
	begin(false);
	receive_packet(&r, 0, 0, 0, 100, &seq64);
	receive_packet(&r, 20000, 1, 0x70000000, 100, &seq64);
	receive_packet(&r, 40000, 2, 0xf0000000, 100, &seq64);
	assert_true(r.jitter < 0.01);
	receive_packet(&r, 60000, 3, 0xf0000000 + 1800, 100, &seq64);
	assert_true(r.jitter < 0.01);
}

static void a_late_packet_is_no_jitter(void **state)
{
	(void)state;
	begin(false);
	receive_packet(&r, 0, 0, 0, 100, &seq64);
	receive_packet(&r, 40000, 2, 3600, 100, &seq64);
	receive_packet(&r, 900000, 1, 1800, 100, &seq64);
	assert_true(r.jitter < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_scripts),
		cmocka_unit_test(counts),
		cmocka_unit_test(shuffled_stream),
		cmocka_unit_test(waits_for_reordering),
		cmocka_unit_test(paces_by_the_round_trip),
		cmocka_unit_test(takes_no_more_than_asked_for),
		cmocka_unit_test(table_is_bounded),
		cmocka_unit_test(beyond_the_window_is_hopeless),
		cmocka_unit_test(a_reset_forgets_the_missing),
		cmocka_unit_test(without_nack_nothing_is_asked),
		cmocka_unit_test(reports_loss),
		cmocka_unit_test(reports_from_the_earliest),
		cmocka_unit_test(reports_start_anew_after_a_reset),
		cmocka_unit_test(clamps_what_24_bits_hold),
		cmocka_unit_test(echoes_the_sender_report),
		cmocka_unit_test(jitter_of_rfc_3550),
		cmocka_unit_test(jitter_of_a_steady_stream_is_none),
		cmocka_unit_test(jitter_ignores_jumps_of_the_timestamp),
		cmocka_unit_test(a_late_packet_is_no_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
