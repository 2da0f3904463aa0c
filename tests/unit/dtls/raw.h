/*
 * A DTLS peer made of mbedTLS alone, that may do what struct dtls never does.
 * It takes the place of one end of a struct pair.
 */
#ifndef HEARTH_TESTS_DTLS_RAW_H
#define HEARTH_TESTS_DTLS_RAW_H

#include <mbedtls/ssl.h>
#include "pair.h"

struct raw {
	struct pair *pair;
	unsigned self;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	const uint8_t *rx;
	size_t rx_len;
	int result; /* of the last call of mbedTLS */
};

enum raw_fault {
	RAW_NONE,
	RAW_NO_SRTP,
	RAW_OTHER_SRTP,
	RAW_NO_CERT,
	RAW_RENEGOTIATES
};

/* Replaces p->end[self].dtls. */
void raw_init(
	struct raw *r, struct pair *p, unsigned self, enum raw_fault fault);
void raw_done(struct raw *r);
/* Shakes hands, waiting in steps of 10 ms for at most 2 s. */
void raw_connect(struct raw *r);
void raw_write(struct raw *r, const char *text);

#endif
