#include "sfu/worker_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sfu/log.h"

enum {
	WALL_EVERY_US = 10000000,
	TIMER_LEAST_US = 1000,
	LATE_US = 3000, /* longer than a turn takes: the CPU was another's */
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t worker_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

void worker_turn_begin(struct worker *w)
{
	w->now_us = clock_us(CLOCK_MONOTONIC);
	/* Read again now and then: the wall clock is stepped and slewed. */
	if (!w->wall_read_us || w->now_us - w->wall_read_us > WALL_EVERY_US) {
		w->env.wall_offset_us = clock_us(CLOCK_REALTIME) - w->now_us;
		w->wall_read_us = w->now_us;
	}
	w->flushed = false;
	w->env.now_us = w->now_us;
	w->env.out = &w->outbox;
}

void worker_turn_flush(struct worker *w)
{
	uint64_t late_us = clock_us(CLOCK_MONOTONIC) - w->now_us;
	struct worker_room *r;

	/* Of a second one in the same turn it cannot be said which packets
	 * have left already. */
	if (late_us >= LATE_US && !w->flushed) {
		w->stats.late_turns++;
		LIST_FOREACH(r, &w->rooms, next)
		conference_late(r->conference, w->now_us, late_us);
	}
	w->flushed = true;
}

static void arm(struct worker_room *r)
{
	uint64_t due = conference_deadline(r->conference);
	uint64_t now = r->worker->now_us, wait;
	struct timeval tv;

	/* An earlier alarm does no harm: it finds nothing due and arms again.
	 * That is cheaper than moving the timer at every packet. */
	if (due == UINT64_MAX || r->armed_us <= due)
		return;
	wait = due > now + TIMER_LEAST_US ? due - now : TIMER_LEAST_US;
	tv.tv_sec = (time_t)(wait / 1000000);
	tv.tv_usec = (suseconds_t)(wait % 1000000);
	if (event_add(r->timer, &tv) == 0)
		r->armed_us = due;
}

void worker_turn_end(struct worker *w)
{
	struct worker_room *r;

	/* Before the sweep: what waits may need the keys of who left. */
	if (w->outbox.n)
		w->outbox.flush(&w->outbox);
	if (!SLIST_EMPTY(&w->plugs.dirty))
		plugs_flush(&w->plugs);
	worker_relay_flush(w);
	w->env.out = NULL;
	while ((r = SLIST_FIRST(&w->touched))) {
		SLIST_REMOVE_HEAD(&w->touched, next_touched);
		r->touched = false;
		conference_sweep(r->conference);
		if (conference_empty(r->conference))
			worker_room_free(r);
		else
			arm(r);
	}
	w->stats.turns++;
	w->stats.busy_us += clock_us(CLOCK_MONOTONIC) - w->now_us;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker_room *r = arg;
	struct worker *w = r->worker;

	(void)fd;
	(void)what;
	r->armed_us = UINT64_MAX;
	worker_turn_begin(w);
	conference_tick(r->conference, w->now_us, &w->outbox);
	worker_room_after(r);
	worker_turn_end(w);
}

struct worker_room *worker_room_find(struct worker *w, const char *name)
{
	struct worker_room *r;

	LIST_FOREACH(r, &w->rooms, next)
	if (strcmp(conference_name(r->conference), name) == 0)
		return r;
	return NULL;
}

struct worker_room *worker_room_new(struct worker *w, const char *name)
{
	struct worker_room *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->worker = w;
	LIST_INIT(&r->relays);
	r->armed_us = UINT64_MAX;
	r->timer = evtimer_new(w->base, on_timer, r);
	r->conference = conference_new(&w->env, name);
	if (!r->timer || !r->conference) {
		if (r->timer)
			event_free(r->timer);
		conference_free(r->conference);
		free(r);
		return NULL;
	}
	LIST_INSERT_HEAD(&w->rooms, r, next);
	w->n_rooms++;
	return r;
}

static void remember(struct worker *w, const struct conference *c)
{
	struct conference_stats *g = &w->gone;

	conference_stats(c, g);
	g->participants = g->tracks = g->subscriptions = 0;
	g->downlinks = g->estimate_bps = g->estimate_min_bps = 0;
	g->wanted_bps = g->paced_bytes = 0;
	memset(g->paused, 0, sizeof(g->paused));
}

void worker_room_free(struct worker_room *r)
{
	struct worker *w = r->worker;

	for (unsigned i = 0; i < WORKER_IDS; i++) {
		struct seat *s, *next;

		for (s = LIST_FIRST(&w->ids[i]); s; s = next) {
			next = LIST_NEXT(s, by_id);
			if (s->room == r)
				worker_seat_free(s);
		}
	}
	worker_relay_done(r);
	if (r->touched)
		SLIST_REMOVE(&w->touched, r, worker_room, next_touched);
	remember(w, r->conference);
	conference_free(r->conference);
	event_free(r->timer);
	LIST_REMOVE(r, next);
	w->n_rooms--;
	free(r);
}

/* An event of a participant that is at home here. */
static void hand_on(
	struct worker_room *r, struct seat *s, const struct sfu_event *ev)
{
	struct wire_message m = { .type = WIRE_EVENT, .id = ev->participant };

	m.u.event = *ev;
	if (!s || !s->plug || worker_plug_event(s, ev))
		worker_tell(r->worker, &m);
	if (ev->type == SFU_EV_LEFT)
		worker_relay_left(r, ev->participant);
}

void worker_room_after(struct worker_room *r)
{
	struct worker *w = r->worker;
	struct sfu_event ev;

	/* First, for they may be about who leaves. */
	worker_relay_notes(r);
	while (conference_next_event(r->conference, &ev)) {
		struct seat *s = worker_seat_find(w, ev.participant);

		if (!s || !s->relay)
			hand_on(r, s, &ev);
		else if (ev.type == SFU_EV_REFUSED)
			log_warn("relay_refused", "code=%d text=%s", ev.code,
				log_value(ev.text));
		if (s && ev.type == SFU_EV_LEFT)
			worker_seat_free(s);
		else if (s)
			worker_seat_refresh(s);
	}
	if (r->touched)
		return;
	r->touched = true;
	SLIST_INSERT_HEAD(&w->touched, r, next_touched);
}

struct seat *worker_seat_find(struct worker *w, sfu_id id)
{
	struct seat *s;

	LIST_FOREACH(s, &w->ids[id % WORKER_IDS], by_id)
	if (s->id == id)
		return s;
	return NULL;
}

struct seat *worker_seat_new(struct worker_room *r, sfu_id id)
{
	static const struct timeval every = { .tv_usec = ASSOC_TICK_US };
	struct worker *w = r->worker;
	struct seat *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->room = r;
	s->id = id;
	s->participant = conference_find(r->conference, id);
	LIST_INSERT_HEAD(&w->ids[id % WORKER_IDS], s, by_id);
	if (!w->n_seats++)
		event_add(w->channels, &every);
	worker_seat_refresh(s);
	return s;
}

void worker_seat_refresh(struct seat *s)
{
	const char *ufrags[DEMUX_UFRAGS];

	for (unsigned i = 0; i < DEMUX_UFRAGS; i++)
		ufrags[i] = participant_ufrag(s->participant, i);
	demux_set_ufrags(s->room->worker->demux, &s->owner, ufrags);
}

void worker_seat_free(struct seat *s)
{
	struct worker *w = s->room->worker;

	demux_remove(w->demux, &s->owner);
	plug_free(s->plug);
	LIST_REMOVE(s, by_id);
	if (!--w->n_seats)
		event_del(w->channels);
	free(s);
}
