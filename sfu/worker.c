#include "sfu/worker_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include "sfu/log.h"

static void end(struct worker *w, int code)
{
	if (w->ended)
		return;
	w->ended = true;
	w->end_h(w->end_arg, code);
}

static bool may_be_lost(const struct wire_message *m)
{
	if (m->type == WIRE_STATS || m->type == WIRE_ROOMS)
		return true;
	return m->type == WIRE_EVENT &&
	       (m->u.event.type == SFU_EV_MESSAGE ||
		       m->u.event.type == SFU_EV_SPEAKER);
}

void worker_tell(struct worker *w, const struct wire_message *m)
{
	int err = w->pipe ? pipe_send(w->pipe, m) : -EPIPE;

	if (!err || err == -EPIPE)
		return;
	w->stats.events_lost++;
	if (may_be_lost(m))
		return;
	/* The two processes would disagree from now on about who is here. */
	log_error("pipe_failed", "type=%d error=%d", (int)m->type, err);
	if (w->own_process)
		end(w, 1);
}

/* Commands. */

static void refuse(struct worker *w, sfu_id id, enum sfu_reason reason)
{
	struct wire_message m = { .type = WIRE_EVENT, .id = id };

	m.u.event.type = SFU_EV_LEFT;
	m.u.event.participant = id;
	m.u.event.reason = reason;
	worker_tell(w, &m);
}

/* NULL: there is no room for another. */
static struct worker_room *find_or_make(struct worker *w, const char *name)
{
	struct worker_room *r = worker_room_find(w, name);

	if (!r && w->n_rooms < w->options.conferences)
		r = worker_room_new(w, name);
	return r;
}

static void join(struct worker *w, const struct wire_message *m)
{
	struct worker_room *r;

	if (!m->id || worker_seat_find(w, m->id))
		return;
	worker_refresh_candidates(w);
	r = find_or_make(w, m->u.join.conference);
	if (!r) {
		refuse(w, m->id, SFU_FULL);
		return;
	}
	if (conference_join(r->conference, w->now_us, m->id, m->u.join.label,
		    &m->u.join.options) != 0) {
		refuse(w, m->id, SFU_FULL);
	} else if (!worker_seat_new(r, m->id)) {
		/* Without a seat its event still goes to the control process.
		 */
		conference_leave(
			r->conference, w->now_us, m->id, SFU_FULL, &w->outbox);
	}
	worker_room_after(r);
}

static void plug(struct worker *w, const struct wire_message *m)
{
	struct worker_room *r;
	struct seat *s;

	if (!m->id || worker_seat_find(w, m->id))
		return;
	r = find_or_make(w, m->u.plug.conference);
	if (!r) {
		refuse(w, m->id, SFU_FULL);
		return;
	}
	if (conference_plug(r->conference, w->now_us, m->id, m->u.plug.label,
		    &m->u.plug.options) != 0) {
		refuse(w, m->id, SFU_FULL);
	} else {
		s = worker_seat_new(r, m->id);
		if (!s || worker_plug_new(s, pipe_take_fd(w->pipe)) != 0)
			conference_leave(r->conference, w->now_us, m->id,
				SFU_FULL, &w->outbox);
	}
	worker_room_after(r);
}

static void relay(struct worker *w, const struct wire_message *m)
{
	struct worker_room *r = worker_room_find(w, m->u.relay.conference);

	/* Everybody has left meanwhile. */
	if (!r)
		refuse(w, m->id, SFU_CLOSED);
	else
		worker_relay_new(
			r, m->id, m->u.relay.rank, pipe_take_fd(w->pipe));
}

static void leave(struct worker *w, struct seat *s)
{
	struct worker_room *r = s->room;

	conference_leave(
		r->conference, w->now_us, s->id, SFU_BY_COMMAND, &w->outbox);
	worker_room_after(r);
}

static void command(
	struct worker *w, struct seat *s, const struct wire_message *m)
{
	struct conference *c = s->room->conference;

	switch (m->type) {
	case WIRE_OFFER:
		conference_offer(c, w->now_us, s->id, m->u.text.v,
			m->u.text.len, &w->outbox);
		break;
	case WIRE_ANSWER:
		conference_answer(c, w->now_us, s->id, m->u.text.v,
			m->u.text.len, &w->outbox);
		break;
	case WIRE_CANDIDATE:
		conference_candidate(c, w->now_us, s->id, m->u.text.v);
		break;
	case WIRE_MESSAGE:
		conference_message(c, w->now_us, s->id, m->u.data.binary,
			m->u.data.v, m->u.data.len, &w->outbox);
		break;
	case WIRE_VIEW:
		conference_view(c, w->now_us, s->id, m->u.view.stream,
			m->u.view.height, m->u.view.visible);
		break;
	case WIRE_SCREEN:
		conference_screen(c, w->now_us, s->id, m->u.screen.stream,
			m->u.screen.on);
		break;
	default:
		return;
	}
	worker_seat_refresh(s);
	worker_room_after(s->room);
}

static void send_stats(struct worker *w)
{
	struct wire_message m = { .type = WIRE_STATS };
	struct worker_room *r;

	w->stats.conferences = w->n_rooms;
	w->stats.handshakes_waiting = helper_waiting(w->helper);
	w->stats.handshake_drops = helper_refused(w->helper);
	w->stats.udp = w->udp.stats;
	w->stats.unsealed = w->outbox.unsealed;
	w->stats.plug = w->plugs.stats;
	w->stats.link = w->links;
	w->stats.cpu_us = worker_cpu_us();
	m.u.stats = w->stats;
	m.u.stats.core = w->gone;
	LIST_FOREACH(r, &w->rooms, next)
	conference_stats(r->conference, &m.u.stats.core);
	worker_tell(w, &m);
}

static void send_rooms(struct worker *w)
{
	struct wire_message m = { .type = WIRE_ROOMS };
	struct worker_room *r;

	LIST_FOREACH(r, &w->rooms, next)
	{
		struct conference_stats s = { 0 };

		conference_stats(r->conference, &s);
		stats_rooms_note(
			&m.u.rooms, conference_name(r->conference), &s);
	}
	worker_tell(w, &m);
}

/* Everybody hears goodbye, which goes out before the BYE does. */
static void stop(struct worker *w)
{
	struct wire_message bye = { .type = WIRE_BYE };
	struct seat *s;

	for (unsigned i = 0; i < WORKER_IDS && w->started; i++)
		while ((s = LIST_FIRST(&w->ids[i]))) {
			sfu_id id = s->id;

			leave(w, s);
			s = worker_seat_find(w, id);
			if (s)
				worker_seat_free(s);
		}
	if (w->outbox.n)
		w->outbox.flush(&w->outbox);
	worker_tell(w, &bye);
}

static void started_command(struct worker *w, const struct wire_message *m)
{
	struct seat *s;

	worker_turn_begin(w);
	switch (m->type) {
	case WIRE_JOIN:
		join(w, m);
		break;
	case WIRE_PLUG:
		plug(w, m);
		break;
	case WIRE_RELAY:
		relay(w, m);
		break;
	case WIRE_ASK_STATS:
		send_stats(w);
		send_rooms(w);
		break;
	case WIRE_STOP:
		stop(w);
		break;
	case WIRE_LOG_LEVEL:
		if (w->own_process)
			log_init((enum log_level)m->u.level, w->options.pii,
				w->source);
		break;
	case WIRE_LEAVE:
		s = worker_seat_find(w, m->id);
		if (s)
			leave(w, s);
		break;
	default:
		/* Who left meanwhile: its SFU_EV_LEFT is on the way. */
		s = worker_seat_find(w, m->id);
		if (s)
			command(w, s, m);
	}
	worker_turn_end(w);
}

static void on_message(void *arg, const struct wire_message *m)
{
	struct worker *w = arg;

	if (!m)
		end(w, 0);
	else if (m->type == WIRE_OPTIONS)
		worker_start(w, &m->u.options);
	else if (w->started)
		started_command(w, m);
	else if (m->type == WIRE_STOP)
		stop(w);
	else if (m->type == WIRE_JOIN || m->type == WIRE_PLUG ||
		 m->type == WIRE_RELAY)
		refuse(w, m->id, SFU_WORKER_DIED);
}

int worker_new(struct worker **ret, struct event_base *base, struct pipe *pipe,
	bool own_process, worker_end_h *end_h, void *arg)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w) {
		pipe_free(pipe);
		return -ENOMEM;
	}
	w->base = base;
	w->pipe = pipe;
	w->own_process = own_process;
	w->end_h = end_h;
	w->end_arg = arg;
	w->plugs.base = base;
	LIST_INIT(&w->rooms);
	SLIST_INIT(&w->touched);
	SLIST_INIT(&w->relays_dirty);
	pipe_listen(pipe, on_message, w);
	*ret = w;
	return 0;
}

struct worker *worker_free(struct worker *w)
{
	struct worker_room *r;

	if (!w)
		return NULL;
	w->pipe = pipe_free(w->pipe);
	/* First, so that all sessions are at home. */
	w->helper = helper_free(w->helper);
	/* What farewells the conferences still make have nowhere to go, but the
	 * callbacks of usrsctp expect an outbox. */
	w->env.out = w->outbox.slots ? &w->outbox : NULL;
	while ((r = LIST_FIRST(&w->rooms)))
		worker_room_free(r);
	w->env.out = NULL;
	worker_input_done(w);
	plugs_done(&w->plugs);
	if (w->channels)
		event_free(w->channels);
	demux_free(w->demux);
	outbox_done(&w->outbox);
	udp_done(&w->udp);
	ice_engine_free(w->env.ice);
	cert_free(w->env.cert);
	free(w);
	return NULL;
}

/* A process of its own. */

struct run {
	struct event_base *base;
	int code;
};

static void on_end(void *arg, int code)
{
	struct run *run = arg;

	run->code = code;
	event_base_loopbreak(run->base);
}

int worker_main(void)
{
	struct run run = { .code = 1 };
	struct worker *w = NULL;
	struct pipe *pipe;

	prctl(PR_SET_NAME, "hearth-worker");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	run.base = event_base_new();
	if (!run.base)
		return 1;
	event_base_priority_init(run.base, WORKER_PRIORITIES);
	pipe = pipe_new(run.base, WORKER_FD, NULL, NULL);
	if (pipe && worker_new(&w, run.base, pipe, true, on_end, &run) == 0)
		event_base_dispatch(run.base);
	worker_free(w);
	event_base_free(run.base);
	return run.code;
}
