/* The size of the picture in an H.264 sequence parameter set (7.3.2.1.1). */
#include "record/depacket.h"

#include <string.h>

#include "record/depacket_bits.h"

enum { SIZE_MAX_PX = 16384, CYCLE_MAX = 255 };

/* What of an SPS the size depends on. */
struct sps {
	uint32_t id, chroma, width_mbs, height_units, frame_only;
	uint32_t left, right, top, bottom; /* cropping */
};

/* 7.3.1: of 00 00 03 the 3 is not the syntax's. Returns the length. */
static size_t unescape(
	const uint8_t *p, size_t len, uint8_t ret[DEPACKET_SET_MAX])
{
	size_t n = 0;
	unsigned zeros = 0;

	for (size_t i = 0; i < len && n < DEPACKET_SET_MAX; i++) {
		if (zeros >= 2 && p[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = p[i] ? 0 : zeros + 1;
		ret[n++] = p[i];
	}
	return n;
}

static bool has_chroma(uint32_t profile)
{
	static const uint8_t profiles[] = { 100, 110, 122, 244, 44, 83, 86, 118,
		128, 138, 139, 134, 135 };

	for (unsigned i = 0; i < sizeof(profiles); i++)
		if (profiles[i] == profile)
			return true;
	return false;
}

static void skip_scaling_list(struct bits *b, unsigned n)
{
	int64_t last = 8, next = 8;

	for (unsigned i = 0; i < n && next != 0 && !b->short_of; i++) {
		next = (last + bits_se(b)) & 255;
		if (next != 0)
			last = next;
	}
}

static void read_chroma(struct bits *b, struct sps *s)
{
	uint32_t lists;

	s->chroma = bits_ue(b);
	lists = s->chroma == 3 ? 12 : 8;
	if (s->chroma == 3 && bits_read(b, 1))
		s->chroma = 0; /* separate planes are as large as luma */
	bits_ue(b);
	bits_ue(b);
	bits_skip(b, 1);
	if (!bits_read(b, 1))
		return;
	for (uint32_t i = 0; i < lists; i++)
		if (bits_read(b, 1))
			skip_scaling_list(b, i < 6 ? 16 : 64);
}

static void skip_order_count(struct bits *b)
{
	uint32_t type = bits_ue(b), n;

	if (type == 0)
		bits_ue(b);
	if (type != 1)
		return;
	bits_skip(b, 1);
	bits_se(b);
	bits_se(b);
	n = bits_ue(b);
	if (n > CYCLE_MAX)
		b->short_of = true;
	for (uint32_t i = 0; i < n && !b->short_of; i++)
		bits_se(b);
}

static void read_sps(struct bits *b, struct sps *s)
{
	uint32_t profile = bits_read(b, 8);

	bits_skip(b, 16);
	s->id = bits_ue(b);
	s->chroma = 1;
	if (has_chroma(profile))
		read_chroma(b, s);
	bits_ue(b);
	skip_order_count(b);
	bits_ue(b);
	bits_skip(b, 1);
	s->width_mbs = bits_ue(b) + 1;
	s->height_units = bits_ue(b) + 1;
	s->frame_only = bits_read(b, 1);
	if (!s->frame_only)
		bits_skip(b, 1);
	bits_skip(b, 1);
	if (!bits_read(b, 1))
		return;
	s->left = bits_ue(b);
	s->right = bits_ue(b);
	s->top = bits_ue(b);
	s->bottom = bits_ue(b);
}

/* 7.4.2.1.1: cropping counts in chroma samples, and in pairs of lines where
 * there may be fields. */
static bool size_of(const struct sps *s, unsigned *ret_w, unsigned *ret_h)
{
	uint64_t fields = s->frame_only ? 1 : 2;
	uint64_t unit_x = s->chroma == 1 || s->chroma == 2 ? 2 : 1;
	uint64_t unit_y = (s->chroma == 1 ? 2 : 1) * fields;
	uint64_t w = (uint64_t)s->width_mbs * 16;
	uint64_t h = (uint64_t)s->height_units * 16 * fields;
	uint64_t cut_x = unit_x * ((uint64_t)s->left + s->right);
	uint64_t cut_y = unit_y * ((uint64_t)s->top + s->bottom);

	if (w > SIZE_MAX_PX || h > SIZE_MAX_PX || cut_x >= w || cut_y >= h)
		return false;
	*ret_w = (unsigned)(w - cut_x);
	*ret_h = (unsigned)(h - cut_y);
	return true;
}

bool depacket_h264_sps(const uint8_t *nal, size_t len, uint32_t *ret_id,
	unsigned *ret_width, unsigned *ret_height)
{
	uint8_t rbsp[DEPACKET_SET_MAX];
	struct sps s;
	struct bits b;

	if (len < 2)
		return false;
	memset(&s, 0, sizeof(s));
	bits_init(&b, rbsp, unescape(nal + 1, len - 1, rbsp));
	read_sps(&b, &s);
	if (b.short_of || !size_of(&s, ret_width, ret_height))
		return false;
	*ret_id = s.id;
	return true;
}
