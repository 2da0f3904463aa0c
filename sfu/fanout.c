#include "sfu/fanout.h"
#include <stdlib.h>
#include "sfu/participant.h"

struct waiting {
	struct track *track; /* NULL: forwarded */
	struct track_packet packet;
};

struct fanout {
	unsigned n;
	struct waiting v[FANOUT_PACKETS];
};

struct fanout *fanout_new(void)
{
	return calloc(1, sizeof(struct fanout));
}

struct fanout *fanout_free(struct fanout *f)
{
	free(f);
	return NULL;
}

unsigned fanout_count(const struct fanout *f)
{
	return f ? f->n : 0;
}

void fanout_add(struct fanout *f, uint64_t now_us, struct track *t,
	const struct track_packet *p, struct outbox *out)
{
	if (f->n == FANOUT_PACKETS)
		fanout_run(f, now_us, out);
	f->v[f->n].track = t;
	f->v[f->n++].packet = *p;
}

static unsigned take_track(struct fanout *f, unsigned first,
	const struct track_packet *ret[FANOUT_PACKETS])
{
	const struct track *t = f->v[first].track;
	unsigned n = 0;
	for (unsigned i = first; i < f->n; i++) {
		if (f->v[i].track != t)
			continue;
		ret[n++] = &f->v[i].packet;
		f->v[i].track = NULL;
	}
	return n;
}

static void note_keys(
	struct track *t, const struct track_packet *const *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i]->key)
			encoding_keyframe_seen(t->encoding[v[i]->encoding]);
}

static void fetch(const void *from, const void *to)
{
	for (const char *at = from; at < (const char *)to; at += 64)
		__builtin_prefetch(at, 1);
}

static void fetch_subscription(const struct subscription *s)
{
	fetch(s, &s->rewrite.drop);
	fetch(&s->send, &s->send.fraction_lost);
}

static void fetch_receiver(const struct participant *to)
{
	fetch(&to->stats.rtx_out, &to->peer.ice.pair[1]);
}

/* Each receiver's state lies by itself, and by the time of the next burst it
 * has left the cache. While one is served that of those behind it is on its
 * way, one pointer nearer each time. */
static void look_ahead(const struct track *t, unsigned i)
{
	const struct participant *to;
	if (i + 3 < t->n_subs)
		fetch_subscription(t->sub[i + 3]);
	if (i + 2 < t->n_subs)
		fetch_receiver(t->sub[i + 2]->to);
	to = i + 1 < t->n_subs ? t->sub[i + 1]->to : NULL;
	if (to && to->peer.crypt)
		__builtin_prefetch(to->peer.crypt);
	if (t->sub[i]->to->peer.crypt)
		crypt_fetch(t->sub[i]->to->peer.crypt);
}

static void forward_track(struct track *t, uint64_t now_us,
	const struct track_packet *const *v, unsigned n, struct outbox *out)
{
	bool unmet = false;
	/* Who asked before these packets has its key frame now. */
	note_keys(t, v, n);
	for (unsigned i = 0; i < t->n_subs; i++) {
		look_ahead(t, i);
		outbox_make_room(out, n);
		unmet |= subscription_forward(t->sub[i], now_us, v, n);
	}
	if (unmet)
		encoding_want_keyframe(t->encoding[0], now_us);
	uint64_t at = track_keyframe_deadline(t);
	if (at != UINT64_MAX)
		participant_due(t->owner, at);
}

void fanout_run(struct fanout *f, uint64_t now_us, struct outbox *out)
{
	const struct track_packet *v[FANOUT_PACKETS];
	if (!f || !f->n)
		return;
	for (unsigned i = 0; i < f->n; i++) {
		struct track *t = f->v[i].track;
		if (!t)
			continue;
		unsigned n = take_track(f, i, v);
		forward_track(t, now_us, v, n, out);
	}
	f->n = 0;
}
