/* 11: candidates are filtered, capped by their caller, never dialled. */
#include "ice/candidate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UDP(address, port) "candidate:1 1 udp 2113937151 " address " " port

static const struct {
	const char *line;
	enum candidate_got got;
} table[] = {
	/* What browsers send */
	{ "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host "
	  "generation 0 ufrag oKaQ network-id 1",
		CANDIDATE_OK },
	{ "a=candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx "
	  "raddr 10.0.0.17 rport 46154",
		CANDIDATE_OK },
	{ "candidate:0 1 UDP 2122187007 2001:db8::7 51301 typ host",
		CANDIDATE_OK },
	{ "4 2 UDP 8331263 198.51.100.4 60002 typ relay raddr 0.0.0.0 rport 0",
		CANDIDATE_OK },
	{ UDP("127.0.0.1", "9000") " typ host", CANDIDATE_OK },
	{ UDP("::1", "9000") " typ host", CANDIDATE_OK },
	{ UDP("fe80::1", "9000") " typ host", CANDIDATE_OK },
	{ UDP("169.254.1.1", "9000") " typ host\r\n", CANDIDATE_OK },
	{ UDP("8cd0f7e6-6a5b-4f3e-9b1c-0123456789ab.local", "9000") " typ host",
		CANDIDATE_MDNS },
	{ UDP("x.LOCAL", "9000") " typ host", CANDIDATE_MDNS },
	{ "candidate:5 1 TCP 1518280447 192.168.0.196 9 typ host tcptype "
	  "active",
		CANDIDATE_TCP },
	{ "candidate:5 1 ssltcp 1518280447 192.168.0.196 443 typ host",
		CANDIDATE_TCP },
	{ "", CANDIDATE_END },
	{ "  ", CANDIDATE_END },
	{ "candidate:", CANDIDATE_END },
	{ "a=end-of-candidates", CANDIDATE_END },
	{ "end-of-candidates", CANDIDATE_END },
	/* What nobody can mean well */
	{ UDP("0.0.0.0", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("0.1.2.3", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("::", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("224.0.0.1", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("255.255.255.255", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("ff02::1", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("::ffff:127.0.0.1", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("::192.0.2.1", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("192.0.2.1", "0") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("x.local", "0") " typ host", CANDIDATE_FORBIDDEN },
	{ "candidate:1 1 udp 0 192.0.2.1 9000 typ host", CANDIDATE_FORBIDDEN },
	{ UDP("host.example.org", "9000") " typ host", CANDIDATE_FORBIDDEN },
	{ UDP("local", "9000") " typ host", CANDIDATE_FORBIDDEN },
	/* What is no candidate */
	{ "candidate", CANDIDATE_MALFORMED },
	{ "candidate:1 1 udp 1 192.0.2.1", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "9000"), CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "9000") " typ", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "9000") " typ guest", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "9000") " tip host", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "65536") " typ host", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "-1") " typ host", CANDIDATE_MALFORMED },
	{ UDP("192.0.2.1", "9e3") " typ host", CANDIDATE_MALFORMED },
	{ UDP("fe80::1%eth0", "9000") " typ host", CANDIDATE_MALFORMED },
	{ UDP("<script>", "9000") " typ host", CANDIDATE_MALFORMED },
	{ "candidate:1 0 udp 1 192.0.2.1 9000 typ host", CANDIDATE_MALFORMED },
	{ "candidate:1 3 udp 1 192.0.2.1 9000 typ host", CANDIDATE_MALFORMED },
	{ "candidate:1 1 udp 4294967296 192.0.2.1 9000 typ host",
		CANDIDATE_MALFORMED },
	{ "candidate:1 1 udp 99999999999999999999999 192.0.2.1 9 typ host",
		CANDIDATE_MALFORMED },
	{ "candidate:a!b 1 udp 1 192.0.2.1 9000 typ host",
		CANDIDATE_MALFORMED },
	{ "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 9 "
	  "typ host",
		CANDIDATE_MALFORMED },
};

static void test_table(void **state)
{
	struct candidate untouched, candidate;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum candidate_got got;

		candidate = untouched;
		got = candidate_parse(table[i].line, &candidate);
		if (got != table[i].got)
			fail_msg("%d, not %d: %s", got, table[i].got,
				table[i].line);
		if (got != CANDIDATE_OK)
			assert_memory_equal(
				&candidate, &untouched, sizeof(candidate));
	}
}

static void test_fields(void **state)
{
	struct sockaddr_in *in;
	struct candidate c;

	(void)state;
	assert_int_equal(
		candidate_parse(
			"a=candidate:842163049 2 udp 1677729535 203.0.113.9 "
			"46154 typ srflx raddr 10.0.0.17 rport 46154",
			&c),
		CANDIDATE_OK);
	in = (struct sockaddr_in *)&c.addr;
	assert_string_equal(c.foundation, "842163049");
	assert_int_equal(c.component, 2);
	assert_int_equal(c.priority, 1677729535);
	assert_int_equal(c.type, CANDIDATE_SRFLX);
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohs(in->sin_port), 46154);
	assert_int_equal(ntohl(in->sin_addr.s_addr), 0xcb007109);
}

static void test_longest_line(void **state)
{
	char line[CANDIDATE_LINE_MAX + 1];
	struct candidate c;
	size_t len;

	(void)state;
	len = (size_t)snprintf(line, sizeof(line), "%s",
		UDP("192.0.2.1", "9000") " typ host ");
	memset(line + len, 'x', sizeof(line) - len);
	line[CANDIDATE_LINE_MAX - 1] = '\0';
	assert_int_equal(candidate_parse(line, &c), CANDIDATE_OK);
	line[CANDIDATE_LINE_MAX - 1] = 'x';
	line[CANDIDATE_LINE_MAX] = '\0';
	assert_int_equal(candidate_parse(line, &c), CANDIDATE_MALFORMED);
}

static void test_print(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(7882),
		.sin_addr = { htonl(0xcb007109) } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(7882) };
	char line[CANDIDATE_LINE_MAX], small[10];
	struct candidate first, second;
	int len;

	(void)state;
	len = candidate_print((struct sockaddr *)&in, 0, line, sizeof(line));
	/* RFC 8445 5.1.2.1: 126 << 24 | 65535 << 8 | 255 */
	assert_string_equal(
		line, "candidate:1 1 udp 2130706431 203.0.113.9 7882 typ host");
	assert_int_equal(len, strlen(line));
	assert_int_equal(candidate_parse(line, &first), CANDIDATE_OK);
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	candidate_print((struct sockaddr *)&in6, 1, line, sizeof(line));
	assert_string_equal(
		line, "candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host");
	assert_int_equal(candidate_parse(line, &second), CANDIDATE_OK);
	assert_true(first.priority > second.priority);
	assert_int_equal(candidate_print((struct sockaddr *)&in, 0, small,
				 sizeof(small)),
		-ENOSPC);
	in.sin_port = 0;
	assert_int_equal(
		candidate_print((struct sockaddr *)&in, 0, line, sizeof(line)),
		-EINVAL);
	in.sin_port = 1;
	in.sin_addr.s_addr = 0;
	assert_int_equal(
		candidate_print((struct sockaddr *)&in, 0, line, sizeof(line)),
		-EINVAL);
	in.sin_family = AF_UNIX;
	assert_int_equal(
		candidate_print((struct sockaddr *)&in, 0, line, sizeof(line)),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
