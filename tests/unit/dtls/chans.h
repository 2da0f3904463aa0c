/*
 * Two struct channels against each other over a struct net, without DTLS in
 * between: what the tests of assoc and channel share with each other.
 */
#ifndef HEARTH_TESTS_DTLS_CHANS_H
#define HEARTH_TESTS_DTLS_CHANS_H

#include <stdbool.h>
#include "dtls/channel.h"
#include "net.h"

struct chans_end {
	struct assoc_out out; /* first */
	struct chans *all;
	unsigned to; /* the other */
	struct channels *c;
	unsigned opened, closed, down, messages;
	struct channel *last; /* of the last event */
	bool is_binary;       /* of the last message */
	uint8_t first[8];     /* of the last message */
	size_t len;           /* of the last message */
	uint64_t bytes, hash; /* of all messages */
};

struct chans {
	struct net net;
	struct chans_end end[2]; /* 0: DTLS client, opens even ids */
	/* called with every packet before it is sent; false: lost */
	bool (*filter)(
		struct chans *p, unsigned from, const uint8_t *buf, size_t len);
};

void chans_init(struct chans *p, uint64_t seed, size_t queue_max);
void chans_done(struct chans *p);
/* Takes all events of both ends. */
void chans_drain(struct chans *p);
/* Lets time pass. */
void chans_run(struct chans *p, uint64_t for_us);
/* Until both associations are up; false after 10 s. */
bool chans_connect(struct chans *p);

/* FNV-1a over bytes, begun with hash; what struct chans_end keeps. */
uint64_t chans_hash(uint64_t hash, const uint8_t *buf, size_t len);
#define CHANS_HASH 14695981039346656037ull

#endif
