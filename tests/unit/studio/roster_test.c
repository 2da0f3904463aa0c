#include "studio/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct roster r;
static char heard[65536];
static const char *held_name;

static int set_up(void **state)
{
	(void)state;
	roster_init(&r);
	held_name = "none";
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	roster_done(&r);
	return 0;
}

static bool is_held(void *arg, const char *conference)
{
	assert_ptr_equal(arg, &r);
	return strcmp(conference, held_name) == 0;
}

static int put(const char *conference, const char *type, const char *label,
	const char *source, const char *value)
{
	cJSON *order = cJSON_CreateObject();

	cJSON_AddStringToObject(order, "type", type);
	cJSON_AddStringToObject(order, "label", label);
	if (*source)
		cJSON_AddStringToObject(order, "source", source);
	cJSON_AddStringToObject(order, "v", value);
	return roster_put(&r, conference, order, is_held, &r);
}

static void on_word(void *arg, const cJSON *order)
{
	size_t n = strlen(heard);

	assert_ptr_equal(arg, &r);
	snprintf(heard + n, sizeof(heard) - n, "%s ",
		cJSON_GetObjectItem(order, "v")->valuestring);
}

static const char *hear(const char *conference)
{
	heard[0] = '\0';
	roster_each(&r, conference, on_word, &r);
	return heard;
}

static void test_last_word_counts(void **state)
{
	(void)state;
	assert_int_equal(put("c", "participant", "ann", "", "1"), 0);
	assert_int_equal(put("c", "source", "ann", "s1", "2"), 0);
	assert_int_equal(put("c", "source", "ann", "s2", "3"), 0);
	assert_int_equal(put("c", "source", "bob", "s1", "4"), 0);
	assert_int_equal(put("d", "participant", "ann", "", "other"), 0);
	assert_string_equal(hear("c"), "1 2 3 4 ");
	put("c", "source", "ann", "s1", "5");
	put("c", "participant", "ann", "", "6");
	assert_string_equal(hear("c"), "6 5 3 4 ");
	assert_string_equal(hear("d"), "other ");
	assert_string_equal(hear("nowhere"), "");
}

static void test_words_have_a_ceiling(void **state)
{
	char label[16];

	(void)state;
	for (unsigned i = 0; i < ROSTER_WORDS; i++) {
		snprintf(label, sizeof(label), "%u", i);
		assert_int_equal(put("c", "participant", label, "", "x"), 0);
	}
	assert_int_equal(put("c", "participant", "more", "", "x"), -ENOSPC);
	assert_int_equal(put("c", "participant", "5", "", "x"), 0);
}

static void test_oldest_is_forgotten_unless_held(void **state)
{
	char name[16];

	(void)state;
	held_name = "0";
	for (unsigned i = 0; i < ROSTER_CONFERENCES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		put(name, "participant", "ann", "", name);
	}
	put("1", "participant", "ann", "", "spoken of again");
	assert_int_equal(put("new", "participant", "ann", "", "new"), 0);
	assert_int_equal(r.n, ROSTER_CONFERENCES);
	assert_string_equal(hear("0"), "0 ");
	assert_string_equal(hear("1"), "spoken of again ");
	assert_string_equal(hear("2"), "");
	assert_string_equal(hear("3"), "3 ");
	assert_string_equal(hear("new"), "new ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_last_word_counts),
		T(test_words_have_a_ceiling),
		T(test_oldest_is_forgotten_unless_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
