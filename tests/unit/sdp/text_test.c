#include "harness.h"

#include "sfu/sdp/text.h"

static void grows(void **state)
{
	struct text t;
	char *s;

	(void)state;
	text_init(&t, 100000);
	for (int i = 0; i < 3000; i++)
		text_add(&t, "%d,", i % 10);
	s = text_take(&t);
	assert_non_null(s);
	assert_int_equal(strlen(s), 6000);
	assert_memory_equal(s, "0,1,2,", 6);
	free(s);
}

static void stops_at_its_ceiling(void **state)
{
	struct text t;

	(void)state;
	text_init(&t, 8);
	text_add(&t, "1234567");
	assert_false(t.failed);
	text_add(&t, "8");
	assert_true(t.failed);
	text_add(&t, "%s", "");
	assert_null(text_take(&t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(stops_at_its_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
