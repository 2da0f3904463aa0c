#include "dtls/chunk.h"

enum chunk_type {
	INIT = 1,
	INIT_ACK = 2,
	HEARTBEAT = 4,
	HEARTBEAT_ACK = 5,
	ABORT = 6,
	ERROR = 9,
	AUTH = 15,
	ASCONF_ACK = 128,
	PKTDROP = 129,
	RE_CONFIG = 130,
	ASCONF = 193
};

enum { CHUNK_HEADER = 4, INIT_FIXED = 16, IPV4 = 5, IPV6 = 6 };

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static bool is_parameter(const uint8_t *at, size_t len)
{
	if (len < 4)
		return false;
	switch (get16(at)) {
	case IPV4:
		return len == 8;
	case IPV6:
		return len == 20;
	default:
		return true;
	}
}

/* Type, length, value, padded to four; the last one's padding may lack. */
static bool are_parameters(const uint8_t *at, size_t len)
{
	while (len > 0) {
		size_t n;

		if (len < 4)
			return false;
		n = get16(at + 2);
		if (n > len || !is_parameter(at, n))
			return false;
		n = (n + 3) & ~(size_t)3;
		if (n >= len)
			break;
		at += n;
		len -= n;
	}
	return true;
}

static bool is_body(uint8_t type, const uint8_t *at, size_t len)
{
	switch (type) {
	case INIT:
	case INIT_ACK:
		return len >= INIT_FIXED &&
		       are_parameters(at + INIT_FIXED, len - INIT_FIXED);
	case HEARTBEAT:
	case HEARTBEAT_ACK:
	case RE_CONFIG:
		return len > 0 && are_parameters(at, len);
	case AUTH:
	case ASCONF:
	case ASCONF_ACK:
	case PKTDROP:
		return false;
	default:
		return true;
	}
}

/* Causes of errors are laid out like parameters, but have types of their own.
 */
static bool are_causes(const uint8_t *at, size_t len)
{
	while (len >= 4) {
		size_t n = get16(at + 2);

		if (n < 4 || n > len)
			return false;
		n = (n + 3) & ~(size_t)3;
		if (n >= len)
			return true;
		at += n;
		len -= n;
	}
	return len == 0;
}

bool chunk_is_sound_packet(const uint8_t *buf, size_t len)
{
	const uint8_t *at = buf + CHUNK_COMMON_HEADER;

	if (len < CHUNK_COMMON_HEADER + CHUNK_HEADER)
		return false;
	len -= CHUNK_COMMON_HEADER;
	while (len > 0) {
		size_t n;

		if (len < CHUNK_HEADER)
			return false;
		n = get16(at + 2);
		if (n < CHUNK_HEADER || n > len)
			return false;
		if (at[0] == ABORT || at[0] == ERROR) {
			if (!are_causes(at + CHUNK_HEADER, n - CHUNK_HEADER))
				return false;
		} else if (!is_body(at[0], at + CHUNK_HEADER,
				   n - CHUNK_HEADER)) {
			return false;
		}
		n = (n + 3) & ~(size_t)3;
		if (n >= len)
			return true;
		at += n;
		len -= n;
	}
	return true;
}
