#include "dtls/checksum.h"

#include <string.h>

enum { AT = 8, HEADER = 12 };

#if defined(__x86_64__)
#define FAST __attribute__((target("sse4.2")))

bool checksum_is_fast(void)
{
	return __builtin_cpu_supports("sse4.2");
}

FAST static uint32_t add(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, sizeof(v));
		wide = __builtin_ia32_crc32di(wide, v);
	}
	crc = (uint32_t)wide;
	for (; len; len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#else
bool checksum_is_fast(void)
{
	return false;
}

static uint32_t add(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len; len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return crc;
}
#endif

/* As if the field were zero; the lowest byte goes first. */
static void make(const uint8_t *packet, size_t len, uint8_t ret[4])
{
	static const uint8_t none[HEADER - AT];
	uint32_t crc = add(UINT32_MAX, packet, AT);

	crc = add(crc, none, sizeof(none));
	crc = ~add(crc, packet + HEADER, len - HEADER);
	for (unsigned i = 0; i < 4; i++)
		ret[i] = (uint8_t)(crc >> (8 * i));
}

void checksum_write(uint8_t *packet, size_t len)
{
	uint8_t sum[4];

	make(packet, len, sum);
	memcpy(packet + AT, sum, sizeof(sum));
}

bool checksum_holds(const uint8_t *packet, size_t len)
{
	uint8_t sum[4];

	if (len < HEADER)
		return false;
	make(packet, len, sum);
	return memcmp(packet + AT, sum, sizeof(sum)) == 0;
}
