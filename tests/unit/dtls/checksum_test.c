#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <usrsctp.h>

#include "dtls/checksum.h"

/* RFC 3720 B.4 has vectors of CRC32c; here over packets whose field is zero as
 * it is while the sum is made. */
static void of_known_packets(void **state)
{
	uint8_t zeroes[32] = { 0 }, ones[32];

	(void)state;
	checksum_write(zeroes, sizeof(zeroes));
	assert_memory_equal(zeroes + 8, "\xaa\x36\x91\x8a", 4);
	assert_true(checksum_holds(zeroes, sizeof(zeroes)));
	zeroes[31] = 1;
	assert_false(checksum_holds(zeroes, sizeof(zeroes)));
	memset(ones, 0xff, sizeof(ones));
	checksum_write(ones, sizeof(ones));
	assert_true(checksum_holds(ones, sizeof(ones)));
	ones[9] ^= 1;
	assert_false(checksum_holds(ones, sizeof(ones)));
}

static void as_usrsctp_makes_it(void **state)
{
	uint8_t packet[1300];
	uint32_t want;

	(void)state;
	for (size_t len = 12; len <= sizeof(packet); len++) {
		for (size_t i = 0; i < len; i++)
			packet[i] = (uint8_t)(i * 7 + len);
		memset(packet + 8, 0, 4);
		want = usrsctp_crc32c(packet, len);
		checksum_write(packet, len);
		assert_memory_equal(packet + 8, &want, 4);
	}
}

static void of_short_packets(void **state)
{
	uint8_t packet[12] = { 0 };

	(void)state;
	for (size_t len = 0; len < 12; len++)
		assert_false(checksum_holds(packet, len));
	checksum_write(packet, 12);
	assert_true(checksum_holds(packet, 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_known_packets),
		cmocka_unit_test(as_usrsctp_makes_it),
		cmocka_unit_test(of_short_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
