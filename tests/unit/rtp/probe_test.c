#include "check.h"
#include "rtp/probe.h"

enum { MS = 1000 };

static struct probe probe;

struct shot {
	uint8_t id;
	uint64_t us;
	size_t bytes;
};
static struct shot shots[200];
static unsigned n_shots;

/* Sends what is due until the wishes are done; returns how long it took. */
static uint64_t shoot(uint64_t from_us)
{
	uint64_t us = from_us, last_us = from_us;
	size_t bytes;

	n_shots = 0;
	while ((us = probe_deadline(&probe, us)) != UINT64_MAX) {
		bytes = probe_due(&probe, us);
		assert_true(bytes >= PROBE_SIZE_MIN);
		assert_true(bytes <= PROBE_SIZE_MAX);
		assert_true(n_shots < COUNT(shots));
		shots[n_shots].id = probe_sent(&probe, us, bytes);
		shots[n_shots].us = us;
		shots[n_shots++].bytes = bytes;
		last_us = us;
	}
	return last_us - from_us;
}

/* All arrive, at most at rate_bps, 20 ms later; a gap of lost ones at every
 * `lose`-th. */
static void arrive(uint64_t rate_bps, unsigned lose)
{
	uint64_t free_us = 0;

	for (unsigned i = 0; i < n_shots; i++) {
		uint64_t at_us = shots[i].us + 20 * MS;

		if (at_us < free_us)
			at_us = free_us;
		free_us = at_us + shots[i].bytes * 8000000 / rate_bps;
		if (!lose || i % lose != lose - 1)
			probe_arrived(&probe, shots[i].id, shots[i].us, free_us,
				shots[i].bytes);
	}
}

static void sends_at_its_rate(void **state)
{
	static const uint64_t rates[] = { 100000, 900000, 5000000, 20000000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(rates); i++) {
		uint64_t us, bytes = 0;

		probe_init(&probe);
		assert_int_equal(probe_due(&probe, MS), 0);
		assert_true(probe_wish(&probe, rates[i]));
		us = shoot(1000 * MS);
		assert_true(n_shots >= PROBE_PACKETS);
		for (unsigned k = 0; k + 1 < n_shots; k++)
			bytes += shots[k].bytes;
		assert_in_range(bytes * 8000000 / us, rates[i] * 95 / 100,
			rates[i] * 105 / 100);
		/* Short, but for five of the smallest packets. */
		assert_true(us <= 20 * MS || rates[i] == 100000);
		assert_true(probe_busy(&probe));
	}
}

static void measures_the_path(void **state)
{
	struct probe_result r;

	(void)state;
	probe_init(&probe);
	probe_wish(&probe, 4000000);
	shoot(1000 * MS);
	assert_false(probe_judge(&probe, 1100 * MS, &r));
	arrive(1000000, 0);
	assert_true(probe_judge(&probe, 1100 * MS, &r));
	assert_true(r.full);
	assert_int_equal(r.rate_bps, 4000000);
	assert_in_range(r.bps, 980000, 1020000);
	assert_false(probe_judge(&probe, 1100 * MS, &r));
	assert_false(probe_busy(&probe));
	/* A path that carries it all says no more than that. */
	probe_wish(&probe, 4000000);
	shoot(2000 * MS);
	arrive(100000000, 0);
	assert_true(probe_judge(&probe, 2100 * MS, &r));
	assert_false(r.full);
	assert_in_range(r.bps, 3800000, 4200000);
}

static void loss_is_tolerated_up_to_a_quarter(void **state)
{
	struct probe_result r;

	(void)state;
	probe_init(&probe);
	probe_wish(&probe, 8000000);
	shoot(1000 * MS);
	arrive(100000000, 5);
	assert_true(probe_judge(&probe, 1100 * MS, &r));
	assert_false(r.full);
	probe_wish(&probe, 8000000);
	shoot(2000 * MS);
	arrive(100000000, 2);
	assert_false(probe_judge(&probe, 2100 * MS, &r));
	assert_true(probe_busy(&probe));
	/* It is not waited for for ever. */
	assert_false(probe_judge(&probe, 5000 * MS, &r));
	assert_false(probe_busy(&probe));
}

static void what_comes_at_once_is_no_measure(void **state)
{
	struct probe_result r;

	(void)state;
	probe_init(&probe);
	probe_wish(&probe, 1000000);
	shoot(1000 * MS);
	for (unsigned i = 0; i < n_shots; i++)
		probe_arrived(&probe, shots[i].id, shots[i].us, 1200 * MS + i,
			shots[i].bytes);
	assert_true(probe_judge(&probe, 1300 * MS, &r));
	assert_int_equal(r.bps, 0);
	assert_false(probe_judge(&probe, 1300 * MS, &r));
	assert_false(probe_busy(&probe));
}

static void wishes_are_bounded_and_cancelled(void **state)
{
	(void)state;
	probe_init(&probe);
	assert_false(probe_wish(&probe, 0));
	assert_true(probe_wish(&probe, 1000000));
	assert_true(probe_wish(&probe, 2000000));
	assert_false(probe_wish(&probe, 3000000));
	assert_true(probe_due(&probe, MS) > 0);
	assert_int_equal(probe_rate(&probe), 1000000);
	probe_sent(&probe, MS, 300);
	probe_cancel(&probe);
	assert_int_equal(probe_rate(&probe), 0);
	assert_int_equal(probe_sent(&probe, MS, 300), 0);
	assert_int_equal(probe_deadline(&probe, MS), UINT64_MAX);
	assert_false(probe_busy(&probe));
	/* Of unknown clusters nothing is believed. */
	probe_arrived(&probe, 77, MS, MS, 1200);
	probe_arrived(&probe, 0, MS, MS, 1200);
}

/* A receiver to whom nothing can be sent does not hold up what comes later. */
static void what_cannot_be_sent_is_given_up(void **state)
{
	(void)state;
	probe_init(&probe);
	probe_wish(&probe, 200000);
	assert_true(probe_due(&probe, 1000 * MS) > 0);
	assert_true(probe_due(&probe, 2999 * MS) > 0);
	assert_true(probe_busy(&probe));
	assert_int_equal(probe_due(&probe, 3001 * MS), 0);
	assert_false(probe_busy(&probe));
	assert_int_equal(probe_rate(&probe), 0);
	probe_wish(&probe, 400000);
	assert_true(shoot(3010 * MS) > 0);
	assert_true(n_shots >= PROBE_PACKETS);
}

static void ids_go_round_without_zero(void **state)
{
	struct probe_result r;

	(void)state;
	probe_init(&probe);
	for (unsigned i = 0; i < 600; i++) {
		assert_true(probe_wish(&probe, 2000000));
		shoot((1000 + i * UINT64_C(100)) * MS);
		assert_int_equal(shots[0].id, i % 255 + 1);
		if (i % 3)
			arrive(1000000, 0);
		probe_judge(&probe, (1090 + i * UINT64_C(100)) * MS, &r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_at_its_rate),
		cmocka_unit_test(measures_the_path),
		cmocka_unit_test(loss_is_tolerated_up_to_a_quarter),
		cmocka_unit_test(what_comes_at_once_is_no_measure),
		cmocka_unit_test(wishes_are_bounded_and_cancelled),
		cmocka_unit_test(what_cannot_be_sent_is_given_up),
		cmocka_unit_test(ids_go_round_without_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
