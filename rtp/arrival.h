/*
 * When the packets of one peer came, by their transport-wide numbers, and the
 * feedback about them (twcc.h). One per peer that publishes.
 */
#ifndef HEARTH_RTP_ARRIVAL_H
#define HEARTH_RTP_ARRIVAL_H

#include <stddef.h>
#include <stdint.h>

enum {
	ARRIVAL_RING = 1024,    /* packets remembered */
	ARRIVAL_MIN_US = 50000, /* between feedbacks */
	ARRIVAL_MAX_US = 250000,
	ARRIVAL_SHARE = 20, /* feedback is at most a 20th of what comes in */
};

struct arrival {
	uint64_t next;   /* unwrapped number after the highest; 0: none came */
	uint64_t from;   /* first that is to be told */
	uint64_t due_us; /* UINT64_MAX: nothing to tell */
	uint64_t told_us, bytes, interval_us;
	uint8_t number;
	uint64_t late, jumps;
	uint64_t at_us[ARRIVAL_RING]; /* 0: did not come */
};

void arrival_init(struct arrival *a);
/* A packet of len bytes (as on the wire) with that transport-wide number came,
 * at that time, which may be a little before that of the last call.
 * Numbers older than the ring are not told; a jump beyond it begins anew. */
void arrival_note(struct arrival *a, uint64_t at_us, uint16_t seq, size_t len);
/* When arrival_feedback has something to say; UINT64_MAX: nothing. Every 50 to
 * 250 ms, so that feedback is at most 5 % of what comes in. */
uint64_t arrival_deadline(const struct arrival *a);
/* Writes one RTCP packet into ret of cap bytes (RTCP_PACKET_MAX is good) and
 * returns its length, 0 when none is due. Call until 0. */
size_t arrival_feedback(struct arrival *a, uint64_t now_us, uint32_t sender,
	uint32_t media, uint8_t *ret, size_t cap);

#endif
