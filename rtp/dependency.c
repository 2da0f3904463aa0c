#include "rtp/dependency.h"

#include <string.h>

#include "rtp/bytes.h"

/* Most significant bit first. Behind the end come zeros, and failed is set. */
struct bits {
	const uint8_t *p;
	size_t at, len; /* in bits */
	bool failed;
};

static uint32_t get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	if (n > b->len - b->at) {
		b->failed = true;
		return 0;
	}
	for (; n > 0; n--, b->at++)
		v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1);
	return v;
}

/* ns(n) of the AV1 specification, 4.10.7: a number below n. */
static uint32_t get_below(struct bits *b, uint32_t n)
{
	unsigned w = 0;
	uint32_t m, v;

	for (uint32_t x = n; x; x >>= 1)
		w++;
	m = (1u << w) - n;
	v = get(b, w - 1);
	return v < m ? v : (v << 1) - m + get(b, 1);
}

static uint64_t get_dtis(struct bits *b, unsigned n_targets)
{
	uint64_t dti = 0;

	for (unsigned t = 0; t < n_targets; t++)
		dti |= (uint64_t)get(b, 2) << 2 * t;
	return dti;
}

/* template_layers() */
static void read_layers(struct bits *b, struct dependency *d)
{
	uint8_t spatial = 0, temporal = 0;
	uint32_t next;

	do {
		if (d->n_templates == DEPENDENCY_TEMPLATES ||
			spatial >= LAYER_SPATIAL_MAX ||
			temporal >= LAYER_TEMPORAL_MAX) {
			b->failed = true;
			return;
		}
		d->template[d->n_templates++] =
			(struct dependency_template){ .spatial = spatial,
				.temporal = temporal };
		next = get(b, 2);
		if (next == 1) {
			temporal++;
		} else if (next == 2) {
			temporal = 0;
			spatial++;
		}
	} while (next != 3 && !b->failed);
}

static void add_ref(struct dependency_template *t, uint8_t back)
{
	if (t->n_refs < LAYER_REFS)
		t->ref[t->n_refs++] = back;
	else
		t->more_refs = true;
}

static void read_templates(struct bits *b, struct dependency *d)
{
	for (unsigned i = 0; i < d->n_templates; i++)
		d->template[i].dti = get_dtis(b, d->n_targets);
	for (unsigned i = 0; i < d->n_templates; i++)
		while (get(b, 1))
			add_ref(&d->template[i], (uint8_t)(get(b, 4) + 1));
}

static void read_chains(struct bits *b, struct dependency *d)
{
	d->n_chains = (uint8_t)get_below(b, d->n_targets + 1u);
	if (d->n_chains == 0)
		return;
	for (unsigned t = 0; t < d->n_targets; t++)
		get_below(b, d->n_chains);
	for (unsigned i = 0; i < (unsigned)d->n_templates * d->n_chains; i++)
		get(b, 4);
}

/* A target's layers are the highest of the frames that are present in it. */
static void find_targets(struct dependency *d)
{
	for (unsigned i = 0; i < d->n_templates; i++) {
		const struct dependency_template *t = &d->template[i];

		for (uint8_t k = 0; k < d->n_targets; k++) {
			struct dependency_target *g = &d->target[k];

			if (dependency_dti(t->dti, k) == DTI_NOT_PRESENT)
				continue;
			if (t->spatial > g->spatial)
				g->spatial = t->spatial;
			if (t->temporal > g->temporal)
				g->temporal = t->temporal;
		}
	}
}

static void read_structure(struct bits *b, struct dependency *d)
{
	unsigned spatials;

	*d = (struct dependency){ .generation = 0 };
	d->id_offset = (uint8_t)get(b, 6);
	d->n_targets = (uint8_t)(get(b, 5) + 1);
	read_layers(b, d);
	read_templates(b, d);
	read_chains(b, d);
	spatials = d->template[d->n_templates - 1].spatial + 1u;
	if (get(b, 1)) /* resolutions: width and height, less one */
		for (unsigned i = 0; i < spatials; i++) {
			uint32_t size = get(b, 32);

			if (i < LAYER_SIZES && (size & 0xffff) < UINT16_MAX)
				d->lines[i] = (uint16_t)(size + 1);
		}
	find_targets(d);
	d->active = (uint32_t)((UINT64_C(1) << d->n_targets) - 1);
}

/* What stands before the frame's own indications. */
struct head {
	bool start, end;
	uint8_t template_id;
	uint16_t number;
	bool structure, custom_dtis, custom_fdiffs;
	uint32_t active;
	uint16_t active_at; /* in bits; 0: it ends before */
};

/* Reads up to the frame definition. A structure goes into said. Returns whose
 * templates hold for the frame: said, or d. */
static const struct dependency *read_head(struct bits *b, struct head *h,
	const struct dependency *d, struct dependency *said)
{
	bool active;

	*h = (struct head){ .start = get(b, 1), .active = d->active };
	h->end = get(b, 1);
	h->template_id = (uint8_t)get(b, 6);
	h->number = (uint16_t)get(b, 16);
	if (b->at == b->len)
		return d;
	h->structure = get(b, 1);
	active = get(b, 1);
	h->custom_dtis = get(b, 1);
	h->custom_fdiffs = get(b, 1);
	get(b, 1); /* custom chains stand at the very end */
	if (h->structure) {
		read_structure(b, said);
		d = said;
		h->active = said->active;
	}
	h->active_at = (uint16_t)b->at;
	if (active)
		h->active = get(b, d->n_targets);
	return d;
}

/* What a frame refers to: its own list, frame_fdiffs(), or the template's. */
static void get_refs(struct bits *b, const struct dependency_template *t,
	bool custom, struct layer_info *ret)
{
	uint32_t size;

	ret->n_refs = custom ? 0 : t->n_refs;
	ret->more_refs = !custom && t->more_refs;
	for (unsigned i = 0; i < ret->n_refs; i++)
		ret->ref[i] = t->ref[i];
	while (custom && (size = get(b, 2))) {
		uint16_t back = (uint16_t)(get(b, 4 * size) + 1);

		if (ret->n_refs < LAYER_REFS)
			ret->ref[ret->n_refs++] = back;
		else
			ret->more_refs = true;
	}
}

static bool same_structure(
	const struct dependency *a, const struct dependency *b)
{
	if (a->id_offset != b->id_offset || a->n_targets != b->n_targets ||
		a->n_templates != b->n_templates || a->n_chains != b->n_chains)
		return false;
	for (unsigned i = 0; i < a->n_templates; i++) {
		const struct dependency_template *x = &a->template[i];
		const struct dependency_template *y = &b->template[i];

		if (x->spatial != y->spatial || x->temporal != y->temporal ||
			x->dti != y->dti || x->n_refs != y->n_refs ||
			x->more_refs != y->more_refs ||
			memcmp(x->ref, y->ref, x->n_refs) != 0)
			return false;
	}
	return true;
}

/* Keeps what a packet said of the stream. */
static void keep(struct dependency *d, const struct head *h,
	const struct dependency *said)
{
	uint32_t generation = d->generation;
	uint16_t behind = (uint16_t)(d->number - h->number);

	if (h->structure) {
		if (generation && behind > 0 && behind < DEPENDENCY_LATE)
			return;
		if (!generation || !same_structure(d, said)) {
			*d = *said;
			/* 0 would say that there is none. */
			d->generation = generation + 1 ? generation + 1 : 1;
		}
		d->number = h->number;
		memcpy(d->lines, said->lines, sizeof(d->lines));
	}
	d->active = h->active;
}

static void fill(struct layer_info *ret, const struct dependency *d,
	uint8_t n_targets, const struct head *h,
	const struct dependency_template *t)
{
	bool refers = ret->n_refs > 0;

	ret->start = h->start;
	ret->end = h->end;
	ret->frame_number = h->number;
	ret->active_at = h->active_at;
	ret->dependency = d;
	ret->spatial = t->spatial;
	ret->temporal = t->temporal;
	ret->key = ret->up_spatial = ret->up_temporal = !refers;
	ret->discardable = true;
	for (uint8_t k = 0; k < n_targets; k++)
		if (dependency_dti(ret->dti, k) >= DTI_SWITCH)
			ret->discardable = false;
}

static bool read_all(const struct dependency *d, const uint8_t *ext, size_t len,
	struct layer_info *ret, struct head *h, struct dependency *said)
{
	struct bits b = { .p = ext, .len = len * 8 };
	const struct dependency_template *t;
	const struct dependency *by;
	uint64_t dti;
	unsigned index;
	struct layer_info refs;

	if (len < 3)
		return false;
	by = read_head(&b, h, d, said);
	index = (h->template_id + 64u - by->id_offset) % 64;
	if (b.failed || index >= by->n_templates)
		return false;
	t = &by->template[index];
	dti = h->custom_dtis ? get_dtis(&b, by->n_targets) : t->dti;
	refs = *ret;
	get_refs(&b, t, h->custom_fdiffs, &refs);
	if (b.failed)
		return false;
	*ret = refs;
	ret->dti = dti;
	fill(ret, d, by->n_targets, h, t);
	return true;
}

bool dependency_read(struct dependency *d, const uint8_t *ext, size_t len,
	struct layer_info *ret)
{
	struct dependency said;
	struct head h;

	if (!read_all(d, ext, len, ret, &h, &said))
		return false;
	keep(d, &h, &said);
	return true;
}

bool dependency_reread(const struct dependency *d, const uint8_t *ext,
	size_t len, struct layer_info *ret)
{
	struct dependency said;
	struct head h;

	return read_all(d, ext, len, ret, &h, &said);
}

uint8_t dependency_target(
	const struct dependency *d, uint8_t spatial, uint8_t temporal)
{
	uint8_t best = DEPENDENCY_NONE;

	for (uint8_t k = 0; k < d->n_targets; k++) {
		const struct dependency_target *t = &d->target[k], *old;

		if (!(d->active >> k & 1) || t->spatial > spatial ||
			t->temporal > temporal)
			continue;
		old = &d->target[best == DEPENDENCY_NONE ? k : best];
		if (best == DEPENDENCY_NONE || t->spatial > old->spatial ||
			(t->spatial == old->spatial &&
				t->temporal > old->temporal))
			best = k;
	}
	return best;
}

bool dependency_covers(const struct dependency *d, uint8_t a, uint8_t b)
{
	if (a >= d->n_targets || b >= d->n_targets)
		return false;
	for (unsigned i = 0; i < d->n_templates; i++) {
		uint64_t dti = d->template[i].dti;

		if (dependency_dti(dti, b) != DTI_NOT_PRESENT &&
			dependency_dti(dti, a) == DTI_NOT_PRESENT)
			return false;
	}
	return true;
}

void dependency_set_number(uint8_t *ext, uint16_t number)
{
	put_u16(ext + 1, number);
}

uint32_t dependency_within(const struct dependency *d, uint8_t a)
{
	uint32_t within = 0;

	for (uint8_t k = 0; k < d->n_targets; k++)
		if (dependency_covers(d, a, k))
			within |= UINT32_C(1) << k;
	return within & d->active;
}

static void set_bit(uint8_t *p, size_t at, bool value)
{
	uint8_t bit = (uint8_t)(0x80 >> at % 8);

	p[at / 8] = (uint8_t)(value ? p[at / 8] | bit : p[at / 8] & ~bit);
}

/* Moves all from bit `at` on back by n. */
static size_t insert(uint8_t *p, size_t len, size_t at, unsigned n)
{
	size_t bits = len * 8, ret = (bits + n + 7) / 8;

	memset(p + len, 0, ret - len);
	for (size_t i = bits; i-- > at;)
		set_bit(p, i + n, p[i / 8] >> (7 - i % 8) & 1);
	return ret;
}

enum { AT_FLAGS = 24, AT_ACTIVE = AT_FLAGS + 1, N_FLAGS = 5 };

size_t dependency_set_active(uint8_t *ext, size_t len,
	const struct layer_info *info, uint32_t active)
{
	unsigned n = info->dependency->n_targets;
	size_t at = info->active_at;

	if (at == 0) {
		len = insert(ext, len, AT_FLAGS, N_FLAGS);
		at = AT_FLAGS + N_FLAGS;
	}
	/* A byte was filled up for the flags: what is behind them is free. */
	if (!(ext[AT_ACTIVE / 8] >> (7 - AT_ACTIVE % 8) & 1))
		len = insert(ext, len, at, n);
	set_bit(ext, AT_ACTIVE, true);
	for (unsigned i = 0; i < n; i++)
		set_bit(ext, at + i, active >> (n - 1 - i) & 1);
	return len;
}
