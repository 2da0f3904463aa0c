/*
 * How much one receiver's path carries: the send-side estimate, out of
 * transport-wide feedback, or out of REMB and receiver reports where there is
 * none. Composes sent (the log), estimate_delay, estimate_rate, estimate_loss,
 * probe and estimate_control.
 *
 * It begins with two probes. What left before the first feedback begins to tell
 * has not been heard (a browser still applied its answer): they come again.
 *
 * For each packet that leaves: estimate_sent. What comes back:
 * estimate_feedback and others. In between: estimate_tick at estimate_deadline,
 * and padding when estimate_padding asks for it. The answer is estimate_bps.
 */
#ifndef HEARTH_RTP_ESTIMATE_H
#define HEARTH_RTP_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/estimate_control.h"
#include "rtp/estimate_delay.h"
#include "rtp/estimate_loss.h"
#include "rtp/estimate_rate.h"
#include "rtp/probe.h"
#include "rtp/sent.h"

enum {
	ESTIMATE_START_BPS = 300000,
	ESTIMATE_MIN_BPS = 50000,
	ESTIMATE_MAX_BPS = 50000000,
	ESTIMATE_STALL_GAP_US = 100000, /* between packets into a silence */
};

struct estimate_config {
	uint64_t start_bps, min_bps, max_bps; /* 0: those above */
	unsigned n_sent;                      /* of sent_init; 0: SENT_USUAL */
	bool twcc; /* the receiver sends transport-wide feedback */
};

struct estimate {
	bool twcc;
	struct sent sent;
	struct estimate_delay delay;
	struct estimate_rate rate, left; /* what arrived; what was sent */
	struct estimate_loss loss;
	struct probe probe;
	struct estimate_control control;
	uint64_t start_us, wanted_bps;
	uint64_t remb_bps, remb_us; /* 0: none */
	uint64_t rtt_us;            /* of reports, where there is no twcc */
	/* A silence: packets are in flight and nothing comes back. */
	bool stalled;
	uint64_t interval_us; /* of feedback, smoothed */
	uint64_t stalled_us, backed_off_us;
	/* The last tick, and since when they have come in time: who is not run
	 * hears nothing either. */
	uint64_t ticked_us, awake_us;
	uint64_t resumed_us; /* the last stall ended; 0: there was none */
	/* Receiver reports. */
	uint64_t report_bytes, reported_us;
	uint64_t feedbacks, bad_feedbacks, overuses, stalls, probes;
};

/* -ENOMEM, or -EINVAL for n_sent. estimate_done frees; fine on a zeroed one. */
int estimate_init(
	struct estimate *e, uint64_t now_us, const struct estimate_config *cfg);
void estimate_done(struct estimate *e);

/* A packet of bytes (as on the wire, IP and UDP included) leaves now; every
 * one that carries a transport-wide number. Returns that number. */
uint16_t estimate_sent(
	struct estimate *e, uint64_t now_us, size_t bytes, enum sent_kind kind);
/* What estimate_sent was told of at now_us left by_us later: the program was
 * not run in between. That wait is no queue of the path's. */
void estimate_late(struct estimate *e, uint64_t now_us, uint64_t by_us);
/* body of an RTCP_TWCC item. -EBADMSG: it lies; counted. */
int estimate_feedback(
	struct estimate *e, uint64_t now_us, const uint8_t *body, size_t len);
/* A REMB: an upper bound for ten seconds, and the estimate itself without
 * transport-wide feedback. */
void estimate_remb(struct estimate *e, uint64_t now_us, uint64_t bps);
/* Report blocks of one RR, summed: over the last interval n packets of which a
 * fraction (in 1/256) was lost. Only used without transport-wide feedback.
 * rtt_us: 0 if unknown. */
void estimate_report(struct estimate *e, uint64_t now_us, unsigned n,
	uint8_t fraction_lost, uint64_t rtt_us);
/* What could be used at most, e.g. the sum of the best layers subscribed to.
 * Beyond it nothing is probed. UINT64_MAX at first. */
void estimate_want(struct estimate *e, uint64_t bps);

/* At the deadline or any time, but each 100 ms at least: who is not run for
 * longer hears nothing, and the receiver's silence begins anew. */
void estimate_tick(struct estimate *e, uint64_t now_us);
uint64_t estimate_deadline(const struct estimate *e, uint64_t now_us);

/* What may be sent, in bits a second with all headers. */
uint64_t estimate_bps(const struct estimate *e, uint64_t now_us);
/* For pace_set_rate. */
uint64_t estimate_pace_bps(const struct estimate *e, uint64_t now_us);
/* How large a packet of RTX or padding (in bytes as on the wire) a probe wants
 * now, or 0. Goes through estimate_sent, not through the pacer. */
size_t estimate_padding(struct estimate *e, uint64_t now_us);
/* Nothing comes back: for pace_stall, ESTIMATE_STALL_GAP_US or 0. When nothing
 * waits, a packet of padding keeps asking whether the path is back. */
uint64_t estimate_stall_us(const struct estimate *e);

#endif
