#include "studio/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "studio/entry.h"

struct word {
	TAILQ_ENTRY(word) next;
	cJSON *order;
};

struct roster_conference {
	TAILQ_ENTRY(roster_conference) next;
	TAILQ_HEAD(, word) words;
	unsigned n;
	char name[];
};

void roster_init(struct roster *r)
{
	TAILQ_INIT(&r->all);
	r->n = 0;
}

static void forget(struct roster *r, struct roster_conference *c)
{
	struct word *w;

	while ((w = TAILQ_FIRST(&c->words))) {
		TAILQ_REMOVE(&c->words, w, next);
		cJSON_Delete(w->order);
		free(w);
	}
	TAILQ_REMOVE(&r->all, c, next);
	r->n--;
	free(c);
}

void roster_done(struct roster *r)
{
	struct roster_conference *c;

	while ((c = TAILQ_FIRST(&r->all)))
		forget(r, c);
}

static struct roster_conference *find(const struct roster *r, const char *name)
{
	struct roster_conference *c;

	TAILQ_FOREACH(c, &r->all, next)
	if (strcmp(c->name, name) == 0)
		return c;
	return NULL;
}

static bool make_room(struct roster *r, roster_held_h *held, void *arg)
{
	struct roster_conference *c;

	if (r->n < ROSTER_CONFERENCES)
		return true;
	TAILQ_FOREACH_REVERSE(c, &r->all, roster_conferences, next)
	if (!held(arg, c->name)) {
		forget(r, c);
		return true;
	}
	return false;
}

static struct roster_conference *get(
	struct roster *r, const char *name, roster_held_h *held, void *arg)
{
	struct roster_conference *c = find(r, name);

	if (c) {
		TAILQ_REMOVE(&r->all, c, next);
	} else {
		if (!make_room(r, held, arg))
			return NULL;
		c = calloc(1, sizeof(*c) + strlen(name) + 1);
		if (!c)
			return NULL;
		memcpy(c->name, name, strlen(name) + 1);
		TAILQ_INIT(&c->words);
		r->n++;
	}
	TAILQ_INSERT_HEAD(&r->all, c, next);
	return c;
}

static bool same_topic(const cJSON *a, const cJSON *b)
{
	static const char *const keys[] = { "type", "label", "source" };

	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(entry_text(a, keys[i]), entry_text(b, keys[i])) != 0)
			return false;
	return true;
}

static struct word *find_word(struct roster_conference *c, const cJSON *order)
{
	struct word *w;

	TAILQ_FOREACH(w, &c->words, next)
	if (same_topic(w->order, order))
		return w;
	return NULL;
}

static int add_word(struct roster_conference *c, struct word **ret)
{
	struct word *w;

	if (c->n == ROSTER_WORDS)
		return -ENOSPC;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&c->words, w, next);
	c->n++;
	*ret = w;
	return 0;
}

int roster_put(struct roster *r, const char *conference, cJSON *order,
	roster_held_h *held, void *arg)
{
	struct roster_conference *c = get(r, conference, held, arg);
	struct word *w = c ? find_word(c, order) : NULL;
	int err = c ? 0 : -ENOMEM;

	if (c && !w)
		err = add_word(c, &w);
	if (err) {
		cJSON_Delete(order);
		return err;
	}
	cJSON_Delete(w->order);
	w->order = order;
	return 0;
}

void roster_each(const struct roster *r, const char *conference,
	roster_word_h *h, void *arg)
{
	const struct roster_conference *c = find(r, conference);
	const struct word *w;

	if (!c)
		return;
	TAILQ_FOREACH(w, &c->words, next)
	h(arg, w->order);
}
