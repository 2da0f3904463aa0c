#include "rtp/rtx.h"

#include <errno.h>
#include <string.h>

#include "rtp/bytes.h"
#include "rtp/packet.h"

size_t rtx_wrap(uint8_t *ret, uint16_t osn, const uint8_t *payload, size_t len)
{
	put_u16(ret, osn);
	if (len)
		memcpy(ret + RTX_OSN_LEN, payload, len);
	return RTX_OSN_LEN + len;
}

int rtx_unwrap(uint8_t *buf, size_t len, uint8_t pt, uint32_t ssrc,
	uint8_t **ret, size_t *ret_len)
{
	struct rtp_packet p;
	uint8_t *header = buf + RTX_OSN_LEN;
	uint16_t osn;

	if (rtp_parse(&p, buf, len) < 0)
		return -EBADMSG;
	if (p.payload_len == 0)
		return -ENODATA;
	if (p.payload_len < RTX_OSN_LEN)
		return -EBADMSG;
	osn = get_u16(p.payload);
	/* The header moves over the OSN. */
	memmove(header, buf, (size_t)(p.payload - buf));
	header[1] = (uint8_t)((header[1] & 0x80) | (pt & 0x7f));
	put_u16(header + 2, osn);
	put_u32(header + 8, ssrc);
	*ret = header;
	*ret_len = len - RTX_OSN_LEN;
	return 0;
}

int rtx_pair(struct rtx_pairs *p, uint32_t rtx, uint32_t media)
{
	unsigned i = 0;

	if (!rtx || !media || rtx == media)
		return -EINVAL;
	while (i < p->n && p->pair[i].rtx != rtx)
		i++;
	if (i == RTX_STREAMS)
		return -ENOSPC;
	if (i == p->n)
		p->n++;
	p->pair[i].rtx = rtx;
	p->pair[i].media = media;
	return 0;
}

void rtx_unpair(struct rtx_pairs *p, uint32_t media)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < p->n; i++)
		if (p->pair[i].media != media)
			p->pair[kept++] = p->pair[i];
	p->n = kept;
}

uint32_t rtx_media(const struct rtx_pairs *p, uint32_t rtx)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->pair[i].rtx == rtx)
			return p->pair[i].media;
	return 0;
}
