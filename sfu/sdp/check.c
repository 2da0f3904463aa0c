#include "sfu/sdp/negotiation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(char ret_error[SDP_ERROR_MAX], int error, const char *format,
	...) __attribute__((format(printf, 3, 4)));

static int refuse(
	char ret_error[SDP_ERROR_MAX], int error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(ret_error, SDP_ERROR_MAX, format, list);
	va_end(list);
	return error;
}

static int check_words(const struct sdp *s, char ret_error[SDP_ERROR_MAX])
{
	const struct transceiver *t;

	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];

		if (strlen(m->mid) >= sizeof(t->mid) ||
			strlen(m->kind_text) >= NEGOTIATION_WORD_MAX ||
			strlen(m->protocol) >= NEGOTIATION_WORD_MAX)
			return refuse(ret_error, -EINVAL,
				"A name in m-line %u is too long.", i);
		for (unsigned j = 0; *m->mid && j < i; j++)
			if (strcmp(s->media[j].mid, m->mid) == 0)
				return refuse(ret_error, -EINVAL,
					"Two m-lines have one mid.");
	}
	return 0;
}

static bool same_format(const struct sdp_codec *a, const struct sdp_codec *b)
{
	return strcasecmp(a->name, b->name) == 0 && a->clock_hz == b->clock_hz;
}

static bool is_ours(const struct negotiation *n, const struct sdp_codec *c,
	enum sdp_kind kind)
{
	struct negotiate_codec ignored;

	return codec_read(&ignored, c, kind, n->accepted) ||
	       repair_is_ours(c, &n->features);
}

/* What payload types mean on m-lines in use. */
struct meaning {
	const struct negotiate_codec *agreed[128];
	const char *repairs[128];          /* agreed, too: "rtx" or "red" */
	const struct sdp_codec *said[128]; /* by the description at hand */
	bool ours[128];
};

static void meaning_add(struct meaning *ret, const struct transceiver *t,
	const struct negotiate_codec *c)
{
	uint8_t rtx_pt = transceiver_rtx_pt(t, c);
	uint8_t red_pt = transceiver_red_pt(t, c);

	ret->agreed[c->pt] = c;
	if (rtx_pt)
		ret->repairs[rtx_pt] = "rtx";
	if (red_pt)
		ret->repairs[red_pt] = "red";
}

static void meaning_init(struct meaning *ret, const struct negotiation *n)
{
	*ret = (struct meaning){ .agreed = { NULL } };
	for (unsigned i = 0; i < n->n_lines; i++) {
		const struct line *l = negotiation_line(n, i);
		const struct codec_table *t;

		if (!kind_is_rtp(l->t.kind))
			continue;
		t = &n->table[l->t.kind];
		for (unsigned j = 0; j < t->n; j++)
			if (l->base >> j & 1)
				meaning_add(ret, &l->t, t->codec[j]);
	}
}

static bool meaning_fits(
	struct meaning *m, const struct sdp_codec *c, bool ours)
{
	const struct negotiate_codec *old = m->agreed[c->pt];
	const struct sdp_codec *said = m->said[c->pt];

	if (old && (strcasecmp(old->name, c->name) != 0 ||
			   old->clock_hz != c->clock_hz))
		return false;
	if (m->repairs[c->pt] && strcasecmp(m->repairs[c->pt], c->name) != 0)
		return false;
	if (said && (ours || m->ours[c->pt]) && !same_format(said, c))
		return false;
	m->said[c->pt] = c;
	m->ours[c->pt] |= ours;
	return true;
}

/* One payload type, one codec: in the BUNDLE (RFC 8843 section 9.1) and for the
 * life of the session (RFC 3264 section 8.3.2). */
static int check_codecs(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX])
{
	struct meaning meaning;

	meaning_init(&meaning, n);
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];

		for (unsigned j = 0; v->accept[i] && j < m->n_codecs; j++) {
			const struct sdp_codec *c = &m->codec[j];

			if (!meaning_fits(&meaning, c, is_ours(n, c, m->kind)))
				return refuse(ret_error, -EPROTO,
					"Payload type %u was remapped.", c->pt);
		}
	}
	return 0;
}

/* The same of extension ids (RFC 8285 section 5). */
static int check_exts(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX])
{
	struct ext_table seen = { { 0 }, { SDP_SENDRECV } };

	for (int e = 0; e < EXT_MAX; e++)
		seen.id[e] = n->ext_agreed >> e & 1 ? n->ext.id[e] : 0;
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];

		for (unsigned j = 0; v->accept[i] && j < m->n_ext; j++) {
			const struct sdp_extmap *x = &m->ext[j];
			enum negotiate_ext e = ext_by_uri(x->uri);
			enum negotiate_ext owner = ext_table_find(&seen, x->id);

			if ((owner != EXT_MAX && owner != e) ||
				(e != EXT_MAX && seen.id[e] &&
					seen.id[e] != x->id))
				return refuse(ret_error, -EPROTO,
					"Header extension id %u was remapped.",
					x->id);
			if (e != EXT_MAX)
				seen.id[e] = x->id;
		}
	}
	return 0;
}

static int check_line(const struct line *l, const struct sdp_media *m,
	unsigned i, char ret_error[SDP_ERROR_MAX])
{
	if (strcmp(l->kind_text, m->kind_text) != 0)
		return refuse(
			ret_error, -EPROTO, "m-line %u changed its kind.", i);
	if (strcmp(l->t.mid, m->mid) != 0 && (*m->mid || m->port))
		return refuse(
			ret_error, -EPROTO, "m-line %u changed its mid.", i);
	return 0;
}

/* m-lines are known by their number. */
static int check_places(const struct negotiation *n, const struct sdp *s,
	char ret_error[SDP_ERROR_MAX])
{
	int r;

	if (s->n_media < n->n_lines)
		return refuse(ret_error, -EPROTO,
			"The offer has %u m-lines, and there were %u.",
			s->n_media, n->n_lines);
	for (unsigned i = 0; i < n->n_lines; i++) {
		const struct line *l = negotiation_line(n, i);

		/* A rejected m-line may be recycled for anything (RFC 8829
		 * section 5.2.2). */
		if (l->t.rejected)
			continue;
		r = check_line(l, &s->media[i], i, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

int check_offer(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX])
{
	int r = n->plain ? plain_check(n, s, ret_error)
			 : check_places(n, s, ret_error);

	if (r == 0)
		r = check_words(s, ret_error);
	if (r == 0)
		r = check_codecs(n, s, v, ret_error);
	if (r == 0)
		r = check_exts(n, s, v, ret_error);
	return r;
}

unsigned negotiation_offered(const struct negotiation *n)
{
	unsigned count = n->n_lines;

	for (unsigned i = 0; i < n->n_slots; i++)
		if (n->slot[i]->t.line < 0 && n->slot[i]->offered)
			count++;
	return count;
}

struct line *negotiation_offered_line(const struct negotiation *n, unsigned i)
{
	unsigned next = n->n_lines;

	if (i < n->n_lines)
		return negotiation_line(n, i);
	for (unsigned j = 0; j < n->n_slots; j++)
		if (n->slot[j]->t.line < 0 && n->slot[j]->offered &&
			next++ == i)
			return n->slot[j];
	return NULL;
}

static int check_answer_line(const struct line *l, const struct sdp_media *m,
	unsigned i, bool accepted, char ret_error[SDP_ERROR_MAX])
{
	int r = 0;

	if (*m->mid)
		r = check_line(l, m, i, ret_error);
	else if (strcmp(l->kind_text, m->kind_text) != 0)
		r = refuse(
			ret_error, -EPROTO, "m-line %u changed its kind.", i);
	if (r == 0 && m->port && l->t.rejected)
		r = refuse(ret_error, -EPROTO, "m-line %u was rejected.", i);
	if (r == 0 && m->port && !accepted)
		r = refuse(ret_error, -EINVAL,
			"m-line %u lacks BUNDLE, rtcp-mux or an offered codec.",
			i);
	return r;
}

int check_answer(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX])
{
	unsigned count = negotiation_offered(n);
	int r;

	if (s->n_media != count)
		return refuse(ret_error, -EPROTO,
			"The answer has %u m-lines, the offer %u.", s->n_media,
			count);
	for (unsigned i = 0; i < count; i++) {
		r = check_answer_line(negotiation_offered_line(n, i),
			&s->media[i], i, v->accept[i], ret_error);
		if (r < 0)
			return r;
	}
	r = check_words(s, ret_error);
	if (r == 0)
		r = check_codecs(n, s, v, ret_error);
	if (r == 0)
		r = check_exts(n, s, v, ret_error);
	return r;
}
