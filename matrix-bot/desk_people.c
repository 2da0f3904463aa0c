#include "matrix-bot/desk_impl.h"

#include <errno.h>
#include <string.h>

void desk_set_handlers(struct desk *d, const struct desk_handlers *h)
{
	d->handlers = *h;
}

void desk_news(struct desk *d, enum desk_news what, const struct desk_call *dc)
{
	if (d->handlers.news_h)
		d->handlers.news_h(
			d->handlers.arg, what, &dc->call, dc->crashed);
}

unsigned desk_people(const struct desk *d, const char *room)
{
	const struct desk_call *dc;
	unsigned n = 0;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		n += desk_is_in(dc, room);
	}
	return n;
}

void desk_each(const struct desk *d, const char *room,
	void (*each_h)(void *arg, const struct call *c), void *arg)
{
	const struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (desk_is_in(dc, room))
			each_h(arg, &dc->call);
	}
}

static struct desk_call *find_label(
	const struct desk *d, const char *room, const char *label)
{
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (desk_is_in(dc, room) && strcmp(dc->call.label, label) == 0)
			return dc;
	}
	return NULL;
}

const struct call *desk_find(
	const struct desk *d, const char *room, const char *label)
{
	const struct desk_call *dc = find_label(d, room, label);

	return dc ? &dc->call : NULL;
}

bool desk_say(struct desk *d, const struct call *c, const char *type,
	const cJSON *content)
{
	const struct desk_call *dc = find_label(d, c->room, c->label);

	return dc && desk_send_control(d, dc, type, content);
}

static void streams_due(struct desk *d, sfu_id owner)
{
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		for (unsigned i = 0; i < dc->call.n_streams; i++)
			dc->metadata_due = dc->metadata_due ||
					   dc->call.streams[i].owner == owner;
	}
}

int desk_program_add(struct desk *d, const struct desk_program *p)
{
	if (d->n_programs == DESK_PROGRAMS_MAX)
		return -ENOSPC;
	d->programs[d->n_programs++] = *p;
	streams_due(d, p->id);
	desk_roster_due(d, p->room, NULL);
	return 0;
}

void desk_program_remove(struct desk *d, sfu_id id)
{
	for (unsigned i = 0; i < d->n_programs; i++) {
		char room[EVENT_ID_MAX + 1];

		if (d->programs[i].id != id)
			continue;
		memcpy(room, d->programs[i].room, sizeof(room));
		d->programs[i] = d->programs[--d->n_programs];
		desk_roster_due(d, room, NULL);
		return;
	}
}

const struct desk_program *desk_program(
	const struct desk *d, const char *room, unsigned i)
{
	for (unsigned j = 0; j < d->n_programs; j++) {
		const struct desk_program *p = &d->programs[j];

		if ((!room || strcmp(p->room, room) == 0) && i-- == 0)
			return p;
	}
	return NULL;
}

const struct desk_program *desk_program_by_sfu(const struct desk *d, sfu_id id)
{
	for (unsigned i = 0; id && i < d->n_programs; i++) {
		if (d->programs[i].id == id)
			return &d->programs[i];
	}
	return NULL;
}
