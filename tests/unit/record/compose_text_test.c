/* Names of strangers: what is drawn of them, and that it is only ever text. */
#include "record/compose_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof(*(a)))

static const struct {
	const char *name, *label;
} plain[] = {
	{ "Ann", "Ann" },
	{ "", "" },
	{ " \t\n ", "" },
	{ "  Ann \n\r\t Lee  ", "Ann Lee" },
	{ "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
	{ "{\\pos(0,0)}x", "\\{\xe2\x88\x96pos(0,0)\\}x" },
	{ "a\\Nb", "a\xe2\x88\x96Nb" },
	{ "'\"%:,;[]=|$(id)`", "'\"%:,;[]=|$(id)`" },
	/* directions, zero width, a variation, a skin tone */
	{ "a\xe2\x80\xae"
	  "b\xe2\x80\x8b\xef\xb8\x8f"
	  "c\xf0\x9f\x8f\xbd",
		"abc" },
	{ "\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf", "" },
	/* no UTF-8: overlong, surrogate, alone, cut off, too large */
	{ "a\xc0\xaf"
	  "b\xed\xa0\x80"
	  "c\x80"
	  "d\xe2\x82",
		"abcd" },
	{ "\xf4\x90\x80\x80\xff\xfe", "" },
	/* a tower of accents keeps two */
	{ "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
	  "b",
		"a\xcc\x81\xcc\x81"
		"b" },
	{ "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
		"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d" },
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
};

static void test_plain(void **state)
{
	char label[TEXT_LABEL_MAX];

	(void)state;
	for (unsigned i = 0; i < N(plain); i++) {
		assert_int_equal(text_label(plain[i].name, 600, 20, label),
			strlen(plain[i].label));
		assert_string_equal(label, plain[i].label);
	}
}

static void test_cut(void **state)
{
	char name[5000], label[TEXT_LABEL_MAX], shorter[TEXT_LABEL_MAX];
	size_t len;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	/* 'n' is 0.63 em of 17 px: eighteen fit in 200 px, less one em */
	len = text_label(name, 200, 20, label);
	assert_string_equal(label + len - 3, "\xe2\x80\xa6");
	assert_in_range(len - 3, 14, 18);
	assert_true(text_label(name, 100, 20, shorter) < len);
	/* wide letters take more room */
	memset(name, 'W', sizeof(name) - 1);
	assert_true(text_label(name, 200, 20, shorter) < len);
	/* room without end: the buffer is the end */
	len = text_label(name, 1000000, 20, label);
	assert_in_range(len, TEXT_LABEL_MAX - 16, TEXT_LABEL_MAX - 1);
	assert_int_equal(strlen(label), len);
	/* no room at all */
	assert_true(text_label("Ann", 0, 20, label) <= 3);
	/* what fits is not cut */
	text_label("Ann", 60, 20, label);
	assert_string_equal(label, "Ann");
}

static const struct {
	const char *name, *initial;
} initials[] = {
	{ "ann", "A" },
	{ "@bob:x", "B" },
	{ "  _-42", "4" },
	{ "", "?" },
	{ "\xe2\x80\xae", "?" },
	{ "!!", "!" },
	{ "{x", "X" },
	{ "{", "\\{" },
	{ "\xc3\xa9"
	  "t",
		"\xc3\x89" },
	{ "\xd1\x84", "\xd0\xa4" },
	{ "\xce\xb1", "\xce\x91" },
	{ "\xd1\x91", "\xd0\x81" },
	{ "\xd7\xa9\xd7\x9c", "\xd7\xa9" },
	{ "\xf0\x9f\x98\x80 Zoe", "\xf0\x9f\x98\x80" },
};

static void test_initials(void **state)
{
	char initial[TEXT_INITIAL_MAX];

	(void)state;
	for (unsigned i = 0; i < N(initials); i++) {
		text_initial(initials[i].name, initial);
		assert_string_equal(initial, initials[i].initial);
	}
}

static void test_local(void **state)
{
	char local[8];

	(void)state;
	text_local("@ann:example.org", local, sizeof(local));
	assert_string_equal(local, "ann");
	text_local("@a-long-one:x", local, sizeof(local));
	assert_string_equal(local, "a-long-");
	text_local("", local, sizeof(local));
	assert_string_equal(local, "");
}

static void test_colours(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(text_colour(i), text_colour(i));
		assert_int_not_equal(text_colour(i), text_colour(i + 1));
		assert_true(text_colour(i) <= 0xffffff);
	}
}

/* Whatever bytes come, what goes out ends in time and gives no orders. */
static void test_any(void **state)
{
	char name[64], label[TEXT_LABEL_MAX], initial[TEXT_INITIAL_MAX];
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t len;

		for (unsigned i = 0; i < sizeof(name); i++) {
			seed = seed * 1664525 + 1013904223;
			name[i] = (char)(seed >> (round & 1 ? 24 : 25));
		}
		name[sizeof(name) - 1] = '\0';
		len = text_label(name, 10 + round % 400, 20, label);
		assert_true(len < TEXT_LABEL_MAX && !label[len]);
		for (size_t i = 0; i < len; i++) {
			assert_true((unsigned char)label[i] >= 0x20);
			if (label[i] == '\\')
				assert_true(label[i + 1] == '{' ||
					    label[i + 1] == '}');
			if (label[i] == '{' || label[i] == '}')
				assert_true(i && label[i - 1] == '\\');
		}
		text_initial(name, initial);
		assert_in_range(strlen(initial), 1, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_initials),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
