/* The queue of events for the front: deep copies, drained by the worker. */
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"

static void *copy(const void *from, size_t len, bool *failed)
{
	if (!from)
		return NULL;
	char *to = malloc(len + 1);
	if (!to) {
		*failed = true;
		return NULL;
	}
	memcpy(to, from, len);
	to[len] = 0;
	return to;
}

struct conference_event *conference_event_free(struct conference_event *e)
{
	if (!e)
		return NULL;
	free((void *)(uintptr_t)e->ev.sdp);
	free((void *)(uintptr_t)e->ev.streams);
	free((void *)(uintptr_t)e->ev.text);
	free((void *)(uintptr_t)e->ev.data);
	free(e);
	return NULL;
}

/* What a front was not told it waits for in vain, but for what changes often
 * and is told again. */
static void lost(struct conference *c, const struct sfu_event *ev)
{
	struct participant *p = conference_find(c, ev->participant);
	if (p && ev->type != SFU_EV_SPEAKER && ev->type != SFU_EV_PAUSED &&
		ev->type != SFU_EV_WATCHED)
		participant_starve(p);
}

void conference_emit(struct conference *c, const struct sfu_event *ev)
{
	bool failed = false;
	/* Only what a participant sends is dropped at the ceiling; a LEFT is
	 * one per join and always kept. */
	if (c->n_events >= CONFERENCE_EVENTS && ev->type == SFU_EV_MESSAGE)
		return;
	struct conference_event *e = calloc(1, sizeof(*e));
	if (!e) {
		lost(c, ev);
		return;
	}
	e->ev = *ev;
	e->ev.sdp = copy(ev->sdp, ev->sdp ? strlen(ev->sdp) : 0, &failed);
	e->ev.text = copy(ev->text, ev->text ? strlen(ev->text) : 0, &failed);
	e->ev.data = copy(ev->data, ev->len, &failed);
	e->ev.streams = copy(ev->n_streams ? ev->streams : NULL,
		ev->n_streams * sizeof(*ev->streams), &failed);
	if (failed) {
		conference_event_free(e);
		lost(c, ev);
		return;
	}
	STAILQ_INSERT_TAIL(&c->events, e, next);
	c->n_events++;
}

void conference_emit_left(
	struct conference *c, struct participant *p, enum sfu_reason reason)
{
	struct conference_event *e = p->farewell;
	p->farewell = NULL;
	e->ev.type = SFU_EV_LEFT;
	e->ev.participant = p->id;
	e->ev.reason = reason;
	STAILQ_INSERT_TAIL(&c->events, e, next);
	c->n_events++;
}

bool conference_next_event(struct conference *c, struct sfu_event *ret)
{
	c->handed_out = conference_event_free(c->handed_out);
	struct conference_event *e = STAILQ_FIRST(&c->events);
	if (!e)
		return false;
	STAILQ_REMOVE_HEAD(&c->events, next);
	c->n_events--;
	c->handed_out = e;
	*ret = e->ev;
	return true;
}
