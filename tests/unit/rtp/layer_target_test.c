/* layer_choice by the dependency descriptor. */
#include "check.h"
#include "layer_frames.h"
#include "rtp/dependency.h"
#include "structure.h"

/* One picture of l2t2_key, number p of its cycle; returns the verdicts of its
 * two frames as S or D, and a switch as B. */
struct stream {
	struct dependency d;
	uint16_t number;
	uint32_t picture;
};

static char letter(enum layer_verdict v)
{
	return v == LAYER_SWITCH    ? 'B'
	       : v == LAYER_FORWARD ? 'S'
	       : v == LAYER_DROP    ? 'D'
				    : '-';
}

static struct layer_info described(struct stream *s, const struct structure *by,
	unsigned index, bool structure)
{
	struct layer_info i = { .start = false };
	struct writer w;

	put_head(&w, 1, 1, (by->offset + index) % 64, s->number++);
	if (structure) {
		put(&w, 5, 0x10);
		put_structure(&w, by);
	}
	assert_true(dependency_read(&s->d, w.p, written(&w), &i));
	return i;
}

/* Pictures of L2T2_KEY: key, then T1 and T0 in turn. */
static void picture(
	struct stream *s, struct layer_choice *c, bool key, char verdicts[3])
{
	bool odd = s->number / 2 % 2;
	unsigned index[2] = { odd ? 2 : 1, odd ? 5 : 4 };

	if (key) {
		/* The cycle begins anew. */
		s->number = (uint16_t)((s->number + 3) / 4 * 4);
		index[0] = 0;
		index[1] = 3;
	}
	for (unsigned k = 0; k < 2; k++) {
		struct layer_info i =
			described(s, &l2t2_key, index[k], key && k == 0);

		verdicts[k] = letter(layer_choice_packet(
			c, s->picture, 0, s->picture * TICKS, &i));
	}
	verdicts[2] = '\0';
	s->picture++;
}

static void targets_of_k_svc(void **state)
{
	struct stream s = { .number = 0 };
	struct layer_choice c;
	char v[3];

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, 0, 1, 1);
	assert_true(layer_choice_ask(&c, 0));
	/* The upper layer needs the lower one in key pictures only. */
	picture(&s, &c, true, v);
	assert_string_equal(v, "BS");
	picture(&s, &c, false, v);
	assert_string_equal(v, "DS");
	picture(&s, &c, false, v);
	assert_string_equal(v, "DS");
	assert_int_equal(layer_choice_spatial(&c), 1);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* Fewer pictures: any time. */
	layer_choice_aim(&c, s.picture, 1, 0);
	picture(&s, &c, false, v);
	assert_string_equal(v, "DD");
	picture(&s, &c, false, v);
	assert_string_equal(v, "DS");
	/* More: the next one that can be decoded. */
	layer_choice_aim(&c, s.picture, 1, 1);
	picture(&s, &c, false, v);
	picture(&s, &c, false, v);
	picture(&s, &c, false, v);
	assert_string_equal(v, "DS");
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* Down needs a key picture: its pictures are not with the receiver.
	 * Until then it does with fewer of those it has. */
	layer_choice_aim(&c, s.picture, 0, 1);
	for (unsigned n = 0; n < 8; n++) {
		bool odd = s.number / 2 % 2;

		picture(&s, &c, false, v);
		assert_string_equal(v, odd ? "DD" : "DS");
	}
	assert_true(layer_choice_ask(&c, SECOND));
	picture(&s, &c, true, v);
	assert_string_equal(v, "SD");
	picture(&s, &c, false, v);
	assert_string_equal(v, "SD");
	assert_int_equal(layer_choice_spatial(&c), 0);
	/* And so does up. */
	layer_choice_aim(&c, s.picture, 1, 1);
	for (unsigned n = 0; n < 8; n++) {
		picture(&s, &c, false, v);
		assert_string_equal(v, "SD");
	}
	picture(&s, &c, true, v);
	assert_string_equal(v, "SS");
	picture(&s, &c, false, v);
	assert_string_equal(v, "DS");
}

/* Sent whole so far: the lower layer's pictures are with the receiver, and what
 * comes late of them is sent as it would have been. */
static void k_svc_in_the_middle(void **state)
{
	struct stream s = { .number = 0 };
	struct layer_choice c, was;
	struct layer_info late;
	char v[3];

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_adopt(&c);
	layer_choice_aim(&c, 0, 0, 7);
	was = c;
	picture(&s, &was, true, v);
	/* A later picture is the first that is judged. */
	for (unsigned n = 0; n < 4; n++)
		picture(&s, &was, false, v);
	picture(&s, &c, false, v);
	assert_string_equal(v, "SS");
	late = described(&s, &l2t2_key, 1, false);
	s.number--;
	assert_int_equal(
		layer_choice_packet(&c, 0, 0, (s.picture - 2) * TICKS, &late),
		LAYER_FORWARD);
	assert_int_equal(layer_choice_active(&c, (s.picture - 1) * TICKS), 0);
	for (unsigned n = 0; n < 2; n++)
		picture(&s, &c, false, v);
	assert_string_equal(v, "SD");
	assert_int_equal(layer_choice_spatial(&c), 0);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	assert_int_equal(layer_choice_active(&c, (s.picture - 1) * TICKS), 3);
	/* Of when it was whole. */
	late = described(&s, &l2t2_key, 4, false);
	assert_int_equal(
		layer_choice_packet(&c, 0, 0, (s.picture - 3) * TICKS, &late),
		LAYER_FORWARD);
	assert_int_equal(layer_choice_active(&c, (s.picture - 3) * TICKS), 0);
}

static void targets_of_temporal_layers(void **state)
{
	/* T0 key, then T2 T1 T2' T0 …, by template. */
	static const unsigned cycle[4] = { 3, 2, 4, 1 };
	static const struct {
		uint8_t aim;
		const char *want;
	} t[] = {
		/* The switch indication of T2 is at T1, of all at T0. */
		{ 0, "DDDS" },
		{ 2, "DSSS" },
		{ 1, "DSDS" },
		{ 0, "DDDS" },
		{ 1, "DDDS" },
		{ 1, "DSDS" },
		{ 2, "DSSS" },
		{ 2, "SSSS" },
	};
	struct stream s = { .number = 40 };
	struct layer_choice c;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, 0, 0, 0);
	for (unsigned n = 0; n < COUNT(t); n++) {
		char v[5] = "";

		if (n == 0) {
			struct layer_info i = described(&s, &l1t3, 0, true);

			assert_int_equal(layer_choice_packet(&c, 0, 0, 0, &i),
				LAYER_SWITCH);
		}
		layer_choice_aim(&c, 0, 0, t[n].aim);
		for (unsigned k = 0; k < 4; k++) {
			struct layer_info i =
				described(&s, &l1t3, cycle[k], false);

			s.picture++;
			v[k] = letter(layer_choice_packet(
				&c, 0, 0, s.picture * TICKS, &i));
		}
		if (strcmp(v, t[n].want) != 0)
			fail_msg("cycle %u: %s", n, v);
	}
}

/* Each encoding counts its targets and its frames for itself. */
static void encodings_with_structures_of_their_own(void **state)
{
	static const struct structure l1t2 = { .offset = 50,
		.n_targets = 2,
		.n_templates = 3,
		.n_chains = 1,
		.t = { { 0, 0, "SS", { 0 } }, { 0, 0, "SS", { 2 } },
			{ 0, 1, "-D", { 1 } } } };
	struct stream s[2] = { { .number = 40 }, { .number = 9000 } };
	struct layer_choice c;
	struct layer_info i;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, 0, 0, 1);
	i = described(&s[0], &l1t3, 0, true);
	assert_int_equal(give(&c, 0, 0, i), LAYER_SWITCH);
	i = described(&s[0], &l1t3, 3, false);
	assert_int_equal(give(&c, 0, 1, i), LAYER_DROP);
	i = described(&s[0], &l1t3, 2, false);
	assert_int_equal(give(&c, 0, 2, i), LAYER_FORWARD);
	assert_int_equal(layer_choice_active(&c, 2 * TICKS), 3);
	/* The other begins with a key picture, and fewer pictures of it. */
	layer_choice_aim(&c, 0, 1, 0);
	i = described(&s[1], &l1t2, 0, true);
	assert_int_equal(give(&c, 1, 7, i), LAYER_SWITCH);
	i = described(&s[0], &l1t3, 1, false);
	assert_int_equal(give(&c, 0, 3, i), LAYER_IGNORE);
	i = described(&s[1], &l1t2, 2, false);
	assert_int_equal(give(&c, 1, 8, i), LAYER_DROP);
	i = described(&s[1], &l1t2, 1, false);
	assert_int_equal(give(&c, 1, 9, i), LAYER_FORWARD);
	assert_int_equal(layer_choice_active(&c, 9 * TICKS), 1);
	assert_int_equal(layer_choice_temporal(&c), 0);
	/* More of them without another, from the next of T0 on. */
	layer_choice_aim(&c, 0, 1, 1);
	i = described(&s[1], &l1t2, 2, false);
	assert_int_equal(give(&c, 1, 10, i), LAYER_DROP);
	i = described(&s[1], &l1t2, 1, false);
	assert_int_equal(give(&c, 1, 11, i), LAYER_FORWARD);
	i = described(&s[1], &l1t2, 2, false);
	assert_int_equal(give(&c, 1, 12, i), LAYER_FORWARD);
	assert_int_equal(layer_choice_active(&c, 12 * TICKS), 3);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* The marker is the publisher's. */
	assert_false(layer_choice_marker(&c, 12 * TICKS, &i, false));
}

static const struct structure *const structures[] = { &l2t2, &l2t2_key };

/* One stream of 40-picture cycles with changing aims. */
static void play_targets(
	const struct structure *by, uint64_t *seed, unsigned reached[2])
{
	static bool sent[65536];
	struct stream s = { .number = (uint16_t)(*seed & 0xfffc) };
	struct layer_choice c;

	memset(sent, 0, sizeof(sent));
	layer_choice_init(&c, false);
	layer_choice_aim(&c, 0, 1, 1);
	for (unsigned n = 0; n < 10000; n++) {
		unsigned p = n / 2, upper = n % 2, odd = p % 2;
		bool key = p % 40 == 0;
		struct layer_info i = described(&s, by,
			key ? 3 * upper : 3 * upper + 1 + odd, key && !upper);
		enum layer_verdict v;

		if (next_random(seed) % 90 == 0)
			layer_choice_aim(&c, n, next_random(seed) % 2,
				next_random(seed) % 2);
		v = layer_choice_packet(&c, n, 0, p * TICKS, &i);
		sent[i.frame_number] = v == LAYER_FORWARD || v == LAYER_SWITCH;
		if (!sent[i.frame_number])
			continue;
		for (unsigned k = 0; k < i.n_refs; k++)
			assert_true(
				sent[(uint16_t)(i.frame_number - i.ref[k])]);
		reached[i.spatial] |= 1u << i.temporal;
	}
}

static void all_targets_decode(void **state)
{
	uint64_t seed = 31;

	(void)state;
	for (unsigned k = 0; k < COUNT(structures); k++)
		for (unsigned round = 0; round < 20; round++) {
			unsigned reached[2] = { 0, 0 };

			play_targets(structures[k], &seed, reached);
			assert_int_equal(reached[0], 3);
			assert_int_equal(reached[1], 3);
		}
}

/* A switch indication is not enough: it has to be decodable, and known to be.
 */
static void references_that_are_not_there(void **state)
{
	static const struct {
		uint16_t ref;
		bool more;
		enum layer_verdict want;
	} t[] = { { 1, false, LAYER_FORWARD }, { 1, true, LAYER_DROP },
		{ 2, false, LAYER_FORWARD }, { 3, false, LAYER_DROP },
		{ 63, false, LAYER_DROP }, { 64, false, LAYER_DROP },
		{ 65, false, LAYER_DROP }, { 4000, false, LAYER_DROP } };

	(void)state;
	for (unsigned k = 0; k < COUNT(t); k++) {
		struct stream s = { .number = 40 };
		struct layer_info i = described(&s, &l1t3, 0, true);
		struct layer_choice c;

		layer_choice_init(&c, false);
		layer_choice_aim(&c, 0, 0, 0);
		assert_int_equal(give(&c, 0, 0, i), LAYER_SWITCH);
		s.number = 200;
		for (unsigned n = 1; n <= 2; n++) {
			i = described(&s, &l1t3, 1, false);
			assert_int_equal(give(&c, 0, n, i), LAYER_FORWARD);
		}
		layer_choice_aim(&c, 0, 0, 2);
		i = described(&s, &l1t3, 2, false);
		i.n_refs = 1;
		i.ref[0] = t[k].ref;
		i.more_refs = t[k].more;
		assert_int_equal(give(&c, 0, 3, i), t[k].want);
	}
}

/* Independent layers in one stream: each begins with its own key frame. */
static void targets_that_stand_alone(void **state)
{
	static const struct structure s2t1 = { .offset = 0,
		.n_targets = 2,
		.n_templates = 4,
		.n_chains = 2,
		.t = { { 0, 0, "S-", { 0 } }, { 0, 0, "S-", { 2 } },
			{ 1, 0, "-S", { 0 } }, { 1, 0, "-S", { 2 } } } };
	struct stream s = { .number = 0 };
	struct layer_choice c;
	struct layer_info i;

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, 0, 1, 0);
	i = described(&s, &s2t1, 0, true);
	assert_int_equal(give(&c, 0, 0, i), LAYER_IGNORE);
	i = described(&s, &s2t1, 2, false);
	assert_int_equal(give(&c, 0, 0, i), LAYER_SWITCH);
	i = described(&s, &s2t1, 1, false);
	assert_int_equal(give(&c, 0, 1, i), LAYER_DROP);
	i = described(&s, &s2t1, 3, false);
	assert_int_equal(give(&c, 0, 1, i), LAYER_FORWARD);
	/* From one to the other is not to be had: the picture that the one has
	 * ended would go on. */
	layer_choice_aim(&c, 0, 0, 0);
	i = described(&s, &s2t1, 0, true);
	assert_int_equal(give(&c, 0, 2, i), LAYER_FORWARD);
	i = described(&s, &s2t1, 2, false);
	assert_int_equal(give(&c, 0, 2, i), LAYER_DROP);
	layer_choice_aim(&c, 0, 1, 0);
	i = described(&s, &s2t1, 0, true);
	assert_int_equal(give(&c, 0, 3, i), LAYER_FORWARD);
	i = described(&s, &s2t1, 2, false);
	assert_int_equal(give(&c, 0, 3, i), LAYER_DROP);
}

static void structures_change_in_the_stream(void **state)
{
	struct stream s = { .number = 0 };
	struct layer_choice c;
	struct layer_info i = { .start = true };
	char v[3];

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, 0, 1, 1);
	picture(&s, &c, true, v);
	assert_string_equal(v, "BS");
	/* A frame whose structure is lost: rather too many than too few. */
	assert_int_equal(give(&c, 0, s.picture, i), LAYER_FORWARD);
	i = described(&s, &l1t3, 0, true);
	assert_int_equal(give(&c, 0, ++s.picture, i), LAYER_FORWARD);
	assert_int_equal(layer_choice_spatial(&c), 0);
	i = described(&s, &l1t3, 3, false);
	assert_int_equal(give(&c, 0, ++s.picture, i), LAYER_DROP);
	i = described(&s, &l1t3, 2, false);
	assert_int_equal(give(&c, 0, ++s.picture, i), LAYER_FORWARD);
}

/* Random packets of every kind: nothing worse than a wrong picture. */
static void anything_at_all(void **state)
{
	uint64_t seed = 6;
	struct stream s = { .number = 0 };
	struct layer_choice c;

	(void)state;
	described(&s, &l2t2_key, 0, true);
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t r = next_random(&seed);
		struct layer_info i = { .spatial = r & 7,
			.temporal = r >> 3 & 7,
			.start = r >> 6 & 1,
			.end = r >> 7 & 1,
			.key = (r >> 8 & 15) == 0,
			.up_spatial = r >> 12 & 1,
			.up_temporal = r >> 13 & 1,
			.up_after = r >> 14 & 1,
			.dependency = r >> 15 & 1 ? &s.d : NULL,
			.dti = next_random(&seed),
			.frame_number = (uint16_t)(r >> 16),
			.n_refs = r >> 32 & 3,
			.ref = { 1, 2, 3 } };

		if (n % 5000 == 0)
			layer_choice_init(&c, r >> 40 & 1);
		if ((r >> 41) % 50 == 0)
			layer_choice_aim(&c, n,
				r & 1 ? LAYER_NONE : r >> 42 & 7, r >> 45 & 7);
		layer_choice_packet(
			&c, n, r >> 48 & 3, (uint32_t)(n + (r >> 50 & 15)), &i);
		layer_choice_marker(&c, n, &i, false);
		layer_choice_ask(&c, n);
		assert_true(layer_choice_spatial(&c) == LAYER_NONE ||
			    layer_choice_spatial(&c) < LAYER_SPATIAL_MAX);
		assert_true(c.now.target == DEPENDENCY_NONE ||
			    c.now.target < s.d.n_targets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_of_k_svc),
		cmocka_unit_test(k_svc_in_the_middle),
		cmocka_unit_test(targets_of_temporal_layers),
		cmocka_unit_test(encodings_with_structures_of_their_own),
		cmocka_unit_test(all_targets_decode),
		cmocka_unit_test(references_that_are_not_there),
		cmocka_unit_test(targets_that_stand_alone),
		cmocka_unit_test(structures_change_in_the_stream),
		cmocka_unit_test(anything_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
