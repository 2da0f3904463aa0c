#include "matrix-bot/desk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/util.h>
#include "http/fetch.h"
#include "sfu/log.h"

/* What changes for many at once is gathered for so long. */
enum { FLUSH_MS = 100 };

bool desk_is_in(const struct desk_call *dc, const char *room)
{
	return dc->call.sfu && dc->call.state != CALL_ENDED &&
	       strcmp(dc->call.room, room) == 0;
}

struct desk_call *desk_by_sfu(const struct desk *d, sfu_id id)
{
	struct desk_call *dc;

	if (!id)
		return NULL;
	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc->call.sfu == id)
			return dc;
	}
	return NULL;
}

struct desk_call *desk_by_serial(const struct desk *d, uint64_t serial)
{
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc->serial == serial)
			return dc;
	}
	return NULL;
}

static void flush_soon(struct desk *d)
{
	struct timeval tv = { 0, FLUSH_MS * 1000 };

	if (!event_pending(d->flush_timer, EV_TIMEOUT, NULL))
		event_add(d->flush_timer, &tv);
}

static bool has_stream_of(const struct call *c, sfu_id owner)
{
	for (unsigned i = 0; i < c->n_streams; i++) {
		if (c->streams[i].owner == owner)
			return true;
	}
	return false;
}

static void on_published(struct desk *d, const struct desk_call *by)
{
	struct desk_call *dc;

	desk_screens(d, &by->call);
	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc != by && has_stream_of(&dc->call, by->call.sfu))
			dc->metadata_due = true;
	}
	flush_soon(d);
}

void desk_roster_due(
	struct desk *d, const char *room, const struct desk_call *except)
{
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc != except && desk_is_in(dc, room))
			dc->roster_due = true;
	}
	flush_soon(d);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct desk *d = arg;
	struct desk_call *dc;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc->roster_due)
			desk_send_roster(d, dc);
		if (dc->metadata_due)
			desk_send_metadata(d, dc);
		dc->roster_due = dc->metadata_due = false;
	}
}

static void refuse_joining(struct desk *d, struct desk_call *dc, int error)
{
	struct call_actions a = { .n = 0 };

	log_warn("call_refused", "user=%s error=%s", log_pii(dc->call.user),
		strerror(-error));
	d->counters.refused++;
	/* "Busy" would be the last word; a worker is back in a moment. */
	if (error == -EAGAIN)
		call_end(&dc->call, "unknown_error", &a);
	else
		call_refuse(&dc->call, &a);
	desk_run(d, dc, &a);
}

static void join(struct desk *d, struct desk_call *dc, const char *sdp)
{
	struct call *c = &dc->call;
	struct sfu_join_options opt = { .renegotiate = c->renegotiate };
	int error = -ENOMEM;

	c->sfu = sfu_join(
		d->sfu, c->room, c->label, &opt, desk_on_sfu, d, &error);
	if (!c->sfu) {
		refuse_joining(d, dc, error);
		return;
	}
	desk_screens(d, c);
	error = sfu_offer(d->sfu, c->sfu, sdp);
	if (error < 0) {
		sfu_leave(d->sfu, c->sfu);
		c->sfu = 0;
		refuse_joining(d, dc, error);
		return;
	}
	log_info("call", "room=%s user=%s way=%s version=%d streams=%s",
		log_pii(c->room), log_pii(c->user),
		c->to_device ? "to_device" : "timeline", c->version,
		c->renegotiate ? "many" : "one");
}

/* The fan-out needs the id to find who has streams of this one: so last. */
static void leave(struct desk *d, struct desk_call *dc)
{
	if (dc->call.sfu)
		sfu_leave(d->sfu, dc->call.sfu);
	log_info("call_ended", "room=%s user=%s", log_pii(dc->call.room),
		log_pii(dc->call.user));
	dc->call.sfu = 0;
}

static void to_sfu(
	struct desk *d, struct desk_call *dc, const struct call_action *a)
{
	const struct call *c = &dc->call;
	int r = 0;

	if (!c->sfu)
		return;
	if (a->act == CALL_OFFER) {
		/* It crosses an offer of ours that has not left yet. */
		client_cancel(d->client, dc->lane, "offer");
		desk_forget_waiting(dc);
		r = sfu_offer(d->sfu, c->sfu, a->text);
	} else if (a->act == CALL_ANSWER) {
		r = sfu_answer(d->sfu, c->sfu, a->text);
	} else {
		sfu_candidate(d->sfu, c->sfu, a->text);
	}
	if (r < 0)
		desk_send_error(d, dc, strerror(-r));
}

static void run(
	struct desk *d, struct desk_call *dc, const struct call_action *a)
{
	switch (a->act) {
	case CALL_JOIN:
		join(d, dc, a->text);
		break;
	case CALL_OFFER:
	case CALL_ANSWER:
	case CALL_CANDIDATE:
		to_sfu(d, dc, a);
		break;
	case CALL_LEAVE:
		leave(d, dc);
		break;
	case CALL_SEND_ANSWER:
		d->counters.answered++;
		desk_send_sdp(d, dc, a->act, a->text);
		break;
	case CALL_SEND_OFFER:
	case CALL_SEND_NEGOTIATED:
		desk_send_sdp(d, dc, a->act, a->text);
		break;
	case CALL_SEND_HANGUP:
	case CALL_SEND_REJECT:
		desk_send_end(d, dc, a->act, a->text);
		break;
	case CALL_SEND_METADATA:
		desk_send_metadata(d, dc);
		break;
	case CALL_SEND_ROSTER:
		desk_send_roster(d, dc);
		break;
	case CALL_SEND_SPEAKER:
		desk_send_speaker(d, dc, a->who);
		break;
	case CALL_SEND_ERROR:
		desk_send_error(d, dc, a->text);
		break;
	case CALL_SEND_PING:
		desk_send_ping(d, dc, "m.call.ping");
		break;
	case CALL_PUBLISHED:
		on_published(d, dc);
		desk_news(d, DESK_PUBLISHED, dc);
		break;
	case CALL_ARRIVED:
		desk_roster_due(d, dc->call.room, dc);
		if (desk_is_in(dc, dc->call.room))
			desk_news(d, DESK_ARRIVED, dc);
		break;
	case CALL_GONE:
		desk_roster_due(d, dc->call.room, dc);
		desk_news(d, DESK_GONE, dc);
		break;
	case CALL_DROPPED:
		d->counters.dropped[a->drop]++;
		break;
	}
}

void desk_run(
	struct desk *d, struct desk_call *dc, const struct call_actions *a)
{
	for (unsigned i = 0; i < a->n; i++)
		run(d, dc, &a->v[i]);
}

static void call_free(struct desk *d, struct desk_call *dc)
{
	TAILQ_REMOVE(&d->calls, dc, entry);
	d->n_calls--;
	if (dc->call.sfu)
		sfu_leave(d->sfu, dc->call.sfu);
	call_done(&dc->call);
	desk_forget_waiting(dc);
	free(dc);
}

void desk_sweep(struct desk *d)
{
	struct desk_call *dc, *next;

	for (dc = TAILQ_FIRST(&d->calls); dc; dc = next) {
		next = TAILQ_NEXT(dc, entry);
		if (dc->call.state == CALL_ENDED)
			call_free(d, dc);
	}
}

static bool is_known_elsewhere(struct desk *d, const struct desk_call *dc,
	const char *type, const cJSON *content)
{
	const struct desk_handlers *h = &d->handlers;

	return h->message_h && h->message_h(h->arg, &dc->call, type, content);
}

static void on_control(
	struct desk *d, struct desk_call *dc, const struct sfu_event *ev)
{
	struct call_actions a = { .n = 0 };
	struct call_event e;
	cJSON *json = ev->binary ? NULL
				 : cJSON_ParseWithLength(
					   (const char *)ev->data, ev->len);
	const cJSON *content =
		cJSON_GetObjectItemCaseSensitive(json, "content");
	const char *type = event_string(json, "type");

	if (strcmp(type, "m.call.ping") == 0) {
		desk_send_ping(d, dc, "m.call.pong");
	} else if (event_parse_control(&e, type, content) == 0) {
		if (e.type == EVENT_NEGOTIATE && e.sdp_offer)
			dc->by_matrix = false;
		call_control(&dc->call, &e, &a);
		desk_run(d, dc, &a);
	} else if (!desk_view(d, dc, type, content) &&
		   !is_known_elsewhere(d, dc, type, content)) {
		d->counters.control_odd++;
	}
	cJSON_Delete(json);
}

static void on_transport(
	struct desk *d, struct desk_call *dc, const struct sfu_event *ev)
{
	bool was_up = dc->call.state == CALL_UP;
	struct call_actions a;

	if (ev->type == SFU_EV_LEFT) {
		log_info("call_left", "room=%s user=%s reason=%s",
			log_pii(dc->call.room), log_pii(dc->call.user),
			sfu_reason_text(ev->reason));
		dc->crashed = ev->reason == SFU_WORKER_DIED;
	} else if (ev->type == SFU_EV_CONNECTED) {
		d->counters.up++;
	}
	call_sfu(&dc->call, fetch_now_us(), ev, &a);
	desk_run(d, dc, &a);
	if (!was_up && dc->call.state == CALL_UP)
		desk_news(d, DESK_UP, dc);
	if (ev->type == SFU_EV_CHANNEL && dc->call.control) {
		desk_send_waiting(d, dc);
		desk_news(d, DESK_OPENED, dc);
	}
}

static void on_away(struct desk *d, struct desk_call *dc, bool away)
{
	log_info(away ? "call_away" : "call_back", "room=%s user=%s",
		log_pii(dc->call.room), log_pii(dc->call.user));
	dc->away = away;
	desk_roster_due(d, dc->call.room, NULL);
}

void desk_on_sfu(void *arg, const struct sfu_event *ev)
{
	struct desk *d = arg;
	struct desk_call *dc = desk_by_sfu(d, ev->participant);

	if (!dc)
		return;
	if (ev->type == SFU_EV_MESSAGE)
		on_control(d, dc, ev);
	else if (ev->type == SFU_EV_PAUSED || ev->type == SFU_EV_WATCHED)
		desk_tell_streams(d, dc, ev);
	else if (ev->type == SFU_EV_AWAY || ev->type == SFU_EV_BACK)
		on_away(d, dc, ev->type == SFU_EV_AWAY);
	else
		on_transport(d, dc, ev);
	desk_sweep(d);
}

int desk_new(struct desk **ret, struct event_base *base, struct client *client,
	struct sfu *sfu, struct hall *hall, const struct room_policy *policy,
	const struct desk_limits *limits)
{
	struct desk *d = calloc(1, sizeof(*d));
	uint64_t seed[2];

	if (!d)
		return -ENOMEM;
	d->base = base;
	d->client = client;
	d->sfu = sfu;
	d->hall = hall;
	d->policy = policy;
	d->limits = *limits;
	TAILQ_INIT(&d->calls);
	evutil_secure_rng_get_bytes(seed, sizeof(seed));
	seen_init(&d->seen, seed[0]);
	/* Random per process: clients see a restart as another party. */
	snprintf(d->session, sizeof(d->session), "hearth%08x",
		(unsigned)seed[1]);
	d->flush_timer = event_new(base, -1, 0, on_flush, d);
	if (!d->flush_timer) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

struct desk *desk_free(struct desk *d)
{
	struct desk_call *dc;

	if (!d)
		return NULL;
	while ((dc = TAILQ_FIRST(&d->calls)))
		call_free(d, dc);
	early_done(d);
	event_free(d->flush_timer);
	free(d);
	return NULL;
}
