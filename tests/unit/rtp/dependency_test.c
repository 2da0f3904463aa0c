#include "check.h"
#include "rtp/dependency.h"
#include "structure.h"

/* Reads a copy of exactly that size. */
static bool read_exact(struct dependency *d, const uint8_t *p, size_t len,
	struct layer_info *ret)
{
	uint8_t *copy = exact_copy(p, len);
	bool ok = dependency_read(d, copy, len, ret);

	free(copy);
	return ok;
}

static bool read_short(struct dependency *d, unsigned start, unsigned end,
	unsigned id, unsigned number, struct layer_info *ret)
{
	struct writer w;

	put_head(&w, start, end, id, number);
	assert_int_equal(written(&w), 3);
	return read_exact(d, w.p, 3, ret);
}

static bool read_key(struct dependency *d, const struct structure *s,
	unsigned number, struct layer_info *ret)
{
	struct writer w;

	put_head(&w, 1, 0, s->offset, number);
	put(&w, 5, 0x10);
	put_structure(&w, s);
	return read_exact(d, w.p, written(&w), ret);
}

static void a_structure(void **state)
{
	static const uint8_t layers[4][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 },
		{ 1, 1 } };
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .tl0_at = 9 };

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 0xfffe, &i));
	assert_int_equal(d.n_targets, 4);
	assert_int_equal(d.n_templates, 6);
	assert_int_equal(d.n_chains, 2);
	assert_int_equal(d.generation, 1);
	assert_int_equal(d.active, 15);
	for (unsigned k = 0; k < 4; k++) {
		assert_int_equal(d.target[k].spatial, layers[k][0]);
		assert_int_equal(d.target[k].temporal, layers[k][1]);
	}
	assert_true(i.start && !i.end && i.key && i.up_spatial);
	assert_false(i.discardable);
	assert_int_equal(i.frame_number, 0xfffe);
	assert_ptr_equal(i.dependency, &d);
	/* What the payload said stays. */
	assert_int_equal(i.tl0_at, 9);
}

/* Three bytes that name a template, over the wrap of its six bits. */
static void frames_by_template(void **state)
{
	static const struct {
		unsigned id;
		uint8_t spatial, temporal;
		const char *dti;
		bool up, discardable;
	} t[] = { { 60, 0, 0, "SSSS", true, false },
		{ 61, 0, 0, "SS--", false, false },
		{ 62, 0, 1, "-D--", false, true },
		{ 63, 1, 0, "--SS", false, false },
		{ 0, 1, 0, "--SS", false, false },
		{ 1, 1, 1, "---D", false, true } };
	struct dependency d = { .generation = 0 };
	struct layer_info i;

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 7, &i));
	for (unsigned n = 0; n < COUNT(t); n++) {
		i = (struct layer_info){ .start = false };
		assert_true(read_short(&d, 0, 1, t[n].id, n, &i));
		assert_true(!i.start && i.end);
		assert_int_equal(i.spatial, t[n].spatial);
		assert_int_equal(i.temporal, t[n].temporal);
		assert_int_equal(i.frame_number, n);
		assert_int_equal(i.up_spatial, t[n].up);
		assert_int_equal(i.key, t[n].up);
		assert_int_equal(i.discardable, t[n].discardable);
		for (uint8_t k = 0; k < 4; k++)
			assert_int_equal(
				dependency_dti(i.dti, k), dti_of(t[n].dti[k]));
	}
	/* Beyond the last template. */
	assert_false(read_short(&d, 1, 1, 2, 9, &i));
	assert_false(read_short(&d, 1, 1, 59, 9, &i));
}

static void nothing_before_a_structure(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .spatial = 5 };

	(void)state;
	assert_false(read_short(&d, 1, 1, 0, 9, &i));
	assert_int_equal(i.spatial, 5);
	assert_null(i.dependency);
	assert_int_equal(dependency_target(&d, 7, 7), DEPENDENCY_NONE);
	assert_false(dependency_covers(&d, 0, 0));
}

static void frames_of_their_own(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };
	struct writer w;

	(void)state;
	assert_true(read_key(&d, &l1t3, 7, &i));
	/* Custom indications and references: sizes 1, 2 and 3. */
	put_head(&w, 1, 1, 3 + 2, 8);
	put(&w, 5, 0x06);
	put_dtis(&w, "-SR");
	put(&w, 2, 1);
	put(&w, 4, 3);
	put(&w, 2, 2);
	put(&w, 8, 200);
	put(&w, 2, 3);
	put(&w, 12, 4000);
	put(&w, 2, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(i.temporal, 1);
	assert_int_equal(dependency_dti(i.dti, 0), DTI_NOT_PRESENT);
	assert_int_equal(dependency_dti(i.dti, 1), DTI_SWITCH);
	assert_int_equal(dependency_dti(i.dti, 2), DTI_REQUIRED);
	assert_false(i.key || i.up_spatial || i.discardable || i.more_refs);
	assert_int_equal(i.n_refs, 3);
	assert_int_equal(i.ref[0], 4);
	assert_int_equal(i.ref[1], 201);
	assert_int_equal(i.ref[2], 4001);
	/* Cut anywhere it is refused, and leaves nothing behind. */
	for (size_t len = 4; len < written(&w); len++)
		assert_false(read_exact(&d, w.p, len, &i));
	/* No references at all: an intra frame that is no key picture's. */
	put_head(&w, 1, 1, 3 + 2, 9);
	put(&w, 5, 0x02);
	put(&w, 2, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_true(i.up_spatial);
	assert_int_equal(i.n_refs, 0);
	/* Of a template; and more than there is room for. */
	assert_true(read_short(&d, 1, 1, 3 + 4, 10, &i));
	assert_int_equal(i.n_refs, 2);
	assert_int_equal(i.ref[0], 1);
	assert_int_equal(i.ref[1], 3);
	put_head(&w, 1, 1, 3, 11);
	put(&w, 5, 0x02);
	for (unsigned n = 0; n < LAYER_REFS + 1; n++) {
		put(&w, 2, 1);
		put(&w, 4, n);
	}
	put(&w, 2, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(i.n_refs, LAYER_REFS);
	assert_int_equal(i.ref[LAYER_REFS - 1], LAYER_REFS);
	assert_true(i.more_refs);
	assert_false(i.key);
}

static void active_targets(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };
	struct writer w;

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 7, &i));
	assert_int_equal(dependency_target(&d, 7, 7), 3);
	assert_int_equal(dependency_target(&d, 1, 1), 3);
	assert_int_equal(dependency_target(&d, 1, 0), 2);
	assert_int_equal(dependency_target(&d, 0, 7), 1);
	assert_int_equal(dependency_target(&d, 0, 0), 0);
	put_head(&w, 1, 1, 61, 8);
	put(&w, 5, 0x08);
	put(&w, 4, 0x3);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(dependency_target(&d, 7, 7), 1);
	assert_true(read_short(&d, 1, 1, 61, 9, &i));
	assert_int_equal(dependency_target(&d, 7, 7), 1);
	put_head(&w, 1, 1, 61, 10);
	put(&w, 5, 0x08);
	put(&w, 4, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(dependency_target(&d, 7, 7), DEPENDENCY_NONE);
	/* A structure says that all are there, unless it says otherwise. */
	put_head(&w, 1, 0, l2t2_key.offset, 12);
	put(&w, 5, 0x18);
	put_structure(&w, &l2t2_key);
	put(&w, 4, 0x4);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(dependency_target(&d, 7, 7), 2);
	assert_int_equal(dependency_target(&d, 0, 7), DEPENDENCY_NONE);
	assert_true(read_key(&d, &l2t2_key, 13, &i));
	assert_int_equal(d.active, 15);
}

static void what_covers_what(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 7, &i));
	/* In temporal layers the higher has all of the lower, … */
	assert_true(dependency_covers(&d, 3, 2));
	assert_true(dependency_covers(&d, 1, 0));
	assert_true(dependency_covers(&d, 2, 2));
	assert_false(dependency_covers(&d, 2, 3));
	/* … but who sees the upper layer lacks the lower one's pictures. */
	assert_false(dependency_covers(&d, 3, 1));
	assert_false(dependency_covers(&d, 2, 0));
	assert_false(dependency_covers(&d, 4, 0));
	assert_false(dependency_covers(&d, 0, 4));
}

static void structures_change(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 100, &i));
	/* The same again is no change. */
	assert_true(read_key(&d, &l2t2_key, 200, &i));
	assert_int_equal(d.generation, 1);
	assert_true(read_key(&d, &l1t3, 300, &i));
	assert_int_equal(d.generation, 2);
	assert_int_equal(d.n_targets, 3);
	/* A late one counts for its own frame, and for no other. */
	i.key = false;
	assert_true(read_key(&d, &l2t2_key, 200, &i));
	assert_true(i.key);
	assert_int_equal(d.generation, 2);
	assert_int_equal(d.n_targets, 3);
	/* So far back that it is a new numbering. */
	assert_true(read_key(&d, &l2t2_key, 300 - DEPENDENCY_LATE, &i));
	assert_int_equal(d.generation, 3);
	d.generation = UINT32_MAX;
	assert_true(read_key(&d, &l1t3, 400, &i));
	assert_int_equal(d.generation, 1);
}

/* The highest number of everything, and one template too many. */
static void large_structures(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };

	(void)state;
	for (unsigned n = 64; n <= 65; n++) {
		struct writer w;

		put_head(&w, 1, 1, 0, n);
		put(&w, 5, 0x10);
		put(&w, 6, 0);
		put(&w, 5, 0); /* one target */
		for (unsigned k = 0; k < n; k++)
			put(&w, 2, k + 1 == n ? 3 : 0);
		for (unsigned k = 0; k < n; k++)
			put(&w, 2, 2);
		for (unsigned k = 0; k < n; k++)
			put(&w, 1, 0);
		put(&w, 1, 0); /* no chains */
		put(&w, 1, 0);
		assert_int_equal(read_exact(&d, w.p, written(&w), &i), n == 64);
		assert_int_equal(d.n_templates, 64);
	}
}

/* A structure with each length cut off, each bit turned, and at random: ASan is
 * the judge; and what is refused changes nothing. */
static void lies(void **state)
{
	struct dependency d = { .generation = 0 }, before;
	struct layer_info i = { .start = false };
	uint64_t seed = 3;
	struct writer w;

	(void)state;
	put_head(&w, 1, 0, l2t2_key.offset, 5);
	put(&w, 5, 0x10);
	put_structure(&w, &l2t2_key);
	for (size_t len = 0; len < written(&w); len++)
		assert_false(read_exact(&d, w.p, len, &i));
	assert_int_equal(d.generation, 0);
	for (unsigned n = 0; n < 200000; n++) {
		uint8_t p[48];
		size_t len = next_random(&seed) % sizeof(p);

		memcpy(p, w.p, sizeof(p));
		for (unsigned k = next_random(&seed) % 4; k > 0; k--)
			p[next_random(&seed) % sizeof(p)] ^=
				(uint8_t)(1u << next_random(&seed) % 8);
		before = d;
		if (!read_exact(&d, p, len, &i))
			assert_memory_equal(&before, &d, sizeof(d));
		assert_true(d.n_targets <= DEPENDENCY_TARGETS);
		assert_true(d.n_templates <= DEPENDENCY_TEMPLATES);
		assert_true(i.spatial < LAYER_SPATIAL_MAX);
		assert_true(i.temporal < LAYER_TEMPORAL_MAX);
	}
}

static void the_number_is_set(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };
	struct writer w;

	(void)state;
	assert_true(read_key(&d, &l1t3, 7, &i));
	put_head(&w, 1, 1, 4, 0x1234);
	dependency_set_number(w.p, 0xabcd);
	assert_true(read_exact(&d, w.p, 3, &i));
	assert_int_equal(i.frame_number, 0xabcd);
	assert_true(i.start && i.end);
	assert_int_equal(w.p[0], 0xc4);
}

/* What is left of the layers is told in an element that goes out (A.4): where
 * there was no mask, where there was one, and with a structure. */
static void tells_what_is_left(void **state)
{
	struct dependency d = { .generation = 0 }, to = { .generation = 0 };
	struct layer_info i = { .start = false }, o;
	uint8_t p[STRUCTURE_MAX + DEPENDENCY_GROWS];
	struct writer w;
	size_t len;

	(void)state;
	put_head(&w, 1, 0, l2t2_key.offset, 7);
	put(&w, 5, 0x10);
	put_structure(&w, &l2t2_key);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	memcpy(p, w.p, written(&w));
	len = dependency_set_active(p, written(&w), &i, 3);
	assert_int_equal(len, written(&w) + 1);
	assert_true(read_exact(&to, p, len, &o));
	assert_int_equal(to.active, 3);
	assert_int_equal(to.n_templates, d.n_templates);
	assert_int_equal(o.dti, i.dti);
	/* Three bytes. */
	assert_true(read_short(&d, 1, 1, 61, 8, &i));
	put_head(&w, 1, 1, 61, 8);
	memcpy(p, w.p, 3);
	len = dependency_set_active(p, 3, &i, 5);
	assert_true(len > 3 && len <= 3 + DEPENDENCY_GROWS);
	assert_true(read_exact(&to, p, len, &o));
	assert_int_equal(to.active, 5);
	assert_true(o.start && o.end);
	assert_int_equal(o.frame_number, 8);
	assert_int_equal(o.dti, i.dti);
	/* A mask of its own, before indications and references. */
	put_head(&w, 1, 1, 61, 9);
	put(&w, 5, 0x0e);
	put(&w, 4, 0xf);
	put_dtis(&w, "SR-D");
	put(&w, 2, 2);
	put(&w, 8, 200);
	put(&w, 2, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	memcpy(p, w.p, written(&w));
	assert_int_equal(
		dependency_set_active(p, written(&w), &i, 1), written(&w));
	assert_true(read_exact(&to, p, written(&w), &o));
	assert_int_equal(to.active, 1);
	assert_int_equal(o.dti, i.dti);
	assert_int_equal(o.n_refs, 1);
	assert_int_equal(o.ref[0], 201);
	/* The same without it. */
	put_head(&w, 1, 1, 61, 10);
	put(&w, 5, 0x06);
	put_dtis(&w, "SR-D");
	put(&w, 2, 2);
	put(&w, 8, 100);
	put(&w, 2, 0);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	memcpy(p, w.p, written(&w));
	len = dependency_set_active(p, written(&w), &i, 9);
	assert_true(read_exact(&to, p, len, &o));
	assert_int_equal(to.active, 9);
	assert_int_equal(o.dti, i.dti);
	assert_int_equal(o.ref[0], 101);
}

static void what_is_within_a_target(void **state)
{
	struct dependency d = { .generation = 0 };
	struct layer_info i = { .start = false };
	struct writer w;

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 7, &i));
	assert_int_equal(dependency_within(&d, 0), 1);
	assert_int_equal(dependency_within(&d, 1), 3);
	/* The lower layer's frames are not in the upper one's. */
	assert_int_equal(dependency_within(&d, 3), 12);
	put_head(&w, 1, 1, 61, 8);
	put(&w, 5, 0x08);
	put(&w, 4, 0x4);
	assert_true(read_exact(&d, w.p, written(&w), &i));
	assert_int_equal(dependency_within(&d, 3), 4);
	d = (struct dependency){ .generation = 0 };
	assert_true(read_key(&d, &l2t2, 7, &i));
	assert_int_equal(dependency_within(&d, 3), 15);
	assert_int_equal(dependency_within(&d, 2), 5);
}

/* A packet read again changes nothing, whatever it says. */
static void read_again(void **state)
{
	struct dependency d = { .generation = 0 }, was;
	struct layer_info i = { .start = false }, o = { .start = false };
	struct writer w;

	(void)state;
	assert_true(read_key(&d, &l2t2_key, 7, &i));
	assert_int_equal(d.lines[0], 360);
	assert_int_equal(d.lines[1], 719);
	was = d;
	put_head(&w, 1, 1, 3, 70);
	put(&w, 5, 0x10);
	put_structure(&w, &l1t3);
	assert_true(dependency_reread(&d, w.p, written(&w), &o));
	assert_memory_equal(&d, &was, sizeof(d));
	assert_int_equal(o.spatial, 0);
	put_head(&w, 1, 1, 0, 71);
	assert_true(dependency_reread(&d, w.p, 3, &o));
	assert_int_equal(o.spatial, 1);
	assert_false(dependency_reread(&d, w.p, 2, &o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_structure),
		cmocka_unit_test(tells_what_is_left),
		cmocka_unit_test(what_is_within_a_target),
		cmocka_unit_test(read_again),
		cmocka_unit_test(frames_by_template),
		cmocka_unit_test(nothing_before_a_structure),
		cmocka_unit_test(frames_of_their_own),
		cmocka_unit_test(active_targets),
		cmocka_unit_test(what_covers_what),
		cmocka_unit_test(structures_change),
		cmocka_unit_test(large_structures),
		cmocka_unit_test(lies),
		cmocka_unit_test(the_number_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
