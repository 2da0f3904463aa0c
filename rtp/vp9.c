/* VP9: the payload descriptor of RFC 9628 4.2. Nothing behind it is looked at:
 * it may be end-to-end encrypted. */
#include "rtp/codec.h"

enum { BIT_I = 0x80, BIT_P = 0x40, BIT_L = 0x20, BIT_B = 0x08 };

static bool starts_frame(const uint8_t *p, size_t len)
{
	size_t at = 1;

	if (len < 2 || !(p[0] & BIT_B))
		return false;
	if (p[0] & BIT_I)
		at += p[at] & 0x80 ? 2 : 1;
	if (at >= len)
		return false;
	/* A picture of several spatial layers starts with the lowest. */
	return !(p[0] & BIT_L) || (p[at] >> 1 & 7) == 0;
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	return starts_frame(p, len) && !(p[0] & BIT_P);
}

const struct codec codec_vp9 = {
	.name = "VP9",
	.video = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
};
