/*
 * The recent packets of one *track*, shared by all its subscriptions: a ring of
 * whole clear-text packets by unwrapped sequence number (Galène's packetcache is
 * the model). A retransmission reads from here and is rewritten per receiver.
 */
#ifndef HEARTH_RTP_HISTORY_H
#define HEARTH_RTP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_SLOT = 1500 };

struct history; /* heap: n slots of HISTORY_SLOT bytes, one allocation */

/* n is rounded up to a power of two. NULL: out of memory. */
struct history *history_new(unsigned n);
struct history *history_free(struct history *); /* returns NULL */

/* Copies one clear packet in; longer than HISTORY_SLOT is not kept. */
void history_add(struct history *h, uint64_t seq, const uint8_t *buf,
	size_t len);

/* The packet with that number, or NULL when it has been overwritten or never
 * came. Valid until the next history_add. */
const uint8_t *history_get(const struct history *h, uint64_t seq,
	size_t *ret_len);

#endif
