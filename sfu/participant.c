#include "sfu/participant.h"
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/message.h"
#include "sfu/quality.h"

/* Local programs read plain streams; a far seat's come repaired. */
static const struct negotiate_features plain_features = { .simulcast = true };
static const struct negotiate_features features = {
	.simulcast = true, .twcc = true, .rtx = true, .red = true
};

/* All but its transport. */
static struct participant *new_seat(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label)
{
	size_t label_size = strlen(label) + 1;
	struct participant *p = calloc(1, sizeof(*p) + label_size);
	if (!p)
		return NULL;
	p->id = id;
	p->label = memcpy(p + 1, label, label_size);
	p->conference = c;
	p->offer_at_us = UINT64_MAX;
	p->deadline_us = UINT64_MAX;
	p->quality_us = p->replay_us = UINT64_MAX;
	p->rtcp_ssrc = conference_random32(c);
	p->report_us = now_us + PARTICIPANT_REPORT_US;
	p->negotiation = negotiation_new(c->env->codecs,
		((uint64_t)conference_random32(c) << 16) | 1,
		c->env->limits.media_lines);
	p->farewell = calloc(1, sizeof(*p->farewell));
	if (p->negotiation && p->farewell) {
		negotiation_set_features(p->negotiation, &plain_features);
		return p;
	}
	negotiation_free(p->negotiation);
	free(p->farewell);
	free(p);
	return NULL;
}

struct participant *participant_new(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_join_options *opt)
{
	struct participant *p = new_seat(c, now_us, id, label);
	if (!p)
		return NULL;
	p->opt = *opt;
	if (peer_init(&p->peer, c->env, now_us)) {
		negotiation_free(p->negotiation);
		free(p->farewell);
		free(p);
		return NULL;
	}
	p->peer.id = id;
	negotiation_set_features(p->negotiation, &features);
	return p;
}

struct participant *participant_new_plain(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_plug_options *opt)
{
	struct participant *p = new_seat(c, now_us, id, label);
	if (!p)
		return NULL;
	p->opt.renegotiate = true;
	p->plain = true;
	negotiation_make_plain(p->negotiation, opt->listen, opt->publish);
	peer_init_plain(&p->peer, c->env, now_us, id);
	return p;
}

struct participant *participant_new_far(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label)
{
	static const struct sfu_plug_options opt = { .publish = true };
	struct participant *p =
		participant_new_plain(c, now_us, id, label, &opt);
	if (!p)
		return NULL;
	p->far = calloc(1, sizeof(*p->far));
	return p->far ? p : participant_free(p);
}

struct participant *participant_free(struct participant *p)
{
	if (!p)
		return NULL;
	while (p->n_subs)
		participant_unsubscribe(p, p->n_subs - 1, 0);
	while (p->n_tracks)
		participant_end_track(p, p->n_tracks - 1, 0);
	peer_done(&p->peer);
	negotiation_free(p->negotiation);
	conference_event_free(p->farewell);
	relay_far_free(p->far);
	free(p->track);
	for (unsigned i = 0; i < SFU_SCREENS_MAX; i++)
		free(p->screen[i]);
	free(p->source);
	free(p->arrival);
	downlink_free(p->down);
	free(p->sub);
	free(p);
	return NULL;
}

bool participant_ready(const struct participant *p)
{
	return !p->gone && p->peer.state == PEER_CONNECTED;
}

void participant_due(struct participant *p, uint64_t at_us)
{
	if (at_us < p->deadline_us)
		p->deadline_us = at_us;
	if (at_us < p->conference->deadline_us)
		p->conference->deadline_us = at_us;
}

uint64_t participant_deadline(const struct participant *p)
{
	if (p->gone)
		return UINT64_MAX;
	if (p->starved)
		return 0;
	uint64_t at = peer_deadline(&p->peer);
	uint64_t o = participant_offer_deadline(p);
	uint64_t f = participant_feedback_deadline(p);
	uint64_t q = quality_deadline(p);
	uint64_t a = participant_away_deadline(p);
	at = o < at ? o : at;
	at = q < at ? q : at;
	at = a < at ? a : at;
	at = p->replay_us < at ? p->replay_us : at;
	uint64_t d = p->down ? downlink_deadline(p->down) : UINT64_MAX;
	at = d < at ? d : at;
	return f < at ? f : at;
}

void participant_leave(
	struct participant *p, uint64_t now_us, enum sfu_reason reason)
{
	struct conference *c = p->conference;
	if (p->gone)
		return;
	p->gone = true;
	c->leaves += !p->far;
	if (reason == SFU_DTLS_FAILED)
		c->dtls_failed++;
	conference_forward(c, now_us);
	while (p->n_subs)
		participant_unsubscribe(p, p->n_subs - 1, now_us);
	while (p->n_tracks)
		participant_end_track(p, p->n_tracks - 1, now_us);
	p->n_sources = 0;
	message_leave(p);
	peer_done(&p->peer);
	conference_emit_left(c, p, reason);
	conference_tracks_changed(c, p, now_us);
}

void participant_starve(struct participant *p)
{
	p->starved = true;
	participant_due(p, 0);
}

static void on_connected(struct participant *p, uint64_t now_us)
{
	p->connected_told = true;
	p->connected_us = now_us;
	p->report_us = p->measure_us = now_us;
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_CONNECTED,
				       .participant = p->id });
	/* It has no other way to learn who spoke before it came. */
	if (p->plain && p->conference->speaker.current)
		conference_emit(p->conference,
			&(struct sfu_event){ .type = SFU_EV_SPEAKER,
				.participant = p->id,
				.speaker = p->conference->speaker.current });
	participant_refresh(p, now_us);
	participant_due(p, p->report_us);
	if (negotiation_needed(p->negotiation))
		participant_renegotiate(p, now_us);
	/* A wish from before had to wait for the transport. */
	participant_due(p, participant_offer_deadline(p));
}

void participant_settle(struct participant *p, uint64_t now_us)
{
	if (p->gone)
		return;
	if (p->peer.state == PEER_DEAD) {
		participant_leave(p, now_us, p->peer.reason);
		return;
	}
	if (p->peer.state == PEER_CONNECTING && !p->foreseen &&
		ice_selected(&p->peer.ice))
		participant_foresee(p, now_us);
	if (p->peer.state == PEER_CONNECTED && !p->connected_told)
		on_connected(p, now_us);
	if (p->peer.channels)
		participant_channels(p, now_us);
	participant_due(p, peer_deadline(&p->peer));
}

void participant_tick(struct participant *p, uint64_t now_us)
{
	if (p->starved) {
		participant_leave(p, now_us, SFU_FULL);
		return;
	}
	peer_tick(&p->peer, now_us);
	participant_settle(p, now_us);
	if (p->gone)
		return;
	participant_offer_tick(p, now_us);
	if (p->gone)
		return;
	participant_away_tick(p, now_us);
	quality_tick(p, now_us);
	if (!participant_ready(p))
		return;
	if (p->replay_us <= now_us)
		participant_replay(p, now_us);
	participant_feedback(p, now_us);
	participant_downlink_run(p, now_us);
}
