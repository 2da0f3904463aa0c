#include "rtp/rtcp.h"

#include <errno.h>

#include "rtp/bytes.h"
#include "rtp/rtcp_wire.h"

enum { NACKS_AN_ITEM = RTCP_NACK_MAX / 17 };

static size_t packet_len(const uint8_t *p)
{
	return ((size_t)get_u16(p + 2) + 1) * 4;
}

/* Without padding; only called on packets that were checked. */
static size_t content_len(const uint8_t *p)
{
	size_t len = packet_len(p);

	return p[0] & 0x20 ? len - p[len - 1] : len;
}

static unsigned count_of(const uint8_t *p)
{
	return p[0] & 31;
}

static bool is_remb(const uint8_t *p, size_t len)
{
	return count_of(p) == FMT_AFB && len >= FB_LEN + 4 &&
	       get_u32(p + FB_LEN) == REMB_ID;
}

static bool check_psfb(const uint8_t *p, size_t len)
{
	if (len < FB_LEN)
		return false;
	if (count_of(p) == FMT_FIR)
		return (len - FB_LEN) % FIR_ENTRY == 0;
	if (is_remb(p, len))
		return len >= REMB_LEN && len - REMB_LEN >= p[16] * 4u;
	return true;
}

/* Does what the packet says it holds fit into len bytes? */
static bool check_content(const uint8_t *p, size_t len)
{
	switch (p[1]) {
	case PT_SR:
		return len >= SR_LEN + (size_t)count_of(p) * BLOCK_LEN;
	case PT_RR:
		return len >= RR_LEN + (size_t)count_of(p) * BLOCK_LEN;
	case PT_BYE:
		return len >= 4 + (size_t)count_of(p) * 4;
	case PT_RTPFB:
		return len >= FB_LEN;
	case PT_PSFB:
		return check_psfb(p, len);
	default:
		return true;
	}
}

/* Returns the length of the packet at p, or 0 if it lies. */
static size_t check_packet(const uint8_t *p, size_t room)
{
	size_t len, content;

	if (room < 4 || p[0] >> 6 != 2)
		return 0;
	len = packet_len(p);
	if (len > room)
		return 0;
	content = len;
	if (p[0] & 0x20) {
		uint8_t n = p[len - 1];

		/* RFC 3550 6.4.1: only on the last packet. Whole words, it
		 * says, but libwebrtc fills up the last word of its
		 * transport-wide feedback with one to three bytes. */
		if (len != room || n == 0 || n > len - 4)
			return 0;
		content -= n;
	}
	return check_content(p, content) ? len : 0;
}

int rtcp_walk_init(struct rtcp_walk *w, const uint8_t *buf, size_t len)
{
	size_t at = 0, n;

	if (len == 0)
		return -EBADMSG;
	while (at < len) {
		n = check_packet(buf + at, len - at);
		if (n == 0)
			return -EBADMSG;
		at += n;
	}
	w->p = buf;
	w->end = buf + len;
	w->entry = NULL;
	w->entries_left = 0;
	return 0;
}

static void read_blocks(struct rtcp_item *ret, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++, p += BLOCK_LEN) {
		struct rtcp_block *b = &ret->block[i];
		uint32_t lost = get_u24(p + 5);

		b->ssrc = get_u32(p);
		b->fraction_lost = p[4];
		b->lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
		b->highest_seq = get_u32(p + 8);
		b->jitter = get_u32(p + 12);
		b->lsr = get_u32(p + 16);
		b->dlsr = get_u32(p + 20);
	}
	ret->n_blocks = n;
}

static void read_sr(struct rtcp_item *ret, const uint8_t *p)
{
	ret->type = RTCP_SR;
	ret->ntp = get_u64(p + 8);
	ret->rtp_ts = get_u32(p + 16);
	ret->packets = get_u32(p + 20);
	ret->octets = get_u32(p + 24);
	read_blocks(ret, p + SR_LEN, count_of(p));
}

static void read_remb(struct rtcp_item *ret, const uint8_t *p)
{
	unsigned shift = p[17] >> 2;
	uint64_t mantissa = get_u24(p + 17) & 0x3ffff;

	ret->type = RTCP_REMB;
	if (mantissa << shift >> shift != mantissa)
		ret->remb_bps = UINT64_MAX;
	else
		ret->remb_bps = mantissa << shift;
}

static void expand_nack(struct rtcp_item *ret, const uint8_t *entry)
{
	uint16_t pid = get_u16(entry);
	uint16_t blp = get_u16(entry + 2);

	ret->nack[ret->n_nack++] = pid;
	for (unsigned i = 0; i < 16; i++)
		if (blp & 1u << i)
			ret->nack[ret->n_nack++] = (uint16_t)(pid + i + 1);
}

/* Packets that give several items: hands out the next, steps on at the end. */
static void read_entry(struct rtcp_walk *w, struct rtcp_item *ret)
{
	if (w->p[1] == PT_BYE) {
		ret->type = RTCP_BYE;
		ret->sender = get_u32(w->entry);
		w->entry += 4;
		w->entries_left--;
	} else if (w->p[1] == PT_PSFB) {
		ret->type = RTCP_FIR;
		ret->media = get_u32(w->entry);
		ret->fir_seq = w->entry[4];
		w->entry += FIR_ENTRY;
		w->entries_left--;
	} else {
		ret->type = RTCP_NACK;
		ret->media = get_u32(w->p + 8);
		for (unsigned i = 0; i < NACKS_AN_ITEM && w->entries_left;
			i++) {
			expand_nack(ret, w->entry);
			w->entry += NACK_ENTRY;
			w->entries_left--;
		}
	}
}

/* How many entries the packet gives one by one; -1: it is one item itself. */
static int count_entries(const uint8_t *p, const uint8_t **ret_first)
{
	size_t len = content_len(p);

	if (p[1] == PT_BYE) {
		*ret_first = p + 4;
		return (int)count_of(p);
	}
	*ret_first = p + FB_LEN;
	if (p[1] == PT_PSFB && count_of(p) == FMT_FIR)
		return (int)((len - FB_LEN) / FIR_ENTRY);
	if (p[1] == PT_RTPFB && count_of(p) == FMT_NACK)
		return (int)((len - FB_LEN) / NACK_ENTRY);
	return -1;
}

static void read_whole(struct rtcp_item *ret, const uint8_t *p)
{
	size_t len = content_len(p);

	if (p[1] == PT_SR) {
		read_sr(ret, p);
	} else if (p[1] == PT_RR) {
		ret->type = RTCP_RR;
		read_blocks(ret, p + RR_LEN, count_of(p));
	} else if (p[1] == PT_PSFB && count_of(p) == FMT_PLI) {
		ret->type = RTCP_PLI;
		ret->media = get_u32(p + 8);
	} else if (p[1] == PT_PSFB && is_remb(p, len)) {
		read_remb(ret, p);
	} else {
		ret->type = RTCP_OTHER;
		if (p[1] == PT_RTPFB && count_of(p) == FMT_TWCC) {
			ret->type = RTCP_TWCC;
			ret->media = get_u32(p + 8);
		}
		ret->body = p;
		ret->body_len = len;
	}
}

static void clear_item(struct rtcp_item *ret, const uint8_t *p)
{
	ret->type = RTCP_OTHER;
	ret->sender = content_len(p) >= 8 ? get_u32(p + 4) : 0;
	ret->media = ret->rtp_ts = ret->packets = ret->octets = 0;
	ret->ntp = ret->remb_bps = 0;
	ret->n_blocks = ret->n_nack = 0;
	ret->fir_seq = 0;
	ret->body = NULL;
	ret->body_len = 0;
}

bool rtcp_next(struct rtcp_walk *w, struct rtcp_item *ret)
{
	while (w->p < w->end) {
		int n = w->entries_left ? (int)w->entries_left
					: count_entries(w->p, &w->entry);

		if (n != 0)
			clear_item(ret, w->p);
		if (n < 0) {
			read_whole(ret, w->p);
		} else if (n > 0) {
			w->entries_left = (unsigned)n;
			read_entry(w, ret);
		}
		if (w->entries_left == 0)
			w->p += packet_len(w->p);
		if (n != 0)
			return true;
	}
	return false;
}
