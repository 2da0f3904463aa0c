#include "sfu/log.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char heard[1 << 14];

/* Runs speak() with stderr in a file, and keeps what it wrote. */
static const char *listen_to(void (*speak)(void))
{
	FILE *file = tmpfile();
	int err = dup(STDERR_FILENO);

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	speak();
	dup2(err, STDERR_FILENO);
	close(err);
	rewind(file);
	heard[fread(heard, 1, sizeof(heard) - 1, file)] = '\0';
	fclose(file);
	return heard;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("%s\ndoes not match %s", text, pattern);
	regfree(&re);
}

static void speak_line(void)
{
	log_info("joined", "conf=%s part=%d", "3f9a", 7);
	log_error("broken", "%s", "");
}

static void test_line(void **state)
{
	(void)state;
	log_init(LOG_LVL_INFO, false, "worker=2");
	assert_matches(listen_to(speak_line),
		"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
		"\\.[0-9]{3}Z info event=joined worker=2 conf=3f9a part=7\n"
		"[^\n]*Z error event=broken worker=2 \n$");
	log_init(LOG_LVL_INFO, false, "control");
	assert_matches(listen_to(speak_line), "event=joined process=control ");
}

static void speak_all(void)
{
	log_error("e", "k=1");
	log_warn("w", "k=1");
	log_info("i", "k=1");
	log_debug("d", "k=1");
}

static void test_levels(void **state)
{
	static const struct {
		enum log_level level;
		unsigned lines;
	} table[] = { { LOG_LVL_ERROR, 1 }, { LOG_LVL_WARN, 2 },
		{ LOG_LVL_INFO, 3 }, { LOG_LVL_DEBUG, 4 } };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned lines = 0;

		log_init(table[i].level, false, "control");
		for (const char *p = listen_to(speak_all); *p; p++)
			lines += *p == '\n';
		assert_int_equal(lines, table[i].lines);
		assert_true(log_on(table[i].level));
		assert_int_equal(log_on(LOG_LVL_DEBUG), i == 3);
	}
}

static char long_text[5000];

static void speak_evil(void)
{
	log_error("evil", "name=%s", "a\nb\r\x1b[31m event=forged");
	log_error("long", "%s", long_text);
	log_error("next", "k=1");
}

/* 80: what a name contains makes no line and no colour. */
static void test_one_line_each(void **state)
{
	unsigned lines = 0;
	const char *text;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	log_init(LOG_LVL_INFO, false, "control");
	text = listen_to(speak_evil);
	for (const char *p = text; *p; p++) {
		lines += *p == '\n';
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	}
	assert_int_equal(lines, 3);
	assert_true(strlen(text) < 2048 * 2);
	assert_matches(text, "name=a\\?b\\?\\?\\[31m");
	assert_matches(text, "event=next process=control k=1\n$");
}

static void test_value(void **state)
{
	char value[1000];
	const char *got;

	(void)state;
	assert_string_equal(log_value("plain-1.2:x@y"), "plain-1.2:x@y");
	assert_string_equal(log_value(""), "\"\"");
	assert_string_equal(log_value(NULL), "-");
	assert_string_equal(log_value("two words"), "\"two words\"");
	assert_string_equal(log_value("a=b"), "\"a=b\"");
	assert_string_equal(log_value("say \"x\\\""), "\"say \\\"x\\\\\\\"\"");
	assert_string_equal(log_value("a\nlevel=x"), "\"a?level=x\"");
	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(strlen(log_value(value)), 402);
	memset(value, 'a', sizeof(value) - 1);
	got = log_value(value);
	assert_int_equal(strlen(got), 200);
}

static void test_buffers(void **state)
{
	const char *value[8];
	char text[8][16];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(text[i], sizeof(text[i]), "v%d", i);
		value[i] = log_value(text[i]);
	}
	for (int i = 0; i < 8; i++)
		assert_string_equal(value[i], text[i]);
}

static void test_pii(void **state)
{
	char first[64];

	(void)state;
	log_init(LOG_LVL_INFO, false, "control");
	snprintf(first, sizeof(first), "%s", log_pii("@ann:example.org"));
	assert_matches(first, "^~[0-9a-f]{10}$");
	assert_string_equal(log_pii("@ann:example.org"), first);
	assert_string_not_equal(log_pii("@ann:example.orh"), first);
	assert_string_equal(log_pii(NULL), "-");
	log_init(LOG_LVL_INFO, true, "control");
	assert_string_equal(log_pii("@ann:example.org"), "@ann:example.org");
	assert_string_equal(log_pii("a b"), "\"a b\"");
}

/* The vectors of the SipHash paper's reference: key 00..0f, input 00.. */
static void test_siphash(void **state)
{
	static const uint64_t key[2] = { 0x0706050403020100u,
		0x0f0e0d0c0b0a0908u };
	uint8_t input[16];

	(void)state;
	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	assert_true(log_hash(key, input, 0) == 0x726fdb47dd0e0e31u);
	assert_true(log_hash(key, input, 1) == 0x74f839c593dc67fdu);
	assert_true(log_hash(key, input, 8) == 0x93f5f5799a932462u);
	assert_true(log_hash(key, input, 15) == 0xa129ca6149be45e5u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_one_line_each),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_pii),
		cmocka_unit_test(test_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
