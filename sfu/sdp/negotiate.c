#include "sfu/sdp/negotiate.h"

#include <stdio.h>
#include <stdlib.h>

#include "sfu/sdp/negotiation.h"

struct negotiation *negotiation_new(
	const char *const *codecs, uint64_t session_id, unsigned media_max)
{
	struct negotiation *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	for (unsigned i = 0; codecs[i] && i < NEGOTIATION_ACCEPTED_MAX; i++) {
		snprintf(n->accepted_text[i], sizeof(n->accepted_text[i]), "%s",
			codecs[i]);
		n->accepted[i] = n->accepted_text[i];
	}
	n->session_id = session_id;
	n->media_max = media_max < SDP_MEDIA_MAX ? media_max : SDP_MEDIA_MAX;
	n->may_listen = n->may_publish = true;
	return n;
}

void negotiation_set_features(
	struct negotiation *n, const struct negotiate_features *features)
{
	n->features = *features;
}

struct negotiation *negotiation_free(struct negotiation *n)
{
	if (!n)
		return NULL;
	for (unsigned i = 0; i < n->slots_size; i++)
		line_free(n->slot[i]);
	free(n->slot);
	for (unsigned k = 0; k < 2; k++)
		codec_table_done(&n->table[k]);
	free(n);
	return NULL;
}

enum negotiate_state negotiation_state(const struct negotiation *n)
{
	return n->state;
}

unsigned negotiation_count(const struct negotiation *n)
{
	return n->n_slots;
}

const struct transceiver *negotiation_at(
	const struct negotiation *n, unsigned index)
{
	return index < n->n_slots ? &n->slot[index]->t : NULL;
}

uint8_t negotiation_ext(const struct negotiation *n, enum negotiate_ext ext)
{
	return n->ext_agreed >> ext & 1 ? n->ext.id[ext] : 0;
}

enum sdp_setup negotiation_role(const struct negotiation *n)
{
	return n->role;
}

bool negotiation_needed(const struct negotiation *n)
{
	for (unsigned i = 0; i < n->n_slots; i++) {
		const struct line *l = n->slot[i];

		if (l->t.sending ? !l->t.want_send : line_can_send(n, l))
			return true;
		/* Where it receives as well the peer has said all it takes. */
		if (l->t.sending && !l->t.receiving && l->from &&
			l->from->codecs_revision != l->said_revision &&
			(line_wanted(n, l) & ~l->said))
			return true;
	}
	return false;
}

void negotiation_rollback(struct negotiation *n)
{
	if (n->state != NEGOTIATE_HAVE_LOCAL)
		return;
	for (unsigned i = 0; i < n->n_slots; i++) {
		struct line *l = n->slot[i];

		l->offered = l->offered_send = l->offered_recv = false;
		/* The peer never saw it: nothing to wait for. */
		l->t.cooling = l->t.cooling && l->t.sending;
		if (l->t.line < 0)
			l->t.mid[0] = '\0';
	}
	n->state = NEGOTIATE_STABLE;
}

static bool mid_is_taken(const struct negotiation *n, const char *mid)
{
	for (unsigned i = 0; i < n->n_slots; i++) {
		const char *other = n->slot[i]->t.mid;
		unsigned j = 0;

		while (mid[j] && mid[j] == other[j])
			j++;
		if (mid[j] == other[j])
			return true;
	}
	return false;
}

/* mids count on over rollbacks, so that no number ever means two m-lines. */
static void offer_plan(struct negotiation *n)
{
	char mid[16];

	for (unsigned i = 0; i < n->n_slots; i++) {
		struct line *l = n->slot[i];

		if (l->t.line >= 0 || !line_can_send(n, l))
			continue;
		do
			snprintf(mid, sizeof(mid), "h%u", n->next_mid++);
		while (mid_is_taken(n, mid));
		snprintf(l->t.mid, sizeof(l->t.mid), "%s", mid);
		l->kind_text = l->t.kind == SDP_AUDIO ? "audio" : "video";
		l->protocol = n->plain ? "RTP/AVPF" : "UDP/TLS/RTP/SAVPF";
		l->offered = l->ours = true;
	}
}

static void offer_unplan(struct negotiation *n)
{
	for (unsigned i = 0; i < n->n_slots; i++) {
		struct line *l = n->slot[i];

		if (l->t.line >= 0)
			continue;
		l->offered = false;
		l->t.mid[0] = '\0';
	}
}

/* Nothing new comes to the tables by what we say. */
static const unsigned none[2];

char *negotiation_offer(
	struct negotiation *n, const struct negotiate_local *local)
{
	char *text;

	if (n->state != NEGOTIATE_STABLE || slots_reserve_codecs(n, none) < 0)
		return NULL;
	offer_plan(n);
	n->version++;
	text = print_description(n, local, true);
	if (!text) {
		offer_unplan(n);
		return NULL;
	}
	for (unsigned i = 0; i < n->n_slots; i++) {
		struct line *l = n->slot[i];

		if (l->t.rejected || (l->t.line < 0 && !l->offered))
			continue;
		l->offered = true;
		l->offered_send = line_can_send(n, l);
		l->offered_recv = l->t.receiving;
		line_note_offered(n, l);
	}
	n->state = NEGOTIATE_HAVE_LOCAL;
	if (n->plain)
		plain_settle(n);
	return text;
}

static void answer_commit(struct negotiation *n, struct line *l)
{
	bool send = line_can_send(n, l);

	line_agree(n, l, send, l->t.receiving);
	l->t.sending = send;
	line_note_offered(n, l);
	line_note_said(l);
	/* What our answer leaves out the peer knows to be gone. */
	l->t.cooling = false;
}

char *negotiation_answer(
	struct negotiation *n, const struct negotiate_local *local)
{
	char *text;

	if (n->state != NEGOTIATE_HAVE_REMOTE ||
		slots_reserve_codecs(n, none) < 0)
		return NULL;
	n->version++;
	text = print_description(n, local, false);
	if (!text)
		return NULL;
	for (unsigned i = 0; i < n->n_lines; i++) {
		struct line *l = negotiation_line(n, i);

		if (!l->t.rejected && kind_is_rtp(l->t.kind))
			answer_commit(n, l);
	}
	n->state = NEGOTIATE_STABLE;
	return text;
}
