#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sfu/demux.h"

static const uint8_t key[DEMUX_KEY] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	12, 13, 14, 15 };
static const struct udp_path path = { .socket = 3 };

static struct sockaddr_storage address(const char *ip, unsigned port)
{
	struct sockaddr_storage a;

	assert_int_equal(udp_address_parse(ip, port, &a), 0);
	return a;
}

static bool prove(struct demux *d, uint64_t now_us, struct demux_owner *o,
	const char *ip, unsigned port)
{
	struct sockaddr_storage a = address(ip, port);

	return demux_prove(d, now_us, o, (struct sockaddr *)&a, &path);
}

static struct demux_owner *find(struct demux *d, const char *ip, unsigned port)
{
	struct sockaddr_storage a = address(ip, port);
	const struct demux_address *f =
		demux_find_address(d, (struct sockaddr *)&a);

	return f ? f->owner : NULL;
}

/* The reference vectors of the SipHash paper's authors. */
static void test_hash(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = { { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu },
		{ 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u } };
	uint8_t data[16];

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(demux_hash(key, data, rows[i].len) == rows[i].hash);
}

static void test_addresses(void **state)
{
	struct demux *d = demux_new(key, 16);
	struct demux_owner *a = calloc(1, sizeof(*a));
	struct demux_owner *b = calloc(1, sizeof(*b));
	struct sockaddr_storage at = address("192.0.2.1", 1000);

	(void)state;
	assert_null(find(d, "192.0.2.1", 1000));
	assert_true(prove(d, 1, a, "192.0.2.1", 1000));
	assert_true(prove(d, 1, b, "192.0.2.1", 1001));
	assert_true(prove(d, 1, b, "2001:db8::1", 1000));
	assert_ptr_equal(find(d, "192.0.2.1", 1000), a);
	assert_ptr_equal(find(d, "192.0.2.1", 1001), b);
	assert_ptr_equal(find(d, "2001:db8::1", 1000), b);
	assert_null(find(d, "2001:db8::2", 1000));
	assert_int_equal(
		demux_find_address(d, (struct sockaddr *)&at)->path.socket, 3);
	demux_remove(d, b);
	assert_null(find(d, "192.0.2.1", 1001));
	assert_null(find(d, "2001:db8::1", 1000));
	assert_ptr_equal(find(d, "192.0.2.1", 1000), a);
	demux_remove(d, a);
	assert_null(find(d, "192.0.2.1", 1000));
	free(a);
	free(b);
	demux_free(d);
}

/* A participant that spoofs a neighbour's source does not get it while the
 * neighbour is alive. */
static void test_hold(void **state)
{
	struct demux *d = demux_new(key, 16);
	struct demux_owner *a = calloc(1, sizeof(*a));
	struct demux_owner *b = calloc(1, sizeof(*b));

	(void)state;
	assert_true(prove(d, 1000, a, "192.0.2.1", 1000));
	assert_false(prove(d, 2000, b, "192.0.2.1", 1000));
	assert_true(prove(d, 5000000, a, "192.0.2.1", 1000));
	assert_false(
		prove(d, 5000000 + DEMUX_HOLD_US - 1, b, "192.0.2.1", 1000));
	assert_ptr_equal(find(d, "192.0.2.1", 1000), a);
	assert_true(prove(d, 5000000 + DEMUX_HOLD_US, b, "192.0.2.1", 1000));
	assert_ptr_equal(find(d, "192.0.2.1", 1000), b);
	demux_remove(d, a);
	assert_ptr_equal(find(d, "192.0.2.1", 1000), b);
	demux_remove(d, b);
	free(a);
	free(b);
	demux_free(d);
}

static void test_stalest_gives_way(void **state)
{
	struct demux *d = demux_new(key, 16);
	struct demux_owner *a = calloc(1, sizeof(*a));

	(void)state;
	for (unsigned i = 0; i < DEMUX_ADDRESSES; i++)
		assert_true(prove(d, 100 + i, a, "192.0.2.1", 1000 + i));
	assert_true(prove(d, 500, a, "192.0.2.1", 1000)); /* fresh again */
	assert_true(prove(d, 501, a, "192.0.2.1", 5000));
	assert_ptr_equal(find(d, "192.0.2.1", 1000), a);
	assert_null(find(d, "192.0.2.1", 1001));
	assert_ptr_equal(find(d, "192.0.2.1", 5000), a);
	demux_remove(d, a);
	for (unsigned i = 0; i < DEMUX_ADDRESSES; i++)
		assert_null(find(d, "192.0.2.1", 1000 + i));
	free(a);
	demux_free(d);
}

static void test_ufrags(void **state)
{
	const char *first[] = { "aaaaaaaa", NULL };
	const char *second[] = { "bbbbbbbb", "aaaaaaaa" };
	const char *third[] = { "bbbbbbbb", "longer-than-ours" };
	struct demux *d = demux_new(key, 16);
	struct demux_owner *a = calloc(1, sizeof(*a));

	(void)state;
	demux_set_ufrags(d, a, first);
	assert_ptr_equal(demux_find_ufrag(d, "aaaaaaaa"), a);
	assert_null(demux_find_ufrag(d, "bbbbbbbb"));
	demux_set_ufrags(d, a, second);
	assert_ptr_equal(demux_find_ufrag(d, "aaaaaaaa"), a);
	assert_ptr_equal(demux_find_ufrag(d, "bbbbbbbb"), a);
	demux_set_ufrags(d, a, third);
	assert_null(demux_find_ufrag(d, "aaaaaaaa"));
	assert_null(demux_find_ufrag(d, "longer-than-ours"));
	assert_null(demux_find_ufrag(d, ""));
	demux_remove(d, a);
	assert_null(demux_find_ufrag(d, "bbbbbbbb"));
	free(a);
	demux_free(d);
}

static void test_not_ip(void **state)
{
	struct demux *d = demux_new(key, 16);
	struct demux_owner *a = calloc(1, sizeof(*a));
	struct sockaddr un = { .sa_family = AF_UNIX };

	(void)state;
	assert_false(demux_prove(d, 1, a, &un, &path));
	assert_null(demux_find_address(d, &un));
	free(a);
	demux_free(d);
}

/* Thousands of owners in few buckets: chains, no loss, nothing left over. */
static void test_many(void **state)
{
	enum { N = 2000 };
	struct demux *d = demux_new(key, 64);
	struct demux_owner *v = calloc(N, sizeof(*v));

	(void)state;
	for (unsigned i = 0; i < N; i++)
		assert_true(prove(d, 1, &v[i], "198.51.100.7", 2000 + i));
	for (unsigned i = 0; i < N; i += 2)
		demux_remove(d, &v[i]);
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(find(d, "198.51.100.7", 2000 + i),
			i % 2 ? &v[i] : NULL);
	free(v);
	demux_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_stalest_gives_way),
		cmocka_unit_test(test_ufrags),
		cmocka_unit_test(test_not_ip),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
