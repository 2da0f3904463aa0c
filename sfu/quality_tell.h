/*
 * What clients are told of the choice of layers, through events of the seam:
 * each receiver which videos it is not sent and why, each publisher which of
 * its encodings (by rid, RFC 8851) nobody is to see, so that it may stop making
 * them. Only while their control channel is open; nothing of local programs and
 * of people of other workers.
 *
 * Leaves out: in a conference with parts on several workers every encoding
 * counts as seen, since this one does not know what others show.
 */
#ifndef HEARTH_SFU_QUALITY_TELL_H
#define HEARTH_SFU_QUALITY_TELL_H

#include <stdint.h>
#include "sfu/participant.h"

enum {
	/* An encoding that nobody sees may be stopped after so long; one that
	 * is needed is asked for at the next measurement. */
	QUALITY_UNWATCHED_US = 5000000,
};

/* After p's subscriptions were aimed: counts what is paused, and tells
 * SFU_EV_PAUSED if that changed. */
void quality_tell_paused(struct participant *p);
/* With each measurement of a track: SFU_EV_WATCHED to its owner, if that
 * changed. */
void quality_tell_watched(struct track *t, uint64_t now_us);
/* p's control channel has opened: it knows of nothing. */
void quality_tell_anew(struct participant *p, uint64_t now_us);

#endif
