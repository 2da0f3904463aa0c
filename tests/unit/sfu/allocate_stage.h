/*
 * What the tests of allocation share: receivers' tracks as they usually are,
 * and one receiver who gets any of them.
 */
#ifndef HEARTH_TESTS_UNIT_SFU_ALLOCATE_STAGE_H
#define HEARTH_TESTS_UNIT_SFU_ALLOCATE_STAGE_H

#include "tests/sim/cmocka_sim.h"
#include "sfu/allocate.h"

enum { KBIT = 1000, SUBS = 24, S = 1000000 };

/* A camera as browsers send it: three encodings of three temporal layers. */
static const struct allocate_track camera = {
	.kind = ALLOCATE_CAMERA,
	.n_spatial = 3,
	.n_temporal = 3,
	.height = { 180, 360, 720 },
	.rate_bps = { { 80000, 110000, 150000 }, { 250000, 350000, 500000 },
		{ 1000000, 1500000, 2000000 } },
};
static const struct allocate_track screen = {
	.kind = ALLOCATE_SCREEN,
	.n_spatial = 2,
	.n_temporal = 3,
	.height = { 540, 1080 },
	.rate_bps = { { 150000, 250000, 400000 },
		{ 600000, 1000000, 1600000 } },
};
static const struct allocate_track voice = {
	.kind = ALLOCATE_AUDIO,
	.n_spatial = 1,
	.n_temporal = 1,
	.rate_bps = { { 32000 } },
};

struct stage {
	struct allocate_config cfg;
	struct allocate_track track[SUBS];
	struct allocate_sub sub[SUBS];
	uint16_t order[SUBS];
	unsigned n;
	uint64_t now_us;
};

static inline struct allocate_sub *add(
	struct stage *g, const struct allocate_track *like, unsigned height)
{
	struct allocate_sub *s = &g->sub[g->n];
	g->track[g->n] = *like;
	*s = (struct allocate_sub){ .track = &g->track[g->n],
		.height = (uint16_t)height };
	g->n++;
	return s;
}

static inline struct allocate_track *track_of(struct stage *g, unsigned i)
{
	return &g->track[i];
}

static inline struct allocate_result run(struct stage *g, uint64_t bps)
{
	if (!g->now_us)
		g->now_us = 1000 * (uint64_t)S;
	return allocate(&g->cfg, g->sub, g->order, g->n, bps, g->now_us);
}

static inline void assert_layer(
	const struct allocate_sub *s, int spatial, int temporal)
{
	assert_int_equal(s->target.spatial, spatial);
	assert_int_equal(s->target.temporal, temporal);
}

#endif
