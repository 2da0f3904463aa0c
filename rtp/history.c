#include "rtp/history.h"

#include <stdlib.h>
#include <string.h>

struct slot {
	uint64_t seq;
	uint16_t len; /* 0: empty */
	uint8_t buf[HISTORY_SLOT];
};

struct history {
	uint64_t mask;
	struct slot slot[];
};

struct history *history_new(unsigned n)
{
	struct history *h;
	size_t size = 1;

	if (n > HISTORY_MAX)
		return NULL;
	while (size < n)
		size *= 2;
	h = calloc(1, sizeof(*h) + size * sizeof(h->slot[0]));
	if (h)
		h->mask = size - 1;
	return h;
}

struct history *history_free(struct history *h)
{
	free(h);
	return NULL;
}

void history_add(
	struct history *h, uint64_t seq, const uint8_t *buf, size_t len)
{
	struct slot *s = &h->slot[seq & h->mask];

	if (len == 0 || len > HISTORY_SLOT)
		return;
	/* A packet later than the whole ring must not push out its heir. */
	if (s->len && s->seq > seq)
		return;
	s->seq = seq;
	s->len = (uint16_t)len;
	memcpy(s->buf, buf, len);
}

const uint8_t *history_get(
	const struct history *h, uint64_t seq, size_t *ret_len)
{
	const struct slot *s = &h->slot[seq & h->mask];

	if (s->len == 0 || s->seq != seq)
		return NULL;
	*ret_len = s->len;
	return s->buf;
}
