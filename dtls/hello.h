/*
 * Joins a ClientHello that comes in fragments (mbedTLS 2.28 refuses those, both
 * browsers send them: Mbed-TLS #7549). DTLS 1.2 hashes the transcript as if it
 * had not been fragmented (RFC 6347 4.2.6), so handing mbedTLS one record with
 * the whole message is legal. Pure: bytes in, bytes out, bounded.
 */
#ifndef HEARTH_DTLS_HELLO_H
#define HEARTH_DTLS_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum { HELLO_MAX = 8192, HELLO_RANGES_MAX = 16, HELLO_WAIT_US = 10000000 };

enum hello_got {
	HELLO_PASS,  /* not a fragment of a ClientHello: hand it on as it is */
	HELLO_MORE,  /* kept; nothing to hand on yet */
	HELLO_WHOLE, /* *ret, *ret_len is one datagram with the whole message */
	HELLO_DROP   /* lies about its lengths, too long, too late */
};

struct hello {
	uint64_t since_us;
	uint16_t message_seq;
	uint32_t total; /* 0: nothing kept */
	struct {
		uint32_t from, to;
	} range[HELLO_RANGES_MAX];
	unsigned n_ranges;
	uint8_t record[13 + 12 +
		       HELLO_MAX]; /* record + message header + body */
};

void hello_init(struct hello *h);

/* One datagram of a server's epoch 0, before mbedTLS sees it; several records
 * may stand in it. *ret points into h until the next call. */
enum hello_got hello_input(struct hello *h, uint64_t now_us, const uint8_t *buf,
	size_t len, const uint8_t **ret, size_t *ret_len);

#endif
