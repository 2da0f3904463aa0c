/* The estimator and the pacer over bottlenecks: how fast they find the rate,
 * how long the queue becomes, how they share, how they recover. Several seeds
 * each; rates with all headers, as they arrive. */
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/bottleneck.h"

enum { MS = 1000, S = 1000000, KBIT = 1000, SEEDS = 4 };

static struct bottleneck world;

static void begin(const struct link_config *cfg, uint64_t seed)
{
	assert_true(bottleneck_init(&world, cfg, seed));
}

static struct flow *add_flow(uint64_t begin_us)
{
	const struct flow_config cfg = { .begin_us = begin_us };

	assert_true(bottleneck_flow(&world, &cfg));
	return &world.flow[world.n_flows - 1];
}

static int teardown(void **state)
{
	(void)state;
	bottleneck_done(&world);
	return 0;
}

/* A usual path: 50 ms round trip, a drop-tail queue of 300 ms. */
static struct link_config path(uint64_t rate_bps)
{
	return (struct link_config){
		.rate_bps = rate_bps, .delay_us = 25 * MS, .queue_us = 300 * MS
	};
}

/* One flow over a path for some seconds. */
static struct flow *alone(
	const struct link_config *cfg, uint64_t seed, unsigned seconds)
{
	struct flow *f;

	begin(cfg, seed);
	f = add_flow(0);
	bottleneck_run(&world, (uint64_t)seconds * S);
	return f;
}

static void converges_within_5_seconds(void **state)
{
	static const uint64_t rates[] = { 300 * KBIT, 1000 * KBIT, 3000 * KBIT,
		10000 * KBIT };

	for (unsigned i = 0; i < 4; i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct link_config cfg = path(rates[i]);
			struct flow *f = alone(&cfg, seed, 30);

			assert_true(flow_reaches(f, 0, rates[i], 90) <= 40);
			/* And stays there. */
			assert_true(flow_got_bps(f, 50, 300) * 100 >=
				    rates[i] * 93);
			assert_true(flow_delay_ms(f, 0.95) < 150);
			assert_true(f->padding_bytes * 100 <= f->got_bytes * 4);
			assert_true(
				f->feedback_bytes * 100 <= f->got_bytes * 5);
			teardown(state);
		}
	}
}

/* Loss of the path itself is no reason to send less: what arrives is what can
 * arrive. */
static void random_loss_does_not_slow_it(void **state)
{
	static const struct {
		unsigned loss_ppm, percent;
	} cases[] = { { 20000, 88 }, { 100000, 80 }, { 200000, 65 } };

	for (unsigned i = 0; i < 3; i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct link_config cfg = path(3000 * KBIT);
			struct flow *f;

			cfg.loss_ppm = cases[i].loss_ppm;
			f = alone(&cfg, seed, 30);
			assert_true(flow_got_bps(f, 50, 300) * 100 >=
				    UINT64_C(3000) * KBIT * cases[i].percent);
			assert_true(flow_delay_ms(f, 0.95) < 200);
			teardown(state);
		}
	}
}

static void bursts_of_loss_do_not_slow_it(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct link_config cfg = path(3000 * KBIT);
		struct flow *f;

		cfg.burst_ppm = 10000;
		cfg.burst_len = 10;
		cfg.burst_loss_ppm = 500000;
		f = alone(&cfg, seed, 30);
		assert_true(flow_got_bps(f, 50, 300) >= 2250 * KBIT);
		teardown(state);
	}
}

static void long_round_trips_and_jitter(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct link_config cfg = path(3000 * KBIT);
			struct flow *f;

			if (i == 0)
				cfg.delay_us = 150 * MS;
			else
				cfg.jitter_us = 30 * MS;
			cfg.reorder = i == 2;
			f = alone(&cfg, seed, 30);
			assert_true(flow_got_bps(f, 100, 300) >= 2550 * KBIT);
			assert_true(flow_delay_ms(f, 0.95) < 200);
			teardown(state);
		}
	}
}

/* How many tenths of a second, from 5 s to 60 s over a wide path, the estimate
 * is below the best layer. While the server sleeps there is none. */
static unsigned starved(const struct flow_config *flow, uint64_t seed)
{
	const struct link_config cfg = path(20000 * KBIT);
	const uint64_t *estimate = world.flow[0].estimate_bps;
	unsigned low = 0;

	begin(&cfg, seed);
	assert_true(bottleneck_flow(&world, flow));
	bottleneck_run(&world, 60 * S);
	for (unsigned t = 50; t < 600; t++) {
		assert_true(estimate[t] || flow->server_sleep_us);
		low += estimate[t] &&
		       estimate[t] < flow->layer_bps[flow->n_layers - 1];
	}
	bottleneck_done(&world);
	return low;
}

/* A browser on a machine that has no time for it reads its packets late, and
 * all that came meanwhile at once. The path is free: nothing is paused. */
static void a_starved_receiver_is_no_narrow_path(void **state)
{
	static const uint64_t sleep_ms[] = { 100, 300, 600 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct flow_config flow = {
			.layer_bps = { 300 * KBIT, 900 * KBIT, 1900 * KBIT },
			.n_layers = 3,
			.sleep_us = sleep_ms[i] * MS,
			.awake_us = 700 * MS
		};

		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			assert_int_equal(starved(&flow, seed), 0);
	}
}

/* Nor is a server that is not run for moments, while its receivers are not
 * either. */
static void a_starved_server_is_no_narrow_path(void **state)
{
	static const uint64_t sleep_ms[] = { 50, 150, 400 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct flow_config flow = {
			.layer_bps = { 100 * KBIT, 300 * KBIT, 900 * KBIT },
			.n_layers = 3,
			.sleep_us = sleep_ms[i] * MS,
			.awake_us = sleep_ms[i] * MS,
			.server_sleep_us = sleep_ms[i] * MS,
			.server_awake_us = sleep_ms[i] * MS
		};

		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			assert_int_equal(starved(&flow, seed), 0);
	}
}

/* And what it was once taken for is not held against it. */
static void a_starved_receiver_recovers(void **state)
{
	static const uint64_t sleep_ms[] = { 30, 100, 300, 600 };

	for (unsigned i = 0; i < 4; i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct link_config cfg = path(400 * KBIT);
			const struct flow_config flow = {
				.layer_bps = { 300 * KBIT, 900 * KBIT,
					1900 * KBIT },
				.n_layers = 3,
				.sleep_us = sleep_ms[i] * MS,
				.awake_us = 2 * sleep_ms[i] * MS
			};

			begin(&cfg, seed);
			assert_true(bottleneck_flow(&world, &flow));
			bottleneck_run(&world, 15 * S);
			cfg = path(20000 * KBIT);
			bottleneck_set(&world, &cfg);
			bottleneck_run(&world, 60 * S);
			assert_true(flow_estimates(&world.flow[0], 150,
					    1900 * KBIT, 100) <= 150 + 60);
			teardown(state);
		}
	}
}

static void change(uint64_t rate_bps, uint64_t until_us)
{
	struct link_config cfg = path(rate_bps);

	bottleneck_set(&world, &cfg);
	bottleneck_run(&world, until_us);
}

/* 3 → 0.5 → 3 Mbit/s. */
static void follows_the_capacity_down_and_up(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct link_config cfg = path(3000 * KBIT);
		struct flow *f = alone(&cfg, seed, 20);

		change(500 * KBIT, 22 * S);
		/* Usable within two seconds: the queue is gone and the
		 * estimate fits. */
		assert_true(link_wait_us(&world.down, world.now_us) < 150 * MS);
		assert_true(
			estimate_bps(&f->estimate, world.now_us) <= 550 * KBIT);
		bottleneck_run(&world, 40 * S);
		assert_true(flow_got_bps(f, 230, 400) >= 450 * KBIT);
		change(3000 * KBIT, 60 * S);
		assert_true(flow_reaches(f, 400, 3000 * KBIT, 90) <= 450);
		assert_true(flow_got_bps(f, 450, 600) >= 2700 * KBIT);
		assert_true(flow_delay_ms(f, 0.95) < 200);
		teardown(state);
	}
}

/* From now on everything takes 125 ms longer each way, as behind another access
 * network; 2 % are lost. A source of layers, which proves little of the path.
 */
static void a_longer_route_is_no_queue(void **state)
{
	for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
		struct link_config cfg = path(3000 * KBIT);
		const struct flow_config flow = {
			.layer_bps = { 150 * KBIT, 300 * KBIT, 600 * KBIT },
			.n_layers = 3
		};
		unsigned low = 0;

		begin(&cfg, seed);
		assert_true(bottleneck_flow(&world, &flow));
		bottleneck_run(&world, 10 * S);
		cfg.delay_us += 125 * MS;
		cfg.loss_ppm = seed > SEEDS ? 20000 : 0;
		bottleneck_set(&world, &cfg);
		bottleneck_run(&world, 40 * S);
		for (unsigned t = 100; t < 400; t++)
			low += world.flow[0].estimate_bps[t] < 700 * KBIT;
		/* A second to see it. */
		assert_in_range(low, 0, 15);
		teardown(state);
	}
}

/* A buffer of seconds fills before anybody can know; it is emptied, not taken
 * for somebody else's. */
static void deep_buffers_are_emptied(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct link_config cfg = path(3000 * KBIT);
		struct flow *f;

		cfg.queue_us = 1500 * MS;
		f = alone(&cfg, seed, 20);
		cfg.rate_bps = 500 * KBIT;
		bottleneck_set(&world, &cfg);
		bottleneck_run(&world, 23 * S);
		assert_true(link_wait_us(&world.down, world.now_us) < 150 * MS);
		bottleneck_run(&world, 50 * S);
		assert_true(flow_got_bps(f, 250, 500) >= 450 * KBIT);
		assert_true(flow_delay_ms(f, 0.95) < 200);
		teardown(state);
	}
}

/* The grid's Q7 and Q8, with a source that has three layers to choose from, as
 * a forwarding server has. */
static void layers_follow_the_steps(void **state)
{
	static const struct flow_config layered = { .n_layers = 3,
		.layer_bps = { 150 * KBIT, 400 * KBIT, 2500 * KBIT } };

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct link_config cfg = path(500 * KBIT);
		struct flow *f;

		begin(&cfg, seed);
		assert_true(bottleneck_flow(&world, &layered));
		f = &world.flow[0];
		bottleneck_run(&world, 20 * S);
		assert_in_range(f->layer, 1, 2);
		change(4000 * KBIT, 25 * S);
		assert_int_equal(f->layer, 3);
		bottleneck_run(&world, 40 * S);
		assert_int_equal(f->layer, 3);
		change(500 * KBIT, 42 * S);
		assert_in_range(f->layer, 1, 2);
		assert_true(link_wait_us(&world.down, world.now_us) < 150 * MS);
		teardown(state);
	}
}

/* What is not used is neither lost nor grown into. */
static void application_limited(void **state)
{
	static const struct flow_config low = { .n_layers = 1,
		.layer_bps = { 300 * KBIT } };

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct link_config cfg = path(2000 * KBIT);
		struct flow *f;
		uint64_t bps;

		begin(&cfg, seed);
		assert_true(bottleneck_flow(&world, &low));
		f = &world.flow[0];
		bottleneck_run(&world, 60 * S);
		bps = estimate_bps(&f->estimate, world.now_us);
		assert_true(bps >= 300 * KBIT && bps <= 2100 * KBIT);
		/* Nobody wants more, so that nothing is probed. */
		assert_true(f->padding_bytes < 30000);
		teardown(state);
	}
}

static void outage(unsigned ms, bool cut, uint64_t seed)
{
	static const struct link_step still[] = { { 0, 0 } };
	const struct link_config cfg = path(3000 * KBIT);
	struct link_config gone = cfg;
	struct flow *f = alone(&cfg, seed, 20);

	gone.cut = cut;
	gone.rate_bps = 0;
	gone.trace = still;
	gone.n_trace = 1;
	bottleneck_set(&world, &gone);
	bottleneck_run(&world, world.now_us + (uint64_t)ms * MS);
	bottleneck_set(&world, &cfg);
	bottleneck_run(&world, 40 * S);
	/* From a second after the path is back on, at the latest. */
	assert_true(flow_reaches(f, 200 + ms / 100, 3000 * KBIT, 80) <=
		    200 + ms / 100 + 15);
	assert_true(flow_got_bps(f, 230 + ms / 100, 400) >= 2700 * KBIT);
}

static void outages_are_survived(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		for (unsigned cut = 0; cut < 2; cut++) {
			outage(200, cut, seed);
			teardown(state);
			outage(2000, cut, seed);
			teardown(state);
			outage(6000, cut, seed);
			teardown(state);
		}
	}
}

static void two_receivers_share(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct link_config cfg = path(3000 * KBIT);
		struct flow *a, *b;
		double x, y;

		begin(&cfg, seed);
		a = add_flow(0);
		b = add_flow(5 * S);
		bottleneck_run(&world, 65 * S);
		x = (double)flow_got_bps(a, 100, 650);
		y = (double)flow_got_bps(b, 100, 650);
		/* Jain's index. */
		assert_true((x + y) * (x + y) / (2 * (x * x + y * y)) >= 0.9);
		assert_true(x + y >= 2700 * KBIT);
		assert_true(flow_delay_ms(a, 0.95) < 200);
		assert_true(flow_delay_ms(b, 0.95) < 200);
		teardown(state);
	}
}

static void shares_with_tcp(void **state)
{
	static const unsigned queue_ms[] = { 100, 200, 400 };

	for (unsigned i = 0; i < 3; i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct link_config cfg = path(3000 * KBIT);
			struct flow *f;
			uint64_t tcp_bps;

			cfg.queue_us = queue_ms[i] * MS;
			begin(&cfg, seed);
			f = add_flow(0);
			bottleneck_tcp(&world, 5 * S);
			bottleneck_run(&world, 65 * S);
			tcp_bps = world.tcp[0].delivered * TCP_BYTES * 8 / 60;
			assert_true(flow_got_bps(f, 50, 650) >= 750 * KBIT);
			assert_true(tcp_bps >= 750 * KBIT);
			teardown(state);
		}
	}
}

/* Synthetic traces of a moving phone: most of what is there, and a short queue
 * nevertheless. */
static void mobile_traces(void **state)
{
	static struct link_step steps[600];

	for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
		struct link_config cfg = path(0);
		uint64_t sum = 0;
		struct flow *f;

		link_trace_mobile(steps, 600, 2000 * KBIT, seed);
		for (unsigned i = 50; i < 600; i++)
			sum += steps[i].rate_bps;
		cfg.trace = steps;
		cfg.n_trace = 600;
		f = alone(&cfg, seed, 60);
		assert_true(flow_got_bps(f, 50, 600) * 100 >= sum / 550 * 65);
		assert_true(flow_delay_ms(f, 0.95) < 200);
		teardown(state);
	}
}

static void same_seed_same_result(void **state)
{
	uint64_t got[2];

	for (unsigned i = 0; i < 2; i++) {
		struct link_config cfg = path(2000 * KBIT);

		cfg.jitter_us = 10 * MS;
		cfg.loss_ppm = 10000;
		got[i] = alone(&cfg, 9, 10)->got_bytes;
		teardown(state);
	}
	assert_true(got[0] == got[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(converges_within_5_seconds),
		cmocka_unit_test(random_loss_does_not_slow_it),
		cmocka_unit_test(bursts_of_loss_do_not_slow_it),
		cmocka_unit_test(long_round_trips_and_jitter),
		cmocka_unit_test(a_starved_receiver_is_no_narrow_path),
		cmocka_unit_test(a_starved_server_is_no_narrow_path),
		cmocka_unit_test_teardown(
			a_starved_receiver_recovers, teardown),
		cmocka_unit_test(follows_the_capacity_down_and_up),
		cmocka_unit_test(a_longer_route_is_no_queue),
		cmocka_unit_test(deep_buffers_are_emptied),
		cmocka_unit_test(layers_follow_the_steps),
		cmocka_unit_test(application_limited),
		cmocka_unit_test(outages_are_survived),
		cmocka_unit_test(two_receivers_share),
		cmocka_unit_test(shares_with_tcp),
		cmocka_unit_test(mobile_traces),
		cmocka_unit_test(same_seed_same_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
