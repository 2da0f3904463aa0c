#include "sfu/encoding_layers.h"
#include <stdlib.h>
#include <string.h>

enum { SPATIAL = ENCODING_LAYERS_SPATIAL, TEMPORAL = ENCODING_LAYERS_TEMPORAL };

struct encoding_layers *encoding_layers_new(void)
{
	struct encoding_layers *l = calloc(1, sizeof(*l));
	if (l)
		l->n_spatial = l->n_temporal = 1;
	return l;
}

struct encoding_layers *encoding_layers_free(struct encoding_layers *l)
{
	free(l);
	return NULL;
}

void encoding_layers_begin(struct encoding_layers *l)
{
	memset(&l->dependency, 0, sizeof(l->dependency));
	l->described = false;
}

static unsigned at_most(unsigned v, unsigned n)
{
	return v < n ? v : n - 1;
}

/* Whoever has all up to a layer has what is below it. */
static void add_below(struct encoding_layers_count *c, unsigned spatial,
	unsigned temporal, uint32_t len)
{
	for (unsigned s = spatial; s < SPATIAL; s++)
		for (unsigned t = temporal; t < TEMPORAL; t++)
			c->bytes[s][t] += len;
}

/* To one who is sent a decode target goes what is present in it. */
static void add_present(struct encoding_layers_count *c,
	const struct layer_info *info, uint32_t len)
{
	const struct dependency *d = info->dependency;
	for (uint8_t k = 0; k < d->n_targets; k++) {
		const struct dependency_target *t = &d->target[k];
		if (!(d->active >> k & 1) || t->spatial >= SPATIAL ||
			t->temporal >= TEMPORAL ||
			dependency_dti(info->dti, k) == DTI_NOT_PRESENT)
			continue;
		c->bytes[t->spatial][t->temporal] += len;
	}
}

void encoding_layers_add(
	struct encoding_layers *l, const struct layer_info *info, size_t len)
{
	struct encoding_layers_count *c = &l->now;
	unsigned spatial = at_most(info->spatial, SPATIAL);
	unsigned temporal = at_most(info->temporal, TEMPORAL);
	if (spatial >= c->n_spatial)
		c->n_spatial = (uint8_t)(spatial + 1);
	if (temporal >= c->n_temporal)
		c->n_temporal = (uint8_t)(temporal + 1);
	if (info->dependency)
		add_present(c, info, (uint32_t)len);
	else
		add_below(c, spatial, temporal, (uint32_t)len);
	for (unsigned i = 0; i < SPATIAL; i++) {
		uint16_t lines = info->lines[i];
		if (!lines && info->dependency)
			lines = info->dependency->lines[i];
		if (lines)
			l->lines[i] = lines;
	}
}

void encoding_layers_measure(struct encoding_layers *l, uint64_t now_us)
{
	/* What came before the first measurement is of no known time. */
	if (l->counted_us) {
		uint64_t us = now_us - l->counted_us;
		memmove(l->past + 1, l->past,
			(ENCODING_LAYERS_WINDOW - 1) * sizeof(l->past[0]));
		l->past[0] = l->now;
		l->past[0].us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
		if (l->n_past < ENCODING_LAYERS_WINDOW)
			l->n_past++;
	}
	l->now = (struct encoding_layers_count){ .us = 0 };
	l->counted_us = now_us;
	l->n_spatial = l->n_temporal = 1;
	for (unsigned i = 0; i < l->n_past; i++) {
		if (l->past[i].n_spatial > l->n_spatial)
			l->n_spatial = l->past[i].n_spatial;
		if (l->past[i].n_temporal > l->n_temporal)
			l->n_temporal = l->past[i].n_temporal;
	}
}

uint32_t encoding_layers_rate(
	const struct encoding_layers *l, unsigned spatial, unsigned temporal)
{
	uint64_t us = 0, bytes = 0;
	for (unsigned i = 0; i < l->n_past; i++) {
		us += l->past[i].us;
		bytes += l->past[i].bytes[spatial][temporal];
	}
	uint64_t bps = us ? bytes * 8000000 / us : 0;
	return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}
