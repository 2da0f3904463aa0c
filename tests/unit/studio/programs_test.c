#include "studio/programs.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/event.h>

static struct {
	struct event_base *base;
	struct programs *programs;
	char directory[64], path[96], log[96], bag[96];
} t;

/* How many wait on disk; they are gone then. */
static unsigned empty_bag(void)
{
	DIR *dir = opendir(t.bag);
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' &&
			unlinkat(dirfd(dir), e->d_name, 0) == 0)
			n++;
	if (dir)
		closedir(dir);
	return n;
}

/* As a restart of hearth. */
static void again(void)
{
	programs_free(t.programs);
	assert_int_equal(programs_new(&t.programs, t.base, t.path, t.bag), 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	signal(SIGPIPE, SIG_IGN);
	strcpy(t.directory, "/tmp/hearth-programs-XXXXXX");
	assert_non_null(mkdtemp(t.directory));
	snprintf(t.path, sizeof(t.path), "%s/hook", t.directory);
	snprintf(t.log, sizeof(t.log), "%s/log", t.directory);
	t.base = event_base_new();
	snprintf(t.bag, sizeof(t.bag), "%s/bag", t.directory);
	again();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	programs_free(t.programs);
	event_base_free(t.base);
	unlink(t.path);
	unlink(t.log);
	empty_bag();
	rmdir(t.bag);
	return rmdir(t.directory);
}

static void write_program(const char *lines)
{
	FILE *f = fopen(t.path, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", lines);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(t.path, 0700), 0);
}

static void post(const char *event, const char *id)
{
	const struct hook h = { .event = event,
		.id = id,
		.room = "!r:x",
		.directory = t.directory,
		.manifest_path = "/m",
		.file = "f" };

	programs_run(t.programs, &h);
}

static const char *read_log(void)
{
	static char text[8192];
	FILE *f = fopen(t.log, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void turn_until_idle(void)
{
	const struct programs_counters *c = programs_counted(t.programs);

	for (unsigned i = 0; i < 60000 && c->waiting + c->running; i++) {
		event_base_loop(t.base, EVLOOP_NONBLOCK);
		usleep(1000);
		assert_true(c->running <= PROGRAMS_AT_ONCE);
	}
	assert_int_equal(c->waiting + c->running, 0);
}

static void test_environment(void **state)
{
	(void)state;
	clearenv(); /* whoever runs the tests has variables of his own */
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HEARTH_EVENT", "must not be seen", 1);
	setenv("HEARTH_EVENTS", "own", 1);
	setenv("OPERATORS", "own", 1);
	write_program("env | grep -E '^(HEARTH_|OPERATORS)' | sort > "
		      "\"$HEARTH_DIRECTORY/log\"");
	post("started", "one");
	assert_string_equal(read_log(), ""); /* never from inside */
	turn_until_idle();
	char expected[512];
	snprintf(expected, sizeof(expected),
		"HEARTH_DIRECTORY=%s\nHEARTH_EVENT=started\nHEARTH_EVENTS="
		"own\nHEARTH_FILE=f\n"
		"HEARTH_MANIFEST=/m\nHEARTH_RECORDING=one\n"
		"HEARTH_ROOM=!r:x\nOPERATORS=own\n",
		t.directory);
	assert_string_equal(read_log(), expected);
	assert_int_equal(programs_counted(t.programs)->run, 1);
	assert_int_equal(programs_counted(t.programs)->failed, 0);
}

static void test_in_order_for_each_recording(void **state)
{
	const char *text;

	(void)state;
	write_program("test $HEARTH_EVENT = 1 && sleep 0.3\n"
		      "echo $HEARTH_RECORDING $HEARTH_EVENT >> "
		      "\"$HEARTH_DIRECTORY/log\"");
	post("1", "a");
	post("2", "a");
	post("3", "a");
	post("2", "b");
	turn_until_idle();
	text = read_log();
	/* b does not wait for a. */
	assert_memory_equal(text, "b 2\n", 4);
	assert_string_equal(text + 4, "a 1\na 2\na 3\n");
}

static void test_not_all_at_once(void **state)
{
	char id[8];

	(void)state;
	write_program("sleep 0.05; echo x >> \"$HEARTH_DIRECTORY/log\"");
	for (unsigned i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "%u", i);
		post("track", id);
	}
	turn_until_idle();
	assert_int_equal(strlen(read_log()), 24);
}

static void test_failures_are_counted(void **state)
{
	(void)state;
	write_program("echo out; echo err >&2; test $HEARTH_EVENT = kill && "
		      "kill -9 $$; exit 3");
	post("started", "a");
	post("kill", "a");
	turn_until_idle();
	assert_int_equal(programs_counted(t.programs)->run, 2);
	assert_int_equal(programs_counted(t.programs)->failed, 2);
}

static void test_missing_program(void **state)
{
	(void)state;
	post("started", "a");
	post("stopped", "a");
	post("started", "b");
	turn_until_idle();
	assert_int_equal(programs_counted(t.programs)->run, 0);
	assert_int_equal(programs_counted(t.programs)->failed, 3);
}

static void test_waiting_has_a_ceiling(void **state)
{
	(void)state;
	write_program("sleep 60");
	for (unsigned i = 0; i < PROGRAMS_WAITING + 5; i++)
		post("track", "a");
	assert_int_equal(
		programs_counted(t.programs)->waiting, PROGRAMS_WAITING);
	assert_int_equal(programs_counted(t.programs)->failed, 5);
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(t.base, EVLOOP_NONBLOCK);
	assert_int_equal(programs_counted(t.programs)->running, 1);
}

/* Those that wait, and the one that was at work. */
static void test_a_restart_goes_on(void **state)
{
	(void)state;
	write_program("echo $HEARTH_EVENT $HEARTH_RECORDING $HEARTH_ROOM "
		      "$HEARTH_MANIFEST $HEARTH_FILE >> "
		      "\"$HEARTH_DIRECTORY/log\"\nsleep 60");
	post("stopped", "a");
	post("composed", "a");
	for (unsigned i = 0; i < 60000 && !*read_log(); i++) {
		event_base_loop(t.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	t.programs = programs_free(t.programs);
	unlink(t.log);
	write_program("echo $HEARTH_EVENT $HEARTH_RECORDING $HEARTH_ROOM "
		      "$HEARTH_MANIFEST $HEARTH_FILE >> "
		      "\"$HEARTH_DIRECTORY/log\"");
	again();
	turn_until_idle();
	assert_string_equal(
		read_log(), "stopped a !r:x /m f\ncomposed a !r:x /m f\n");
	/* Once. */
	again();
	turn_until_idle();
	assert_int_equal(programs_counted(t.programs)->run, 0);
	assert_int_equal(empty_bag(), 0);
}

static void test_torn_ones_are_thrown_away(void **state)
{
	static const char *const bodies[] = { "", "{\"room\": \"!r\"", "[]",
		"{\"directory\": 5}" };
	char path[200];
	FILE *f;

	(void)state;
	write_program("exit 0");
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path),
			"%s/001795000000123-00000%u-5b3c9f010", t.bag, i);
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f,
			"{\"url\": \"/x\", \"event\": \"track\", \"id\": "
			"\"a\", \"created_ms\": 1}\n%s",
			bodies[i]);
		assert_int_equal(fclose(f), 0);
	}
	again();
	turn_until_idle();
	assert_int_equal(programs_counted(t.programs)->run, 0);
	assert_int_equal(empty_bag(), 0);
}

static void test_no_directory_to_wait_in(void **state)
{
	(void)state;
	write_program("echo x >> \"$HEARTH_DIRECTORY/log\"");
	programs_free(t.programs);
	assert_int_equal(programs_new(&t.programs, t.base, t.path,
				 "/proc/no/such/directory"),
		0);
	post("track", "a");
	turn_until_idle();
	assert_string_equal(read_log(), "x\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_environment),
		T(test_in_order_for_each_recording),
		T(test_not_all_at_once),
		T(test_failures_are_counted),
		T(test_missing_program),
		T(test_waiting_has_a_ceiling),
		T(test_a_restart_goes_on),
		T(test_torn_ones_are_thrown_away),
		T(test_no_directory_to_wait_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
