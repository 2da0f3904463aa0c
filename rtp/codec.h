/*
 * What the forwarding unit must know of a codec, one descriptor each: where its
 * key frames and its layers are. Payloads are hostile: every reader is
 * bounds-checked, and a payload that cannot be understood is "no".
 */
#ifndef HEARTH_RTP_CODEC_H
#define HEARTH_RTP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/layer.h"

struct codec {
	const char *name; /* as in a=rtpmap, compared without case */
	bool video;
	/* Its layers are told by the dependency descriptor alone. */
	bool described;
	uint32_t clock_hz;
	/* True when this payload begins a picture that decodes alone. NULL for
	 * audio: every packet does. For H.264 both the parameter sets and the
	 * first slice of an IDR picture say so. */
	bool (*is_keyframe)(const uint8_t *payload, size_t len);
	/* True when this payload may be the first of a picture; NULL for audio.
	 * For H.264 every NAL unit that may stand before the first slice (SEI,
	 * SPS, PPS, AUD) says so too, hence possibly several packets of one
	 * timestamp. */
	bool (*starts_frame)(const uint8_t *payload, size_t len);
	/* Fills *ret with all that this payload says of layers; NULL for audio.
	 * False: it cannot be understood, *ret is then all zero. AV1 says
	 * little by itself: its layers are in the dependency descriptor. */
	bool (*layer)(
		const uint8_t *payload, size_t len, struct layer_info *ret);
};

extern const struct codec codec_opus, codec_vp8, codec_vp9, codec_h264,
	codec_av1;

/* By rtpmap name ("opus", "VP8", "VP9", "H264", "AV1"), or NULL. */
const struct codec *codec_find(const char *name);

#endif
