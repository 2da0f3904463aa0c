/* What a start of the daemon finds on disk; hooks end to end. */
#include "tests/unit/studio/world.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "studio/studio_impl.h"

#define OLD "20200101T000000Z-00000001"
#define MID "20210101T000000Z-00000002"
#define NEW "20220101T000000Z-00000003"

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

static void test_cut_off_ones_are_finished(void **state)
{
	struct world *w = *state;

	world_put(w, OLD,
		"{\"state\": \"recording\", \"room\": \"!r\", \"files\": "
		"[{\"name\": \"p1-camera-1.webm\", \"bytes\": 5}]}");
	world_put(w, MID, "{\"state\": \"part"); /* torn */
	world_put(w, NEW,
		"{\"state\": \"partial\", \"room\": \"!r\", \"files\": []}");
	world_start(w);
	world_turn(w, 50);
	assert_string_equal(w->told, "");
	studio_resume(w->studio);
	world_wait(w, "stopped " OLD " crashed");
	world_wait(w, "stopped " MID " crashed");
	world_wait(w, "stopped " NEW " crashed");
	world_wait(w, "composed " OLD);
	world_wait(w, "composed " NEW); /* without a file: nothing to do */
	assert_true(world_exists(w, OLD, "composed.mp4"));
	assert_false(world_exists(w, NEW, "composed.mp4"));
}

static void test_undelivered_ones_come_again(void **state)
{
	struct world *w = *state;

	world_put(w, OLD,
		"{\"state\": \"composed\", \"room\": \"!r\", \"composed\": "
		"{\"name\": \"composed.mp4\"}}");
	world_put(w, MID,
		"{\"state\": \"composed\", \"room\": \"!r\", \"delivered\": "
		"{}, \"composed\": {\"name\": \"composed.mp4\"}}");
	world_put(w, NEW,
		"{\"state\": \"finished\", \"room\": \"!r\", \"files\": "
		"[{\"name\": \"p1-camera-1.webm\"}]}");
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed " OLD);
	world_wait(w, "composed " NEW);
	world_turn(w, 50);
	assert_int_equal(world_count(w, MID), 0);
	assert_false(world_exists(w, OLD, "composing.txt"));
	assert_true(world_exists(w, NEW, "composing.txt"));
	assert_int_equal(world_count(w, "stopped"), 0);
}

/* The room shall have its tracks at least. */
static void test_what_cannot_be_composed_comes_without_a_file(void **state)
{
	struct world *w = *state;

	world_put(w, OLD,
		"{\"state\": \"finished\", \"room\": \"!r\", "
		"\"compose_attempts\": 3, \"files\": [{\"name\": \"x\"}]}");
	world_put(w, MID,
		"{\"state\": \"finished\", \"room\": \"!r\", "
		"\"compose_attempts\": 3, \"files\": [{\"name\": \"x\"}], "
		"\"delivered\": {}}");
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed " OLD);
	world_turn(w, 200);
	assert_int_equal(world_count(w, "\n"), 1);
	assert_null(cJSON_GetObjectItem(w->last_manifest, "composed"));
	assert_false(world_exists(w, OLD, "composing.txt"));
}

static void test_foreign_things_are_left_alone(void **state)
{
	static const char *const names[] = { "lost+found",
		"20200101T000000Z-XXXXXXXX", "20200101T000000Z-0badcafe0" };
	struct world *w = *state;
	struct studio_entry list[8];
	char path[256];

	for (unsigned i = 0; i < 3; i++)
		world_put(w, names[i], "{\"state\": \"recording\"}");
	world_put(w, OLD, "{\"something\": \"else\"}");
	snprintf(path, sizeof(path), "%s/" MID, w->recordings);
	assert_int_equal(symlink("/etc", path), 0);
	world_write(w, "", NEW, "a file of that name");
	world_start(w);
	studio_resume(w->studio);
	world_turn(w, 300);
	assert_string_equal(w->told, "");
	assert_int_equal(studio_list(w->studio, "", list, 8), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(world_exists(w, names[i], "manifest.json"));
	assert_int_equal(studio_delete(w->studio, "", MID), -ENOENT);
	assert_null(studio_manifest(w->studio, "", MID));
}

static void test_kill_and_resume(void **state)
{
	struct world *w = *state;
	char line[128];

	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	world_kill(w);
	w->told[0] = '\0';
	world_start(w);
	studio_resume(w->studio);
	snprintf(line, sizeof(line), "stopped %s crashed", w->id);
	world_wait(w, line);
	world_wait(w, "composed ");
}

static void tear_manifest(struct world *w)
{
	world_record(w, "track");
	world_wait(w, "track ");
	world_kill(w);
	world_write(w, w->id, "manifest.json", "");
	w->told[0] = '\0';
}

static void test_a_torn_manifest_has_its_room_again(void **state)
{
	struct world *w = *state;
	struct studio_entry e;
	char line[128];

	world_start(w);
	tear_manifest(w);
	world_start(w);
	studio_resume(w->studio);
	snprintf(line, sizeof(line), "stopped %s crashed", w->id);
	world_wait(w, line);
	assert_string_equal(
		cJSON_GetObjectItem(w->last_manifest, "room")->valuestring,
		"!room:example.org");
	assert_int_equal(studio_list(w->studio, "!room:example.org", &e, 1), 1);
	assert_string_equal(e.id, w->id);
	assert_string_equal(
		cJSON_GetObjectItem(e.about, "do")->valuestring, "track");
	cJSON_Delete(e.about);
}

static void test_a_torn_manifest_can_be_deleted(void **state)
{
	struct world *w = *state;
	struct studio_entry e;

	world_start(w);
	tear_manifest(w);
	/* No other recording's end helps it. */
	world_write(w, "", ".fake", "{\"finish\": \"fail\"}");
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "failed ");
	assert_int_equal(studio_list(w->studio, "!room:example.org", &e, 1), 1);
	assert_string_equal(e.state, "partial");
	cJSON_Delete(e.about);
	assert_int_equal(studio_delete(w->studio, "!other:x", w->id), -ENOENT);
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", w->id), 0);
	assert_false(world_exists(w, w->id, ""));
}

/* Somebody, a recorder of a daemon that was killed, still works there. */
static void test_locked_ones_wait(void **state)
{
	struct world *w = *state;
	char path[256];
	int fd;

	world_put(w, OLD,
		"{\"state\": \"recording\", \"room\": \"!r\", \"files\": []}");
	snprintf(path, sizeof(path), "%s/" OLD, w->recordings);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	world_start(w);
	studio_resume(w->studio);
	world_turn(w, 500);
	assert_string_equal(w->told, "");
	assert_int_equal(studio_delete(w->studio, "!r", OLD), -EBUSY);
	close(fd);
}

static void write_program(struct world *w, const char *lines)
{
	FILE *f;

	snprintf(w->program, sizeof(w->program), "%s/hook", w->directory);
	f = fopen(w->program, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", lines);
	assert_int_equal(fclose(f), 0);
	chmod(w->program, 0700);
}

static void test_hook_program_sees_it_all(void **state)
{
	struct world *w = *state;
	cJSON *word = cJSON_CreateObject();
	char expected[4096];

	write_program(w,
		"echo \"$HEARTH_EVENT $HEARTH_RECORDING $HEARTH_ROOM "
		"$HEARTH_FILE\" $(test -n \"$HEARTH_MANIFEST\" && "
		"test -s \"$HEARTH_MANIFEST\" && echo has manifest) >> "
		"\"${HEARTH_DIRECTORY%/*}/hook.log\"");
	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "composed ");
	assert_int_equal(studio_delivered(w->studio, w->id, word), 0);
	world_until(w, strstr(world_read(w, "", "hook.log"), "delivered"));
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", w->id), 0);
	world_until(w, strstr(world_read(w, "", "hook.log"), "deleted"));
	snprintf(expected, sizeof(expected),
		"started %1$s !room:example.org  has manifest\n"
		"track %1$s !room:example.org p1-camera-1.webm has manifest\n"
		"stopped %1$s !room:example.org  has manifest\n"
		"composed %1$s !room:example.org composed.mp4 has manifest\n"
		"delivered %1$s !room:example.org  has manifest\n"
		"deleted %1$s !room:example.org \n",
		w->id);
	assert_string_equal(world_read(w, "", "hook.log"), expected);
	cJSON_Delete(word);
}

static void write_short_program(struct world *w)
{
	write_program(w, "echo \"$HEARTH_EVENT $HEARTH_FILE\" >> "
			 "\"${HEARTH_DIRECTORY%/*}/hook.log\"");
}

/* Until it has heard this and has ended. */
static void wait_heard(struct world *w, const char *what)
{
	const struct programs_counters *c =
		programs_counted(w->studio->programs);

	world_until(w, strstr(world_read(w, "", "hook.log"), what) &&
			       c->waiting + c->running == 0);
}

static void test_hooks_do_not_hear_it_twice(void **state)
{
	struct world *w = *state;

	world_put(w, OLD,
		"{\"state\": \"composed\", \"room\": \"!r\", \"hooks_told\": "
		"\"composed\", \"composed\": {\"name\": \"composed.mp4\"}}");
	world_put(w, MID,
		"{\"state\": \"composed\", \"room\": \"!r\", \"delivered\": "
		"{}, \"composed\": {\"name\": \"composed.mp4\"}}");
	write_short_program(w);
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed ");
	world_turn(w, 200);
	assert_string_equal(world_read(w, "", "hook.log"), "");
}

/* hearth was killed before it could tell them, or the recorder outlived it. */
static void test_hooks_hear_what_they_are_owed(void **state)
{
	struct world *w = *state;

	world_put(w, OLD,
		"{\"state\": \"composed\", \"room\": \"!r\", \"hooks_told\": "
		"\"stopped\", \"composed\": {\"name\": \"composed.mp4\"}}");
	write_short_program(w);
	world_start(w);
	studio_resume(w->studio);
	wait_heard(w, "composed");
	world_put(w, NEW,
		"{\"state\": \"finished\", \"room\": \"!r\", \"files\": []}");
	world_kill(w);
	world_start(w);
	studio_resume(w->studio);
	wait_heard(w, "stopped");
	world_turn(w, 300);
	assert_string_equal(world_read(w, "", "hook.log"),
		"composed composed.mp4\nstopped \ncomposed \n");
	/* And never again. */
	world_kill(w);
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed " NEW);
	world_turn(w, 300);
	assert_string_equal(world_read(w, "", "hook.log"),
		"composed composed.mp4\nstopped \ncomposed \n");
}

static void test_hook_hears_that_composing_failed(void **state)
{
	struct world *w = *state;

	write_short_program(w);
	world_start(w);
	world_write(w, "", ".fake", "{\"compose\": \"fail\"}");
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "failed ");
	wait_heard(w, "composed");
	/* Once, though the next start tries again. */
	world_kill(w);
	w->told[0] = '\0';
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "failed ");
	world_turn(w, 200);
	assert_string_equal(world_read(w, "", "hook.log"),
		"started \ntrack p1-camera-1.webm\nstopped \ncomposed \n");
	assert_int_equal(world_lines(w, "composed "), 0);
}

static void on_done(void *arg)
{
	*(bool *)arg = true;
}

static void stop_with_program(struct world *w, const char *lines)
{
	bool done = false;

	strcpy(w->compose, "none");
	write_program(w, lines);
	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_stop(w->studio, on_done, &done);
	world_until(w, done);
	world_kill(w);
}

static void test_a_clean_stop_waits_for_programs(void **state)
{
	struct world *w = *state;

	stop_with_program(w, "sleep 0.2; echo \"$HEARTH_EVENT\" >> "
			     "\"${HEARTH_DIRECTORY%/*}/hook.log\"");
	assert_string_equal(world_read(w, "", "hook.log"),
		"started\ntrack\nstopped\ncomposed\n");
	/* The room could not be told any more, and is told now. */
	assert_int_equal(world_lines(w, "composed "), 0);
	world_start(w);
	studio_resume(w->studio);
	world_wait(w, "composed ");
	world_turn(w, 300);
	assert_string_equal(world_read(w, "", "hook.log"),
		"started\ntrack\nstopped\ncomposed\n");
}

static void test_long_programs_are_run_at_the_next_start(void **state)
{
	struct world *w = *state;

	stop_with_program(
		w, "test $HEARTH_EVENT != stopped || sleep 60; exit 0");
	write_program(w, "echo \"$HEARTH_EVENT\" >> "
			 "\"${HEARTH_DIRECTORY%/*}/hook.log\"");
	world_start(w);
	wait_heard(w, "composed");
	assert_string_equal(
		world_read(w, "", "hook.log"), "stopped\ncomposed\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_cut_off_ones_are_finished),
		T(test_undelivered_ones_come_again),
		T(test_what_cannot_be_composed_comes_without_a_file),
		T(test_foreign_things_are_left_alone),
		T(test_kill_and_resume),
		T(test_a_torn_manifest_has_its_room_again),
		T(test_a_torn_manifest_can_be_deleted),
		T(test_locked_ones_wait),
		T(test_hook_program_sees_it_all),
		T(test_hooks_do_not_hear_it_twice),
		T(test_hooks_hear_what_they_are_owed),
		T(test_a_clean_stop_waits_for_programs),
		T(test_long_programs_are_run_at_the_next_start),
		T(test_hook_hears_that_composing_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
