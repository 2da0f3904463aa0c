#include "sfu/sdp/negotiation.h"

#include <stdio.h>
#include <string.h>

#include "sfu/sdp/text.h"

struct print {
	struct text text;
	const struct negotiation *n;
	const struct negotiate_local *local;
	bool offer;
	bool first; /* no m-line with a transport was printed yet */
};

/* m-lines of the text: all there are, and in an offer the planned. */
static unsigned print_count(const struct print *p)
{
	return p->offer ? negotiation_offered(p->n) : p->n->n_lines;
}

static const char *setup_text(const struct print *p)
{
	/* Later offers name the role at hand, which RFC 8842 section 5.5 lets
	 * them: webrtcbin (GStreamer 1.22) answers a later actpass with
	 * active, whichever it was before. */
	if (p->n->role == SDP_SETUP_NONE)
		return "actpass";
	return p->n->role == SDP_PASSIVE ? "passive" : "active";
}

static const char *direction_text(bool send, bool recv)
{
	if (send)
		return recv ? "sendrecv" : "sendonly";
	return recv ? "recvonly" : "inactive";
}

/* Browsers alone say a=extmap-allow-mixed. They all read a session's attributes
 * as those of its m-lines, which aiortc does not; nor do they look for more
 * than RFC 8829 has, so that a room of fifty need not repeat it a hundred
 * times. What the peer offered itself is answered in full. */
static bool line_is_terse(const struct negotiation *n, const struct line *l)
{
	return l->ours && n->extmap_mixed && n->bundle && !n->plain &&
	       !negotiation_is_rigid(n);
}

static void print_secrets(struct print *p)
{
	const struct negotiate_local *local = p->local;

	text_add(&p->text,
		"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
		"a=fingerprint:sha-256 %s\r\na=setup:%s\r\n",
		local->ufrag, local->pwd, local->fingerprint, setup_text(p));
}

static void print_transport(struct print *p, const struct line *l)
{
	const struct negotiate_local *local = p->local;

	if (p->n->plain)
		return;
	if (!line_is_terse(p->n, l))
		print_secrets(p);
	/* The others of the BUNDLE share the first one's (RFC 8843). */
	if (!p->first)
		return;
	p->first = false;
	for (unsigned i = 0; i < local->n_candidates; i++)
		text_add(&p->text, "a=%s\r\n", local->candidate[i]);
	text_add(&p->text, "a=end-of-candidates\r\n");
}

/* RTX and RED of a codec. */
static void print_repair(
	struct print *p, const struct line *l, const struct negotiate_codec *c)
{
	struct text *t = &p->text;
	unsigned rtx_pt = transceiver_rtx_pt(&l->t, c);
	unsigned red_pt = transceiver_red_pt(&l->t, c);

	if (rtx_pt)
		text_add(t, "a=rtpmap:%u rtx/%u\r\na=fmtp:%u apt=%u\r\n",
			rtx_pt, (unsigned)c->clock_hz, rtx_pt, (unsigned)c->pt);
	if (red_pt)
		text_add(t, "a=rtpmap:%u red/%u/%u\r\na=fmtp:%u %u/%u\r\n",
			red_pt, (unsigned)c->clock_hz, (unsigned)c->channels,
			red_pt, (unsigned)c->pt, (unsigned)c->pt);
}

/* format: a payload type, or "*" for all of the m-line. */
static void print_feedback(struct print *p, const struct line *l,
	const struct negotiate_codec *c, const char *format)
{
	struct text *t = &p->text;

	const bool twcc = c->twcc && line_has_ext(p->n, l, EXT_TRANSPORT_CC);
	const bool terse = line_is_terse(p->n, l) && !l->t.receiving;

	/* Where there is better, browsers do not use them. */
	if (c->remb && !(terse && twcc))
		text_add(t, "a=rtcp-fb:%s goog-remb\r\n", format);
	if (twcc)
		text_add(t, "a=rtcp-fb:%s transport-cc\r\n", format);
	if (c->fir && !(terse && c->pli))
		text_add(t, "a=rtcp-fb:%s ccm fir\r\n", format);
	if (c->nack)
		text_add(t, "a=rtcp-fb:%s nack\r\n", format);
	if (c->pli)
		text_add(t, "a=rtcp-fb:%s nack pli\r\n", format);
}

/* feedback: it has not been said for all. */
static void print_codec(struct print *p, const struct line *l,
	const struct negotiate_codec *c, bool feedback)
{
	struct text *t = &p->text;
	unsigned pt = c->pt;
	char format[8];

	text_add(t, "a=rtpmap:%u %s/%u", pt, c->name, (unsigned)c->clock_hz);
	if (c->channels > 1)
		text_add(t, "/%u", (unsigned)c->channels);
	text_add(t, "\r\n");
	snprintf(format, sizeof(format), "%u", pt);
	if (feedback)
		print_feedback(p, l, c, format);
	if (c->fmtp[0])
		text_add(t, "a=fmtp:%u %s\r\n", pt, c->fmtp);
	print_repair(p, l, c);
}

static bool feedback_is_equal(
	const struct negotiate_codec *const *codec, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (codec[i]->remb != codec[0]->remb ||
			codec[i]->twcc != codec[0]->twcc ||
			codec[i]->fir != codec[0]->fir ||
			codec[i]->nack != codec[0]->nack ||
			codec[i]->pli != codec[0]->pli)
			return false;
	return true;
}

static void print_codecs(struct print *p, const struct line *l,
	const struct negotiate_codec *const *codec, unsigned n)
{
	bool all =
		n > 1 && line_is_terse(p->n, l) && feedback_is_equal(codec, n);

	if (all)
		print_feedback(p, l, codec[0], "*");
	for (unsigned i = 0; i < n; i++)
		print_codec(p, l, codec[i], !all);
}

static bool ext_is_known(
	const struct negotiation *n, enum sdp_kind kind, enum negotiate_ext e)
{
	return n->ext.id[e] && ext_fits(e, kind, &n->features) &&
	       (!n->known[kind] || (n->ext_agreed >> e & 1));
}

bool line_has_ext(
	const struct negotiation *n, const struct line *l, enum negotiate_ext e)
{
	if (l->t.line >= 0)
		return l->exts >> e & 1;
	return ext_is_known(n, l->t.kind, e);
}

/* Of an m-line that only sends: what its publisher sends, and our own. The
 * packets are known by SSRC. */
static bool ext_is_sent(
	const struct print *p, const struct line *l, enum negotiate_ext e)
{
	const bool has = p->offer ? ext_is_known(p->n, l->t.kind, e)
				  : line_has_ext(p->n, l, e);

	if (e == EXT_TRANSPORT_CC)
		return line_has_ext(p->n, l, e);
	return has && l->t.want_send &&
	       (!l->from || (l->from->recv_exts >> e & 1)) && e != EXT_MID &&
	       e != EXT_RID && e != EXT_RRID && e != EXT_ABS_SEND_TIME &&
	       e != EXT_VIDEO_LAYERS;
}

static void print_exts(struct print *p, const struct line *l)
{
	const struct ext_table *x = &p->n->ext;
	/* Who never said what it has learns ids from us. */
	const bool terse = line_is_terse(p->n, l) && !l->t.receiving &&
			   p->n->known[l->t.kind];

	for (int i = 0; i < EXT_MAX; i++) {
		const enum negotiate_ext e = (enum negotiate_ext)i;
		/* One way for the peer is the other way for us. */
		const char *way = x->direction[e] == SDP_SENDONLY ? "/recvonly"
				  : x->direction[e] == SDP_RECVONLY
					  ? "/sendonly"
					  : "";

		if (terse ? ext_is_sent(p, l, e) : line_has_ext(p->n, l, e))
			text_add(&p->text, "a=extmap:%u%s %s\r\n",
				(unsigned)x->id[e], way, ext_uri(e));
	}
}

static void print_ssrc(struct print *p, const struct line *l, unsigned ssrc)
{
	const struct transceiver *t = &l->t;

	text_add(&p->text, "a=ssrc:%u cname:%s\r\n", ssrc, t->cname);
	/* Of before a=msid. */
	if (line_is_terse(p->n, l))
		return;
	text_add(&p->text, "a=ssrc:%u msid:%s %s\r\n", ssrc, t->send_stream,
		t->send_track);
}

/* rtx: some codec of the m-line has it. */
static void print_track(struct print *p, const struct line *l, bool rtx)
{
	const struct transceiver *t = &l->t;
	unsigned ssrc = t->send_ssrc, rtx_ssrc = t->send_rtx_ssrc;

	rtx = rtx && rtx_ssrc;
	text_add(&p->text, "a=msid:%s %s\r\n", t->send_stream, t->send_track);
	if (rtx)
		text_add(
			&p->text, "a=ssrc-group:FID %u %u\r\n", ssrc, rtx_ssrc);
	print_ssrc(p, l, ssrc);
	if (rtx)
		print_ssrc(p, l, rtx_ssrc);
}

/* What the peer may send, in the order it offered (RFC 8853 section 5.3.2). */
static void print_simulcast(struct print *p, const struct transceiver *t)
{
	for (unsigned i = 0; i < t->n_recv_rids; i++)
		text_add(&p->text, "a=rid:%s recv\r\n", t->recv_rid[i]);
	for (unsigned i = 0; i < t->n_recv_rids; i++)
		text_add(&p->text, "%s%s", i ? ";" : "a=simulcast:recv ",
			t->recv_rid[i]);
	if (t->n_recv_rids)
		text_add(&p->text, "\r\n");
}

static void print_formats(struct print *p, const struct line *l,
	const struct negotiate_codec *const *codec, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned rtx_pt = transceiver_rtx_pt(&l->t, codec[i]);
		unsigned red_pt = transceiver_red_pt(&l->t, codec[i]);

		text_add(&p->text, " %u", (unsigned)codec[i]->pt);
		if (rtx_pt)
			text_add(&p->text, " %u", rtx_pt);
		/* Behind the codec itself: browsers send what comes first. */
		if (red_pt)
			text_add(&p->text, " %u", red_pt);
	}
	text_add(&p->text, "\r\n");
}

static void print_mid(struct print *p, const struct line *l)
{
	if (!line_is_terse(p->n, l))
		text_add(&p->text, "c=IN IP4 %s\r\n",
			p->n->plain ? "127.0.0.1" : "0.0.0.0");
	if (l->t.mid[0])
		text_add(&p->text, "a=mid:%s\r\n", l->t.mid);
}

static void print_rtp(struct print *p, const struct line *l)
{
	const bool recv = l->t.receiving;
	const bool send = line_can_send(p->n, l);
	const struct negotiate_codec *codec[NEGOTIATE_CODECS];
	unsigned n = line_codecs(p->n, l, send, recv, codec);
	bool rtx = false;

	text_add(&p->text, "m=%s 9 %s", l->kind_text, l->protocol);
	print_formats(p, l, codec, n);
	print_mid(p, l);
	text_add(&p->text, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
		direction_text(send, recv));
	print_transport(p, l);
	print_codecs(p, l, codec, n);
	for (unsigned i = 0; i < n; i++)
		rtx |= transceiver_rtx_pt(&l->t, codec[i]) != 0;
	print_exts(p, l);
	if (recv)
		print_simulcast(p, &l->t);
	if (send)
		print_track(p, l, rtx);
}

static void print_data(struct print *p, const struct line *l)
{
	const bool old = strstr(l->protocol, "/DTLS/SCTP") == NULL &&
			 strcmp(l->format, "webrtc-datachannel") != 0;

	/* Before RFC 8841 the port was the format: answer as we were asked. */
	text_add(&p->text, "m=application 9 %s %s\r\n", l->protocol,
		old ? "5000" : "webrtc-datachannel");
	print_mid(p, l);
	print_transport(p, l);
	if (old)
		text_add(
			&p->text, "a=sctpmap:5000 webrtc-datachannel 1024\r\n");
	else
		text_add(&p->text, "a=sctp-port:5000\r\n");
	text_add(&p->text, "a=max-message-size:%u\r\n",
		(unsigned)p->local->max_message_size);
}

static void print_rejected(struct print *p, const struct line *l)
{
	text_add(&p->text, "m=%s 0 %s %s\r\n", l->kind_text, l->protocol,
		l->format);
	print_mid(p, l);
	text_add(&p->text, "a=inactive\r\n");
}

static const struct line *print_line(const struct print *p, unsigned i)
{
	return p->offer ? negotiation_offered_line(p->n, i)
			: negotiation_line(p->n, i);
}

static void print_group(struct print *p)
{
	bool any = false;

	if (!p->n->bundle && p->n->have_remote)
		return;
	for (unsigned i = 0; i < print_count(p); i++) {
		const struct line *l = print_line(p, i);

		if (l->t.rejected)
			continue;
		text_add(&p->text, "%s %s", any ? "" : "a=group:BUNDLE",
			l->t.mid);
		any = true;
	}
	if (any)
		text_add(&p->text, "\r\n");
}

static bool print_is_terse(const struct print *p)
{
	for (unsigned i = 0; i < print_count(p); i++)
		if (line_is_terse(p->n, print_line(p, i)))
			return true;
	return false;
}

static void print_session(struct print *p)
{
	const bool terse = print_is_terse(p);

	text_add(&p->text,
		"v=0\r\no=- %llu %llu IN IP4 127.0.0.1\r\ns=-\r\n%st=0 0\r\n",
		(unsigned long long)p->n->session_id,
		(unsigned long long)p->n->version,
		terse ? "c=IN IP4 0.0.0.0\r\n" : "");
	print_group(p);
	if (p->n->extmap_mixed)
		text_add(&p->text, "a=extmap-allow-mixed\r\n");
	text_add(&p->text, "a=msid-semantic: WMS *\r\n");
	if (!p->n->plain)
		text_add(&p->text, "a=ice-lite\r\na=ice-options:trickle\r\n");
	if (terse)
		print_secrets(p);
}

char *print_description(const struct negotiation *n,
	const struct negotiate_local *local, bool offer)
{
	struct print p = {
		.n = n, .local = local, .offer = offer, .first = true
	};

	text_init(&p.text,
		n->plain ? NEGOTIATE_PLAIN_TEXT_MAX : NEGOTIATE_TEXT_MAX);
	print_session(&p);
	for (unsigned i = 0; i < print_count(&p); i++) {
		const struct line *l = print_line(&p, i);

		if (l->t.rejected)
			print_rejected(&p, l);
		else if (l->t.kind == SDP_APPLICATION)
			print_data(&p, l);
		else
			print_rtp(&p, l);
	}
	return text_take(&p.text);
}

/* --- what a peer publishes, to be taken as an offer elsewhere ----------------
 */

static void publish_exts(struct print *p, const struct line *l)
{
	const struct ext_table *x = &p->n->ext;

	for (int e = 0; e < EXT_MAX; e++)
		/* What it only receives says nothing of what it sends. */
		if (line_has_ext(p->n, l, (enum negotiate_ext)e) &&
			x->direction[e] != SDP_RECVONLY &&
			e != EXT_TRANSPORT_CC)
			text_add(&p->text, "a=extmap:%u %s\r\n",
				(unsigned)x->id[e],
				ext_uri((enum negotiate_ext)e));
}

static void publish_simulcast(struct print *p, const struct transceiver *t)
{
	for (unsigned i = 0; i < t->n_recv_rids; i++)
		text_add(&p->text, "a=rid:%s send\r\n", t->recv_rid[i]);
	for (unsigned i = 0; i < t->n_recv_rids; i++)
		text_add(&p->text, "%s%s", i ? ";" : "a=simulcast:send ",
			t->recv_rid[i]);
	text_add(&p->text, "%s%s", t->n_recv_rids ? "\r\n" : "",
		t->recv_sim ? "a=ssrc-group:SIM" : "");
	for (unsigned i = 0; t->recv_sim && i < t->n_recv_ssrc; i++)
		text_add(&p->text, " %u", (unsigned)t->recv_ssrc[i]);
	if (t->recv_sim)
		text_add(&p->text, "\r\n");
}

static void publish_line(struct print *p, const struct line *l, bool slides)
{
	const struct transceiver *t = &l->t;

	text_add(&p->text, "m=%s 9 RTP/AVPF", l->kind_text);
	for (unsigned i = 0; i < t->n_codecs; i++)
		text_add(&p->text, " %u", (unsigned)t->codec[i]->pt);
	text_add(&p->text, "\r\n");
	print_mid(p, l);
	text_add(&p->text, "a=sendonly\r\na=rtcp-mux\r\na=msid:%s %s\r\n",
		t->recv_stream, t->recv_track);
	if (slides)
		text_add(&p->text, "a=content:slides\r\n");
	for (unsigned i = 0; i < t->n_codecs; i++) {
		struct negotiate_codec c = *t->codec[i];

		/* Those end where the peer is. */
		c.rtx_pt = 0;
		c.twcc = false;
		print_codec(p, l, &c, true);
	}
	publish_exts(p, l);
	publish_simulcast(p, t);
	for (unsigned i = 0; i < t->n_recv_ssrc; i++)
		text_add(&p->text, "a=ssrc:%u cname:hearth\r\n",
			(unsigned)t->recv_ssrc[i]);
}

/* A description has an m-line; one that says that there is nothing. */
static void publish_none(struct print *p)
{
	for (unsigned i = 0; i < p->n->n_lines; i++) {
		const struct line *l = negotiation_line(p->n, i);

		if (!kind_is_rtp(l->t.kind) || !l->t.mid[0])
			continue;
		print_rejected(p, l);
		return;
	}
}

char *negotiation_published(
	const struct negotiation *n, const bool *which, const bool *slides)
{
	struct print p = { .n = n };
	bool any = false;

	text_init(&p.text, NEGOTIATE_TEXT_MAX);
	text_add(&p.text,
		"v=0\r\no=- %llu 1 IN IP4 127.0.0.1\r\ns=-\r\n"
		"t=0 0\r\n",
		(unsigned long long)n->session_id);
	if (n->extmap_mixed)
		text_add(&p.text, "a=extmap-allow-mixed\r\n");
	for (unsigned i = 0; i < n->n_lines; i++)
		if (which[n->slot_of_line[i]]) {
			publish_line(&p, negotiation_line(n, i),
				slides[n->slot_of_line[i]]);
			any = true;
		}
	if (!any)
		publish_none(&p);
	return text_take(&p.text);
}
