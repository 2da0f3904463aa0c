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
enum { BIT_U = 0x10 };

/* PictureID and layer indices; false: they do not fit. The rest of the
 * descriptor (P_DIFF, scalability structure) does not concern us. */
static bool read_descriptor(const uint8_t *p, size_t len, struct layer_info *r)
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
	if (!(p[0] & BIT_L))
		return true;
	if (at >= len)
		return false;
	r->temporal = p[at] >> 5;
	r->spatial = p[at] >> 1 & 7;
	r->up_temporal = r->up_after = p[at++] & BIT_U;
	if (p[0] & BIT_F)
		return true;
	if (at >= len)
		return false;
	r->tl0_at = (uint8_t)at;
	r->tl0 = p[at];
	return true;
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
	*ret = (struct layer_info){ .start = false };
	if (len < 1)
		return false;
	if (!read_descriptor(p, len, ret)) {
		*ret = (struct layer_info){ .start = false };
		return false;
	}
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
