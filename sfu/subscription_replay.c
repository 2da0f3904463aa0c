/*
 * Who begins to see a track, because it joined, because the track was paused or
 * since another one is shown in its place, need not wait for a key frame if one
 * has come a moment ago: what came since stands in the history, and goes out as
 * if it came now.
 *
 * A new key frame takes a round trip to the publisher, the encoder's time and
 * everybody's bandwidth. What is past takes its own length on the receiver's
 * path, and the decoder's time. So it is sent if
 *
 * - the key frame is not older than SUBSCRIPTION_PAST_US: a decoder on a busy
 *   machine takes longer for thirty pictures than a new key frame would, and
 *   nobody should see what was long before he came;
 * - nothing is missing from it on, else the picture stands still anyway;
 * - the newest packet is no older than SUBSCRIPTION_STILL_US: a camera that was
 *   switched off must not be seen as if it were on;
 * - it fits the queue, and the path by downlink_takes: what is more than a key
 *   frame is through before a new one could be there.
 *
 * All of it or nothing. Of several encodings it is the one that is wanted, or
 * the best below it that this can be done with; the wanted one is then asked
 * for as always. A track whose layers are cut for this receiver waits for a key
 * frame as ever, and so does a local program: it is promised what comes
 * from now on, nothing of before.
 */
#include "sfu/participant.h"
#include "sfu/subscription_private.h"

struct past {
	uint64_t first, last;
	uint32_t first_ts, last_ts;
	size_t bytes, extra; /* of them behind the key frame */
};

static uint32_t ts_of(const uint8_t *rtp)
{
	return (uint32_t)rtp[4] << 24 | (uint32_t)rtp[5] << 16 |
	       (uint32_t)rtp[6] << 8 | rtp[7];
}

/* What came since the last key frame. False: too old, too long or not all
 * there. */
static bool measure(const struct encoding *e, uint64_t now_us, struct past *ret)
{
	uint64_t newest = encoding_newest(e);
	*ret = (struct past){
		.first = e->key_seq, .last = newest, .first_ts = e->key_ts
	};
	if (!e->key_us || now_us - e->key_us > SUBSCRIPTION_PAST_US ||
		now_us - e->last_us > SUBSCRIPTION_STILL_US ||
		newest - e->key_seq >= SUBSCRIPTION_PAST_PACKETS)
		return false;
	for (uint64_t seq = e->key_seq; seq <= newest; seq++) {
		size_t len;
		const uint8_t *rtp = history_get(e->history, seq, &len);
		if (!rtp)
			return false;
		ret->last_ts = ts_of(rtp);
		ret->bytes += len + DOWNLINK_OVERHEAD;
		if (ret->last_ts != e->key_ts)
			ret->extra += len + DOWNLINK_OVERHEAD;
	}
	return true;
}

static bool takes(
	const struct subscription *s, uint64_t now_us, const struct past *past)
{
	const struct downlink *d = s->to->down;
	if (!d || !downlink_paces(d))
		return past->bytes <= SUBSCRIPTION_PAST_BYTES;
	return d->queue.video.n + SUBSCRIPTION_PAST_PACKETS <= PACE_QUEUE &&
	       downlink_takes(d, now_us, past->bytes, past->extra);
}

static bool may_begin(const struct subscription *s)
{
	return s->kind == SDP_VIDEO && s->track && s->active && !s->paused &&
	       s->waiting && s->tries && !s->to->plain;
}

static bool can_begin_with(const struct subscription *s, uint64_t now_us,
	unsigned encoding, struct past *ret)
{
	const struct encoding *e = s->track->encoding[encoding];
	return e && measure(e, now_us, ret) && takes(s, now_us, ret);
}

/* The encoding to begin with; LAYER_NONE: none. */
static uint8_t choose(
	const struct subscription *s, uint64_t now_us, struct past *ret)
{
	const struct track *t = s->track;
	unsigned i = t->sent.n_spatial;
	if (!t->simulcast && !s->layers)
		return can_begin_with(s, now_us, 0, ret) ? 0 : LAYER_NONE;
	if (!t->simulcast || !s->layers || !s->layers->choice.simulcast)
		return LAYER_NONE;
	while (i > 0 && t->rank[i - 1] != layers_wanted(s->layers))
		i--;
	while (i-- > 0)
		if (can_begin_with(s, now_us, t->rank[i], ret))
			return t->rank[i];
	return LAYER_NONE;
}

/* Nothing comes of it, a camera that was switched off perhaps. */
static bool is_still(const struct track *t, uint64_t now_us)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->encoding[i] && now_us - t->encoding[i]->last_us <=
					      SUBSCRIPTION_STILL_US)
			return false;
	return true;
}

bool subscription_plan_replay(struct subscription *s, uint64_t now_us)
{
	struct past past;
	if (!may_begin(s))
		return false;
	/* When it goes on, what was before does not belong to it. */
	if (is_still(s->track, now_us))
		s->tries = 0;
	uint8_t encoding = choose(s, now_us, &past);
	if (encoding == LAYER_NONE)
		return false;
	participant_replay_soon(s->to, now_us);
	return !s->layers || encoding == layers_wanted(s->layers);
}

/* False: the first of it was not taken, nothing was sent. */
static bool send_past(struct subscription *s, uint64_t now_us, uint8_t encoding,
	const struct past *past)
{
	uint8_t copy[HISTORY_SLOT];
	for (uint64_t seq = past->first; seq <= past->last; seq++) {
		struct track_packet p = { .encoding = encoding, .seq = seq };
		if (subscription_recall(s, &p, copy))
			subscription_forward_one(s, now_us, &p);
		if (s->waiting)
			return false;
		if (seq == past->first)
			rewrite_hurry(&s->rewrite, past->first_ts, past->last,
				past->last_ts);
	}
	return true;
}

/* It begins with that encoding, whichever is wanted. */
static bool send_past_of(struct subscription *s, uint64_t now_us,
	uint8_t encoding, const struct past *past)
{
	struct layers *l = s->layers;
	uint8_t spatial = l->choice.aim_spatial;
	uint8_t temporal = l->choice.aim_temporal;
	/* Its times go on from now, not from where it was when this came. */
	l->last = LAYER_NONE;
	if (encoding != spatial)
		layers_aim(l, now_us, encoding, temporal);
	bool sent = send_past(s, now_us, encoding, past);
	if (encoding != spatial)
		layers_aim(l, now_us, spatial, temporal);
	return sent;
}

bool subscription_replay(struct subscription *s, uint64_t now_us)
{
	struct past past;
	if (!may_begin(s))
		return false;
	uint8_t encoding = choose(s, now_us, &past);
	s->tries--;
	if (encoding == LAYER_NONE)
		return false;
	s->tries = 0;
	bool sent = s->layers ? send_past_of(s, now_us, encoding, &past)
			      : send_past(s, now_us, encoding, &past);
	s->to->stats.replays += sent;
	if (!sent)
		subscription_want_keyframe(s, now_us);
	return sent;
}

void subscription_replay_late(struct subscription *s, uint64_t now_us)
{
	if (may_begin(s) && !subscription_replay(s, now_us))
		subscription_want_keyframe(s, now_us);
}
