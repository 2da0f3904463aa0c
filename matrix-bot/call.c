#include "matrix-bot/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const drop_texts[CALL_DROPS] = {
	[CALL_MALFORMED] = "malformed",
	[CALL_EXPIRED] = "expired",
	[CALL_REPEATED] = "repeated",
	[CALL_WRONG_PARTY] = "wrong_party",
	[CALL_WRONG_SESSION] = "wrong_session",
	[CALL_UNKNOWN] = "unknown_call",
	[CALL_NOT_MEMBER] = "not_member",
	[CALL_NOT_FOR_US] = "not_for_us",
	[CALL_RATE] = "rate",
};

const char *call_drop_text(enum call_drop d)
{
	return drop_texts[d];
}

static struct call_action *add(struct call_actions *a, enum call_act act)
{
	struct call_action *v;

	/* The size covers every event; the last slot takes what does not. */
	v = &a->v[a->n < CALL_ACTIONS_MAX ? a->n++ : CALL_ACTIONS_MAX - 1];
	*v = (struct call_action){ .act = act };
	return v;
}

static void add_text(
	struct call_actions *a, enum call_act act, const char *text)
{
	add(a, act)->text = text;
}

static void add_drop(struct call_actions *a, enum call_drop drop)
{
	add(a, CALL_DROPPED)->drop = drop;
}

const char *call_device(const struct call *c)
{
	return c->to_device ? c->device : c->party;
}

int call_init(struct call *c, const struct call_event *invite,
	const char *room_id, uint64_t now_us)
{
	uint64_t left_ms = invite->lifetime_ms > invite->age_ms
				   ? invite->lifetime_ms - invite->age_ms
				   : 0;

	if (invite->to_device && !invite->device_id[0])
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	c->offer = strdup(invite->sdp);
	if (!c->offer)
		return -ENOMEM;
	c->state = CALL_PENDING;
	c->to_device = invite->to_device;
	c->version = invite->version;
	snprintf(c->room, sizeof(c->room), "%s", room_id);
	memcpy(c->user, invite->sender, sizeof(c->user));
	memcpy(c->call_id, invite->call_id, sizeof(c->call_id));
	memcpy(c->party, invite->party_id, sizeof(c->party));
	memcpy(c->device, invite->device_id, sizeof(c->device));
	memcpy(c->conf, invite->conf_id, sizeof(c->conf));
	memcpy(c->session, invite->sender_session_id, sizeof(c->session));
	memcpy(c->invitee, invite->invitee, sizeof(c->invitee));
	c->renegotiate = invite->has_metadata && invite->version != 0;
	c->hearth = invite->hearth_client;
	c->published = invite->metadata;
	/* v0 has no party: the call stands for it, so that labels differ. */
	snprintf(c->label, sizeof(c->label), "%s %s", c->user,
		call_device(c)[0] ? call_device(c) : c->call_id);
	c->expires_us = now_us + left_ms * 1000;
	return 0;
}

static void forget_offer(struct call *c)
{
	free(c->offer);
	c->offer = NULL;
	while (c->n_candidates)
		free(c->candidates[--c->n_candidates]);
}

void call_done(struct call *c)
{
	forget_offer(c);
	free(c->streams);
	c->streams = NULL;
	c->n_streams = 0;
}

bool call_is_from(const struct call *c, const struct call_event *e)
{
	if (c->to_device != e->to_device)
		return false;
	if (c->to_device && e->device_id[0] &&
		strcmp(c->device, e->device_id) != 0)
		return false;
	return c->version == 0 || !c->party[0] ||
	       strcmp(c->party, e->party_id) == 0;
}

void call_end(struct call *c, const char *reason, struct call_actions *ret)
{
	bool joined = c->state != CALL_PENDING;

	if (c->state == CALL_ENDED)
		return;
	c->state = CALL_ENDED;
	if (reason)
		add_text(ret, CALL_SEND_HANGUP, reason);
	if (joined) {
		add(ret, CALL_LEAVE);
		add(ret, CALL_GONE);
	}
}

void call_refuse(struct call *c, struct call_actions *ret)
{
	c->state = CALL_ENDED;
	add_text(ret, c->version == 0 ? CALL_SEND_HANGUP : CALL_SEND_REJECT,
		"user_busy");
}

static void take_candidates(
	struct call *c, const struct call_event *e, struct call_actions *ret)
{
	for (unsigned i = 0; i < e->n_candidates; i++) {
		char *twin;

		if (c->state != CALL_PENDING) {
			add_text(ret, CALL_CANDIDATE, e->candidates[i]);
			continue;
		}
		if (c->n_candidates == CALL_PENDING_CANDIDATES_MAX)
			return;
		twin = strdup(e->candidates[i]);
		if (twin)
			c->candidates[c->n_candidates++] = twin;
	}
}

static void take_metadata(
	struct call *c, const struct call_event *e, struct call_actions *ret)
{
	if (!e->has_metadata)
		return;
	/* A negotiation names everything there is, a change perhaps not. */
	if (e->type == EVENT_NEGOTIATE)
		c->published = e->metadata;
	else
		metadata_merge(&c->published, &e->metadata);
	if (c->state != CALL_PENDING)
		add(ret, CALL_PUBLISHED);
}

static void take_negotiate(
	struct call *c, const struct call_event *e, struct call_actions *ret)
{
	if (c->state == CALL_PENDING) {
		add_drop(ret, CALL_UNKNOWN);
		return;
	}
	take_metadata(c, e, ret);
	add_text(ret, e->sdp_offer ? CALL_OFFER : CALL_ANSWER, e->sdp);
}

static void take(
	struct call *c, const struct call_event *e, struct call_actions *ret)
{
	switch (e->type) {
	case EVENT_CANDIDATES:
		take_candidates(c, e, ret);
		break;
	case EVENT_NEGOTIATE:
		take_negotiate(c, e, ret);
		break;
	case EVENT_METADATA:
		take_metadata(c, e, ret);
		break;
	case EVENT_HANGUP:
	case EVENT_REJECT:
		call_end(c, NULL, ret);
		break;
	case EVENT_INVITE:
		add_drop(ret, CALL_REPEATED);
		break;
	case EVENT_PONG:
		c->pings = 0;
		break;
	case EVENT_ANSWER:
	case EVENT_SELECT_ANSWER:
	case EVENT_TYPES:
		break;
	}
}

void call_input(struct call *c, const struct call_event *e,
	const char *party_id, struct call_actions *ret)
{
	ret->n = 0;
	if (c->state == CALL_ENDED) {
		add_drop(ret, CALL_UNKNOWN);
	} else if (!call_is_from(c, e)) {
		add_drop(ret, CALL_WRONG_PARTY);
	} else if (e->type == EVENT_SELECT_ANSWER) {
		/* Another party's answer was chosen: nothing to say. */
		if (e->selected_party_id[0] &&
			strcmp(e->selected_party_id, party_id) != 0)
			call_end(c, NULL, ret);
	} else {
		take(c, e, ret);
	}
}

void call_control(
	struct call *c, const struct call_event *e, struct call_actions *ret)
{
	ret->n = 0;
	if (c->state == CALL_ENDED || e->type == EVENT_INVITE ||
		e->type == EVENT_CANDIDATES)
		add_drop(ret, CALL_UNKNOWN);
	else
		take(c, e, ret);
}

void call_settle(struct call *c, uint64_t now_us, struct call_actions *ret)
{
	ret->n = 0;
	if (c->state != CALL_PENDING)
		return;
	if (now_us + CALL_ANSWER_MARGIN_MS * 1000 > c->expires_us) {
		c->state = CALL_ENDED;
		add_drop(ret, CALL_EXPIRED);
		return;
	}
	c->state = CALL_OFFERED;
	add_text(ret, CALL_JOIN, c->offer);
	for (unsigned i = 0; i < c->n_candidates; i++)
		add_text(ret, CALL_CANDIDATE, c->candidates[i]);
	add(ret, CALL_ARRIVED);
}

static int keep_streams(struct call *c, const struct sfu_event *ev)
{
	struct sfu_stream *v = NULL;

	if (ev->n_streams) {
		v = calloc(ev->n_streams, sizeof(*v));
		if (!v)
			return -ENOMEM;
		memcpy(v, ev->streams, ev->n_streams * sizeof(*v));
	}
	free(c->streams);
	c->streams = v;
	c->n_streams = ev->n_streams;
	return 0;
}

static const char *hangup_reason(enum sfu_reason r)
{
	switch (r) {
	case SFU_ICE_FAILED:
		return "ice_failed";
	case SFU_ICE_TIMEOUT:
		return "ice_timeout";
	case SFU_REFUSED:
		return "user_media_failed";
	case SFU_FULL:
		return "user_busy";
	case SFU_BY_COMMAND:
	case SFU_CLOSED:
		return "user_hangup";
	case SFU_DTLS_FAILED:
	case SFU_WORKER_DIED:
	case SFU_UNANSWERED:
		break;
	}
	return "unknown_error";
}

static void sfu_left(
	struct call *c, const struct sfu_event *ev, struct call_actions *ret)
{
	c->sfu = 0;
	if (c->state == CALL_ENDED)
		return;
	c->state = CALL_ENDED;
	add_text(ret, CALL_SEND_HANGUP, hangup_reason(ev->reason));
	add(ret, CALL_GONE);
}

static void sfu_answered(
	struct call *c, const struct sfu_event *ev, struct call_actions *ret)
{
	bool first = c->state == CALL_OFFERED;

	if (keep_streams(c, ev) < 0)
		return;
	if (first) {
		c->state = CALL_ANSWERED;
		forget_offer(c);
	}
	add_text(ret, first ? CALL_SEND_ANSWER : CALL_SEND_NEGOTIATED, ev->sdp);
}

static void control_open(
	struct call *c, uint64_t now_us, struct call_actions *ret)
{
	c->control = true;
	c->pings = 0;
	c->ping_us = now_us + CALL_PING_MS * 1000;
	add(ret, CALL_SEND_ROSTER);
	add(ret, CALL_SEND_METADATA);
}

void call_sfu(struct call *c, uint64_t now_us, const struct sfu_event *ev,
	struct call_actions *ret)
{
	ret->n = 0;
	if (c->state == CALL_ENDED && ev->type != SFU_EV_LEFT)
		return;
	switch (ev->type) {
	case SFU_EV_ANSWER:
		sfu_answered(c, ev, ret);
		break;
	case SFU_EV_OFFER:
		/* Such a peer hangs up on any m.call.negotiate. */
		if (c->renegotiate && keep_streams(c, ev) == 0)
			add_text(ret, CALL_SEND_OFFER, ev->sdp);
		break;
	case SFU_EV_REFUSED:
		add_text(ret, CALL_SEND_ERROR, ev->text);
		break;
	case SFU_EV_CONNECTED:
		if (c->state == CALL_ANSWERED)
			c->state = CALL_UP;
		break;
	case SFU_EV_CHANNEL:
		control_open(c, now_us, ret);
		break;
	case SFU_EV_CHANNEL_CLOSED:
		c->control = false;
		break;
	case SFU_EV_SPEAKER:
		add(ret, CALL_SEND_SPEAKER)->who = ev->speaker;
		break;
	case SFU_EV_LEFT:
		sfu_left(c, ev, ret);
		break;
	case SFU_EV_MESSAGE: /* parsed by the owner: call_control */
	case SFU_EV_PAUSED:  /* told as they are: desk_tell_streams */
	case SFU_EV_WATCHED:
	case SFU_EV_AWAY: /* the owner's */
	case SFU_EV_BACK:
		break;
	}
}

void call_tick(struct call *c, uint64_t now_us, struct call_actions *ret)
{
	ret->n = 0;
	if (c->state == CALL_ENDED || !c->control || now_us < c->ping_us)
		return;
	if (c->pings == CALL_PINGS_MAX) {
		call_end(c, "ice_timeout", ret);
		return;
	}
	c->pings++;
	c->ping_us = now_us + CALL_PING_MS * 1000;
	add(ret, CALL_SEND_PING);
}
