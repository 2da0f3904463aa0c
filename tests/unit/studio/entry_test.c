#include "studio/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define A "20200101T000000Z-00000001"
#define B "20210101T000000Z-00000001"
#define C "20220101T000000Z-00000001"

static void test_newest_first(void **state)
{
	static const char *const orders[][3] = { { A, B, C }, { C, B, A },
		{ B, C, A }, { B, A, C } };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct entries e;
		struct entry *at;

		entries_init(&e);
		for (unsigned k = 0; k < 3; k++)
			assert_non_null(
				entries_add(&e, orders[i][k], "c", "r"));
		assert_int_equal(e.n, 3);
		at = TAILQ_FIRST(&e.all);
		assert_string_equal(at->id, C);
		at = TAILQ_NEXT(at, next);
		assert_string_equal(at->id, B);
		assert_string_equal(TAILQ_NEXT(at, next)->id, A);
		assert_ptr_equal(entries_find(&e, B), at);
		entries_remove(&e, at);
		assert_null(entries_find(&e, B));
		assert_non_null(entries_find(&e, A));
		assert_non_null(entries_find(&e, C));
		entries_done(&e);
	}
}

static void test_once_each(void **state)
{
	struct entries e;
	struct entry *one;

	(void)state;
	entries_init(&e);
	one = entries_add(&e, A, "conference", "room");
	assert_ptr_equal(entries_add(&e, A, "other", "other"), one);
	assert_string_equal(one->conference, "conference");
	assert_int_equal(e.n, 1);
	assert_null(entries_add(&e, "nonsense", "", ""));
	assert_null(entries_find(&e, "nonsense"));
	entries_done(&e);
}

static struct entry *read_new(struct entries *e, const char *text)
{
	struct entry *one = entries_add(e, A, "", "");
	cJSON *json = cJSON_Parse(text);

	assert_non_null(json);
	assert_int_equal(entry_read(one, json), 0);
	cJSON_Delete(json);
	return one;
}

static void test_read(void **state)
{
	struct entries e;
	struct entry *one;

	(void)state;
	entries_init(&e);
	one = read_new(&e,
		"{\"state\": \"composed\", \"room\": \"!r\", \"about\": "
		"{\"by\": \"@a:x\"}, \"started_ms\": 1795000000000, "
		"\"ended_ms\": 1795000600000, \"duration_ms\": 600000, "
		"\"compose_attempts\": 2, \"delivered\": {}, \"files\": "
		"[{\"bytes\": 5}, {\"bytes\": 6}, {}], \"composed\": "
		"{\"bytes\": 100}}");
	assert_string_equal(one->room, "!r");
	assert_string_equal(one->conference, "!r");
	assert_string_equal(entry_state_text(one), "composed");
	assert_int_equal(one->started_ms, 1795000000000);
	assert_int_equal(one->ended_ms, 1795000600000);
	assert_int_equal(one->duration_ms, 600000);
	assert_int_equal(one->bytes, 111);
	assert_int_equal(one->n_files, 3);
	assert_int_equal(one->compose_attempts, 2);
	assert_true(one->delivered);
	assert_non_null(cJSON_GetObjectItem(one->about, "by"));
	/* Again: what is gone is gone, the conference stays. */
	one = read_new(&e, "{\"state\": \"finished\"}");
	assert_string_equal(one->conference, "!r");
	assert_int_equal(one->bytes, 0);
	assert_int_equal(one->n_files, 0);
	assert_false(one->delivered);
	assert_null(one->about);
	entries_done(&e);
}

static void test_hostile_manifests(void **state)
{
	struct entries e;
	struct entry *one;

	(void)state;
	entries_init(&e);
	one = read_new(&e,
		"{\"state\": 5, \"room\": {}, \"about\": [], \"started_ms\": "
		"-1, \"ended_ms\": 1e300, \"duration_ms\": \"long\", "
		"\"files\": {\"a\": {\"bytes\": 7}}, \"composed\": 3}");
	assert_int_equal(one->state, ENTRY_PARTIAL);
	assert_string_equal(one->room, "");
	assert_int_equal(one->started_ms, 0);
	assert_int_equal(one->ended_ms, 0);
	assert_int_equal(one->duration_ms, 0);
	assert_null(one->about);
	one = read_new(&e, "{\"state\": \"no such\"}");
	assert_int_equal(one->state, ENTRY_PARTIAL);
	entries_done(&e);
}

static void test_large_about_is_not_kept(void **state)
{
	static char text[ABOUT_MAX + 100];
	struct entries e;
	struct entry *one;

	(void)state;
	entries_init(&e);
	snprintf(text, sizeof(text),
		"{\"state\": \"finished\", \"about\": {\"a\": \"%0*d\"}}",
		ABOUT_MAX, 0);
	one = read_new(&e, text);
	assert_null(one->about);
	assert_int_equal(one->state, ENTRY_FINISHED);
	entries_done(&e);
}

static void test_own_facts_go_there_and_back(void **state)
{
	struct entries e;
	struct entry *entry, *twin;
	cJSON *manifest = cJSON_Parse("{\"hooks_told\": \"stopped\"}");

	(void)state;
	entries_init(&e);
	entry = entries_add(&e, "20260101T000000Z-00000001", "c", "r");
	twin = entries_add(&e, "20260101T000000Z-00000002", "c", "r");
	assert_int_equal(entry_read(entry, manifest), 0);
	assert_int_equal(entry->hooks_told, ENTRY_TOLD_STOPPED);
	entry->hooks_told = ENTRY_TOLD_COMPOSED;
	entry->compose_attempts = 2;
	/* What is not written yet is not lost by reading. */
	assert_int_equal(entry_read(entry, manifest), 0);
	assert_int_equal(entry->hooks_told, ENTRY_TOLD_COMPOSED);
	assert_int_equal(entry->compose_attempts, 2);
	assert_int_equal(entry_write(entry, manifest), 0);
	assert_int_equal(entry_read(twin, manifest), 0);
	assert_int_equal(twin->hooks_told, ENTRY_TOLD_COMPOSED);
	assert_int_equal(twin->compose_attempts, 2);
	entry->compose_attempts = 0;
	assert_int_equal(entry_write(entry, manifest), 0);
	assert_false(cJSON_HasObjectItem(manifest, "compose_attempts"));
	cJSON_Delete(manifest);
	entries_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_once_each),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_hostile_manifests),
		cmocka_unit_test(test_large_about_is_not_kept),
		cmocka_unit_test(test_own_facts_go_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
