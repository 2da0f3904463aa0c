/*
 * Two small bounded memories: what has been seen before (the homeserver
 * delivers to-device messages again when a sync is repeated), and who calls how
 * often. Both forget the oldest when full. Pure.
 */
#ifndef HEARTH_MATRIX_BOT_SEEN_H
#define HEARTH_MATRIX_BOT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

enum { SEEN_MAX = 1024, RATE_MAX = 256, RATE_WINDOW_MS = 60000 };

struct seen {
	uint64_t seed;
	uint64_t v[SEEN_MAX];
	unsigned next;
};

/* seed: random, so that nobody can make collisions. */
void seen_init(struct seen *s, uint64_t seed);
/* A key of several strings; the parts are told apart. NULL ends them. */
uint64_t seen_key(const struct seen *s, const char *first, ...)
	__attribute__((sentinel));
/* True if the key was there; it is now. */
bool seen_before(struct seen *s, uint64_t key);

struct rate {
	struct {
		uint64_t key, at_us;
	} v[RATE_MAX];
	unsigned next;
};
/* How many there were in the window. */
unsigned rate_count(const struct rate *r, uint64_t key, uint64_t now_us);
/* Notes one and returns how many there were in the window, this one included.
 */
unsigned rate_add(struct rate *r, uint64_t key, uint64_t now_us);

#endif
