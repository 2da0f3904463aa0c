/*
 * Who speaks: smoothed audio levels (RFC 6464) of a conference's participants,
 * with enough inertia that it does not flap.
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
		3000000,       /* nobody loud for so long: nobody speaks */
	SPEAKER_MIN = 60 << 8, /* louder than -67 dBov counts */
};

struct speaker {
	sfu_id current;
	uint64_t since_us, next_us, heard_us;
};

/* One audio level (0 loud .. 127 silent) into a smoothed loudness; time
 * constant about 300 ms at 20 ms packets. */
uint32_t speaker_smooth(uint32_t loudness, int level);

/* The loudest at this moment (0: nobody above SPEAKER_MIN). True when the
 * current speaker changed. */
bool speaker_choose(struct speaker *s, uint64_t now_us, sfu_id loudest,
	uint32_t loudness, uint32_t current_loudness);

#endif
