#include "sfu/quality.h"
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/quality_tell.h"

static void due(struct participant *p, uint64_t at_us)
{
	uint64_t earliest = p->quality_ran_us + QUALITY_GAP_US;
	if (p->quality_ran_us && at_us < earliest)
		at_us = earliest;
	if (at_us < p->quality_us)
		p->quality_us = at_us;
	participant_due(p, p->quality_us);
}

void quality_changed(struct participant *p, uint64_t now_us)
{
	if (!p->gone && p->n_subs)
		due(p, now_us);
}

void quality_track_changed(struct track *t, uint64_t now_us)
{
	for (unsigned i = 0; i < t->n_subs; i++)
		quality_changed(t->sub[i]->to, now_us);
}

void quality_encoding_began(struct track *t, uint64_t now_us, unsigned encoding)
{
	t->encoding[encoding]->live = true;
	track_describe(t);
	for (unsigned i = 0; i < t->n_subs; i++) {
		struct subscription *s = t->sub[i];
		bool open = s->share.why == ALLOCATE_NEW ||
			    s->share.why == ALLOCATE_NOTHING;
		for (unsigned k = 0; open && k < t->sent.n_spatial; k++)
			if (t->rank[k] == encoding && s->waiting)
				subscription_aim(s, now_us,
					(struct allocate_layer){
						(int8_t)k, ALLOCATE_TEMPORAL });
	}
	quality_track_changed(t, now_us);
}

void quality_speaker_changed(struct conference *c, uint64_t now_us)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *p = c->p[i];
		bool speaks = p->id == c->speaker.current;
		for (unsigned k = 0; k < p->n_tracks; k++) {
			struct allocate_track *a = &p->track[k]->sent;
			if (speaks || a->speaker)
				a->spoke_us = now_us;
			a->speaker = speaks;
		}
		quality_changed(p, now_us);
	}
}

/* --- one receiver ------------------------------------------------------------
 */

/* What allocate() works on, for one call; one per conference, grown. */
static bool grow_scratch(struct conference *c, unsigned n)
{
	if (n <= c->quality_room)
		return true;
	void *share = realloc(c->quality_share, n * sizeof(*c->quality_share));
	if (share)
		c->quality_share = share;
	void *order = realloc(c->quality_order, n * sizeof(*c->quality_order));
	if (order)
		c->quality_order = order;
	if (!share || !order)
		return false;
	c->quality_room = n;
	return true;
}

static bool takes_part(const struct subscription *s)
{
	return s->active && s->track;
}

static unsigned collect(struct participant *p, struct allocate_sub *v)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->n_subs && n < ALLOCATE_MAX; i++) {
		struct subscription *s = p->sub[i];
		if (!takes_part(s))
			continue;
		s->track->sent.loudness = s->track->loudness;
		v[n++] = (struct allocate_sub){ .track = subscription_offer(s),
			.hidden = s->share.hidden,
			.height = s->share.height,
			.target = s->share.target,
			.why = s->share.why,
			.rank = s->share.rank,
			.fits_us = s->share.fits_us,
			.thin_us = s->layers ? s->layers->thin_us : 0 };
	}
	return n;
}

static void aim_all(
	struct participant *p, uint64_t now_us, const struct allocate_sub *v)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->n_subs && n < ALLOCATE_MAX; i++) {
		struct subscription *s = p->sub[i];
		if (!takes_part(s))
			continue;
		s->share.target = v[n].target;
		s->share.why = (uint8_t)v[n].why;
		s->share.rank = v[n].rank;
		s->share.fits_us = v[n].fits_us;
		subscription_aim(s, now_us, s->share.target);
		if (s->layers)
			s->layers->thin_us = v[n].thin_us;
		n++;
	}
}

/* --- what publishers are told ------------------------------------------------
 */

enum { ROOM_MIN_BPS = 100000 };

static bool has_one_size(const struct subscription *s)
{
	return s->kind == SDP_VIDEO && takes_part(s) && !s->track->simulcast;
}

/* Of its best receiver; 0: of none it is known. */
static uint32_t room_of(const struct track *t)
{
	uint32_t best = 0;
	for (unsigned i = 0; i < t->n_subs; i++) {
		const struct subscription *s = t->sub[i];
		if (s->active && !s->share.hidden && s->room_bps > best)
			best = s->room_bps;
	}
	return best;
}

static bool others_may_want(const struct track *t)
{
	return t->simulcast || relay_wanted(t->owner);
}

uint64_t quality_room(const struct participant *p)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		const struct track *t = p->track[i];
		uint32_t bps = room_of(t);
		if (t->kind != SDP_VIDEO)
			continue;
		if (others_may_want(t) || !bps || bps == UINT32_MAX)
			return UINT64_MAX;
		sum += bps > ROOM_MIN_BPS ? bps : ROOM_MIN_BPS;
	}
	return sum ? sum : UINT64_MAX;
}

static void set_room(struct subscription *s, uint64_t now_us, uint64_t bps)
{
	struct participant *owner = s->track->owner;
	uint32_t before = room_of(s->track);
	s->room_bps = bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
	/* What is too much must end soon. */
	if (room_of(s->track) >= before / 4 * 3 || others_may_want(s->track))
		return;
	owner->report_us = now_us;
	participant_due(owner, now_us);
}

/* Each could be given what is left beside its own. Returns what those take at
 * present that are held back by that. */
static uint64_t tell_rooms(struct participant *p, uint64_t now_us, uint64_t bps,
	const struct allocate_result *res)
{
	uint64_t used = res->audio_bps + res->video_bps, sum = 0;
	uint64_t most = bps / 100 * (100 - ALLOCATE_MARGIN);
	uint64_t left = most > used ? most - used : 0;
	unsigned n = 0;
	for (unsigned i = 0; i < p->n_subs; i++)
		n += has_one_size(p->sub[i]) && !p->sub[i]->share.hidden;
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		if (!has_one_size(s))
			continue;
		uint64_t own =
			allocate_cost(subscription_offer(s), s->share.target);
		if (!p->down || !downlink_was_full(p->down)) {
			set_room(s, now_us, UINT32_MAX);
			continue;
		}
		set_room(s, now_us, own + left / (n ? n : 1));
		if (s->room_bps < p->conference->env->limits.video_max_bps)
			sum += track_whole(s->track)->rate_bps[0][0];
	}
	return sum;
}

bool quality_view(struct participant *p, uint64_t now_us, const char *stream,
	unsigned height, bool visible)
{
	bool found = false;
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct subscription *s = p->sub[i];
		if (s->kind != SDP_VIDEO || !s->track || s->switched ||
			strcmp(s->track->stream, stream) != 0)
			continue;
		s->share.hidden = !visible;
		s->share.height =
			(uint16_t)(height < UINT16_MAX ? height : UINT16_MAX);
		found = true;
	}
	if (found)
		quality_changed(p, now_us);
	return found;
}

/* Local programs hear and see all: a recording is of everybody. */
static struct allocate_config config_of(const struct participant *p)
{
	const struct limits *limits = &p->conference->env->limits;
	if (p->plain)
		return (struct allocate_config){ .last_n = 0 };
	return (struct allocate_config){ .last_n = limits->last_n,
		.loudest_n = limits->audio_n };
}

static void run(struct participant *p, uint64_t now_us)
{
	struct conference *c = p->conference;
	struct allocate_config cfg = config_of(p);
	p->quality_us = UINT64_MAX;
	p->quality_ran_us = now_us ? now_us : 1;
	/* What waits was meant for what was decided before. */
	conference_forward(c, now_us);
	if (!grow_scratch(c, p->n_subs)) {
		due(p, now_us);
		return;
	}
	unsigned n = collect(p, c->quality_share);
	uint64_t bps =
		p->down ? downlink_spend(p->down, now_us) : ALLOCATE_UNLIMITED;
	cfg.hold_bps = p->down ? downlink_hold_bps(p->down, now_us) : 0;
	struct allocate_result res = allocate(
		&cfg, c->quality_share, c->quality_order, n, bps, now_us);
	aim_all(p, now_us, c->quality_share);
	/* What has one size only may grow, if the path does. */
	uint64_t more = tell_rooms(p, now_us, bps, &res);
	if (p->down)
		downlink_want(p->down, now_us, res.wanted_bps + more);
	quality_tell_paused(p);
	if (res.deadline_us != UINT64_MAX)
		due(p, res.deadline_us);
	if (bps != ALLOCATE_UNLIMITED)
		due(p, now_us + QUALITY_AGAIN_US);
	/* Who is loudest changes all the time. */
	if (cfg.loudest_n && n > cfg.loudest_n)
		due(p, now_us);
}

/* --- what is published -------------------------------------------------------
 */

/* Who was given all is given all, as long as it fits. */
static void keep_best(struct track *t, const struct allocate_track *was)
{
	const struct allocate_track *is = &t->sent;
	for (unsigned i = 0; !t->simulcast && i < t->n_subs; i++) {
		struct allocate_layer *l = &t->sub[i]->share.target;
		if (subscription_offer(t->sub[i]) != is || l->spatial < 0)
			continue;
		if (l->spatial + 1 >= was->n_spatial ||
			l->spatial >= is->n_spatial)
			l->spatial = (int8_t)(is->n_spatial - 1);
		if (l->temporal + 1 >= was->n_temporal ||
			l->temporal >= is->n_temporal)
			l->temporal = (int8_t)(is->n_temporal - 1);
	}
}

static void measure(struct participant *p, uint64_t now_us)
{
	p->measure_us = now_us + QUALITY_MEASURE_US;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct track *t = p->track[i];
		const struct allocate_track was = t->sent;
		if (t->kind == SDP_VIDEO && track_measure(t, now_us)) {
			keep_best(t, &was);
			quality_track_changed(t, now_us);
		}
		quality_tell_watched(t, now_us);
	}
}

static bool publishes_video(const struct participant *p)
{
	for (unsigned i = 0; i < p->n_tracks; i++)
		if (p->track[i]->kind == SDP_VIDEO)
			return true;
	return false;
}

void quality_tick(struct participant *p, uint64_t now_us)
{
	if (p->measure_us <= now_us && publishes_video(p))
		measure(p, now_us);
	if (p->quality_us <= now_us)
		run(p, now_us);
}

uint64_t quality_deadline(const struct participant *p)
{
	uint64_t m = participant_ready(p) && publishes_video(p) ? p->measure_us
								: UINT64_MAX;
	return m < p->quality_us ? m : p->quality_us;
}
