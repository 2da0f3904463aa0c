/*
 * What goes to one receiver: how much its path carries (rtp/estimate.h), how
 * fast packets may follow each other and which of them wait (rtp/pace.h), and
 * what was sent again a moment ago. It holds no packets and sends none: the
 * participant's files do (participant_downlink.c, subscription.c).
 *
 * Heap, some 36 kB; a participant has one from its first active video
 * subscription on, where its peer gives transport-wide feedback, or from its
 * first REMB on. Times are microseconds of the core's clock.
 */
#ifndef HEARTH_SFU_DOWNLINK_H
#define HEARTH_SFU_DOWNLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/estimate.h"
#include "rtp/pace.h"

enum {
	DOWNLINK_OVERHEAD = 38, /* SRTP's tag, UDP and IPv4, of each packet */
	DOWNLINK_RESENT = 256,  /* retransmissions remembered */
	DOWNLINK_TICK_US = 100000,
	DOWNLINK_PROBE_US = 5000, /* where a probe finds nothing to send */
	DOWNLINK_RTT_US = 100000, /* assumed while it is unknown */
	DOWNLINK_RTT_MIN_US = 10000,
	DOWNLINK_BURST_US = 100000, /* of the estimate, sent faster than it */
	DOWNLINK_PADDING = 16,      /* packets that padding is made of */
	/* Of the estimate, for what is sent again. */
	DOWNLINK_RESEND_PERCENT = 50,
	DOWNLINK_RESEND_MIN_BPS = 64000,
	DOWNLINK_RESEND_BURST_US = 250000,
	DOWNLINK_REPEAT_PERCENT = 75,
	DOWNLINK_BACK_US = 300000,
	DOWNLINK_ROOM_PERCENT = 110,
	/* Of what is wanted and sent again: nothing beyond it is probed. */
	DOWNLINK_WANT_PERCENT = 130,
	/* Hoped for until the path has shown that it carries less. */
	DOWNLINK_HOPE_BPS = 3000000,
	/* So long after the beginning some pictures go on whatever the estimate
	 * is. */
	DOWNLINK_YOUNG_US = 4000000,
	DOWNLINK_YOUNG_BPS = 1000000,
	/* Of pictures of the past (downlink_takes): what goes out in that time
	 * waits well below PACE_WAIT_US, with the live packets behind it; */
	DOWNLINK_PAST_US = 300000,
	/* and what is more than a new key frame would be is on its way before
	 * that one could have come. */
	DOWNLINK_EXTRA_US = 250000,
};

/* A retransmission: of which stream and number, and when. */
struct downlink_resent {
	uint32_t ssrc;
	uint32_t at_ms;
	uint64_t seq;
};

struct downlink {
	struct estimate estimate;
	struct pace pace;
	struct pace_queue queue;
	uint64_t next_us; /* the next tick */
	/* Sent since the last tick, and what was sent beyond the estimate of
	 * late: a burst of some size may be faster than that, no stream is. */
	uint64_t sent_bytes, excess_bytes, excess_us;
	unsigned padded; /* packets of padding */
	uint64_t want_bps, wanted_us;
	/* Sent again: since the last measurement, and how much that was. */
	uint64_t again_bytes, again_us, again_bps;
	uint64_t spent_bps; /* downlink_bps when it was last spent */
	uint64_t budget_bytes, budget_us; /* for retransmissions */
	struct downlink_resent resent[DOWNLINK_RESENT];
};

/* twcc: the peer gives transport-wide feedback. NULL: out of memory. */
struct downlink *downlink_new(uint64_t now_us, bool twcc);
struct downlink *downlink_free(struct downlink *d); /* NULL is fine; NULL */

/* The transport-wide number of the packet that downlink_sent tells of next. */
static inline uint16_t downlink_number(const struct downlink *d)
{
	return (uint16_t)d->estimate.sent.next;
}
/* A packet of len bytes (RTP, without its tag) leaves now, under
 * downlink_number if the peer gives feedback on them. */
void downlink_sent(
	struct downlink *d, uint64_t now_us, size_t len, enum sent_kind kind);
/* See estimate_late. */
void downlink_late(struct downlink *d, uint64_t now_us, uint64_t by_us);
/* What all that its receiver wants would take, whether it is sent or not. A
 * peak is held for a while: pictures that change ask for more again. */
void downlink_want(struct downlink *d, uint64_t now_us, uint64_t bps);

/* What may be spent on streams: what the path carries (while it is silent: what
 * it did before) but for what is sent again, with all headers. UINT64_MAX:
 * nothing is known. */
uint64_t downlink_bps(const struct downlink *d, uint64_t now_us);
/* While a queue drains: what the path carries, by what arrived when that began;
 * for DOWNLINK_YOUNG_US at least DOWNLINK_YOUNG_BPS. 0: neither. */
uint64_t downlink_hold_bps(const struct downlink *d, uint64_t now_us);
/* Share of packets, 0 to 1: that are lost of late, and that the path loses
 * whatever is sent. 0: not known, without transport-wide feedback. */
double downlink_loss(const struct downlink *d);
double downlink_inherent_loss(const struct downlink *d);
/* The path has shown its end; before it carries more than is known of it. */
bool downlink_was_full(const struct downlink *d);
/* Takes downlink_bps as spent. */
uint64_t downlink_spend(struct downlink *d, uint64_t now_us);
/* It is so much more or less by now that it ought to be spent anew. */
bool downlink_moved(const struct downlink *d, uint64_t now_us);

/* Whether that many bytes of pictures of the past may go out at once, of which
 * extra are beyond what a new key frame would take: behind all that waits they
 * take DOWNLINK_PAST_US as packets are paced, and extra takes DOWNLINK_EXTRA_US
 * of what the path carries (DOWNLINK_YOUNG_BPS at least, before it was full).
 */
bool downlink_takes(
	const struct downlink *d, uint64_t now_us, size_t bytes, size_t extra);

/* What the receiver says: body of an RTCP_TWCC item (-EBADMSG: it lies), a
 * REMB, and the sum of a report's blocks, see estimate_report. */
int downlink_feedback(
	struct downlink *d, uint64_t now_us, const uint8_t *body, size_t len);
void downlink_remb(struct downlink *d, uint64_t now_us, uint64_t bps);
void downlink_report(struct downlink *d, uint64_t now_us, unsigned n,
	uint8_t fraction_lost, uint64_t rtt_us);

/* Whether number seq of that stream, of len bytes, may be sent again now: not
 * within DOWNLINK_REPEAT_PERCENT of a round trip (the receiver's own measure of
 * it may be shorter), and within a share of the estimate (max_bps at most).
 * Takes it if so. */
bool downlink_may_resend(struct downlink *d, uint64_t now_us, uint32_t ssrc,
	uint64_t seq, size_t len, uint64_t max_bps);

/* Whether len bytes may go out a second time unasked: within the same share.
 * Takes it if so. */
bool downlink_may_repeat(
	struct downlink *d, uint64_t now_us, size_t len, uint64_t max_bps);
/* All that is wanted goes through with all that is sent again, and some more.
 */
bool downlink_has_room(const struct downlink *d, uint64_t now_us);

/* Something is known of the path, and packets are held back for it. Without
 * transport-wide feedback nothing is before the first REMB. */
static inline bool downlink_paces(const struct downlink *d)
{
	return d->estimate.twcc || d->estimate.remb_bps;
}

/* Whether a packet of video may leave now. Not while others wait: they are
 * before it. */
static inline bool downlink_may_pass(const struct downlink *d, uint64_t now_us)
{
	return !downlink_paces(d) ||
	       (pace_queue_empty(&d->queue) &&
		       pace_may_send(&d->pace, now_us, PACE_VIDEO));
}
/* All that is wanted would go through, as far as is known. */
static inline bool downlink_fits(const struct downlink *d, uint64_t now_us)
{
	return d->want_bps && !d->estimate.stalled &&
	       pace_queue_empty(&d->queue) &&
	       d->want_bps < estimate_bps(&d->estimate, now_us);
}
/* It loses next to nothing either. */
static inline bool downlink_is_good(const struct downlink *d, uint64_t now_us)
{
	return downlink_fits(d, now_us) && d->estimate.loss.last < 0.02;
}
/* A silence has just ended: what waits is of before. */
static inline bool downlink_is_back(const struct downlink *d, uint64_t now_us)
{
	return d->estimate.resumed_us &&
	       now_us - d->estimate.resumed_us < DOWNLINK_BACK_US;
}
/* Nothing of that stream is to be sent any more of what waits. */
static inline void downlink_forget(struct downlink *d, uint32_t ssrc)
{
	if (!pace_queue_empty(&d->queue))
		pace_queue_forget(&d->queue, ssrc);
}

/* At downlink_deadline or any time: the rate is taken anew, then what waits and
 * what probes want may be sent, then downlink_rest says when it is due again.
 */
void downlink_tick(struct downlink *d, uint64_t now_us);
void downlink_rest(struct downlink *d, uint64_t now_us);
uint64_t downlink_deadline(const struct downlink *d);

/* Smoothed round trip, DOWNLINK_RTT_US where it is unknown. */
uint64_t downlink_rtt_us(const struct downlink *d);

#endif
