/*
 * Who speaks: audio levels (RFC 6464) of a conference's participants, with
 * enough inertia that it does not flap. Three time scales, after Volfin and
 * Cohen (2012), each as cheap as it gets:
 *
 * - a third of a second, per track: speaker_smooth. A click does not reach it.
 * - a second: who wants the floor has to be clearly louder than the speaker has
 *   been for that long, again and again (SPEAKER_VOTES). A cough, a word thrown
 *   in, a gap between the speaker's own words do not do that.
 * - some seconds: who has been speaking for so long keeps the floor against two
 *   more votes than who got it by accident.
 */
#ifndef HEARTH_SFU_SPEAKER_H
#define HEARTH_SFU_SPEAKER_H

#include <stdbool.h>
#include <stdint.h>
#include "sfu/sfu.h"

enum {
	SPEAKER_PERIOD_US = 200000, /* how often the choice is looked at */
	SPEAKER_HOLD_US = 1200000,  /* a speaker keeps the floor this long */
	SPEAKER_SILENT_US =
		3000000,        /* nobody loud for so long: nobody speaks */
	SPEAKER_MIN = 60 << 8,  /* louder than -67 dBov counts */
	SPEAKER_CLEAR = 6 << 8, /* 6 dB are clearly louder */
	SPEAKER_VOTES = 2, /* looks won to get the floor, SPEAKER_SETTLED more
			      from who has been speaking */
	SPEAKER_SETTLED = 2,
	SPEAKER_RIVALS = 4, /* who may gather votes at a time */
};

struct speaker {
	sfu_id current;
	uint64_t since_us, next_us, heard_us;
	/* How loud the current speaker has been, over a second and over some;
	 * as of speaker_smooth. */
	uint32_t medium, steady;
	struct speaker_rival {
		sfu_id id; /* 0: free */
		unsigned votes;
	} rival[SPEAKER_RIVALS];
};

/* One audio level (0 loud .. 127 silent) into a smoothed loudness (0 ..
 * 127 << 8); time constant about 300 ms at 20 ms packets. */
uint32_t speaker_smooth(uint32_t loudness, int level);

/* A look, each SPEAKER_PERIOD_US: the loudest at this moment (0: nobody), and
 * how loud the current speaker is. True when the current speaker changed. */
bool speaker_choose(struct speaker *s, uint64_t now_us, sfu_id loudest,
	uint32_t loudness, uint32_t current_loudness);

#endif
