#include "sfu/quality_tell.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/quality.h"

static bool can_be_told(const struct participant *p)
{
	return p->control_open && p->opt.renegotiate && !p->plain && !p->gone;
}

/* --- receivers ---------------------------------------------------------------
 */

static enum sfu_paused paused(const struct subscription *s)
{
	if (s->kind != SDP_VIDEO || !s->active || !s->track || s->switched)
		return SFU_NOT_PAUSED;
	switch ((enum allocate_why)s->share.why) {
	case ALLOCATE_PAUSED:
		return SFU_PAUSED_BANDWIDTH;
	case ALLOCATE_LAST_N:
		return SFU_PAUSED_LAST_N;
	case ALLOCATE_HIDDEN:
		return SFU_PAUSED_HIDDEN;
	default:
		return SFU_NOT_PAUSED;
	}
}

/* Counts it. FNV-1a over what is to be told; 0: nothing is. */
static uint64_t sum(struct participant *p, unsigned *ret_n)
{
	uint64_t h = 14695981039346656037u;
	unsigned n = 0;
	memset(p->paused, 0, sizeof(p->paused));
	for (unsigned i = 0; i < p->n_subs; i++) {
		enum sfu_paused why = paused(p->sub[i]);
		if (!why)
			continue;
		n++;
		p->paused[why]++;
		h = (h ^ (uint64_t)why) * 1099511628211u;
		for (const char *c = p->sub[i]->track->stream; *c; c++)
			h = (h ^ (uint8_t)*c) * 1099511628211u;
	}
	*ret_n = n < SFU_STREAMS_MAX ? n : SFU_STREAMS_MAX;
	if (!n)
		return 0;
	return h ? h : 1;
}

static void list(const struct participant *p, struct sfu_stream *v, unsigned n)
{
	for (unsigned i = 0, k = 0; i < p->n_subs && k < n; i++) {
		const struct track *t = p->sub[i]->track;
		enum sfu_paused why = paused(p->sub[i]);
		if (!why)
			continue;
		snprintf(v[k].id, sizeof(v[k].id), "%s", t->stream);
		snprintf(v[k].source, sizeof(v[k].source), "%s",
			t->source_stream);
		v[k].owner = t->owner->id;
		v[k].video = true;
		v[k++].paused = why;
	}
}

void quality_tell_paused(struct participant *p)
{
	unsigned n;
	uint64_t now = sum(p, &n);
	if (!can_be_told(p) || now == p->paused_told)
		return;
	struct sfu_stream *v = n ? calloc(n, sizeof(*v)) : NULL;
	/* Then with the next choice. */
	if (n && !v)
		return;
	list(p, v, n);
	p->paused_told = now;
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_PAUSED,
				       .participant = p->id,
				       .streams = v,
				       .n_streams = n });
	free(v);
}

/* --- publishers --------------------------------------------------------------
 */

static unsigned height_of(const struct track *t, unsigned encoding)
{
	const struct encoding *e = t->encoding[encoding];
	return e ? e->height : 0;
}

/* All up to the lowest that fills its tile: a worse link falls back on those
 * below. */
static unsigned seen_by(const struct subscription *s, unsigned n)
{
	const struct track *t = s->track;
	unsigned all = (1u << n) - 1, top = 0, bits = 0;
	if (!s->active || s->share.hidden ||
		(s->share.why == ALLOCATE_LAST_N && !s->switched))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned h = height_of(t, i);
		if (s->share.height && h >= s->share.height &&
			(!top || h < top))
			top = h;
	}
	if (!top)
		return all;
	for (unsigned i = 0; i < n; i++)
		if (height_of(t, i) && height_of(t, i) <= top)
			bits |= 1u << i;
	return bits;
}

static void tell(struct track *t, const struct transceiver *tr)
{
	struct participant *p = t->owner;
	struct sfu_stream stream = { .owner = p->id, .video = true };
	char rids[TRACK_ENCODINGS * (NEGOTIATE_RID_MAX + 1) + 1] = "";
	for (unsigned i = 0; i < tr->n_recv_rids; i++) {
		size_t at = strlen(rids);
		if (t->watched & 1u << i)
			snprintf(rids + at, sizeof(rids) - at, "%s%s",
				at ? ";" : "", tr->recv_rid[i]);
	}
	snprintf(stream.id, sizeof(stream.id), "%s", t->source_stream);
	snprintf(stream.source, sizeof(stream.source), "%s", t->source_stream);
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_WATCHED,
				       .participant = p->id,
				       .streams = &stream,
				       .n_streams = 1,
				       .text = rids });
}

void quality_tell_watched(struct track *t, uint64_t now_us)
{
	struct participant *p = t->owner;
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	unsigned n = tr->n_recv_rids;
	unsigned all = (1u << n) - 1, bits = 0;
	if (!t->simulcast || n < 2 || !can_be_told(p))
		return;
	for (unsigned i = 0; i < t->n_subs; i++)
		bits |= seen_by(t->sub[i], n);
	if (p->conference->others)
		bits = all;
	t->watched &= (uint8_t)all;
	if (bits == t->watched) {
		t->unwatched_us = 0;
		return;
	}
	if (!(bits & ~(unsigned)t->watched)) {
		if (!t->unwatched_us)
			t->unwatched_us = now_us;
		if (now_us - t->unwatched_us < QUALITY_UNWATCHED_US)
			return;
		t->watched = 0;
	}
	t->unwatched_us = 0;
	t->watched |= (uint8_t)bits;
	tell(t, tr);
}

void quality_tell_anew(struct participant *p, uint64_t now_us)
{
	p->paused_told = 0;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		p->track[i]->watched = UINT8_MAX;
		p->track[i]->unwatched_us = 0;
	}
	quality_changed(p, now_us);
}
