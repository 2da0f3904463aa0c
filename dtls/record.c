#include "dtls/record.h"

enum {
	MESSAGE_HEADER = 12,
	CHANGE_CIPHER_SPEC = 20,
	ALERT = 21,
	HANDSHAKE = 22,
	MESSAGE_MAX = 65536 /* a chain of certificates, generously */
};

/* Types of plaintext handshake messages, one bit each (RFC 5246 section 7.4,
 * RFC 6347 section 4.3.2; 4 is a session ticket, 22 a certificate's status). */
enum {
	SERVER_SAYS = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 11 | 1 << 12 |
		      1 << 13 | 1 << 14 | 1 << 22,
	CLIENT_SAYS = 1 << 1 | 1 << 11 | 1 << 15 | 1 << 16
};

static uint32_t get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static bool is_handshake(const uint8_t *at, size_t len, bool from_server)
{
	uint32_t says = from_server ? SERVER_SAYS : CLIENT_SAYS;

	while (len > 0) {
		uint32_t total, from, n;

		if (len < MESSAGE_HEADER || at[0] > 22 || !(says >> at[0] & 1))
			return false;
		total = get24(at + 1);
		from = get24(at + 6);
		n = get24(at + 9);
		if (total > MESSAGE_MAX || from > total || n > total - from ||
			n > len - MESSAGE_HEADER)
			return false;
		at += MESSAGE_HEADER + n;
		len -= MESSAGE_HEADER + n;
	}
	return true;
}

static bool is_content(
	uint8_t type, const uint8_t *at, size_t len, bool from_server)
{
	switch (type) {
	case CHANGE_CIPHER_SPEC:
		return len == 1 && at[0] == 1;
	case ALERT:
		return len == 2 && (at[0] == 1 || at[0] == 2);
	case HANDSHAKE:
		return len > 0 && is_handshake(at, len, from_server);
	default:
		return false; /* data is never plain */
	}
}

bool record_is_plausible(const uint8_t *buf, size_t len, bool from_server)
{
	if (len == 0)
		return false;
	while (len > 0) {
		size_t n;

		if (len < RECORD_HEADER || buf[0] < 20 || buf[0] > 23 ||
			buf[1] != 0xfe)
			return false;
		n = (size_t)buf[11] << 8 | buf[12];
		if (n > len - RECORD_HEADER)
			return false;
		if (buf[3] == 0 && buf[4] == 0 &&
			!is_content(
				buf[0], buf + RECORD_HEADER, n, from_server))
			return false;
		buf += RECORD_HEADER + n;
		len -= RECORD_HEADER + n;
	}
	return true;
}
