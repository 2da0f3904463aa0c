/* RTCP of one participant, both ways. */
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"
#include "sfu/quality.h"

/* --- incoming --------------------------------------------------------------
 */

struct subscription *participant_sub_by_ssrc(
	struct participant *p, uint32_t ssrc)
{
	for (unsigned i = 0; i < p->n_subs; i++)
		if (p->sub[i]->ssrc == ssrc)
			return p->sub[i];
	return NULL;
}

/* Of all its tracks, one after the other; NULL: never came. */
static struct encoding *encoding_at(const struct participant *p, unsigned i)
{
	return p->track[i / TRACK_ENCODINGS]->encoding[i % TRACK_ENCODINGS];
}

static unsigned encodings(const struct participant *p)
{
	return p->n_tracks * TRACK_ENCODINGS;
}

/* One path carries both directions: what the receiver's reports say of it paces
 * the NACKs toward the same peer as a publisher. */
static void learn_rtt(struct participant *p, uint64_t rtt_us)
{
	for (unsigned i = 0; i < encodings(p); i++)
		if (encoding_at(p, i))
			encoding_at(p, i)->receive.rtt_us = rtt_us;
}

static void on_blocks(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	uint64_t lost = 0, rtt_us = 0;
	unsigned n = 0;
	for (unsigned i = 0; i < item->n_blocks; i++) {
		const struct rtcp_block *b = &item->block[i];
		struct subscription *s = participant_sub_by_ssrc(p, b->ssrc);
		if (!s)
			continue;
		send_block(&s->send, now_us, b);
		subscription_reported(s);
		if (s->send.rtt_us)
			rtt_us = s->send.rtt_us;
		uint32_t sent = s->send.packets - s->reported;
		s->reported = s->send.packets;
		lost += (uint64_t)b->fraction_lost * sent;
		n += sent;
	}
	if (rtt_us)
		learn_rtt(p, rtt_us);
	if (p->down && n)
		downlink_report(
			p->down, now_us, n, (uint8_t)(lost / n), rtt_us);
}

/* Reports of a sound come every five seconds. */
static void tell_loss(struct participant *p)
{
	double loss = downlink_loss(p->down);
	for (unsigned i = 0; loss > 0.01 && i < p->n_subs; i++)
		subscription_path_lost(p->sub[i], loss);
}

static void on_twcc(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	if (!p->down ||
		downlink_feedback(p->down, now_us, item->body, item->body_len))
		return;
	p->stats.feedbacks_in++;
	tell_loss(p);
	if (downlink_moved(p->down, now_us))
		quality_changed(p, now_us);
	participant_due(p, downlink_deadline(p->down));
}

static bool watches(const struct participant *p)
{
	for (unsigned i = 0; i < p->n_subs; i++)
		if (p->sub[i]->active && p->sub[i]->kind == SDP_VIDEO)
			return true;
	return false;
}

static void on_remb(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	if (!p->down && watches(p))
		participant_downlink(p, now_us, false);
	if (p->down)
		downlink_remb(p->down, now_us, item->remb_bps);
}

static void on_sender_report(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct encoding *e = track_encoding(p->track[i], item->sender);
		if (e)
			receive_sr(
				&e->receive, now_us, item->ntp, item->rtp_ts);
	}
}

static void on_nack(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	struct subscription *s = participant_sub_by_ssrc(p, item->media);
	if (!s)
		return;
	p->stats.nacks_in++;
	for (unsigned i = 0; i < item->n_nack; i++)
		p->stats.resent += subscription_resend(s, now_us, item->nack[i],
			p->conference->env->limits.resend_bps);
}

static void on_keyframe_request(
	struct participant *p, uint64_t now_us, const struct rtcp_item *item)
{
	struct subscription *s = participant_sub_by_ssrc(p, item->media);
	if (!s || !s->track || !s->active)
		return;
	p->stats.plis_in++;
	/* Nobody else is to notice one whose path is bad. */
	if (subscription_asks(s, now_us))
		subscription_want_keyframe(s, now_us);
}

/* A compound begins with the sender's report, if there is one. */
static bool has_sender_report(const uint8_t *buf, size_t len)
{
	return len > 1 && buf[1] == 200;
}

void participant_rtcp(
	struct participant *p, uint64_t now_us, const uint8_t *buf, size_t len)
{
	struct rtcp_walk walk;
	struct rtcp_item item;
	p->stats.rtcp_in++;
	if (rtcp_walk_init(&walk, buf, len)) {
		peer_drop(&p->peer, DROP_RTCP);
		return;
	}
	if (relay_wanted(p) && has_sender_report(buf, len))
		relay_packet(p, true, buf, len);
	while (rtcp_next(&walk, &item)) {
		switch (item.type) {
		case RTCP_SR:
			on_sender_report(p, now_us, &item);
			on_blocks(p, now_us, &item);
			break;
		case RTCP_RR:
			on_blocks(p, now_us, &item);
			break;
		case RTCP_NACK:
			on_nack(p, now_us, &item);
			break;
		case RTCP_PLI:
		case RTCP_FIR:
			on_keyframe_request(p, now_us, &item);
			break;
		case RTCP_TWCC:
			on_twcc(p, now_us, &item);
			break;
		case RTCP_REMB:
			on_remb(p, now_us, &item);
			break;
		default: /* signalling says who leaves, not BYE */
			break;
		}
	}
}

/* --- outgoing --------------------------------------------------------------
 */

/* A compound under construction in an outbox slot. */
struct compound {
	struct participant *p;
	struct packet *packet;
	struct rtcp_build b;
};

/* Each compound begins with a report, RFC 3550 6.1; an empty RR will do. */
static bool begin(struct compound *c, struct participant *p)
{
	c->p = p;
	c->packet = peer_packet(&p->peer, true);
	if (!c->packet)
		return false;
	rtcp_build_init(&c->b, c->packet->data, RTCP_PACKET_MAX);
	return true;
}

static void finish(struct compound *c)
{
	if (!c->packet)
		return;
	c->packet->len = (uint16_t)c->b.len;
	if (c->b.len)
		c->p->stats.rtcp_out++;
	c->packet = NULL;
}

static void send_feedback_head(struct compound *c, struct participant *p)
{
	rtcp_add_rr(&c->b, p->rtcp_ssrc, NULL, 0);
}

/* What its pictures may take together. */
static uint64_t most_video(const struct participant *p, unsigned cameras)
{
	uint64_t max = p->conference->env->limits.video_max_bps *
		       (cameras ? cameras : 1);
	uint64_t room = quality_room(p);
	return room < max ? room : max;
}

static void report_received(
	struct participant *p, uint64_t now_us, struct compound *c)
{
	struct rtcp_block block[RTCP_BLOCKS_MAX] = { { 0 } };
	uint32_t video[RTCP_BLOCKS_MAX];
	unsigned n = 0, n_video = 0, n_cameras = 0;
	for (unsigned i = 0; i < encodings(p) && n < RTCP_BLOCKS_MAX; i++) {
		struct encoding *e = encoding_at(p, i);
		if (!e || !e->started)
			continue;
		if (e->video)
			video[n_video++] = e->ssrc;
		n_cameras += e->video && i % TRACK_ENCODINGS == 0;
		receive_report(&e->receive, now_us, &block[n++]);
	}
	rtcp_add_rr(&c->b, p->rtcp_ssrc, block, n);
	rtcp_add_cname(&c->b, p->rtcp_ssrc, "hearth");
	if (n_video)
		rtcp_add_remb(&c->b, p->rtcp_ssrc, most_video(p, n_cameras),
			video, n_video);
}

static bool add_sender_report(
	struct subscription *s, uint64_t now_us, struct rtcp_build *b)
{
	const struct receive *r = &subscription_encoding(s)->receive;
	return send_report(&s->send, now_us, r->sr_ntp, r->sr_ts,
		       r->sr_arrival_us, s->rewrite.ts_offset, b) &&
	       rtcp_add_cname(b, s->ssrc, s->track->cname);
}

static void report_sent(
	struct participant *p, uint64_t now_us, struct compound *c)
{
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		const struct encoding *e = subscription_encoding(s);
		if (!s->active || s->waiting || !e || !e->receive.sr_ntp)
			continue;
		/* 28 bytes of SR and at most 44 of SDES. */
		if (c->packet && c->b.len + 80 > c->b.cap)
			finish(c);
		if (!c->packet && !begin(c, p))
			return;
		add_sender_report(s, now_us, &c->b);
	}
}

static void reports(struct participant *p, uint64_t now_us)
{
	struct compound c;
	p->report_us = now_us + PARTICIPANT_REPORT_US;
	/* Its own worker reports to it. */
	if (p->far || !begin(&c, p))
		return;
	report_received(p, now_us, &c);
	report_sent(p, now_us, &c);
	finish(&c);
}

static void nacks(struct participant *p, struct encoding *e, uint64_t now_us)
{
	uint16_t seq[RECEIVE_NACK_MAX];
	struct compound c;
	if (!e->started || receive_deadline(&e->receive) > now_us)
		return;
	unsigned n = receive_nacks(&e->receive, now_us, seq, RECEIVE_NACK_MAX);
	if (!n || !begin(&c, p))
		return;
	send_feedback_head(&c, p);
	rtcp_add_nack(&c.b, p->rtcp_ssrc, e->ssrc, seq, n);
	p->stats.nacks_out++;
	finish(&c);
}

/* Which of its packets came, and when: its own estimate is made of that. REMB
 * goes on beside it, as the ceiling it always was. */
static void arrivals(struct participant *p, uint64_t now_us)
{
	struct compound c;
	size_t n = 1;
	while (n && p->arrival && arrival_deadline(p->arrival) <= now_us &&
		begin(&c, p)) {
		send_feedback_head(&c, p);
		n = arrival_feedback(p->arrival, now_us, p->rtcp_ssrc,
			p->n_tracks ? p->track[0]->encoding[0]->ssrc : 0,
			c.b.buf + c.b.len, c.b.cap - c.b.len);
		c.b.len += n;
		p->stats.feedbacks_out += n > 0;
		finish(&c);
	}
}

static void keyframe_request(
	struct participant *p, struct encoding *e, bool fir, uint64_t now_us)
{
	struct compound c;
	if (!encoding_keyframe_due(e, now_us) || !begin(&c, p))
		return;
	send_feedback_head(&c, p);
	if (fir)
		rtcp_add_fir(&c.b, p->rtcp_ssrc, e->ssrc, e->fir_seq++);
	else
		rtcp_add_pli(&c.b, p->rtcp_ssrc, e->ssrc);
	p->stats.plis_out++;
	finish(&c);
}

/* Does anybody still wait for that encoding? Of a track of one the wish itself
 * says so, and so it does where other workers may have made it. */
static bool is_wanted(const struct participant *p, unsigned i)
{
	const struct track *t = p->track[i / TRACK_ENCODINGS];
	if (!t->simulcast || relay_wanted(p))
		return true;
	for (unsigned k = 0; k < t->n_subs; k++)
		if (subscription_uses(t->sub[k], i % TRACK_ENCODINGS))
			return true;
	return false;
}

void participant_feedback(struct participant *p, uint64_t now_us)
{
	if (p->report_us <= now_us)
		reports(p, now_us);
	arrivals(p, now_us);
	for (unsigned i = 0; i < encodings(p); i++) {
		struct encoding *e = encoding_at(p, i);
		const struct track *t = p->track[i / TRACK_ENCODINGS];
		if (!e)
			continue;
		nacks(p, e, now_us);
		if (encoding_keyframe_deadline(e) > now_us)
			continue;
		if (is_wanted(p, i))
			keyframe_request(p, e, t->fir, now_us);
		else
			encoding_keyframe_seen(e);
	}
}

uint64_t participant_feedback_deadline(const struct participant *p)
{
	if (!participant_ready(p))
		return UINT64_MAX;
	uint64_t at = p->report_us;
	uint64_t a = p->arrival ? arrival_deadline(p->arrival) : UINT64_MAX;
	at = a < at ? a : at;
	for (unsigned i = 0; i < encodings(p); i++) {
		const struct encoding *e = encoding_at(p, i);
		if (!e || !e->started)
			continue;
		uint64_t k = encoding_keyframe_deadline(e);
		uint64_t r = receive_deadline(&e->receive);
		at = k < at ? k : at;
		at = r < at ? r : at;
	}
	return at;
}
