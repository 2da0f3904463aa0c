#include "matrix-bot/deck_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <event2/util.h>
#include "http/fetch.h"
#include "matrix-bot/tape_text.h"
#include "sfu/log.h"

uint64_t deck_unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int deck_new(struct deck **ret, struct client *client, struct hall *hall,
	struct desk *desk, const struct deck_config *config)
{
	struct deck *d = calloc(1, sizeof(*d));
	uint64_t seed;

	if (!d)
		return -ENOMEM;
	d->client = client;
	d->hall = hall;
	d->desk = desk;
	d->config = *config;
	TAILQ_INIT(&d->tapes);
	TAILQ_INIT(&d->parcels);
	evutil_secure_rng_get_bytes(&seed, sizeof(seed));
	seen_init(&d->seen, seed);
	*ret = d;
	return 0;
}

static void tape_free(struct deck *d, struct deck_tape *t)
{
	TAILQ_REMOVE(&d->tapes, t, entry);
	tape_done(&t->tape);
	free(t);
}

struct deck *deck_free(struct deck *d)
{
	struct deck_parcel *p;
	struct deck_tape *t;

	if (!d)
		return NULL;
	while ((t = TAILQ_FIRST(&d->tapes)))
		tape_free(d, t);
	while ((p = TAILQ_FIRST(&d->parcels))) {
		TAILQ_REMOVE(&d->parcels, p, entry);
		parcel_done(&p->parcel);
		free(p->directory);
		free(p);
	}
	free(d);
	return NULL;
}

void deck_set_studio(struct deck *d, struct studio *studio)
{
	d->studio = studio;
}

struct deck_tape *deck_tape(const struct deck *d, const char *room)
{
	struct deck_tape *t;

	TAILQ_FOREACH(t, &d->tapes, entry)
	{
		if (strcmp(t->room, room) == 0)
			return t;
	}
	return NULL;
}

struct deck_tape *deck_tape_get(struct deck *d, const char *room)
{
	struct deck_tape *t = deck_tape(d, room);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || event_copy_id(t->room, room) < 0) {
		free(t);
		return NULL;
	}
	tape_init(&t->tape);
	TAILQ_INSERT_TAIL(&d->tapes, t, entry);
	return t;
}

bool deck_over_rate(
	struct deck *d, struct rate *r, const char *user, unsigned most)
{
	return rate_add(r, seen_key(&d->seen, user, NULL), fetch_now_us()) >
	       most;
}

const char *deck_name(const struct deck *d, const char *room, const char *user)
{
	const struct room *r = hall_find(d->hall, room);
	const char *name = r ? room_name_of(r, user) : NULL;

	return name ? name : user;
}

static void on_people(struct deck *d, const struct call *c, bool crashed)
{
	struct deck_tape *t = deck_tape(d, c->room);
	struct tape_actions a;

	if (!t)
		return;
	tape_people(&t->tape, fetch_now_us(), desk_people(d->desk, c->room),
		crashed, &a);
	deck_run_tape(d, t, &a);
}

void deck_on_news(
	void *arg, enum desk_news what, const struct call *c, bool crashed)
{
	struct deck *d = arg;
	struct deck_tape *t = deck_tape(d, c->room);

	switch (what) {
	case DESK_ARRIVED:
		deck_introduce(d, c);
		on_people(d, c, false);
		break;
	case DESK_UP:
		if (t)
			tape_joined(&t->tape, c->user,
				deck_name(d, c->room, c->user));
		break;
	case DESK_OPENED:
		deck_show_to(d, c);
		break;
	case DESK_PUBLISHED:
		deck_introduce(d, c);
		break;
	case DESK_GONE:
		on_people(d, c, crashed);
		break;
	}
}

static void how_it_ended(const struct deck_tape *t,
	const struct studio_event *ev, char *ret, size_t cap)
{
	uint64_t ended_ms = event_number(ev->manifest, "ended_ms");
	char when[64];

	if (t && tape_end_text(&t->tape, ev->id, ret, cap))
		return;
	tape_text_when(when, sizeof(when), ended_ms);
	snprintf(ret, cap,
		"was interrupted at %s; what was recorded before is kept",
		ended_ms ? when : "an unknown time");
}

static void on_stopped(struct deck *d, const struct studio_event *ev)
{
	struct deck_tape *t = deck_tape(d, ev->conference);
	struct deck_parcel *p = deck_parcel_get(d, ev);
	struct tape_actions a = { .n = 0 };
	char how[TAPE_SAID_MAX / 4];

	how_it_ended(t, ev, how, sizeof(how));
	if (p)
		parcel_ended(&p->parcel, how, ev->manifest, d->config.compose);
	if (!t)
		return;
	tape_stopped(&t->tape, ev->id, &a);
	deck_run_tape(d, t, &a);
}

static bool was_cut_off(const cJSON *manifest)
{
	const char *why = event_string(manifest, "stopped_because");

	return strcmp(why, "crashed") == 0 || strcmp(why, "failed") == 0;
}

/* A recorder that outlived us has finished its files by itself: nothing has
 * told the room yet that we were gone. */
static void tell_cut_off(
	struct deck *d, const struct studio_event *ev, bool compose)
{
	struct deck_parcel *p;
	char how[TAPE_SAID_MAX / 4];

	if (deck_parcel(d, ev->id) || !was_cut_off(ev->manifest))
		return;
	p = deck_parcel_get(d, ev);
	how_it_ended(NULL, ev, how, sizeof(how));
	if (p)
		parcel_ended(&p->parcel, how, ev->manifest, compose);
}

static void on_progress(struct deck *d, const struct studio_event *ev)
{
	struct deck_parcel *p;

	tell_cut_off(d, ev, true);
	p = deck_parcel(d, ev->id);
	if (p)
		parcel_progress(&p->parcel, ev->percent);
}

static void on_composed(struct deck *d, const struct studio_event *ev)
{
	struct deck_parcel *p;

	tell_cut_off(d, ev, false);
	p = deck_parcel_get(d, ev);
	if (p)
		parcel_composed(&p->parcel, fetch_now_us(), deck_unix_ms(),
			ev->manifest, d->config.deliver);
}

/* Of one that nobody speaks for: it is from before a restart, or another one
 * has its place in the call. */
static void tell_failed(
	struct deck *d, const struct studio_event *ev, const char *text)
{
	char said[TAPE_SAID_MAX];

	if (seen_before(&d->seen, seen_key(&d->seen, "failed", ev->id, NULL)))
		return;
	snprintf(said, sizeof(said), "Recording %s: %.700s", ev->id, text);
	hall_notice(d->hall, ev->conference, NULL, said);
}

/* Of a recording that is made, or of one that is being finished. */
static void on_failed(struct deck *d, const struct studio_event *ev)
{
	struct deck_tape *t = deck_tape(d, ev->conference);
	struct deck_parcel *p = deck_parcel(d, ev->id);
	const char *text = ev->text ? ev->text : "the server's log says why.";
	struct tape_actions a = { .n = 0 };

	log_warn("recording_failed", "id=%s what=%s", log_value(ev->id),
		log_value(text));
	if (p)
		parcel_failed(&p->parcel, fetch_now_us(), text);
	if (!t || !tape_is_live(&t->tape) || strcmp(t->tape.id, ev->id) != 0) {
		if (!p)
			tell_failed(d, ev, text);
		return;
	}
	tape_failed(&t->tape, ev->id, text, &a);
	deck_run_tape(d, t, &a);
}

/* What is about a recording that has ended. True: it was. */
static bool on_finished(struct deck *d, const struct studio_event *ev)
{
	struct deck_parcel *p;

	switch (ev->type) {
	case STUDIO_STOPPED:
		on_stopped(d, ev);
		return true;
	case STUDIO_PROGRESS:
		on_progress(d, ev);
		return true;
	case STUDIO_COMPOSED:
		on_composed(d, ev);
		return true;
	case STUDIO_FAILED:
		on_failed(d, ev);
		return true;
	case STUDIO_DELETED:
		p = deck_parcel(d, ev->id);
		if (p)
			deck_parcel_drop(d, p);
		return true;
	case STUDIO_STARTED:
	case STUDIO_TRACK:
	case STUDIO_TROUBLE:
	case STUDIO_RECOVERED:
		break;
	}
	return false;
}

static void on_trouble(struct deck *d, struct deck_tape *t,
	const struct studio_event *ev, struct tape_actions *ret)
{
	const char *running = studio_running(d->studio, t->room);

	tape_trouble(&t->tape, fetch_now_us(), ev->id, ev->text ? ev->text : "",
		ret);
	/* Another one has its place already, though it has not begun: what
	 * comes of this one is not about the call any more. */
	if (running && strcmp(running, ev->id) != 0 &&
		strcmp(t->tape.id, ev->id) == 0)
		tape_replaced(&t->tape, running);
}

void deck_on_studio(void *arg, const struct studio_event *ev)
{
	struct deck *d = arg;
	struct deck_tape *t;
	struct tape_actions a = { .n = 0 };
	uint64_t started_ms;

	if (on_finished(d, ev)) {
		deck_pump(d);
		return;
	}
	t = deck_tape(d, ev->conference);
	if (ev->type == STUDIO_STARTED && (!t || !tape_is_live(&t->tape))) {
		/* Nobody is told of it: it must not be. */
		log_error("recording_unasked", "id=%s", log_value(ev->id));
		studio_end(d->studio, ev->conference, "command");
		return;
	}
	if (!t)
		return;
	if (ev->type == STUDIO_STARTED) {
		started_ms = event_number(ev->manifest, "started_ms");
		log_info("recording", "id=%s room=%s", log_value(ev->id),
			log_pii(t->room));
		tape_started(&t->tape, started_ms ? started_ms : deck_unix_ms(),
			ev->id, &a);
	} else if (ev->type == STUDIO_TROUBLE) {
		on_trouble(d, t, ev, &a);
	} else if (ev->type == STUDIO_RECOVERED) {
		tape_recovered(&t->tape, ev->id, &a);
	}
	deck_run_tape(d, t, &a);
}

static void end(struct deck *d, const char *room, enum tape_end why)
{
	struct deck_tape *t = deck_tape(d, room);
	struct tape_actions a;

	if (!t)
		return;
	tape_end(&t->tape, why, &a);
	deck_run_tape(d, t, &a);
}

void deck_room_gone(struct deck *d, const char *room)
{
	end(d, room, TAPE_ROOM_GONE);
}

void deck_room_encrypted(struct deck *d, const char *room)
{
	end(d, room, TAPE_ENCRYPTED);
}

void deck_powers_changed(struct deck *d, const char *room)
{
	deck_show(d, room);
}

void deck_resume(struct deck *d)
{
	if (!d->studio || d->resumed)
		return;
	d->resumed = true;
	studio_resume(d->studio);
}

void deck_tick(struct deck *d)
{
	uint64_t now_us = fetch_now_us();
	struct deck_tape *t, *next;
	struct tape_actions a;

	for (t = TAILQ_FIRST(&d->tapes); t; t = next) {
		next = TAILQ_NEXT(t, entry);
		tape_tick(&t->tape, now_us, &a);
		deck_run_tape(d, t, &a);
		if (t->tape.state == TAPE_OFF)
			tape_free(d, t);
	}
	deck_pump(d);
}

bool deck_stop(struct deck *d)
{
	struct deck_tape *t;
	struct tape_actions a;
	bool any = false;

	TAILQ_FOREACH(t, &d->tapes, entry)
	{
		any = any || tape_is_live(&t->tape);
		tape_end(&t->tape, TAPE_SHUTDOWN, &a);
		deck_run_tape(d, t, &a);
	}
	return any;
}

const struct deck_counters *deck_counted(const struct deck *d)
{
	return &d->counters;
}

unsigned deck_live(const struct deck *d)
{
	const struct deck_tape *t;
	unsigned n = 0;

	TAILQ_FOREACH(t, &d->tapes, entry)
	{
		n += tape_is_live(&t->tape);
	}
	return n;
}

unsigned deck_waiting(const struct deck *d)
{
	const struct deck_parcel *p;
	unsigned n = 0;

	TAILQ_FOREACH(p, &d->parcels, entry)
	{
		n += !p->dropped && p->parcel.state != PARCEL_DONE;
	}
	return n;
}
