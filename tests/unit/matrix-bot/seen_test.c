#include "test.h"
#include <stdio.h>
#include "matrix-bot/seen.h"

static void remembers(void **state)
{
	static struct seen s;
	uint64_t a;

	(void)state;
	seen_init(&s, 42);
	a = seen_key(&s, "x", "ab", "c", NULL);
	assert_int_not_equal(a, seen_key(&s, "x", "a", "bc", NULL));
	assert_false(seen_before(&s, a));
	assert_true(seen_before(&s, a));
}

static void forgets_the_oldest(void **state)
{
	static struct seen s;
	char text[16];

	(void)state;
	seen_init(&s, 42);
	for (int i = 0; i <= SEEN_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_false(seen_before(&s, seen_key(&s, text, NULL)));
	}
	assert_true(seen_before(&s, seen_key(&s, "1", NULL)));
	assert_false(seen_before(&s, seen_key(&s, "0", NULL)));
}

static void counts_in_the_window(void **state)
{
	static struct rate r;
	uint64_t t = 1000000;

	(void)state;
	assert_int_equal(rate_add(&r, 7, t), 1);
	assert_int_equal(rate_add(&r, 7, t + 1000000), 2);
	assert_int_equal(rate_add(&r, 8, t + 1000000), 1);
	assert_int_equal(rate_count(&r, 7, t + 1000000), 2);
	assert_int_equal(rate_count(&r, 7, t + 1000000), 2);
	assert_int_equal(rate_count(&r, 9, t + 1000000), 0);
	/* The first is older than the window by now. */
	assert_int_equal(rate_add(&r, 7, t + RATE_WINDOW_MS * 1000ull), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(counts_in_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
