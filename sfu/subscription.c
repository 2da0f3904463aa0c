#include "sfu/subscription.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/participant.h"
#include "sfu/quality.h"
#include "sfu/subscription_private.h"

static uint32_t clock_of(enum sdp_kind kind)
{
	return kind == SDP_AUDIO ? 48000 : 90000;
}

int subscription_new(struct subscription **ret, struct participant *to,
	struct track *track, enum sdp_kind kind, uint32_t ssrc,
	const uint8_t random[8])
{
	uint16_t seq;
	uint32_t ts;
	struct subscription *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	memcpy(&seq, random, sizeof(seq));
	memcpy(&ts, random + 4, sizeof(ts));
	memcpy(&s->rtx_seq, random + 2, sizeof(s->rtx_seq));
	s->rtx_seq &= 0x7fff;
	s->to = to;
	s->kind = kind;
	s->ssrc = ssrc;
	s->waiting = true;
	s->switched = !track;
	/* The upper half of the number space is left to wrap into later, so
	 * that a receiver that joins SRTP late does not guess a roll-over. */
	rewrite_init(&s->rewrite, clock_of(kind), seq & 0x7fff, ts);
	send_init(&s->send, ssrc, clock_of(kind));
	memset(s->pt_map, SUBSCRIPTION_NO_PT, sizeof(s->pt_map));
	if (track && track_attach(track, s)) {
		free(s);
		return -ENOMEM;
	}
	s->track = track;
	*ret = s;
	return 0;
}

struct subscription *subscription_free(struct subscription *s)
{
	if (!s)
		return NULL;
	if (s->track)
		track_detach(s->track, s);
	layers_free(s->layers);
	free(s);
	return NULL;
}

struct encoding *subscription_encoding(const struct subscription *s)
{
	if (!s->track || !s->layers)
		return s->track ? s->track->encoding[0] : NULL;
	return s->layers->choice.encoding == LAYER_NONE
		       ? NULL
		       : s->track->encoding[s->layers->choice.encoding];
}

/* The encoding that everybody begins with. */
static uint8_t best_of(const struct track *t)
{
	return t->simulcast ? t->rank[t->sent.n_spatial - 1] : 0;
}

static bool is_foreseen(const struct participant *p)
{
	return p->foreseen && p->peer.state == PEER_CONNECTING;
}

bool subscription_uses(const struct subscription *s, unsigned encoding)
{
	const struct layer_choice *c = s->layers ? &s->layers->choice : NULL;
	if (!s->active && is_foreseen(s->to))
		return encoding == best_of(s->track);
	if (!s->active || s->paused)
		return false;
	return c ? c->encoding == encoding ||
			       layers_wanted(s->layers) == encoding
		 : encoding == 0;
}

void subscription_want_keyframe(struct subscription *s, uint64_t now_us)
{
	struct encoding *e = subscription_encoding(s);
	if (!e && s->layers && layers_wanted(s->layers) != LAYER_NONE)
		e = s->track->encoding[layers_wanted(s->layers)];
	if (!e)
		return;
	encoding_want_keyframe(e, now_us);
	participant_due(s->track->owner, encoding_keyframe_deadline(e));
}

void subscription_foresee(struct subscription *s, uint64_t now_us)
{
	struct track *t = s->track;
	struct encoding *e = t ? t->encoding[best_of(t)] : NULL;
	if (s->active || s->kind != SDP_VIDEO || !e)
		return;
	/* One that has just come will do. */
	if (e->key_us && now_us - e->key_us < SUBSCRIPTION_PAST_US / 2)
		return;
	encoding_want_keyframe(e, now_us);
	participant_due(t->owner, encoding_keyframe_deadline(e));
}

/* --- asking for key frames
 * ----------------------------------------------------
 */

static uint64_t ask_gap_us(const struct subscription *s)
{
	return (uint64_t)SUBSCRIPTION_ASK_US << s->asks;
}

/* Its next turn is later by one step, or earlier by those it has been quiet. */
static void take_turn(struct subscription *s, uint64_t now_us, uint8_t most)
{
	uint64_t quiet_us = now_us > s->ask_us ? now_us - s->ask_us : 0;
	uint64_t steps = quiet_us / SUBSCRIPTION_QUIET_US;
	if (s->ask_us && steps == 0 && s->asks < most)
		s->asks++;
	s->asks = steps < s->asks ? (uint8_t)(s->asks - steps) : 0;
	s->ask_us = now_us + ask_gap_us(s);
}

/* It is not its path that makes it ask, or there is nobody else who would
 * notice. */
static bool is_innocent(const struct subscription *s, uint64_t now_us)
{
	return s->track->n_subs == 1 ||
	       (s->to->down && downlink_is_good(s->to->down, now_us));
}

bool subscription_asks(struct subscription *s, uint64_t now_us)
{
	uint64_t at_us = s->ask_us;
	if (s->asks && is_innocent(s, now_us))
		at_us -= ask_gap_us(s) - SUBSCRIPTION_ASK_US;
	if (now_us < at_us)
		return false;
	take_turn(s, now_us, SUBSCRIPTION_ASKS_MAX);
	return true;
}

/* Whether encoding a is a lower layer of the track than b. */
static bool is_below(const struct track *t, uint8_t a, uint8_t b)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->rank[i] == a || t->rank[i] == b)
			return t->rank[i] == a && a != b;
	return false;
}

static bool is_too_much(const struct subscription *s)
{
	const struct layer_choice *c = &s->layers->choice;
	if (!c->simulcast)
		return layers_are_too_many(s->layers);
	return c->encoding != LAYER_NONE &&
	       is_below(s->track, c->aim_spatial, c->encoding);
}

void subscription_seek(struct subscription *s, uint64_t now_us)
{
	struct layer_choice *c = &s->layers->choice;
	uint8_t wanted = layers_wanted(s->layers);
	struct encoding *e =
		wanted == LAYER_NONE ? NULL : s->track->encoding[wanted];
	if (!e || layer_choice_deadline(c) > now_us ||
		subscription_plan_replay(s, now_us))
		return;
	/* What is too much must end soon; all else can wait for its turn. */
	if (!is_too_much(s) && !subscription_asks(s, now_us))
		return;
	layer_choice_ask(c, now_us);
	encoding_want_keyframe(e, now_us);
	participant_due(s->track->owner, encoding_keyframe_deadline(e));
}

static void forget_waiting(struct subscription *s)
{
	if (s->to->down)
		downlink_forget(s->to->down, s->ssrc);
}

static void begin_anew(struct subscription *s, uint64_t now_us)
{
	s->waiting = true;
	if (s->layers)
		layers_restart(s->layers, now_us);
}

void subscription_stale(struct subscription *s, uint64_t now_us)
{
	forget_waiting(s);
	s->tries = 0;
	if (s->waiting)
		return;
	begin_anew(s, now_us);
	/* Not at once: what made it wait is still there. */
	if (!s->to->down || !downlink_is_back(s->to->down, now_us))
		take_turn(s, now_us, SUBSCRIPTION_STALE_MAX);
	quality_changed(s->to, now_us);
}

void subscription_moved(struct subscription *s, uint64_t now_us)
{
	if (s->kind != SDP_VIDEO || !s->active || s->paused)
		return;
	forget_waiting(s);
	begin_anew(s, now_us);
	/* What was asked for in the silence was lost in it. */
	s->ask_us = s->ask_us < now_us ? s->ask_us : now_us;
	if (s->layers)
		subscription_seek(s, now_us);
	else if (subscription_asks(s, now_us))
		subscription_want_keyframe(s, now_us);
}

/* --- which encoding, which layers
 * ----------------------------------------------
 */

/* Who is not sent the descriptors that tell its layers can decode it but whole.
 */
static bool can_be_cut(const struct subscription *s)
{
	uint8_t id;
	if (!track_is_described(s->track))
		return true;
	id = negotiation_ext(s->track->owner->negotiation, EXT_DEPENDENCY);
	return id && id < SUBSCRIPTION_EXTS && s->ext_map[id];
}

const struct allocate_track *subscription_offer(const struct subscription *s)
{
	bool has_layers = s->track->layered || s->track->simulcast;
	return has_layers && !can_be_cut(s) ? track_whole(s->track)
					    : &s->track->sent;
}

/* Less than all of a track of one encoding. */
static bool is_cut(const struct subscription *s, struct allocate_layer target)
{
	const struct allocate_track *a = &s->track->sent;
	return s->track->layered && can_be_cut(s) &&
	       (target.spatial + 1 < a->n_spatial ||
		       target.temporal + 1 < a->n_temporal);
}

/* From now on it may be less. Without memory it stays all. */
static void open_layers(struct subscription *s)
{
	s->layers = layers_new(false);
	if (!s->layers)
		return;
	s->layers->dependency_id =
		negotiation_ext(s->track->owner->negotiation, EXT_DEPENDENCY);
	if (!s->waiting)
		layers_adopt(s->layers);
}

static void aim_layers(
	struct subscription *s, uint64_t now_us, struct allocate_layer target)
{
	const struct allocate_track *a = subscription_offer(s);
	uint8_t spatial = LAYER_NONE, temporal = LAYER_TEMPORAL_MAX - 1;
	/* The best there is stays the best when more comes. */
	if (target.temporal >= 0 && target.temporal + 1 < a->n_temporal)
		temporal = (uint8_t)target.temporal;
	if (target.spatial >= 0 && s->layers->choice.simulcast)
		spatial = s->track->rank[target.spatial];
	else if (target.spatial >= 0)
		spatial = target.spatial + 1 < a->n_spatial
				  ? (uint8_t)target.spatial
				  : LAYER_SPATIAL_MAX - 1;
	layers_aim(s->layers, now_us, spatial, temporal);
	s->waiting = s->layers->choice.encoding == LAYER_NONE;
	subscription_seek(s, now_us);
}

void subscription_aim(
	struct subscription *s, uint64_t now_us, struct allocate_layer target)
{
	bool paused = target.spatial < 0, resumes = s->paused && !paused;
	if (paused && !s->paused)
		forget_waiting(s);
	s->paused = paused;
	if (resumes)
		s->tries = SUBSCRIPTION_TRIES;
	if (!s->layers && resumes)
		s->waiting = true;
	if (!s->layers && !paused && is_cut(s, target))
		open_layers(s);
	if (s->layers)
		aim_layers(s, now_us, target);
	else if (resumes && s->active && !subscription_plan_replay(s, now_us) &&
		 subscription_asks(s, now_us))
		subscription_want_keyframe(s, now_us);
}

void subscription_restart(
	struct subscription *s, uint64_t now_us, unsigned encoding)
{
	if (!s->layers) {
		s->waiting = true;
	} else if (s->layers->choice.encoding == encoding) {
		layers_restart(s->layers, now_us);
		s->waiting = true;
	}
}

int subscription_retarget(
	struct subscription *s, struct track *track, uint64_t now_us)
{
	if (s->track == track)
		return 0;
	if (track && track_attach(track, s))
		return -ENOMEM;
	if (s->track)
		track_detach(s->track, s);
	forget_waiting(s);
	s->track = track;
	s->waiting = true;
	s->layers = layers_free(s->layers);
	s->paused = false;
	s->share = (struct share){ .why = ALLOCATE_NEW };
	s->tries = SUBSCRIPTION_TRIES;
	if (track && !subscription_plan_replay(s, now_us))
		subscription_want_keyframe(s, now_us);
	return 0;
}

static void map_codecs(struct subscription *s, const struct transceiver *from,
	const struct transceiver *to)
{
	memset(s->pt_map, SUBSCRIPTION_NO_PT, sizeof(s->pt_map));
	for (unsigned i = 0; i < from->n_codecs; i++) {
		if (subscription_pt_at(from->codec[i]->pt) ==
			SUBSCRIPTION_PTS - 1)
			continue;
		for (unsigned k = 0; k < to->n_codecs; k++) {
			if (negotiate_codec_equal(
				    from->codec[i], to->codec[k])) {
				s->pt_map[subscription_pt_at(
					from->codec[i]->pt)] = to->codec[k]->pt;
				break;
			}
		}
	}
}

static const enum negotiate_ext forwarded[] = { EXT_AUDIO_LEVEL,
	EXT_ORIENTATION, EXT_PLAYOUT_DELAY, EXT_COLOR, EXT_ABS_CAPTURE_TIME,
	EXT_DEPENDENCY };
enum { FORWARDED = sizeof(forwarded) / sizeof(forwarded[0]) };

static bool is_forwarded(const struct negotiation *from, uint8_t id)
{
	for (unsigned i = 0; i < FORWARDED; i++)
		if (negotiation_ext(from, forwarded[i]) == id)
			return true;
	return false;
}

void subscription_keep_extensions(
	const struct negotiation *from, struct rtp_packet *pkt)
{
	unsigned n = 0;
	for (unsigned i = 0; i < pkt->n_ext; i++)
		if (is_forwarded(from, pkt->ext[i].id))
			pkt->ext[n++] = pkt->ext[i];
	pkt->n_ext = n;
}

static void map_extensions(struct subscription *s)
{
	const struct negotiation *from = s->track->owner->negotiation;
	memset(s->ext_map, 0, sizeof(s->ext_map));
	for (unsigned i = 0; i < FORWARDED; i++) {
		uint8_t in = negotiation_ext(from, forwarded[i]);
		if (in && in < SUBSCRIPTION_EXTS)
			s->ext_map[in] = negotiation_ext(
				s->to->negotiation, forwarded[i]);
	}
}

/* Where nothing comes of what came before, if its receiver is promised that.
 */
static void raise_floor(struct subscription *s)
{
	if (!s->to->plain)
		return;
	s->floor = encoding_newest(s->track->encoding[0]);
	for (unsigned i = 0; s->layers && i < TRACK_ENCODINGS; i++)
		if (s->track->encoding[i])
			s->layers->floor[i] =
				encoding_newest(s->track->encoding[i]);
}

/* A track has encodings, or it has not, as its m-line says at present. */
static void match_layers(struct subscription *s)
{
	bool simulcast = s->track->simulcast;
	if (s->layers ? s->layers->choice.simulcast == simulcast &&
				(simulcast || can_be_cut(s))
		      : !simulcast)
		return;
	forget_waiting(s);
	s->layers = layers_free(s->layers);
	s->waiting = true;
	s->share.why = ALLOCATE_NEW;
	s->paused = false;
	if (!s->track->simulcast)
		return;
	s->layers = layers_new(true);
	if (!s->layers)
		participant_starve(s->to);
}

bool subscription_holds_line(const struct subscription *s)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	return to && to->want_send && to->send_ssrc == s->ssrc;
}

/* With the best there is, until its receiver's share is decided. */
static void begin_layers(struct subscription *s, uint64_t now_us)
{
	const struct allocate_track *a = &s->track->sent;
	if (s->share.why == ALLOCATE_NEW && a->rate_bps[0][0])
		subscription_aim(s, now_us,
			(struct allocate_layer){ (int8_t)(a->n_spatial - 1),
				ALLOCATE_TEMPORAL });
	layers_restart(s->layers, now_us);
}

void subscription_update(struct subscription *s, uint64_t now_us, bool ready)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	bool was = s->active;
	s->active = ready && s->track && subscription_holds_line(s) &&
		    to->sending && to->peer_receives;
	if (!s->track || !to)
		return;
	map_extensions(s);
	match_layers(s);
	map_codecs(s,
		negotiation_at(
			s->track->owner->negotiation, s->track->transceiver),
		to);
	if (s->layers)
		s->layers->dependency_id = negotiation_ext(
			s->track->owner->negotiation, EXT_DEPENDENCY);
	s->twcc_id = to->send_twcc ? negotiation_ext(s->to->negotiation,
					     EXT_TRANSPORT_CC)
				   : 0;
	if (s->active && s->kind == SDP_VIDEO && s->twcc_id && !s->to->down)
		participant_downlink(s->to, now_us, true);
	if (s->active && !was) {
		s->waiting = true;
		s->tries = SUBSCRIPTION_TRIES;
		raise_floor(s);
		if (s->layers)
			begin_layers(s, now_us);
		if (!subscription_plan_replay(s, now_us))
			subscription_want_keyframe(s, now_us);
	}
}
