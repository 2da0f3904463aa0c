/* AV1: the aggregation header and OBU elements of the "RTP Payload Format For
 * AV1", sections 4.3 and 4.4. */
#include "rtp/codec.h"

enum { BIT_Z = 0x80, BIT_N = 0x08 };
enum {
	OBU_SEQUENCE = 1,
	OBU_DELIMITER = 2,
	OBU_FRAME_HEADER = 3,
	OBU_METADATA = 5,
	OBU_FRAME = 6
};

/* The next OBU element of a packet. */
struct element {
	const uint8_t *data;
	size_t len;
};

/* Reads a leb128 of at most five bytes (a packet is shorter than 2^32). */
static bool read_leb128(const uint8_t *p, size_t len, size_t *at, size_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 5 && *at < len; i++) {
		uint8_t b = p[(*at)++];

		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80)) {
			*ret = (size_t)v;
			return true;
		}
	}
	return false;
}

/* index counts from 0; with W elements announced the last has no length. */
static bool next_element(const uint8_t *p, size_t len, size_t *at,
	unsigned index, struct element *ret)
{
	unsigned w = p[0] >> 4 & 3;
	size_t n;

	if (*at >= len || (w && index >= w))
		return false;
	if (w && index == w - 1)
		n = len - *at;
	else if (!read_leb128(p, len, at, &n))
		return false;
	if (n > len - *at)
		return false;
	ret->data = p + *at;
	ret->len = n;
	*at += n;
	return true;
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	struct element e;
	size_t at = 1;

	if (len < 2)
		return false;
	/* N opens a coded video sequence and never continues an OBU. */
	if ((p[0] & (BIT_N | BIT_Z)) == BIT_N)
		return true;
	for (unsigned i = 0; next_element(p, len, &at, i, &e); i++) {
		if (e.len == 0 || (i == 0 && p[0] & BIT_Z))
			continue;
		if ((e.data[0] >> 3 & 15) == OBU_SEQUENCE)
			return true;
	}
	return false;
}

static bool starts_frame(const uint8_t *p, size_t len)
{
	struct element e;
	size_t at = 1;

	if (len < 2 || p[0] & BIT_Z || !next_element(p, len, &at, 0, &e) ||
		e.len == 0)
		return false;
	switch (e.data[0] >> 3 & 15) {
	case OBU_SEQUENCE:
	case OBU_DELIMITER:
	case OBU_FRAME_HEADER:
	case OBU_METADATA:
	case OBU_FRAME:
		return true;
	default:
		return false;
	}
}

/* Layers of OBU extension headers are not looked at: a packet that continues an
 * OBU does not repeat them. */
static bool layer(const uint8_t *p, size_t len, struct layer_info *ret)
{
	*ret = (struct layer_info){ .start = false };
	if (len < 2)
		return false;
	ret->start = starts_frame(p, len);
	ret->key = is_keyframe(p, len);
	ret->up_spatial = ret->up_temporal = ret->key;
	return true;
}

const struct codec codec_av1 = {
	.name = "AV1",
	.video = true,
	.described = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
	.layer = layer,
};
