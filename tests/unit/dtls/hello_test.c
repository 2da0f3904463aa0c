#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/hello.h"

enum { TOTAL = 1413 };

static uint8_t body(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

/* Appends one record with a fragment of a ClientHello of `total` bytes. */
static size_t put(uint8_t *at, uint8_t record_seq, uint16_t message_seq,
	uint32_t total, uint32_t from, uint32_t len)
{
	uint32_t n = 12 + len;
	uint8_t head[25] = { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, record_seq,
		(uint8_t)(n >> 8), (uint8_t)n, 1, (uint8_t)(total >> 16),
		(uint8_t)(total >> 8), (uint8_t)total,
		(uint8_t)(message_seq >> 8), (uint8_t)message_seq,
		(uint8_t)(from >> 16), (uint8_t)(from >> 8), (uint8_t)from,
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	memcpy(at, head, sizeof(head));
	for (uint32_t i = 0; i < len; i++)
		at[25 + i] = body(from + i);
	return 25 + len;
}

/* total 0 ends a row; joins: this fragment shares the datagram before it. */
struct piece {
	uint32_t total, from, len;
	uint16_t message_seq;
	int joins;
	uint64_t at_us;
	enum hello_got want;
};

struct row {
	const char *name;
	struct piece piece[24];
};

#define M HELLO_MORE
#define W HELLO_WHOLE
#define D HELLO_DROP
#define T TOTAL

static const struct row rows[] = {
	{ "chromium: two",
		{ { T, 0, 1150, 0, 0, 0, M }, { T, 1150, 263, 0, 0, 0, W } } },
	{ "reordered",
		{ { T, 1150, 263, 0, 0, 0, M }, { T, 0, 1150, 0, 0, 0, W } } },
	{ "two records in a datagram",
		{ { T, 0, 700, 0, 0, 0, M }, { T, 700, 713, 0, 1, 0, W } } },
	{ "duplicates",
		{ { T, 0, 1150, 0, 0, 0, M }, { T, 0, 1150, 0, 0, 0, M },
			{ T, 1150, 263, 0, 0, 0, W } } },
	{ "overlapping",
		{ { T, 0, 800, 0, 0, 0, M }, { T, 600, 700, 0, 0, 0, M },
			{ T, 1200, 213, 0, 0, 0, W } } },
	{ "overlap covers several",
		{ { T, 100, 50, 0, 0, 0, M }, { T, 300, 50, 0, 0, 0, M },
			{ T, 500, 50, 0, 0, 0, M }, { T, 0, 1000, 0, 0, 0, M },
			{ T, 1000, 413, 0, 0, 0, W } } },
	{ "hole stays",
		{ { T, 0, 500, 0, 0, 0, M }, { T, 501, 912, 0, 0, 0, M },
			{ T, 500, 1, 0, 0, 0, W } } },
	{ "again after whole",
		{ { T, 0, 1150, 0, 0, 0, M }, { T, 1150, 263, 0, 0, 0, W },
			{ T, 1150, 263, 0, 0, 0, M },
			{ T, 0, 1150, 0, 0, 0, W } } },
	{ "other message_seq starts over",
		{ { T, 0, 1150, 0, 0, 0, M }, { T, 1150, 263, 1, 0, 0, M },
			{ T, 0, 1150, 1, 0, 0, W } } },
	{ "other length starts over",
		{ { T, 0, 1150, 0, 0, 0, M }, { 900, 500, 400, 0, 0, 0, M },
			{ 900, 0, 500, 0, 0, 0, W } } },
	{ "too late starts over",
		{ { T, 0, 1150, 0, 0, 5, M },
			{ T, 1150, 263, 0, 0, HELLO_WAIT_US + 6, M },
			{ T, 0, 1150, 0, 0, HELLO_WAIT_US + 7, W } } },
	{ "just in time",
		{ { T, 0, 1150, 0, 0, 5, M },
			{ T, 1150, 263, 0, 0, HELLO_WAIT_US + 5, W } } },
	{ "beyond its end", { { T, 1150, 264, 0, 0, 0, D } } },
	{ "offset beyond its end", { { T, 1414, 1, 0, 0, 0, D } } },
	{ "offset overflows", { { T, 0xffffff, 1, 0, 0, 0, D } } },
	{ "longest",
		{ { HELLO_MAX, 0, 4000, 0, 0, 0, M },
			{ HELLO_MAX, 4000, HELLO_MAX - 4000, 0, 0, 0, W } } },
	{ "too long", { { HELLO_MAX + 1, 0, 100, 0, 0, 0, D } } },
	{ "empty fragment", { { T, 5, 0, 0, 0, 0, D } } },
	{ "lie does not undo",
		{ { T, 0, 1150, 0, 0, 0, M }, { T, 1150, 264, 0, 0, 0, D },
			{ T, 1150, 263, 0, 0, 0, W } } },
	{ "crumbs",
		{ { T, 0, 1, 0, 0, 0, M }, { T, 2, 1, 0, 0, 0, M },
			{ T, 4, 1, 0, 0, 0, M }, { T, 6, 1, 0, 0, 0, M },
			{ T, 8, 1, 0, 0, 0, M }, { T, 10, 1, 0, 0, 0, M },
			{ T, 12, 1, 0, 0, 0, M }, { T, 14, 1, 0, 0, 0, M },
			{ T, 16, 1, 0, 0, 0, M }, { T, 18, 1, 0, 0, 0, M },
			{ T, 20, 1, 0, 0, 0, M }, { T, 22, 1, 0, 0, 0, M },
			{ T, 24, 1, 0, 0, 0, M }, { T, 26, 1, 0, 0, 0, M },
			{ T, 28, 1, 0, 0, 0, M }, { T, 30, 1, 0, 0, 0, M },
			{ T, 32, 1, 0, 0, 0, D }, { T, 0, 1413, 0, 1, 0, D },
			{ T, 0, 1000, 0, 0, 0, M },
			{ T, 1000, 413, 0, 0, 0, W } } },
};

static void check_whole(
	const uint8_t *got, size_t len, const struct piece *p, uint8_t max_seq)
{
	uint32_t n = p->total + 12;

	assert_int_equal(len, p->total + 25);
	assert_int_equal(got[0], 22);
	assert_int_equal(got[10], max_seq);
	assert_int_equal(got[11] << 8 | got[12], n);
	assert_int_equal(got[13], 1);
	assert_int_equal(got[15] << 8 | got[16], p->total);
	assert_int_equal(got[18], p->message_seq);
	assert_int_equal(got[19] | got[20] | got[21], 0);
	assert_memory_equal(got + 14, got + 22, 3);
	for (uint32_t i = 0; i < p->total; i++)
		assert_int_equal(got[25 + i], body(i));
}

static void run_row(const struct row *row)
{
	static uint8_t datagram[3 * 9000];
	struct hello h;
	const uint8_t *got = NULL;
	size_t got_len = 0, len = 0;
	uint8_t seq = 1, kept = 1;

	hello_init(&h);
	for (const struct piece *p = row->piece; p->total; p++, seq++) {
		enum hello_got is;

		len = p->joins ? len : 0;
		len += put(datagram + len, seq, p->message_seq, p->total,
			p->from, p->len);
		if (p[1].joins)
			continue;
		is = hello_input(&h, p->at_us, datagram, len, &got, &got_len);
		if (is != p->want)
			fail_msg("%s, fragment %d: %d, not %d", row->name,
				(int)(p - row->piece), is, p->want);
		kept = seq;
		if (is == HELLO_WHOLE)
			check_whole(got, got_len, p, kept);
	}
}

static void joins_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

/* The highest record number wins also when it came first. */
static void takes_highest_sequence(void **state)
{
	uint8_t a[2000], b[2000];
	size_t na = put(a, 9, 0, TOTAL, 1150, 263);
	size_t nb = put(b, 8, 0, TOTAL, 0, 1150);
	struct hello h;
	const uint8_t *got;
	size_t len;

	(void)state;
	hello_init(&h);
	assert_int_equal(hello_input(&h, 0, a, na, &got, &len), HELLO_MORE);
	assert_int_equal(hello_input(&h, 0, b, nb, &got, &len), HELLO_WHOLE);
	assert_int_equal(got[10], 9);
}

/* Several fragments in one record, which RFC 6347 section 4.2.3 allows. */
static void joins_within_a_record(void **state)
{
	uint8_t buf[3000], more[2000];
	size_t n = put(buf, 3, 0, TOTAL, 0, 1000);
	size_t m = put(more, 3, 0, TOTAL, 1000, 413);
	struct piece whole = { .total = TOTAL };
	struct hello h;
	const uint8_t *got;
	size_t len;

	(void)state;
	memcpy(buf + n, more + 13, m - 13);
	n += m - 13;
	buf[11] = (uint8_t)((n - 13) >> 8);
	buf[12] = (uint8_t)(n - 13);
	hello_init(&h);
	assert_int_equal(hello_input(&h, 0, buf, n, &got, &len), HELLO_WHOLE);
	check_whole(got, len, &whole, 3);
}

static void passes_what_is_none(void **state)
{
	uint8_t buf[2000];
	struct hello h;
	const uint8_t *got;
	size_t len, n = put(buf, 1, 0, 300, 0, 300);
	/* offset and value that make it something else */
	static const uint8_t other[][2] = { { 0, 23 }, { 1, 3 }, { 4, 1 },
		{ 13, 11 }, { 12, 255 } };

	(void)state;
	hello_init(&h);
	assert_int_equal(hello_input(&h, 0, buf, n, &got, &len), HELLO_PASS);
	n = put(buf, 1, 0, 300, 0, 200);
	for (size_t i = 0; i < 5; i++) {
		uint8_t keep = buf[other[i][0]];

		buf[other[i][0]] = other[i][1];
		assert_int_equal(
			hello_input(&h, 0, buf, n, &got, &len), HELLO_PASS);
		buf[other[i][0]] = keep;
	}
	for (n = 0; n < 25; n++)
		assert_int_equal(
			hello_input(&h, 0, buf, n, &got, &len), HELLO_PASS);
	assert_int_equal(h.total, 0);
}

/* The message claims more bytes than its record has. */
static void drops_lies_about_the_record(void **state)
{
	uint8_t buf[2000];
	struct hello h;
	const uint8_t *got;
	size_t len, n = put(buf, 1, 0, TOTAL, 0, 500);

	(void)state;
	hello_init(&h);
	buf[24] = 0xf5;
	assert_int_equal(hello_input(&h, 0, buf, n, &got, &len), HELLO_DROP);
	buf[24] = 0xf0; /* and fewer: four bytes are left over */
	assert_int_equal(hello_input(&h, 0, buf, n, &got, &len), HELLO_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_table),
		cmocka_unit_test(takes_highest_sequence),
		cmocka_unit_test(joins_within_a_record),
		cmocka_unit_test(passes_what_is_none),
		cmocka_unit_test(drops_lies_about_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
