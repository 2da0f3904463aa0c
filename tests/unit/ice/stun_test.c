#include "ice/stun.h"

#include <ctype.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ice/ice.h"
#include "tests/unit/ice/check.h"

#define PWD "VOkJxbRl1RmTxUk/WvJxBt"

/* Hex digits, blanks and comments. */
static size_t load(const char *name, uint8_t *ret, size_t size)
{
	char path[512], line[256], digits[3] = "";
	size_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path), VECTORS "/stun/%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		for (char *p = line; *p; p++) {
			if (!isxdigit((unsigned char)*p))
				continue;
			digits[0] = *p++;
			digits[1] = *p;
			assert_true(n < size);
			ret[n++] = (uint8_t)strtoul(digits, NULL, 16);
		}
	}
	fclose(file);
	return n;
}

static void test_rfc5769_request(void **state)
{
	struct ice_engine *engine = *state;
	struct ice_stun_request request;
	struct ice_stun_scan scan;
	uint8_t buf[256];
	size_t len = load("rfc5769-request.hex", buf, sizeof(buf));
	char ufrag[16];

	assert_int_equal(len, 108);
	assert_true(ice_stun_scan(buf, len, &scan));
	assert_int_equal(scan.cls, ICE_STUN_REQUEST);
	assert_int_equal(scan.method, ICE_STUN_METHOD_BINDING);
	assert_int_equal(scan.username_len, 9);
	assert_memory_equal(scan.username, "evtj:h6vY", 9);
	assert_true(scan.integrity && scan.fingerprint);
	assert_int_equal(ice_peek_ufrag(buf, len, ufrag, sizeof(ufrag)), 4);
	assert_string_equal(ufrag, "evtj");
	assert_int_equal(
		ice_stun_check(engine, buf, len, PWD, &request), ICE_STUN_OK);
	assert_true(request.controlled);
	assert_false(request.use_candidate);
	assert_int_equal(ice_stun_check(engine, buf, len, PWD "x", &request),
		ICE_STUN_BAD_INTEGRITY);
	buf[len - 1] ^= 1;
	assert_int_equal(ice_stun_check(engine, buf, len, PWD, &request),
		ICE_STUN_BAD_FINGERPRINT);
}

/* Our reply to the request of RFC 5769 names the addresses in the same bytes as
 * the RFC's own replies (those have a SOFTWARE attribute more). */
static void assert_mapped(struct ice_engine *engine, const char *ip,
	const char *vector, size_t attribute_len)
{
	struct sockaddr_storage from = check_addr(ip, 32853);
	struct ice_stun_request request;
	uint8_t buf[256], theirs[256], reply[ICE_REPLY_MAX];
	size_t len = load("rfc5769-request.hex", buf, sizeof(buf));
	struct check_reply read;

	assert_int_equal(
		ice_stun_check(engine, buf, len, PWD, &request), ICE_STUN_OK);
	len = ice_stun_reply(
		engine, (struct sockaddr *)&from, reply, sizeof(reply));
	assert_int_equal(len, 20 + attribute_len + 24 + 8);
	load(vector, theirs, sizeof(theirs));
	assert_memory_equal(reply, theirs, 2);
	assert_memory_equal(reply + 4, theirs + 4, 16);
	assert_memory_equal(reply + 20, theirs + 36, attribute_len);
	read = check_read(reply, len, PWD);
	assert_true(read.authentic);
	assert_int_equal(ice_stun_reply(engine, (struct sockaddr *)&from, reply,
				 len - 1),
		0);
}

static void test_rfc5769_replies(void **state)
{
	assert_mapped(*state, "192.0.2.1", "rfc5769-response-ipv4.hex", 12);
	assert_mapped(*state, "2001:db8:1234:5678:11:2233:4455:6677",
		"rfc5769-response-ipv6.hex", 24);
}

/* The RFC's responses are sound, and we never asked. */
static void test_responses_are_unmatched(void **state)
{
	static const char *const names[] = { "rfc5769-response-ipv4.hex",
		"rfc5769-response-ipv6.hex" };
	struct ice_engine *engine = *state;
	struct ice_stun_request request;
	struct ice_stun_scan scan;
	uint8_t buf[256];

	for (unsigned i = 0; i < 2; i++) {
		size_t len = load(names[i], buf, sizeof(buf));

		assert_true(check_read(buf, len, PWD).authentic);
		assert_true(ice_stun_scan(buf, len, &scan));
		assert_int_equal(scan.cls, ICE_STUN_RESPONSE);
		assert_int_equal(
			ice_stun_check(engine, buf, len, PWD, &request),
			ICE_STUN_UNMATCHED);
	}
}

static void test_scan_shapes(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[36];
		size_t len;
		bool ok;
	} table[] = {
		{ "empty binding request", { 0, 1, 0, 0 }, 20, true },
		{ "19 bytes", { 0, 1, 0, 0 }, 19, false },
		{ "length lies high", { 0, 1, 0, 4 }, 20, false },
		{ "length lies low", { 0, 1, 0, 0 }, 24, false },
		{ "top bits set", { 0x80, 1, 0, 0 }, 20, false },
		{ "attribute fits",
			{ 0, 1, 0, 8, [20] = 0x80, 0x22, 0, 3, 'a', 'b', 'c' },
			28, true },
		{ "attribute one too long",
			{ 0, 1, 0, 8, [20] = 0x80, 0x22, 0, 5 }, 28, false },
		{ "attribute of 65535 bytes",
			{ 0, 1, 0, 8, [20] = 0x80, 0x22, 0xff, 0xff }, 28,
			false },
		{ "integrity of 19 bytes", { 0, 1, 0, 8, [20] = 0, 8, 0, 3 },
			28, false },
		{ "fingerprint of 3 bytes",
			{ 0, 1, 0, 8, [20] = 0x80, 0x28, 0, 3 }, 28, false },
		{ "something after the fingerprint",
			{ 0, 1, 0, 12, [20] = 0x80, 0x28, 0, 4, [28] = 0x80,
				0x22, 0, 0 },
			32, false },
		{ "not a multiple of four",
			{ 0, 1, 0, 6, [20] = 0x80, 0x22, 0, 2 }, 26, false },
	};
	struct ice_stun_scan scan;

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t buf[36];

		memcpy(buf, table[i].bytes, sizeof(buf));
		memcpy(buf + 4, "\x21\x12\xa4\x42", 4);
		if (ice_stun_scan(buf, table[i].len, &scan) != table[i].ok)
			fail_msg("%s", table[i].what);
		buf[4] ^= 1;
		assert_false(ice_stun_scan(buf, table[i].len, &scan));
	}
}

/* RFC 8489 14.5: what stands behind MESSAGE-INTEGRITY is not covered by it. */
static void test_nothing_behind_integrity(void **state)
{
	static const uint8_t username[] = { 0, 6, 0, 4, 'a', ':', 'b', 'c' };
	uint8_t buf[20 + 24 + 8] = { 0, 1, 0, 32, 0x21, 0x12, 0xa4, 0x42 };
	struct ice_stun_scan scan;

	(void)state;
	buf[21] = 8;
	buf[23] = 20;
	memcpy(buf + 44, username, sizeof(username));
	assert_true(ice_stun_scan(buf, sizeof(buf), &scan));
	assert_true(scan.integrity);
	assert_null(scan.username);
}

static int setup(void **state)
{
	*state = ice_engine_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	*state = ice_engine_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5769_request),
		cmocka_unit_test(test_rfc5769_replies),
		cmocka_unit_test(test_responses_are_unmatched),
		cmocka_unit_test(test_scan_shapes),
		cmocka_unit_test(test_nothing_behind_integrity),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
