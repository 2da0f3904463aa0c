#include "matrix-bot/desk_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void early_forget(struct early *y)
{
	while (y->n_lines)
		free(y->lines[--y->n_lines]);
	memset(y, 0, sizeof(*y));
}

static const char *origin(const struct call_event *e)
{
	return e->to_device ? e->device_id : e->party_id;
}

/* The entry of this call, or the place for a new one: free, outdated, or the
 * oldest. One sender cannot push out everybody else's. */
static struct early *place(
	struct desk *d, const struct call_event *e, uint64_t now_us)
{
	struct early *best = &d->early[0], *own = NULL;
	unsigned n_own = 0;

	for (unsigned i = 0; i < EARLY_MAX; i++) {
		struct early *y = &d->early[i];

		if (y->used && now_us - y->at_us > EARLY_KEEP_MS * 1000ull)
			early_forget(y);
		if (y->used && strcmp(y->sender, e->sender) == 0) {
			if (strcmp(y->call_id, e->call_id) == 0 &&
				y->to_device == e->to_device &&
				strcmp(y->party, origin(e)) == 0)
				return y;
			n_own++;
			if (!own || y->at_us < own->at_us)
				own = y;
		}
		if (best->used && (!y->used || y->at_us < best->at_us))
			best = y;
	}
	if (n_own >= EARLY_OF_SENDER_MAX)
		best = own;
	early_forget(best);
	return best;
}

void early_add(struct desk *d, const struct call_event *e, uint64_t now_us)
{
	struct early *y = place(d, e, now_us);

	if (!y->used) {
		y->used = true;
		y->to_device = e->to_device;
		memcpy(y->sender, e->sender, sizeof(y->sender));
		memcpy(y->call_id, e->call_id, sizeof(y->call_id));
		snprintf(y->party, sizeof(y->party), "%s", origin(e));
	}
	y->at_us = now_us;
	y->ended =
		y->ended || e->type == EVENT_HANGUP || e->type == EVENT_REJECT;
	d->counters.early++;
	for (unsigned i = 0; i < e->n_candidates; i++) {
		char *line;

		if (y->n_lines == EARLY_LINES_MAX)
			return;
		line = strdup(e->candidates[i]);
		if (line)
			y->lines[y->n_lines++] = line;
	}
}

bool early_take(struct desk *d, struct call *c, uint64_t now_us)
{
	for (unsigned i = 0; i < EARLY_MAX; i++) {
		struct early *y = &d->early[i];
		bool ended = y->ended;

		if (!y->used || y->to_device != c->to_device ||
			strcmp(y->sender, c->user) != 0 ||
			strcmp(y->call_id, c->call_id) != 0 ||
			strcmp(y->party, call_device(c)) != 0 ||
			now_us - y->at_us > EARLY_KEEP_MS * 1000ull)
			continue;
		for (unsigned j = 0; j < y->n_lines; j++) {
			if (c->n_candidates == CALL_PENDING_CANDIDATES_MAX)
				break;
			c->candidates[c->n_candidates++] = y->lines[j];
			y->lines[j] = NULL;
		}
		early_forget(y);
		return ended;
	}
	return false;
}

void early_done(struct desk *d)
{
	for (unsigned i = 0; i < EARLY_MAX; i++)
		early_forget(&d->early[i]);
}
