/*
 * One incoming RTP stream (one SSRC of a publisher): what arrived, what is
 * missing, jitter (RFC 3550 A.3, A.8), what to NACK and when, and the report
 * block that says so.
 */
#ifndef HEARTH_RTP_RECEIVE_H
#define HEARTH_RTP_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/rtcp.h"

enum {
	RECEIVE_WINDOW = 1024,      /* sequence numbers remembered */
	RECEIVE_DROPOUT_MAX = 3000, /* a longer jump is not believed once */
	RECEIVE_NACK_MAX = 128,     /* missing numbers tracked at once */
	RECEIVE_NACK_TRIES = 8,
	RECEIVE_NACK_WAIT_US = 10000,   /* reordering tolerated before a NACK */
	RECEIVE_NACK_LIFE_US = 1000000, /* then it is given up */
	RECEIVE_NACK_RTT_US = 100000,   /* assumed while it is unknown */
};

enum receive_got {
	RECEIVE_NEW,
	RECEIVE_RECOVERED, /* filled a hole */
	RECEIVE_DUPLICATE,
	/* Before the window, or a jump seen for the first time: not to be
	 * forwarded. */
	RECEIVE_OLD,
	RECEIVE_RESET, /* jumped: the stream began anew with this packet */
};

struct receive_missing {
	uint64_t seq;
	uint64_t since_us, last_us;
	unsigned tries;
};

struct receive {
	uint32_t ssrc, clock_hz;
	bool started, nack;
	uint64_t first_seq, highest; /* unwrapped */
	/* Counters over the stream's whole life. */
	uint64_t received, duplicates, bytes, recovered, given_up, resets;
	uint64_t window[RECEIVE_WINDOW / 64];
	uint32_t bad_seq; /* what a jump must be followed by; 65536: none */
	double jitter;    /* RTP timestamp units */
	uint32_t last_ts;
	uint64_t last_arrival_us;
	uint64_t counted_before; /* arrivals before the last reset */
	uint64_t expected_prior, received_prior;
	uint64_t sr_ntp, sr_arrival_us;
	uint32_t sr_ts;  /* the last SR */
	uint64_t rtt_us; /* 0: unknown; paces NACK retries; the caller's */
	unsigned n_missing;
	struct receive_missing missing[RECEIVE_NACK_MAX]; /* ascending */
};

/* nack: whether holes are tracked. Nothing to undo. */
void receive_init(
	struct receive *r, uint32_t ssrc, uint32_t clock_hz, bool nack);
/* One authenticated packet of len bytes. *ret_seq is its unwrapped number;
 * after RECEIVE_RESET it is above every earlier one, so that numbers of the
 * stream never come twice. A jump (more than RECEIVE_DROPOUT_MAX ahead, or
 * behind the window) is believed when its successor follows it, RFC 3550 A.1.
 */
enum receive_got receive_packet(struct receive *r, uint64_t now_us,
	uint16_t seq, uint32_t ts, size_t len, uint64_t *ret_seq);
/* The sender's report; its clock is only ever echoed or carried forward. */
void receive_sr(
	struct receive *r, uint64_t now_us, uint64_t ntp, uint32_t rtp_ts);
/* Fills a report block; resets the interval (fraction lost). Duplicates count
 * as received, RFC 3550 A.3. */
void receive_report(struct receive *r, uint64_t now_us, struct rtcp_block *ret);
/* Sequence numbers to ask for now, ascending, at most max of them; marks them
 * asked. Asks first after RECEIVE_NACK_WAIT_US, then again a round trip and a
 * half later, more and more slowly; gives up (given_up) after
 * RECEIVE_NACK_LIFE_US. */
unsigned receive_nacks(
	struct receive *r, uint64_t now_us, uint16_t *ret, unsigned max);
/* When receive_nacks has something to ask or to give up; UINT64_MAX: never. */
uint64_t receive_deadline(const struct receive *r);

#endif
