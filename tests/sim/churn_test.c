/* Fifty participants coming and going, twice with the same result. */
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum { CROWD = 50, STEPS = 30 };

struct outcome {
	uint64_t digest, packets, lost, joins, leaves;
};

static struct client_config small(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.fps = 4;
	cfg.packets_per_frame = 1;
	cfg.packet_bytes = 200;
	cfg.audio_ms = 120;
	cfg.data = id % 3 == 0;
	return cfg;
}

static void step(struct sim *s, uint32_t *next)
{
	const struct sim_link link = {
		.delay_us = 15000, .jitter_us = 5000, .loss_ppm = 10000
	};
	unsigned live = 0;
	for (unsigned i = 0; i < s->n_seats; i++)
		live += s->seat[i].client != NULL;
	unsigned wanted = CROWD / 2 + (unsigned)(sim_random(s) % (CROWD / 2));
	if (live < wanted && live < CROWD) {
		struct client_config cfg = small((*next)++);
		for (unsigned i = 0; i < 4 && live + i < CROWD; i++) {
			sim_join(s, &cfg, &link);
			cfg = small((*next)++);
		}
		return;
	}
	for (unsigned tries = 0; tries < 4; tries++) {
		struct sim_seat *seat = &s->seat[sim_random(s) % s->n_seats];
		if (!seat->client)
			continue;
		if (sim_random(s) % 4 == 0)
			sim_vanish(s, seat);
		else
			sim_leave(s, seat);
	}
}

static struct outcome run(uint64_t seed)
{
	static struct sim s;
	uint32_t next = 1;
	sim_init(&s, seed);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&s, &next);
		sim_run(&s, SIM_S / 2);
		assert_int_equal(sim_faults(&s), 0);
	}
	/* The dust settles: everybody left sees everybody left. */
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	struct conference_stats st = sim_stats(&s);
	struct outcome o = { s.digest, s.packets, s.lost, st.joins, st.leaves };
	sim_done(&s);
	return o;
}

static void the_same_seed_gives_the_same_conference(void **state)
{
	(void)state;
	struct outcome a = run(42), b = run(42);
	assert_true(a.joins > CROWD / 2);
	assert_true(a.leaves > 0);
	assert_true(a.packets > 100000);
	assert_int_equal(a.packets, b.packets);
	assert_int_equal(a.lost, b.lost);
	assert_int_equal(a.joins, b.joins);
	assert_int_equal(a.leaves, b.leaves);
	assert_true(a.digest == b.digest);
	/* … and the digest does see a difference. */
	assert_true(run(1).digest != a.digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_conference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
