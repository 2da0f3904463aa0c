#include "rtp/twcc.h"

#include <errno.h>

#include "rtp/bytes.h"
#include "rtp/rtcp_wire.h"

enum {
	TWCC_LEN = 20, /* with header, without chunks */
	RUN_MAX = 0x1fff,
	ONE_BIT = 14, /* symbols of a status vector chunk */
	TWO_BIT = 7,
	ABSENT = 0, /* symbols, 3.1.1 */
	SMALL = 1,
	LARGE = 2,
};

static bool is_run(uint16_t chunk)
{
	return !(chunk & 0x8000);
}

static unsigned symbols_in(uint16_t chunk)
{
	if (is_run(chunk))
		return chunk & RUN_MAX;
	return chunk & 0x4000 ? TWO_BIT : ONE_BIT;
}

static unsigned symbol_at(uint16_t chunk, unsigned i)
{
	if (is_run(chunk))
		return chunk >> 13 & 3;
	if (chunk & 0x4000)
		return chunk >> (12 - 2 * i) & 3;
	return chunk >> (13 - i) & 1;
}

/* Bytes of deltas of the first n symbols; -1: a reserved one is among them. */
static int deltas_of(uint16_t chunk, unsigned n)
{
	unsigned bytes = 0;

	if (is_run(chunk)) {
		unsigned symbol = symbol_at(chunk, 0);

		return symbol > LARGE ? -1 : (int)(n * symbol);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned symbol = symbol_at(chunk, i);

		if (symbol > LARGE)
			return -1;
		bytes += symbol;
	}
	return (int)bytes;
}

int twcc_walk_init(struct twcc_walk *w, const uint8_t *buf, size_t len)
{
	unsigned count, left;
	const uint8_t *p = buf + TWCC_LEN;
	size_t deltas = 0;

	if (len < TWCC_LEN)
		return -EBADMSG;
	count = left = get_u16(buf + 14);
	if (count == 0 || count > TWCC_COUNT_MAX)
		return -EBADMSG;
	while (left > 0) {
		unsigned n;
		int bytes;

		if ((size_t)(buf + len - p) < 2)
			return -EBADMSG;
		n = symbols_in(get_u16(p));
		if (n == 0)
			return -EBADMSG;
		if (n > left)
			n = left;
		bytes = deltas_of(get_u16(p), n);
		if (bytes < 0)
			return -EBADMSG;
		deltas += (size_t)bytes;
		left -= n;
		p += 2;
	}
	if ((size_t)(buf + len - p) < deltas)
		return -EBADMSG;
	*w = (struct twcc_walk){ .base = get_u16(buf + 12),
		.ref = get_u24(buf + 16),
		.number = buf[19],
		.count = count,
		.chunk = buf + TWCC_LEN,
		.delta = p };
	w->chunk_len = symbols_in(get_u16(w->chunk));
	return 0;
}

static int32_t next_delta(struct twcc_walk *w, unsigned symbol)
{
	int32_t ticks;

	if (symbol == SMALL) {
		ticks = *w->delta;
		w->delta++;
	} else {
		ticks = (int16_t)get_u16(w->delta);
		w->delta += 2;
	}
	return ticks;
}

bool twcc_next(struct twcc_walk *w, struct twcc_status *ret)
{
	unsigned symbol;

	if (w->at == w->count)
		return false;
	if (w->in_chunk == w->chunk_len) {
		w->chunk += 2;
		w->in_chunk = 0;
		w->chunk_len = symbols_in(get_u16(w->chunk));
	}
	symbol = symbol_at(get_u16(w->chunk), w->in_chunk++);
	ret->seq = (uint16_t)(w->base + w->at++);
	ret->received = symbol != ABSENT;
	ret->arrival_us = 0;
	if (ret->received) {
		/* Hostile deltas pile up beyond 32 bits of microseconds. */
		int32_t most = INT32_MAX / TWCC_TICK_US;

		w->ticks += next_delta(w, symbol);
		if (w->ticks > most)
			w->ticks = most;
		if (w->ticks < -most)
			w->ticks = -most;
		ret->arrival_us = w->ticks * TWCC_TICK_US;
	}
	return true;
}

uint64_t twcc_unwrap_ref(uint64_t last, uint32_t ref)
{
	uint32_t ahead = (ref - (uint32_t)last) & 0xffffff;

	if (ahead < 0x800000)
		return last + ahead;
	return last - (0x1000000 - ahead);
}

/* The symbol of a delta in ticks, or -1 if it cannot be expressed. */
static int symbol_of(int64_t ticks)
{
	if (ticks >= 0 && ticks <= 0xff)
		return SMALL;
	return ticks >= INT16_MIN && ticks <= INT16_MAX ? LARGE : -1;
}

struct plan {
	uint64_t ref;          /* in TWCC_REF_US */
	unsigned n;            /* packets */
	size_t deltas, chunks; /* bytes */
	uint8_t symbol[TWCC_BUILD_MAX];
};

static int64_t ticks_of(uint64_t us)
{
	return (int64_t)(us / TWCC_TICK_US);
}

/* Symbols up to the first packet that cannot be told. */
static void plan_symbols(struct plan *p, const uint64_t *arrival_us, unsigned n)
{
	int64_t last = 0;
	bool any = false;

	for (p->n = 0; p->n < n && p->n < TWCC_BUILD_MAX; p->n++) {
		uint64_t us = arrival_us[p->n];
		int symbol = ABSENT;

		if (us && !any) {
			any = true;
			p->ref = us / TWCC_REF_US;
			last = ticks_of(p->ref * TWCC_REF_US);
		}
		if (us) {
			symbol = symbol_of(ticks_of(us) - last);
			if (symbol < 0)
				break;
			last = ticks_of(us);
		}
		p->symbol[p->n] = (uint8_t)symbol;
	}
	if (!any)
		p->n = 0;
}

/* The next chunk: how many packets it takes, and its bits. A run where it is
 * longer than what a vector would hold. The last chunk may be longer than what
 * is left: the symbols behind are absent and not counted. */
static unsigned next_chunk(const struct plan *p, unsigned at, uint16_t *ret)
{
	unsigned left = p->n - at, run = 1, n, first = p->symbol[at];
	unsigned bits = 0;
	bool large = false;

	while (run < left && run < RUN_MAX && p->symbol[at + run] == first)
		run++;
	for (unsigned i = 0; i < ONE_BIT && i < left; i++)
		large |= p->symbol[at + i] == LARGE;
	n = large ? TWO_BIT : ONE_BIT;
	if (run >= n || run == left) {
		*ret = (uint16_t)(first << 13 | run);
		return run;
	}
	if (n > left)
		n = left;
	for (unsigned i = 0; i < n; i++)
		bits |= large ? (unsigned)p->symbol[at + i] << (12 - 2 * i)
			      : (unsigned)p->symbol[at + i] << (13 - i);
	*ret = (uint16_t)(0x8000 | (large ? 0x4000 : 0) | bits);
	return n;
}

/* Writes chunks while they and their deltas fit; p->n is cut to them. */
static uint8_t *write_chunks(struct plan *p, uint8_t *to, size_t room)
{
	unsigned at = 0;

	while (at < p->n) {
		uint16_t chunk;
		unsigned n = next_chunk(p, at, &chunk);
		size_t deltas = 0;

		for (unsigned i = 0; i < n; i++)
			deltas += p->symbol[at + i];
		if (p->chunks + p->deltas + 2 + deltas > room)
			break;
		put_u16(to, chunk);
		to += 2;
		p->chunks += 2;
		p->deltas += deltas;
		at += n;
	}
	p->n = at;
	return to;
}

static uint8_t *write_deltas(
	const struct plan *p, uint8_t *to, const uint64_t *arrival_us)
{
	int64_t last = ticks_of(p->ref * TWCC_REF_US);

	for (unsigned i = 0; i < p->n; i++) {
		int64_t ticks = ticks_of(arrival_us[i]) - last;

		if (p->symbol[i] == ABSENT)
			continue;
		last = ticks_of(arrival_us[i]);
		if (p->symbol[i] == SMALL) {
			*to++ = (uint8_t)ticks;
		} else {
			put_u16(to, (uint16_t)ticks);
			to += 2;
		}
	}
	return to;
}

size_t twcc_build(uint8_t *ret, size_t cap, uint32_t sender, uint32_t media,
	uint8_t number, uint16_t base, const uint64_t *arrival_us, unsigned n,
	unsigned *ret_n)
{
	struct plan p;
	uint8_t *to;
	size_t len;

	p.deltas = p.chunks = 0;
	p.ref = 0;
	cap &= ~(size_t)3;
	if (cap < TWCC_LEN + 4)
		return 0;
	plan_symbols(&p, arrival_us, n);
	to = write_chunks(&p, ret + TWCC_LEN, cap - TWCC_LEN);
	if (p.n == 0)
		return 0;
	to = write_deltas(&p, to, arrival_us);
	len = (size_t)(to - ret);
	/* Zeros, not RTCP padding: that may only end a compound. */
	for (; len & 3; len++)
		*to++ = 0;
	ret[0] = 0x80 | FMT_TWCC;
	ret[1] = PT_RTPFB;
	put_u16(ret + 2, (uint16_t)(len / 4 - 1));
	put_u32(ret + 4, sender);
	put_u32(ret + 8, media);
	put_u16(ret + 12, base);
	put_u16(ret + 14, (uint16_t)p.n);
	put_u24(ret + 16, (uint32_t)(p.ref & 0xffffff));
	ret[19] = number;
	*ret_n = p.n;
	return len;
}
