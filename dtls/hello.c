#include "dtls/hello.h"

#include <stdbool.h>
#include <string.h>

enum {
	RECORD_HEADER = 13,
	MESSAGE_HEADER = 12,
	TYPE_HANDSHAKE = 22,
	TYPE_CLIENT_HELLO = 1
};

/* One fragment of a ClientHello; a view into the datagram. */
struct fragment {
	const uint8_t *record;
	const uint8_t *body;
	uint32_t total, from, len;
	uint16_t message_seq;
};

static uint32_t get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static void put24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}

static size_t record_len(const uint8_t *buf, size_t len)
{
	size_t n;

	if (len < RECORD_HEADER)
		return 0;
	n = RECORD_HEADER + ((size_t)buf[11] << 8 | buf[12]);
	return n <= len ? n : 0;
}

/* A handshake record of epoch 0, DTLS 1.x, that begins with a ClientHello. */
static bool is_hello(const uint8_t *record, size_t len)
{
	return len >= RECORD_HEADER + MESSAGE_HEADER &&
	       record[0] == TYPE_HANDSHAKE && record[1] == 0xfe &&
	       record[3] == 0 && record[4] == 0 &&
	       record[RECORD_HEADER] == TYPE_CLIENT_HELLO;
}

/* What mbedTLS takes as it is: one whole message in its record. A fragment
 * that lies is none, so that it is looked at here. */
static bool is_whole(const uint8_t *record, size_t len)
{
	const uint8_t *m = record + RECORD_HEADER;
	uint32_t total = get24(m + 1);

	return get24(m + 6) == 0 && get24(m + 9) == total &&
	       total == len - RECORD_HEADER - MESSAGE_HEADER;
}

static void restart(struct hello *h)
{
	h->total = 0;
	h->n_ranges = 0;
}

void hello_init(struct hello *h)
{
	memset(h, 0, sizeof(*h));
}

static void begin(struct hello *h, uint64_t now_us, const struct fragment *f)
{
	uint8_t *m = h->record + RECORD_HEADER;
	size_t len = MESSAGE_HEADER + f->total;

	restart(h);
	h->since_us = now_us;
	h->message_seq = f->message_seq;
	h->total = f->total;
	memcpy(h->record, f->record, RECORD_HEADER);
	h->record[11] = (uint8_t)(len >> 8);
	h->record[12] = (uint8_t)len;
	m[0] = TYPE_CLIENT_HELLO;
	put24(m + 1, f->total);
	m[4] = (uint8_t)(f->message_seq >> 8);
	m[5] = (uint8_t)f->message_seq;
	put24(m + 6, 0);
	put24(m + 9, f->total);
}

/* Adds [from, to) to the sorted, disjoint ranges; false: too many pieces. */
static bool add_range(struct hello *h, uint32_t from, uint32_t to)
{
	unsigned i = 0, j;

	while (i < h->n_ranges && h->range[i].to < from)
		i++;
	for (j = i; j < h->n_ranges && h->range[j].from <= to; j++) {
		if (h->range[j].from < from)
			from = h->range[j].from;
		if (h->range[j].to > to)
			to = h->range[j].to;
	}
	if (j == i && h->n_ranges == HELLO_RANGES_MAX)
		return false;
	memmove(&h->range[i + 1], &h->range[j],
		(h->n_ranges - j) * sizeof(h->range[0]));
	h->n_ranges = h->n_ranges - (j - i) + 1;
	h->range[i].from = from;
	h->range[i].to = to;
	return true;
}

static enum hello_got add(
	struct hello *h, uint64_t now_us, const struct fragment *f)
{
	if (f->total > HELLO_MAX || f->len == 0 || f->from > f->total ||
		f->len > f->total - f->from)
		return HELLO_DROP;
	if (h->total != 0 && now_us - h->since_us > HELLO_WAIT_US)
		restart(h);
	/* Another message, or the same one with another length: the newest
	 * wins, so that one wrong fragment cannot block the right ones. */
	if (h->message_seq != f->message_seq || h->total != f->total)
		begin(h, now_us, f);
	if (!add_range(h, f->from, f->from + f->len))
		return HELLO_DROP;
	memcpy(h->record + RECORD_HEADER + MESSAGE_HEADER + f->from, f->body,
		f->len);
	/* The joined record takes the highest sequence number among its
	 * fragments: mbedTLS's replay window has seen none of them. */
	if (memcmp(h->record + 5, f->record + 5, 6) < 0)
		memcpy(h->record + 5, f->record + 5, 6);
	if (h->n_ranges == 1 && h->range[0].from == 0 &&
		h->range[0].to == h->total)
		return HELLO_WHOLE;
	return HELLO_MORE;
}

/* A record may hold several fragments, one after the other. */
static enum hello_got add_record(
	struct hello *h, uint64_t now_us, const uint8_t *record, size_t len)
{
	enum hello_got got = HELLO_DROP;
	size_t at = RECORD_HEADER;

	while (len - at >= MESSAGE_HEADER && got != HELLO_WHOLE) {
		const uint8_t *m = record + at;
		struct fragment f = { record, m + MESSAGE_HEADER, get24(m + 1),
			get24(m + 6), get24(m + 9),
			(uint16_t)(m[4] << 8 | m[5]) };

		at += MESSAGE_HEADER;
		if (m[0] != TYPE_CLIENT_HELLO || f.len > len - at)
			return HELLO_DROP;
		at += f.len;
		got = add(h, now_us, &f);
		if (got == HELLO_DROP)
			return HELLO_DROP;
	}
	return at == len || got == HELLO_WHOLE ? got : HELLO_DROP;
}

enum hello_got hello_input(struct hello *h, uint64_t now_us, const uint8_t *buf,
	size_t len, const uint8_t **ret, size_t *ret_len)
{
	enum hello_got got = HELLO_DROP;
	size_t n = record_len(buf, len);

	if (n == 0 || !is_hello(buf, n) || is_whole(buf, n))
		return HELLO_PASS;
	/* What follows a ClientHello in its datagram can only be more of it:
	 * the client has nothing else to say before the server answers. */
	for (; n != 0 && is_hello(buf, n); n = record_len(buf, len)) {
		got = add_record(h, now_us, buf, n);
		if (got == HELLO_WHOLE || got == HELLO_DROP)
			break;
		buf += n;
		len -= n;
	}
	if (got != HELLO_WHOLE)
		return got;
	*ret = h->record;
	*ret_len = RECORD_HEADER + MESSAGE_HEADER + h->total;
	restart(h);
	return HELLO_WHOLE;
}
