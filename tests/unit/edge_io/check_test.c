#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/check.h"
#include "sfu/udp.h"

static char *loopback[] = { "127.0.0.1" };

static struct config plain(void)
{
	struct config c = { .state_dir = "/tmp" };

	c.media.listen.v = loopback;
	c.media.listen.n = 1;
	c.http.listen = "127.0.0.1";
	c.recording.directory = "/tmp/recordings";
	c.recording.recorder = "/bin/true";
	c.recording.compose = "none";
	return c;
}

/* Runs the check with stdout in a file; returns the number of wrong ones. */
static int run(const struct config *c, char *ret_text, size_t size)
{
	FILE *f = tmpfile();
	int wrong, saved = dup(1);
	size_t n;

	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), 1);
	wrong = check_machine(c);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(f);
	n = fread(ret_text, 1, size - 1, f);
	ret_text[n] = 0;
	fclose(f);
	return wrong;
}

static void test_fine(void **state)
{
	struct config c = plain();
	char text[4096];

	(void)state;
	assert_int_equal(run(&c, text, sizeof(text)), 0);
	assert_null(strstr(text, "PROBLEM"));
	assert_non_null(strstr(text, "this machine only"));
	assert_non_null(strstr(text, "media.advertise"));
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address, *says;
		int wrong;
	} rows[] = {
		{ "203.0.113.5", "will be told", 0 },
		{ "2001:db8::5", "will be told", 0 },
		{ "10.1.2.3", "own network", 0 },
		{ "172.31.0.1", "own network", 0 },
		{ "172.32.0.1", "will be told", 0 },
		{ "192.168.0.1", "own network", 0 },
		{ "100.64.0.1", "own network", 0 },
		{ "169.254.1.1", "own network", 0 },
		{ "fd00::1", "own network", 0 },
		{ "fe80::1", "own network", 0 },
		{ "::1", "this machine only", 0 },
		{ "0.0.0.0", "nobody", 1 },
		{ "::", "nobody", 1 },
		{ "239.1.1.1", "nobody", 1 },
		{ "::ffff:127.0.0.1", "nobody", 1 },
		{ "example.org", "not an IP address", 1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c = plain();
		char address[64], *list[] = { address }, text[4096];

		snprintf(address, sizeof(address), "%s", rows[i].address);
		c.media.advertise.v = list;
		c.media.advertise.n = 1;
		assert_int_equal(run(&c, text, sizeof(text)), rows[i].wrong);
		if (!strstr(text, rows[i].says))
			fail_msg("%s: %s", address, text);
	}
}

static void test_ports(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	struct config c = plain();
	char error[UDP_ERROR_MAX], text[4096];
	struct udp u;

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	c.media.port = udp_port(&u, 0);
	assert_int_equal(run(&c, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "PROBLEM  media.port"));
	udp_done(&u);
	assert_int_equal(run(&c, text, sizeof(text)), 0);
}

static void test_directories(void **state)
{
	struct config c = plain();
	char text[4096];

	(void)state;
	c.state_dir = "/nowhere/at/all";
	assert_int_equal(run(&c, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "state_dir"));
	assert_non_null(strstr(text, "create it"));
	c.state_dir = "/dev/null";
	assert_int_equal(run(&c, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "not a directory"));
	c = plain();
	c.http.web_root = "/nowhere/at/all";
	assert_int_equal(run(&c, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "http.web_root"));
}

static void test_recording(void **state)
{
	static const struct {
		const char *directory, *recorder, *compose, *who, *path, *says;
		int wrong;
	} rows[] = {
		{ "/tmp/h-none", "/bin/true", "none", "20", "", "will be made",
			0 },
		{ "/tmp", "/bin/true", "none", "20", "", "GB are free", 0 },
		{ "/tmp", "/bin/true", "none", "20", "", "/tmp can be written",
			0 },
		{ "/dev/null", "/bin/true", "none", "20", "",
			"recording.directory: /dev/null is not a directory",
			1 },
		{ "/nowhere/at/all", "/bin/true", "none", "20", "",
			"PROBLEM  recording.directory: /nowhere/at/all", 1 },
		/* A file system that has no room at all. */
		{ "/proc", "/bin/true", "none", "20", "", "0 MB are free", 1 },
		{ "/tmp", "/nowhere", "none", "20", "",
			"PROBLEM  recording.recorder: the recorder program "
			"/nowhere",
			1 },
		{ "/tmp", "", "none", "20", "", "/hearth-record cannot be run",
			1 },
		{ "/tmp", "/bin/true", "grid", "20", "/nowhere:/tmp",
			"PROBLEM  recording.compose: there is no ffmpeg", 1 },
		{ "/tmp", "/bin/true", "grid", "20", "/nowhere:%", "ffmpeg mak",
			0 },
		{ "/nowhere/at/all", "", "grid", "nobody", "", "nobody may",
			0 },
	};
	char dir[] = "/tmp/hearth-check-XXXXXX", fake[64], path[128];
	char *before = strdup(getenv("PATH"));

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fake, sizeof(fake), "%s/ffmpeg", dir);
	assert_int_equal(symlink("/bin/true", fake), 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c = plain();
		const char *mark = strchr(rows[i].path, '%');
		char text[4096];

		snprintf(path, sizeof(path), "%.*s%s",
			(int)strcspn(rows[i].path, "%"), rows[i].path,
			mark ? dir : "");
		setenv("PATH", path, 1);
		c.recording.directory = (char *)rows[i].directory;
		c.recording.recorder = (char *)rows[i].recorder;
		c.recording.compose = (char *)rows[i].compose;
		c.recording.who = (char *)rows[i].who;
		if (run(&c, text, sizeof(text)) != rows[i].wrong ||
			!strstr(text, rows[i].says))
			fail_msg("%u: %s", i, text);
	}
	setenv("PATH", before, 1);
	free(before);
	unlink(fake);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fine),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
