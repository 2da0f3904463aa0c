/*
 * One outgoing RTP stream (one subscription's SSRC): counters, sender reports
 * that carry the publisher's clock, what the receiver reports about it.
 */
#ifndef HEARTH_RTP_SEND_H
#define HEARTH_RTP_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/rtcp.h"

enum {
	SEND_SRS = 4, /* sender reports remembered for the round trip */
	SEND_BURST_US = 250000, /* of the retransmission budget */
	SEND_BURST_MIN = 1500,  /* bytes; or low rates would never resend */
};

struct send_sr {
	uint32_t mid;     /* of its NTP time; 0: none */
	uint32_t sent_us; /* modulo 2^32, more than an hour */
};

/* There is one for each of everybody's streams: kept small. */
struct send {
	uint32_t ssrc, clock_hz;
	uint32_t packets, octets; /* payload octets, wrap as RFC 3550 says */
	/* From the receiver's report blocks. */
	uint8_t fraction_lost;
	uint8_t next_sr;           /* in sr */
	uint32_t rtt_us;           /* 0: unknown */
	uint32_t nacks, nack_hits; /* the caller counts */
	/* Retransmission budget, a token bucket. */
	uint32_t budget_bytes;
	uint64_t budget_us;
	struct send_sr sr[SEND_SRS];
};

void send_init(struct send *s, uint32_t ssrc, uint32_t clock_hz);
/* One packet went out, a retransmission too; payload_len in bytes. */
void send_packet(struct send *s, size_t payload_len);
/* True when a retransmission of len bytes is within the receiver's budget
 * (rate_bps over time, burst of 250 ms); takes it if so. A rate of 0 allows
 * nothing. */
bool send_may_resend(
	struct send *s, uint64_t now_us, size_t len, uint64_t rate_bps);
/* Adds an SR. The publisher's last SR (its NTP, its RTP timestamp translated
 * into ours by ts_offset, and when it came) is carried forward to now, so that
 * audio and video of one publisher stay in step at the receiver. With sr_ntp 0
 * (no SR yet), before the first packet (RFC 3550 6.4), or when b is full
 * nothing is added and false returned. */
bool send_report(struct send *s, uint64_t now_us, uint64_t sr_ntp,
	uint32_t sr_ts, uint64_t sr_arrival_us, uint32_t ts_offset,
	struct rtcp_build *b);
/* One report block about our SSRC; others are ignored. The round trip is taken
 * when the block answers one of our last SEND_SRS reports. */
void send_block(struct send *s, uint64_t now_us, const struct rtcp_block *b);

#endif
