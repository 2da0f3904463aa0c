#include "record/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Times at which the layout may change, ascending, multiples of a frame. */
struct cuts {
	int64_t *at;
	size_t n;
};

static int64_t to_frame(int64_t ms)
{
	return (ms + PLAN_FRAME_MS / 2) / PLAN_FRAME_MS * PLAN_FRAME_MS;
}

static int64_t end_of(const struct plan_input *in)
{
	return (in->duration_ms + PLAN_FRAME_MS - 1) / PLAN_FRAME_MS *
	       PLAN_FRAME_MS;
}

static void cut(struct cuts *c, int64_t ms)
{
	c->at[c->n++] = to_frame(ms);
}

static void cut_span(struct cuts *c, const struct plan_span *s)
{
	cut(c, s->from_ms);
	cut(c, s->to_ms);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Keeps those that are far enough from the last one kept and from both ends. */
static void thin(struct cuts *c, int64_t end)
{
	int64_t last = 0;
	size_t kept = 0;

	qsort(c->at, c->n, sizeof(*c->at), compare);
	for (size_t i = 0; i < c->n; i++) {
		if (c->at[i] < last + PLAN_SHORTEST_MS ||
			c->at[i] > end - PLAN_SHORTEST_MS)
			continue;
		last = c->at[kept++] = c->at[i];
	}
	c->n = kept;
}

static int find_cuts(const struct plan_input *in, const struct plan_turn *turns,
	unsigned n_turns, struct cuts *ret)
{
	size_t room = n_turns + 1u;

	for (unsigned i = 0; i < in->n_people; i++)
		room += 2u * in->people[i].n_present;
	for (unsigned i = 0; i < in->n_files; i++)
		room += 3u + 2u * in->files[i].n_muted;
	ret->n = 0;
	ret->at = calloc(room, sizeof(*ret->at));
	if (!ret->at)
		return -ENOMEM;
	for (unsigned i = 0; i < in->n_people; i++)
		for (unsigned j = 0; j < in->people[i].n_present; j++)
			cut_span(ret, &in->people[i].present[j]);
	for (unsigned i = 0; i < in->n_files; i++) {
		const struct plan_file *f = &in->files[i];

		if (!f->video)
			continue;
		cut(ret, f->from_ms);
		cut(ret, f->video_from_ms);
		cut(ret, f->to_ms);
		for (unsigned j = 0; j < f->n_muted; j++)
			cut_span(ret, &f->muted[j]);
	}
	for (unsigned i = 0; i < n_turns; i++)
		cut(ret, turns[i].at_ms);
	thin(ret, end_of(in));
	return 0;
}

static bool same(const struct plan_scene *a, const struct plan_scene *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct plan_tile *x = &a->tile[i], *y = &b->tile[i];

		if (x->person != y->person || x->file != y->file ||
			x->more != y->more || x->large != y->large ||
			memcmp(&x->box, &y->box, sizeof(x->box)) != 0)
			return false;
	}
	return true;
}

struct making {
	const struct plan_input *in;
	enum plan_view view;
	struct plan_turn *turns;
	unsigned n_turns;
	struct plan_tile *scratch;
	struct cuts cuts;
};

static void make_scenes(const struct making *m, struct plan *ret)
{
	int64_t from = 0;

	for (size_t i = 0; i <= m->cuts.n; i++) {
		struct plan_scene *s = &ret->scenes[ret->n];
		int64_t middle;

		s->from_ms = from;
		s->to_ms = i < m->cuts.n ? m->cuts.at[i] : end_of(m->in);
		from = s->to_ms;
		middle = s->from_ms + (s->to_ms - s->from_ms) / 2;
		plan_arrange(m->in, m->view,
			plan_turn_at(m->in, m->turns, m->n_turns, middle),
			middle, m->scratch, s);
		if (ret->n && same(s, s - 1))
			s[-1].to_ms = s->to_ms;
		else
			ret->n++;
	}
}

static int prepare(struct making *m)
{
	size_t tiles = (size_t)m->in->n_people + m->in->n_files + 1;

	m->turns = calloc(m->in->n_speakers + 1u, sizeof(*m->turns));
	m->scratch = calloc(tiles, sizeof(*m->scratch));
	if (!m->turns || !m->scratch)
		return -ENOMEM;
	if (m->view == PLAN_SPEAKER)
		m->n_turns = plan_turns(m->in, m->turns);
	return find_cuts(m->in, m->turns, m->n_turns, &m->cuts);
}

int plan_make(
	const struct plan_input *in, enum plan_view view, struct plan *ret)
{
	struct making m = { .in = in, .view = view };
	struct plan plan = { 0 };
	int err;

	if (in->duration_ms <= 0)
		return -EINVAL;
	err = prepare(&m);
	if (err == 0) {
		plan.scenes = calloc(m.cuts.n + 1, sizeof(*plan.scenes));
		err = plan.scenes ? 0 : -ENOMEM;
	}
	if (err == 0) {
		make_scenes(&m, &plan);
		*ret = plan;
	}
	free(m.turns);
	free(m.scratch);
	free(m.cuts.at);
	return err;
}

void plan_done(struct plan *p)
{
	free(p->scenes);
	memset(p, 0, sizeof(*p));
}

int64_t plan_best_ms(const struct plan *p)
{
	int64_t best = 0, length = 0;
	unsigned most = 0;

	for (unsigned i = 0; i < p->n; i++) {
		const struct plan_scene *s = &p->scenes[i];
		int64_t ms = s->to_ms - s->from_ms;
		unsigned pictures = 0;

		for (unsigned j = 0; j < s->n; j++)
			pictures += s->tile[j].file >= 0;
		if (pictures > most || (pictures == most && ms > length)) {
			most = pictures;
			length = ms;
			best = s->from_ms + ms / 2;
		}
	}
	return best;
}
