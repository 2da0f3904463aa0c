/* The size of the picture in an AV1 sequence header (AV1 5.5.1). */
#include "record/depacket.h"

#include "record/depacket_bits.h"

/* What the operating points' fields depend on. */
struct model {
	bool some;
	unsigned delay_bits;
};

/* uvlc() of 4.10.3; its value is not needed. */
static void skip_uvlc(struct bits *b)
{
	unsigned zeros = 0;

	while (!bits_read(b, 1) && !b->short_of)
		zeros++;
	if (zeros < 32)
		bits_skip(b, zeros);
}

static void read_timing(struct bits *b, struct model *m)
{
	if (!bits_read(b, 1))
		return;
	bits_skip(b, 64);
	if (bits_read(b, 1))
		skip_uvlc(b);
	m->some = bits_read(b, 1);
	if (!m->some)
		return;
	m->delay_bits = bits_read(b, 5) + 1;
	bits_skip(b, 32 + 5 + 5);
}

static void skip_point(struct bits *b, const struct model *m, bool display)
{
	bits_skip(b, 12);
	if (bits_read(b, 5) > 7)
		bits_skip(b, 1);
	if (m->some && bits_read(b, 1))
		bits_skip(b, 2 * m->delay_bits + 1);
	if (display && bits_read(b, 1))
		bits_skip(b, 4);
}

bool depacket_av1_sequence(const uint8_t *p, size_t len, bool *ret_still,
	unsigned *ret_width, unsigned *ret_height)
{
	struct model m = { 0 };
	struct bits b;
	unsigned points, width_bits, height_bits, width, height;
	bool still, display;

	bits_init(&b, p, len);
	bits_skip(&b, 3 + 1);
	still = bits_read(&b, 1);
	if (still) {
		bits_skip(&b, 5);
	} else {
		read_timing(&b, &m);
		display = bits_read(&b, 1);
		points = bits_read(&b, 5) + 1;
		for (unsigned i = 0; i < points; i++)
			skip_point(&b, &m, display);
	}
	width_bits = bits_read(&b, 4) + 1;
	height_bits = bits_read(&b, 4) + 1;
	width = bits_read(&b, width_bits) + 1;
	height = bits_read(&b, height_bits) + 1;
	if (b.short_of)
		return false;
	*ret_still = still;
	*ret_width = width;
	*ret_height = height;
	return true;
}
