#include "rtp/rewrite.h"

#include <string.h>

#include "rtp/seq.h"

enum {
	RUN_FIRST_MAX = 0x7fff0000, /* of rewrite_run.first */
	RUN_KEPT = 65536,
	RUN_COUNT_MAX = 0x7fffffff, /* that many bits */
};

void rewrite_init(struct rewrite *r, uint32_t clock_hz, uint16_t first_seq,
	uint32_t first_ts)
{
	memset(r, 0, sizeof(*r));
	r->clock_hz = clock_hz;
	/* seq.h: one circle up, so that nothing goes below zero. */
	r->out_highest = UINT64_C(65536) + first_seq - 1;
	r->out_ts = first_ts;
}

/* Wall time since the newest timestamp went out, in its units. */
static uint32_t ticks_since(const struct rewrite *r, uint64_t now_us)
{
	uint64_t us = now_us > r->out_time_us ? now_us - r->out_time_us : 0;
	uint64_t ticks = us / 1000000 * r->clock_hz +
			 us % 1000000 * r->clock_hz / 1000000;

	if (ticks < 1)
		return 1;
	/* Half the circle ahead would look like the past. */
	return ticks < INT32_MAX ? (uint32_t)ticks : INT32_MAX;
}

/* A new stretch whose first timestamp is so much after the last one sent. */
static void begin_stretch(
	struct rewrite *r, uint64_t in_seq, uint32_t in_ts, uint32_t ticks)
{
	uint32_t ts = r->out_ts;

	if (r->started)
		ts += ticks;
	r->started = true;
	r->out_base = r->out_highest + 1;
	r->in_floor = in_seq;
	r->in_next = in_seq;
	r->seq_offset = r->out_base - in_seq;
	r->ts_offset = ts - in_ts;
	r->hurry = 0;
	r->n_drops = 0;
}

void rewrite_switch(
	struct rewrite *r, uint64_t now_us, uint64_t in_seq, uint32_t in_ts)
{
	begin_stretch(r, in_seq, in_ts, ticks_since(r, now_us));
}

void rewrite_switch_at(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts, uint32_t out_ts)
{
	int64_t wall = ticks_since(r, now_us), second = r->clock_hz;
	int64_t ticks = (int32_t)(out_ts - r->out_ts);

	if (ticks < wall - second || ticks > wall + second)
		ticks = wall;
	begin_stretch(r, in_seq, in_ts, ticks < 1 ? 1 : (uint32_t)ticks);
}

void rewrite_hurry(struct rewrite *r, uint32_t in_ts, uint64_t in_last,
	uint32_t in_last_ts)
{
	int32_t span = (int32_t)(in_last_ts - in_ts);

	if (span <= 0)
		return;
	r->ts_offset -= (uint32_t)(span - span / REWRITE_HURRY);
	r->hurry_ts = in_last_ts;
	r->hurry = (uint32_t)(in_last + 1 - r->in_floor);
}

/* Of the past that hurries: as if it had come later than it did. */
static uint32_t hurried(const struct rewrite *r, uint32_t in_ts)
{
	int32_t back = (int32_t)(r->hurry_ts - in_ts);

	return back > 0 ? r->hurry_ts - (uint32_t)(back / REWRITE_HURRY)
			: in_ts;
}

static uint64_t run_first(const struct rewrite *r, const struct rewrite_run *d)
{
	return r->in_floor + d->first;
}

static bool run_has(
	const struct rewrite *r, const struct rewrite_run *d, uint64_t seq)
{
	uint64_t first = run_first(r, d);

	return seq >= first && seq - first < d->count;
}

/* False when in_seq was dropped. Newest first: nearly every packet is above all
 * drops and leaves at the first. */
static bool map_seq(const struct rewrite *r, uint64_t in_seq, uint64_t *ret)
{
	uint64_t offset = r->seq_offset;

	for (unsigned i = r->n_drops; i > 0; i--) {
		const struct rewrite_run *d = &r->drop[i - 1];

		if (run_has(r, d, in_seq))
			return false;
		if (in_seq > run_first(r, d))
			break;
		if (d->closed)
			offset += d->count;
	}
	*ret = in_seq + offset;
	return true;
}

static void note_sent(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint64_t out, uint32_t ts)
{
	/* All packets of a picture share its timestamp: the first counts. */
	if (ts != r->out_ts || out == r->out_base)
		r->out_time_us = now_us;
	r->out_ts = ts;
	r->out_highest = out;
	r->in_next = in_seq + 1;
}

bool rewrite_packet(struct rewrite *r, uint64_t now_us, uint64_t in_seq,
	uint32_t in_ts, uint16_t *ret_seq, uint32_t *ret_ts)
{
	uint64_t out;

	if (!r->started)
		rewrite_switch(r, now_us, in_seq, in_ts);
	if (in_seq < r->in_floor + r->hurry) {
		if (in_seq < r->in_floor)
			return false;
		in_ts = hurried(r, in_ts);
	}
	if (!map_seq(r, in_seq, &out))
		return false;
	if (in_seq >= r->in_next && out - r->out_highest > REWRITE_JUMP_MAX) {
		rewrite_switch(r, now_us, in_seq, in_ts);
		out = r->out_base;
	}
	if (in_seq >= r->in_next)
		note_sent(r, now_us, in_seq, out, in_ts + r->ts_offset);
	*ret_seq = (uint16_t)out;
	*ret_ts = in_ts + r->ts_offset;
	return true;
}

static void raise_floor(struct rewrite *r, uint64_t floor)
{
	uint64_t gone = floor - r->in_floor;

	r->hurry = r->hurry > gone ? r->hurry - (uint32_t)gone : 0;
	r->in_floor = floor;
}

/* Forgets the oldest run; what came before it cannot be mapped any longer. */
static void forget_oldest(struct rewrite *r)
{
	uint32_t gone = r->drop[0].first + r->drop[0].count;

	raise_floor(r, r->in_floor + gone);
	r->n_drops--;
	memmove(r->drop, r->drop + 1, r->n_drops * sizeof(r->drop[0]));
	for (unsigned i = 0; i < r->n_drops; i++)
		r->drop[i].first -= gone;
}

/* Makes room for a run that begins at seq. */
static void make_room(struct rewrite *r, uint64_t seq)
{
	while (r->n_drops && (r->n_drops == REWRITE_DROPS ||
				     seq > r->in_floor + RUN_FIRST_MAX))
		forget_oldest(r);
	/* Weeks into the stretch; what waits to be asked for again is younger.
	 */
	if (seq > r->in_floor + RUN_FIRST_MAX)
		raise_floor(r, seq - RUN_KEPT);
}

/* Joins the run at i with the one behind it when they touch. */
static void join_next(struct rewrite *r, unsigned i)
{
	struct rewrite_run *d = &r->drop[i];

	if (i + 1 >= r->n_drops || d->closed != d[1].closed ||
		d->first + d->count != d[1].first ||
		d->count > RUN_COUNT_MAX - d[1].count)
		return;
	d->count += d[1].count;
	r->n_drops--;
	memmove(d + 1, d + 2, (r->n_drops - i - 1) * sizeof(*d));
}

static void insert_run(struct rewrite *r, unsigned i, uint64_t seq, bool closed)
{
	memmove(&r->drop[i + 1], &r->drop[i],
		(r->n_drops - i) * sizeof(r->drop[0]));
	r->drop[i].first = (uint32_t)(seq - r->in_floor);
	r->drop[i].count = 1;
	r->drop[i].closed = closed;
	r->n_drops++;
}

void rewrite_drop(struct rewrite *r, uint64_t in_seq)
{
	bool closed = in_seq >= r->in_next;
	unsigned i;

	if (!r->started || in_seq < r->in_floor)
		return;
	for (i = r->n_drops; i > 0; i--)
		if (run_has(r, &r->drop[i - 1], in_seq))
			return;
	make_room(r, in_seq);
	if (in_seq < r->in_floor)
		return;
	for (i = r->n_drops; i > 0; i--)
		if (in_seq > run_first(r, &r->drop[i - 1]))
			break;
	if (closed)
		r->seq_offset--;
	insert_run(r, i, in_seq, closed);
	join_next(r, i);
	if (i > 0)
		join_next(r, i - 1);
}

bool rewrite_pad(struct rewrite *r, uint16_t *ret_seq, uint32_t *ret_ts)
{
	if (!r->started)
		return false;
	/* What was dropped stays so: it is below the floor then. */
	for (unsigned i = 0; i < r->n_drops; i++)
		if (run_first(r, &r->drop[i]) + r->drop[i].count > r->in_next)
			r->in_next =
				run_first(r, &r->drop[i]) + r->drop[i].count;
	r->n_drops = 0;
	raise_floor(r, r->in_next);
	r->seq_offset++;
	*ret_seq = (uint16_t)++r->out_highest;
	*ret_ts = r->out_ts;
	r->out_base = r->out_highest + 1;
	return true;
}

bool rewrite_source(
	const struct rewrite *r, uint16_t out_seq, uint64_t *ret_in_seq)
{
	uint64_t out = seq_unwrap(r->out_highest, out_seq);
	uint64_t in;

	if (!r->started || out > r->out_highest || out < r->out_base)
		return false;
	in = out - r->seq_offset;
	for (unsigned i = r->n_drops; i > 0; i--) {
		const struct rewrite_run *d = &r->drop[i - 1];

		if (d->closed && in < run_first(r, d) + d->count)
			in -= d->count;
		if (run_has(r, d, in))
			return false;
		if (in > run_first(r, d))
			break;
	}
	if (in < r->in_floor)
		return false;
	*ret_in_seq = in;
	return true;
}
