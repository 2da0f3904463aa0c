#include "ice/pairs.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sockaddr_storage addr(unsigned n)
{
	struct sockaddr_storage ret = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ret;

	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)(1000 + n));
	in->sin_addr.s_addr = htonl(0xc0000201);
	return ret;
}

static int take(struct ice *ice, unsigned n, uint64_t checked_us)
{
	struct sockaddr_storage a = addr(n);
	int at = ice_pairs_take(ice, (struct sockaddr *)&a);

	ice->pair[at].checked_us = checked_us;
	ice->pair[at].generation = n % 2;
	return at;
}

static int find(const struct ice *ice, unsigned n)
{
	struct sockaddr_storage a = addr(n);

	return ice_pairs_find(ice, (struct sockaddr *)&a);
}

static void test_take_and_find(void **state)
{
	struct ice ice = { .selected = -1 };

	(void)state;
	assert_int_equal(find(&ice, 0), -1);
	assert_int_equal(ice_pairs_freshest(&ice), -1);
	assert_int_equal(take(&ice, 0, 5), 0);
	assert_int_equal(take(&ice, 1, 9), 1);
	assert_int_equal(take(&ice, 0, 6), 0);
	assert_int_equal(ice.n_pairs, 2);
	assert_int_equal(find(&ice, 1), 1);
	assert_int_equal(ice_pairs_freshest(&ice), 1);
}

/* The stalest goes, the selected one never, wherever it stands. */
static void test_full_table(void **state)
{
	(void)state;
	for (int selected = -1; selected < ICE_PAIRS_MAX; selected++) {
		struct ice ice = { .selected = -1 };

		for (unsigned i = 0; i < ICE_PAIRS_MAX; i++)
			take(&ice, i, 100 + i);
		ice.selected = selected;
		take(&ice, 100, 1000);
		take(&ice, 101, 1001);
		assert_int_equal(ice.n_pairs, ICE_PAIRS_MAX);
		if (selected >= 0)
			assert_int_equal(
				find(&ice, (unsigned)selected), selected);
		assert_true(find(&ice, 100) >= 0 && find(&ice, 101) >= 0);
		assert_int_equal(find(&ice, 0) < 0, selected != 0);
		assert_int_equal(find(&ice, 1) < 0, selected != 1);
		assert_int_equal(
			find(&ice, 2) < 0, selected == 0 || selected == 1);
	}
}

static bool keep_even(const struct ice *ice, const struct ice_pair *pair)
{
	(void)ice;
	return pair->generation == 0;
}

static void test_sweep(void **state)
{
	struct ice ice = { .selected = -1 };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		take(&ice, i, i);
	ice.selected = 4;
	ice_pairs_sweep(&ice, keep_even);
	assert_int_equal(ice.n_pairs, 3);
	assert_int_equal(ice.selected, 2);
	assert_int_equal(find(&ice, 4), 2);
	assert_int_equal(find(&ice, 1), -1);
	take(&ice, 7, 7);
	ice.selected = 3;
	ice_pairs_sweep(&ice, keep_even);
	assert_int_equal(ice.selected, -1);
}

static void test_addresses(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = 1 };
	struct sockaddr_in6 b = a;
	struct sockaddr_in c = { .sin_family = AF_INET, .sin_port = 1 };
	struct sockaddr unix_addr = { .sa_family = AF_UNIX };

	(void)state;
	b.sin6_flowinfo = 7; /* not part of who somebody is */
	assert_true(
		ice_addr_equal((struct sockaddr *)&a, (struct sockaddr *)&b));
	b.sin6_port = 2;
	assert_false(
		ice_addr_equal((struct sockaddr *)&a, (struct sockaddr *)&b));
	b = a;
	b.sin6_addr.s6_addr[15] = 1;
	assert_false(
		ice_addr_equal((struct sockaddr *)&a, (struct sockaddr *)&b));
	assert_false(
		ice_addr_equal((struct sockaddr *)&a, (struct sockaddr *)&c));
	assert_false(ice_addr_equal(&unix_addr, &unix_addr));
	assert_int_equal(ice_addr_len((struct sockaddr *)&a), sizeof(a));
	assert_int_equal(ice_addr_len((struct sockaddr *)&c), sizeof(c));
	assert_int_equal(ice_addr_len(&unix_addr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_find),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
