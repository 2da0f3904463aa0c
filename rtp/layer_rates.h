/*
 * The video layers allocation: an RTP header extension in which a publisher
 * says what each of its layers costs and how large it is
 * (http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00).
 * Chromium sends it with key frames and when the allocation changes. Layers
 * that are not in it are not being sent.
 */
#ifndef HEARTH_RTP_LAYER_RATES_H
#define HEARTH_RTP_LAYER_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LAYER_RATES_STREAMS = 4, /* simulcast streams, as of the next two */
	LAYER_RATES_SPATIALS = 4,
	LAYER_RATES_TEMPORALS = 4,
	LAYER_RATES_MAX = LAYER_RATES_STREAMS * LAYER_RATES_SPATIALS,
};

/* One spatial layer of one stream. */
struct layer_rate {
	uint8_t stream, spatial;
	uint8_t n_temporals; /* 1 .. LAYER_RATES_TEMPORALS */
	/* Of this spatial layer alone, up to that temporal layer. */
	uint32_t rate_bps[LAYER_RATES_TEMPORALS];
	uint16_t width, height; /* 0: not told */
	uint8_t fps;            /* highest; 0: not told */
};

struct layer_rates {
	uint8_t stream;    /* index of the stream that it came on */
	uint8_t n_streams; /* 0: nothing is sent */
	uint8_t n;
	struct layer_rate layer[LAYER_RATES_MAX]; /* by stream, then spatial */
};

/* Reads an extension element. False: it lies; *ret is then undefined. */
bool layer_rates_read(struct layer_rates *ret, const uint8_t *ext, size_t len);

#endif
