/*
 * The layers within one stream (SVC): what its dependency descriptors have
 * said, how large each layer is, and how much of the stream one gets up to
 * each. Made with the first packet that shows any; a stream without has none of
 * it.
 *
 * VP8 and VP9 tell their layers in the payload, and those are gone by; of AV1
 * and H.264 only the descriptor tells them (codec.h).
 */
#ifndef HEARTH_SFU_ENCODING_LAYERS_H
#define HEARTH_SFU_ENCODING_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/dependency.h"
#include "rtp/layer.h"

enum {
	/* Told apart; what is above counts to the highest. */
	ENCODING_LAYERS_SPATIAL = LAYER_SIZES,
	ENCODING_LAYERS_TEMPORAL = 4,
	ENCODING_LAYERS_WINDOW = 4, /* measurements that a rate is of */
};

/* What one stretch of time brought. */
struct encoding_layers_count {
	uint32_t us;
	uint8_t n_spatial, n_temporal; /* that were there */
	/* Of all that goes to who is sent up to this layer. */
	uint32_t bytes[ENCODING_LAYERS_SPATIAL][ENCODING_LAYERS_TEMPORAL];
};

struct encoding_layers {
	struct dependency dependency;
	bool described; /* by descriptors: who gets none must get all */
	/* Over the last measurements; 1 and 1: there is nothing to choose. */
	uint8_t n_spatial, n_temporal;
	uint16_t lines[ENCODING_LAYERS_SPATIAL]; /* 0: not told */
	uint64_t counted_us;
	unsigned n_past;
	struct encoding_layers_count now, past[ENCODING_LAYERS_WINDOW];
};

struct encoding_layers *encoding_layers_new(void); /* NULL: out of memory */
struct encoding_layers *encoding_layers_free(struct encoding_layers *l);

/* Another source: its descriptors begin anew. */
void encoding_layers_begin(struct encoding_layers *l);

/* A packet of len bytes has come. */
void encoding_layers_add(
	struct encoding_layers *l, const struct layer_info *info, size_t len);
/* Ends one measurement and begins the next. */
void encoding_layers_measure(struct encoding_layers *l, uint64_t now_us);
/* Bits per second of the stream cut down to these layers; 0: it cannot be, or
 * nothing was measured. */
uint32_t encoding_layers_rate(
	const struct encoding_layers *l, unsigned spatial, unsigned temporal);

#endif
