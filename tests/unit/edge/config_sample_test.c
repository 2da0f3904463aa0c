/* deploy/hearth.yaml.example: it loads, has every key, and what it shows as
 * defaults and ranges are the defaults and ranges. */
#include "sfu/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sfu/config_schema.h"

static char *sample(void)
{
	static char text[CONFIG_FILE_MAX];
	FILE *f = fopen(SAMPLE, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_true(len > 0);
	text[len] = '\0';
	return text;
}

/* "  #key: value" -> "  key: value"; prose has a blank behind its #. */
static void uncomment(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		char before = to == text ? '\n' : to[-1];

		if (*from == '#' && (before == '\n' || before == ' ') &&
			from[1] >= 'a' && from[1] <= 'z')
			continue;
		*to++ = *from;
	}
	*to = '\0';
}

static void assert_like_defaults(const struct config *c)
{
	struct config d;

	assert_int_equal(config_defaults(&d), 0);
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_schema[i];
		const char *a = (const char *)c + k->offset;
		const char *b = (const char *)&d + k->offset;
		const struct config_list *la = (const void *)a;
		const struct config_list *lb = (const void *)b;

		if (strcmp(k->name, "homeserver") == 0 ||
			strcmp(k->name, "user") == 0 ||
			strcmp(k->name, "password") == 0)
			continue;
		if (k->type == CONFIG_TEXT)
			assert_string_equal(
				*(char *const *)a, *(char *const *)b);
		else if (k->type == CONFIG_UINT)
			assert_memory_equal(a, b, sizeof(unsigned));
		else if (k->type == CONFIG_U64)
			assert_memory_equal(a, b, sizeof(uint64_t));
		else if (k->type == CONFIG_BOOL)
			assert_memory_equal(a, b, sizeof(bool));
		else
			assert_int_equal(la->n, lb->n);
	}
	config_done(&d);
}

static void test_loads(void **state)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config c;

	(void)state;
	if (config_load(SAMPLE, &c, error) < 0)
		fail_msg("%s", error);
	assert_string_equal(
		c.recording.directory, "/var/lib/hearth/recordings");
	c.recording.directory[0] = '\0'; /* the default as written */
	assert_like_defaults(&c);
	config_done(&c);
}

static void test_every_key_with_its_default(void **state)
{
	char *text = sample(), error[CONFIG_ERROR_MAX] = "", name[64];
	struct config_fault fault = { 0 };
	struct config_lines lines;
	struct config c;

	(void)state;
	uncomment(text);
	if (config_lines_find(text, strlen(text), &lines, &fault) < 0)
		fail_msg("%u: %s: %s", fault.line, fault.key, fault.why);
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (!lines.line[i])
			fail_msg("%s is missing",
				config_key_text(&config_schema[i], name));
	if (config_parse("sample", text, strlen(text), &c, error) < 0)
		fail_msg("%s", error);
	assert_like_defaults(&c);
	config_done(&c);
}

/* The comment above each number says its range. */
static void test_ranges(void **state)
{
	char *text = sample(), range[64], key[64];

	(void)state;
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_schema[i];
		char *at, *said;

		if (k->type != CONFIG_UINT && k->type != CONFIG_U64)
			continue;
		snprintf(range, sizeof(range), "%llu to",
			(unsigned long long)k->min);
		snprintf(key, sizeof(key), "\n%s:\n", k->section);
		at = strstr(text, key);
		assert_non_null(at);
		snprintf(key, sizeof(key), "%s: %s", k->name, k->fallback);
		at = strstr(at, key);
		if (!at)
			fail_msg("no %s", key);
		*at = '\0';
		/* the blank line before this key's comment */
		for (said = at; said > text && strncmp(said, "\n\n", 2) &&
				strncmp(said, ":\n", 2);)
			said--;
		if (!strstr(said, range))
			fail_msg("%s: its comment does not say %s", key, range);
		snprintf(range, sizeof(range), "%llu",
			(unsigned long long)k->max);
		if (!strstr(said, range))
			fail_msg("%s: its comment does not say %s", key, range);
		*at = k->name[0];
	}
}

/* What --help-config prints names every key with its default. */
static void test_help(void **state)
{
	static char text[1 << 16];
	char name[66];
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);

	(void)state;
	assert_non_null(file);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	config_help();
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const char *fallback = config_schema[i].fallback;
		char *at;

		config_key_text(&config_schema[i], name);
		strcat(name, "\n");
		at = strstr(text, name);
		if (!at)
			fail_msg("no %s", name);
		at = strstr(at, "default ");
		assert_non_null(at);
		assert_memory_equal(at + 8, *fallback ? fallback : "empty",
			*fallback ? strlen(fallback) : 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_every_key_with_its_default),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
