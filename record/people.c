#include "record/people.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct told {
	STAILQ_ENTRY(told) next;
	char *label, *source;
	char purpose[8];
	bool muted[PART_KINDS];
};

void people_init(struct people *p, struct shelf *shelf)
{
	*p = (struct people){ .shelf = shelf };
	TAILQ_INIT(&p->persons);
	TAILQ_INIT(&p->seats);
	STAILQ_INIT(&p->told);
}

static void free_source(struct seat *seat, struct source *s)
{
	TAILQ_REMOVE(&seat->sources, s, next);
	reel_free(s->reel);
	free(s);
}

static void free_seat(struct people *p, struct seat *seat)
{
	struct source *s;

	while ((s = TAILQ_FIRST(&seat->sources)))
		free_source(seat, s);
	TAILQ_REMOVE(&p->seats, seat, next);
	take_clock_free(seat->clock);
	free(seat);
}

static void free_person(struct person *who)
{
	free(who->label);
	free(who->user_id);
	free(who->name);
	free(who);
}

static void free_told(struct told *t)
{
	free(t->label);
	free(t->source);
	free(t);
}

void people_done(struct people *p)
{
	struct person *who;
	struct seat *seat;
	struct told *t;

	while ((seat = TAILQ_FIRST(&p->seats)))
		free_seat(p, seat);
	while ((who = TAILQ_FIRST(&p->persons))) {
		TAILQ_REMOVE(&p->persons, who, next);
		free_person(who);
	}
	while ((t = STAILQ_FIRST(&p->told))) {
		STAILQ_REMOVE_HEAD(&p->told, next);
		free_told(t);
	}
}

static struct person *find_person(const struct people *p, const char *label)
{
	struct person *who;

	TAILQ_FOREACH(who, &p->persons, next)
	{
		if (strcmp(who->label, label) == 0)
			return who;
	}
	return NULL;
}

static struct person *new_person(struct people *p, const char *label)
{
	struct person *who = calloc(1, sizeof(*who));

	if (!who)
		return NULL;
	who->label = strdup(label);
	who->user_id = strdup("");
	who->name = strdup("");
	if (!who->label || !who->user_id || !who->name) {
		free_person(who);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&p->persons, who, next);
	p->n_persons++;
	return who;
}

static int get_person(struct people *p, const char *label, struct person **ret)
{
	*ret = find_person(p, label);
	if (*ret)
		return 0;
	if (p->n_persons >= PEOPLE_MAX)
		return -E2BIG;
	*ret = new_person(p, label);
	return *ret ? 0 : -ENOMEM;
}

static void name_person(struct person *who)
{
	manifest_set_text(who->json, "user_id", who->user_id);
	manifest_set_text(who->json, "name", who->name);
}

int people_who(struct people *p, const char *label, const char *user_id,
	const char *name)
{
	char *copy_id = strndup(user_id, PEOPLE_USER_MAX);
	char *copy_name = strndup(name, PEOPLE_USER_MAX);
	struct person *who = NULL;
	int err = copy_id && copy_name ? get_person(p, label, &who) : -ENOMEM;

	if (err) {
		free(copy_id);
		free(copy_name);
		return err;
	}
	free(who->user_id);
	free(who->name);
	who->user_id = copy_id;
	who->name = copy_name;
	name_person(who);
	return 0;
}

static struct told *find_told(
	const struct people *p, const char *label, const char *source)
{
	struct told *t;

	STAILQ_FOREACH(t, &p->told, next)
	{
		if (strcmp(t->source, source) == 0 &&
			strcmp(t->label, label) == 0)
			return t;
	}
	return NULL;
}

static int new_told(struct people *p, const char *label, const char *source,
	struct told **ret)
{
	struct told *t;

	if (p->n_told >= PEOPLE_SOURCES_MAX)
		return -E2BIG;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->label = strdup(label);
	t->source = strdup(source);
	if (!t->label || !t->source) {
		free_told(t);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&p->told, t, next);
	p->n_told++;
	*ret = t;
	return 0;
}

static void pass_on(struct reel *r, const struct told *t, int64_t now_us)
{
	reel_purpose(r, t->purpose);
	for (int k = 0; k < PART_KINDS; k++)
		reel_muted(r, k, t->muted[k], now_us);
}

int people_source(struct people *p, const char *label, const char *source,
	const char *purpose, bool audio_muted, bool video_muted, int64_t now_us)
{
	struct told *t = find_told(p, label, source);
	int err = t ? 0 : new_told(p, label, source, &t);
	struct seat *seat;
	struct source *s;

	if (err)
		return err;
	strncpy(t->purpose, purpose, sizeof(t->purpose) - 1);
	t->muted[PART_AUDIO] = audio_muted;
	t->muted[PART_VIDEO] = video_muted;
	TAILQ_FOREACH(seat, &p->seats, next)
	{
		if (strcmp(seat->person->label, label) != 0)
			continue;
		TAILQ_FOREACH(s, &seat->sources, next)
		{
			if (strcmp(s->id, source) == 0)
				pass_on(s->reel, t, now_us);
		}
	}
	return 0;
}

static void arrive(struct people *p, struct person *who, int64_t now_us)
{
	const int64_t now_ms = shelf_ms(p->shelf, now_us);

	if (who->seats++)
		return;
	if (!who->number) {
		who->number = ++p->numbers;
		who->json = manifest_person(
			p->shelf->manifest, who->number, who->label);
		name_person(who);
	}
	if (who->json)
		who->present = manifest_stretch(p->shelf->manifest, who->json,
			"present", now_ms, now_ms);
}

static struct seat *new_seat(
	struct people *p, struct person *who, uint32_t owner, int64_t now_us)
{
	struct seat *seat = calloc(1, sizeof(*seat));

	if (!seat)
		return NULL;
	seat->clock = take_clock_new();
	if (!seat->clock) {
		free(seat);
		return NULL;
	}
	seat->person = who;
	seat->owner = owner;
	TAILQ_INIT(&seat->sources);
	TAILQ_INSERT_TAIL(&p->seats, seat, next);
	arrive(p, who, now_us);
	return seat;
}

static struct seat *find_seat(const struct people *p, const struct stream *s)
{
	struct seat *seat;

	TAILQ_FOREACH(seat, &p->seats, next)
	{
		if (seat->owner == s->owner &&
			strcmp(seat->person->label, s->label) == 0)
			return seat;
	}
	return NULL;
}

static struct source *get_source(struct people *p, struct seat *seat,
	const struct stream *stream, int64_t now_us)
{
	const struct told *t;
	struct source *s;

	TAILQ_FOREACH(s, &seat->sources, next)
	{
		if (strcmp(s->id, stream->source) == 0)
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->id, stream->source, sizeof(s->id));
	s->reel = reel_new(p->shelf, seat->person->number,
		&seat->person->numbers, stream->source);
	if (!s->reel) {
		free(s);
		return NULL;
	}
	t = find_told(p, stream->label, stream->source);
	if (t)
		pass_on(s->reel, t, now_us);
	TAILQ_INSERT_TAIL(&seat->sources, s, next);
	return s;
}

static void sweep(struct people *p, struct seat *seat, int64_t now_us)
{
	struct person *who = seat->person;

	if (!TAILQ_EMPTY(&seat->sources))
		return;
	free_seat(p, seat);
	if (--who->seats)
		return;
	manifest_set(who->present, "to_ms", shelf_ms(p->shelf, now_us));
	who->present = NULL;
}

int people_enter(struct people *p, const struct stream *s, int64_t now_us,
	struct seat **ret_seat, struct source **ret_source)
{
	struct seat *seat = find_seat(p, s);
	struct source *source;
	struct person *who;
	int err;

	if (!seat) {
		err = get_person(p, s->label, &who);
		if (err)
			return err;
		seat = new_seat(p, who, s->owner, now_us);
	}
	if (!seat)
		return -ENOMEM;
	source = get_source(p, seat, s, now_us);
	if (!source) {
		sweep(p, seat, now_us);
		return -ENOMEM;
	}
	source->tracks++;
	*ret_seat = seat;
	*ret_source = source;
	return 0;
}

void people_leave(struct people *p, struct seat *seat, struct source *source,
	int64_t now_us)
{
	if (--source->tracks)
		return;
	reel_end(source->reel, (uint64_t)now_us);
	free_source(seat, source);
	sweep(p, seat, now_us);
}

unsigned people_number(const struct people *p, uint32_t owner)
{
	struct seat *seat;

	TAILQ_FOREACH(seat, &p->seats, next)
	{
		if (seat->owner == owner)
			return seat->person->number;
	}
	return 0;
}

#define EACH_SOURCE(people, seat, source)                                      \
	TAILQ_FOREACH(seat, &(people)->seats, next)                            \
	TAILQ_FOREACH(source, &seat->sources, next)

bool people_present(const struct people *p, unsigned number)
{
	const struct person *who;

	TAILQ_FOREACH(who, &p->persons, next)
	{
		if (who->number == number)
			return who->seats > 0;
	}
	return false;
}

void people_tick(struct people *p, uint64_t now_us)
{
	struct source *s;
	struct seat *seat;

	EACH_SOURCE(p, seat, s) reel_tick(s->reel, now_us);
}

void people_prolong(struct people *p, int64_t now_us)
{
	struct person *who;
	struct source *s;
	struct seat *seat;

	TAILQ_FOREACH(who, &p->persons, next)
	{
		manifest_set(who->present, "to_ms", shelf_ms(p->shelf, now_us));
	}
	EACH_SOURCE(p, seat, s) reel_prolong(s->reel, now_us);
}

void people_drop(struct people *p)
{
	struct source *s;
	struct seat *seat;

	EACH_SOURCE(p, seat, s) reel_drop(s->reel);
}

const char *people_user(const struct people *p, unsigned number)
{
	struct person *who;

	TAILQ_FOREACH(who, &p->persons, next)
	{
		if (who->number == number)
			return who->user_id;
	}
	return "";
}
