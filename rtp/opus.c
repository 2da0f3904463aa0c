/* Opus (RFC 7587): every packet stands alone, nothing to look at. */
#include "rtp/codec.h"

const struct codec codec_opus = {
	.name = "opus",
	.clock_hz = 48000,
};
