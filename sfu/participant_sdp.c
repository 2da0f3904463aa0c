/* Offers, answers, and what they make of tracks and subscriptions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"

/* --- tracks ----------------------------------------------------------------
 */

static struct track *track_at(
	struct participant *p, unsigned transceiver, unsigned *ret_index)
{
	for (unsigned i = 0; i < p->n_tracks; i++) {
		if (p->track[i]->transceiver == transceiver) {
			*ret_index = i;
			return p->track[i];
		}
	}
	return NULL;
}

void participant_end_track(
	struct participant *p, unsigned index, uint64_t now_us)
{
	struct track *t = p->track[index];
	while (t->n_subs) {
		struct subscription *s = t->sub[t->n_subs - 1];
		if (s->switched) {
			subscription_retarget(s, NULL, now_us);
			s->active = false;
			continue;
		}
		struct participant *to = s->to;
		for (unsigned i = 0; i < to->n_subs; i++) {
			if (to->sub[i] == s) {
				participant_unsubscribe(to, i, now_us);
				break;
			}
		}
	}
	unsigned kept = 0;
	for (unsigned i = 0; i < p->n_sources; i++)
		if (p->source[i].track != t)
			p->source[kept++] = p->source[i];
	p->n_sources = kept;
	if (t->started && p->peer.crypt)
		crypt_forget(p->peer.crypt, t->ssrc);
	track_free(t);
	p->track[index] = p->track[--p->n_tracks];
}

/* Tracks of one published stream share a forwarded stream. */
static void name_track(
	struct participant *p, struct track *t, const struct transceiver *tr)
{
	snprintf(t->source_stream, sizeof(t->source_stream), "%s",
		tr->recv_stream);
	snprintf(
		t->source_track, sizeof(t->source_track), "%s", tr->recv_track);
	unsigned number = p->next_stream++;
	snprintf(t->stream, sizeof(t->stream), "h%u-%u", p->id, number);
	snprintf(t->track, sizeof(t->track), "h%u-%u-%c", p->id, number,
		t->kind == SDP_AUDIO ? 'a' : 'v');
	snprintf(t->cname, sizeof(t->cname), "h%u", p->id);
	for (unsigned i = 0; i < p->n_tracks; i++)
		if (strcmp(p->track[i]->source_stream, t->source_stream) == 0)
			memcpy(t->stream, p->track[i]->stream,
				sizeof(t->stream));
}

static bool publish(
	struct participant *p, unsigned index, const struct transceiver *tr)
{
	struct env *env = p->conference->env;
	struct track *t;
	if (p->n_tracks >= env->limits.tracks)
		return false;
	void *v = realloc(p->track, (p->n_tracks + 1) * sizeof(*p->track));
	if (!v)
		return false;
	p->track = v;
	if (track_new(&t, p, index, tr->kind,
		    tr->kind == SDP_AUDIO ? env->limits.history_audio
					  : env->limits.history_video))
		return false;
	name_track(p, t, tr);
	p->track[p->n_tracks++] = t;
	return true;
}

/* The stream of a live m-line was renamed: to everybody else that is another
 * track, browsers fire `track` only so. */
static bool renamed(const struct track *t, const struct transceiver *tr)
{
	return strcmp(t->source_stream, tr->recv_stream) != 0;
}

/* Makes the tracks agree with the receive halves. True if any came or went. */
static bool sync_tracks(struct participant *p, uint64_t now_us)
{
	bool changed = false;
	unsigned at = 0;
	for (unsigned i = 0; i < negotiation_count(p->negotiation); i++) {
		const struct transceiver *tr =
			negotiation_at(p->negotiation, i);
		struct track *t = track_at(p, i, &at);
		bool want = tr->receiving && tr->n_codecs > 0 &&
			    tr->kind != SDP_APPLICATION;
		if (t && (!want || renamed(t, tr))) {
			participant_end_track(p, at, now_us);
			changed = true;
			t = NULL;
		}
		if (want && !t)
			changed |= publish(p, i, tr);
		if ((t = track_at(p, i, &at)) != NULL)
			track_set_codecs(t, tr);
	}
	return changed;
}

/* --- subscriptions ---------------------------------------------------------
 */

void participant_unsubscribe(
	struct participant *p, unsigned index, uint64_t now_us)
{
	struct subscription *s = p->sub[index];
	negotiation_unsend(p->negotiation, s->transceiver);
	if (p->peer.crypt && p->peer.env->out)
		outbox_release(p->peer.env->out, p->peer.crypt);
	if (p->peer.crypt)
		crypt_forget(p->peer.crypt, s->ssrc);
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
		return NULL;
	}
	s->transceiver = transceiver;
	if (!add_sub(p, s)) {
		negotiation_unsend(p->negotiation, transceiver);
		subscription_free(s);
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
	int index =
		negotiation_send(p->negotiation, t->kind, t->stream, t->track,
			t->cname, ssrc, from->codec, from->n_codecs, may_grow);
	if (index >= 0)
		make_sub(p, t, t->kind, (unsigned)index, ssrc);
}

static void subscribe_all(struct participant *p, bool may_grow)
{
	struct conference *c = p->conference;
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
			video ? "hearth-v" : "hearth-a", "hearth", ssrc,
			tr->codec, tr->n_codecs, false);
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
}

void participant_subscribe(
	struct participant *p, uint64_t now_us, bool may_grow)
{
	if (p->gone || p->peer.state == PEER_NEW)
		return;
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

void participant_refresh(struct participant *p, uint64_t now_us)
{
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		subscription_update(s, now_us, participant_ready(p));
		if (s->track)
			participant_due(s->track->owner,
				track_keyframe_deadline(s->track));
	}
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct track *t = p->track[i];
		for (unsigned k = 0; k < t->n_subs; k++)
			subscription_update(t->sub[k], now_us,
				participant_ready(t->sub[k]->to));
	}
}

/* --- what the front is told ------------------------------------------------
 */

static void list_stream(
	struct sfu_stream *v, unsigned *n, const struct subscription *s)
{
	const struct track *t = s->track;
	const char *id = s->switched ? "hearth" : t->stream;
	struct sfu_stream *e = NULL;
	for (unsigned i = 0; i < *n && !e; i++)
		if (strcmp(v[i].id, id) == 0)
			e = &v[i];
	if (!e) {
		if (*n == SFU_STREAMS_MAX)
			return;
		e = &v[(*n)++];
		memset(e, 0, sizeof(*e));
		snprintf(e->id, sizeof(e->id), "%s", id);
		e->owner = t && !s->switched ? t->owner->id : 0;
		if (t && !s->switched)
			snprintf(e->source, sizeof(e->source), "%s",
				t->source_stream);
	}
	e->audio |= s->kind == SDP_AUDIO;
	e->video |= s->kind == SDP_VIDEO;
}

static void emit_sdp(
	struct participant *p, enum sfu_event_type type, const char *sdp)
{
	struct sfu_stream *v = calloc(SFU_STREAMS_MAX, sizeof(*v));
	unsigned n = 0;
	if (!v)
		return;
	for (unsigned i = 0; i < p->n_subs; i++)
		list_stream(v, &n, p->sub[i]);
	conference_emit(p->conference, &(struct sfu_event){ .type = type,
					       .participant = p->id,
					       .sdp = sdp,
					       .streams = v,
					       .n_streams = n });
	free(v);
}

static void refuse(struct participant *p, int code, const char *text)
{
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_REFUSED,
				       .participant = p->id,
				       .code = code,
				       .text = text });
}

static struct negotiate_local local_of(struct participant *p)
{
	const struct env *env = p->conference->env;
	return (struct negotiate_local){
		.ufrag = p->peer.ice.local.ufrag,
		.pwd = p->peer.ice.local.pwd,
		.fingerprint = cert_fingerprint(env->cert),
		.setup = p->peer.dtls && !dtls_is_client(p->peer.dtls)
				 ? SDP_PASSIVE
				 : SDP_ACTIVE,
		.candidate = env->candidate,
		.n_candidates = env->n_candidates,
		/* Less the sender prefix that delivery may add. */
		.max_message_size = ASSOC_MESSAGE_MAX - 1024,
	};
}

/* --- the verbs -------------------------------------------------------------
 */

static bool take_remote(struct participant *p, uint64_t now_us,
	const struct negotiate_remote *r)
{
	int err = peer_remote(&p->peer, now_us, r);
	if (!err)
		return true;
	refuse(p, err,
		err == -ENOTSUP  ? "the DTLS fingerprint's hash is too weak; "
				   "use sha-256"
		: err == -EINVAL ? "the transport's credentials or certificate "
				   "are not acceptable"
				 : "no memory for this participant");
	return false;
}

static void send_answer(struct participant *p, uint64_t now_us)
{
	struct negotiate_local local = local_of(p);
	char *text = negotiation_answer(p->negotiation, &local);
	if (!text) {
		participant_leave(p, now_us, SFU_FULL);
		return;
	}
	p->answered = true;
	emit_sdp(p, SFU_EV_ANSWER, text);
	free(text);
}

void participant_offer(
	struct participant *p, uint64_t now_us, const char *sdp, size_t len)
{
	struct negotiate_remote remote;
	char error[SDP_ERROR_MAX];
	int err = negotiation_remote_offer(
		p->negotiation, sdp, len, &remote, error);
	if (err)
		refuse(p, err, error);
	/* Ours, if one was out, is rolled back by theirs and made again. */
	p->offered_us = 0;
	if (err || !take_remote(p, now_us, &remote)) {
		if (!p->answered)
			participant_leave(p, now_us, SFU_REFUSED);
		else if (!err)
			participant_leave(p, now_us, SFU_REFUSED);
		return;
	}
	bool changed = sync_tracks(p, now_us);
	participant_subscribe(p, now_us, false);
	send_answer(p, now_us);
	if (p->gone)
		return;
	participant_subscribe(p, now_us, true);
	participant_refresh(p, now_us);
	participant_due(p, peer_deadline(&p->peer));
	if (changed)
		conference_tracks_changed(p->conference, p, now_us);
}

void participant_answer(
	struct participant *p, uint64_t now_us, const char *sdp, size_t len)
{
	struct negotiate_remote remote;
	char error[SDP_ERROR_MAX];
	int err = negotiation_remote_answer(
		p->negotiation, sdp, len, &remote, error);
	if (err) {
		refuse(p, err, error);
		return;
	}
	p->offered_us = 0;
	p->offers_unanswered = 0;
	if (!take_remote(p, now_us, &remote)) {
		participant_leave(p, now_us, SFU_REFUSED);
		return;
	}
	if (sync_tracks(p, now_us))
		conference_tracks_changed(p->conference, p, now_us);
	participant_subscribe(p, now_us, true);
	participant_refresh(p, now_us);
}

void participant_renegotiate(struct participant *p, uint64_t now_us)
{
	if (!p->opt.renegotiate || p->gone || p->offer_at_us != UINT64_MAX)
		return;
	p->offer_at_us = now_us + PARTICIPANT_COALESCE_US;
	participant_due(p, p->offer_at_us);
}

/* The first offer waits for the transport, so that a front that talks through a
 * data channel has one to say it on. */
static uint64_t offer_allowed_at(const struct participant *p)
{
	if (!p->answered || !p->connected_told)
		return UINT64_MAX;
	if (p->peer.want_data && !p->any_channel)
		return p->connected_us + PARTICIPANT_CHANNEL_WAIT_US;
	return 0;
}

uint64_t participant_offer_deadline(const struct participant *p)
{
	if (p->offered_us)
		return p->offered_us + PARTICIPANT_ANSWER_US;
	if (p->offer_at_us == UINT64_MAX)
		return UINT64_MAX;
	uint64_t allowed = offer_allowed_at(p);
	return allowed > p->offer_at_us ? allowed : p->offer_at_us;
}

static void send_offer(struct participant *p, uint64_t now_us)
{
	struct negotiate_local local = local_of(p);
	p->offer_at_us = UINT64_MAX;
	if (!negotiation_needed(p->negotiation))
		return;
	char *text = negotiation_offer(p->negotiation, &local);
	if (!text)
		return;
	p->offered_us = now_us;
	emit_sdp(p, SFU_EV_OFFER, text);
	free(text);
}

void participant_offer_tick(struct participant *p, uint64_t now_us)
{
	if (participant_offer_deadline(p) > now_us)
		return;
	if (p->offered_us) {
		negotiation_rollback(p->negotiation);
		p->offered_us = 0;
		if (++p->offers_unanswered >= PARTICIPANT_OFFERS) {
			participant_leave(p, now_us, SFU_UNANSWERED);
			return;
		}
		p->offer_at_us = now_us;
	}
	send_offer(p, now_us);
}
