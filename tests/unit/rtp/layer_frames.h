/*
 * Frames for the tests of layer_choice, one packet each: as payload descriptors
 * tell of them.
 */
#ifndef HEARTH_TESTS_RTP_LAYER_FRAMES_H
#define HEARTH_TESTS_RTP_LAYER_FRAMES_H

#include "rtp/layer_choice.h"

enum { SECOND = 1000000, TICKS = 3000 };

static inline struct layer_info frame(uint8_t spatial, uint8_t temporal)
{
	return (struct layer_info){ .spatial = spatial,
		.temporal = temporal,
		.start = true,
		.end = true };
}

static inline struct layer_info key_frame(void)
{
	struct layer_info i = frame(0, 0);

	i.key = i.up_spatial = i.up_temporal = true;
	return i;
}

/* At a given number of a picture. */
static inline enum layer_verdict give(struct layer_choice *c, uint8_t encoding,
	uint32_t picture, struct layer_info i)
{
	return layer_choice_packet(
		c, SECOND + picture, encoding, picture * TICKS, &i);
}

#endif
