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
	t->encoding[0] = encoding_new(kind == SDP_VIDEO, history);
	if (!t->encoding[0]) {
		free(t);
		return -ENOMEM;
	}
	t->history = history;
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
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		encoding_free(t->encoding[i]);
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

struct encoding *track_encoding(const struct track *t, uint32_t ssrc)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++) {
		struct encoding *e = t->encoding[i];
		if (e && e->started && e->ssrc == ssrc)
			return e;
	}
	return NULL;
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

void track_want_keyframes(struct track *t, uint64_t now_us)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->encoding[i])
			encoding_want_keyframe(t->encoding[i], now_us);
}

uint64_t track_keyframe_deadline(const struct track *t)
{
	uint64_t at = UINT64_MAX;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++) {
		uint64_t e = t->encoding[i] ? encoding_keyframe_deadline(
						      t->encoding[i])
					    : UINT64_MAX;
		at = e < at ? e : at;
	}
	return at;
}
