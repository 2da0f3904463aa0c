/*
 * A reel: all that is recorded of one source of a participant (its camera with
 * its voice, its screen): frames of both kinds are put in the order of their
 * times and go into parts. The next part begins when a kind comes that the
 * present one has no track for, when the codec changes, or the parameters that
 * stand in front of the file.
 */
#ifndef HEARTH_RECORD_REEL_H
#define HEARTH_RECORD_REEL_H

#include <stdbool.h>
#include <stdint.h>

#include "record/part.h"
#include "record/shelf.h"
#include "record/take.h"

enum {
	REEL_HEADER_US = 2000000, /* a file's header waits for both kinds */
	REEL_WAIT_US = 1000000,   /* a frame waits for the other kind */
	REEL_SILENT_US = 1500000, /* who gave none for so long is not waited
				     for */
	REEL_FLUSH_US = 1000000,
	REEL_QUEUE_MAX = 16 << 20, /* bytes of frames that wait */
	REEL_PARTS_MAX = 500,
};

/* Numbers the files of one participant. */
struct reel_numbers {
	unsigned camera, screen, other;
};

struct reel;

/* person: its number; source: the stream's id (copied); numbers and shelf
 * outlive the reel. NULL: no memory. */
struct reel *reel_new(struct shelf *shelf, unsigned person,
	struct reel_numbers *numbers, const char *source);
/* Ends the part first. Returns NULL. */
struct reel *reel_free(struct reel *r);

/* A take of this kind runs, or does no longer: what it gave is then written
 * without waiting for more of it. */
void reel_expect(struct reel *r, enum part_kind k, bool expected);
/* Other words than camera and screen are "other". Holds from the next part. */
void reel_purpose(struct reel *r, const char *purpose);
void reel_muted(struct reel *r, enum part_kind k, bool muted, int64_t now_us);

void reel_frame(struct reel *r, const struct take_frame *f, uint64_t now_us);
void reel_gap(struct reel *r, enum part_kind k, const struct take_gap *g);
/* Writes what is due. Call often (20 to 100 ms) and after frames. */
void reel_tick(struct reel *r, uint64_t now_us);
/* Ends the part after writing all that waits; another may begin. */
void reel_end(struct reel *r, uint64_t now_us);
/* Ends the part as it is, in trouble; what waits is dropped and noted. */
void reel_drop(struct reel *r);

/* True when the picture needs a key frame to go on; the caller bounds how often
 * he asks for it. */
bool reel_wants_keyframe(struct reel *r);
/* Stretches that are open last until now. */
void reel_prolong(struct reel *r, int64_t now_us);

#endif
