/*
 * What each receiver is sent of each track: runs allocate() for one participant
 * and aims its subscriptions, when something it depends on has changed and no
 * more often than every QUALITY_GAP_US. And measures what a publisher sends, so
 * that there is something to choose from.
 */
#ifndef HEARTH_SFU_QUALITY_H
#define HEARTH_SFU_QUALITY_H

#include <stdbool.h>
#include <stdint.h>
#include "sfu/participant.h"

enum {
	QUALITY_GAP_US = 200000,
	QUALITY_MEASURE_US = 250000, /* one measurement of what is published */
	/* Rates change, and what is sent again: looked at so often where the
	 * path is known. */
	QUALITY_AGAIN_US = 500000,
};

/* Something that decides over what p is sent has changed. */
void quality_changed(struct participant *p, uint64_t now_us);
/* The same, for all who receive this track. */
void quality_track_changed(struct track *t, uint64_t now_us);
/* The first packet of that encoding is here, not forwarded yet: whoever is sent
 * nothing of its track begins with it. */
void quality_encoding_began(
	struct track *t, uint64_t now_us, unsigned encoding);
/* Who speaks is another: who comes first is, too. */
void quality_speaker_changed(struct conference *c, uint64_t now_us);

/* The client shows the video of this forwarded stream in so many lines (0: it
 * does not say), or not at all. False: there is no such stream. */
bool quality_view(struct participant *p, uint64_t now_us, const char *stream,
	unsigned height, bool visible);

/* What all video of p together need not be more than, since no receiver could
 * be given it; UINT64_MAX: there is no such rate. Tracks that have several
 * encodings are not counted: there is something for everybody. Of the others
 * the best receiver counts, so that a bad one takes nothing from anybody. */
uint64_t quality_room(const struct participant *p);

void quality_tick(struct participant *p, uint64_t now_us);
uint64_t quality_deadline(const struct participant *p);

#endif
