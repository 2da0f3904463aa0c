#include "sfu/sdp/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MIN = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char data[];
};

static struct arena_block *block_new(struct arena *a, size_t size)
{
	struct arena_block *b;

	if (size < BLOCK_MIN)
		size = BLOCK_MIN;
	b = calloc(1, sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->next = a->block;
	a->block = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->block;
	void *p;

	size = (size + align - 1) / align * align;
	if (!b || b->size - b->used < size)
		b = block_new(a, size);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_grow(struct arena *a, void *array, unsigned n, size_t size)
{
	void *bigger;

	/* Capacities are powers of two, so n alone says when one is full. */
	if (array && (n & (n - 1)) != 0)
		return array;
	bigger = arena_alloc(a, size * (n ? (size_t)n * 2 : 1));
	if (bigger && n)
		memcpy(bigger, array, size * n);
	return bigger;
}

void arena_done(struct arena *a)
{
	struct arena_block *b = a->block, *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
	a->block = NULL;
}
