#include "sfu/allocate.h"
#include <assert.h>

enum rank { RANK_SPEAKER, RANK_SHOWN, RANK_REST };

enum {
	LOUDER = 6 << 8,       /* 6 dB, to take the place of one heard */
	MUCH_LOUDER = 12 << 8, /* the same, while that one is new */
	SPEAKER_FOURTHS = 3,
};

static const struct allocate_layer paused = { -1, -1 };

/* keep: what may be spent on what goes already; raise: on anything better.
 * Their distance is what keeps a noisy estimate from being seen. hold: for a
 * while, on the lowest layer of what goes already. */
struct budget {
	int64_t keep, raise; /* raise may fall below zero: there is no room */
	int64_t hold;
};

struct work {
	const struct allocate_config *cfg;
	struct allocate_sub *sub;
	uint16_t *order; /* audio first, then video, each sorted */
	unsigned n, n_audio;
	struct budget left;
	uint64_t now_us;
	struct allocate_result res;
};

uint32_t allocate_cost(
	const struct allocate_track *t, struct allocate_layer layer)
{
	if (layer.spatial < 0 || layer.temporal < 0 ||
		layer.spatial >= t->n_spatial ||
		layer.temporal >= t->n_temporal)
		return 0;
	return t->rate_bps[layer.spatial][layer.temporal];
}

static bool same(struct allocate_layer a, struct allocate_layer b)
{
	return a.spatial == b.spatial && a.temporal == b.temporal;
}

static bool better(struct allocate_layer a, struct allocate_layer b)
{
	if (a.spatial != b.spatial)
		return a.spatial > b.spatial;
	return a.temporal > b.temporal;
}

static bool audio(const struct allocate_sub *s)
{
	return s->track->kind == ALLOCATE_AUDIO;
}

/* The order of the videos, and the choice of the audios. */

static enum rank rank_of(const struct allocate_sub *s)
{
	if (s->track->speaker && s->track->kind != ALLOCATE_SCREEN)
		return RANK_SPEAKER;
	if (s->height || s->track->kind == ALLOCATE_SCREEN)
		return RANK_SHOWN;
	return RANK_REST;
}

static uint64_t heard_loudness(
	const struct work *w, const struct allocate_sub *s)
{
	uint64_t l = s->track->loudness;
	if (s->track->speaker)
		return UINT64_MAX;
	if (s->why != ALLOCATE_FULL)
		return l;
	return l + (w->now_us - s->fits_us < ALLOCATE_HEARD_US ? MUCH_LOUDER
							       : LOUDER);
}

/* Does a come before b? A total order: the index breaks ties. */
static bool audio_before(const struct work *w, unsigned a, unsigned b)
{
	uint64_t la = heard_loudness(w, &w->sub[a]);
	uint64_t lb = heard_loudness(w, &w->sub[b]);
	return la != lb ? la > lb : a < b;
}

static bool video_before(const struct work *w, unsigned a, unsigned b)
{
	const struct allocate_sub *x = &w->sub[a], *y = &w->sub[b];
	enum rank rx = rank_of(x), ry = rank_of(y);
	if (x->hidden != y->hidden)
		return y->hidden;
	if (rx != ry)
		return rx < ry;
	if (x->height != y->height)
		return x->height > y->height;
	if (x->track->kind != y->track->kind)
		return x->track->kind == ALLOCATE_SCREEN;
	if (x->track->spoke_us != y->track->spoke_us)
		return x->track->spoke_us > y->track->spoke_us;
	return a < b;
}

static bool before(const struct work *w, unsigned a, unsigned b)
{
	bool audio_a = audio(&w->sub[a]), audio_b = audio(&w->sub[b]);
	if (audio_a != audio_b)
		return audio_a;
	return audio_a ? audio_before(w, a, b) : video_before(w, a, b);
}

static void sift(const struct work *w, unsigned at, unsigned n)
{
	uint16_t *o = w->order;
	for (unsigned child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && before(w, o[child], o[child + 1]))
			child++;
		if (!before(w, o[at], o[child]))
			return;
		uint16_t swap = o[at];
		o[at] = o[child];
		o[child] = swap;
	}
}

/* A heap sort: libc's qsort may allocate. */
static void sort(const struct work *w)
{
	uint16_t *o = w->order;
	for (unsigned i = 0; i < w->n; i++)
		o[i] = (uint16_t)i;
	for (unsigned i = w->n / 2; i-- > 0;)
		sift(w, i, w->n);
	for (unsigned last = w->n; last-- > 1;) {
		uint16_t swap = o[0];
		o[0] = o[last];
		o[last] = swap;
		sift(w, 0, last);
	}
}

/* The layers of one subscription. */

/* The lowest encoding that fills the client's tile. */
static int top_spatial(const struct allocate_sub *s, unsigned height)
{
	const struct allocate_track *t = s->track;
	int top = t->n_spatial - 1;
	for (int i = 0; height && i < top; i++)
		if (t->height[i] >= height && t->rate_bps[i][0])
			return i;
	return top;
}

/* A camera's upper encodings are not worth having at a quarter of the frames,
 * unless there are no more; a screen's are. */
static bool worth(const struct allocate_track *t, int spatial, int temporal)
{
	if (!t->rate_bps[spatial][temporal])
		return false;
	if (t->kind == ALLOCATE_SCREEN || spatial == 0 ||
		temporal >= t->n_temporal / 2)
		return true;
	for (int te = temporal + 1; te < t->n_temporal; te++)
		if (t->rate_bps[spatial][te])
			return false;
	return true;
}

/* The best layer of at most `height` lines (0: any) that costs no more. */
static struct allocate_layer fit(
	const struct allocate_sub *s, unsigned height, int64_t bps)
{
	const struct allocate_track *t = s->track;
	for (int sp = top_spatial(s, height); sp >= 0; sp--)
		for (int te = t->n_temporal - 1; te >= 0; te--)
			if (worth(t, sp, te) && t->rate_bps[sp][te] <= bps)
				return (struct allocate_layer){ (int8_t)sp,
					(int8_t)te };
	return paused;
}

static struct allocate_layer wanted(const struct allocate_sub *s)
{
	return fit(s, s->height, INT64_MAX);
}

/* The cheapest: there need not be a lowest encoding, nor need it be cheap. */
static uint32_t least_cost(const struct allocate_sub *s)
{
	const struct allocate_track *t = s->track;
	uint32_t least = 0;
	for (int sp = top_spatial(s, s->height); sp >= 0; sp--)
		for (int te = 0; te < t->n_temporal; te++) {
			uint32_t cost = t->rate_bps[sp][te];
			if (worth(t, sp, te) && (!least || cost < least))
				least = cost;
		}
	return least;
}

static void take(struct budget *b, int64_t bps)
{
	b->keep -= bps;
	b->raise -= bps;
	b->hold -= bps;
}

/* True for so long from the first call with *since_us 0 on; the end is a
 * deadline. */
static bool lasts(struct work *w, uint64_t *since_us, uint64_t for_us)
{
	if (!*since_us)
		*since_us = w->now_us;
	uint64_t end = *since_us + for_us;
	if (w->now_us >= end)
		return false;
	if (end < w->res.deadline_us)
		w->res.deadline_us = end;
	return true;
}

/* Nobody but the network stands between it and more: that takes time. */
static bool must_wait(struct work *w, struct allocate_sub *s)
{
	if (s->why != ALLOCATE_LIMITED && s->why != ALLOCATE_PAUSED)
		return false;
	if (rank_of(s) < (enum rank)s->rank)
		return false;
	return lasts(w, &s->fits_us, ALLOCATE_UP_US);
}

/* It goes, and does not fit in what it may keep: it may go on for a while. */
static bool may_hold(struct work *w, struct allocate_sub *s, int64_t bps)
{
	return least_cost(s) <= bps && lasts(w, &s->unfit_us, ALLOCATE_HOLD_US);
}

/* What it has now, of what is wanted of it. */
static struct allocate_layer present(const struct allocate_sub *s)
{
	struct allocate_layer most = wanted(s);
	return better(s->target, most) ? most : s->target;
}

/* The same, as far as that may go on. */
static struct allocate_layer kept(const struct allocate_sub *s, int64_t bps)
{
	struct allocate_layer l = present(s);
	uint32_t cost = allocate_cost(s->track, l);
	return cost && cost <= bps ? l : paused;
}

/* Fewer pictures of the size it has: at any time to be had, where another size
 * begins with a key frame, which makes all that is published cost more for a
 * moment. */
static struct allocate_layer thinned(
	const struct allocate_sub *s, const struct budget *b)
{
	struct allocate_layer l = present(s);
	while (l.temporal > 0 && allocate_cost(s->track, l) > b->raise)
		l.temporal--;
	uint32_t cost = allocate_cost(s->track, l);
	return cost && cost <= b->keep ? l : paused;
}

static bool is_thin(const struct allocate_sub *s, struct allocate_layer l)
{
	return l.spatial >= 0 && !worth(s->track, l.spatial, l.temporal);
}

/* Not for long are too few of them better than a smaller size. */
static bool may_thin(
	struct work *w, struct allocate_sub *s, struct allocate_layer layer)
{
	return !is_thin(s, layer) || lasts(w, &s->thin_us, ALLOCATE_THIN_US);
}

static struct allocate_layer pick(
	struct work *w, struct allocate_sub *s, const struct budget *b)
{
	struct allocate_layer now = kept(s, b->keep);
	struct allocate_layer up = fit(s, s->height, b->raise);
	if (s->target.spatial >= 0 && now.spatial < 0)
		now = thinned(s, b);
	if (!may_thin(w, s, now))
		now = paused;
	/* It has to go down: with some room, rather than step by step. */
	if (s->target.spatial >= 0 && now.spatial < 0) {
		s->fits_us = 0;
		if (up.spatial < 0)
			up = fit(s, s->height, b->keep);
		if (up.spatial < 0 && may_hold(w, s, b->hold))
			return fit(s, s->height, least_cost(s));
		return up;
	}
	s->unfit_us = 0;
	if (!better(up, now)) {
		s->fits_us = 0;
		return now;
	}
	if (must_wait(w, s))
		return now;
	s->fits_us = 0;
	return up;
}

static void settle(
	struct work *w, struct allocate_sub *s, struct allocate_layer layer)
{
	if (!same(s->target, layer))
		w->res.changed++;
	s->target = layer;
	s->rank = (uint8_t)rank_of(s);
	if (!is_thin(s, layer))
		s->thin_us = 0;
	if (same(layer, wanted(s)))
		s->why = ALLOCATE_FULL;
	else
		s->why = layer.spatial < 0 ? ALLOCATE_PAUSED : ALLOCATE_LIMITED;
	w->res.video_bps += allocate_cost(s->track, layer);
}

static void leave_out(
	struct work *w, struct allocate_sub *s, enum allocate_why why)
{
	if (s->target.spatial >= 0)
		w->res.changed++;
	s->target = paused;
	s->why = why;
	s->rank = (uint8_t)rank_of(s);
	s->fits_us = s->thin_us = 0;
}

/* The steps. */

static void choose_audio(struct work *w)
{
	const struct allocate_layer all = { 0, 0 };
	unsigned most = w->cfg->loudest_n;
	for (unsigned i = 0; i < w->n_audio; i++) {
		struct allocate_sub *s = &w->sub[w->order[i]];
		if (most && i >= most) {
			leave_out(w, s, ALLOCATE_LAST_N);
			continue;
		}
		w->res.audio_bps += allocate_cost(s->track, all);
		if (same(s->target, all) && s->why == ALLOCATE_FULL)
			continue;
		w->res.changed += !same(s->target, all);
		s->target = all;
		s->why = ALLOCATE_FULL;
		s->fits_us = w->now_us; /* heard since then */
	}
}

/* Moves the videos that may be seen to the front of their part of the order;
 * returns how many. */
static unsigned choose_videos(struct work *w)
{
	uint16_t *o = w->order + w->n_audio;
	unsigned most = w->cfg->last_n, seen = 0;
	for (unsigned i = 0; i < w->n - w->n_audio; i++) {
		struct allocate_sub *s = &w->sub[o[i]];
		if (s->hidden)
			leave_out(w, s, ALLOCATE_HIDDEN);
		else if (wanted(s).spatial < 0)
			leave_out(w, s, ALLOCATE_NOTHING);
		else if (most && seen >= most)
			leave_out(w, s, ALLOCATE_LAST_N);
		else
			o[seen++] = o[i];
	}
	return seen;
}

static int64_t want_of(const struct work *w, unsigned seen)
{
	int64_t sum = 0;
	for (unsigned i = 0; i < seen; i++) {
		const struct allocate_sub *s =
			&w->sub[w->order[w->n_audio + i]];
		sum += allocate_cost(s->track, wanted(s));
	}
	return sum;
}

/* The most that a layer of at most `height` lines costs, within bps. */
static int64_t dearest(
	const struct allocate_sub *s, unsigned height, int64_t bps)
{
	const struct allocate_track *t = s->track;
	int64_t most = 0;
	for (int sp = top_spatial(s, height); sp >= 0; sp--)
		for (int te = 0; te < t->n_temporal; te++) {
			int64_t cost = t->rate_bps[sp][te];
			if (worth(t, sp, te) && cost <= bps && cost > most)
				most = cost;
		}
	return most;
}

/* How much of `bps` the speaker may have. Grows with bps, so that more
 * bandwidth never means less of the speaker. */
static int64_t share(const struct allocate_sub *s, int64_t bps, int64_t others)
{
	unsigned lines = s->height && s->height < ALLOCATE_ENOUGH
				 ? s->height
				 : ALLOCATE_ENOUGH;
	int64_t most = dearest(s, lines, bps);
	int64_t fourths = bps / 4 * SPEAKER_FOURTHS;
	if (fourths > most)
		most = fourths;
	return bps - others > most ? bps - others : most;
}

static unsigned serve_speaker(struct work *w, unsigned seen, int64_t others)
{
	unsigned i = 0;
	for (; i < seen; i++) {
		struct allocate_sub *s = &w->sub[w->order[w->n_audio + i]];
		if (rank_of(s) != RANK_SPEAKER)
			break;
		others -= allocate_cost(s->track, wanted(s));
		struct budget b = { share(s, w->left.keep, others),
			share(s, w->left.raise, others), w->left.hold };
		settle(w, s, pick(w, s, &b));
		take(&w->left, allocate_cost(s->track, s->target));
	}
	return i;
}

/* Whether its lowest layer is to be set aside. */
static bool has_room(struct work *w, struct allocate_sub *s)
{
	int64_t base = least_cost(s);
	if (s->target.spatial >= 0 && base > w->left.keep)
		return may_hold(w, s, w->left.hold);
	s->unfit_us = 0;
	return s->target.spatial >= 0 || base <= w->left.raise;
}

/* Sets the lowest layers of [from, seen) aside: of those that go now if they
 * fit, of the others if they fit with room to spare. What is set aside is noted
 * by moving its owner to the front; returns the end of those. */
static unsigned reserve(struct work *w, unsigned from, unsigned seen)
{
	uint16_t *o = w->order + w->n_audio;
	unsigned end = from;
	for (unsigned i = from; i < seen; i++) {
		struct allocate_sub *s = &w->sub[o[i]];
		uint32_t base = least_cost(s);
		bool goes = s->target.spatial >= 0;
		bool fits = has_room(w, s);
		if (fits && (goes || !must_wait(w, s))) {
			take(&w->left, base);
			o[end++] = o[i];
			continue;
		}
		if (!fits)
			s->fits_us = 0;
		settle(w, s, paused);
	}
	return end;
}

static void improve(struct work *w, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct allocate_sub *s = &w->sub[w->order[w->n_audio + i]];
		uint32_t base = least_cost(s);
		take(&w->left, -(int64_t)base);
		struct budget b = w->left;
		/* What was set aside is its own, whoever came after it. */
		if (b.raise < base)
			b.raise = base;
		settle(w, s, pick(w, s, &b));
		take(&w->left, allocate_cost(s->track, s->target));
	}
}

static int64_t beside(int64_t audio_bps, int64_t bps)
{
	return bps > audio_bps ? bps - audio_bps : 0;
}

static struct budget budget_of(
	uint64_t estimate_bps, uint64_t hold_bps, int64_t audio_bps)
{
	int64_t most = INT64_MAX / 2;
	if (estimate_bps > (uint64_t)most)
		return (struct budget){ most, most, most };
	int64_t all = (int64_t)estimate_bps;
	int64_t hold = all;
	if (hold_bps > estimate_bps && hold_bps < (uint64_t)most)
		hold = (int64_t)hold_bps;
	hold = hold / 100 * ALLOCATE_HOLD_PERCENT;
	return (struct budget){ beside(audio_bps, all),
		beside(audio_bps, all / 100 * (100 - ALLOCATE_MARGIN)),
		beside(audio_bps, hold) };
}

struct allocate_result allocate(const struct allocate_config *cfg,
	struct allocate_sub *sub, uint16_t *order, unsigned n,
	uint64_t estimate_bps, uint64_t now_us)
{
	assert(n <= ALLOCATE_MAX);
	struct work w = { .cfg = cfg,
		.sub = sub,
		.order = order,
		.n = n,
		.now_us = now_us,
		.res = { .deadline_us = UINT64_MAX } };
	/* The arrays need not be there then. */
	if (n == 0)
		return w.res;
	for (unsigned i = 0; i < n; i++) {
		w.n_audio += audio(&sub[i]);
		if (sub[i].why == ALLOCATE_NEW)
			sub[i].target = paused;
	}
	sort(&w);
	choose_audio(&w);
	unsigned seen = choose_videos(&w);
	int64_t want = want_of(&w, seen);
	w.res.wanted_bps = w.res.audio_bps + (uint64_t)want;
	w.left = budget_of(
		estimate_bps, cfg->hold_bps, (int64_t)w.res.audio_bps);
	unsigned served = serve_speaker(&w, seen, want);
	unsigned end = reserve(&w, served, seen);
	improve(&w, served, end);
	return w.res;
}
