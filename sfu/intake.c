#include "sfu/intake.h"
#include "sfu/conference_private.h"

static void hand_over(
	struct intake *in, unsigned i, uint64_t now_us, struct outbox *out)
{
	struct participant *p = in->v[i].to;
	struct crypt_open *o = &in->open[i];
	struct conference *c = p->conference;
	if (p->gone)
		return;
	enum peer_got got = peer_opened(&p->peer, now_us, in->v[i].from, o);
	if (got == PEER_DROPPED)
		return;
	conference_enter(c, now_us, out);
	if (p->away)
		participant_back(p, now_us);
	if (got == PEER_RTP)
		participant_rtp(p, now_us, in->v[i].at_us, o->buf, o->len);
	else
		participant_rtcp(p, now_us, o->buf, o->len);
	conference_exit(c);
}

static void forward(struct intake *in, uint64_t now_us, struct outbox *out)
{
	for (unsigned i = 0; i < in->n_gathered; i++) {
		struct conference *c = in->gathered[i];
		conference_enter(c, now_us, out);
		fanout_run(c->fanout, now_us, out);
		conference_exit(c);
	}
	/* Once for all conferences: the more at once, the less each costs. */
	outbox_settle(out);
	in->n_gathered = 0;
}

static void note_gathered(struct intake *in, struct conference *c)
{
	if (!fanout_count(c->fanout))
		return;
	for (unsigned i = in->n_gathered; i > 0; i--)
		if (in->gathered[i - 1] == c)
			return;
	in->gathered[in->n_gathered++] = c;
}

static void land(struct intake *in, uint64_t now_us, struct outbox *out)
{
	crypt_open_batch(in->open, in->n);
	for (unsigned i = 0; i < in->n; i++) {
		hand_over(in, i, now_us, out);
		note_gathered(in, in->v[i].to->conference);
		if (in->n_gathered == INTAKE_PACKETS)
			forward(in, now_us, out);
	}
	in->n = 0;
}

/* What settles something: rare, and alone. */
static bool handle(uint64_t now_us, struct participant *p,
	const struct sockaddr *from, uint8_t *buf, size_t len,
	struct outbox *out)
{
	struct conference *c = p->conference;
	conference_enter(c, now_us, out);
	enum peer_got got = peer_input(&p->peer, now_us, from, buf, &len);
	if (got != PEER_DROPPED)
		participant_settle(p, now_us);
	if (p->away && !p->gone && ice_heard_us(&p->peer.ice) == now_us)
		participant_back(p, now_us);
	if (got == PEER_MOVED && !p->gone)
		participant_moved(p, now_us);
	conference_exit(c);
	return (got == PEER_STUN || got == PEER_MOVED) && !p->gone;
}

bool intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out)
{
	if (p->gone)
		return false;
	if (in->n == INTAKE_PACKETS)
		land(in, now_us, out);
	if (peer_opens(&p->peer, from, buf, len, &in->open[in->n])) {
		in->v[in->n++] = (struct intake_packet){ p, from, at_us };
		return false;
	}
	land(in, now_us, out);
	return !p->gone && handle(now_us, p, from, buf, len, out);
}

void intake_end(struct intake *in, uint64_t now_us, struct outbox *out)
{
	land(in, now_us, out);
	forward(in, now_us, out);
}
