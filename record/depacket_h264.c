/*
 * H.264 (RFC 6184): single NAL units, STAP-A and FU-A, which is what WebRTC
 * uses (RFC 7742 6.2); STAP-B, MTAP and FU-B are refused. Out comes Annex B.
 */
#include "record/depacket.h"

#include <errno.h>
#include <string.h>

#include "record/depacket_bits.h"
#include "rtp/bytes.h"

enum {
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_STAP_A = 24,
	NAL_FU_A = 28,
	NAL_TYPE = 31
};
enum { FU_START = 0x80, FU_END = 0x40, START_CODE = 4 };

static const uint8_t start_code[START_CODE] = { 0, 0, 0, 1 };

static void setup_append(struct depacket *d, const struct depacket_set *s)
{
	memcpy(d->setup + d->setup_len, start_code, START_CODE);
	memcpy(d->setup + d->setup_len + START_CODE, s->nal, s->len);
	d->setup_len += START_CODE + s->len;
}

/* All SPS, then all PPS; one kind alone is no use. */
static void setup_build(struct depacket *d)
{
	static const uint8_t types[] = { NAL_SPS, NAL_PPS };

	d->setup_len = 0;
	for (unsigned t = 0; t < 2; t++) {
		size_t before = d->setup_len;

		for (unsigned i = 0; i < DEPACKET_SETS; i++) {
			const struct depacket_set *s = &d->h264.set[i];

			if (s->len && s->type == types[t])
				setup_append(d, s);
		}
		if (d->setup_len == before) {
			d->setup_len = 0;
			return;
		}
	}
}

static struct depacket_set *set_of(
	struct depacket *d, uint8_t type, uint32_t id)
{
	struct depacket_set *s;

	for (unsigned i = 0; i < DEPACKET_SETS; i++) {
		s = &d->h264.set[i];
		if (s->len && s->type == type && s->id == id)
			return s;
	}
	s = &d->h264.set[d->h264.next_set];
	d->h264.next_set = (d->h264.next_set + 1) % DEPACKET_SETS;
	return s;
}

static bool note_set(struct depacket *d, const uint8_t *nal, size_t len)
{
	uint8_t type = nal[0] & NAL_TYPE;
	struct depacket_set *s;
	uint32_t id;

	if (len > DEPACKET_SET_MAX)
		return false;
	if (type == NAL_SPS) {
		if (!depacket_h264_sps(
			    nal, len, &id, &d->setup_width, &d->setup_height))
			return false;
	} else {
		struct bits b;

		bits_init(&b, nal + 1, len - 1);
		id = bits_ue(&b);
		if (b.short_of)
			return false;
	}
	s = set_of(d, type, id);
	s->type = type;
	s->id = id;
	s->len = len;
	memcpy(s->nal, nal, len);
	setup_build(d);
	return true;
}

/* A whole NAL unit stands at the end of the frame. */
static int note_nal(struct depacket *d, size_t at)
{
	const uint8_t *nal = d->data + at;
	uint8_t type = nal[0] & NAL_TYPE;

	if (type >= NAL_SLICE && type <= NAL_IDR)
		d->seen_slice = true;
	if (type == NAL_IDR)
		d->key = true;
	if (type == NAL_SPS || type == NAL_PPS)
		return note_set(d, nal, d->len - at) ? 0 : -EBADMSG;
	return 0;
}

static int add_nal(struct depacket *d, const uint8_t *nal, size_t len)
{
	depacket_part_open(d);
	if (!depacket_append(d, start_code, START_CODE) ||
		!depacket_append(d, nal, len)) {
		depacket_part_drop(d);
		return 0;
	}
	depacket_part_close(d);
	return note_nal(d, d->len - len);
}

static int add_stap(struct depacket *d, const uint8_t *p, size_t len)
{
	size_t at = 1;
	int err = 0;

	while (at < len) {
		size_t n;

		if (len - at < 3)
			return -EBADMSG;
		n = get_u16(p + at);
		at += 2;
		if (n == 0 || n > len - at)
			return -EBADMSG;
		if (add_nal(d, p + at, n))
			err = -EBADMSG;
		at += n;
	}
	return err;
}

static int add_fragment(struct depacket *d, const uint8_t *p, size_t len)
{
	uint8_t header;

	if (len < 3)
		return -EBADMSG;
	if (p[1] & FU_START) {
		header = (uint8_t)((p[0] & 0xe0) | (p[1] & NAL_TYPE));
		depacket_part_open(d);
		if (!depacket_append(d, start_code, START_CODE) ||
			!depacket_append(d, &header, 1)) {
			depacket_part_drop(d);
			return 0;
		}
	}
	/* Behind a hole: the rest of a unit whose beginning is lost. */
	if (!d->part)
		return d->broken ? 0 : -EBADMSG;
	if (!depacket_append(d, p + 2, len - 2)) {
		depacket_part_drop(d);
		return 0;
	}
	if (!(p[1] & FU_END))
		return 0;
	depacket_part_close(d);
	return note_nal(d, d->part_at + START_CODE);
}

static int packet(struct depacket *d, const uint8_t *p, size_t len)
{
	uint8_t type = p[0] & NAL_TYPE;

	if (type == NAL_STAP_A)
		return add_stap(d, p, len);
	if (type == NAL_FU_A)
		return add_fragment(d, p, len);
	if (type == 0 || type > NAL_STAP_A - 1)
		return -EBADMSG;
	return add_nal(d, p, len);
}

static void end(struct depacket *d)
{
	/* Parameter sets alone are no picture; they have been noted. */
	if (!d->seen_slice)
		d->len = 0;
	if (!d->setup_len)
		d->key = false;
	d->width = d->key ? d->setup_width : 0;
	d->height = d->key ? d->setup_height : 0;
}

const struct depacket_codec depacket_h264 = {
	.packet = packet,
	.end = end,
};
