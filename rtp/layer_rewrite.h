/*
 * Picture numbers of one subscription: PictureID, TL0PICIDX and KEYIDX of VP8
 * (RFC 7741 4.2), PictureID and TL0PICIDX of VP9 (RFC 9628 4.2), and the frame
 * number of the dependency descriptor. Over a switch of the source they go on
 * where they were, and PictureIDs of VP8 close up where pictures are dropped.
 * Fields are patched in place, in the copy that goes out.
 *
 * The rule is rewrite.h's: within a stretch a picture is always given the same
 * number, so that a packet sent again is the same packet. Call in step with it:
 * layer_rewrite_switch where rewrite_switch is called, layer_rewrite_drop with
 * rewrite_drop.
 *
 * Left out: the descriptor's template ids stay the source's.
 */
#ifndef HEARTH_RTP_LAYER_REWRITE_H
#define HEARTH_RTP_LAYER_REWRITE_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/layer.h"

enum {
	LAYER_STEPS = 32, /* runs of dropped pictures remembered */
	/* A key picture whose number is further from the one before begins a
	 * new numbering: the encoder was started again. */
	LAYER_PICTURES_JUMP = 1000,
};

/* From this picture on numbers are moved by so much. */
struct layer_step {
	uint16_t from, shift;
};

struct layer_rewrite {
	bool started;
	uint8_t n_steps;
	uint8_t tl0_shift, key_shift; /* out = in + shift, as all of these */
	uint8_t out_tl0, out_key;     /* newest sent */
	uint16_t number_shift, out_number;
	uint16_t out_picture; /* newest sent */
	uint16_t in_picture;  /* newest seen, dropped or not; 16 bits long */
	uint16_t floor;       /* pictures below are not known any more */
	uint16_t first_shift; /* of the pictures before the first step */
	struct layer_step step[LAYER_STEPS]; /* ascending */
};

/* The first source keeps its numbers. */
void layer_rewrite_init(struct layer_rewrite *r);

/* The source was sent with its own numbers so far, and goes on so; info is of a
 * packet that is about to be judged. */
void layer_rewrite_adopt(
	struct layer_rewrite *r, const struct layer_info *info);

/* The source changes; info is of the packet that comes first. */
void layer_rewrite_switch(
	struct layer_rewrite *r, const struct layer_info *info);

/* The picture of this packet is not forwarded, nor any other packet of it. */
void layer_rewrite_drop(struct layer_rewrite *r, const struct layer_info *info);

/* Patches a payload that goes out, or goes out again; info is what was read out
 * of it. False: its picture was dropped or is too old to be known (LAYER_STEPS
 * runs of drops ago); do not send, nothing is changed. */
bool layer_rewrite_packet(struct layer_rewrite *r,
	const struct layer_info *info, uint8_t *payload);

/* The frame number to send for a source's (dependency_set_number). */
uint16_t layer_rewrite_number(struct layer_rewrite *r, uint16_t number);

#endif
