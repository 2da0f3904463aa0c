/* VP8: the payload descriptor goes (RFC 7741 4.2), the rest is the frame. Key
 * frame and size: RFC 6386 9.1. */
#include "record/depacket.h"

#include <errno.h>

enum { BIT_X = 0x80, BIT_I = 0x80, BIT_L = 0x40, BITS_TK = 0x30 };
enum { KEY_HEADER = 10 };

/* Length of the payload descriptor, or 0. */
static size_t descriptor_len(const uint8_t *p, size_t len)
{
	size_t n = 1;

	if (!(p[0] & BIT_X))
		return n;
	if (len < 3)
		return 0;
	n = 2;
	if (p[1] & BIT_I)
		n += p[2] & 0x80 ? 2 : 1;
	n += p[1] & BIT_L ? 1 : 0;
	n += p[1] & BITS_TK ? 1 : 0;
	return n;
}

static int packet(struct depacket *d, const uint8_t *p, size_t len)
{
	size_t n = descriptor_len(p, len);

	if (n == 0 || n >= len)
		return -EBADMSG;
	/* Bytes behind a hole would stand in the wrong place. */
	if (d->broken)
		return 0;
	depacket_append(d, p + n, len - n);
	return 0;
}

static void end(struct depacket *d)
{
	const uint8_t *p = d->data;

	if (d->len < KEY_HEADER || p[0] & 1)
		return;
	if (p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a) {
		d->broken = true;
		return;
	}
	d->key = true;
	d->width = (unsigned)(p[6] | p[7] << 8) & 0x3fff;
	d->height = (unsigned)(p[8] | p[9] << 8) & 0x3fff;
}

const struct depacket_codec depacket_vp8 = {
	.packet = packet,
	.end = end,
};
