/* H.264: single NAL units, STAP-A and FU-A of RFC 6184 5.6 to 5.8; what WebRTC
 * uses of it (RFC 7742 6.2). */
#include "rtp/codec.h"
#include "rtp/bytes.h"

enum {
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SEI = 6,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_AUD = 9,
	NAL_STAP_A = 24,
	NAL_FU_A = 28
};

/* What one NAL unit says; body is what follows its header byte. */
typedef bool judge(uint8_t type, const uint8_t *body, size_t len);

/* first_mb_in_slice is 0: one bit in exp-Golomb. */
static bool first_slice(const uint8_t *body, size_t len)
{
	return len > 0 && body[0] & 0x80;
}

static bool nal_is_key(uint8_t type, const uint8_t *body, size_t len)
{
	return type == NAL_SPS || (type == NAL_IDR && first_slice(body, len));
}

static bool nal_starts(uint8_t type, const uint8_t *body, size_t len)
{
	if (type >= NAL_SEI && type <= NAL_AUD)
		return true;
	return (type == NAL_SLICE || type == NAL_IDR) && first_slice(body, len);
}

static bool any_in_stap(const uint8_t *p, size_t len, judge *test)
{
	size_t at = 1;

	while (len - at > 2) {
		size_t size = get_u16(p + at);

		at += 2;
		if (size == 0 || size > len - at)
			return false;
		if (test(p[at] & 31, p + at + 1, size - 1))
			return true;
		at += size;
	}
	return false;
}

static bool any_nal(const uint8_t *p, size_t len, judge *test)
{
	if (len < 2)
		return false;
	switch (p[0] & 31) {
	case NAL_STAP_A:
		return any_in_stap(p, len, test);
	case NAL_FU_A:
		return p[1] & 0x80 && test(p[1] & 31, p + 2, len - 2);
	default:
		return test(p[0] & 31, p + 1, len - 1);
	}
}

static bool is_keyframe(const uint8_t *p, size_t len)
{
	return any_nal(p, len, nal_is_key);
}

static bool starts_frame(const uint8_t *p, size_t len)
{
	return any_nal(p, len, nal_starts);
}

/* nal_ref_idc of the payload's first byte; of a STAP-A the highest one of its
 * units (RFC 6184 5.7.1), of an FU-A its unit's (5.8). */
static bool layer(const uint8_t *p, size_t len, struct layer_info *ret)
{
	*ret = (struct layer_info){ .start = false };
	if (len < 2)
		return false;
	ret->start = starts_frame(p, len);
	ret->key = is_keyframe(p, len);
	ret->up_spatial = ret->up_temporal = ret->key;
	ret->discardable = (p[0] & 0x60) == 0;
	return true;
}

const struct codec codec_h264 = {
	.name = "H264",
	.video = true,
	.described = true,
	.clock_hz = 90000,
	.is_keyframe = is_keyframe,
	.starts_frame = starts_frame,
	.layer = layer,
};
