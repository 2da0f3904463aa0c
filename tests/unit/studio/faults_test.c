/* Recorders, workers and jobs that die or misbehave. */
#include "tests/unit/studio/world.h"

#include <errno.h>
#include <sys/stat.h>
#include "studio/studio_impl.h"

static int set_up(void **state)
{
	static struct world w;

	world_open(&w);
	world_start(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	world_close(*state);
	return 0;
}

static void test_recorder_dies_and_is_replaced(void **state)
{
	struct world *w = *state;
	const char *second;
	char line[128];
	const cJSON *about;

	studio_participant(w->studio, "!room", "ann", "@ann:x", "Ann");
	world_record(w, "die once");
	world_wait(w, "trouble ");
	/* Begun before the front hears of it: how soon it records is up to the
	 * recorder. */
	second = studio_running(w->studio, "!room");
	assert_non_null(second);
	assert_string_not_equal(second, w->id);
	snprintf(line, sizeof(line), "started %s", second);
	world_wait(w, line);
	snprintf(line, sizeof(line), "stopped %s crashed", w->id);
	world_wait(w, line);
	cJSON *manifest =
		studio_manifest(w->studio, "!room:example.org", second);
	about = cJSON_GetObjectItemCaseSensitive(manifest, "about");
	assert_string_equal(
		cJSON_GetObjectItem(about, "continues")->valuestring, w->id);
	assert_string_equal(
		cJSON_GetObjectItem(about, "do")->valuestring, "die once");
	cJSON_Delete(manifest);
	/* It knows who is there as the first one did. */
	char id[STUDIO_ID_MAX + 1];
	strcpy(id, second);
	studio_end(w->studio, "!room", "command");
	snprintf(line, sizeof(line), "stopped %s command", id);
	world_wait(w, line);
	assert_non_null(strstr(world_read(w, id, "orders.txt"), "@ann:x"));
	assert_int_equal(world_lines(w, "trouble "), 1);
}

static void test_recorder_that_always_dies_is_given_up(void **state)
{
	struct world *w = *state;

	world_record(w, "die");
	world_until(w, world_lines(w, "stopped ") == 4);
	/* The first and three more. */
	assert_int_equal(world_lines(w, "started "), 4);
	assert_int_equal(world_lines(w, "trouble "), 4);
	assert_int_equal(world_count(w, "started again"), 3);
	assert_int_equal(world_count(w, "is over"), 1);
	assert_null(studio_running(w->studio, "!room"));
}

/* That it is not started again is heard before that it is over. */
static void test_replacement_dies_unborn(void **state)
{
	static const char *const ways[] = { "die, then unborn heir",
		"die, then wait for an unborn heir" };
	struct world *w = *state;
	char expected[1024];

	for (unsigned i = 0; i < 2; i++) {
		char second[STUDIO_ID_MAX + 1] = "";

		w->told[0] = '\0';
		world_record(w, ways[i]);
		world_wait(w, "trouble ");
		snprintf(second, sizeof(second), "%s",
			studio_running(w->studio, "!room"));
		world_wait(w, "stopped ");
		assert_null(studio_running(w->studio, "!room"));
		snprintf(expected, sizeof(expected),
			"started %1$s \n"
			"trouble %1$s The recorder ended unexpectedly and is "
			"started again: some seconds are missing, what was "
			"recorded is kept.\n"
			"failed %2$s It was not to be.\n"
			"trouble %1$s The recorder could not be started again, "
			"and the recording is over; what was recorded is kept. "
			"Start it again if you like.\n"
			"stopped %1$s crashed\n",
			w->id, second);
		assert_memory_equal(w->told, expected, strlen(expected));
		assert_false(world_exists(w, second, ""));
	}
}

static void test_replacement_begins_before_the_end_of_the_first(void **state)
{
	struct world *w = *state;
	const char *second, *first;

	world_record(w, "die, then wait");
	world_wait(w, "stopped ");
	assert_int_equal(world_lines(w, "started "), 2);
	first = strstr(w->told, "started ");
	second = strstr(first + 1, "\nstarted ");
	assert_non_null(second);
	assert_true(second < strstr(w->told, "stopped "));
	assert_non_null(studio_running(w->studio, "!room"));
}

static void test_unborn(void **state)
{
	struct world *w = *state;

	world_record(w, "unborn");
	world_wait(w, "failed ");
	assert_string_equal(w->last_text, "It was not to be.");
	assert_null(studio_running(w->studio, "!room"));
	world_turn(w, 50);
	assert_int_equal(world_count(w, "\n"), 1);
	assert_false(world_exists(w, w->id, ""));
}

static void test_recorder_not_executable_now(void **state)
{
	struct world *w = *state;

	/* It went away after the studio looked at it. */
	world_kill(w);
	snprintf(w->recorder, sizeof(w->recorder), "%s/copy", w->directory);
	FILE *f = fopen(w->recorder, "w");
	assert_non_null(f);
	fputs("#!/nonexistent\n", f);
	fclose(f);
	chmod(w->recorder, 0700);
	world_start(w);
	assert_int_equal(
		studio_start(w->studio, "!room", "!r", NULL, w->id, w->error),
		-ENOENT);
	assert_true(*w->error);
	assert_int_equal(fake_sfu_last(), 0);
	assert_null(studio_running(w->studio, "!room"));
}

static void check_ended_by_force(struct world *w, const char *what)
{
	world_record(w, what);
	world_wait(w, "started ");
	world_wait(w, "trouble ");
	assert_non_null(studio_running(w->studio, "!room"));
}

static void test_babble(void **state)
{
	check_ended_by_force(*state, "babble");
}

static void test_nonsense(void **state)
{
	check_ended_by_force(*state, "nonsense");
}

static void test_line_without_end(void **state)
{
	check_ended_by_force(*state, "endless");
}

static void test_trouble_and_recovery(void **state)
{
	struct world *w = *state;

	world_record(w, "trouble");
	world_wait(w, "recovered ");
	assert_non_null(strstr(w->told, "The disk is full.\n"));
	assert_non_null(studio_running(w->studio, "!room"));
}

static void test_worker_dies(void **state)
{
	struct world *w = *state;
	char line[128];

	world_record(w, "track");
	world_wait(w, "track ");
	fake_sfu_emit_left(fake_sfu_last(), SFU_WORKER_DIED);
	/* At once, so that the front may begin another one. */
	assert_null(studio_running(w->studio, "!room"));
	snprintf(line, sizeof(line), "stopped %s crashed", w->id);
	world_wait(w, line);
	assert_int_equal(world_lines(w, "trouble "), 0);
	world_wait(w, "composed ");
}

static void test_conference_ends(void **state)
{
	struct world *w = *state;

	world_record(w, "track");
	world_wait(w, "track ");
	fake_sfu_emit_left(fake_sfu_last(), SFU_BY_COMMAND);
	world_wait(w, "stopped ");
	assert_null(studio_running(w->studio, "!room"));
}

static void test_left_after_the_session(void **state)
{
	struct world *w = *state;
	sfu_id id;

	world_record(w, "unborn");
	id = fake_sfu_last();
	world_wait(w, "failed ");
	/* The seam's last word comes when all is gone: nobody may mind. */
	fake_sfu_emit_left(id, SFU_CLOSED);
	world_turn(w, 20);
	assert_int_equal(world_count(w, "\n"), 1);
}

static void test_compose_fails(void **state)
{
	struct world *w = *state;
	cJSON *manifest;

	world_record(w, "track");
	world_write(w, "", ".fake", "{\"compose\": \"fail\"}");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "failed ");
	assert_non_null(strstr(w->last_text, "ffmpeg is not installed."));
	assert_int_equal(world_lines(w, "composed "), 0);
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	assert_int_equal(
		cJSON_GetObjectItem(manifest, "compose_attempts")->valueint, 1);
	assert_string_equal(cJSON_GetObjectItem(manifest, "state")->valuestring,
		"finished");
	cJSON_Delete(manifest);
}

static void test_compose_is_killed(void **state)
{
	struct world *w = *state;
	cJSON *manifest;

	world_record(w, "track");
	world_write(w, "", ".fake", "{\"compose\": \"die\"}");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "failed ");
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	assert_int_equal(
		cJSON_GetObjectItem(manifest, "compose_attempts")->valueint, 3);
	cJSON_Delete(manifest);
}

static void test_jobs_wait_for_each_other(void **state)
{
	struct world *w = *state;
	char first[STUDIO_ID_MAX + 1];

	world_write(w, "", ".fake", "{\"compose\": \"slow\"}");
	world_record(w, "track");
	strcpy(first, w->id);
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "stopped ");
	world_until(w, world_exists(w, first, "composing.txt"));
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", first), -EBUSY);
	w->told[0] = '\0';
	world_record(w, "die once");
	world_wait(w, "stopped "); /* finishing has a place of its own */
	world_turn(w, 300);
	assert_false(world_exists(w, w->id, "composing.txt"));
	/* One that only waits can be deleted. */
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", w->id), 0);
}

static void test_recorder_that_writes_nothing(void **state)
{
	struct world *w = *state;
	struct session *n;
	uint64_t now = process_now_us();

	world_record(w, "");
	world_wait(w, "started ");
	n = LIST_FIRST(&w->studio->sessions);
	for (unsigned s = 0; s < 60; s += 5)
		session_tick(n, now + s * 1000000);
	world_turn(w, 20);
	assert_int_equal(world_lines(w, "trouble "), 0);
	/* The clock of this studio goes on from here. */
	session_tick(n, now + 62000000);
	session_tick(n, now + 63000000);
	world_wait(w, "trouble ");
	assert_non_null(strstr(w->last_text, "hangs"));
	world_write(w, w->id, "manifest.json",
		"{\"state\": \"recording\", \"room\": \"!r\"}");
	session_tick(n, now + 64000000);
	world_wait(w, "recovered ");
	assert_int_equal(world_lines(w, "trouble "), 1);
	assert_non_null(studio_running(w->studio, "!room"));
}

static int attempts_of(struct world *w)
{
	cJSON *manifest =
		studio_manifest(w->studio, "!room:example.org", w->id);
	const cJSON *n = cJSON_GetObjectItem(manifest, "compose_attempts");
	int ret = n ? n->valueint : 0;

	assert_non_null(manifest);
	cJSON_Delete(manifest);
	return ret;
}

/* So that one that takes the machine down is not tried at each start. */
static void test_attempts_are_counted_before(void **state)
{
	struct world *w = *state;

	world_write(w, "", ".fake", "{\"compose\": \"slow\"}");
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_until(w, world_exists(w, w->id, "composing.txt"));
	assert_int_equal(attempts_of(w), 1);
	/* That hearth is stopped is nobody's fault. */
	world_kill(w);
	world_start(w);
	assert_int_equal(attempts_of(w), 0);
}

/* Word of a delivery that comes while it composes. */
static void test_delivered_while_composing(void **state)
{
	struct world *w = *state;
	cJSON *word = cJSON_CreateObject(), *manifest;

	world_write(w, "", ".fake", "{\"compose\": \"slow\"}");
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_until(w, world_exists(w, w->id, "composing.txt"));
	assert_int_equal(studio_delivered(w->studio, w->id, word), 0);
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	assert_false(cJSON_HasObjectItem(manifest, "delivered"));
	cJSON_Delete(manifest);
	world_kill(w);
	world_start(w);
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	assert_true(cJSON_HasObjectItem(manifest, "delivered"));
	cJSON_Delete(manifest);
	cJSON_Delete(word);
}

static void on_done(void *arg)
{
	*(bool *)arg = true;
}

static void test_stop_while_composing(void **state)
{
	struct world *w = *state;
	bool done = false;

	world_write(w, "", ".fake", "{\"compose\": \"slow\"}");
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_until(w, world_exists(w, w->id, "composing.txt"));
	w->told[0] = '\0';
	studio_stop(w->studio, on_done, &done);
	world_until(w, done);
	assert_string_equal(w->told, "");
	/* The next start goes on. */
	world_kill(w);
	world_write(w, "", ".fake", "{}");
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed ");
}

static void test_finish_fails(void **state)
{
	struct world *w = *state;

	world_write(w, "", ".fake", "{\"finish\": \"fail\"}");
	world_record(w, "die once");
	world_wait(w, "failed ");
	assert_non_null(strstr(w->last_text, "The disk is gone."));
	assert_true(world_exists(w, w->id, "manifest.json"));
}

/* Never "nothing was recorded": that is not known. */
static void test_manifest_unreadable_at_the_end(void **state)
{
	struct world *w = *state;

	world_write(w, "", ".fake", "{\"finish\": \"fail\"}");
	world_record(w, "track, then torn");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "failed ");
	world_turn(w, 100);
	assert_int_equal(world_lines(w, "stopped "), 0);
	assert_int_equal(world_lines(w, "composed "), 0);
	assert_true(world_exists(w, w->id, "p1-camera-1.webm"));
}

static void test_no_descriptor_leaks(void **state)
{
	struct world *w = *state;

	world_record(w, "fds");
	world_wait(w, "started ");
	/* 5 is the directory that is being listed. */
	assert_string_equal(
		world_read(w, w->id, "fds.txt"), "0\n1\n2\n3\n4\n5\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_recorder_dies_and_is_replaced),
		T(test_recorder_that_always_dies_is_given_up),
		T(test_replacement_dies_unborn),
		T(test_replacement_begins_before_the_end_of_the_first),
		T(test_unborn),
		T(test_recorder_not_executable_now),
		T(test_babble),
		T(test_nonsense),
		T(test_line_without_end),
		T(test_trouble_and_recovery),
		T(test_worker_dies),
		T(test_conference_ends),
		T(test_left_after_the_session),
		T(test_compose_fails),
		T(test_compose_is_killed),
		T(test_jobs_wait_for_each_other),
		T(test_recorder_that_writes_nothing),
		T(test_attempts_are_counted_before),
		T(test_delivered_while_composing),
		T(test_stop_while_composing),
		T(test_finish_fails),
		T(test_manifest_unreadable_at_the_end),
		T(test_no_descriptor_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
