/*
 * VP9: the payload descriptor of RFC 9628 4.2 goes. The spatial layers of a
 * picture become one superframe (VP9 bitstream specification, annex B): without
 * its index a decoder would take the first layer and throw away the rest.
 */
#include "record/depacket.h"

#include <errno.h>

#include "record/depacket_bits.h"

enum {
	BIT_I = 0x80,
	BIT_P = 0x40,
	BIT_L = 0x20,
	BIT_F = 0x10,
	BIT_B = 0x08,
	BIT_E = 0x04,
	BIT_V = 0x02
};
enum { SYNC_CODE = 0x498342, COLORS_RGB = 7 };

/* Skips the scalability structure; the size is that of its highest layer. */
static void read_structure(struct depacket *d, struct bits *b)
{
	unsigned n = bits_read(b, 3) + 1;
	bool sizes = bits_read(b, 1);
	bool pictures = bits_read(b, 1);

	bits_skip(b, 3);
	for (unsigned i = 0; sizes && i < n; i++) {
		d->width = bits_read(b, 16);
		d->height = bits_read(b, 16);
	}
	if (!pictures)
		return;
	n = bits_read(b, 8);
	for (unsigned i = 0; i < n; i++) {
		unsigned refs;

		bits_skip(b, 4);
		refs = bits_read(b, 2);
		bits_skip(b, 2 + refs * 8);
	}
}

/* Length of the payload descriptor, or 0. */
static size_t read_descriptor(struct depacket *d, const uint8_t *p, size_t len)
{
	struct bits b;

	bits_init(&b, p, len);
	bits_skip(&b, 8);
	if (p[0] & BIT_I)
		bits_skip(&b, bits_read(&b, 1) ? 15 : 7);
	if (p[0] & BIT_L)
		bits_skip(&b, p[0] & BIT_F ? 8 : 16);
	if ((p[0] & (BIT_F | BIT_P)) == (BIT_F | BIT_P)) {
		for (unsigned i = 0; i < 3; i++) {
			bits_skip(&b, 7);
			if (!bits_read(&b, 1))
				break;
		}
	}
	if (p[0] & BIT_V)
		read_structure(d, &b);
	return b.short_of ? 0 : b.at / 8;
}

static int packet(struct depacket *d, const uint8_t *p, size_t len)
{
	size_t n = read_descriptor(d, p, len);

	if (n == 0 || n >= len)
		return -EBADMSG;
	if (p[0] & BIT_B) {
		if (d->vp9.n_layers == DEPACKET_LAYERS)
			return -EBADMSG;
		depacket_part_open(d);
		d->vp9.layer_at[d->vp9.n_layers++] = d->len;
	}
	/* Behind a hole: the rest of a layer that was dropped. */
	if (!d->part)
		return d->broken ? 0 : -EBADMSG;
	if (!depacket_append(d, p + n, len - n))
		depacket_part_drop(d);
	else if (p[0] & BIT_E)
		depacket_part_close(d);
	return 0;
}

static void read_color(struct bits *b, unsigned profile)
{
	unsigned space;

	if (profile >= 2)
		bits_skip(b, 1);
	space = bits_read(b, 3);
	if (space != COLORS_RGB)
		bits_skip(b, profile & 1 ? 4 : 1);
	else
		bits_skip(b, profile & 1 ? 1 : 0);
}

/* The uncompressed header (6.2), as far as the size of a key frame. */
static void read_header(struct depacket *d)
{
	struct bits b;
	unsigned profile, width, height;

	bits_init(&b, d->data, d->len);
	if (bits_read(&b, 2) != 2)
		return;
	profile = bits_read(&b, 1);
	profile |= bits_read(&b, 1) << 1;
	if (profile == 3)
		bits_skip(&b, 1);
	if (bits_read(&b, 1)) /* show_existing_frame */
		return;
	if (bits_read(&b, 1)) /* not a key frame */
		return;
	bits_skip(&b, 2);
	if (bits_read(&b, 24) != SYNC_CODE)
		return;
	read_color(&b, profile);
	width = bits_read(&b, 16) + 1;
	height = bits_read(&b, 16) + 1;
	if (b.short_of)
		return;
	d->key = true;
	if (d->width == 0 || d->height == 0 || d->vp9.n_layers == 1) {
		d->width = width;
		d->height = height;
	}
}

static unsigned bytes_for(size_t value)
{
	unsigned n = 1;

	while (n < 4 && value >> (8 * n))
		n++;
	return n;
}

/* Layers that were dropped begin where the next one does: of no length. */
static unsigned layer_sizes(
	const struct depacket *d, size_t ret[DEPACKET_LAYERS], size_t *ret_max)
{
	unsigned n = 0;

	*ret_max = 0;
	for (unsigned i = 0; i < d->vp9.n_layers; i++) {
		size_t next = i + 1 < d->vp9.n_layers ? d->vp9.layer_at[i + 1]
						      : d->len;
		size_t size = next - d->vp9.layer_at[i];

		if (size == 0)
			continue;
		ret[n++] = size;
		if (size > *ret_max)
			*ret_max = size;
	}
	return n;
}

static void write_index(struct depacket *d)
{
	uint8_t index[2 + DEPACKET_LAYERS * 4];
	size_t size[DEPACKET_LAYERS], max, len = 0;
	unsigned n = layer_sizes(d, size, &max);
	unsigned bytes = bytes_for(max);
	uint8_t mark;

	if (n < 2)
		return;
	mark = (uint8_t)(0xc0 | (bytes - 1) << 3 | (n - 1));
	index[len++] = mark;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < bytes; k++)
			index[len++] = (uint8_t)(size[i] >> (8 * k));
	index[len++] = mark;
	depacket_append(d, index, len);
}

static void end(struct depacket *d)
{
	read_header(d);
	write_index(d);
}

const struct depacket_codec depacket_vp9 = {
	.packet = packet,
	.end = end,
};
