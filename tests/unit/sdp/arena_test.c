#include "harness.h"

#include "sfu/sdp/arena.h"

static void blocks_are_zeroed_and_apart(void **state)
{
	struct arena a = { NULL };
	unsigned char *block[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		block[i] = arena_alloc(&a, 200);
		assert_non_null(block[i]);
		for (unsigned j = 0; j < 200; j++)
			assert_int_equal(block[i][j], 0);
		memset(block[i], (int)i + 1, 200);
	}
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(block[i][199], i + 1);
	assert_non_null(arena_alloc(&a, 100000));
	arena_done(&a);
	assert_null(a.block);
}

static void arrays_grow(void **state)
{
	struct arena a = { NULL };
	unsigned *list = NULL;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		list = arena_grow(&a, list, i, sizeof(*list));
		assert_non_null(list);
		list[i] = i * 3;
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(list[i], i * 3);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_zeroed_and_apart),
		cmocka_unit_test(arrays_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
