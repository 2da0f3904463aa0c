#include "sfu/sdp/negotiation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint32_t agreed_mask(const struct negotiation *n, enum sdp_kind kind)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < n->n_slots; i++)
		if (n->slot[i]->t.kind == kind)
			mask |= n->slot[i]->base;
	return mask;
}

/* Drops what we only assumed of the peer: all of a kind it now speaks of itself
 * (pt < 0), or the one whose number it uses for something else. */
static void assumption_drop(struct negotiation *n, enum sdp_kind kind, int pt)
{
	struct codec_table *t = &n->table[kind];
	uint32_t agreed;

	if (n->known[kind] || t->n == 0)
		return;
	agreed = agreed_mask(n, kind);
	for (unsigned i = 0; i < t->n; i++) {
		if (agreed >> i & 1)
			continue;
		if (pt < 0 || t->codec[i]->pt == pt)
			codec_forget(t->codec[i]);
		if (t->codec[i]->rtx_pt == pt)
			t->codec[i]->rtx_pt = 0;
		if (t->codec[i]->red_pt == pt)
			t->codec[i]->red_pt = 0;
	}
}

static void codecs_learn(
	struct negotiation *n, struct line *l, const struct sdp_media *m)
{
	struct negotiate_codec c;

	l->base = 0;
	for (unsigned i = 0; i < m->n_codecs; i++) {
		int index;

		n->pt_used[m->codec[i].pt] = true;
		assumption_drop(n, m->kind == SDP_AUDIO ? SDP_VIDEO : SDP_AUDIO,
			m->codec[i].pt);
		if (!codec_read(&c, &m->codec[i], m->kind, n->accepted))
			continue;
		repair_read(&c, m, &n->features);
		index = codec_table_put(&n->table[m->kind], &c);
		if (index < 0)
			continue;
		l->base |= 1u << index;
		repair_note(&l->t, (unsigned)index, c.rtx_pt || c.red_pt);
	}
}

/* Room for all that codecs_learn and words_take may find in a description. */
static int reserve(
	struct negotiation *n, const struct sdp *s, struct verdict *v)
{
	bool said[2][128] = { { false } };
	unsigned more[2] = { 0, 0 };
	struct negotiate_codec c;

	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];

		for (unsigned j = 0; kind_is_rtp(m->kind) && j < m->n_codecs;
			j++) {
			unsigned pt = m->codec[j].pt & 127;

			if (said[m->kind][pt] ||
				codec_table_find(&n->table[m->kind], pt) >= 0 ||
				!codec_read(
					&c, &m->codec[j], m->kind, n->accepted))
				continue;
			said[m->kind][pt] = true;
			more[m->kind]++;
		}
	}
	for (unsigned k = 0; k < 2; k++)
		if (codec_table_reserve(&n->table[k], more[k]) < 0)
			return -ENOMEM;
	return slots_reserve_codecs(n, more) < 0 ? -ENOMEM
						 : words_reserve(v, s);
}

static void exts_learn(
	struct negotiation *n, struct line *l, const struct sdp_media *m)
{
	l->exts = 0;
	for (unsigned i = 0; i < m->n_ext; i++) {
		const struct sdp_extmap *x = &m->ext[i];
		enum negotiate_ext e = ext_by_uri(x->uri);
		enum negotiate_ext owner = ext_table_find(&n->ext, x->id);

		n->ext_used[x->id] = true;
		if (owner != EXT_MAX && owner != e &&
			!(n->ext_agreed >> owner & 1))
			n->ext.id[owner] = 0;
		/* From 15 on ids need two-byte headers, which nothing that
		 * we have a use for does. */
		if (e == EXT_MAX || x->id > 14 ||
			!ext_fits(e, m->kind, &n->features) ||
			x->direction == SDP_INACTIVE)
			continue;
		n->ext.id[e] = x->id;
		n->ext.direction[e] = x->direction;
		n->ext_agreed |= 1u << e;
		l->exts |= 1u << e;
	}
	l->t.recv_exts = l->exts;
}

/* It names its m-lines audio0, video1, application2. */
static bool mid_is_of_webrtcbin(const struct sdp_media *m)
{
	size_t len = strlen(m->kind_text);

	return strncmp(m->mid, m->kind_text, len) == 0 && m->mid[len] &&
	       strspn(m->mid + len, "0123456789") == strlen(m->mid + len);
}

static void line_stop_receiving(struct line *l)
{
	l->t.receiving = false;
	l->t.n_recv_ssrc = l->t.n_recv_rids = 0;
	l->t.recv_sim = false;
	l->t.recv_stream = l->t.recv_track = "";
}

void line_reject(struct line *l)
{
	line_stop_receiving(l);
	l->t.rejected = true;
	l->t.sending = l->t.want_send = l->t.cooling = false;
	l->from = NULL;
	l->t.peer_receives = false;
	l->t.n_codecs = 0;
	l->base = l->exts = l->t.recv_exts = 0;
}

static void twcc_read(const struct negotiation *n, struct line *l)
{
	const struct codec_table *t = &n->table[l->t.kind];
	enum sdp_direction way = n->ext.direction[EXT_TRANSPORT_CC];
	bool any = false;

	for (unsigned i = 0; i < t->n; i++)
		any |= (l->base >> i & 1) && t->codec[i]->twcc;
	any = any && (l->exts >> EXT_TRANSPORT_CC & 1);
	l->t.recv_twcc = any && direction_sends(way);
	l->t.send_twcc = any && direction_receives(way);
}

/* What both an offer and an answer say of an m-line that lives. */
static void line_take(
	struct negotiation *n, struct line *l, const struct sdp_media *m)
{
	l->t.rejected = false;
	if (!kind_is_rtp(m->kind))
		return;
	codecs_learn(n, l, m);
	exts_learn(n, l, m);
	if (l->t.receiving) {
		repair_ssrcs(&l->t, m, &n->features);
		/* RFC 8853 section 5.5: without the extension nobody could
		 * tell the layers. */
		simulcast_read(&l->t, m, l->exts >> EXT_RID & 1);
	} else {
		line_stop_receiving(l);
	}
	twcc_read(n, l);
}

void offer_line(struct negotiation *n, struct line *l,
	const struct sdp_media *m, unsigned i, bool accepted, char **words)
{
	if (l->t.rejected && strcmp(l->t.mid, m->mid) != 0)
		line_reset(l);
	l->t.kind = m->kind;
	l->t.line = (int)i;
	snprintf(l->t.mid, sizeof(l->t.mid), "%s", m->mid);
	words_take(l, m, words);
	if (!accepted) {
		line_reject(l);
		return;
	}
	l->t.receiving = kind_is_rtp(m->kind) && n->may_publish &&
			 direction_sends(m->direction);
	l->t.peer_receives = n->may_listen && direction_receives(m->direction);
	if (!n->plain && mid_is_of_webrtcbin(m))
		n->rigid = true;
	line_take(n, l, m);
	l->t.sending = l->t.sending && l->t.peer_receives;
	if (kind_is_rtp(m->kind))
		line_agree(n, l, false, true);
	else
		l->t.n_codecs = 0;
}

/* Of kinds it speaks of; a program names only the m-lines that it means. */
static void repairs_forget(
	struct negotiation *n, const struct sdp *s, const struct verdict *v)
{
	for (unsigned i = 0; !n->plain && i < s->n_media; i++)
		if (v->accept[i] && kind_is_rtp(s->media[i].kind))
			repair_forget(&n->table[s->media[i].kind]);
}

static void offer_apply(
	struct negotiation *n, const struct sdp *s, struct verdict *v)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		enum sdp_kind kind = s->media[i].kind;

		if (!v->accept[i] || !kind_is_rtp(kind))
			continue;
		assumption_drop(n, kind, -1);
		n->known[kind] = true;
	}
	repairs_forget(n, s, v);
	n->state = NEGOTIATE_HAVE_REMOTE;
	n->bundle = s->n_bundle > 0 || n->plain;
	n->extmap_mixed = s->extmap_allow_mixed;
	if (n->plain) {
		plain_apply(n, s, v);
		return;
	}
	for (unsigned i = 0; i < s->n_media; i++) {
		if (i >= n->n_lines) {
			n->slot_of_line[i] = (uint16_t)n->n_slots;
			slots_add(n);
			n->n_lines++;
		}
		offer_line(n, negotiation_line(n, i), &s->media[i], i,
			v->accept[i], &v->words[i]);
	}
}

static void remote_keep(struct negotiation *n,
	const struct negotiate_remote *remote, enum sdp_setup role)
{
	n->remote = *remote;
	n->role = role;
	n->have_remote = true;
}

int negotiation_remote_offer(struct negotiation *n, const char *text,
	size_t len, struct negotiate_remote *ret, char ret_error[SDP_ERROR_MAX])
{
	struct negotiate_remote remote;
	enum sdp_setup role;
	struct verdict v;
	struct sdp *s;
	int r = sdp_parse(text, len, &s, ret_error);

	if (r < 0)
		return r;
	transport_judge(n, s, &v);
	r = check_offer(n, s, &v, ret_error);
	if (r == 0)
		r = transport_read(n, s, &v, false, &remote, &role, ret_error);
	if (r == 0) {
		r = slots_reserve(
			n, n->plain ? s->n_media : s->n_media - n->n_lines);
		if (r == 0)
			r = reserve(n, s, &v);
		if (r < 0)
			snprintf(ret_error, SDP_ERROR_MAX,
				"There is no memory for the offer.");
	}
	if (r == 0) {
		negotiation_rollback(n);
		offer_apply(n, s, &v);
		remote_keep(n, &remote, role);
		*ret = remote;
	}
	words_done(&v, s);
	sdp_free(s);
	return r;
}

static void answer_line(struct negotiation *n, struct line *l,
	const struct sdp_media *m, unsigned i, bool accepted, char **words)
{
	const bool send = l->offered_send, recv = l->offered_recv;

	if (l->t.line < 0) {
		for (unsigned j = 0; j < n->n_slots; j++)
			if (n->slot[j] == l)
				n->slot_of_line[i] = (uint16_t)j;
		l->t.line = (int)i;
	}
	l->offered = l->offered_send = l->offered_recv = false;
	line_note_said(l);
	words_take(l, m, words);
	if (!accepted) {
		line_reject(l);
		return;
	}
	l->t.receiving = recv && direction_sends(m->direction);
	line_take(n, l, m);
	/* Where we offered nothing the answer says nothing of what it would
	 * have taken. */
	if (send)
		l->t.peer_receives = direction_receives(m->direction);
	l->t.sending = send && l->t.peer_receives;
	/* Given up while the offer was out: the peer has yet to hear of it. */
	l->t.cooling = l->t.sending && !l->t.want_send;
	if (kind_is_rtp(m->kind))
		line_agree(n, l, false, true);
	else
		l->t.n_codecs = 0;
}

static void answer_apply(
	struct negotiation *n, const struct sdp *s, struct verdict *v)
{
	unsigned first_new = n->n_lines;
	struct line *l;

	repairs_forget(n, s, v);
	if (v->master >= 0)
		n->bundle = s->n_bundle > 0;
	for (unsigned i = 0; i < s->n_media; i++) {
		/* Those before have left the planned ones by now. */
		l = i < first_new ? negotiation_line(n, i)
				  : negotiation_offered_line(n, n->n_lines);
		if (i >= first_new)
			n->n_lines++;
		answer_line(n, l, &s->media[i], i, v->accept[i], &v->words[i]);
	}
	n->state = NEGOTIATE_STABLE;
}

int negotiation_remote_answer(struct negotiation *n, const char *text,
	size_t len, struct negotiate_remote *ret, char ret_error[SDP_ERROR_MAX])
{
	struct negotiate_remote remote;
	enum sdp_setup role;
	struct verdict v;
	struct sdp *s;
	int r;

	if (n->state != NEGOTIATE_HAVE_LOCAL) {
		snprintf(ret_error, SDP_ERROR_MAX, "No offer is out.");
		return -EALREADY;
	}
	r = sdp_parse(text, len, &s, ret_error);
	if (r < 0)
		return r;
	transport_judge(n, s, &v);
	r = check_answer(n, s, &v, ret_error);
	if (r == 0)
		r = transport_read(n, s, &v, true, &remote, &role, ret_error);
	if (r == 0) {
		r = reserve(n, s, &v);
		if (r < 0)
			snprintf(ret_error, SDP_ERROR_MAX,
				"There is no memory for the answer.");
	}
	if (r == 0) {
		answer_apply(n, s, &v);
		remote_keep(n, &remote, role);
		*ret = remote;
	}
	words_done(&v, s);
	sdp_free(s);
	return r;
}
