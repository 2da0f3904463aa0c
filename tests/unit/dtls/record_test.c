#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/record.h"

/* Epoch 0 (or 1) record head with a length, then its content. */
#define HEAD(type, epoch, n) type "\xfe\xfd\0" epoch "\0\0\0\0\0\1\0" n
/* A handshake message's head: kind, total, offset and length, a byte each. */
#define MSG(kind, total, from, n)                                              \
	kind "\0\0" total "\0\0"                                               \
	     "\0\0" from "\0\0" n
#define CCS HEAD("\x14", "\0", "\1") "\1"

static const struct {
	const char *name, *bytes;
	size_t len;
	bool from_client, from_server;
} rows[] = {
	{ "client hello",
		HEAD("\x16", "\0", "\x10") MSG("\1", "\4", "\0", "\4") "abcd",
		29, true, false },
	{ "fragment",
		HEAD("\x16", "\0", "\x0e") MSG("\1", "\4", "\1", "\2") "bc", 27,
		true, false },
	{ "server hello",
		HEAD("\x16", "\0", "\x0d") MSG("\2", "\1", "\0", "\1") "a", 26,
		false, true },
	{ "two messages",
		HEAD("\x16", "\0", "\x19") MSG("\x0b", "\1", "\0",
			"\1") "a" MSG("\x0e", "\0", "\0", "\0"),
		38, false, true },
	{ "certificate",
		HEAD("\x16", "\0", "\x0d") MSG("\x0b", "\1", "\0", "\1") "a",
		26, true, true },
	{ "finished in plain",
		HEAD("\x16", "\0", "\x0d") MSG("\x14", "\1", "\0", "\1") "a",
		26, false, false },
	{ "unknown message",
		HEAD("\x16", "\0", "\x0d") MSG("\xff", "\1", "\0", "\1") "a",
		26, false, false },
	{ "longer than its record",
		HEAD("\x16", "\0", "\x0d") MSG("\x0b", "\2", "\0", "\2") "a",
		26, false, false },
	{ "beyond its end",
		HEAD("\x16", "\0", "\x0d") MSG("\x0b", "\1", "\1", "\1") "a",
		26, false, false },
	{ "half a head", HEAD("\x16", "\0", "\3") "\1\0\0", 16, false, false },
	{ "empty handshake", HEAD("\x16", "\0", "\0"), 13, false, false },
	{ "alert", HEAD("\x15", "\0", "\2") "\2\x28", 15, true, true },
	{ "long alert", HEAD("\x15", "\0", "\3") "\2\x28\0", 16, false, false },
	{ "alert of no level", HEAD("\x15", "\0", "\2") "\3\x28", 15, false,
		false },
	{ "change cipher spec", CCS, 14, true, true },
	{ "long change", HEAD("\x14", "\0", "\2") "\1\1", 15, false, false },
	{ "data in plain", HEAD("\x17", "\0", "\1") "x", 14, false, false },
	{ "sealed anything", HEAD("\x16", "\1", "\2") "zz", 15, true, true },
	{ "sealed data", HEAD("\x17", "\1", "\2") "zz", 15, true, true },
	{ "two records", CCS HEAD("\x16", "\1", "\2") "zz", 29, true, true },
	{ "second is cut", CCS HEAD("\x16", "\1", "\3") "zz", 29, false,
		false },
	{ "tail", CCS "\x16", 15, false, false },
	{ "other type", HEAD("\x18", "\1", "\1") "x", 14, false, false },
	{ "TLS", "\x16\3\3\0\0\0\0\0\0\0\0\0\1x", 14, false, false },
	{ "nothing", "", 0, false, false },
	{ "short", "\x16\xfe\xfd", 3, false, false },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *b = (const uint8_t *)rows[i].bytes;

		if (record_is_plausible(b, rows[i].len, false) !=
				rows[i].from_client ||
			record_is_plausible(b, rows[i].len, true) !=
				rows[i].from_server)
			fail_msg("%s", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
