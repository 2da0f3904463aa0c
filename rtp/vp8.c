/* VP8: the payload descriptor of RFC 7741 4.2 and the P bit of 4.3. */
#include "rtp/codec.h"

#include "rtp/bytes.h"

enum { BIT_X = 0x80, BIT_N = 0x20, BIT_S = 0x10 };
enum { BIT_I = 0x80, BIT_L = 0x40, BIT_T = 0x20, BIT_K = 0x10 };
enum { BIT_Y = 0x20 };

/* PictureID of one or two bytes. */
static size_t read_picture_id(
	const uint8_t *p, size_t len, size_t at, struct layer_info *ret)
{
	if (at >= len || (p[at] & 0x80 && at + 1 >= len))
		return 0;
	ret->gapless = true;
	ret->picture_id_at = (uint8_t)at;
	ret->picture_id_len = p[at] & 0x80 ? 2 : 1;
	ret->picture_id =
		ret->picture_id_len == 2 ? get_u16(p + at) & 0x7fff : p[at];
	return at + ret->picture_id_len;
}

static void read_tid_key(
	const uint8_t *p, size_t at, uint8_t bits, struct layer_info *ret)
{
	if (bits & BIT_T) {
		ret->temporal = p[at] >> 6;
		ret->up_temporal = p[at] & BIT_Y;
	}
	if (bits & BIT_K) {
		ret->key_index_at = (uint8_t)at;
		ret->key_index = p[at] & 0x1f;
	}
}

/* Reads the payload descriptor into ret; returns its length, or 0 if it does
 * not fit. */
static size_t read_descriptor(
	const uint8_t *p, size_t len, struct layer_info *ret)
{
	size_t n = 2;
	uint8_t bits;

	if (len < 1)
		return 0;
	if (!(p[0] & BIT_X))
		return 1;
	if (len < 2)
		return 0;
	bits = p[1];
	if (bits & BIT_I) {
		n = read_picture_id(p, len, n, ret);
		if (n == 0)
			return 0;
	}
	if (bits & BIT_L) {
		if (n >= len)
			return 0;
		ret->tl0_at = (uint8_t)n;
		ret->tl0 = p[n++];
	}
	if (bits & (BIT_T | BIT_K)) { /* share one byte */
		if (n >= len)
			return 0;
		read_tid_key(p, n++, bits, ret);
	}
	return n <= len ? n : 0;
}

/* S, and partition index 0. */
static bool says_start(const uint8_t *p)
{
	return (p[0] & 0x17) == BIT_S;
}

static bool starts_frame(const uint8_t *p, size_t len)
{
	struct layer_info ignored;

	return len > 0 && says_start(p) && read_descriptor(p, len, &ignored);
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	struct layer_info ignored;
	size_t n;

	if (len == 0 || !says_start(p))
		return false;
	n = read_descriptor(p, len, &ignored);
	return n && n < len && !(p[n] & 0x01);
}

/* Frame tag, start code, width and height: RFC 6386 9.1. */
static uint16_t read_height(const uint8_t *p, size_t len)
{
	if (len < 10 || p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a)
		return 0;
	return (uint16_t)((p[8] | p[9] << 8) & 0x3fff);
}

static bool layer(const uint8_t *p, size_t len, struct layer_info *ret)
{
	size_t n;

	*ret = (struct layer_info){ .start = false };
	n = read_descriptor(p, len, ret);
	if (n == 0) {
		*ret = (struct layer_info){ .start = false };
		return false;
	}
	ret->start = says_start(p);
	ret->discardable = p[0] & BIT_N;
	ret->key = ret->start && n < len && !(p[n] & 0x01);
	ret->height = ret->key ? read_height(p + n, len - n) : 0;
	ret->up_spatial = ret->key;
	ret->up_temporal |= ret->key;
	return true;
}

const struct codec codec_vp8 = {
	.name = "VP8",
	.video = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
	.layer = layer,
};
