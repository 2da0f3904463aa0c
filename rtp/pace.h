/*
 * Pacing of what goes to one receiver: a leaky bucket that says "now" or "not
 * before". It holds no packets; pace_queue holds references to those that wait,
 * whose bytes are in the tracks' histories.
 *
 *	if (pace_queue_empty(q) && pace_may_send(p, now_us, kind))
 *		send, pace_sent(p, now_us, bytes);
 *	else
 *		pace_queue_push(q, ...);
 *	... at pace_deadline(p): as long as pace_may_send, pace_queue_next.
 *
 * Far below the rate nothing ever waits.
 */
#ifndef HEARTH_RTP_PACE_H
#define HEARTH_RTP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Falling priority. Audio never waits, but what follows waits for it. */
enum pace_kind { PACE_AUDIO, PACE_RTX, PACE_VIDEO, PACE_PADDING };

enum {
	PACE_BURST_US = 5000,    /* of the rate may leave at once, */
	PACE_BURST_PACKETS = 16, /* but not more full packets than these, */
	PACE_BURST_BYTES = 16 * 1200,
	PACE_BURST_MIN = 2400, /* and two always */
};

struct pace {
	uint64_t rate_bps;
	uint64_t debt_ns; /* the path is thought busy for so long */
	uint64_t at_us;   /* since that time */
	uint64_t last_us; /* a packet left */
	uint64_t burst_ns, ps_per_byte; /* of rate_bps */
	uint64_t stalled_us; /* gap between packets while stalled; 0: is not */
};

void pace_init(struct pace *p, uint64_t rate_bps);
/* The rate at which packets may follow each other: some 2.5 times the estimate,
 * or that of the probe being sent. At least 10 kbit/s. */
void pace_set_rate(struct pace *p, uint64_t now_us, uint64_t rate_bps);
/* The receiver is silent: one packet that is not audio per gap_us. 0: ends. */
void pace_stall(struct pace *p, uint64_t gap_us);

/* Whether a packet of that kind may leave now. Padding only into an empty
 * bucket. */
bool pace_may_send(const struct pace *p, uint64_t now_us, enum pace_kind kind);
/* It left; bytes as on the wire. */
void pace_sent(struct pace *p, uint64_t now_us, size_t bytes);
/* From when on pace_may_send is true for RTX and video. */
uint64_t pace_deadline(const struct pace *p);

enum {
	PACE_QUEUE = 512, /* references of each kind */
	PACE_WAIT_US = 500000,
};

/* A packet that waits: which subscription's, which number. 16 bytes. */
struct pace_ref {
	uint64_t seq;
	uint32_t handle;
	uint16_t bytes;
	uint16_t since_ms; /* modulo 2^16 */
};

struct pace_ring {
	struct pace_ref ref[PACE_QUEUE];
	unsigned head, n;
	size_t bytes;
};

struct pace_queue {
	struct pace_ring rtx, video;
	uint64_t stale, full;
};

enum pace_next {
	PACE_EMPTY,
	PACE_SEND, /* *ret is taken out and to be sent */
	/* Video of ret->handle waited longer than PACE_WAIT_US: all of it is
	 * taken out. The subscription needs a key frame. */
	PACE_STALE
};

void pace_queue_init(struct pace_queue *q);
/* PACE_RTX or PACE_VIDEO. False: it is full, or the kind does not wait; the
 * packet is dropped (for video: a key frame is needed). */
bool pace_queue_push(struct pace_queue *q, uint64_t now_us, enum pace_kind kind,
	uint32_t handle, uint64_t seq, size_t bytes);
/* What is to be sent first; RTX before video. RTX older than PACE_WAIT_US is
 * dropped without a word. */
enum pace_next pace_queue_next(
	struct pace_queue *q, uint64_t now_us, struct pace_ref *ret);
/* Takes all of a handle out: its subscription has ended, or switched. */
void pace_queue_forget(struct pace_queue *q, uint32_t handle);

static inline bool pace_queue_empty(const struct pace_queue *q)
{
	return q->rtx.n + q->video.n == 0;
}

static inline size_t pace_queue_bytes(const struct pace_queue *q)
{
	return q->rtx.bytes + q->video.bytes;
}

#endif
