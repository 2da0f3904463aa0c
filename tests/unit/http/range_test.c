/* RFC 9110, 14.1.2 and 13.1.5. */
#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HUGE_SIZE UINT64_C(50000000000)

static const struct {
	const char *range;
	uint64_t size;
	int status;
	uint64_t from, length;
} table[] = {
	/* the RFC's own, of a file of 10000 */
	{ "bytes=0-499", 10000, 206, 0, 500 },
	{ "bytes=500-999", 10000, 206, 500, 500 },
	{ "bytes=-500", 10000, 206, 9500, 500 },
	{ "bytes=9500-", 10000, 206, 9500, 500 },
	{ "bytes=0-0", 10000, 206, 0, 1 },
	{ "bytes=-1", 10000, 206, 9999, 1 },
	{ "bytes=9999-9999", 10000, 206, 9999, 1 },
	/* ends beyond the file are cut */
	{ "bytes=0-", 10000, 206, 0, 10000 },
	{ "bytes=9000-20000", 10000, 206, 9000, 1000 },
	{ "bytes=-20000", 10000, 206, 0, 10000 },
	{ "bytes=1-99999999999999999999999999", 10000, 206, 1, 9999 },
	{ "bytes=1-18446744073709551615", 10000, 206, 1, 9999 },
	{ "bytes=-99999999999999999999999999", 10000, 206, 0, 10000 },
	{ "bytes=49999999999-", HUGE_SIZE, 206, 49999999999, 1 },
	{ "bytes=4294967296-4294967297", HUGE_SIZE, 206, 4294967296, 2 },
	/* blanks and letters */
	{ " Bytes= 1-2 ", 10000, 206, 1, 2 },
	{ "bytes=1- ", 10000, 206, 1, 9999 },
	/* there is no such part */
	{ "bytes=10000-", 10000, 416, 0, 0 },
	{ "bytes=10000-10001", 10000, 416, 0, 0 },
	{ "bytes=99999999999999999999999999-", 10000, 416, 0, 0 },
	{ "bytes=-0", 10000, 416, 0, 0 },
	{ "bytes=0-", 0, 416, 0, 0 },
	{ "bytes=-5", 0, 416, 0, 0 },
	/* the whole */
	{ "bytes=0-0,5-9", 10000, 200, 0, 0 },
	{ "bytes=9-5", 10000, 200, 0, 0 },
	{ "bytes=", 10000, 200, 0, 0 },
	{ "bytes=-", 10000, 200, 0, 0 },
	{ "bytes=--5", 10000, 200, 0, 0 },
	{ "bytes=a-b", 10000, 200, 0, 0 },
	{ "bytes=5", 10000, 200, 0, 0 },
	{ "bytes=1-2x", 10000, 200, 0, 0 },
	{ "bytes=1-x", 10000, 200, 0, 0 },
	{ "bytes=+1-2", 10000, 200, 0, 0 },
	{ "bytes 0-1", 10000, 200, 0, 0 },
	{ "items=0-1", 10000, 200, 0, 0 },
	{ "", 10000, 200, 0, 0 },
};

static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_range got = { 0 };
		int status = http_range_parse(
			table[i].range, NULL, "\"e\"", table[i].size, &got);

		if (status != table[i].status || got.from != table[i].from ||
			got.length != table[i].length)
			fail_msg("%s: %d, %llu, %llu", table[i].range, status,
				(unsigned long long)got.from,
				(unsigned long long)got.length);
	}
}

static void test_condition(void **state)
{
	struct http_range got = { 0 };
	const char *range = "bytes=1-2";

	(void)state;
	assert_int_equal(http_range_parse(NULL, NULL, "\"e\"", 10, &got), 200);
	assert_int_equal(
		http_range_parse(range, "\"e\"", "\"e\"", 10, &got), 206);
	assert_int_equal(
		http_range_parse(range, "\"old\"", "\"e\"", 10, &got), 200);
	/* weak ones never match, nor do dates: we send none */
	assert_int_equal(
		http_range_parse(range, "W/\"e\"", "\"e\"", 10, &got), 200);
	assert_int_equal(
		http_range_parse(range, "Thu, 26 Nov 2026 11:00:00 GMT",
			"\"e\"", 10, &got),
		200);
	/* what is no longer true is no error either */
	assert_int_equal(
		http_range_parse("bytes=99-", "\"old\"", "\"e\"", 10, &got),
		200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
