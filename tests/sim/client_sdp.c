/* Offers and answers of the simulated client. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "sfu/sdp/sdp.h"
#include "tests/sim/client.h"

struct text {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(
	struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->len, CLIENT_SDP - t->len, fmt, ap);
	va_end(ap);
	if (n > 0 && t->len + (size_t)n < CLIENT_SDP)
		t->len += (size_t)n;
}

static void credentials(struct client *c)
{
	uint8_t r[16];
	cert_random(c->cert, r, sizeof(r));
	snprintf(c->ufrag, sizeof(c->ufrag), "%02x%02x%02x", r[0], r[1], r[2]);
	for (unsigned i = 0; i < 12; i++)
		snprintf(c->pwd + 2 * i, 3, "%02x", r[3 + i]);
}

static void head(struct client *c, struct text *t, unsigned n)
{
	add(t, "v=0\r\no=- %u %llu IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
		c->cfg.id + 1, (unsigned long long)++c->sdp_version);
	add(t, "a=group:BUNDLE");
	for (unsigned i = 0; i < n; i++)
		if (!c->media[i].rejected)
			add(t, " %s", c->media[i].mid);
	add(t, "\r\na=msid-semantic: WMS *\r\n");
}

static void transport(struct client *c, struct text *t, const char *setup)
{
	add(t,
		"c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
		"a=fingerprint:sha-256 %s\r\na=setup:%s\r\n",
		c->ufrag, c->pwd, cert_fingerprint(c->cert), setup);
}

static void twcc(const struct client *c, struct text *t, unsigned pt)
{
	if (c->cfg.twcc)
		add(t,
			"a=rtcp-fb:%u transport-cc\r\n"
			"a=extmap:%u http://www.ietf.org/id/draft-holmer-rmcat-"
			"transport-wide-cc-extensions-01\r\n",
			pt, CLIENT_TWCC_EXT);
}

static void audio_codec(const struct client *c, struct text *t)
{
	add(t, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"
	       "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
	twcc(c, t, 111);
	if (c->cfg.red)
		add(t, "a=rtpmap:%u red/48000/2\r\na=fmtp:%u 111/111\r\n",
			CLIENT_RED_PT, CLIENT_RED_PT);
}

/* With retransmissions of their own payload types. */
static void layered_codecs(const struct client *c, struct text *t)
{
	static const struct {
		unsigned pt;
		const char *name;
	} codec[] = { { CLIENT_VP9_PT, "VP9" }, { CLIENT_AV1_PT, "AV1" } };
	add(t, "a=rtcp-fb:%u nack\r\n", CLIENT_H264_PT);
	if (c->cfg.twcc)
		add(t, "a=rtcp-fb:%u transport-cc\r\n", CLIENT_H264_PT);
	for (unsigned i = 0; i < 2; i++) {
		unsigned pt = codec[i].pt;
		add(t,
			"a=rtpmap:%u %s/90000\r\na=rtcp-fb:%u nack\r\n"
			"a=rtcp-fb:%u nack pli\r\n",
			pt, codec[i].name, pt, pt);
		if (c->cfg.twcc)
			add(t, "a=rtcp-fb:%u transport-cc\r\n", pt);
		if (c->cfg.rtx)
			add(t, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n",
				pt + 1, pt + 1, pt);
	}
	if (!c->cfg.undescribed)
		add(t,
			"a=extmap:%u https://aomediacodec.github.io/"
			"av1-rtp-spec/#dependency-descriptor-rtp-header-"
			"extension\r\n",
			CLIENT_DD_EXT);
}

static void video_codec(const struct client *c, struct text *t)
{
	add(t,
		"a=rtpmap:%u VP8/90000\r\na=rtcp-fb:%u nack\r\n"
		"a=rtcp-fb:%u nack pli\r\na=rtcp-fb:%u goog-remb\r\n",
		c->video_pt, c->video_pt, c->video_pt, c->video_pt);
	twcc(c, t, c->video_pt);
	if (c->cfg.rtx)
		add(t, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n",
			CLIENT_RTX_PT, CLIENT_RTX_PT, c->video_pt);
	if (c->cfg.h264 || c->cfg.layered)
		add(t,
			"a=rtpmap:%u H264/90000\r\na=rtcp-fb:%u nack pli\r\n"
			"a=fmtp:%u packetization-mode=1;"
			"profile-level-id=42e01f\r\n",
			CLIENT_H264_PT, CLIENT_H264_PT, CLIENT_H264_PT);
	if (c->cfg.layered)
		layered_codecs(c, t);
}

/* Largest first, as Firefox has it: the order says nothing. */
static void publish_rids(struct text *t)
{
	add(t,
		"a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		"a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
		"a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:"
		"repaired-rtp-stream-id\r\n"
		"a=rid:f send\r\na=rid:h send\r\na=rid:q send\r\n"
		"a=simulcast:send f;h;q\r\n",
		CLIENT_MID_EXT, CLIENT_RID_EXT, CLIENT_RRID_EXT);
}

/* With its retransmissions, if there are any. */
static void publish_stream(
	const struct client *c, struct text *t, const struct client_send *s)
{
	if (s->rtx_ssrc)
		add(t, "a=ssrc-group:FID %u %u\r\na=ssrc:%u cname:c%u\r\n",
			s->ssrc, s->rtx_ssrc, s->rtx_ssrc, c->cfg.id);
	add(t, "a=ssrc:%u cname:c%u\r\n", s->ssrc, c->cfg.id);
}

static void publish_group(const struct client *c, struct text *t)
{
	add(t, "a=ssrc-group:SIM %u %u %u\r\n", c->lower[0].ssrc,
		c->lower[1].ssrc, c->send[CLIENT_VIDEO].ssrc);
	for (unsigned i = 0; i < CLIENT_LOWER; i++)
		publish_stream(c, t, &c->lower[i]);
}

static void publish(struct client *c, struct text *t, enum client_kind kind)
{
	add(t, "a=msid:cam%u track%u-%u\r\n", c->cfg.id, c->cfg.id, kind);
	if (kind == CLIENT_VIDEO && c->cfg.simulcast == CLIENT_RIDS) {
		publish_rids(t);
		return;
	}
	if (kind == CLIENT_VIDEO && c->cfg.simulcast == CLIENT_SIM_GROUP)
		publish_group(c, t);
	publish_stream(c, t, &c->send[kind]);
}

static void declare(struct client *c, const char *kind)
{
	struct client_media *m = &c->media[c->n_media];
	snprintf(m->kind, sizeof(m->kind), "%s", kind);
	snprintf(m->mid, sizeof(m->mid), "%u", c->n_media++);
}

static void media(struct client *c, struct text *t, unsigned i,
	const char *setup, const char *direction)
{
	const struct client_media *m = &c->media[i];
	if (strcmp(m->kind, "application") == 0) {
		add(t, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n",
			m->rejected ? 0 : 9);
		transport(c, t, setup);
		add(t,
			"a=mid:%s\r\na=sctp-port:5000\r\n"
			"a=max-message-size:262144\r\n",
			m->mid);
		return;
	}
	bool audio = strcmp(m->kind, "audio") == 0;
	add(t, "m=%s %u UDP/TLS/RTP/SAVPF %u", m->kind, m->rejected ? 0 : 9,
		audio ? 111 : c->video_pt);
	if (audio && c->cfg.red)
		add(t, " %u", CLIENT_RED_PT);
	if (!audio && c->cfg.rtx)
		add(t, " %u", CLIENT_RTX_PT);
	if (!audio && (c->cfg.h264 || c->cfg.layered))
		add(t, " %u", CLIENT_H264_PT);
	if (!audio && c->cfg.layered)
		add(t, " %u %u", CLIENT_VP9_PT, CLIENT_AV1_PT);
	if (!audio && c->cfg.layered && c->cfg.rtx)
		add(t, " %u %u", CLIENT_VP9_PT + 1, CLIENT_AV1_PT + 1);
	add(t, "\r\n");
	transport(c, t, setup);
	add(t, "a=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", m->mid,
		direction);
	if (audio)
		audio_codec(c, t);
	else
		video_codec(c, t);
}

/* m-lines 0 and 1 are ours where we publish; the others only receive. */
static bool publishes(const struct client *c, unsigned i, enum client_kind *ret)
{
	unsigned at = 0;
	for (unsigned k = 0; k < 2; k++) {
		if (!c->send[k].on)
			continue;
		if (i == at++) {
			*ret = (enum client_kind)k;
			return true;
		}
	}
	return false;
}

static void body(struct client *c, struct text *t, const char *setup)
{
	enum client_kind kind;
	for (unsigned i = 0; i < c->n_media; i++) {
		bool ours = publishes(c, i, &kind);
		media(c, t, i, setup, ours ? "sendrecv" : "recvonly");
		if (ours)
			publish(c, t, kind);
	}
}

char *client_offer(struct client *c, bool ice_restart)
{
	struct text t = { .buf = malloc(CLIENT_SDP) };
	if (!t.buf)
		return NULL;
	if (!c->ufrag[0] || ice_restart)
		credentials(c);
	if (c->n_media == 0) {
		if (c->cfg.audio)
			declare(c, "audio");
		if (c->cfg.video)
			declare(c, "video");
		for (unsigned i = 0; i < c->cfg.spares; i++) {
			declare(c, "audio");
			declare(c, "video");
		}
		if (c->cfg.data)
			declare(c, "application");
	}
	head(c, &t, c->n_media);
	body(c, &t,
		c->cfg.dtls_server   ? "passive"
		: c->cfg.dtls_client ? "active"
				     : "actpass");
	return t.buf;
}

static uint32_t rtx_of(const struct sdp_media *m, uint32_t ssrc)
{
	for (unsigned i = 0; i < m->n_groups; i++)
		if (strcmp(m->group[i].semantics, "FID") == 0 &&
			m->group[i].n == 2 && m->group[i].ssrc[0] == ssrc)
			return m->group[i].ssrc[1];
	return 0;
}

static void want_stream(
	struct client *c, const struct sdp_media *m, unsigned mline)
{
	uint32_t ssrc = m->ssrc[0].ssrc;
	struct client_stream *s = client_stream_find(c, ssrc);
	for (unsigned i = 0; !s && i < CLIENT_STREAMS; i++)
		if (!c->stream[i].used)
			s = &c->stream[i];
	if (!s)
		return;
	if (!s->used) {
		memset(s, 0, sizeof(*s));
		s->used = true;
		s->kind = m->kind == SDP_AUDIO ? CLIENT_AUDIO : CLIENT_VIDEO;
		s->ssrc = ssrc;
		c->stream_ssrc[s - c->stream] = ssrc;
		receive_init(&s->receive, ssrc,
			s->kind == CLIENT_AUDIO ? 48000 : 90000, true);
	}
	s->rtx_ssrc = rtx_of(m, ssrc);
	s->mline = mline;
	snprintf(s->stream, sizeof(s->stream), "%s", m->stream_id);
}

/* The streams of a description are all there are: others have ended. */
static void take_streams(struct client *c, const struct sdp *sdp)
{
	bool keep[CLIENT_STREAMS] = { false };
	for (unsigned i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];
		bool sends = m->direction == SDP_SENDRECV ||
			     m->direction == SDP_SENDONLY;
		if (m->kind > SDP_VIDEO || !m->port || !sends || !m->n_ssrc)
			continue;
		want_stream(c, m, i);
		for (unsigned k = 0; k < CLIENT_STREAMS; k++)
			keep[k] |= c->stream[k].used &&
				   c->stream[k].ssrc == m->ssrc[0].ssrc;
	}
	for (unsigned k = 0; k < CLIENT_STREAMS; k++) {
		if (!c->stream[k].used || keep[k])
			continue;
		c->stream[k].used = false;
		c->stream_ssrc[k] = 0;
		if (c->crypt)
			crypt_forget(c->crypt, c->stream[k].ssrc);
		if (c->crypt && c->stream[k].rtx_ssrc)
			crypt_forget(c->crypt, c->stream[k].rtx_ssrc);
	}
}

static void take_transport(struct client *c, const struct sdp_media *m)
{
	if (strcmp(c->remote_ufrag, m->ufrag) == 0)
		return;
	snprintf(c->remote_ufrag, sizeof(c->remote_ufrag), "%s", m->ufrag);
	snprintf(c->remote_pwd, sizeof(c->remote_pwd), "%s", m->pwd);
	c->nominated = c->reached = c->chosen = false;
	c->check_us = c->now_us;
	if (!c->dtls)
		dtls_new(&c->dtls, c->cert,
			m->setup == SDP_ACTIVE ? DTLS_SERVER : DTLS_CLIENT,
			m->fingerprint_hash, m->fingerprint);
}

static int take(
	struct client *c, uint64_t now_us, const char *text, struct sdp **ret)
{
	char error[SDP_ERROR_MAX];
	int err = sdp_parse(text, strlen(text), ret, error);
	c->now_us = now_us;
	if (err)
		return err;
	if ((*ret)->n_media == 0 || (*ret)->n_media > CLIENT_MEDIA ||
		!(*ret)->media[0].ufrag) {
		sdp_free(*ret);
		return -EBADMSG;
	}
	take_transport(c, &(*ret)->media[0]);
	take_streams(c, *ret);
	return 0;
}

int client_answer(struct client *c, uint64_t now_us, const char *text)
{
	struct sdp *sdp;
	int err = take(c, now_us, text, &sdp);
	if (err)
		return err;
	c->answered_us = now_us;
	if (sdp->n_media != c->n_media)
		err = -EBADMSG;
	sdp_free(sdp);
	return err;
}

static void take_video_pt(struct client *c, const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];
		for (unsigned k = m->n_codecs; k-- > 0;)
			if (m->kind == SDP_VIDEO &&
				strcasecmp(m->codec[k].name, "VP8") == 0)
				c->video_pt = m->codec[k].pt;
	}
}

char *client_negotiate(struct client *c, uint64_t now_us, const char *text)
{
	struct sdp *sdp;
	if (take(c, now_us, text, &sdp))
		return NULL;
	if (!c->ufrag[0]) {
		credentials(c);
		c->controlled = !sdp->media[0].ice_lite;
	}
	c->count.renegotiations++;
	take_video_pt(c, sdp);
	for (unsigned i = 0; i < sdp->n_media; i++) {
		struct client_media *m = &c->media[i];
		snprintf(m->kind, sizeof(m->kind), "%s",
			sdp->media[i].kind_text);
		snprintf(m->mid, sizeof(m->mid), "%s", sdp->media[i].mid);
		m->rejected = false;
	}
	c->n_media = sdp->n_media;
	struct text t = { .buf = malloc(CLIENT_SDP) };
	if (!t.buf) {
		sdp_free(sdp);
		return NULL;
	}
	head(c, &t, c->n_media);
	/* Whoever was server stays it (RFC 8842 5.3). */
	const char *setup = dtls_is_client(c->dtls) ? "active" : "passive";
	enum client_kind kind;
	for (unsigned i = 0; i < c->n_media; i++) {
		enum sdp_direction d = sdp->media[i].direction;
		bool ours = publishes(c, i, &kind);
		media(c, &t, i, setup,
			ours && d == SDP_SENDRECV ? "sendrecv"
			: ours                    ? "sendonly"
			: d == SDP_SENDONLY       ? "recvonly"
						  : "inactive");
		if (ours)
			publish(c, &t, kind);
	}
	sdp_free(sdp);
	return t.buf;
}
