#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/records.h"

static struct records r;

static int put(char c, size_t len)
{
	size_t size = 0;
	uint8_t *room = records_room(&r, &size);

	if (room == NULL || size < len)
		return -1;
	memset(room, c, len);
	records_commit(&r, len);
	return 0;
}

static void first_in_first_out(void **state)
{
	uint8_t buf[100];
	uint64_t drops = 0;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(records_take(&r, buf, 100, &drops), 0);
	put('a', 3);
	put('b', 100);
	put('c', 101); /* too long for buf */
	put('d', 1);
	assert_int_equal(records_take(&r, buf, 100, &drops), 3);
	assert_memory_equal(buf, "aaa", 3);
	assert_int_equal(records_take(&r, buf, 100, &drops), 100);
	assert_int_equal(buf[99], 'b');
	assert_int_equal(records_take(&r, buf, 100, &drops), 1);
	assert_int_equal(buf[0], 'd');
	assert_int_equal(drops, 1);
	assert_int_equal(records_take(&r, buf, 100, &drops), 0);
	assert_int_equal(r.added, 4);
}

static void is_bounded(void **state)
{
	uint8_t buf[2000];
	uint64_t drops = 0;
	unsigned n = 0;

	(void)state;
	memset(&r, 0, sizeof(r));
	while (put('x', 1100) == 0)
		n++;
	assert_int_equal(n, RECORDS_SIZE / 1102);
	while (records_take(&r, buf, sizeof(buf), &drops) > 0)
		n--;
	assert_int_equal(n, 0);
	assert_int_equal(put('y', RECORDS_SIZE - 2), 0); /* all of it again */
	assert_int_equal(put('z', 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
