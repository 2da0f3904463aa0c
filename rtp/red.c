#include "rtp/red.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "rtp/bytes.h"
#include "rtp/history.h"
#include "rtp/packet.h"

/* A block's header: F, payload type, 14 bits of offset, 10 of length; the
 * primary's is one byte without F. */
enum { BLOCK_HEADER = 4, PRIMARY_HEADER = 1, BIT_F = 0x80 };

int red_parse(const uint8_t *p, size_t len, struct red_block ret[RED_BLOCKS])
{
	size_t at = 0, data;
	int n = 0;

	while (at < len && p[at] & BIT_F) {
		uint32_t rest;

		if (n + 1 == RED_BLOCKS || len - at < BLOCK_HEADER)
			return -EBADMSG;
		rest = get_u24(p + at + 1);
		ret[n++] = (struct red_block){ .pt = p[at] & 0x7f,
			.offset = (uint16_t)(rest >> 10),
			.len = rest & RED_LEN_MAX };
		at += BLOCK_HEADER;
	}
	if (at == len)
		return -EBADMSG;
	ret[n] = (struct red_block){ .pt = p[at] };
	data = at + PRIMARY_HEADER;
	for (int i = 0; i < n; i++) {
		if (ret[i].len > len - data)
			return -EBADMSG;
		ret[i].data = p + data;
		data += ret[i].len;
	}
	ret[n].data = p + data;
	ret[n].len = len - data;
	return n + 1;
}

int red_primary(const uint8_t *p, size_t len, uint8_t pt, const uint8_t **ret,
	size_t *ret_len)
{
	struct red_block block[RED_BLOCKS];
	int n = red_parse(p, len, block);

	if (n < 0 || block[n - 1].pt != pt)
		return -EBADMSG;
	*ret = block[n - 1].data;
	*ret_len = block[n - 1].len;
	return 0;
}

int red_set_pt(uint8_t *p, size_t len, uint8_t pt)
{
	struct red_block block[RED_BLOCKS];
	int n = red_parse(p, len, block);

	if (n < 0)
		return n;
	for (int i = 0; i < n - 1; i++)
		p[i * BLOCK_HEADER] = BIT_F | pt;
	p[(n - 1) * BLOCK_HEADER] = pt;
	return 0;
}

static bool read_older(const struct history *h, uint64_t seq, uint8_t pt,
	uint8_t red_pt, struct red_source *ret)
{
	struct rtp_packet p;
	size_t len;
	const uint8_t *buf = history_get(h, seq, &len);

	/* The view has a pointer to write through; nobody does. */
	if (!buf || rtp_parse(&p, (uint8_t *)(uintptr_t)buf, len) < 0)
		return false;
	*ret = (struct red_source){
		.ts = p.ts, .data = p.payload, .len = p.payload_len
	};
	if (p.pt == pt)
		return true;
	return red_pt && p.pt == red_pt &&
	       red_primary(p.payload, p.payload_len, pt, &ret->data,
		       &ret->len) == 0;
}

unsigned red_older(const struct history *h, uint64_t seq, uint8_t pt,
	uint8_t red_pt, struct red_source ret[RED_LEVELS])
{
	unsigned n = 0;

	for (unsigned back = RED_LEVELS; back > 0; back--)
		if (seq >= back &&
			read_older(h, seq - back, pt, red_pt, &ret[n]))
			n++;
	return n;
}

/* Is it worth a block of its own, with so many bytes left? */
static bool is_repeatable(const struct red_source *s, uint32_t ts, size_t left)
{
	uint32_t offset = ts - s->ts;

	return offset > 0 && offset <= RED_OFFSET_MAX && s->len > 0 &&
	       s->len <= RED_LEN_MAX && s->len + BLOCK_HEADER <= left;
}

size_t red_build(uint8_t *ret, size_t size, uint8_t pt, uint32_t ts,
	const struct red_source older[], unsigned n_older,
	const uint8_t *primary, size_t len)
{
	const struct red_source *taken[RED_LEVELS];
	unsigned n = 0;
	size_t left, at = 0;

	if (size < PRIMARY_HEADER || len > size - PRIMARY_HEADER)
		return 0;
	left = size - PRIMARY_HEADER - len;
	/* The newest first: it makes up for the likelier loss. */
	for (unsigned i = n_older; i > 0 && n < RED_LEVELS; i--) {
		if (!is_repeatable(&older[i - 1], ts, left))
			continue;
		left -= older[i - 1].len + BLOCK_HEADER;
		taken[n++] = &older[i - 1];
	}
	for (unsigned i = n; i > 0; i--, at += BLOCK_HEADER) {
		uint32_t offset = ts - taken[i - 1]->ts;

		ret[at] = BIT_F | pt;
		put_u24(ret + at + 1,
			offset << 10 | (uint32_t)taken[i - 1]->len);
	}
	ret[at++] = pt;
	for (unsigned i = n; i > 0; at += taken[--i]->len)
		memcpy(ret + at, taken[i - 1]->data, taken[i - 1]->len);
	if (len)
		memcpy(ret + at, primary, len);
	return at + len;
}
