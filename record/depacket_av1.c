/*
 * AV1 ("RTP Payload Format For AV1", 4.4): OBU elements, whole or in fragments,
 * become OBUs with a size field (AV1 5.3), as files want them. Temporal
 * delimiters go: a container's block is a temporal unit.
 */
#include "record/depacket.h"

#include <errno.h>
#include <string.h>

#include "record/depacket_bits.h"

enum { BIT_Z = 0x80, BIT_Y = 0x40 };
enum { OBU_FORBIDDEN = 0x80, OBU_EXTENSION = 0x04, OBU_HAS_SIZE = 0x02 };
enum {
	OBU_SEQUENCE = 1,
	OBU_DELIMITER = 2,
	OBU_FRAME_HEADER = 3,
	OBU_FRAME = 6
};
enum { KEY_FRAME = 0, LEB128_MAX = 5 };

bool depacket_av1_leb128(const uint8_t *p, size_t len, size_t *at, size_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < LEB128_MAX && *at < len; i++) {
		uint8_t b = p[(*at)++];

		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80)) {
			*ret = (size_t)v;
			return true;
		}
	}
	return false;
}

static size_t write_leb128(uint8_t ret[LEB128_MAX], size_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		ret[n++] = (uint8_t)(v | 0x80);
	ret[n++] = (uint8_t)v;
	return n;
}

/* The first frame header of a temporal unit says whether it is a key frame. */
static void note_frame(struct depacket *d, const uint8_t *p, size_t len)
{
	struct bits b;

	if (d->seen_slice)
		return;
	d->seen_slice = true;
	if (d->setup_len == 0)
		return;
	bits_init(&b, p, len);
	if (!d->av1.still && bits_read(&b, 1)) /* show_existing_frame */
		return;
	d->key = d->av1.still || bits_read(&b, 2) == KEY_FRAME;
	if (b.short_of)
		d->key = false;
}

/* obu: the whole one, as it goes into a file; its payload begins at head. */
static int note_obu(
	struct depacket *d, const uint8_t *obu, size_t len, size_t head)
{
	switch (obu[0] >> 3 & 15) {
	case OBU_SEQUENCE:
		if (len > DEPACKET_SET_MAX ||
			!depacket_av1_sequence(obu + head, len - head,
				&d->av1.still, &d->setup_width,
				&d->setup_height))
			return -EBADMSG;
		memcpy(d->setup, obu, len);
		d->setup_len = len;
		return 0;
	case OBU_FRAME_HEADER:
	case OBU_FRAME:
		note_frame(d, obu + head, len - head);
		return 0;
	default:
		return 0;
	}
}

/* What of an OBU is its head (ret_head bytes), where its payload stands and how
 * long that is. false: it is none. */
static bool obu_parts(const uint8_t *obu, size_t len, size_t *ret_head,
	size_t *ret_at, size_t *ret_body)
{
	size_t head, at, body;

	if (len == 0 || obu[0] & OBU_FORBIDDEN)
		return false;
	at = head = obu[0] & OBU_EXTENSION ? 2 : 1;
	if (len < head)
		return false;
	body = len - head;
	if (obu[0] & OBU_HAS_SIZE &&
		(!depacket_av1_leb128(obu, len, &at, &body) || body > len - at))
		return false;
	*ret_head = head;
	*ret_at = at;
	*ret_body = body;
	return true;
}

/* The OBU at part_at is whole: gives it a size field, if it has none. */
static int close_obu(struct depacket *d)
{
	size_t len = d->len - d->part_at;
	uint8_t *obu = len ? d->data + d->part_at : NULL;
	uint8_t size[LEB128_MAX];
	size_t head, at, body, n;

	if (!obu_parts(obu, len, &head, &at, &body)) {
		depacket_part_drop(d);
		return -EBADMSG;
	}
	depacket_part_close(d);
	if ((obu[0] >> 3 & 15) == OBU_DELIMITER) {
		d->len = d->part_at;
		return 0;
	}
	n = write_leb128(size, body);
	/* Room for the size; what is written there does not matter. */
	if (head + n > at && !depacket_append(d, size, head + n - at)) {
		depacket_part_drop(d);
		return 0;
	}
	obu = d->data + d->part_at;
	memmove(obu + head + n, obu + at, body);
	memcpy(obu + head, size, n);
	obu[0] |= OBU_HAS_SIZE;
	d->len = d->part_at + head + n + body;
	return note_obu(d, obu, head + n + body, head + n);
}

/* The length of the element with that index at *at; the last of an announced
 * number has none written. */
static bool element_len(
	const uint8_t *p, size_t len, size_t *at, unsigned index, size_t *ret)
{
	unsigned announced = p[0] >> 4 & 3;

	if (announced && index >= announced)
		return false;
	if (announced && index == announced - 1)
		*ret = len - *at;
	else if (!depacket_av1_leb128(p, len, at, ret))
		return false;
	return *ret <= len - *at;
}

/* more: it goes on in the next packet. */
static int add_element(struct depacket *d, const uint8_t *p, size_t len,
	bool continues, bool more)
{
	if (!continues)
		depacket_part_open(d);
	/* Behind a hole: the rest of an OBU whose beginning is lost. */
	if (!d->part)
		return d->broken ? 0 : -EBADMSG;
	if (!depacket_append(d, p, len)) {
		depacket_part_drop(d);
		return 0;
	}
	return more ? 0 : close_obu(d);
}

static int packet(struct depacket *d, const uint8_t *p, size_t len)
{
	size_t at = 1, n;
	int err = 0;

	for (unsigned i = 0; at < len; i++) {
		if (!element_len(p, len, &at, i, &n))
			return -EBADMSG;
		if (add_element(d, p + at, n, i == 0 && p[0] & BIT_Z,
			    at + n == len && p[0] & BIT_Y))
			err = -EBADMSG;
		at += n;
	}
	return err;
}

static void end(struct depacket *d)
{
	d->width = d->key ? d->setup_width : 0;
	d->height = d->key ? d->setup_height : 0;
}

const struct depacket_codec depacket_av1 = {
	.packet = packet,
	.end = end,
};
