/*
 * Sequence and timestamp continuity of one subscription across source switches
 * and packets that are not forwarded. What the receiver sees is one gapless
 * stream whatever happens to the source; real losses stay losses so that its
 * NACKs mean something.
 *
 * Between two switches (a *stretch*) a source number is mapped to the same
 * output number and timestamp however often it is asked for, no two to the same
 * one: sealing a packet again gives the same bytes, and a key stream is never
 * used for two texts.
 */
#ifndef HEARTH_RTP_REWRITE_H
#define HEARTH_RTP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REWRITE_DROPS = 24, /* runs of dropped numbers remembered */
	/* Further ahead in one step is a new stretch, RFC 3550 A.1. */
	REWRITE_JUMP_MAX = 3000,
	/* Times of what is of the past follow one another so much faster. */
	REWRITE_HURRY = 32,
};

/* A run of consecutive source numbers that were dropped. */
struct rewrite_run {
	uint32_t first; /* less in_floor */
	uint32_t count : 31;
	/* 0: something newer had already gone out, so the numbers of these
	 * were not given to others and stay a hole. */
	uint32_t closed : 1;
};

struct rewrite {
	bool started;
	uint8_t n_drops;
	uint32_t out_ts;      /* its timestamp */
	uint64_t out_base;    /* number of the stretch's first packet */
	uint64_t out_highest; /* newest number sent, unwrapped */
	uint64_t out_time_us; /* when that timestamp was first sent */
	uint64_t in_floor;    /* source numbers below are of the past */
	uint64_t in_next;     /* above the newest source number sent */
	uint64_t seq_offset;  /* out = in + seq_offset above all drops */
	uint32_t ts_offset;   /* out = in + ts_offset; for send_report */
	uint32_t clock_hz;
	uint32_t hurry;    /* so many numbers from in_floor on hurry */
	uint32_t hurry_ts; /* source timestamp of the last that does */
	struct rewrite_run drop[REWRITE_DROPS]; /* ascending, disjoint */
};

/* first_seq and first_ts: random starting points (RFC 3550 5.1). first_seq
 * should be below 2^15: a receiver that loses the first packets guesses a
 * roll-over counter of 0 (RFC 3711 3.3.1) and must not be wrong. */
void rewrite_init(struct rewrite *r, uint32_t clock_hz, uint16_t first_seq,
	uint32_t first_ts);

/* The source changes: the next packet (unwrapped number in_seq, timestamp
 * in_ts) follows what went out last by one number and by the wall time passed:
 * at least 1, at most 2^31 - 1 units of clock_hz. Source numbers below in_seq
 * are not mapped any more. */
void rewrite_switch(
	struct rewrite *r, uint64_t now_us, uint64_t in_seq, uint32_t in_ts);

/* The same, where it is known what timestamp the first packet ought to go out
 * with (layer_align.h). Taken at its word if that comes after the one sent last
 * and is within a second of what the wall says; a little before it (a picture
 * that both layers have) becomes one unit after. */
void rewrite_switch_at(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts, uint32_t out_ts);

/* Just after a switch to a packet of timestamp in_ts: it and what follows, up
 * to number in_last of timestamp in_last_ts, are of the past and go out at
 * once. Their times are drawn together REWRITE_HURRY times, the first's stays;
 * from in_last on they go on as the source's do. A receiver shows pictures as
 * far apart as their times are: it would stay behind by all that it got at
 * once. */
void rewrite_hurry(struct rewrite *r, uint32_t in_ts, uint64_t in_last,
	uint32_t in_last_ts);

/* Maps one packet. false: it belongs before the current stretch, or was marked
 * dropped: do not send, outputs untouched. The first packet of all, and one
 * that leaves a hole of more than REWRITE_JUMP_MAX, is a switch by itself. A
 * jump of the source's timestamp alone is passed on. */
bool rewrite_packet(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts, uint16_t *ret_seq, uint32_t *ret_ts);

/* This source packet is deliberately not forwarded: close the hole. If a newer
 * one has already gone out the hole stays; the packet is not mapped any more
 * either way. Nothing happens before the first stretch. */
void rewrite_drop(struct rewrite *r, uint64_t in_seq);

/* Number and timestamp of a packet of our own without media (padding), right
 * after what went out last. What was sent before cannot be asked for any more:
 * for when nothing is on its way. False before the first stretch. */
bool rewrite_pad(struct rewrite *r, uint16_t *ret_seq, uint32_t *ret_ts);

/* For a NACK: the source number behind one we sent. false: not of this stretch,
 * too old (REWRITE_DROPS runs of drops ago), dropped, or never sent. */
bool rewrite_source(
	const struct rewrite *r, uint16_t out_seq, uint64_t *ret_in_seq);

#endif
