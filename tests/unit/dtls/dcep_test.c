#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/dcep.h"

static void text_table(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool want;
	} rows[] = {
		{ "", 0, true },
		{ "chat", 4, true },
		{ "\xc3\xa4", 2, true },
		{ "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x98\x80", 4, true },
		{ "\xf4\x8f\xbf\xbf", 4, true },  /* U+10FFFF */
		{ "\xed\x9f\xbf", 3, true },      /* U+D7FF */
		{ "\0", 1, false },               /* NUL */
		{ "a\0b", 3, false },             /* NUL inside */
		{ "\x80", 1, false },             /* continuation alone */
		{ "\xc3", 1, false },             /* cut */
		{ "\xe2\x82", 2, false },         /* cut */
		{ "\xf0\x9f\x98", 3, false },     /* cut */
		{ "\xc0\xaf", 2, false },         /* overlong */
		{ "\xc1\xbf", 2, false },         /* overlong */
		{ "\xe0\x80\xaf", 3, false },     /* overlong */
		{ "\xf0\x80\x80\xaf", 4, false }, /* overlong */
		{ "\xed\xa0\x80", 3, false },     /* surrogate */
		{ "\xf4\x90\x80\x80", 4, false }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", 4, false },
		{ "\xe2\x28\xa1", 3, false },
		{ "\xe2\x82\x28", 3, false },
		{ "\xff", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dcep_is_text((const uint8_t *)rows[i].bytes, rows[i].len) !=
			rows[i].want)
			fail_msg("row %zu", i);
}

/* type, priority, reliability, label length, protocol length, label... */
#define OPEN(type, value, n, m) "\3" type "\1\0" value n m

static void parses_table(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int want;
		struct assoc_reliability how;
	} rows[] = {
		{ OPEN("\x00", "\0\0\0\0", "\0\4", "\0\0") "chat", 16, 0,
			{ false, ASSOC_RELIABLE, 0 } },
		{ OPEN("\x80", "\0\0\0\7", "\0\4", "\0\0") "chat", 16, 0,
			{ true, ASSOC_RELIABLE, 0 } },
		{ OPEN("\x01", "\0\0\0\3", "\0\4", "\0\0") "chat", 16, 0,
			{ false, ASSOC_REXMIT, 3 } },
		{ OPEN("\x81", "\0\0\0\0", "\0\4", "\0\0") "chat", 16, 0,
			{ true, ASSOC_REXMIT, 0 } },
		{ OPEN("\x02", "\0\1\0\0", "\0\4", "\0\0") "chat", 16, 0,
			{ false, ASSOC_TIMED, 65536 } },
		{ OPEN("\x82", "\xff\xff\xff\xff", "\0\4", "\0\0") "chat", 16,
			0, { true, ASSOC_TIMED, 0xffffffff } },
		{ OPEN("\x03", "\0\0\0\0", "\0\4", "\0\0") "chat", 16, -EINVAL,
			{ 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\5", "\0\0") "chat", 16, -EINVAL,
			{ 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\3", "\0\0") "chat", 16, -EINVAL,
			{ 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\xff\xff", "\xff\xff") "chat", 16,
			-EINVAL, { 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\4", "\0\0") "ch\xff"
							   "t",
			16, -EINVAL, { 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\2", "\0\2") "ch\xc3\0", 16,
			-EINVAL, { 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\0", "\0\0"), 12, 0,
			{ false, ASSOC_RELIABLE, 0 } },
		{ OPEN("\x00", "\0\0\0\0", "\0\0", "\0\0"), 11, -EINVAL,
			{ 0 } },
		{ "\3", 1, -EINVAL, { 0 } },
		{ "\2", 1, -EINVAL, { 0 } },
		{ "", 0, -EINVAL, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dcep_open open = { .label = "untouched" };
		int got = dcep_parse_open(
			&open, (const uint8_t *)rows[i].bytes, rows[i].len);

		if (got != rows[i].want)
			fail_msg("row %zu: %d", i, got);
		if (got != 0) {
			assert_string_equal(open.label, "untouched");
			continue;
		}
		assert_string_equal(open.label, rows[i].len > 12 ? "chat" : "");
		assert_int_equal(open.how.unordered, rows[i].how.unordered);
		assert_int_equal(open.how.kind, rows[i].how.kind);
		assert_int_equal(open.how.value, rows[i].how.value);
	}
}

static void round_trip(void **state)
{
	static const struct assoc_reliability how = { true, ASSOC_TIMED, 1234 };
	uint8_t buf[DCEP_OPEN_MAX];
	char label[CHANNEL_LABEL_MAX + 2], protocol[CHANNEL_PROTOCOL_MAX + 2];
	struct dcep_open open;
	size_t len;

	(void)state;
	memset(label, 'l', sizeof(label));
	memset(protocol, 'p', sizeof(protocol));
	label[CHANNEL_LABEL_MAX] = protocol[CHANNEL_PROTOCOL_MAX] = '\0';
	len = dcep_write_open(buf, &how, label, protocol);
	assert_int_equal(len, DCEP_OPEN_MAX);
	assert_int_equal(dcep_parse_open(&open, buf, len), 0);
	assert_string_equal(open.label, label);
	assert_string_equal(open.protocol, protocol);
	assert_int_equal(open.how.value, 1234);
	assert_int_equal(open.how.kind, ASSOC_TIMED);
	assert_true(open.how.unordered);
	label[CHANNEL_LABEL_MAX] = 'l';
	label[CHANNEL_LABEL_MAX + 1] = '\0';
	assert_int_equal(dcep_write_open(buf, &how, label, ""), 0);
	assert_int_equal(dcep_write_open(buf, &how, "\xff", ""), 0);
}

/* Attack 63. */
static void refuses_a_label_of_64_kb(void **state)
{
	static uint8_t buf[12 + 65535];
	struct dcep_open open;

	(void)state;
	memset(buf, 'x', sizeof(buf));
	memcpy(buf, OPEN("\0", "\0\0\0\0", "\xff\xff", "\0\0"), 12);
	assert_int_equal(dcep_parse_open(&open, buf, sizeof(buf)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_table),
		cmocka_unit_test(parses_table),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_a_label_of_64_kb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
