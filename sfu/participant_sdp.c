/* Offers and answers: the texts, what the front is told, and when. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"

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
	if (!v) {
		participant_starve(p);
		return;
	}
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
	/* Ours, if one was out, crossed theirs and was ignored (we are the
	 * polite side): it is made again, also where theirs is refused. */
	bool again = err && p->offered_us;
	p->offered_us = 0;
	if (again) {
		negotiation_rollback(p->negotiation);
		participant_renegotiate(p, now_us);
	}
	/* A wish that came while ours was out had to wait for this. */
	participant_due(p, participant_offer_deadline(p));
	if (err || !take_remote(p, now_us, &remote)) {
		if (!err || !p->answered)
			participant_leave(p, now_us, SFU_REFUSED);
		return;
	}
	bool changed = participant_sync_tracks(p, now_us);
	participant_subscribe(p, now_us, false);
	send_answer(p, now_us);
	if (p->gone)
		return;
	participant_subscribe(p, now_us, true);
	participant_refresh(p, now_us);
	/* A program on this machine is there as soon as it has spoken. */
	if (p->plain)
		participant_settle(p, now_us);
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
	if (participant_sync_tracks(p, now_us))
		conference_tracks_changed(p->conference, p, now_us);
	participant_subscribe(p, now_us, true);
	participant_refresh(p, now_us);
	participant_due(p, participant_offer_deadline(p));
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
	if (!text) {
		participant_leave(p, now_us, SFU_FULL);
		return;
	}
	emit_sdp(p, SFU_EV_OFFER, text);
	free(text);
	if (p->plain)
		participant_refresh(p, now_us);
	else
		p->offered_us = now_us;
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
