/* The bottleneck itself: what the quality tests and the end-to-end link stand
 * on. */
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/link.h"

enum { MS = 1000, S = 1000000 };

static struct link the_link;

static void start(const struct link_config *cfg, uint64_t seed)
{
	assert_true(link_init(&the_link, cfg, seed, 0));
}

static int teardown(void **state)
{
	(void)state;
	link_done(&the_link);
	return 0;
}

static void serves_at_its_rate_and_in_order(void **state)
{
	const struct link_config cfg = { .rate_bps = 1000000,
		.delay_us = 20 * MS };
	struct link_packet p;

	(void)state;
	start(&cfg, 1);
	assert_int_equal(link_deadline(&the_link), UINT64_MAX);
	for (unsigned i = 0; i < 10; i++)
		assert_true(link_send(&the_link, 0, 1250, i));
	/* 10 ms each. */
	assert_int_equal(link_wait_us(&the_link, 0), 100 * MS);
	assert_int_equal(link_deadline(&the_link), 10 * MS);
	assert_false(link_take(&the_link, 30 * MS - 1, &p));
	for (unsigned i = 0; i < 10; i++) {
		assert_true(link_take(&the_link, (30 + 10 * i) * MS, &p));
		assert_int_equal(p.handle, i);
		assert_int_equal(p.ready_us, (30 + 10 * i) * MS);
		assert_false(p.lost);
		assert_false(link_take(&the_link, (30 + 10 * i) * MS, &p));
	}
	assert_int_equal(link_deadline(&the_link), UINT64_MAX);
	assert_int_equal(the_link.delivered_bytes, 12500);
}

static void drops_at_the_tail(void **state)
{
	const struct link_config by_time = { .rate_bps = 1000000,
		.queue_us = 50 * MS };
	const struct link_config by_bytes = { .rate_bps = 1000000,
		.queue_bytes = 2600 };
	unsigned taken = 0;

	(void)state;
	start(&by_time, 1);
	for (unsigned i = 0; i < 10; i++)
		taken += link_send(&the_link, 0, 1250, i);
	assert_int_equal(taken, 5);
	assert_int_equal(the_link.dropped, 5);
	link_done(&the_link);
	start(&by_bytes, 1);
	taken = 0;
	for (unsigned i = 0; i < 10; i++)
		taken += link_send(&the_link, 0, 1250, i);
	assert_int_equal(taken, 2);
}

static void follows_a_trace(void **state)
{
	static const struct link_step steps[] = { { 0, 1000000 },
		{ 15 * MS, 0 }, { 100 * MS, 2000000 } };
	const struct link_config cfg = {
		.trace = steps, .n_trace = 3, .trace_us = 200 * MS
	};
	static const unsigned want_us[] = { 10 * MS, 102500, 107500, 112500 };
	struct link_packet p;

	(void)state;
	start(&cfg, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_true(link_send(&the_link, 0, 1250, i));
	for (unsigned i = 0; i < 4; i++) {
		assert_true(link_take(&the_link, 150 * MS, &p));
		assert_int_equal(p.ready_us, want_us[i]);
	}
	/* In the next round it is slow again. */
	assert_true(link_send(&the_link, 200 * MS, 1250, 9));
	assert_int_equal(link_deadline(&the_link), 210 * MS);
}

static void stands_still_and_is_cut(void **state)
{
	static const struct link_step still[] = { { 0, 0 } };
	const struct link_config stalled = { .trace = still, .n_trace = 1 };
	const struct link_config cut = { .cut = true };
	const struct link_config open = { .rate_bps = 1000000 };
	struct link_packet p;

	(void)state;
	start(&stalled, 1);
	assert_true(link_send(&the_link, 0, 1250, 1));
	assert_int_equal(link_deadline(&the_link), UINT64_MAX);
	link_set(&the_link, S, &cut);
	assert_false(link_send(&the_link, S, 1250, 2));
	assert_false(link_take(&the_link, S, &p));
	link_set(&the_link, 2 * S, &open);
	assert_false(link_take(&the_link, 2 * S, &p));
	assert_true(link_take(&the_link, 2 * S + 10 * MS, &p));
	assert_int_equal(p.handle, 1);
	assert_int_equal(p.ready_us, 2 * S + 10 * MS);
}

/* Sends n packets, one a millisecond; returns how many were lost, and how many
 * runs of losses and overtakings there were. */
static unsigned run(unsigned n, unsigned *ret_runs, unsigned *ret_overtaken)
{
	uint64_t last = 0;
	unsigned lost = 0;
	bool was_lost = false;
	struct link_packet p;

	*ret_runs = *ret_overtaken = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(link_send(&the_link, (uint64_t)i * MS, 100, i + 1));
		while (link_take(&the_link, (uint64_t)i * MS, &p)) {
			*ret_runs += p.lost && !was_lost;
			*ret_overtaken += p.handle < last;
			was_lost = p.lost;
			lost += p.lost;
			last = p.handle;
		}
	}
	return lost;
}

static void loses_at_random_and_in_bursts(void **state)
{
	const struct link_config random = { .loss_ppm = 100000 };
	const struct link_config bursts = {
		.burst_ppm = 10000, .burst_len = 10, .burst_loss_ppm = 1000000
	};
	unsigned lost, runs, overtaken;

	(void)state;
	start(&random, 7);
	lost = run(10000, &runs, &overtaken);
	assert_in_range(lost, 900, 1100);
	assert_in_range(runs, 800, 1000);
	link_done(&the_link);
	start(&bursts, 7);
	lost = run(10000, &runs, &overtaken);
	assert_in_range(lost, 700, 1150);
	assert_in_range(lost / runs, 8, 12);
	assert_int_equal(overtaken, 0);
}

static void jitter_reorders_only_if_told(void **state)
{
	struct link_config cfg = { .jitter_us = 20 * MS };
	unsigned runs, overtaken;

	(void)state;
	start(&cfg, 3);
	run(1000, &runs, &overtaken);
	assert_int_equal(overtaken, 0);
	link_done(&the_link);
	cfg.reorder = true;
	start(&cfg, 3);
	run(1000, &runs, &overtaken);
	assert_true(overtaken > 300);
	link_done(&the_link);
	cfg = (struct link_config){ .late_ppm = 10000, .late_us = 5 * MS };
	start(&cfg, 3);
	run(1000, &runs, &overtaken);
	assert_in_range(overtaken, 3, 20);
}

static void same_seed_same_result(void **state)
{
	const struct link_config cfg = { .rate_bps = 10000000,
		.jitter_us = 9 * MS,
		.reorder = true,
		.loss_ppm = 50000 };
	struct link_packet p;
	uint64_t sum[3] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		start(&cfg, round / 2);
		for (unsigned i = 0; i < 1000; i++)
			link_send(&the_link, i * 100, 1000, i);
		while (link_take(&the_link, 10 * S, &p))
			sum[round] = sum[round] * 31 + p.ready_us + p.handle;
		assert_int_equal(the_link.lost + the_link.delivered, 1000);
		link_done(&the_link);
	}
	assert_true(sum[0] == sum[1]);
	assert_true(sum[0] != sum[2]);
}

static void the_mobile_trace_stays_in_its_range(void **state)
{
	struct link_step step[600], again[600];
	uint64_t sum = 0;
	unsigned faded = 0;

	(void)state;
	link_trace_mobile(step, 600, 2000000, 5);
	link_trace_mobile(again, 600, 2000000, 5);
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(step[i].at_us, i * 100 * MS);
		assert_int_equal(step[i].rate_bps, again[i].rate_bps);
		assert_in_range(step[i].rate_bps, 40000, 4000000);
		sum += step[i].rate_bps;
		faded += step[i].rate_bps == 40000;
	}
	assert_in_range(sum / 600, 1400000, 2400000);
	assert_in_range(faded, 1, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			serves_at_its_rate_and_in_order, teardown),
		cmocka_unit_test_teardown(drops_at_the_tail, teardown),
		cmocka_unit_test_teardown(follows_a_trace, teardown),
		cmocka_unit_test_teardown(stands_still_and_is_cut, teardown),
		cmocka_unit_test_teardown(
			loses_at_random_and_in_bursts, teardown),
		cmocka_unit_test_teardown(
			jitter_reorders_only_if_told, teardown),
		cmocka_unit_test_teardown(same_seed_same_result, teardown),
		cmocka_unit_test(the_mobile_trace_stays_in_its_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
