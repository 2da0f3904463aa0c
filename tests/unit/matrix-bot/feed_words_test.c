#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "matrix-bot/feed_words.h"

static struct feed_tokens t;
static char error[FEED_ERROR_MAX];

static void good_file(void **state)
{
	const struct feed_token *k;

	(void)state;
	assert_int_equal(feed_tokens_parse(&t,
				 "# who may\n\nsubtitles s3cret listen\n"
				 " jukebox\tother  publish \r\nlast x listen",
				 error),
		0);
	assert_int_equal(t.n, 3);
	k = feed_tokens_find(&t, "s3cret");
	assert_string_equal(k->name, "subtitles");
	assert_false(k->publish);
	k = feed_tokens_find(&t, "other");
	assert_string_equal(k->name, "jukebox");
	assert_true(k->publish);
	assert_string_equal(feed_tokens_find(&t, "x")->name, "last");
	assert_null(feed_tokens_find(&t, ""));
	assert_null(feed_tokens_find(&t, "s3cre"));
	assert_null(feed_tokens_find(&t, "s3crets"));
	assert_null(feed_tokens_find(&t, "S3cret"));
	feed_tokens_forget(&t);
	assert_null(feed_tokens_find(&t, "s3cret"));
	assert_null(feed_tokens_find(&t, ""));
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *words;
	} v[] = { { "a", "line 1 has no token" },
		{ "a b", "line 1 does not end in listen or publish" },
		{ "a b listens", "line 1 does not end" },
		{ "ok t listen\na b listen more", "line 2 does not end" },
		{ "a/b c listen", "line 1 has no name" },
		{ "\n\nna\xc3\xafve t listen", "line 3 has no name" } };
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		assert_int_equal(
			feed_tokens_parse(&t, v[i].text, error), -EINVAL);
		if (!strstr(error, v[i].words))
			fail_msg("%zu: %s", i, error);
		assert_int_equal(t.n, 0);
	}
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(feed_tokens_parse(&t, text, error), -EINVAL);
	assert_non_null(strstr(error, "too long"));
	text[300] = '\0';
	memcpy(text, "a ", 2);
	assert_int_equal(feed_tokens_parse(&t, text, error), -EINVAL);
	assert_non_null(strstr(error, "no token"));
}

static void too_many(void **state)
{
	char text[4096] = "";
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < FEED_TOKENS_MAX; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "p t%u listen\n", i);
	assert_int_equal(feed_tokens_parse(&t, text, error), 0);
	assert_non_null(feed_tokens_find(&t, "t63"));
	snprintf(text + n, sizeof(text) - n, "p more listen\n");
	assert_int_equal(feed_tokens_parse(&t, text, error), -EINVAL);
}

static void from_a_file(void **state)
{
	char path[] = "/tmp/hearth-tokens-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a b listen\n", 11), 11);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(feed_tokens_load(&t, path, error), 0);
	assert_non_null(feed_tokens_find(&t, "b"));
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(feed_tokens_load(&t, path, error), -EACCES);
	assert_non_null(strstr(error, "chmod 600"));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(write(fd, "wrong\n", 6), 6);
	assert_int_equal(feed_tokens_load(&t, path, error), -EINVAL);
	assert_non_null(strstr(error, "line 2"));
	assert_int_equal(ftruncate(fd, FEED_TOKENS_FILE_MAX + 1), 0);
	assert_int_equal(feed_tokens_load(&t, path, error), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(feed_tokens_load(&t, path, error), -ENOENT);
	assert_non_null(strstr(error, "feed.tokens_file"));
}

/* Neither waited for nor believed. */
static void no_file(void **state)
{
	char dir[] = "/tmp/hearth-tokens-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(feed_tokens_load(&t, dir, error), -EACCES);
	assert_non_null(strstr(error, "is no file"));
	snprintf(path, sizeof(path), "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5);
	assert_int_equal(feed_tokens_load(&t, path, error), -EACCES);
	alarm(0);
	assert_non_null(strstr(error, "is no file"));
	unlink(path);
	rmdir(dir);
}

static void of_another(void **state)
{
	char path[] = "/tmp/hearth-tokens-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "a b listen\n", 11), 11);
	if (fchown(fd, 12345, (gid_t)-1) < 0) {
		close(fd);
		unlink(path);
		skip();
	}
	assert_int_equal(feed_tokens_load(&t, path, error), -EACCES);
	assert_non_null(strstr(error, "belongs to somebody else"));
	close(fd);
	unlink(path);
}

static void asks(void **state)
{
	static const struct {
		const char *line;
		int want;
	} v[] = { { "{\"token\":\"t\",\"room\":\"!r:s\"}", 0 },
		{ "{\"room\":\"#a:s\",\"token\":\"t\",\"more\":[]}\r", 0 },
		{ "{\"token\":\"t\"}", -EINVAL },
		{ "{\"room\":\"!r:s\"}", -EINVAL },
		{ "{\"token\":\"t\",\"room\":\"r\"}", -EINVAL },
		{ "{\"token\":\"t\",\"room\":\"!r s\"}", -EINVAL },
		{ "{\"token\":7,\"room\":\"!r:s\"}", -EINVAL },
		{ "[]", -EINVAL }, { "", -EINVAL }, { "GET / HTTP", -EINVAL } };
	char line[FEED_LINE_MAX];
	struct feed_ask ask;

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++)
		assert_int_equal(
			feed_ask_parse(&ask, v[i].line, strlen(v[i].line)),
			v[i].want);
	snprintf(line, sizeof(line), "{\"room\":\"!r:s\",\"token\":\"%0*d\"}",
		FEED_TOKEN_MAX, 7);
	assert_int_equal(feed_ask_parse(&ask, line, strlen(line)), 0);
	snprintf(line, sizeof(line), "{\"room\":\"!r:s\",\"token\":\"%0*d\"}",
		FEED_TOKEN_MAX + 1, 7);
	assert_int_equal(feed_ask_parse(&ask, line, strlen(line)), -EINVAL);
	snprintf(line, sizeof(line), "{\"token\":\"t\",\"room\":\"!%0*d\"}",
		EVENT_ID_MAX, 7);
	assert_int_equal(feed_ask_parse(&ask, line, strlen(line)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(too_many),
		cmocka_unit_test(from_a_file),
		cmocka_unit_test(no_file),
		cmocka_unit_test(of_another),
		cmocka_unit_test(asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
