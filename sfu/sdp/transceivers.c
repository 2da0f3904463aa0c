#include "sfu/sdp/negotiation.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int slots_reserve(struct negotiation *n, unsigned more)
{
	unsigned need = n->n_slots + more, size = n->slots_size;
	struct line **slot;

	if (need > size) {
		size = need + 8;
		slot = realloc(n->slot, size * sizeof(struct line *));
		if (!slot)
			return -ENOMEM;
		memset(slot + n->slots_size, 0,
			(size - n->slots_size) * sizeof(struct line *));
		n->slot = slot;
		n->slots_size = size;
	}
	for (unsigned i = n->n_slots; i < need; i++) {
		if (n->slot[i])
			continue;
		n->slot[i] = calloc(1, sizeof(struct line));
		if (!n->slot[i])
			return -ENOMEM;
	}
	return 0;
}

struct line *slots_add(struct negotiation *n)
{
	struct line *l = n->slot[n->n_slots++];

	line_reset(l);
	return l;
}

int slots_reserve_codecs(struct negotiation *n, const unsigned more[2])
{
	for (unsigned i = 0; i < n->slots_size; i++) {
		struct line *l = n->slot[i];
		const struct negotiate_codec **codec;
		unsigned need = 0;

		if (!l)
			continue;
		/* What is new, or free again, may become of any kind. */
		for (unsigned k = 0; k < 2; k++)
			if ((i >= n->n_slots || l->t.rejected ||
				    l->t.kind == k) &&
				n->table[k].n + more[k] > need)
				need = n->table[k].n + more[k];
		need = need < NEGOTIATE_CODECS ? need : NEGOTIATE_CODECS;
		if (need <= l->room)
			continue;
		codec = realloc(l->t.codec, need * sizeof(*codec));
		if (!codec)
			return -ENOMEM;
		l->t.codec = codec;
		l->room = (uint8_t)need;
	}
	return 0;
}

static const char no_names[] = "";

/* Stream, track and cname of the send half are one block. */
static void names_free(struct line *l)
{
	if (l->t.send_stream != no_names)
		free((void *)(uintptr_t)l->t.send_stream);
}

void line_reset(struct line *l)
{
	free(l->words);
	names_free(l);
	*l = (struct line){ .t = { .line = -1,
				    .recv_stream = "",
				    .recv_track = "",
				    .send_stream = no_names,
				    .send_track = "",
				    .cname = "",
				    .codec = l->t.codec },
		.room = l->room,
		.kind_text = "",
		.protocol = "",
		.format = "0" };
}

void line_free(struct line *l)
{
	if (!l)
		return;
	free(l->words);
	names_free(l);
	free(l->t.codec);
	free(l);
}

/* A slot that was planned and given up before the peer heard of it. */
static bool line_is_vacant(const struct line *l)
{
	return l->t.line < 0 && !l->t.want_send && !l->offered;
}

int negotiation_defaults(struct negotiation *n, enum sdp_kind kind)
{
	struct codec_table *t = &n->table[kind];

	if (n->known[kind] || t->n || n->plain)
		return 0;
	if (codec_table_reserve(t, codec_defaults_count(kind, n->accepted)) < 0)
		return -ENOMEM;
	codec_defaults(
		&n->table[kind], kind, n->accepted, &n->features, n->pt_used);
	ext_defaults(&n->ext, kind, &n->features, n->ext_used);
	return 0;
}

/* Every codec the peer takes somewhere, or those of one m-line. */
static uint32_t line_mask(const struct negotiation *n, const struct line *l)
{
	if (l->t.line < 0 ||
		(n->state != NEGOTIATE_HAVE_REMOTE && !l->t.receiving))
		return UINT32_MAX;
	return l->base;
}

/* Of one kind, by index in the peer's table. */
static uint32_t codecs_from(const struct negotiation *n, enum sdp_kind kind,
	const struct transceiver *from)
{
	const struct codec_table *t = &n->table[kind];
	uint32_t mask = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (t->codec[i]->name[0] &&
			(!from || codec_in(t->codec[i], from->codec,
					  from->n_codecs)))
			mask |= 1u << i;
	return mask;
}

static bool codecs_fit(const struct negotiation *n, const struct line *l,
	const struct transceiver *from)
{
	return line_mask(n, l) & codecs_from(n, l->t.kind, from);
}

uint32_t line_wanted(const struct negotiation *n, const struct line *l)
{
	return kind_is_rtp(l->t.kind) && l->t.want_send
		       ? codecs_from(n, l->t.kind, l->from)
		       : 0;
}

bool line_can_send(const struct negotiation *n, const struct line *l)
{
	if (!l->t.want_send || l->t.rejected || !kind_is_rtp(l->t.kind))
		return false;
	if (l->t.line >= 0 && !l->t.peer_receives)
		return false;
	return codecs_fit(n, l, l->from);
}

unsigned line_codecs(const struct negotiation *n, const struct line *l,
	bool send, bool recv,
	const struct negotiate_codec *ret[NEGOTIATE_CODECS])
{
	const struct codec_table *t = &n->table[l->t.kind];
	const bool narrow = send && !recv;
	uint32_t mask = narrow ? line_mask(n, l) & line_wanted(n, l) : l->base;
	unsigned count = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct negotiate_codec *c = t->codec[i];

		if ((mask >> i & 1) && c->name[0])
			ret[count++] = c;
	}
	codec_sort(ret, count, l->t.kind, n->accepted);
	return count;
}

void line_agree(
	const struct negotiation *n, struct line *l, bool send, bool recv)
{
	const struct negotiate_codec *codec[NEGOTIATE_CODECS];
	unsigned count = line_codecs(n, l, send, recv, codec);
	size_t size = count * sizeof(*codec);

	assert(count <= l->room);
	if (count == l->t.n_codecs &&
		(count == 0 || memcmp(l->t.codec, codec, size) == 0))
		return;
	if (count)
		memcpy(l->t.codec, codec, size);
	l->t.n_codecs = (uint8_t)count;
	l->t.codecs_revision++;
}

void line_note_offered(const struct negotiation *n, struct line *l)
{
	l->offered_said = line_wanted(n, l);
	l->offered_revision = l->from ? l->from->codecs_revision : 0;
}

void line_note_said(struct line *l)
{
	l->said = l->offered_said;
	l->said_revision = l->offered_revision;
}

static bool half_is_free(const struct line *l, enum sdp_kind kind)
{
	const struct transceiver *t = &l->t;

	return t->kind == kind && t->line >= 0 && !t->rejected &&
	       t->peer_receives && !t->want_send && !t->sending &&
	       !t->cooling && !l->offered_send;
}

bool negotiation_is_rigid(const struct negotiation *n)
{
	return n->rigid && n->bundle;
}

static int slot_find_free(const struct negotiation *n, enum sdp_kind kind,
	const struct transceiver *from, bool may_grow)
{
	if (may_grow && negotiation_is_rigid(n))
		return -1;
	for (unsigned i = 0; i < n->n_slots; i++)
		if (half_is_free(n->slot[i], kind) &&
			codecs_fit(n, n->slot[i], from))
			return (int)i;
	return -1;
}

static int slot_plan(struct negotiation *n, enum sdp_kind kind)
{
	unsigned lines = n->n_lines, vacant = n->n_slots;
	struct line *l;

	for (unsigned i = n->n_slots; i-- > 0;) {
		l = n->slot[i];
		if (line_is_vacant(l))
			vacant = i;
		else if (l->t.line < 0)
			lines++;
	}
	/* A second m-line needs a peer that bundles. */
	if (lines >= n->media_max || (lines && n->have_remote && !n->bundle))
		return -ENOSPC;
	if (vacant == n->n_slots) {
		if (slots_reserve(n, 1) < 0)
			return -ENOMEM;
		slots_add(n);
	}
	l = n->slot[vacant];
	line_reset(l);
	l->t.kind = kind;
	return (int)vacant;
}

static bool id_is_printable(const char *id, size_t max)
{
	size_t len = strlen(id);

	if (len == 0 || len > max)
		return false;
	for (; *id; id++)
		if (*id <= ' ' || *id > '~')
			return false;
	return true;
}

static char *names_join(
	const char *stream, const char *track, const char *cname)
{
	size_t size = strlen(stream) + strlen(track) + strlen(cname) + 3;
	char *names = malloc(size);

	if (names)
		snprintf(names, size, "%s%c%s%c%s", stream, 0, track, 0, cname);
	return names;
}

static void names_give(struct line *l, char *names)
{
	names_free(l);
	l->t.send_stream = names;
	l->t.send_track = l->t.send_stream + strlen(l->t.send_stream) + 1;
	l->t.cname = l->t.send_track + strlen(l->t.send_track) + 1;
}

int negotiation_send(struct negotiation *n, enum sdp_kind kind,
	const char *stream, const char *track, const char *cname, uint32_t ssrc,
	const struct transceiver *from, bool may_grow)
{
	char *names;
	struct line *l;
	int index;

	if (!kind_is_rtp(kind) || !id_is_printable(cname, 63) ||
		!id_is_printable(stream, NEGOTIATE_ID_MAX) ||
		!id_is_printable(track, NEGOTIATE_ID_MAX))
		return -EINVAL;
	if (negotiation_defaults(n, kind) < 0)
		return -ENOMEM;
	if (!n->may_listen || !codecs_from(n, kind, from))
		return -EOPNOTSUPP;
	index = slot_find_free(n, kind, from, may_grow);
	if (index < 0 && !may_grow)
		return -EAGAIN;
	names = names_join(stream, track, cname);
	if (!names)
		return -ENOMEM;
	if (index < 0)
		index = slot_plan(n, kind);
	if (index < 0) {
		free(names);
		return index;
	}
	l = n->slot[index];
	names_give(l, names);
	l->from = from;
	l->t.want_send = true;
	l->t.send_ssrc = ssrc;
	l->t.send_rtx_ssrc = 0;
	return index;
}

void negotiation_send_rtx(
	struct negotiation *n, unsigned index, uint32_t rtx_ssrc)
{
	if (index < n->n_slots && n->slot[index]->t.want_send)
		n->slot[index]->t.send_rtx_ssrc = rtx_ssrc;
}

void negotiation_unsend(struct negotiation *n, unsigned index)
{
	struct line *l;

	if (index >= n->n_slots)
		return;
	l = n->slot[index];
	if (!l->t.want_send)
		return;
	l->t.want_send = false;
	l->t.cooling = l->t.sending || l->offered_send;
	l->from = NULL;
}
