/* What a participant receives: its subscriptions to the tracks of others. */
#include <errno.h>
#include <stdlib.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"
#include "sfu/quality.h"

void participant_unsubscribe(
	struct participant *p, unsigned index, uint64_t now_us)
{
	struct subscription *s = p->sub[index];
	conference_forward(p->conference, now_us);
	if (subscription_holds_line(s))
		negotiation_unsend(p->negotiation, s->transceiver);
	if (p->peer.crypt && p->peer.env->out)
		outbox_release(p->peer.env->out, p->peer.crypt);
	if (p->peer.crypt)
		crypt_forget(p->peer.crypt, s->ssrc);
	if (p->peer.crypt && s->rtx_ssrc)
		crypt_forget(p->peer.crypt, s->rtx_ssrc);
	if (p->down)
		downlink_forget(p->down, s->ssrc);
	subscription_free(s);
	p->sub[index] = p->sub[--p->n_subs];
	participant_renegotiate(p, now_us);
}

static bool add_sub(struct participant *p, struct subscription *s)
{
	if (p->n_subs == p->cap_subs) {
		unsigned cap = p->cap_subs ? p->cap_subs * 2 : 8;
		void *v = realloc(p->sub, cap * sizeof(*p->sub));
		if (!v)
			return false;
		p->sub = v;
		p->cap_subs = cap;
	}
	p->sub[p->n_subs++] = s;
	return true;
}

static struct subscription *sub_of_track(
	struct participant *p, const struct track *t)
{
	for (unsigned i = 0; i < t->n_subs; i++)
		if (t->sub[i]->to == p)
			return t->sub[i];
	return NULL;
}

static struct subscription *make_sub(struct participant *p, struct track *t,
	enum sdp_kind kind, unsigned transceiver, uint32_t ssrc)
{
	struct subscription *s;
	uint8_t random[8];
	if (cert_random(p->conference->env->cert, random, sizeof(random)) ||
		subscription_new(&s, p, t, kind, ssrc, random)) {
		negotiation_unsend(p->negotiation, transceiver);
		participant_starve(p);
		return NULL;
	}
	s->transceiver = (uint16_t)transceiver;
	if (kind == SDP_VIDEO)
		s->rtx_ssrc = conference_random32(p->conference);
	negotiation_send_rtx(p->negotiation, transceiver, s->rtx_ssrc);
	if (!add_sub(p, s)) {
		negotiation_unsend(p->negotiation, transceiver);
		subscription_free(s);
		participant_starve(p);
		return NULL;
	}
	return s;
}

static void subscribe_track(
	struct participant *p, struct track *t, bool may_grow)
{
	const struct transceiver *from =
		negotiation_at(t->owner->negotiation, t->transceiver);
	uint32_t ssrc = conference_random32(p->conference);
	int index = negotiation_send(p->negotiation, t->kind, t->stream,
		t->track, t->cname, ssrc, from, may_grow);
	if (index >= 0)
		make_sub(p, t, t->kind, (unsigned)index, ssrc);
	else if (index == -ENOMEM)
		participant_starve(p);
}

static void subscribe_all(struct participant *p, bool may_grow)
{
	struct conference *c = p->conference;
	/* What the answer would give it could not be taken back. */
	if (!may_grow && negotiation_is_rigid(p->negotiation))
		return;
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *o = c->p[i];
		if (o == p || o->gone)
			continue;
		for (unsigned k = 0; k < o->n_tracks; k++)
			if (!sub_of_track(p, o->track[k]))
				subscribe_track(p, o->track[k], may_grow);
	}
}

/* A single-stream receiver: one switched subscription per kind it can take,
 * made while its offer is at hand. */
static void subscribe_switched(struct participant *p)
{
	bool have[2] = { false, false };
	for (unsigned i = 0; i < p->n_subs; i++)
		have[p->sub[i]->kind == SDP_VIDEO] = true;
	for (unsigned i = 0; i < negotiation_count(p->negotiation); i++) {
		const struct transceiver *tr =
			negotiation_at(p->negotiation, i);
		bool video = tr->kind == SDP_VIDEO;
		if (tr->kind > SDP_VIDEO || have[video] || !tr->peer_receives)
			continue;
		uint32_t ssrc = conference_random32(p->conference);
		int index = negotiation_send(p->negotiation, tr->kind, "hearth",
			video ? "hearth-v" : "hearth-a", "hearth", ssrc, NULL,
			false);
		if (index == -ENOMEM)
			participant_starve(p);
		if (index < 0)
			continue;
		have[video] = make_sub(p, NULL, tr->kind, (unsigned)index,
				      ssrc) != NULL;
	}
}

static struct track *track_of_kind(struct participant *o, enum sdp_kind kind)
{
	for (unsigned i = 0; o && i < o->n_tracks; i++)
		if (o->track[i]->kind == kind)
			return o->track[i];
	return NULL;
}

static void point_switched(struct participant *p, uint64_t now_us)
{
	struct participant *shown = conference_shown(p->conference, p);
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		subscription_retarget(s, track_of_kind(shown, s->kind), now_us);
		subscription_update(s, now_us, participant_ready(p));
		if (s->track)
			participant_due(s->track->owner,
				track_keyframe_deadline(s->track));
	}
	quality_changed(p, now_us);
}

void participant_subscribe(
	struct participant *p, uint64_t now_us, bool may_grow)
{
	if (p->gone || p->far || p->peer.state == PEER_NEW)
		return;
	conference_forward(p->conference, now_us);
	if (!p->opt.renegotiate) {
		if (negotiation_state(p->negotiation) == NEGOTIATE_HAVE_REMOTE)
			subscribe_switched(p);
		point_switched(p, now_us);
		return;
	}
	subscribe_all(p, may_grow);
	if (negotiation_needed(p->negotiation))
		participant_renegotiate(p, now_us);
}

/* A codec that its publisher has come to send is offered to them. */
static void refresh_receivers(struct track *t, uint64_t now_us)
{
	for (unsigned k = 0; k < t->n_subs; k++) {
		struct participant *to = t->sub[k]->to;
		subscription_update(t->sub[k], now_us, participant_ready(to));
		quality_changed(to, now_us);
		if (negotiation_needed(to->negotiation))
			participant_renegotiate(to, now_us);
	}
}

/* Its packets are to be told of from now on. Without memory for it none is: the
 * peer then falls back on what it knows otherwise. */
static void watch_arrivals(struct participant *p)
{
	bool twcc = false;
	for (unsigned i = 0; i < negotiation_count(p->negotiation); i++) {
		const struct transceiver *tr =
			negotiation_at(p->negotiation, i);
		twcc |= tr->receiving && tr->recv_twcc;
	}
	if (!twcc || p->arrival)
		return;
	p->arrival = malloc(sizeof(*p->arrival));
	if (p->arrival)
		arrival_init(p->arrival);
}

void participant_foresee(struct participant *p, uint64_t now_us)
{
	p->foreseen = true;
	for (unsigned i = 0; i < p->n_subs; i++)
		subscription_foresee(p->sub[i], now_us);
}

void participant_replay_soon(struct participant *p, uint64_t now_us)
{
	uint64_t at_us = now_us + SUBSCRIPTION_SOON_US;
	if (at_us < p->replay_us)
		p->replay_us = at_us;
	participant_due(p, p->replay_us);
}

void participant_replay(struct participant *p, uint64_t now_us)
{
	p->replay_us = UINT64_MAX;
	conference_forward(p->conference, now_us);
	for (unsigned i = 0; i < p->n_subs; i++)
		subscription_replay_late(p->sub[i], now_us);
}

void participant_refresh(struct participant *p, uint64_t now_us)
{
	conference_forward(p->conference, now_us);
	relay_describe(p);
	watch_arrivals(p);
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		subscription_update(s, now_us, participant_ready(p));
		if (s->track)
			participant_due(s->track->owner,
				track_keyframe_deadline(s->track));
	}
	quality_changed(p, now_us);
	for (unsigned i = 0; i < p->n_tracks; i++)
		refresh_receivers(p->track[i], now_us);
}
