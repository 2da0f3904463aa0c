#include "check.h"
#include "rtp/history.h"

static void gives_back_what_came(void **state)
{
	struct history *h = history_new(8);
	uint8_t buf[HISTORY_SLOT];
	const uint8_t *got;
	size_t len = 77;

	(void)state;
	assert_non_null(h);
	memset(buf, 0x5a, sizeof(buf));
	assert_null(history_get(h, 65536, &len));
	assert_int_equal(len, 77);
	history_add(h, 65536, buf, sizeof(buf));
	got = history_get(h, 65536, &len);
	assert_non_null(got);
	assert_int_equal(len, sizeof(buf));
	assert_memory_equal(got, buf, sizeof(buf));
	assert_null(history_get(h, 65537, &len));
	assert_null(history_get(h, 65536 + 8, &len));
	assert_null(history_get(h, 0, &len));
	assert_null(history_free(h));
	assert_null(history_free(NULL));
}

static void overwrites_the_oldest(void **state)
{
	struct history *h = history_new(5); /* rounded to 8 */
	size_t len;

	(void)state;
	for (uint64_t seq = 65530; seq < 65560; seq++) {
		uint8_t byte = (uint8_t)seq;

		history_add(h, seq, &byte, 1);
		for (uint64_t old = 65530; old <= seq; old++) {
			const uint8_t *got = history_get(h, old, &len);

			assert_int_equal(got != NULL, seq - old < 8);
			if (got)
				assert_int_equal(*got, (uint8_t)old);
		}
	}
	history_free(h);
}

static void keeps_the_heir_of_a_late_packet(void **state)
{
	struct history *h = history_new(4);
	size_t len;

	(void)state;
	history_add(h, 1005, (const uint8_t *)"new", 3);
	history_add(h, 1001, (const uint8_t *)"late", 4);
	assert_null(history_get(h, 1001, &len));
	assert_memory_equal(history_get(h, 1005, &len), "new", 3);
	/* A late one that still has its place is kept. */
	history_add(h, 1004, (const uint8_t *)"in", 2);
	assert_memory_equal(history_get(h, 1004, &len), "in", 2);
	history_free(h);
}

static void refuses_sizes(void **state)
{
	struct history *h = history_new(0);
	uint8_t buf[HISTORY_SLOT + 1] = { 1 };
	size_t len;

	(void)state;
	assert_non_null(h);
	history_add(h, 7, buf, sizeof(buf));
	assert_null(history_get(h, 7, &len));
	history_add(h, 7, buf, 0);
	assert_null(history_get(h, 7, &len));
	history_free(h);
	assert_null(history_new(HISTORY_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_came),
		cmocka_unit_test(overwrites_the_oldest),
		cmocka_unit_test(keeps_the_heir_of_a_late_packet),
		cmocka_unit_test(refuses_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
