/*
 * What a receive batch brought for the tracks of one conference, on its way to
 * their subscriptions. Gathered packet by packet, forwarded receiver by
 * receiver: each receiver's state is touched once for all packets of a track,
 * and what goes to it stands together in the outbox, to be sent as one.
 *
 * Packets are views: their buffers belong to the receive batch and must stay as
 * they are until fanout_run and outbox_settle. Whoever changes who gets what,
 * or frees a track, runs it first.
 */
#ifndef HEARTH_SFU_FANOUT_H
#define HEARTH_SFU_FANOUT_H

#include <stdbool.h>
#include <stdint.h>
#include "sfu/outbox.h"
#include "sfu/track.h"

enum { FANOUT_PACKETS = 32 }; /* one more and the others go first */

struct fanout; /* heap, some 12 kB, one per conference */

struct fanout *fanout_new(void);              /* NULL: out of memory */
struct fanout *fanout_free(struct fanout *f); /* NULL is fine; returns NULL */

/* Takes a copy of *p, not of the bytes it points to. out: the present outbox.
 */
void fanout_add(struct fanout *f, uint64_t now_us, struct track *t,
	const struct track_packet *p, struct outbox *out);

/* Forwards what waits, track by track, and empties it. NULL is fine. */
void fanout_run(struct fanout *f, uint64_t now_us, struct outbox *out);

/* Packets that wait. NULL: none. */
unsigned fanout_count(const struct fanout *f);

#endif
