#include "matrix-bot/seen.h"

#include <stdarg.h>
#include <string.h>

void seen_init(struct seen *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
}

/* FNV-1a, then murmur's finaliser: short, and good enough with a secret seed.
 */
static uint64_t mix(uint64_t h, const char *text)
{
	size_t n = strlen(text) + 1; /* the NUL tells parts apart */

	for (size_t i = 0; i < n; i++) {
		h ^= (unsigned char)text[i];
		h *= 0x100000001b3u;
	}
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

uint64_t seen_key(const struct seen *s, const char *first, ...)
{
	uint64_t h = s->seed ^ 0xcbf29ce484222325u;
	va_list args;

	va_start(args, first);
	for (const char *t = first; t; t = va_arg(args, const char *))
		h = mix(h, t);
	va_end(args);
	return h ? h : 1; /* 0 is an empty place */
}

bool seen_before(struct seen *s, uint64_t key)
{
	for (unsigned i = 0; i < SEEN_MAX; i++) {
		if (s->v[i] == key)
			return true;
	}
	s->v[s->next] = key;
	s->next = (s->next + 1) % SEEN_MAX;
	return false;
}

unsigned rate_count(const struct rate *r, uint64_t key, uint64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RATE_MAX; i++) {
		if (r->v[i].key == key && r->v[i].at_us &&
			now_us - r->v[i].at_us < RATE_WINDOW_MS * 1000ull)
			n++;
	}
	return n;
}

unsigned rate_add(struct rate *r, uint64_t key, uint64_t now_us)
{
	unsigned n = rate_count(r, key, now_us) + 1;

	r->v[r->next].key = key;
	r->v[r->next].at_us = now_us ? now_us : 1;
	r->next = (r->next + 1) % RATE_MAX;
	return n;
}
