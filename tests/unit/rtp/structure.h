/*
 * Dependency descriptors for tests, written bit by bit after appendix A.4.1 of
 * the AV1 RTP specification: what dependency.c reads, from the other side.
 */
#ifndef HEARTH_TESTS_RTP_STRUCTURE_H
#define HEARTH_TESTS_RTP_STRUCTURE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { STRUCTURE_MAX = 255 };

struct writer {
	uint8_t p[STRUCTURE_MAX];
	size_t at; /* bits */
};

static inline void put(struct writer *w, unsigned n, uint32_t v)
{
	for (; n > 0; n--, w->at++)
		if (v >> (n - 1) & 1)
			w->p[w->at / 8] |= (uint8_t)(0x80 >> w->at % 8);
}

static inline void put_below(struct writer *w, uint32_t n, uint32_t v)
{
	unsigned bits = 0;
	uint32_t m;

	for (uint32_t x = n; x; x >>= 1)
		bits++;
	m = (1u << bits) - n;
	if (v < m)
		put(w, bits - 1, v);
	else
		put(w, bits, v + m);
}

static inline size_t written(const struct writer *w)
{
	return (w->at + 7) / 8;
}

/* One template: its layers, an indication for each target as letters (- D S R),
 * and how far back the frames are that it refers to; 0 ends. */
struct template
{
	uint8_t spatial, temporal;
	const char *dti;
	uint8_t fdiff[4];
};

struct structure {
	uint8_t offset, n_targets, n_templates, n_chains;
	uint32_t resolutions; /* 0: none */
	const uint32_t *size; /* as written, one each; NULL: some */
	struct template t[16];
};

static inline uint32_t dti_of(char letter)
{
	return letter == 'D' ? 1 : letter == 'S' ? 2 : letter == 'R' ? 3 : 0;
}

static inline void put_dtis(struct writer *w, const char *dti)
{
	for (; *dti; dti++)
		put(w, 2, dti_of(*dti));
}

static inline void put_layers(struct writer *w, const struct structure *s)
{
	for (unsigned i = 0; i < s->n_templates; i++) {
		const struct template *t = &s->t[i], *n = &s->t[i + 1];

		if (i + 1u == s->n_templates)
			put(w, 2, 3);
		else if (n->spatial != t->spatial)
			put(w, 2, 2);
		else
			put(w, 2, n->temporal != t->temporal);
	}
}

static inline void put_structure(struct writer *w, const struct structure *s)
{
	put(w, 6, s->offset);
	put(w, 5, s->n_targets - 1u);
	put_layers(w, s);
	for (unsigned i = 0; i < s->n_templates; i++)
		put_dtis(w, s->t[i].dti);
	for (unsigned i = 0; i < s->n_templates; i++) {
		for (unsigned k = 0; s->t[i].fdiff[k]; k++) {
			put(w, 1, 1);
			put(w, 4, s->t[i].fdiff[k] - 1u);
		}
		put(w, 1, 0);
	}
	put_below(w, s->n_targets + 1u, s->n_chains);
	for (unsigned i = 0; s->n_chains && i < s->n_targets; i++)
		put_below(w, s->n_chains, i % s->n_chains);
	for (unsigned i = 0; i < (unsigned)s->n_chains * s->n_templates; i++)
		put(w, 4, i % 16);
	put(w, 1, s->resolutions > 0);
	for (unsigned i = 0; i < s->resolutions; i++)
		put(w, 32, s->size ? s->size[i] : 0x027f0167u << (i & 1));
}

static inline void put_head(struct writer *w, unsigned start, unsigned end,
	unsigned template_id, unsigned number)
{
	memset(w, 0, sizeof(*w));
	put(w, 1, start);
	put(w, 1, end);
	put(w, 6, template_id);
	put(w, 16, number);
}

/* Two spatial layers of two temporal ones, the upper predicted from the lower
 * in key pictures only (L2T2_KEY). Targets: S0T0, S0T1, S1T0, S1T1. */
static const struct structure l2t2_key = { .offset = 60,
	.n_targets = 4,
	.n_templates = 6,
	.n_chains = 2,
	.resolutions = 2,
	.t = { { 0, 0, "SSSS", { 0 } }, { 0, 0, "SS--", { 4 } },
		{ 0, 1, "-D--", { 2 } }, { 1, 0, "--SS", { 1 } },
		{ 1, 0, "--SS", { 4 } }, { 1, 1, "---D", { 2 } } } };

/* The same layers, but the upper one predicted from the lower in every picture
 * (L2T2). */
static const struct structure l2t2 = { .offset = 20,
	.n_targets = 4,
	.n_templates = 6,
	.n_chains = 2,
	.t = { { 0, 0, "SSSS", { 0 } }, { 0, 0, "SSRR", { 4 } },
		{ 0, 1, "-D-R", { 2 } }, { 1, 0, "--SS", { 1 } },
		{ 1, 0, "--SS", { 4, 1 } }, { 1, 1, "---D", { 2, 1 } } } };

/* Three temporal layers. Targets: T0, T1, T2. */
static const struct structure l1t3 = { .offset = 3,
	.n_targets = 3,
	.n_templates = 5,
	.n_chains = 1,
	.t = { { 0, 0, "SSS", { 0 } }, { 0, 0, "SSS", { 4 } },
		{ 0, 1, "-DS", { 2 } }, { 0, 2, "--D", { 1 } },
		{ 0, 2, "--D", { 1, 3 } } } };

#endif
