/* Peers without a transport of their own: m-lines by mid, and nobody who would
 * answer. */
#include "sfu/sdp/negotiation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void negotiation_make_plain(struct negotiation *n, bool listen, bool publish)
{
	n->plain = true;
	n->may_listen = listen;
	n->may_publish = publish;
	n->media_max = SDP_MEDIA_MAX;
}

/* The number of the m-line with that mid, or -1. */
static int line_by_mid(const struct negotiation *n, const char *mid)
{
	for (unsigned i = 0; i < n->n_lines; i++)
		if (strcmp(negotiation_line(n, i)->t.mid, mid) == 0)
			return (int)i;
	return -1;
}

static int refuse(char ret_error[SDP_ERROR_MAX], int error,
	const char *sentence, unsigned number)
{
	int n = snprintf(ret_error, SDP_ERROR_MAX, "m-line %u ", number);

	snprintf(ret_error + n, SDP_ERROR_MAX - (size_t)n, "%s", sentence);
	return error;
}

int plain_check(const struct negotiation *n, const struct sdp *s,
	char ret_error[SDP_ERROR_MAX])
{
	unsigned lines = n->n_lines;

	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];
		const struct line *l;
		int at = line_by_mid(n, m->mid);

		if (!*m->mid)
			return refuse(ret_error, -EINVAL,
				"has no a=mid; give it one.", i);
		if (at < 0) {
			if (lines++ >= n->media_max)
				return refuse(ret_error, -E2BIG,
					"is one too many.", i);
			continue;
		}
		l = negotiation_line(n, (unsigned)at);
		if (!l->t.rejected && strcmp(l->kind_text, m->kind_text) != 0)
			return refuse(ret_error, -EPROTO,
				"changed its kind; use another mid.", i);
	}
	return 0;
}

/* Where an m-line with a new mid goes: the place of one that is gone, or a new
 * one. */
static unsigned line_vacant(
	struct negotiation *n, const bool named[SDP_MEDIA_MAX])
{
	for (unsigned i = 0; i < n->n_lines; i++)
		if (negotiation_line(n, i)->t.rejected && !named[i])
			return i;
	n->slot_of_line[n->n_lines] = (uint16_t)n->n_slots;
	slots_add(n);
	return n->n_lines++;
}

void plain_apply(struct negotiation *n, const struct sdp *s, struct verdict *v)
{
	bool named[SDP_MEDIA_MAX] = { false };

	for (unsigned i = 0; i < s->n_media; i++) {
		int found = line_by_mid(n, s->media[i].mid);
		unsigned at =
			found < 0 ? line_vacant(n, named) : (unsigned)found;

		named[at] = true;
		offer_line(n, negotiation_line(n, at), &s->media[i], at,
			v->accept[i], &v->words[i]);
	}
	for (unsigned i = 0; i < n->n_lines; i++) {
		struct line *l = negotiation_line(n, i);

		if (!named[i] && !l->ours)
			line_reject(l);
	}
}

/* --- our offers --------------------------------------------------------------
 */

/* A planned m-line comes to be, with what was printed on it. */
static void line_settle_new(struct negotiation *n, unsigned slot)
{
	struct line *l = n->slot[slot];

	for (int e = 0; e < EXT_MAX; e++)
		if (line_has_ext(n, l, (enum negotiate_ext)e))
			l->exts |= 1u << e;
	l->t.peer_receives = true;
	l->t.line = (int)n->n_lines;
	n->slot_of_line[n->n_lines++] = (uint16_t)slot;
}

static void line_settle(struct negotiation *n, struct line *l)
{
	l->t.sending = l->offered_send;
	l->t.cooling = false;
	/* As an answer would have it: an m-line that only sends has the
	 * publisher's codecs alone. */
	if (l->offered_send && !l->offered_recv)
		l->base = line_wanted(n, l);
	line_note_said(l);
	line_agree(n, l, false, true);
	l->offered = l->offered_send = l->offered_recv = false;
}

void plain_settle(struct negotiation *n)
{
	for (unsigned i = 0; i < n->n_slots; i++)
		if (n->slot[i]->t.line < 0 && n->slot[i]->offered)
			line_settle_new(n, i);
	n->state = NEGOTIATE_STABLE;
	for (unsigned i = 0; i < n->n_lines; i++) {
		struct line *l = negotiation_line(n, i);

		if (l->offered && kind_is_rtp(l->t.kind))
			line_settle(n, l);
	}
}
