#include "matrix-bot/deck_impl.h"

static void add_feeds(const struct deck *d, cJSON *content, const char *room)
{
	cJSON *list = cJSON_AddArrayToObject(content, "feeds");
	const struct desk_program *p;

	for (unsigned i = 0; (p = desk_program(d->desk, room, i)); i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", p->name);
		cJSON_AddBoolToObject(item, "publishes", p->publishes);
		if (!cJSON_AddItemToArray(list, item))
			cJSON_Delete(item);
	}
}

void deck_show_to(struct deck *d, const struct call *c)
{
	const struct deck_tape *dt = deck_tape(d, c->room);
	const struct tape *t = dt ? &dt->tape : NULL;
	cJSON *content = cJSON_CreateObject();

	cJSON_AddStringToObject(
		content, "state", t ? tape_state_text(t) : "off");
	if (t && tape_is_live(t)) {
		if (t->id[0])
			cJSON_AddStringToObject(content, "id", t->id);
		cJSON_AddStringToObject(content, "started_by", t->by.user);
		cJSON_AddStringToObject(content, "started_by_name", t->by.name);
		if (t->since_ms)
			cJSON_AddNumberToObject(
				content, "since_ms", (double)t->since_ms);
		if (t->message[0])
			cJSON_AddStringToObject(content, "message", t->message);
	}
	cJSON_AddBoolToObject(
		content, "may_control", deck_may(d, c->room, c->user));
	add_feeds(d, content, c->room);
	desk_say(d->desk, c, "org.hearth.recording", content);
	cJSON_Delete(content);
}

static void show_one(void *arg, const struct call *c)
{
	if (c->control)
		deck_show_to(arg, c);
}

void deck_show(struct deck *d, const char *room)
{
	desk_each(d->desk, room, show_one, d);
}

void deck_programs_changed(struct deck *d, const char *room)
{
	deck_introduce_programs(d, room);
	deck_show(d, room);
}
