#include "rtp/rtcp.h"

#include <string.h>

#include "rtp/bytes.h"
#include "rtp/rtcp_wire.h"

void rtcp_build_init(struct rtcp_build *b, uint8_t *buf, size_t cap)
{
	b->buf = buf;
	b->len = 0;
	b->cap = cap;
}

/* Takes len bytes (whole words) for a packet and writes its header; NULL when
 * they do not fit. */
static uint8_t *take(
	struct rtcp_build *b, unsigned count, uint8_t type, size_t len)
{
	uint8_t *p = b->buf + b->len;

	if (len > b->cap - b->len || len / 4 > 65536)
		return NULL;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	put_u16(p + 2, (uint16_t)(len / 4 - 1));
	b->len += len;
	return p;
}

static uint8_t *take_feedback(struct rtcp_build *b, unsigned fmt, uint8_t type,
	size_t len, uint32_t sender, uint32_t media)
{
	uint8_t *p = take(b, fmt, type, len);

	if (p) {
		put_u32(p + 4, sender);
		put_u32(p + 8, media);
	}
	return p;
}

static void write_blocks(uint8_t *p, const struct rtcp_block *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++, b++, p += BLOCK_LEN) {
		int32_t lost = b->lost;

		if (lost > 0x7fffff)
			lost = 0x7fffff;
		if (lost < -0x800000)
			lost = -0x800000;
		put_u32(p, b->ssrc);
		p[4] = b->fraction_lost;
		put_u24(p + 5, (uint32_t)lost & 0xffffff);
		put_u32(p + 8, b->highest_seq);
		put_u32(p + 12, b->jitter);
		put_u32(p + 16, b->lsr);
		put_u32(p + 20, b->dlsr);
	}
}

bool rtcp_add_sr(struct rtcp_build *b, uint32_t sender, uint64_t ntp,
	uint32_t rtp_ts, uint32_t packets, uint32_t octets,
	const struct rtcp_block *block, unsigned n)
{
	uint8_t *p;

	if (n > RTCP_BLOCKS_MAX)
		return false;
	p = take(b, n, PT_SR, SR_LEN + (size_t)n * BLOCK_LEN);
	if (!p)
		return false;
	put_u32(p + 4, sender);
	put_u64(p + 8, ntp);
	put_u32(p + 16, rtp_ts);
	put_u32(p + 20, packets);
	put_u32(p + 24, octets);
	write_blocks(p + SR_LEN, block, n);
	return true;
}

bool rtcp_add_rr(struct rtcp_build *b, uint32_t sender,
	const struct rtcp_block *block, unsigned n)
{
	uint8_t *p;

	if (n > RTCP_BLOCKS_MAX)
		return false;
	p = take(b, n, PT_RR, RR_LEN + (size_t)n * BLOCK_LEN);
	if (!p)
		return false;
	put_u32(p + 4, sender);
	write_blocks(p + RR_LEN, block, n);
	return true;
}

bool rtcp_add_cname(struct rtcp_build *b, uint32_t ssrc, const char *cname)
{
	size_t n = strlen(cname);
	size_t len;
	uint8_t *p;

	if (n > RTCP_CNAME_MAX)
		return false;
	/* At least one zero byte ends the chunk. */
	len = (10 + n + 1 + 3) / 4 * 4;
	p = take(b, 1, PT_SDES, len);
	if (!p)
		return false;
	put_u32(p + 4, ssrc);
	p[8] = SDES_CNAME;
	p[9] = (uint8_t)n;
	memcpy(p + 10, cname, n);
	memset(p + 10 + n, 0, len - 10 - n);
	return true;
}

bool rtcp_add_bye(struct rtcp_build *b, uint32_t ssrc)
{
	uint8_t *p = take(b, 1, PT_BYE, 8);

	if (p)
		put_u32(p + 4, ssrc);
	return p;
}

bool rtcp_add_pli(struct rtcp_build *b, uint32_t sender, uint32_t media)
{
	return take_feedback(b, FMT_PLI, PT_PSFB, FB_LEN, sender, media);
}

bool rtcp_add_fir(
	struct rtcp_build *b, uint32_t sender, uint32_t media, uint8_t seq)
{
	/* RFC 5104 4.3.1.2: the media SSRC stands in the entry, not before. */
	uint8_t *p = take_feedback(
		b, FMT_FIR, PT_PSFB, FB_LEN + FIR_ENTRY, sender, 0);

	if (!p)
		return false;
	put_u32(p + 12, media);
	p[16] = seq;
	put_u24(p + 17, 0);
	return true;
}

/* Is seq expressed in the bit mask of an entry that begins at pid? */
static bool in_mask(uint16_t pid, uint16_t seq)
{
	return (uint16_t)(seq - pid) <= 16;
}

/* How many entries the numbers need, at most max; *ret_n: how many of them are
 * then covered. */
static unsigned count_pairs(
	const uint16_t *seq, unsigned n, size_t max, unsigned *ret_n)
{
	unsigned pairs = 0, i;
	uint16_t pid = 0;

	for (i = 0; i < n; i++) {
		if (pairs && in_mask(pid, seq[i]))
			continue;
		if (pairs == max)
			break;
		pid = seq[i];
		pairs++;
	}
	*ret_n = i;
	return pairs;
}

unsigned rtcp_add_nack(struct rtcp_build *b, uint32_t sender, uint32_t media,
	const uint16_t *seq, unsigned n)
{
	size_t room = b->cap - b->len;
	unsigned pairs, fit;
	uint16_t pid = 0, blp = 0;
	uint8_t *p;

	if (n == 0 || room < FB_LEN + NACK_ENTRY)
		return 0;
	pairs = count_pairs(seq, n, (room - FB_LEN) / NACK_ENTRY, &fit);
	p = take_feedback(b, FMT_NACK, PT_RTPFB,
		FB_LEN + (size_t)pairs * NACK_ENTRY, sender, media);
	if (!p)
		return 0;
	p += FB_LEN - NACK_ENTRY;
	for (unsigned i = 0; i < fit; i++) {
		if (i == 0 || !in_mask(pid, seq[i])) {
			pid = seq[i];
			blp = 0;
			p += NACK_ENTRY;
			put_u16(p, pid);
		} else if (seq[i] != pid) {
			blp |= (uint16_t)(1u << (uint16_t)(seq[i] - pid - 1));
		}
		put_u16(p + 2, blp);
	}
	return fit;
}

bool rtcp_add_remb(struct rtcp_build *b, uint32_t sender, uint64_t bps,
	const uint32_t *ssrc, unsigned n)
{
	unsigned shift = 0;
	uint8_t *p;

	if (n > 255)
		return false;
	p = take_feedback(
		b, FMT_AFB, PT_PSFB, REMB_LEN + (size_t)n * 4, sender, 0);
	if (!p)
		return false;
	while (bps >> shift > 0x3ffff)
		shift++;
	put_u32(p + 12, REMB_ID);
	p[16] = (uint8_t)n;
	put_u24(p + 17, (uint32_t)(shift << 18) | (uint32_t)(bps >> shift));
	for (unsigned i = 0; i < n; i++)
		put_u32(p + REMB_LEN + i * 4, ssrc[i]);
	return true;
}

uint64_t rtcp_ntp(uint64_t wall_us)
{
	/* NTP counts from 1900, 70 years with 17 leap days before 1970. */
	uint64_t sec = wall_us / 1000000 + 2208988800u;

	return sec << 32 | ((wall_us % 1000000) << 32) / 1000000;
}
