/*
 * Where one video packet stands among the layers of its stream: one view over
 * what VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), AV1 (its RTP payload
 * format, version 1.0) and the dependency descriptor say. codec.h's
 * layer() fills it out of a payload, dependency.h out of a header extension;
 * layer_choice.h decides by it and layer_rewrite.h patches by it.
 *
 * A *picture* is what is shown at one time: all packets of one timestamp. A
 * *layer frame* is the part of it of one spatial layer.
 */
#ifndef HEARTH_RTP_LAYER_H
#define HEARTH_RTP_LAYER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LAYER_SPATIAL_MAX = 8, /* VP9's SID has three bits, so has its TID */
	LAYER_TEMPORAL_MAX = 8,
	LAYER_REFS = 8,  /* frames that one may refer to, AV1 has no more */
	LAYER_SIZES = 4, /* spatial layers whose lines are kept */
};

struct dependency;

struct layer_info {
	uint8_t spatial, temporal; /* 0 where the payload does not say */
	bool start;                /* first packet of a layer frame */
	bool end; /* last packet of one; VP8, H.264: see the RTP marker */
	/* Of a picture that needs nothing that came before; of its lowest
	 * spatial layer where the others build on that. VP8 and H.264 say so in
	 * the picture's first packet alone. */
	bool key;
	/* This layer frame needs nothing of earlier pictures, perhaps the lower
	 * spatial layers of its own. */
	bool up_spatial;
	/* This picture uses pictures of lower temporal layers only: who has
	 * those may go on to it. */
	bool up_temporal;
	/* Higher temporal layers use nothing of theirs from before this picture
	 * (VP9's U): they may be taken from here on. */
	bool up_after;
	bool discardable; /* nothing else is decoded from it */
	/* Fields that layer_rewrite patches: their place in the payload; a
	 * length, or place, of 0 is none. */
	uint8_t picture_id_at, picture_id_len; /* 1: 7 bits, 2: 15 bits */
	uint8_t tl0_at;                        /* TL0PICIDX */
	uint8_t key_index_at;                  /* VP8's KEYIDX: low 5 bits */
	uint16_t height; /* lines of a key picture, where it says so (VP8) */
	/* Lines of each spatial layer of the stream, where the packet says so
	 * (VP9's scalability structure); 0: not told. */
	uint16_t lines[LAYER_SIZES];
	uint16_t picture_id;
	uint8_t tl0, key_index;
	/* PictureIDs of what is sent must follow one another (VP8): the gap
	 * where a picture is dropped has to be closed. VP9's refer to pictures
	 * by their distance and must not be moved. */
	bool gapless;
	/* Of the dependency descriptor; NULL: the packet has none. dti: two
	 * bits for each decode target (dependency_dti). */
	const struct dependency *dependency;
	uint64_t dti;
	uint16_t frame_number;
	/* Where in the descriptor, in bits, the active decode targets stand, or
	 * would; 0: behind all there is. */
	uint16_t active_at;
	/* How many frames back those are that this one refers to; more_refs: to
	 * some that did not fit. */
	uint16_t ref[LAYER_REFS];
	uint8_t n_refs;
	bool more_refs;
};

#endif
