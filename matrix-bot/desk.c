#include "matrix-bot/desk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/util.h>
#include "http/fetch.h"
#include "sfu/log.h"

static void drop(struct desk *d, enum call_drop why, const struct call_event *e)
{
	d->counters.dropped[why]++;
	log_debug("call_event_dropped", "why=%s type=%s sender=%s",
		call_drop_text(why), event_type_text(e->type),
		log_pii(e->sender));
}

static struct desk_call *find_call(
	const struct desk *d, const struct call_event *e)
{
	struct desk_call *dc, *best = NULL;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		const struct call *c = &dc->call;

		if (c->state == CALL_ENDED || c->to_device != e->to_device ||
			strcmp(c->call_id, e->call_id) != 0 ||
			strcmp(c->user, e->sender) != 0 ||
			(!e->to_device && strcmp(c->room, e->room_id) != 0))
			continue;
		/* Two devices of one user may have chosen the same id. */
		if (call_is_from(c, e))
			return dc;
		best = dc;
	}
	return best;
}

/* A to-device message names its room by room_id, or by conf_id, which is the
 * room's id or that of a group call in it. */
static const struct room *find_room(
	const struct desk *d, const struct call_event *e)
{
	const struct room *r;

	if (e->room_id[0])
		return hall_find(d->hall, e->room_id);
	r = hall_find(d->hall, e->conf_id);
	return r ? r : hall_find_conf(d->hall, e->conf_id, e->sender);
}

static bool is_repeated(
	struct desk *d, const struct call_event *e, const cJSON *event)
{
	const char *event_id = event_string(event, "event_id");
	const cJSON *content;
	char *text;
	uint64_t key;

	/* An invite is one event, however often and in whichever way it comes.
	 */
	if (e->type == EVENT_INVITE)
		return seen_before(&d->seen,
			seen_key(&d->seen, "invite", e->sender, e->call_id,
				e->device_id, e->party_id, e->room_id, NULL));
	/* A sync from the start shows events of running calls again. */
	if (!e->to_device)
		return event_id[0] &&
		       seen_before(&d->seen,
			       seen_key(&d->seen, "event", event_id, NULL));
	if (e->message_id[0])
		return seen_before(&d->seen, seen_key(&d->seen, "id", e->sender,
						     e->message_id, NULL));
	/* Muting twice is two equal messages; taking it twice does no harm. */
	if (e->type == EVENT_METADATA)
		return false;
	content = cJSON_GetObjectItemCaseSensitive(event, "content");
	text = cJSON_PrintUnformatted(content);
	if (!text)
		return false;
	key = seen_key(&d->seen, "content", e->sender, event_type_text(e->type),
		text, NULL);
	cJSON_free(text);
	return seen_before(&d->seen, key);
}

static struct desk_call *call_create(
	struct desk *d, const struct call_event *e, const struct room *room)
{
	uint64_t now_us = fetch_now_us();
	struct desk_call *dc = calloc(1, sizeof(*dc));

	if (!dc)
		return NULL;
	if (call_init(&dc->call, e, room->id, now_us) < 0) {
		free(dc);
		drop(d, CALL_MALFORMED, e);
		return NULL;
	}
	dc->serial = ++d->serial;
	snprintf(dc->lane, sizeof(dc->lane), "call %llu",
		(unsigned long long)dc->serial);
	TAILQ_INSERT_TAIL(&d->calls, dc, entry);
	d->n_calls++;
	d->counters.calls++;
	if (early_take(d, &dc->call, now_us))
		dc->call.state = CALL_ENDED;
	return dc;
}

static void refuse_early(
	struct desk *d, const struct call_event *e, const struct room *room)
{
	struct call_actions a = { .n = 0 };
	struct desk_call *dc = call_create(d, e, room);

	if (!dc || dc->call.state != CALL_PENDING)
		return;
	call_refuse(&dc->call, &a);
	desk_run(d, dc, &a);
	d->counters.refused++;
}

/* True: too many; the first few too many are told so, a flood is not. */
static bool over_rate(
	struct desk *d, const struct call_event *e, const struct room *room)
{
	unsigned limit = d->limits.calls_per_minute, n;

	if (!limit)
		return false;
	n = rate_add(
		&d->rate, seen_key(&d->seen, e->sender, NULL), fetch_now_us());
	if (n <= limit)
		return false;
	drop(d, CALL_RATE, e);
	if (n <= limit + 3)
		refuse_early(d, e, room);
	return true;
}

static void on_invite(struct desk *d, const struct call_event *e)
{
	const struct room *room = find_room(d, e);
	enum room_verdict v = room ? room_may_call(room, d->policy, e->sender,
					     e->to_device, e->invitee)
				   : ROOM_NOT_MEMBER;

	if (e->age_ms >= e->lifetime_ms) {
		drop(d, CALL_EXPIRED, e);
	} else if (v == ROOM_NOT_MEMBER) {
		drop(d, CALL_NOT_MEMBER, e);
	} else if (v == ROOM_NOT_FOR_US) {
		drop(d, CALL_NOT_FOR_US, e);
	} else if (v == ROOM_CLOSED) {
		drop(d, CALL_NOT_FOR_US, e);
		if (e->to_device)
			refuse_early(d, e, room);
	} else if (d->n_calls >= DESK_CALLS_MAX) {
		drop(d, CALL_RATE, e);
	} else if (!over_rate(d, e, room)) {
		call_create(d, e, room);
	}
}

/* An event of a call that is not here. */
static void on_stray(struct desk *d, const struct call_event *e)
{
	const struct room *room = find_room(d, e);

	switch (e->type) {
	case EVENT_INVITE:
		on_invite(d, e);
		break;
	case EVENT_CANDIDATES:
	case EVENT_HANGUP:
	case EVENT_REJECT:
		if (e->age_ms < EARLY_KEEP_MS)
			early_add(d, e, fetch_now_us());
		break;
	case EVENT_NEGOTIATE:
		drop(d, CALL_UNKNOWN, e);
		/* Of before our restart: they can call again at once. */
		if (e->to_device && e->sdp_offer && room &&
			room_has(room, e->sender))
			desk_send_stray_hangup(d, e);
		break;
	default:
		drop(d, CALL_UNKNOWN, e);
		break;
	}
}

/* Our own account: the echo of what we sent, or another device of it. */
static void on_own(struct desk *d, const struct call_event *e)
{
	struct desk_call *dc;

	if (e->to_device || e->type != EVENT_ANSWER ||
		strcmp(e->party_id, d->session) == 0)
		return;
	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		/* Answered elsewhere, before we did. */
		if (dc->call.state == CALL_PENDING && !dc->call.to_device &&
			strcmp(dc->call.call_id, e->call_id) == 0 &&
			strcmp(dc->call.room, e->room_id) == 0)
			dc->call.state = CALL_ENDED;
	}
}

static bool for_other_session(const struct desk *d, const struct call_event *e)
{
	return e->to_device && e->dest_session_id[0] &&
	       strcmp(e->dest_session_id, d->session) != 0 &&
	       strcmp(e->dest_session_id, "sfu") != 0;
}

void desk_event(struct desk *d, const cJSON *event, const char *room_id)
{
	struct call_event e;
	struct call_actions a;
	struct desk_call *dc;
	int r = event_parse(&e, event, room_id);

	if (r == -ENOENT)
		return;
	if (r < 0 || (e.to_device && !e.conf_id[0] && !e.room_id[0]) ||
		(e.to_device && !e.device_id[0])) {
		d->counters.dropped[CALL_MALFORMED]++;
		log_debug("call_event_malformed", "error=%d", r);
		return;
	}
	if (strcmp(e.sender, d->policy->own_id) == 0) {
		on_own(d, &e);
	} else if (for_other_session(d, &e)) {
		drop(d, CALL_WRONG_SESSION, &e);
	} else if (is_repeated(d, &e, event)) {
		drop(d, CALL_REPEATED, &e);
	} else if ((dc = find_call(d, &e))) {
		if (e.type == EVENT_NEGOTIATE && e.sdp_offer)
			dc->by_matrix = true;
		call_input(&dc->call, &e, d->session, &a);
		desk_run(d, dc, &a);
	} else {
		on_stray(d, &e);
	}
	desk_sweep(d);
}

static bool over_limits(const struct desk *d, const struct call *c)
{
	unsigned here = 0, conferences = 0;
	struct desk_call *dc, *prior;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		bool first = dc->call.sfu != 0;

		if (!dc->call.sfu)
			continue;
		here += desk_is_in(dc, c->room);
		TAILQ_FOREACH(prior, &d->calls, entry)
		{
			if (prior == dc)
				break;
			if (desk_is_in(prior, dc->call.room))
				first = false;
		}
		conferences += first;
	}
	if (d->limits.participants && here >= d->limits.participants)
		return true;
	return d->limits.conferences && here == 0 &&
	       conferences >= d->limits.conferences;
}

/* The same device calls again: it has forgotten the old call. */
static void replace_older(struct desk *d, const struct desk_call *by)
{
	struct call_actions a = { .n = 0 };
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		struct call *c = &dc->call;

		if (dc == by)
			break;
		if (c->state == CALL_ENDED ||
			strcmp(c->room, by->call.room) != 0 ||
			strcmp(c->user, by->call.user) != 0 ||
			strcmp(call_device(c), call_device(&by->call)) != 0)
			continue;
		a.n = 0;
		call_end(c, c->to_device ? "replaced" : NULL, &a);
		desk_run(d, dc, &a);
	}
}

static void settle(struct desk *d, struct desk_call *dc)
{
	struct call *c = &dc->call;
	const struct room *room = hall_find(d->hall, c->room);
	struct call_actions a = { .n = 0 };
	enum room_verdict v = room ? room_may_call(room, d->policy, c->user,
					     c->to_device, c->invitee)
				   : ROOM_NOT_MEMBER;

	if (v == ROOM_NOT_YET && fetch_now_us() < c->expires_us)
		return;
	if (v != ROOM_MAY) {
		d->counters.dropped[CALL_NOT_MEMBER]++;
		c->state = CALL_ENDED;
		return;
	}
	replace_older(d, dc);
	if (over_limits(d, c)) {
		call_refuse(c, &a);
		d->counters.refused++;
	} else {
		call_settle(c, fetch_now_us(), &a);
	}
	desk_run(d, dc, &a);
}

void desk_settle(struct desk *d)
{
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		if (dc->call.state == CALL_PENDING)
			settle(d, dc);
	}
	desk_sweep(d);
}

void desk_tick(struct desk *d)
{
	uint64_t now_us = fetch_now_us();
	struct call_actions a;
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		call_tick(&dc->call, now_us, &a);
		desk_run(d, dc, &a);
		if (dc->call.state == CALL_PENDING &&
			now_us > dc->call.expires_us)
			dc->call.state = CALL_ENDED;
	}
	desk_sweep(d);
}

static void end_some(struct desk *d, const char *room, const char *user,
	bool timeline_only, const char *timeline_reason,
	const char *device_reason)
{
	struct call_actions a;
	struct desk_call *dc;

	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		struct call *c = &dc->call;

		if ((room && strcmp(c->room, room) != 0) ||
			(user && strcmp(c->user, user) != 0) ||
			(timeline_only && c->to_device))
			continue;
		a.n = 0;
		call_end(c, c->to_device ? device_reason : timeline_reason, &a);
		desk_run(d, dc, &a);
	}
	desk_sweep(d);
}

void desk_member_left(struct desk *d, const char *room, const char *user)
{
	end_some(d, room, user, false, NULL, "user_hangup");
}

void desk_room_gone(struct desk *d, const char *room)
{
	/* A room we are not in takes no events; to-device goes anywhere. */
	end_some(d, room, NULL, false, NULL, "user_hangup");
}

void desk_room_encrypted(struct desk *d, const char *room)
{
	end_some(d, room, NULL, true, "unknown_error", NULL);
}

void desk_hang_up(struct desk *d)
{
	end_some(d, NULL, NULL, false, "user_hangup", "user_hangup");
}

void desk_who(const struct desk *d, const char *room, char *ret, size_t cap)
{
	const struct room *r = hall_find(d->hall, room);
	struct desk_call *dc;
	unsigned listed = 0, more = 0;
	size_t n = 0;

	ret[0] = '\0';
	TAILQ_FOREACH(dc, &d->calls, entry)
	{
		const char *user = dc->call.user;
		const char *name = r ? room_name_of(r, user) : NULL;

		if (!desk_is_in(dc, room))
			continue;
		if (!name)
			name = user;
		if (listed == DESK_NAMES_MAX || n + strlen(name) + 32 > cap) {
			more++;
			continue;
		}
		n += (size_t)snprintf(
			ret + n, cap - n, "%s%s", listed ? ", " : "", name);
		listed++;
	}
	if (more)
		snprintf(ret + n, cap - n, " and %u more", more);
}

unsigned desk_count(const struct desk *d)
{
	return d->n_calls;
}

const char *desk_session_id(const struct desk *d)
{
	return d->session;
}

const struct desk_counters *desk_counted(const struct desk *d)
{
	return &d->counters;
}
