#include "rtp/crypt_index.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 2 };

void crypt_indexes_init(
	struct crypt_indexes *x, unsigned window, bool keeps_seen)
{
	*x = (struct crypt_indexes){ .window = (uint16_t)window,
		.keeps = keeps_seen };
}

void crypt_indexes_done(struct crypt_indexes *x)
{
	for (unsigned i = 0; i < x->size; i++)
		free(x->v[i].seen);
	free(x->v);
	crypt_indexes_init(x, x->window, x->keeps);
}

static unsigned place(const struct crypt_indexes *x, uint32_t ssrc)
{
	/* Our SSRCs are random, a peer's need not be. */
	return (ssrc * 0x9e3779b1u >> 7) & (x->size - 1);
}

struct crypt_index *crypt_indexes_find(
	const struct crypt_indexes *x, uint32_t ssrc)
{
	if (!x->size)
		return NULL;
	for (unsigned at = place(x, ssrc); x->v[at].used;
		at = (at + 1) & (x->size - 1))
		if (x->v[at].ssrc == ssrc)
			return &x->v[at];
	return NULL;
}

static struct crypt_index *put(
	struct crypt_indexes *x, const struct crypt_index *i)
{
	unsigned at = place(x, i->ssrc);

	while (x->v[at].used)
		at = (at + 1) & (x->size - 1);
	x->v[at] = *i;
	x->n++;
	return &x->v[at];
}

/* At most half full, so that a search that finds nothing is short. */
static bool grow(struct crypt_indexes *x)
{
	struct crypt_indexes bigger = { .window = x->window,
		.keeps = x->keeps,
		.size = x->size ? x->size * 2 : SIZE_FIRST };

	if (x->n * 2 < x->size)
		return true;
	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (!bigger.v)
		return false;
	for (unsigned i = 0; i < x->size; i++)
		if (x->v[i].used)
			put(&bigger, &x->v[i]);
	free(x->v);
	*x = bigger;
	return true;
}

struct crypt_index *crypt_indexes_add_new(
	struct crypt_indexes *x, uint32_t ssrc)
{
	struct crypt_index i = {
		.ssrc = ssrc, .used = true, .window = x->window
	};

	if (!grow(x))
		return NULL;
	if (x->keeps) {
		i.seen = calloc(x->window / 64, sizeof(*i.seen));
		if (!i.seen)
			return NULL;
	}
	return put(x, &i);
}

void crypt_indexes_drop(struct crypt_indexes *x, uint32_t ssrc)
{
	struct crypt_index *i = crypt_indexes_find(x, ssrc);
	unsigned at;

	if (!i)
		return;
	free(i->seen);
	*i = (struct crypt_index){ 0 };
	x->n--;
	/* Those behind it may have been displaced by it. */
	at = (unsigned)(i - x->v);
	for (at = (at + 1) & (x->size - 1); x->v[at].used;
		at = (at + 1) & (x->size - 1)) {
		struct crypt_index moved = x->v[at];

		x->v[at] = (struct crypt_index){ 0 };
		x->n--;
		put(x, &moved);
	}
}

uint64_t crypt_index_guess(const struct crypt_index *i, uint16_t seq)
{
	uint64_t highest = i ? i->highest : 0, turn = highest >> 16;
	uint16_t last = (uint16_t)highest;

	if (highest <= 0x8000)
		return seq;
	if (last < 0x8000 && seq - last > 0x8000)
		turn--;
	else if (last >= 0x8000 && last - 0x8000 > seq)
		turn++;
	/* 48 bits: after them the key is spent, and it wraps nowhere near. */
	return turn << 16 | seq;
}

static uint64_t bit(uint64_t index)
{
	return UINT64_C(1) << (index % 64);
}

static uint64_t *word(const struct crypt_index *i, uint64_t index)
{
	return &i->seen[index % i->window / 64];
}

enum crypt_index_got crypt_index_judge(
	const struct crypt_index *i, uint64_t index)
{
	if (!i || index > i->highest)
		return CRYPT_INDEX_NEW;
	if (i->highest - index >= i->window)
		return CRYPT_INDEX_OLD;
	return i->seen && (*word(i, index) & bit(index)) ? CRYPT_INDEX_SEEN
							 : CRYPT_INDEX_NEW;
}

static void forget_between(struct crypt_index *i, uint64_t from, uint64_t to)
{
	if (to - from >= i->window) {
		memset(i->seen, 0, i->window / 64 * sizeof(*i->seen));
		return;
	}
	for (uint64_t at = from; at <= to; at++)
		*word(i, at) &= ~bit(at);
}

void crypt_index_take(struct crypt_index *i, uint64_t index)
{
	if (index > i->highest) {
		if (i->seen)
			forget_between(i, i->highest + 1, index);
		i->highest = index;
	}
	if (i->seen)
		*word(i, index) |= bit(index);
}
