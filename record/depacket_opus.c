/* Opus: one packet, one frame (RFC 7587 4.2); its duration stands in the TOC
 * byte and, with code 3, the next (RFC 6716 3.1, 3.2.5). */
#include "record/depacket.h"

#include <errno.h>

enum { LONGEST_US = 120000 };

static unsigned frame_us(uint8_t toc)
{
	unsigned config = toc >> 3;

	if (config >= 16) /* CELT */
		return 2500u << (config & 3);
	if (config >= 12) /* hybrid */
		return config & 1 ? 20000 : 10000;
	return (config & 3) == 3 ? 60000 : 10000u << (config & 3);
}

static int packet(struct depacket *d, const uint8_t *p, size_t len)
{
	unsigned code = p[0] & 3;
	unsigned n = code == 0 ? 1 : 2;

	if (code == 3) {
		if (len < 2)
			return -EBADMSG;
		n = p[1] & 63;
	}
	if (n == 0 || n * frame_us(p[0]) > LONGEST_US)
		return -EBADMSG;
	d->duration_us = n * frame_us(p[0]);
	d->key = true;
	depacket_append(d, p, len);
	return 0;
}

const struct depacket_codec depacket_opus = {
	.packet = packet,
};
