/*
 * What a subscription has beside the others where it has a choice. To a track
 * with several encodings: which one it is sent, how it goes over to another,
 * and the picture numbers that go on over that; made when it comes to be. To a
 * track of one encoding with layers in it: which of these; made when its
 * receiver is to get less than all for the first time. Never for a packet.
 */
#ifndef HEARTH_SFU_LAYERS_H
#define HEARTH_SFU_LAYERS_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/layer_choice.h"
#include "rtp/layer_rewrite.h"
#include "rtp/rewrite.h"
#include "sfu/track.h"

enum { LAYERS_HEAD = 32 }; /* what is patched stands that early */

struct layers {
	struct layer_choice choice;
	struct layer_rewrite rewrite;
	uint8_t last; /* encoding that was sent last; LAYER_NONE: none yet */
	bool fresh;   /* it was sent whole so far: no packet was judged yet */
	uint8_t dependency_id; /* the publisher's; 0: it has none */
	uint64_t thin_us;      /* allocate.h's, from one call to the next */
	/* As subscription.h's, of each encoding. */
	uint64_t floor[TRACK_ENCODINGS];
};

struct layers *layers_new(bool simulcast);    /* NULL: out of memory */
struct layers *layers_free(struct layers *l); /* NULL is fine; returns NULL */

/* Of one encoding, that is being sent whole: it goes on with its numbers. */
void layers_adopt(struct layers *l);
/* Wants at most these layers (layer_choice_aim): of several encodings spatial
 * is which, LAYER_NONE: nothing. */
void layers_aim(
	struct layers *l, uint64_t now_us, uint8_t spatial, uint8_t temporal);
/* The encoding that it wants; LAYER_NONE: none. */
uint8_t layers_wanted(const struct layers *l);
/* It is sent more than it wants, until a key frame comes. */
bool layers_are_too_many(const struct layers *l);

/* Judges a packet, and has numbers and times go on where it is the first of
 * another encoding. */
enum layer_verdict layers_judge(struct layers *l, struct rewrite *r,
	uint64_t now_us, const struct track *t, const struct track_packet *p);

/* Writes the first bytes of the payload, as they go out, to ret. False: the
 * packet's picture was left out, it must not be sent. */
bool layers_patch(struct layers *l, const struct layer_info *info,
	const struct rtp_packet *pkt, uint8_t ret[LAYERS_HEAD]);

/* Its RTP marker: layers that would follow in its picture may be cut off. */
bool layers_marker(const struct layers *l, const struct layer_info *info,
	const struct rtp_packet *pkt);
/* Writes the descriptor of a packet as it goes out to ret, of
 * UINT8_MAX + DEPENDENCY_GROWS bytes; returns its length. Of 3 bytes or more.
 */
uint8_t layers_describe(struct layers *l, const struct layer_info *info,
	uint32_t ts, const struct rtp_ext *ext, uint8_t *ret);

/* The encoding whose numbers the rewriter has must be begun anew. */
void layers_restart(struct layers *l, uint64_t now_us);

#endif
