/*
 * What was sent to one receiver under transport-wide numbers, until its
 * feedback (twcc.h) says what became of it. Gives the numbers out, counts what
 * is in flight, measures the round trip.
 */
#ifndef HEARTH_RTP_SENT_H
#define HEARTH_RTP_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/twcc.h"

enum {
	SENT_USUAL = 1024, /* packets of 16 bytes: 10 Mbit/s for a second */
	SENT_MAX = 16384,
};

enum sent_kind { SENT_AUDIO, SENT_VIDEO, SENT_RTX, SENT_PADDING };

enum sent_state {
	SENT_NONE,
	SENT_FLYING,
	SENT_ARRIVED,
	SENT_LOST,
	SENT_UNTOLD, /* a later one was told of, this one not */
};

struct sent_packet {
	uint64_t sent_us;
	uint16_t seq, bytes;
	uint8_t kind, state, cluster;
};

struct sent {
	struct sent_packet *ring;
	unsigned mask;
	uint64_t next;      /* unwrapped number of the next packet */
	uint64_t oldest;    /* none below it is flying */
	uint64_t top;       /* highest that a feedback told of, plus one */
	uint64_t in_flight; /* bytes */
	uint64_t ref;       /* unwrapped reference time of the last feedback */
	bool has_ref;
	uint64_t last_feedback_us, last_sent_us;
	/* Smoothed, and the least of the last 10 to 20 s; 0: unknown. It holds
	 * the wait at the receiver for its next feedback. */
	uint64_t rtt_us, min_rtt_us;
	uint64_t rtt_window_us, rtt_window_min;
};

/* n packets are remembered, rounded up to a power of two. -ENOMEM; -EINVAL
 * above SENT_MAX. sent_done frees; it may be called on a zeroed one. */
int sent_init(struct sent *s, unsigned n);
void sent_done(struct sent *s);

/* A packet of bytes (as on the wire, IP and UDP included) leaves now. Returns
 * the number to write into it. cluster: of a probe, or 0. */
uint16_t sent_add(struct sent *s, uint64_t now_us, size_t bytes,
	enum sent_kind kind, uint8_t cluster);

/* What was said to leave at now_us, by the last calls of sent_add, left by_us
 * later. Nothing of it has been told of yet. */
void sent_late(struct sent *s, uint64_t now_us, uint64_t by_us);

/* One feedback, walked. */
struct sent_walk {
	struct twcc_walk twcc;
	struct sent *sent;
	uint64_t base, base_us;
	/* Sent before what this one tells of, and told of by none: a feedback
	 * was lost. */
	uint64_t untold_bytes;
};

struct sent_fate {
	struct sent_packet packet; /* as it was sent */
	uint64_t number;
	bool arrived;
	bool revived;        /* an earlier feedback had called it lost */
	bool untold;         /* was counted in untold_bytes */
	uint64_t arrival_us; /* by the receiver's clock; only with arrived */
};

/* body of an RTCP_TWCC item. -EBADMSG: it lies (twcc_walk_init) or speaks of
 * packets that were not sent yet. Takes the round trip. */
int sent_feedback(struct sent *s, uint64_t now_us, const uint8_t *body,
	size_t len, struct sent_walk *ret);
/* The next packet whose fate is news; false at the end. Walk to the end before
 * the next sent_add. */
bool sent_next(struct sent_walk *w, struct sent_fate *ret);

/* When the oldest packet in flight left; UINT64_MAX: none is. */
uint64_t sent_oldest_us(struct sent *s);

#endif
