#include <stdlib.h>
#include "check.h"
#include "rtp/crypt_index.h"

static void guesses_follow_the_turns(void **state)
{
	struct crypt_index i = { .highest = 0 };

	(void)state;
	assert_int_equal(crypt_index_guess(NULL, 65000), 65000);
	/* Before the first half turn nothing is of the turn before. */
	i.highest = 10;
	assert_int_equal(crypt_index_guess(&i, 65530), 65530);
	i.highest = 65530;
	assert_int_equal(crypt_index_guess(&i, 3), 65539);
	assert_int_equal(crypt_index_guess(&i, 65000), 65000);
	i.highest = 65539;
	assert_int_equal(crypt_index_guess(&i, 65535), 65535);
	assert_int_equal(crypt_index_guess(&i, 4), 65540);
	i.highest = (7u << 16) + 40000;
	assert_int_equal(crypt_index_guess(&i, 7000), (8u << 16) + 7000);
	assert_int_equal(crypt_index_guess(&i, 7300), (7u << 16) + 7300);
}

static void the_window_knows_what_came(void **state)
{
	struct crypt_indexes x;
	struct crypt_index *i;

	(void)state;
	crypt_indexes_init(&x, CRYPT_INDEX_WINDOW, true);
	i = crypt_indexes_add_new(&x, 5);
	assert_non_null(i);
	assert_int_equal(crypt_index_judge(i, 0), CRYPT_INDEX_NEW);
	crypt_index_take(i, 5000);
	assert_int_equal(crypt_index_judge(i, 5000), CRYPT_INDEX_SEEN);
	assert_int_equal(crypt_index_judge(i, 5001), CRYPT_INDEX_NEW);
	assert_int_equal(crypt_index_judge(i, 3977), CRYPT_INDEX_NEW);
	assert_int_equal(crypt_index_judge(i, 3976), CRYPT_INDEX_OLD);
	crypt_index_take(i, 3977);
	assert_int_equal(crypt_index_judge(i, 3977), CRYPT_INDEX_SEEN);
	/* What stood at the same place of the ring is forgotten. */
	crypt_index_take(i, 5001);
	assert_int_equal(crypt_index_judge(i, 3977), CRYPT_INDEX_OLD);
	assert_int_equal(crypt_index_judge(i, 5001), CRYPT_INDEX_SEEN);
	crypt_index_take(i, 9000);
	for (uint64_t at = 8000; at < 9000; at++)
		assert_int_equal(crypt_index_judge(i, at), CRYPT_INDEX_NEW);
	crypt_indexes_done(&x);
}

static void outgoing_ones_may_repeat(void **state)
{
	struct crypt_indexes x;
	struct crypt_index *i;

	(void)state;
	crypt_indexes_init(&x, CRYPT_INDEX_WINDOW, false);
	i = crypt_indexes_add_new(&x, 5);
	crypt_index_take(i, 2000);
	assert_int_equal(crypt_index_judge(i, 2000), CRYPT_INDEX_NEW);
	assert_int_equal(crypt_index_judge(i, 977), CRYPT_INDEX_NEW);
	assert_int_equal(crypt_index_judge(i, 976), CRYPT_INDEX_OLD);
	crypt_indexes_done(&x);
}

static void a_shorter_window_is_as_good(void **state)
{
	struct crypt_indexes x;
	struct crypt_index *i;

	(void)state;
	crypt_indexes_init(&x, CRYPT_INDEX_RTCP_WINDOW, true);
	i = crypt_indexes_add_new(&x, 5);
	assert_non_null(i);
	crypt_index_take(i, 1000);
	assert_int_equal(crypt_index_judge(i, 873), CRYPT_INDEX_NEW);
	assert_int_equal(crypt_index_judge(i, 872), CRYPT_INDEX_OLD);
	crypt_index_take(i, 873);
	assert_int_equal(crypt_index_judge(i, 873), CRYPT_INDEX_SEEN);
	crypt_index_take(i, CRYPT_INDEX_RTCP_MAX);
	assert_int_equal(
		crypt_index_judge(i, CRYPT_INDEX_RTCP_MAX), CRYPT_INDEX_SEEN);
	for (unsigned back = 1; back < 128; back++)
		assert_int_equal(
			crypt_index_judge(i, CRYPT_INDEX_RTCP_MAX - back),
			CRYPT_INDEX_NEW);
	crypt_indexes_done(&x);
}

/* Against a plain array, with SSRCs that collide. */
static void the_table_finds_what_is_in_it(void **state)
{
	enum { MOST = 600 };
	struct crypt_indexes x;
	bool in[MOST] = { false };
	unsigned n = 0;

	(void)state;
	crypt_indexes_init(&x, CRYPT_INDEX_WINDOW, true);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t k = (uint32_t)(step * 7919u + step / 13) % MOST;
		uint32_t ssrc = k << 25 | k;

		if (!in[k]) {
			struct crypt_index *i = crypt_indexes_add_new(&x, ssrc);

			assert_non_null(i);
			crypt_index_take(i, k);
			n++;
		} else if (step % 3 == 0) {
			crypt_indexes_drop(&x, ssrc);
			n--;
		} else {
			continue;
		}
		in[k] = !in[k];
		assert_int_equal(x.n, n);
	}
	for (uint32_t k = 0; k < MOST; k++) {
		struct crypt_index *i = crypt_indexes_find(&x, k << 25 | k);

		assert_int_equal(i != NULL, in[k]);
		if (i)
			assert_int_equal(i->highest, k);
	}
	assert_null(crypt_indexes_find(&x, 12345));
	crypt_indexes_drop(&x, 12345);
	crypt_indexes_done(&x);
	assert_int_equal(x.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guesses_follow_the_turns),
		cmocka_unit_test(the_window_knows_what_came),
		cmocka_unit_test(outgoing_ones_may_repeat),
		cmocka_unit_test(a_shorter_window_is_as_good),
		cmocka_unit_test(the_table_finds_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
