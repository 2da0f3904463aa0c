/* hearth-record compose where something is wrong: it says so in a sentence, and
 * leaves nothing half done. */
#include "record/compose.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "compose_film.h"

static char dir[64], path_before[4096];

static const char one[] =
	"{'id':'x','state':'finished','duration_ms':10000,"
	"'participants':[{'number':1,'name':'Ann'}],'files':[{'name':"
	"'p1-camera-1.webm','participant':1,'purpose':'camera','tracks':["
	"{'kind':'audio','frames':9},{'kind':'video','frames':9}]}]}";

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hearth-compose-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char line[128];

	(void)state;
	setenv("PATH", path_before, 1);
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return film_run("/", line, NULL, NULL);
}

static void assert_fails(const char *options, const char *message)
{
	cJSON *lines;

	assert_int_equal(film_compose(dir, options, &lines), 1);
	assert_string_equal(film_last(lines, "type"), "failed");
	if (!strstr(film_last(lines, "message"), message))
		fail_msg("%s", film_last(lines, "message"));
	cJSON_Delete(lines);
	assert_false(film_exists(dir, ".compose"));
	assert_false(film_exists(dir, "composed.mp4"));
}

static void test_refused(void **state)
{
	(void)state;
	assert_fails("--layout mosaic", "Usage");
	assert_fails("two", "Usage");
	assert_fails("", "manifest.json cannot be read");
	film_manifest(dir, "{'id':'x','state':'recording','duration_ms':1}");
	assert_fails("", "not finished");
	film_manifest(dir, "{'id':'x','state':'finished'}");
	assert_fails("", "no length");
	film_manifest(dir, "{'id':'x','state':'finished','duration_ms':1000}");
	assert_fails("", "nothing to compose");
}

/* In the place of ffmpeg stands what there is to fear. */
static void with_ffmpeg(const char *script)
{
	char path[5000];

	if (script)
		film_touch(dir, "ffmpeg", script, 0700);
	snprintf(path, sizeof(path), "%s%s%s", dir, script ? ":" : "",
		script ? path_before : "");
	setenv("PATH", path, 1);
}

static void test_ffmpeg_fails(void **state)
{
	(void)state;
	film_manifest(dir, one);
	film_touch(dir, "p1-camera-1.webm", "x", 0600);
	with_ffmpeg(NULL);
	assert_fails("", "ffmpeg cannot be run; install it");
	with_ffmpeg("#!/bin/sh\necho one >&2\necho 'it is Monday' >&2\n"
		    "exit 3\n");
	assert_fails("", "nothing to compose"); /* no file is any good */
	with_ffmpeg("#!/bin/sh\ncase \"$*\" in *null*) exit 0;; esac\n"
		    "echo one >&2\necho 'it is Monday' >&2\nexit 3\n");
	assert_fails("", "ffmpeg failed: it is Monday. The recorded");
	with_ffmpeg("#!/bin/sh\necho 'x.mkv: No space left on device' >&2\n"
		    "echo 'Conversion failed!' >&2\nexit 1\n");
	assert_fails("", "disk of recordings is full");
	with_ffmpeg("#!/bin/sh\nkill -9 $$\n");
	assert_fails("", "nothing to compose");
}

/* SIGTERM ends it and its child, and leaves nothing half done. */
static void test_ended(void **state)
{
	char line[256], out[4096], *still;
	size_t len = 0;
	ssize_t n;
	pid_t pid;
	int fd, status;

	(void)state;
	film_manifest(dir, one);
	film_touch(dir, "p1-camera-1.webm", "x", 0600);
	with_ffmpeg("#!/bin/sh\necho $$ > pid\necho out_time_us=500000\n"
		    "exec sleep 100\n");
	snprintf(line, sizeof(line), "%s compose %s", RECORDER, dir);
	pid = film_start("/", line, &fd);
	/* the second report comes when the child runs */
	while (len < sizeof(out) - 1 &&
		(n = read(fd, out + len, sizeof(out) - 1 - len)) > 0) {
		len += (size_t)n;
		out[len] = '\0';
		if (strchr(out, '\n') != strrchr(out, '\n'))
			kill(pid, SIGTERM);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(out, "Composing was interrupted"));
	assert_false(film_exists(dir, ".compose"));
	assert_int_equal(film_run(dir, "cat pid", &still, NULL), 0);
	assert_true(strtol(still, NULL, 10) > 1);
	assert_int_equal(kill((pid_t)strtol(still, NULL, 10), 0), -1);
	free(still);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_ffmpeg_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
	};

	snprintf(path_before, sizeof(path_before), "%s", getenv("PATH"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
