/*
 * Sequence, timestamp and codec-field continuity of one subscription across
 * source switches and packets that are not forwarded. What the receiver sees is
 * one gapless stream whatever happens to the source; real losses stay losses so
 * that its NACKs mean something.
 */
#ifndef HEARTH_RTP_REWRITE_H
#define HEARTH_RTP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REWRITE_DROPS = 128, REWRITE_SWITCHES = 4 };

struct rewrite {
	bool started;
	uint64_t out_highest;	 /* newest number sent, unwrapped */
	uint32_t out_ts;
	uint64_t out_time_us;
	uint64_t in_base, in_highest; /* source numbers of this stretch */
	uint64_t seq_offset;	 /* out = in + seq_offset, minus drops before it */
	uint32_t ts_offset;
	uint32_t clock_hz;
	unsigned n_drops;
	uint64_t drop[REWRITE_DROPS]; /* dropped source numbers, ascending */
};

/* first_seq and first_ts: random starting points (RFC 3550 5.1). */
void rewrite_init(struct rewrite *r, uint32_t clock_hz, uint16_t first_seq,
	uint32_t first_ts);

/* The source changes: the next packet (unwrapped number in_seq, timestamp
 * in_ts) follows what went out last by one number and by the wall time passed. */
void rewrite_switch(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts);

/* Maps one packet. false: it belongs before the current stretch, or was marked
 * dropped: do not send. */
bool rewrite_packet(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts, uint16_t *ret_seq, uint32_t *ret_ts);

/* This source packet is deliberately not forwarded: close the hole. */
void rewrite_drop(struct rewrite *r, uint64_t in_seq);

/* For a NACK: the source number behind one we sent. false: not of this stretch
 * or too old. */
bool rewrite_source(const struct rewrite *r, uint16_t out_seq,
	uint64_t *ret_in_seq);

#endif
