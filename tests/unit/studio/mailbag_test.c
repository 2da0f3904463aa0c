#include "studio/mailbag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[64];
static int fd;

static int set_up(void **state)
{
	char path[96];

	(void)state;
	strcpy(directory, "/tmp/hearth-mailbag-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/hooks", directory);
	fd = mailbag_open(path);
	assert_true(fd >= 0);
	return 0;
}

static int remove_one(
	const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct mail mail_of(uint64_t created_ms, const char *id)
{
	struct mail m = { .created_ms = created_ms,
		.event = "started",
		.url = (char *)"http://127.0.0.1/hook?a=\"b\"" };

	assert_int_equal(mailbag_name(created_ms, m.name), 0);
	snprintf(m.id, sizeof(m.id), "%s", id);
	return m;
}

static void test_there_and_back(void **state)
{
	struct mail a = mail_of(1795000000001, "a"),
		    b = mail_of(1795000000000, "b"), list[4];
	struct stat st;
	char *body;

	(void)state;
	assert_int_equal(strlen(a.name), MAILBAG_NAME);
	assert_int_equal(mailbag_put(fd, &a, "{\"n\":1}\n{second line}"), 0);
	assert_int_equal(mailbag_put(fd, &b, ""), 0);
	assert_int_equal(fstatat(fd, a.name, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	body = mailbag_body(fd, a.name);
	assert_string_equal(body, "{\"n\":1}\n{second line}");
	free(body);
	assert_int_equal(mailbag_list(fd, list, 4), 2);
	assert_string_equal(list[0].id, "b"); /* the older one */
	assert_string_equal(list[1].id, "a");
	assert_string_equal(list[1].name, a.name);
	assert_string_equal(list[1].event, "started");
	assert_string_equal(list[1].url, a.url);
	assert_int_equal(list[1].created_ms, a.created_ms);
	free(list[0].url);
	free(list[1].url);
	assert_int_equal(mailbag_list(fd, list, 1), 1);
	free(list[0].url);
	mailbag_remove(fd, a.name);
	mailbag_remove(fd, a.name);
	assert_null(mailbag_body(fd, a.name));
	assert_int_equal(mailbag_list(fd, list, 4), 1);
	free(list[0].url);
}

static void test_names_differ_and_sort(void **state)
{
	char a[MAILBAG_NAME + 1], b[MAILBAG_NAME + 1];

	(void)state;
	mailbag_name(5, a);
	mailbag_name(5, b);
	assert_true(strcmp(a, b) < 0);
	mailbag_name(4, b);
	assert_true(strcmp(a, b) > 0);
}

static void write_raw(const char *name, const char *text)
{
	int f = openat(fd, name, O_CREAT | O_WRONLY, 0600);

	assert_int_equal(write(f, text, strlen(text)), strlen(text));
	close(f);
}

static void test_torn_ones_go_foreign_ones_stay(void **state)
{
	static const char *const torn[] = { "", "{\"url\": \"http://x\"}",
		"{\"url\": 5, \"event\": \"x\"}\nbody", "not json\nbody" };
	struct mail list[8], m;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		m = mail_of(1000, "x");
		write_raw(m.name, torn[i]);
	}
	write_raw("notes.txt", "mine");
	m = mail_of(1001, "x");
	assert_int_equal(symlinkat("/etc/passwd", fd, m.name), 0);
	assert_int_equal(mailbag_list(fd, list, 8), 0);
	assert_int_equal(faccessat(fd, "notes.txt", F_OK, 0), 0);
	write_raw(mail_of(1000, "x").name, "half");
	m = mail_of(1002, "x");
	write_raw(m.name, "no end of line");
	assert_null(mailbag_body(fd, m.name));
}

static void test_head_too_long(void **state)
{
	static char url[10000];
	struct mail m = mail_of(1, "x"), list[1];

	(void)state;
	memset(url, 'a', sizeof(url) - 1);
	m.url = url;
	assert_int_equal(mailbag_put(fd, &m, "body"), -E2BIG);
	assert_int_equal(mailbag_list(fd, list, 1), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_there_and_back),
		T(test_names_differ_and_sort),
		T(test_torn_ones_go_foreign_ones_stay),
		T(test_head_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
