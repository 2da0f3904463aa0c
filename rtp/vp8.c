/* VP8: the payload descriptor of RFC 7741 4.2 and the P bit of 4.3. */
#include "rtp/codec.h"

/* Length of the payload descriptor, or 0 if it does not fit. */
static size_t descriptor_len(const uint8_t *p, size_t len)
{
	size_t n = 1;
	uint8_t bits;

	if (len < 1)
		return 0;
	if (p[0] & 0x80) { /* X */
		if (len < 2)
			return 0;
		bits = p[1];
		n++;
		if (bits & 0x80) { /* I: PictureID of one or two bytes */
			if (len < n + 1)
				return 0;
			n += p[n] & 0x80 ? 2 : 1;
		}
		if (bits & 0x40) /* L: TL0PICIDX */
			n++;
		if (bits & 0x30) /* T, K share one byte */
			n++;
	}
	return n <= len ? n : 0;
}

static bool starts_frame(const uint8_t *p, size_t len)
{
	/* S, and partition index 0. */
	return descriptor_len(p, len) && (p[0] & 0x17) == 0x10;
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	size_t n = descriptor_len(p, len);

	return starts_frame(p, len) && n < len && !(p[n] & 0x01);
}

const struct codec codec_vp8 = {
	.name = "VP8",
	.video = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
};
