/* VP9: the payload descriptor of RFC 9628 4.2. Nothing behind it is looked at:
 * it may be end-to-end encrypted. */
#include "rtp/codec.h"

#include "rtp/bytes.h"

enum {
	BIT_I = 0x80,
	BIT_P = 0x40,
	BIT_L = 0x20,
	BIT_F = 0x10,
	BIT_B = 0x08,
	BIT_E = 0x04
};
enum { BIT_V = 0x02, BIT_U = 0x10, BIT_Y = 0x10, P_DIFFS = 3 };

/* PictureID and layer indices; false: they do not fit. ret_at: what follows. */
static bool read_indices(
	const uint8_t *p, size_t len, struct layer_info *r, size_t *ret_at)
{
	size_t at = 1;

	if (p[0] & BIT_I) {
		if (at >= len || (p[at] & 0x80 && at + 1 >= len))
			return false;
		r->picture_id_at = (uint8_t)at;
		r->picture_id_len = p[at] & 0x80 ? 2 : 1;
		r->picture_id = r->picture_id_len == 2
					? get_u16(p + at) & 0x7fff
					: p[at];
		at += r->picture_id_len;
	}
	*ret_at = at;
	if (!(p[0] & BIT_L))
		return true;
	if (at >= len)
		return false;
	r->temporal = p[at] >> 5;
	r->spatial = p[at] >> 1 & 7;
	r->up_temporal = r->up_after = p[at++] & BIT_U;
	*ret_at = at;
	if (p[0] & BIT_F)
		return true;
	if (at >= len)
		return false;
	r->tl0_at = (uint8_t)at;
	r->tl0 = p[at];
	*ret_at = at + 1;
	return true;
}

/* How large each spatial layer is, if the scalability structure says so. What
 * does not fit is not told: nothing else depends on it. */
static void read_sizes(
	const uint8_t *p, size_t len, size_t at, struct layer_info *r)
{
	unsigned n;

	/* The pictures that this one refers to. */
	if (p[0] & BIT_F && p[0] & BIT_P)
		for (unsigned i = 0; i < P_DIFFS && at < len; i++)
			if (!(p[at++] & 1))
				break;
	if (at >= len || !(p[at] & BIT_Y))
		return;
	n = (p[at++] >> 5) + 1u;
	for (unsigned i = 0; i < n && i < LAYER_SIZES && at + 4 <= len; i++) {
		r->lines[i] = get_u16(p + at + 2);
		at += 4;
	}
}

static bool read_descriptor(const uint8_t *p, size_t len, struct layer_info *r)
{
	size_t at;

	return read_indices(p, len, r, &at);
}

/* A picture of several spatial layers starts with the lowest. */
static bool starts_frame(const uint8_t *p, size_t len)
{
	struct layer_info i = { .spatial = 0 };

	return len > 1 && p[0] & BIT_B && read_descriptor(p, len, &i) &&
	       i.spatial == 0;
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	return starts_frame(p, len) && !(p[0] & BIT_P);
}

static bool layer(const uint8_t *p, size_t len, struct layer_info *ret)
{
	size_t at;

	*ret = (struct layer_info){ .start = false };
	if (len < 1)
		return false;
	if (!read_indices(p, len, ret, &at)) {
		*ret = (struct layer_info){ .start = false };
		return false;
	}
	if (p[0] & BIT_V)
		read_sizes(p, len, at, ret);
	ret->start = p[0] & BIT_B;
	ret->end = p[0] & BIT_E;
	ret->up_spatial = !(p[0] & BIT_P);
	ret->key = ret->up_spatial && ret->spatial == 0;
	/* U tells of pictures to come. Of this one browsers set it where it
	 * uses lower temporal layers only, which is what the field goes by. */
	ret->up_temporal |= ret->up_spatial;
	ret->up_after |= ret->up_spatial;
	return true;
}

const struct codec codec_vp9 = {
	.name = "VP9",
	.video = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
	.layer = layer,
};
