#include "sfu/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sfu/config_schema.h"

#define BASE                                                                   \
	"matrix:\n  homeserver: http://hs\n  user: bot\n  password: secret\n"

static char dir[] = "/tmp/hearth-config-XXXXXX";

static int parse(const char *text, struct config *ret, char *ret_error)
{
	return config_parse("f", text, strlen(text), ret, ret_error);
}

static void test_defaults(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(config_defaults(&c), 0);
	assert_int_equal(c.media.port, 7882);
	assert_int_equal(c.media.listen.n, 2);
	assert_string_equal(c.media.listen.v[0], "0.0.0.0");
	assert_string_equal(c.media.listen.v[1], "::");
	assert_int_equal(c.media.advertise.n, 0);
	assert_string_equal(c.http.listen, "127.0.0.1");
	assert_true(c.matrix.leave_when_empty);
	assert_false(c.log.pii);
	assert_string_equal(c.log.level, "info");
	assert_string_equal(c.matrix.password, "");
	assert_true(c.limits.channel_queue_bytes == 16777216);
	assert_string_equal(c.recording.who, "moderators");
	assert_string_equal(c.recording.compose, "grid");
	assert_true(c.recording.deliver);
	assert_int_equal(c.recording.jobs, 1);
	assert_int_equal(c.recording.at_once, 16);
	assert_int_equal(c.recording.keep_days, 30);
	assert_int_equal(c.recording.keyframe_s, 10);
	assert_int_equal(c.recording.webhooks.n, 0);
	assert_string_equal(c.feed.socket, "");
	config_done(&c);
	assert_null(c.log.level);
	config_done(&c);
}

static void test_values(void **state)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config c;

	(void)state;
	assert_int_equal(
		parse(BASE "  allow: [\"@*:a.org\", '@b:c.org']\n"
			   "  leave_when_empty: false\n"
			   "media:\n  port: 9000\n  workers: 4\n"
			   "  listen:\n    - 127.0.0.1\n  advertise: []\n"
			   "http: { port: 0, web_root: \"\" }\n"
			   "limits:\n  resend_bps: 100000000\n"
			   "log:\n  level: debug\n  pii: True\n"
			   "state_dir: /s\n",
			&c, error),
		0);
	assert_string_equal(error, "");
	assert_string_equal(c.matrix.homeserver, "http://hs");
	assert_int_equal(c.matrix.allow.n, 2);
	assert_string_equal(c.matrix.allow.v[1], "@b:c.org");
	assert_false(c.matrix.leave_when_empty);
	assert_int_equal(c.media.workers, 4);
	assert_int_equal(c.media.listen.n, 1);
	assert_string_equal(c.media.listen.v[0], "127.0.0.1");
	assert_int_equal(c.http.port, 0);
	assert_string_equal(c.http.web_root, "");
	assert_true(c.limits.resend_bps == 100000000);
	assert_true(c.log.pii);
	assert_string_equal(c.state_dir, "/s");
	config_done(&c);
}

static void test_recording_values(void **state)
{
	static const char *const who[] = { "0", "100", "50", "members",
		"nobody", "moderators" };
	char error[CONFIG_ERROR_MAX] = "", text[512];
	struct config c;

	(void)state;
	assert_int_equal(
		parse(BASE "recording:\n  directory: /r\n  compose: none\n"
			   "  deliver: false\n  jobs: 16\n  at_once: 256\n"
			   "  keep_days: 0\n  keyframe_s: 0\n"
			   "  program: /hook\n  recorder: /rec\n"
			   "  webhooks: [https://a/x, http://b]\n"
			   "  webhook_secret: s\n"
			   "feed: { socket: /f, tokens_file: /t }\n",
			&c, error),
		0);
	assert_string_equal(error, "");
	assert_string_equal(c.recording.directory, "/r");
	assert_string_equal(c.recording.compose, "none");
	assert_false(c.recording.deliver);
	assert_int_equal(c.recording.jobs, 16);
	assert_int_equal(c.recording.keep_days, 0);
	assert_int_equal(c.recording.webhooks.n, 2);
	assert_string_equal(c.recording.webhooks.v[1], "http://b");
	assert_string_equal(c.recording.program, "/hook");
	assert_string_equal(c.recording.recorder, "/rec");
	assert_string_equal(c.feed.tokens_file, "/t");
	config_done(&c);
	for (unsigned i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		snprintf(text, sizeof(text), BASE "recording:\n  who: %s\n",
			who[i]);
		assert_int_equal(parse(text, &c, error), 0);
		assert_string_equal(c.recording.who, who[i]);
		config_done(&c);
	}
}

static const struct {
	const char *text, *error; /* the whole message starts with it */
} bad[] = {
	{ "", "f: matrix.homeserver: is missing" },
	{ "# nothing\n", "f: matrix.homeserver: is missing" },
	{ "matrix:\n  homeserver: http://h\n", "f: matrix.user: is missing" },
	{ "matrix:\n  homeserver: http://h\n  user: b\n",
		"f: matrix.password: give exactly one" },
	{ BASE "  token: t\n", "f:4: matrix.password: give exactly one" },
	{ BASE "medla:\n  port: 1\n", "f:5: medla: there is no such key" },
	{ BASE "media:\n  prot: 1\n", "f:6: media.prot: there is no such" },
	{ BASE "port: 1\n", "f:5: port: there is no such key" },
	{ BASE "media:\n  port: 1\n  port: 2\n", "f:7: media.port: is given" },
	{ BASE "media:\n  port: 1\nmedia:\n  port: 2\n",
		"f:8: media.port: is given twice" },
	{ BASE "media:\n", "f:5: media: is a section" },
	{ BASE "media: 5\n", "f:5: media: is a section" },
	{ BASE "media: [1]\n", "f:5: media: Expecting MAPPING" },
	{ BASE "media:\n  port: 65536\n",
		"f:6: media.port: must be a number from 0 to 65535" },
	{ BASE "media:\n  port: -1\n", "f:6: media.port: must be a number" },
	{ BASE "media:\n  port: 0x10\n", "f:6: media.port: must be a number" },
	{ BASE "media:\n  port:\n", "f:6: media.port: must be a number" },
	{ BASE "media:\n  port: [1]\n", "f:6: port: Expecting STRING" },
	{ BASE "media:\n  port: 18446744073709551617\n",
		"f:6: media.port: must be a number" },
	{ BASE "media:\n  port: 65530\n  workers: 8\n",
		"f:6: media.port: leaves no port" },
	{ BASE "media:\n  listen: localhost\n",
		"f:6: listen: Expecting SEQUENCE" },
	{ BASE "media:\n  listen: [localhost]\n",
		"f:6: media.listen: must be an IPv4 or IPv6 address" },
	{ BASE "media:\n  listen: []\n", "f:6: media.listen: is empty" },
	{ BASE "media:\n  listen: ['']\n",
		"f:6: media.listen: has an empty item" },
	{ BASE "media:\n  listen: [1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h]\n",
		"f:6: listen: Excessive entries" },
	{ BASE "limits:\n  participants: 1\n",
		"f:6: limits.participants: must be a number from 2 to 1000" },
	{ BASE "log:\n  pii: maybe\n", "f:6: log.pii: must be true or false" },
	{ BASE "log:\n  level: loud\n", "f:6: log.level: must be error" },
	{ BASE "log:\n  level:\n", "f:6: log.level: must be error" },
	{ BASE "recording:\n  who: 101\n",
		"f:6: recording.who: must be moderators" },
	{ BASE "recording:\n  who: -1\n", "f:6: recording.who: must be mod" },
	{ BASE "recording:\n  who: 5x\n", "f:6: recording.who: must be mod" },
	{ BASE "recording:\n  who: ''\n", "f:6: recording.who: must be mod" },
	{ BASE "recording:\n  compose: mosaic\n",
		"f:6: recording.compose: must be grid, speaker or none" },
	{ BASE "recording:\n  jobs: 0\n",
		"f:6: recording.jobs: must be a number from 1 to 16" },
	{ BASE "recording:\n  at_once: 257\n",
		"f:6: recording.at_once: must be a number from 1 to 256" },
	{ BASE "recording:\n  keep_days: 36501\n",
		"f:6: recording.keep_days: must be a number from 0 to 36500" },
	{ BASE "recording:\n  keyframe_s: 3601\n",
		"f:6: recording.keyframe_s: must be a number from 0 to 3600" },
	{ BASE "recording:\n  webhooks: [ftp://x]\n  webhook_secret: s\n",
		"f:6: recording.webhooks: must be a URL" },
	{ BASE "recording:\n  webhooks: [http://x]\n",
		"f:6: recording.webhooks: need a secret" },
	{ BASE "recording:\n  webhook_secret: a\n  webhook_secret_file: b\n",
		"f:6: recording.webhook_secret: give one of" },
	{ BASE "feed:\n  socket: /f\n",
		"f:6: feed.socket: needs feed.tokens_file" },
	{ "matrix:\n  homeserver: matrix.example.org\n",
		"f:2: matrix.homeserver: must be a URL" },
	{ "matrix:\n  homeserver: http://\n",
		"f:2: matrix.homeserver: must be a URL" },
	{ "matrix:\n  homeserver: \"http://a b\"\n",
		"f:2: matrix.homeserver: must be a URL" },
	{ "matrix:\n  user: \"a\\nb\"\n",
		"f:2: matrix.user: must be one line" },
	{ "matrix:\n\tuser: x\n", "f:2: found character" },
	{ "matrix: [\n", "f:2: did not find" },
	{ "- a\n", "f: Expecting MAPPING" },
	{ BASE "log: &x { pii: true }\nmedia: *x\n", "f:6: media: aliases" },
	{ BASE "---\nlog: { pii: true }\n", "f:5: a second document" },
};

static void test_bad(void **state)
{
	struct config untouched, c;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	c = untouched;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char error[CONFIG_ERROR_MAX] = "";

		if (parse(bad[i].text, &c, error) == 0)
			fail_msg("accepted: %s", bad[i].text);
		if (strncmp(error, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("%s\nnot: %s\n%s", error, bad[i].error,
				bad[i].text);
		assert_memory_equal(&c, &untouched, sizeof(c));
	}
}

static const char *put(const char *name, const char *text, mode_t mode)
{
	static char paths[8][128];
	static unsigned at;
	char *path = paths[at++ % 8];
	FILE *f;

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

#define WITH_FILE                                                              \
	"matrix:\n  homeserver: http://hs\n  user: bot\n"                      \
	"  password_file: secret\nstate_dir: state\n"

static void test_secret_file(void **state)
{
	const char *path = put("hearth.yaml", WITH_FILE, 0644);
	char error[CONFIG_ERROR_MAX] = "", expected[128];
	struct config c;

	(void)state;
	put("secret", "pass word\n", 0600);
	assert_int_equal(config_load(path, &c, error), 0);
	assert_string_equal(c.matrix.password, "pass word");
	snprintf(expected, sizeof(expected), "%s/state", dir);
	assert_string_equal(c.state_dir, expected);
	config_done(&c);
	put("secret", "pass word\n", 0640);
	assert_int_equal(config_load(path, &c, error), 0);
	config_done(&c);
	put("secret", "pass word\n", 0644);
	assert_int_equal(config_load(path, &c, error), -EACCES);
	assert_non_null(strstr(error, "matrix.password_file"));
	assert_non_null(strstr(error, "chmod 600"));
	put("secret", "\n", 0600);
	assert_int_equal(config_load(path, &c, error), -EINVAL);
	assert_non_null(strstr(error, "is empty"));
}

static void test_webhook_secret_file(void **state)
{
	const char *path = put("hearth.yaml",
		WITH_FILE "recording:\n  webhooks: [http://h/x]\n"
			  "  webhook_secret_file: hooks\n",
		0644);
	char error[CONFIG_ERROR_MAX] = "", expected[128];
	struct config c;

	(void)state;
	put("secret", "pass word\n", 0600);
	put("hooks", "sign here\n", 0600);
	assert_int_equal(config_load(path, &c, error), 0);
	assert_string_equal(c.recording.webhook_secret, "sign here");
	snprintf(expected, sizeof(expected), "%s/state/recordings", dir);
	assert_string_equal(c.recording.directory, expected);
	config_done(&c);
	put("hooks", "sign here\n", 0604);
	assert_int_equal(config_load(path, &c, error), -EACCES);
	assert_non_null(strstr(error, "recording.webhook_secret_file"));
	unlink(put("hooks", "", 0600));
	assert_int_equal(config_load(path, &c, error), -ENOENT);
}

static void test_missing_files(void **state)
{
	const char *path = put("hearth.yaml", WITH_FILE, 0644);
	char error[CONFIG_ERROR_MAX] = "", secret[64];
	struct config c;

	(void)state;
	snprintf(secret, sizeof(secret), "%s/secret", dir);
	unlink(secret);
	assert_int_equal(config_load(path, &c, error), -ENOENT);
	assert_non_null(strstr(error, "matrix.password_file"));
	assert_non_null(strstr(error, secret));
	assert_int_equal(config_load("/nonexistent/x", &c, error), -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/x"));
	assert_int_equal(config_load(dir, &c, error), -EINVAL);
	assert_int_equal(config_load("/dev/zero", &c, error), -EINVAL);
}

/* Defaults pass their own checks, rows of a section stand together, and no two
 * rows share a place. */
static void test_schema(void **state)
{
	(void)state;
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_schema[i];

		assert_non_null(k->name);
		assert_int_equal(config_schema_find(k->section, k->name), i);
		assert_true(strlen(k->help) > 10);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(
				k->offset, config_schema[j].offset);
		for (int j = 0; j + 1 < i; j++)
			if (strcmp(config_schema[j].section, k->section) == 0)
				assert_string_equal(
					config_schema[j + 1].section,
					k->section);
	}
	assert_int_equal(config_schema_find("media", "nothing"), -1);
	assert_true(config_schema_is_section("limits"));
	assert_false(config_schema_is_section(""));
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/secret", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/hearth.yaml", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_recording_values),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_webhook_secret_file),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
