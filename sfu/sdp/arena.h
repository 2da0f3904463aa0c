/*
 * The memory of one parsed SDP: blocks that are freed together. Private to
 * sfu/sdp.
 */
#ifndef HEARTH_SFU_SDP_ARENA_H
#define HEARTH_SFU_SDP_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *block; /* newest first */
};

/* size zeroed bytes, aligned for any type; NULL: out of memory. */
void *arena_alloc(struct arena *a, size_t size);

/* Room for one more element in an array of n elements of size bytes each.
 * Returns the array, moved or not; NULL: out of memory (the old one stays). The
 * array must only ever have grown through this, one element at a time. */
void *arena_grow(struct arena *a, void *array, unsigned n, size_t size);

/* Frees all of it; the arena may be used again. */
void arena_done(struct arena *a);

#endif
