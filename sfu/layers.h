/*
 * What a subscription to a track with several encodings has beside the others:
 * which one it is sent, how it goes over to another, and the picture numbers
 * that go on over that. Made when it comes to be, never for a packet.
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
	uint8_t dependency_id; /* the publisher's; 0: it has none */
	/* As subscription.h's, of each encoding. */
	uint64_t floor[TRACK_ENCODINGS];
};

struct layers *layers_new(void);              /* NULL: out of memory */
struct layers *layers_free(struct layers *l); /* NULL is fine; returns NULL */

/* Judges a packet, and has numbers and times go on where it is the first of
 * another encoding. */
enum layer_verdict layers_judge(struct layers *l, struct rewrite *r,
	uint64_t now_us, const struct track *t, const struct track_packet *p);

/* Writes the first bytes of the payload, as they go out, to ret. False: the
 * packet's picture was left out, it must not be sent. */
bool layers_patch(struct layers *l, const struct layer_info *info,
	const struct rtp_packet *pkt, uint8_t ret[LAYERS_HEAD]);

/* The encoding whose numbers the rewriter has must be begun anew. */
void layers_restart(struct layers *l, uint64_t now_us);

#endif
