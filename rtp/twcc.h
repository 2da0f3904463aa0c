/*
 * Transport-wide feedback on the wire: which packets of ours came, and when
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1). Both directions.
 */
#ifndef HEARTH_RTP_TWCC_H
#define HEARTH_RTP_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TWCC_COUNT_MAX = 8192, /* packets one feedback may speak of */
	TWCC_TICK_US = 250,    /* of a delta */
	TWCC_REF_US = 64000,   /* of the reference time, 24 bits on the wire */
	TWCC_BUILD_MAX = 1024, /* packets in one that we build */
};

/* Points into the packet. */
struct twcc_walk {
	uint16_t base;  /* sequence number of the first packet */
	uint32_t ref;   /* reference time, 24 bits, in TWCC_REF_US */
	uint8_t number; /* of the feedback, modulo 256 */
	unsigned count; /* packets it speaks of: 1 to TWCC_COUNT_MAX */
	/* Private. */
	const uint8_t *chunk, *delta;
	unsigned at, in_chunk, chunk_len;
	int32_t ticks;
};

struct twcc_status {
	uint16_t seq;
	bool received;
	/* After the reference time; may be below it. 0 if not received. */
	int32_t arrival_us;
};

/* One whole RTCP packet without its padding (body of an RTCP_TWCC item).
 * -EBADMSG: a length lies, or it speaks of none or of more than TWCC_COUNT_MAX
 * packets; nothing of it is to be believed. */
int twcc_walk_init(struct twcc_walk *w, const uint8_t *buf, size_t len);
/* The next packet, in order of numbers; false at the end. */
bool twcc_next(struct twcc_walk *w, struct twcc_status *ret);

/* The reference time nearest to `last` (unwrapped, in TWCC_REF_US) with these
 * 24 bits. */
uint64_t twcc_unwrap_ref(uint64_t last, uint32_t ref);

/* What came of the packets base, base + 1, … : arrival_us of any clock, 0: it
 * did not. Writes one RTCP packet of at most cap bytes and returns its length;
 * *ret_n is how many of the n packets it speaks of: fewer if cap, the range of
 * a delta (8.19 s) or TWCC_BUILD_MAX end it. The rest goes into the next.
 * Leading packets that did not come are spoken of, trailing ones as well.
 * Returns 0 when none came or nothing fits. */
size_t twcc_build(uint8_t *ret, size_t cap, uint32_t sender, uint32_t media,
	uint8_t number, uint16_t base, const uint64_t *arrival_us, unsigned n,
	unsigned *ret_n);

#endif
