#include "sfu/track.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int track_new(struct track **ret, struct participant *owner,
	unsigned transceiver, enum sdp_kind kind, unsigned history)
{
	struct track *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->history = history_new(history);
	if (!t->history) {
		free(t);
		return -ENOMEM;
	}
	t->owner = owner;
	t->transceiver = transceiver;
	t->kind = kind;
	*ret = t;
	return 0;
}

struct track *track_free(struct track *t)
{
	if (!t)
		return NULL;
	history_free(t->history);
	free(t->sub);
	free(t);
	return NULL;
}

void track_set_codecs(struct track *t, const struct transceiver *tr)
{
	memset(t->codec_of_pt, 0, sizeof(t->codec_of_pt));
	t->fir = false;
	for (unsigned i = 0; i < tr->n_codecs; i++) {
		const struct negotiate_codec *c = tr->codec[i];
		t->codec_of_pt[c->pt & 127] = codec_find(c->name);
		if (c->fir && !c->pli)
			t->fir = true;
	}
}

void track_set_ssrc(
	struct track *t, uint32_t ssrc, uint32_t clock_hz, bool nack)
{
	/* receive's numbers begin above 65535, so that these are above all that
	 * the source before had. */
	if (t->started)
		t->seq_base += t->receive.highest;
	t->ssrc = ssrc;
	t->started = true;
	receive_init(&t->receive, ssrc, clock_hz, nack);
}

int track_attach(struct track *t, struct subscription *s)
{
	if (t->n_subs == t->cap_subs) {
		unsigned cap = t->cap_subs ? t->cap_subs * 2 : 8;
		void *v = realloc(t->sub, cap * sizeof(*t->sub));
		if (!v)
			return -ENOMEM;
		t->sub = v;
		t->cap_subs = cap;
	}
	t->sub[t->n_subs++] = s;
	return 0;
}

void track_detach(struct track *t, struct subscription *s)
{
	for (unsigned i = 0; i < t->n_subs; i++) {
		if (t->sub[i] == s) {
			t->sub[i] = t->sub[--t->n_subs];
			return;
		}
	}
}

void track_want_keyframe(struct track *t, uint64_t now_us)
{
	if (t->kind == SDP_VIDEO && !t->pli_wanted_us)
		t->pli_wanted_us = now_us ? now_us : 1;
}

uint64_t track_keyframe_deadline(const struct track *t)
{
	if (!t->pli_wanted_us || !t->started)
		return UINT64_MAX;
	/* Before the first one there is nothing to hold back. */
	if (!t->pli_us)
		return t->pli_wanted_us;
	/* A wish made after the last request waits out the throttle; one that
	 * the last request has not met is asked again later. */
	uint64_t gap = t->pli_wanted_us > t->pli_us ? TRACK_PLI_US
						    : TRACK_PLI_RETRY_US;
	return t->pli_us + gap;
}

bool track_keyframe_due(struct track *t, uint64_t now_us)
{
	if (track_keyframe_deadline(t) > now_us)
		return false;
	t->pli_us = now_us;
	return true;
}

void track_keyframe_seen(struct track *t)
{
	t->pli_wanted_us = 0;
}
