#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/chunk.h"

#define HEAD  "\x13\x88\x13\x88tag.crc."
#define FIXED "tag.rwnd\0\1\0\1tsn."

static const struct {
	const char *name, *bytes;
	size_t len;
	bool want;
} rows[] = {
	{ "no chunk", HEAD, 12, false },
	{ "cut head", HEAD, 7, false },
	{ "cookie ack", HEAD "\x0b\0\0\4", 16, true },
	{ "two", HEAD "\x0b\0\0\4\x0b\0\0\4", 20, true },
	{ "tail", HEAD "\x0b\0\0\4\x0b\0", 18, false },
	{ "length 0", HEAD "\x0b\0\0\0", 16, false },
	{ "length 3", HEAD "\x0b\0\0\3", 16, false },
	{ "too long", HEAD "\x0b\0\0\5", 16, false },
	{ "unpadded last", HEAD "\x0a\0\0\5x", 17, true },
	{ "padded", HEAD "\x0a\0\0\5x\0\0\0\x0b\0\0\4", 24, true },
	{ "init", HEAD "\1\0\0\x14" FIXED, 32, true },
	{ "init cut", HEAD "\1\0\0\x13" FIXED, 32, false },
	{ "init, parameter", HEAD "\1\0\0\x18" FIXED "\xc0\0\0\4", 36, true },
	{ "init, padded parameter",
		HEAD "\1\0\0\x20" FIXED "\x80\x08\0\5\x82\0\0\0\xc0\0\0\4", 44,
		true },
	{ "init, parameter of 0", HEAD "\1\0\0\x18" FIXED "\xc0\0\0\0", 36,
		false },
	{ "init, parameter of 3", HEAD "\1\0\0\x18" FIXED "\xc0\0\0\3", 36,
		false },
	{ "init, beyond", HEAD "\1\0\0\x18" FIXED "\xc0\0\0\5", 36, false },
	{ "init, half", HEAD "\1\0\0\x16" FIXED "\xc0\0\0\0", 36, false },
	{ "init ack, parameter of 0", HEAD "\2\0\0\x18" FIXED "\0\7\0\0", 36,
		false },
	{ "init, address",
		HEAD "\1\0\0\x1c" FIXED "\0\5\0\x08"
		     "addr",
		40, true },
	{ "init, short address", HEAD "\1\0\0\x18" FIXED "\0\5\0\4", 36,
		false },
	{ "init, long address",
		HEAD "\1\0\0\x20" FIXED "\0\5\0\x0c"
		     "addraddr",
		44, false },
	{ "init, short v6",
		HEAD "\1\0\0\x1c" FIXED "\0\6\0\x08"
		     "addr",
		40, false },
	{ "reconf", HEAD "\x82\0\0\x0c\0\x10\0\x08seq.", 24, true },
	{ "reconf, parameter of 0", HEAD "\x82\0\0\x08\0\x10\0\0", 20, false },
	{ "reconf, empty", HEAD "\x82\0\0\4", 16, false },
	{ "abort", HEAD "\6\0\0\4", 16, true },
	{ "abort, cause", HEAD "\6\0\0\x0c\0\x0c\0\x08why?", 24, true },
	{ "abort, cause 5 of 4", HEAD "\6\0\0\x08\0\5\0\4", 20, true },
	{ "abort, cause of 0", HEAD "\6\0\0\x08\0\x0c\0\0", 20, false },
	{ "error, beyond", HEAD "\x09\0\0\x08\0\x0c\0\x09", 20, false },
	{ "heartbeat", HEAD "\4\0\0\x0c\0\1\0\x08info", 24, true },
	{ "heartbeat lies", HEAD "\4\0\0\x0c\0\1\0\x09info", 24, false },
	{ "auth", HEAD "\x0f\0\0\4", 16, false },
	{ "asconf", HEAD "\xc1\0\0\4", 16, false },
	{ "asconf ack", HEAD "\x80\0\0\4", 16, false },
	{ "pktdrop", HEAD "\x81\0\0\4", 16, false },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (chunk_is_sound_packet((const uint8_t *)rows[i].bytes,
			    rows[i].len) != rows[i].want)
			fail_msg("%s", rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
