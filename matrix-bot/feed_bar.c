#include "matrix-bot/feed_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/fetch.h"

static void bar_free(struct feed *f, struct feed_bar *b)
{
	TAILQ_REMOVE(&f->bars, b, entry);
	f->n_bars--;
	free(b);
}

void feed_bar(struct feed *f, const char *room, const char *name)
{
	struct feed_bar *b;

	if (feed_is_barred(f, room, name))
		return;
	b = calloc(1, sizeof(*b));
	if (!b)
		return;
	if (f->n_bars == FEED_BARS_MAX)
		bar_free(f, TAILQ_FIRST(&f->bars));
	snprintf(b->room, sizeof(b->room), "%s", room);
	snprintf(b->name, sizeof(b->name), "%s", name);
	TAILQ_INSERT_TAIL(&f->bars, b, entry);
	f->n_bars++;
}

bool feed_is_barred(const struct feed *f, const char *room, const char *name)
{
	const struct feed_bar *b;

	TAILQ_FOREACH(b, &f->bars, entry)
	{
		if (strcmp(b->room, room) == 0 && strcmp(b->name, name) == 0)
			return true;
	}
	return false;
}

void feed_unbar(struct feed *f, const char *room)
{
	struct feed_bar *b, *next;

	for (b = TAILQ_FIRST(&f->bars); b; b = next) {
		next = TAILQ_NEXT(b, entry);
		if (!room || strcmp(b->room, room) == 0)
			bar_free(f, b);
	}
}

bool feed_over_rate(struct feed *f, const char *room, const char *name)
{
	uint64_t key = seen_key(&f->seen, room, name, NULL);
	uint64_t now_us = fetch_now_us();

	/* Who comes again too early does not wait longer for that. */
	if (rate_count(&f->rate, key, now_us) >= FEED_ENTRIES_PER_MINUTE)
		return true;
	rate_add(&f->rate, key, now_us);
	return false;
}
