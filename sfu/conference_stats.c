/* What a conference counted. */
#include "sfu/conference_private.h"

void conference_add_stats(
	struct participant_stats *to, const struct participant_stats *s)
{
	to->rtp_in += s->rtp_in;
	to->rtp_in_bytes += s->rtp_in_bytes;
	to->rtp_out += s->rtp_out;
	to->rtp_out_bytes += s->rtp_out_bytes;
	to->rtcp_in += s->rtcp_in;
	to->rtcp_out += s->rtcp_out;
	to->nacks_in += s->nacks_in;
	to->nacks_out += s->nacks_out;
	to->resent += s->resent;
	to->plis_in += s->plis_in;
	to->plis_out += s->plis_out;
	to->messages_in += s->messages_in;
	to->messages_out += s->messages_out;
	to->channel_overflows += s->channel_overflows;
	to->rtx_in += s->rtx_in;
	to->rtx_out += s->rtx_out;
	to->red_out += s->red_out;
	to->padding_out += s->padding_out;
	to->feedbacks_in += s->feedbacks_in;
	to->feedbacks_out += s->feedbacks_out;
	to->layer_switches += s->layer_switches;
	to->replays += s->replays;
	to->probes += s->probes;
}

static void add_downlink(struct conference_stats *to, const struct downlink *d)
{
	uint64_t bps = d->estimate.control.bps;
	if (!to->estimate_min_bps || bps < to->estimate_min_bps)
		to->estimate_min_bps = bps;
	to->downlinks++;
	to->estimate_bps += bps;
	to->probes += d->estimate.probes;
	to->wanted_bps += d->want_bps;
	to->paced_bytes += pace_queue_bytes(&d->queue);
}

void conference_stats(const struct conference *c, struct conference_stats *ret)
{
	struct participant_stats s = c->gone;
	ret->joins += c->joins;
	ret->leaves += c->leaves;
	ret->dtls_failed += c->dtls_failed;
	ret->ice_restarts += c->ice_restarts;
	for (unsigned k = 0; k < CONFERENCE_DROPS; k++)
		ret->drops[k] += c->drops[k];
	for (unsigned i = 0; i < c->n; i++) {
		const struct participant *p = c->p[i];
		/* Another worker counts those of far seats. */
		if (!p->far) {
			conference_add_stats(&s, &p->stats);
			ret->participants += !p->gone;
			ret->tracks += p->n_tracks;
		}
		ret->subscriptions += p->n_subs;
		if (p->down && !p->gone)
			add_downlink(ret, p->down);
		for (unsigned k = 0; k < SFU_PAUSED_REASONS && !p->gone; k++)
			ret->paused[k] += p->paused[k];
		ret->ice_restarts += p->peer.ice_restarts;
		for (unsigned k = 0; k < CONFERENCE_DROPS; k++)
			ret->drops[k] += p->peer.drops[k];
	}
	ret->rtp_in += s.rtp_in;
	ret->rtp_in_bytes += s.rtp_in_bytes;
	ret->rtp_out += s.rtp_out;
	ret->rtp_out_bytes += s.rtp_out_bytes;
	ret->rtcp_in += s.rtcp_in;
	ret->rtcp_out += s.rtcp_out;
	ret->nacks_in += s.nacks_in;
	ret->nacks_out += s.nacks_out;
	ret->resent += s.resent;
	ret->plis_in += s.plis_in;
	ret->plis_out += s.plis_out;
	ret->messages_in += s.messages_in;
	ret->messages_out += s.messages_out;
	ret->channel_overflows += s.channel_overflows;
	ret->rtx_in += s.rtx_in;
	ret->rtx_out += s.rtx_out;
	ret->red_out += s.red_out;
	ret->padding_out += s.padding_out;
	ret->feedbacks_in += s.feedbacks_in;
	ret->feedbacks_out += s.feedbacks_out;
	ret->layer_switches += s.layer_switches;
	ret->replays += s.replays;
	ret->probes += s.probes;
}

const char *conference_drop_text(enum conference_drop d)
{
	static const char *const text[CONFERENCE_DROPS] = {
		[DROP_UNKNOWN_SOURCE] = "unknown_source",
		[DROP_STUN] = "stun",
		[DROP_DTLS] = "dtls",
		[DROP_NO_KEYS] = "no_keys",
		[DROP_AUTH] = "auth",
		[DROP_REPLAY] = "replay",
		[DROP_MALFORMED] = "malformed",
		[DROP_UNKNOWN_SSRC] = "unknown_ssrc",
		[DROP_UNKNOWN_PT] = "unknown_pt",
		[DROP_DUPLICATE] = "duplicate",
		[DROP_RTCP] = "rtcp",
		[DROP_CODEC] = "codec",
		[DROP_NOT_KEYFRAME] = "not_keyframe",
		[DROP_CLASS] = "class",
		[DROP_TOO_LONG] = "too_long",
		[DROP_PACED] = "paced",
	};
	return d < CONFERENCE_DROPS ? text[d] : "none";
}
