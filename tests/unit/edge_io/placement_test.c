#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sfu/placement.h"

#define N(v) (sizeof(v) / sizeof(*(v)))

static const struct placement_policy usual = { .split_load = 600 };

static int choose(const struct placement_worker *v, size_t n)
{
	return placement_choose(v, (unsigned)n, &usual, false);
}

static void a_new_one_goes_where_there_is_least_to_do(void **state)
{
	const struct placement_worker v[] = {
		{ .up = true, .load = 300, .guests = 2 },
		{ .up = true, .load = 100, .guests = 90 },
		{ .up = false, .load = 0 },
	};

	(void)state;
	assert_int_equal(choose(v, N(v)), 1);
	assert_int_equal(placement_choose(v, 0, &usual, false), -1);
	assert_int_equal(choose(v + 2, 1), -1);
}

/* Loads in a hundredth of a core are noise. */
static void nearly_equal_loads_are_told_apart_by_heads(void **state)
{
	const struct placement_worker v[] = {
		{ .up = true, .load = 1, .guests = 5 },
		{ .up = true, .load = 9, .guests = 2 },
	};

	(void)state;
	assert_int_equal(choose(v, N(v)), 1);
}

/* A storm within a second must not all go to one. */
static void who_joined_since_the_measure_counts(void **state)
{
	struct placement_worker v[2] = { { .up = true, .load = 100 },
		{ .up = true, .load = 150 } };

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct placement_worker *w = &v[choose(v, 2)];

		w->fresh++;
		w->guests++;
	}
	assert_in_range(v[0].fresh, 18, 26);
}

static void a_conference_stays_while_there_is_room(void **state)
{
	struct placement_worker v[] = {
		{ .up = true, .load = 0 },
		{ .up = true, .load = 590, .guests = 50, .here = 50 },
	};

	(void)state;
	assert_int_equal(choose(v, N(v)), 1);
	v[1].load = 600;
	assert_int_equal(choose(v, N(v)), 0);
	v[1].load = 500;
	v[1].fresh = 10;
	assert_int_equal(choose(v, N(v)), 0);
}

static void it_goes_on_filling_the_part_it_has(void **state)
{
	const struct placement_worker v[] = {
		{ .up = true, .load = 0 },
		{ .up = true, .load = 800, .here = 50 },
		{ .up = true, .load = 200, .here = 1 },
	};

	(void)state;
	assert_int_equal(choose(v, N(v)), 2);
}

/* A split costs; one from the frying pan into the fire brings nothing. */
static void it_is_not_split_for_nothing(void **state)
{
	struct placement_worker v[] = {
		{ .up = true, .load = 850 },
		{ .up = true, .load = 900, .here = 50 },
	};

	(void)state;
	assert_int_equal(choose(v, N(v)), 1);
	v[0].load = 700;
	assert_int_equal(choose(v, N(v)), 0);
	v[0].up = false;
	assert_int_equal(choose(v, N(v)), 1);
}

static void a_ceiling_of_heads_splits_idle_ones(void **state)
{
	const struct placement_policy heads = { .split_load = UINT_MAX,
		.split_guests = 3 };
	struct placement_worker v[] = {
		{ .up = true, .guests = 3, .here = 3 },
		{ .up = true },
	};

	(void)state;
	assert_int_equal(placement_choose(v, 2, &heads, false), 1);
	v[1].here = v[1].guests = 3;
	v[0].load = 500;
	/* All parts are full: the least loaded takes it. */
	assert_int_equal(placement_choose(v, 2, &heads, false), 1);
	v[0].here = 2;
	assert_int_equal(placement_choose(v, 2, &heads, false), 0);
}

static void zero_spreads_always(void **state)
{
	const struct placement_policy always = { .split_load = 0 };
	struct placement_worker v[3] = { { .up = true }, { .up = true },
		{ .up = true } };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		int at = placement_choose(v, 3, &always, false);

		v[at].here++;
		v[at].guests++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(v[i].here, 2);
}

static void never_is_never(void **state)
{
	const struct placement_policy never = { .split_load = UINT_MAX };
	const struct placement_worker v[] = {
		{ .up = true, .load = 1000, .fresh = 99, .here = 90 },
		{ .up = true },
	};

	(void)state;
	assert_int_equal(placement_choose(v, 2, &never, false), 0);
}

static void who_stays_gets_a_part_there_is(void **state)
{
	const struct placement_worker v[] = {
		{ .up = true, .load = 900, .here = 5 },
		{ .up = true, .load = 950, .here = 5 },
		{ .up = true },
	};

	(void)state;
	assert_int_equal(placement_choose(v, 3, &usual, true), 0);
	assert_int_equal(placement_choose(v + 2, 1, &usual, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_goes_where_there_is_least_to_do),
		cmocka_unit_test(nearly_equal_loads_are_told_apart_by_heads),
		cmocka_unit_test(who_joined_since_the_measure_counts),
		cmocka_unit_test(a_conference_stays_while_there_is_room),
		cmocka_unit_test(it_goes_on_filling_the_part_it_has),
		cmocka_unit_test(it_is_not_split_for_nothing),
		cmocka_unit_test(a_ceiling_of_heads_splits_idle_ones),
		cmocka_unit_test(zero_spreads_always),
		cmocka_unit_test(never_is_never),
		cmocka_unit_test(who_stays_gets_a_part_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
