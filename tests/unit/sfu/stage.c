#include "tests/unit/sfu/stage.h"
#include <stdlib.h>
#include <string.h>

static void (*send_for_real)(struct client_out *, const uint8_t *, size_t);

/* Everything but media. */
static void send_quietly(struct client_out *out, const uint8_t *buf, size_t len)
{
	enum rtp_kind kind = rtp_classify(buf, len);
	if (kind != RTP_KIND_RTP && kind != RTP_KIND_RTCP)
		send_for_real(out, buf, len);
}

void stage_init(struct stage *s, unsigned n)
{
	memset(s, 0, sizeof(*s));
	sim_init(&s->sim, 5);
	send_for_real = s->sim.seat[0].out.send;
	for (unsigned i = 0; i < SIM_CLIENTS; i++)
		s->sim.seat[i].out.send = send_quietly;
	for (unsigned i = 0; i < n; i++) {
		struct client_config cfg = sim_usual(i + 1);
		stage_join(s, &cfg);
	}
	stage_run(s, 3 * SIM_S);
	for (unsigned i = 0; i < n; i++)
		assert_true(participant_ready(s->p[i]));
}

void stage_done(struct stage *s)
{
	stage_clear(s);
	s->sim.env.out = NULL;
	sim_done(&s->sim);
}

unsigned stage_join(struct stage *s, const struct client_config *cfg)
{
	unsigned i = s->n++;
	assert_true(i < STAGE_SEATS);
	s->seat[i] = sim_join(&s->sim, cfg, NULL);
	s->p[i] = conference_find(s->sim.conference, s->seat[i]->id);
	assert_non_null(s->p[i]);
	return i;
}

void stage_run(struct stage *s, uint64_t for_us)
{
	s->sim.out.flush(&s->sim.out);
	sim_run(&s->sim, for_us);
	for (unsigned i = 0; i < s->n; i++)
		s->p[i] = conference_find(s->sim.conference, s->seat[i]->id);
	s->sim.env.out = &s->sim.out;
	s->sim.env.now_us = s->sim.now_us;
}

void stage_rtp(struct stage *s, unsigned i, const struct rtp_header *h,
	const uint8_t *payload, size_t len)
{
	uint8_t *buf = malloc(RTP_HEADER_MAX + len);
	assert_non_null(buf);
	size_t n = rtp_write_header(buf, h);
	if (len)
		memcpy(buf + n, payload, len);
	participant_rtp(s->p[i], s->sim.now_us, s->sim.now_us, buf, n + len);
	assert_true(s->n_held < STAGE_HELD);
	s->held[s->n_held++] = buf;
	if (!s->hold)
		stage_let_go(s);
}

void stage_let_go(struct stage *s)
{
	conference_forward(s->sim.conference, s->sim.now_us);
	while (s->n_held)
		free(s->held[--s->n_held]);
	s->hold = false;
}

uint32_t stage_ssrc(unsigned i, enum client_kind kind)
{
	return (i + 1) * 16 + kind + 1;
}

void stage_video(struct stage *s, unsigned i, uint16_t seq, bool key)
{
	const uint8_t payload[12] = { 0x10, key ? 0x00 : 0x01, (uint8_t)seq };
	const struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.seq = seq,
		.ts = seq * 3000u,
		.ssrc = stage_ssrc(i, CLIENT_VIDEO) };
	stage_rtp(s, i, &h, payload, sizeof(payload));
}

void stage_audio(struct stage *s, unsigned i, uint16_t seq, int level)
{
	const uint8_t payload[8] = { (uint8_t)seq }, l = (uint8_t)level;
	const struct rtp_ext ext = { .id = 1, .len = 1, .data = &l };
	const struct rtp_header h = { .pt = STAGE_AUDIO_PT,
		.seq = seq,
		.ts = seq * 960u,
		.ssrc = stage_ssrc(i, CLIENT_AUDIO),
		.n_ext = 1,
		.ext = &ext };
	stage_rtp(s, i, &h, payload, sizeof(payload));
}

void stage_pli(struct stage *s, unsigned i, uint32_t media)
{
	uint8_t buf[64];
	struct rtcp_build b;
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_true(rtcp_add_pli(&b, 1, media));
	participant_rtcp(s->p[i], s->sim.now_us, buf, b.len);
}

void stage_nack(struct stage *s, unsigned i, uint32_t media, uint16_t seq)
{
	uint8_t buf[64];
	struct rtcp_build b;
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_int_equal(rtcp_add_nack(&b, 1, media, &seq, 1), 1);
	participant_rtcp(s->p[i], s->sim.now_us, buf, b.len);
}

void stage_clear(struct stage *s)
{
	s->sim.out.n = s->sim.out.n_plug = 0;
}

static bool goes_to(
	const struct stage *s, unsigned i, const struct packet *packet)
{
	const struct sockaddr *to = outbox_to(&s->sim.out, packet);
	if (packet->key || !packet->len || packet->data[0] >> 6 != 2)
		return packet->len && packet->key &&
		       packet->key == s->p[i]->peer.crypt;
	/* Sealed by now. */
	return to && ice_addr_equal(to, ice_selected(&s->p[i]->peer.ice));
}

unsigned stage_sent(const struct stage *s, unsigned i)
{
	unsigned n = 0;
	for (unsigned k = 0; k < s->sim.out.n; k++)
		n += !s->sim.out.v[k].rtcp && goes_to(s, i, &s->sim.out.v[k]);
	return n;
}

struct rtp_packet stage_last(const struct stage *s, unsigned i)
{
	struct rtp_packet pkt;
	for (unsigned k = s->sim.out.n; k-- > 0;) {
		const struct packet *out = &s->sim.out.v[k];
		if (out->rtcp || !goes_to(s, i, out))
			continue;
		assert_int_equal(rtp_parse(&pkt, out->data, out->len), 0);
		return pkt;
	}
	fail_msg("nothing was sent to client %u", i);
	abort();
}

unsigned stage_rtcp(const struct stage *s, unsigned i, enum rtcp_type type,
	struct rtcp_item *ret)
{
	unsigned n = 0;
	for (unsigned k = 0; k < s->sim.out.n; k++) {
		const struct packet *out = &s->sim.out.v[k];
		struct rtcp_walk walk;
		struct rtcp_item item;
		if (!out->rtcp || !goes_to(s, i, out))
			continue;
		assert_int_equal(rtcp_walk_init(&walk, out->data, out->len), 0);
		while (rtcp_next(&walk, &item)) {
			if (item.type != type)
				continue;
			n++;
			if (ret)
				*ret = item;
		}
	}
	return n;
}

struct track *stage_track(const struct stage *s, unsigned i, enum sdp_kind kind)
{
	for (unsigned k = 0; k < s->p[i]->n_tracks; k++)
		if (s->p[i]->track[k]->kind == kind)
			return s->p[i]->track[k];
	return NULL;
}

struct subscription *stage_sub(
	const struct stage *s, unsigned i, unsigned of, enum sdp_kind kind)
{
	const struct track *t = stage_track(s, of, kind);
	for (unsigned k = 0; t && k < t->n_subs; k++)
		if (t->sub[k]->to == s->p[i])
			return t->sub[k];
	return NULL;
}

uint64_t stage_drops(const struct stage *s, unsigned i, enum conference_drop d)
{
	return s->p[i]->peer.drops[d];
}
