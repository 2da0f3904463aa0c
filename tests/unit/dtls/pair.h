/*
 * Two DTLS sessions, client (0) and server (1), over a struct net.
 */
#ifndef HEARTH_TESTS_DTLS_PAIR_H
#define HEARTH_TESTS_DTLS_PAIR_H

#include <stdbool.h>
#include "dtls/dtls.h"
#include "net.h"

enum { PAIR_NOW_S = 1795500000 };

struct pair_end {
	struct dtls_out out; /* first */
	struct pair *all;
	unsigned to;
	struct cert *cert;
	struct dtls *dtls;
	uint8_t read[2048]; /* the last record */
	size_t read_len;
	unsigned records;
};

struct pair {
	struct net net;
	struct pair_end end[2];
	/* called with every datagram before it is sent; false: lost */
	bool (*filter)(
		struct pair *p, unsigned from, const uint8_t *buf, size_t len);
	unsigned filtered; /* for the filter's own use */
	uint8_t kept[2048];
	size_t kept_len;
};

void pair_init(struct pair *p, uint64_t seed);
void pair_start(struct pair *p);
void pair_done(struct pair *p);
/* Lets virtual time pass. */
void pair_run(struct pair *p, uint64_t for_us);
/* Starts both and runs until both are CONNECTED: the microseconds it took, or
 * UINT64_MAX when one failed. */
uint64_t pair_connect(struct pair *p);
/* One datagram into an end, as if from the wire. */
void pair_input(struct pair *p, unsigned to, const uint8_t *buf, size_t len);

#endif
