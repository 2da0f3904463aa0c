#include "rtp/layer_choice.h"

#include <string.h>

#include "rtp/dependency.h"

enum {
	ASK_STALLED = 5, /* that many times less often */
	SENT_KNOWN = 64  /* bits of sent */
};

void layer_choice_init(struct layer_choice *c, bool simulcast)
{
	memset(c, 0, sizeof(*c));
	c->simulcast = simulcast;
	c->aim_spatial = LAYER_NONE;
	c->encoding = LAYER_NONE;
	c->now.target = DEPENDENCY_NONE;
}

void layer_choice_adopt(struct layer_choice *c)
{
	c->encoding = 0;
	c->adopted = LAYER_ADOPTED;
	c->top = 0;
	c->n_changes = 0;
	c->now = (struct layer_limit){ .spatial = LAYER_SPATIAL_MAX - 1,
		.temporal = LAYER_TEMPORAL_MAX - 1,
		.target = DEPENDENCY_NONE };
}

/* The highest spatial layer wanted within a stream. */
static uint8_t spatial_aim(const struct layer_choice *c)
{
	return c->simulcast ? LAYER_SPATIAL_MAX - 1 : c->aim_spatial;
}

/* --- asking ------------------------------------------------------------- */

/* Does what is wanted need a key picture? d: NULL without descriptors. */
static bool needs_key(const struct layer_choice *c, const struct dependency *d)
{
	uint8_t wanted;

	if (c->aim_spatial == LAYER_NONE)
		return false;
	if (c->encoding == LAYER_NONE)
		return true;
	if (c->simulcast)
		return c->encoding != c->aim_spatial;
	if (!d) {
		wanted = c->top < c->aim_spatial ? c->top : c->aim_spatial;
		return c->now.spatial < wanted;
	}
	/* Other temporal layers come by themselves. */
	wanted = dependency_target(d, c->aim_spatial, c->aim_temporal);
	if (wanted == DEPENDENCY_NONE)
		return false;
	return c->now.target == DEPENDENCY_NONE ||
	       d->target[wanted].spatial != d->target[c->now.target].spatial;
}

static void set_waiting(struct layer_choice *c, uint64_t now_us, bool waiting)
{
	bool patient = !c->simulcast && c->encoding != LAYER_NONE;

	if (waiting == c->waiting)
		return;
	c->waiting = waiting;
	c->n_asked = 0;
	c->ask_us = now_us + (patient ? LAYER_PATIENCE_US : 0);
}

bool layer_choice_ask(struct layer_choice *c, uint64_t now_us)
{
	if (!c->waiting || now_us < c->ask_us)
		return false;
	c->n_asked++;
	c->ask_us = now_us +
		    LAYER_ASK_US * (layer_choice_stalled(c) ? ASK_STALLED : 1);
	return true;
}

uint64_t layer_choice_deadline(const struct layer_choice *c)
{
	return c->waiting ? c->ask_us : UINT64_MAX;
}

bool layer_choice_stalled(const struct layer_choice *c)
{
	return c->waiting && c->n_asked >= LAYER_STALLED;
}

void layer_choice_aim(struct layer_choice *c, uint64_t now_us, uint8_t spatial,
	uint8_t temporal)
{
	bool moved = spatial != c->aim_spatial;

	c->aim_spatial = spatial;
	c->aim_temporal = temporal;
	if (spatial == LAYER_NONE)
		c->encoding = LAYER_NONE;
	if (!moved)
		return;
	/* Another layer is another wait. Within a stream its packets will tell
	 * whether there is anything to wait for. */
	c->waiting = false;
	if (c->simulcast || c->encoding == LAYER_NONE)
		set_waiting(c, now_us, needs_key(c, NULL));
}

/* --- what changes, and when --------------------------------------------- */

static bool older(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* A new limit, from the picture of ts on. */
static void change(
	struct layer_choice *c, uint32_t ts, const struct layer_limit *limit)
{
	if (!c->n_changes || c->change[0].ts != ts) {
		memmove(c->change + 1, c->change,
			(LAYER_CHANGES - 1) * sizeof(c->change[0]));
		c->change[0] =
			(struct layer_change){ .ts = ts, .before = c->now };
		if (c->n_changes < LAYER_CHANGES)
			c->n_changes++;
	}
	c->now = *limit;
}

static const struct layer_limit *limit_at(
	const struct layer_choice *c, uint32_t ts)
{
	const struct layer_limit *limit = &c->now;

	for (unsigned i = 0; i < c->n_changes; i++) {
		if (!older(ts, c->change[i].ts))
			break;
		limit = &c->change[i].before;
	}
	return limit;
}

/* --- by layers ---------------------------------------------------------- */

/* Down, which any picture boundary allows. */
static void lower(const struct layer_choice *c, struct layer_limit *l)
{
	if (l->spatial > spatial_aim(c))
		l->spatial = spatial_aim(c);
	if (l->temporal > c->aim_temporal)
		l->temporal = c->aim_temporal;
}

/* Up, as far as the first packet of this picture allows it. */
static void raise(const struct layer_choice *c, const struct layer_info *i,
	struct layer_limit *l)
{
	if (i->key && i->start)
		l->spatial = spatial_aim(c);
	if (i->spatial != 0 || l->temporal >= c->aim_temporal)
		return;
	if (i->key || (i->up_after && i->temporal <= l->temporal))
		l->temporal = c->aim_temporal;
	else if (i->up_temporal && i->temporal == l->temporal + 1)
		l->temporal++;
}

static void note_top(struct layer_choice *c, const struct layer_info *i)
{
	if (i->key && i->start)
		c->top = 0;
	if (i->spatial > c->top)
		c->top = i->spatial;
}

static bool limits_differ(
	const struct layer_limit *a, const struct layer_limit *b)
{
	return a->spatial != b->spatial || a->temporal != b->temporal ||
	       a->target != b->target;
}

static enum layer_verdict judge_layers(
	struct layer_choice *c, uint32_t ts, const struct layer_info *i)
{
	const struct layer_limit *limit;
	struct layer_limit l = c->now;

	/* With the first packet of a picture: what has begun to go out ends
	 * with the layer whose last packet got the marker, and what was left
	 * out does not come in the middle. */
	if (older(c->ts, ts)) {
		lower(c, &l);
		raise(c, i, &l);
		c->ts = ts;
	}
	if (ts == c->ts)
		note_top(c, i);
	if (limits_differ(&l, &c->now))
		change(c, ts, &l);
	limit = limit_at(c, ts);
	return i->spatial <= limit->spatial && i->temporal <= limit->temporal
		       ? LAYER_FORWARD
		       : LAYER_DROP;
}

/* --- by decode targets -------------------------------------------------- */

static void note_sent(struct layer_choice *c, uint16_t number)
{
	int ahead = (int16_t)(uint16_t)(number - c->sent_newest);

	if (ahead > 0) {
		c->sent = ahead < SENT_KNOWN ? c->sent << ahead : 0;
		c->sent_newest = number;
		ahead = 0;
	}
	if (-ahead < SENT_KNOWN)
		c->sent |= UINT64_C(1) << -ahead;
}

static bool was_sent(const struct layer_choice *c, uint16_t number)
{
	uint16_t back = (uint16_t)(c->sent_newest - number);

	return back < SENT_KNOWN && c->sent >> back & 1;
}

/* Every frame it refers to was forwarded, hence could be decoded itself. */
static bool is_decodable(
	const struct layer_choice *c, const struct layer_info *i)
{
	if (i->more_refs)
		return false;
	for (unsigned k = 0; k < i->n_refs; k++)
		if (!was_sent(c, (uint16_t)(i->frame_number - i->ref[k])))
			return false;
	return true;
}

static bool may_go_over(const struct layer_choice *c,
	const struct layer_info *i, uint8_t wanted, bool new_picture)
{
	const struct dependency_target *to = &i->dependency->target[wanted];

	/* The last packet of the spatial layer so far has got the marker. */
	if (!new_picture && to->spatial != c->now.spatial)
		return false;
	if (dependency_covers(i->dependency, c->now.target, wanted))
		return true;
	return dependency_dti(i->dti, wanted) == DTI_SWITCH &&
	       is_decodable(c, i);
}

static struct layer_limit limit_of(const struct dependency *d, uint8_t target)
{
	return (struct layer_limit){ .spatial = d->target[target].spatial,
		.temporal = d->target[target].temporal,
		.target = target,
		.active = dependency_within(d, target) };
}

/* What may be gone over to with the frame that i begins. */
static uint8_t reachable(const struct layer_choice *c,
	const struct layer_info *i, bool new_picture)
{
	const struct dependency *d = i->dependency;
	uint8_t wanted, now = c->now.target;

	wanted = dependency_target(d, spatial_aim(c), c->aim_temporal);
	if (wanted == now || wanted == DEPENDENCY_NONE ||
		may_go_over(c, i, wanted, new_picture))
		return wanted;
	/* It is too much, and waits for a key picture. */
	if (now == DEPENDENCY_NONE ||
		d->target[wanted].spatial >= d->target[now].spatial)
		return now;
	wanted = dependency_target(d, d->target[now].spatial, 0);
	if (wanted != DEPENDENCY_NONE &&
		d->target[wanted].spatial == d->target[now].spatial &&
		may_go_over(c, i, wanted, new_picture))
		return wanted;
	return now;
}

static bool is_within(const struct layer_choice *c,
	const struct layer_limit *limit, const struct layer_info *i)
{
	if (limit->target != DEPENDENCY_NONE)
		return dependency_dti(i->dti, limit->target) != DTI_NOT_PRESENT;
	/* Late, of when it was sent whole. */
	return limit != &c->now && limit->spatial == LAYER_SPATIAL_MAX - 1;
}

static enum layer_verdict judge_target(
	struct layer_choice *c, uint32_t ts, const struct layer_info *i)
{
	const struct dependency *d = i->dependency;
	const struct layer_limit *limit;
	struct layer_limit l;
	uint8_t wanted;

	if (c->generation != d->generation) {
		/* Targets are counted anew; by key pictures alone. */
		c->generation = d->generation;
		c->now.target = DEPENDENCY_NONE;
		c->n_changes = 0;
	}
	if (!older(ts, c->ts) && i->start) {
		bool new_picture = ts != c->ts;

		c->ts = ts;
		wanted = reachable(c, i, new_picture);
		if (wanted != c->now.target && wanted != DEPENDENCY_NONE) {
			l = limit_of(d, wanted);
			change(c, ts, &l);
		}
	}
	limit = limit_at(c, ts);
	if (!is_within(c, limit, i))
		return LAYER_DROP;
	note_sent(c, i->frame_number);
	return LAYER_FORWARD;
}

/* --- the packet --------------------------------------------------------- */

static enum layer_verdict judge(
	struct layer_choice *c, uint32_t ts, const struct layer_info *i)
{
	if (i->dependency)
		return judge_target(c, ts, i);
	/* Its structure is still to come: rather a packet too many. */
	if (c->now.target != DEPENDENCY_NONE && !(i->key && i->start))
		return LAYER_FORWARD;
	c->now.target = DEPENDENCY_NONE;
	c->now.active = 0;
	return judge_layers(c, ts, i);
}

/* May a stretch begin here? With a descriptor only where what is wanted does.
 */
static bool may_begin(const struct layer_choice *c, const struct layer_info *i)
{
	uint8_t wanted;

	if (!i->key || !i->start || !i->dependency)
		return i->key && i->start;
	wanted = dependency_target(
		i->dependency, spatial_aim(c), c->aim_temporal);
	return wanted != DEPENDENCY_NONE &&
	       dependency_dti(i->dti, wanted) == DTI_SWITCH;
}

/* The first packet of a new stretch: of a key picture. */
static enum layer_verdict begin(struct layer_choice *c, uint8_t encoding,
	uint32_t ts, const struct layer_info *i)
{
	c->encoding = encoding;
	c->ts = ts - 1; /* this picture is a new one */
	c->adopted = LAYER_JUDGED;
	c->n_changes = 0;
	c->top = 0;
	c->sent = 0;
	c->sent_newest = i->frame_number;
	c->generation = i->dependency ? i->dependency->generation : 0;
	c->now = (struct layer_limit){ .target = DEPENDENCY_NONE,
		.spatial = c->simulcast ? LAYER_SPATIAL_MAX - 1 : 0,
		.temporal = c->aim_temporal };
	judge(c, ts, i);
	return LAYER_SWITCH;
}

/* False: the packet is of a picture that began whole, and goes on so. */
static bool take_over(
	struct layer_choice *c, uint32_t ts, const struct layer_info *i)
{
	const struct dependency *d = i->dependency;
	struct layer_limit l;
	uint8_t top;

	if (c->adopted == LAYER_ADOPTED || !older(c->ts, ts)) {
		if (c->adopted == LAYER_ADOPTED)
			c->ts = ts;
		c->adopted = LAYER_ADOPTED_AT;
		note_top(c, i);
		return false;
	}
	c->adopted = LAYER_JUDGED;
	c->sent = UINT64_MAX;
	c->sent_newest = (uint16_t)(i->frame_number - 1);
	if (!d)
		return true;
	c->generation = d->generation;
	top = dependency_target(
		d, LAYER_SPATIAL_MAX - 1, LAYER_TEMPORAL_MAX - 1);
	if (top != DEPENDENCY_NONE) {
		l = limit_of(d, top);
		change(c, ts, &l);
	}
	return true;
}

enum layer_verdict layer_choice_packet(struct layer_choice *c, uint64_t now_us,
	uint8_t encoding, uint32_t ts, const struct layer_info *info)
{
	uint8_t wanted = c->simulcast ? c->aim_spatial : encoding;
	enum layer_verdict v = LAYER_IGNORE;

	if (c->aim_spatial == LAYER_NONE)
		return LAYER_IGNORE;
	if (c->adopted && !take_over(c, ts, info))
		return LAYER_FORWARD;
	if (encoding == c->encoding)
		v = judge(c, ts, info);
	else if (encoding == wanted && may_begin(c, info))
		v = begin(c, encoding, ts, info);
	if (info->start &&
		(encoding == c->encoding || c->encoding == LAYER_NONE))
		set_waiting(c, now_us, needs_key(c, info->dependency));
	return v;
}

bool layer_choice_marker(const struct layer_choice *c, uint32_t ts,
	const struct layer_info *info, bool marker)
{
	return marker || (!c->simulcast && info->end &&
				 info->spatial == limit_at(c, ts)->spatial);
}

uint32_t layer_choice_active(const struct layer_choice *c, uint32_t ts)
{
	return limit_at(c, ts)->active;
}

uint8_t layer_choice_spatial(const struct layer_choice *c)
{
	if (c->simulcast || c->encoding == LAYER_NONE)
		return c->encoding;
	/* Allowed may be more than there is. */
	if (c->now.target == DEPENDENCY_NONE && c->top < c->now.spatial)
		return c->top;
	return c->now.spatial;
}

uint8_t layer_choice_temporal(const struct layer_choice *c)
{
	return c->encoding == LAYER_NONE ? LAYER_NONE : c->now.temporal;
}
