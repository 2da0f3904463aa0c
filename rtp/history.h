/*
 * The recent packets of one *track*, shared by all its subscriptions: a ring of
 * whole clear-text packets by unwrapped sequence number (Galène's packetcache
 * is the model). A retransmission reads from here and is rewritten per
 * receiver.
 */
#ifndef HEARTH_RTP_HISTORY_H
#define HEARTH_RTP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTORY_SLOT = 1500, /* bytes */
	HISTORY_MAX = 65536  /* slots */
};

struct history; /* heap: n slots of HISTORY_SLOT bytes, one allocation */

/* n is rounded up to a power of two. NULL: out of memory, or n is above
 * HISTORY_MAX. The caller frees it with history_free. */
struct history *history_new(unsigned n);
/* NULL is fine; returns NULL. */
struct history *history_free(struct history *h);

/* Copies one clear packet in. One of no bytes or of more than HISTORY_SLOT is
 * not kept, nor is one that comes later than the ring is long. */
void history_add(
	struct history *h, uint64_t seq, const uint8_t *buf, size_t len);

/* The packet with that number, or NULL when it has been overwritten or never
 * came (*ret_len is then untouched). Valid until the next history_add. */
const uint8_t *history_get(
	const struct history *h, uint64_t seq, size_t *ret_len);

#endif
