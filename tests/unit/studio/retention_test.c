/* What is deleted by its age, and what is not. */
#include "tests/unit/studio/world.h"

#include <sys/stat.h>
#include <time.h>
#include "studio/studio_impl.h"

static int set_up(void **state)
{
	static struct world w;

	world_open(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	world_close(*state);
	return 0;
}

/* One that ended so many days and a minute ago, with id "…-<number>". */
static void put_of_day(struct world *w, char id[STUDIO_ID_MAX + 1],
	unsigned number, unsigned days_ago, const char *more)
{
	time_t at = time(NULL) - (time_t)days_ago * 86400 - 60;
	char manifest[512];
	struct tm tm;
	size_t n;

	assert_non_null(gmtime_r(&at, &tm));
	n = strftime(id, STUDIO_ID_MAX, "%Y%m%dT%H%M%SZ", &tm);
	snprintf(id + n, STUDIO_ID_MAX + 1 - n, "-%08u", number);
	snprintf(manifest, sizeof(manifest),
		"{\"state\": \"composed\", \"room\": \"!r\", \"ended_ms\": "
		"%llu, %s \"files\": []}",
		(unsigned long long)at * 1000, more);
	world_put(w, id, manifest);
}

static void wait_deleted(struct world *w, const char *id)
{
	char line[64];

	snprintf(line, sizeof(line), "deleted %s", id);
	world_wait(w, line);
	assert_false(world_exists(w, id, ""));
}

#define DELIVERED "\"delivered\": {},"

static void test_retention(void **state)
{
	struct world *w = *state;
	char old[STUDIO_ID_MAX + 1], mid[STUDIO_ID_MAX + 1],
		other[STUDIO_ID_MAX + 1];

	w->config.recording.keep_days = 30;
	put_of_day(w, old, 1, 30, DELIVERED);
	put_of_day(w, mid, 2, 29, DELIVERED);
	put_of_day(w, other, 3, 31, ""); /* nobody wants it delivered */
	world_start(w);
	studio_resume(w->studio);
	wait_deleted(w, old);
	wait_deleted(w, other);
	world_turn(w, 100);
	assert_int_equal(world_lines(w, "deleted "), 2);
	assert_true(world_exists(w, mid, "manifest.json"));
}

static void test_undelivered_ones_have_more_time(void **state)
{
	struct world *w = *state;
	char delivered[STUDIO_ID_MAX + 1], awaited[STUDIO_ID_MAX + 1];
	uint64_t day_us = 86400000000u, now;

	w->config.recording.keep_days = 30;
	w->config.recording.deliver = true;
	put_of_day(w, delivered, 1, 31, DELIVERED);
	put_of_day(w, awaited, 2, 31, "");
	world_start(w);
	studio_resume(w->studio);
	wait_deleted(w, delivered);
	world_turn(w, 50);
	now = process_now_us();
	keep_tick(w->studio, now + 7 * day_us - 60000000);
	world_turn(w, 20);
	assert_int_equal(world_lines(w, "deleted "), 1);
	keep_tick(w->studio, now + 7 * day_us + 7200000000u);
	wait_deleted(w, awaited);
}

/* The newest is not to be that far from now. */
static void test_a_clock_gone_wrong_deletes_nothing(void **state)
{
	struct world *w = *state;
	char id[STUDIO_ID_MAX + 1];

	w->config.recording.keep_days = 30;
	put_of_day(w, id, 1, 401, DELIVERED);
	put_of_day(w, id, 2, 402, DELIVERED);
	world_start(w);
	studio_resume(w->studio);
	world_turn(w, 300);
	assert_string_equal(w->told, "");
	world_kill(w);
	/* Or before it: then all ages are unknown. */
	world_put(w, "29990101T000000Z-00000001",
		"{\"state\": \"composed\", \"room\": \"!r\", \"files\": [], "
		"\"delivered\": {}}");
	world_start(w);
	studio_resume(w->studio);
	world_turn(w, 300);
	assert_string_equal(w->told, "");
	/* A plausible one: it goes on. */
	assert_int_equal(
		studio_delete(w->studio, "!r", "29990101T000000Z-00000001"), 0);
	world_kill(w);
	w->told[0] = '\0';
	put_of_day(w, id, 3, 399, DELIVERED);
	world_start(w);
	studio_resume(w->studio);
	world_until(w, world_lines(w, "deleted ") == 3);
}

static void test_kept_for_ever(void **state)
{
	struct world *w = *state;
	char id[STUDIO_ID_MAX + 1];

	put_of_day(w, id, 1, 300, DELIVERED);
	world_start(w);
	studio_resume(w->studio);
	world_turn(w, 1300);
	assert_string_equal(w->told, "");
}

/* More than the studio keeps in mind: it is the oldest that it does not. */
static void test_of_too_many_the_newest_are_known(void **state)
{
	struct world *w = *state;
	char path[256];

	/* 20 more than twice as many, the newest in the middle. */
	for (unsigned i = 0; i < 2 * ENTRIES_MAX + 20; i++) {
		snprintf(path, sizeof(path), "%s/20260101T000000Z-%08u",
			w->recordings, (i + ENTRIES_MAX) % 50000);
		mkdir(w->recordings, 0700);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	world_start(w);
	assert_int_equal(keep_scan(w->studio), 0);
	assert_int_equal(w->studio->n_found, ENTRIES_MAX);
	assert_string_equal(w->studio->found[0], "20260101T000000Z-00049999");
	assert_string_equal(
		w->studio->found[ENTRIES_MAX - 1], "20260101T000000Z-00030000");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_retention),
		T(test_undelivered_ones_have_more_time),
		T(test_a_clock_gone_wrong_deletes_nothing),
		T(test_kept_for_ever),
		T(test_of_too_many_the_newest_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
