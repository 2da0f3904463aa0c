/*
 * RTCP (RFC 3550 section 6): walks received compounds and builds ours. Reduced
 * size (RFC 5506) is accepted. Feedback (RFC 4585, 5104, REMB) is included:
 * one walk, one builder.
 */
#ifndef HEARTH_RTP_RTCP_H
#define HEARTH_RTP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTCP_PACKET_MAX = 1200,
	RTCP_BLOCKS_MAX = 31,
	RTCP_NACK_MAX = 272,
	RTCP_CNAME_MAX = 255
};

struct rtcp_block { /* report block, RFC 3550 6.4.1 */
	uint32_t ssrc;
	uint8_t fraction_lost; /* in 1/256, of the interval */
	int32_t lost;          /* cumulative, 24 bits signed on the wire */
	uint32_t highest_seq;  /* extended: cycles above, number below */
	uint32_t jitter;       /* RTP timestamp units */
	uint32_t lsr;          /* middle of the last SR's NTP time; 0: none */
	uint32_t dlsr;         /* since then, in 1/65536 s */
};

enum rtcp_type {
	RTCP_SR,
	RTCP_RR,
	RTCP_BYE,
	RTCP_NACK,
	RTCP_PLI,
	RTCP_FIR,
	RTCP_REMB,
	RTCP_TWCC,
	RTCP_OTHER
};

/* What is not of the item's type is 0. */
struct rtcp_item {
	enum rtcp_type type;
	uint32_t sender; /* for BYE: the SSRC that leaves */
	uint32_t media;  /* SSRC the feedback is about: NACK, PLI, FIR entry */
	uint64_t ntp;    /* SR */
	uint32_t rtp_ts, packets, octets; /* SR */
	unsigned n_blocks;
	struct rtcp_block block[RTCP_BLOCKS_MAX]; /* SR, RR: n_blocks of them */
	unsigned n_nack;
	uint16_t nack[RTCP_NACK_MAX]; /* lost sequence numbers, expanded */
	uint8_t fir_seq;
	uint64_t remb_bps;   /* saturates at UINT64_MAX */
	const uint8_t *body; /* RTCP_TWCC, RTCP_OTHER: whole packet */
	size_t body_len;
};

/* entry, entries_left: what is not yet handed out of a packet that gives
 * several items. */
struct rtcp_walk {
	const uint8_t *p, *end;
	const uint8_t *entry;
	unsigned entries_left;
};

/* 0, or -EBADMSG if the compound is empty or its lengths lie anywhere (then
 * nothing of it is to be believed): version, length, padding, report blocks,
 * SSRCs and feedback entries that do not fit. The walk points into buf. */
int rtcp_walk_init(struct rtcp_walk *w, const uint8_t *buf, size_t len);
/* Next item; false at the end, *ret is then undefined. A FIR with n entries
 * gives n items, a BYE of n SSRCs n, a NACK of more than 16 PID/BLP pairs one
 * for each 16; each of none gives none. */
bool rtcp_next(struct rtcp_walk *w, struct rtcp_item *ret);

/* A compound being built in a caller's buffer of `cap` bytes. Each adder
 * returns false and writes nothing when it does not fit or its arguments cannot
 * be expressed (more blocks, SSRCs or CNAME bytes than the format holds). */
struct rtcp_build {
	uint8_t *buf;
	size_t len, cap;
};
void rtcp_build_init(struct rtcp_build *b, uint8_t *buf, size_t cap);
/* RFC 3550 6.4.1; n <= 31. */
bool rtcp_add_sr(struct rtcp_build *b, uint32_t sender, uint64_t ntp,
	uint32_t rtp_ts, uint32_t packets, uint32_t octets,
	const struct rtcp_block *block, unsigned n);
/* RFC 3550 6.4.2; n <= 31. */
bool rtcp_add_rr(struct rtcp_build *b, uint32_t sender,
	const struct rtcp_block *block, unsigned n);
/* An SDES of one chunk, RFC 3550 6.5.1; at most RTCP_CNAME_MAX bytes. */
bool rtcp_add_cname(struct rtcp_build *b, uint32_t ssrc, const char *cname);
/* RFC 3550 6.6, without a reason. */
bool rtcp_add_bye(struct rtcp_build *b, uint32_t ssrc);
/* RFC 4585 6.3.1. */
bool rtcp_add_pli(struct rtcp_build *b, uint32_t sender, uint32_t media);
/* RFC 5104 4.3.1. */
bool rtcp_add_fir(
	struct rtcp_build *b, uint32_t sender, uint32_t media, uint8_t seq);
/* seqs ascending (modulo 2^16); packed into PID/BLP pairs, RFC 4585 6.2.1.
 * Returns how many of them fitted. */
unsigned rtcp_add_nack(struct rtcp_build *b, uint32_t sender, uint32_t media,
	const uint16_t *seq, unsigned n);
/* draft-alvestrand-rmcat-remb-03; n <= 255. The rate is rounded down to 18
 * significant bits. */
bool rtcp_add_remb(struct rtcp_build *b, uint32_t sender, uint64_t bps,
	const uint32_t *ssrc, unsigned n);

/* 64-bit NTP time of a wall clock in microseconds since 1970, and its middle 32
 * bits (LSR, DLSR units). */
uint64_t rtcp_ntp(uint64_t wall_us);
static inline uint32_t rtcp_ntp_mid(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

#endif
