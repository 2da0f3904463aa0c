#include "check.h"
#include "rtp/dependency.h"
#include "rtp/layer_choice.h"
#include "structure.h"

enum { SECOND = 1000000, TICKS = 3000 };

/* --- scripts of pictures without a descriptor --------------------------- */

static struct layer_info frame(uint8_t spatial, uint8_t temporal)
{
	return (struct layer_info){ .spatial = spatial,
		.temporal = temporal,
		.start = true,
		.end = true };
}

static struct layer_info key_frame(void)
{
	struct layer_info i = frame(0, 0);

	i.key = i.up_spatial = i.up_temporal = true;
	return i;
}

static enum layer_verdict give(struct layer_choice *c, uint8_t encoding,
	uint32_t picture, struct layer_info i)
{
	return layer_choice_packet(
		c, SECOND + picture, encoding, picture * TICKS, &i);
}

static void simulcast_begins_with_a_key_picture(void **state)
{
	struct layer_choice c;
	struct layer_info middle = key_frame();

	(void)state;
	layer_choice_init(&c, true);
	assert_int_equal(give(&c, 0, 1, key_frame()), LAYER_IGNORE);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	layer_choice_aim(&c, SECOND, 1, 7);
	assert_int_equal(layer_choice_spatial(&c), LAYER_NONE);
	assert_int_equal(layer_choice_deadline(&c), SECOND);
	assert_int_equal(give(&c, 0, 1, key_frame()), LAYER_IGNORE);
	assert_int_equal(give(&c, 1, 1, frame(0, 0)), LAYER_IGNORE);
	middle.start = false;
	assert_int_equal(give(&c, 1, 2, middle), LAYER_IGNORE);
	assert_true(layer_choice_ask(&c, SECOND));
	assert_false(layer_choice_ask(&c, SECOND));
	assert_int_equal(give(&c, 1, 3, key_frame()), LAYER_SWITCH);
	assert_int_equal(give(&c, 1, 3, middle), LAYER_FORWARD);
	assert_int_equal(give(&c, 1, 4, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(layer_choice_spatial(&c), 1);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
}

/* The old encoding goes on until the new one has its key picture. */
static void simulcast_switches_without_a_seam(void **state)
{
	struct layer_choice c;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, SECOND, 0, 7);
	assert_int_equal(give(&c, 0, 1, key_frame()), LAYER_SWITCH);
	layer_choice_aim(&c, SECOND, 2, 7);
	assert_true(layer_choice_ask(&c, SECOND));
	for (unsigned n = 2; n < 20; n++) {
		assert_int_equal(give(&c, 0, n, frame(0, 0)), LAYER_FORWARD);
		assert_int_equal(give(&c, 1, n, key_frame()), LAYER_IGNORE);
		assert_int_equal(give(&c, 2, n, frame(0, 0)), LAYER_IGNORE);
		assert_int_equal(layer_choice_spatial(&c), 0);
	}
	assert_int_equal(give(&c, 2, 20, key_frame()), LAYER_SWITCH);
	assert_int_equal(give(&c, 0, 20, frame(0, 0)), LAYER_IGNORE);
	assert_int_equal(give(&c, 0, 21, key_frame()), LAYER_IGNORE);
	assert_int_equal(layer_choice_spatial(&c), 2);
	/* Down is no other thing than up. */
	layer_choice_aim(&c, 2 * SECOND, 0, 7);
	assert_int_equal(give(&c, 2, 22, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 22, key_frame()), LAYER_SWITCH);
	/* There and back before anything came. */
	layer_choice_aim(&c, 3 * SECOND, 1, 7);
	layer_choice_aim(&c, 3 * SECOND, 0, 7);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	assert_int_equal(give(&c, 1, 23, key_frame()), LAYER_IGNORE);
	assert_int_equal(give(&c, 0, 23, frame(0, 0)), LAYER_FORWARD);
}

static void it_asks_until_it_is_hopeless(void **state)
{
	struct layer_choice c;
	uint64_t now = SECOND;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, now, 0, 7);
	give(&c, 0, 1, key_frame());
	assert_false(layer_choice_ask(&c, now));
	layer_choice_aim(&c, now, 2, 7);
	for (unsigned n = 0; n < LAYER_STALLED; n++) {
		assert_false(layer_choice_stalled(&c));
		assert_true(layer_choice_ask(&c, now));
		assert_false(layer_choice_ask(&c, now + LAYER_ASK_US - 1));
		now += LAYER_ASK_US;
	}
	assert_true(layer_choice_stalled(&c));
	assert_int_equal(layer_choice_spatial(&c), 0);
	/* Less often from now on, but for ever. */
	assert_false(layer_choice_ask(&c, now));
	assert_int_equal(layer_choice_deadline(&c), now + 4 * LAYER_ASK_US);
	assert_true(layer_choice_ask(&c, now + 4 * LAYER_ASK_US));
	/* Another aim is another wait. */
	layer_choice_aim(&c, now, 1, 7);
	assert_false(layer_choice_stalled(&c));
	assert_true(layer_choice_ask(&c, now));
	assert_int_equal(give(&c, 1, 9, key_frame()), LAYER_SWITCH);
	assert_false(layer_choice_ask(&c, now + SECOND));
}

static void paused_and_resumed(void **state)
{
	struct layer_choice c;

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, SECOND, 2, 7);
	assert_int_equal(give(&c, 0, 1, key_frame()), LAYER_SWITCH);
	layer_choice_aim(&c, SECOND, LAYER_NONE, 7);
	assert_int_equal(give(&c, 0, 2, frame(0, 0)), LAYER_IGNORE);
	assert_int_equal(give(&c, 0, 3, key_frame()), LAYER_IGNORE);
	assert_int_equal(layer_choice_spatial(&c), LAYER_NONE);
	assert_int_equal(layer_choice_temporal(&c), LAYER_NONE);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	layer_choice_aim(&c, SECOND, 2, 7);
	assert_true(layer_choice_ask(&c, SECOND));
	assert_int_equal(give(&c, 0, 4, frame(0, 0)), LAYER_IGNORE);
	assert_int_equal(give(&c, 0, 5, key_frame()), LAYER_SWITCH);
}

/* --- temporal layers ---------------------------------------------------- */

static struct layer_info sync_frame(uint8_t temporal)
{
	struct layer_info i = frame(0, temporal);

	i.up_temporal = true;
	return i;
}

static void temporal_layers_of_vp8(void **state)
{
	struct layer_choice c;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, SECOND, 0, 0);
	assert_int_equal(give(&c, 0, 0, key_frame()), LAYER_SWITCH);
	assert_int_equal(give(&c, 0, 1, sync_frame(2)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 2, sync_frame(1)), LAYER_DROP);
	assert_int_equal(layer_choice_temporal(&c), 0);
	/* Up at sync pictures, one at a time. */
	layer_choice_aim(&c, SECOND, 0, 2);
	assert_int_equal(give(&c, 0, 3, frame(0, 2)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 4, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 5, sync_frame(2)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 6, frame(0, 1)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 7, sync_frame(1)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 8, frame(0, 2)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 9, frame(0, 1)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 10, sync_frame(2)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 11, frame(0, 2)), LAYER_FORWARD);
	assert_int_equal(layer_choice_temporal(&c), 2);
	/* No key frame is asked for. */
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* Down at once; but a picture that has begun is finished. */
	layer_choice_aim(&c, SECOND, 0, 0);
	assert_int_equal(give(&c, 0, 11, frame(0, 2)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 12, frame(0, 1)), LAYER_DROP);
	/* Up with a key picture, all at once. */
	layer_choice_aim(&c, SECOND, 0, 2);
	assert_int_equal(give(&c, 0, 13, key_frame()), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 14, frame(0, 2)), LAYER_FORWARD);
}

static void late_packets_are_judged_as_in_time(void **state)
{
	struct layer_choice c;

	(void)state;
	layer_choice_init(&c, true);
	layer_choice_aim(&c, SECOND, 0, 2);
	give(&c, 0, 0, key_frame());
	assert_int_equal(give(&c, 0, 3, frame(0, 2)), LAYER_FORWARD);
	layer_choice_aim(&c, SECOND, 0, 0);
	assert_int_equal(give(&c, 0, 5, frame(0, 2)), LAYER_DROP);
	/* Of before the change: some of that picture is with the receiver. */
	assert_int_equal(give(&c, 0, 3, frame(0, 2)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 4, frame(0, 1)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 5, frame(0, 2)), LAYER_DROP);
	layer_choice_aim(&c, SECOND, 0, 2);
	assert_int_equal(give(&c, 0, 8, sync_frame(1)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 7, frame(0, 1)), LAYER_DROP);
	/* A late sync picture opens nothing. */
	assert_int_equal(give(&c, 0, 6, sync_frame(2)), LAYER_DROP);
	assert_int_equal(layer_choice_temporal(&c), 1);
}

/* VP9's U at a picture that is forwarded opens all that is above. */
static void temporal_layers_of_vp9(void **state)
{
	struct layer_choice c;
	struct layer_info u = frame(0, 0);

	(void)state;
	u.up_after = u.up_temporal = true;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, SECOND, 0, 0);
	give(&c, 0, 0, key_frame());
	layer_choice_aim(&c, SECOND, 0, 2);
	assert_int_equal(give(&c, 0, 1, frame(0, 2)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 2, u), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 3, frame(0, 2)), LAYER_FORWARD);
	/* At one of a higher layer it says nothing of what is below. */
	layer_choice_aim(&c, SECOND, 0, 0);
	assert_int_equal(give(&c, 0, 4, frame(0, 0)), LAYER_FORWARD);
	layer_choice_aim(&c, SECOND, 0, 2);
	u.temporal = 2;
	assert_int_equal(give(&c, 0, 5, u), LAYER_DROP);
	u.temporal = 1;
	assert_int_equal(give(&c, 0, 6, u), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 7, frame(0, 2)), LAYER_DROP);
}

/* --- spatial layers of VP9 ---------------------------------------------- */

static struct layer_info upper(uint8_t spatial, bool intra)
{
	struct layer_info i = frame(spatial, 0);

	i.up_spatial = intra;
	return i;
}

static void spatial_layers_of_vp9(void **state)
{
	struct layer_choice c;
	struct layer_info late;

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, SECOND, 1, 7);
	assert_int_equal(give(&c, 0, 0, upper(1, true)), LAYER_IGNORE);
	assert_int_equal(give(&c, 0, 1, key_frame()), LAYER_SWITCH);
	assert_int_equal(give(&c, 0, 1, upper(1, true)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 1, upper(2, true)), LAYER_DROP);
	assert_int_equal(layer_choice_spatial(&c), 1);
	/* Up needs a key picture, from its start: in the middle the layer below
	 * has already ended with the marker. */
	layer_choice_aim(&c, SECOND, 7, 7);
	assert_int_equal(give(&c, 0, 2, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 2, upper(1, false)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 2, upper(2, false)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 3, upper(2, true)), LAYER_DROP);
	/* It waits for it to come by itself, and then asks. */
	assert_false(layer_choice_ask(&c, SECOND + 2));
	assert_true(layer_choice_ask(&c, SECOND + 2 + LAYER_PATIENCE_US));
	late = key_frame();
	late.start = false;
	assert_int_equal(give(&c, 0, 3, late), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 3, upper(2, true)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 4, key_frame()), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 4, upper(1, true)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 4, upper(2, true)), LAYER_FORWARD);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* No more layers are there: nothing to ask for. */
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	/* Down at the next picture, no sooner. */
	layer_choice_aim(&c, SECOND, 0, 7);
	assert_int_equal(give(&c, 0, 4, upper(2, true)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 5, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 5, upper(1, false)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 4, upper(2, false)), LAYER_FORWARD);
	assert_int_equal(layer_choice_spatial(&c), 0);
	/* A key picture with fewer layers. */
	layer_choice_aim(&c, SECOND, 2, 7);
	assert_int_equal(give(&c, 0, 6, upper(1, false)), LAYER_DROP);
	assert_int_not_equal(layer_choice_deadline(&c), UINT64_MAX);
	assert_int_equal(give(&c, 0, 7, key_frame()), LAYER_FORWARD);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
}

/* The last packet of what is forwarded ends the picture. */
static void markers(void **state)
{
	struct layer_choice c;
	struct layer_info i;

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, SECOND, 1, 7);
	give(&c, 0, 1, key_frame());
	give(&c, 0, 1, upper(1, true));
	i = frame(0, 0);
	assert_false(layer_choice_marker(&c, TICKS, &i, false));
	assert_true(layer_choice_marker(&c, TICKS, &i, true));
	i = upper(1, false);
	assert_true(layer_choice_marker(&c, TICKS, &i, false));
	i.end = false;
	assert_false(layer_choice_marker(&c, TICKS, &i, false));
	/* A packet sent again has the marker it had. */
	layer_choice_aim(&c, SECOND, 0, 7);
	give(&c, 0, 2, frame(0, 0));
	i = frame(0, 0);
	assert_true(layer_choice_marker(&c, 2 * TICKS, &i, false));
	assert_false(layer_choice_marker(&c, TICKS, &i, false));
	i = upper(1, false);
	assert_true(layer_choice_marker(&c, TICKS, &i, false));
	/* Streams of their own end by themselves. */
	layer_choice_init(&c, true);
	layer_choice_aim(&c, SECOND, 0, 7);
	give(&c, 0, 1, key_frame());
	assert_false(layer_choice_marker(&c, TICKS, &i, false));
}

/* --- whole streams, and what a decoder would say ------------------------ */

enum { FRAMES = 6000, PER_PICTURE = 2 };

/* A frame of a made-up stream. */
struct made {
	struct layer_info info;
	uint32_t picture;
	unsigned ref[3], n_refs; /* indexes of frames */
};

static struct made made[FRAMES];

/* Two spatial layers; picture n is of temporal layer 0, 2, 1, 2, …, each
 * referring to the newest of its spatial layer in lower or equal layers that
 * the pattern allows; the upper to the lower of its picture when linked. */
static unsigned make(unsigned n_pictures, bool linked, unsigned key_every)
{
	static const uint8_t pattern[4] = { 0, 2, 1, 2 };
	unsigned last[2][3] = { { 0 } }, n = 0;

	for (unsigned p = 0; p < n_pictures; p++) {
		bool key = p % key_every == 0;
		uint8_t t = key ? 0 : pattern[p % key_every % 4];

		for (uint8_t s = 0; s < PER_PICTURE; s++) {
			struct made *m = &made[n];

			*m = (struct made){ .picture = p,
				.info = { .spatial = s,
					.temporal = t,
					.start = true,
					.end = true,
					.up_spatial = key,
					.up_temporal = key || t > 0,
					.up_after = key,
					.key = key && s == 0 } };
			if (!key)
				m->ref[m->n_refs++] = last[s][t == 2 ? 1 : 0];
			if (s && (key || linked))
				m->ref[m->n_refs++] = n - 1;
			/* The second T2 of a cycle refers to T1. */
			if (t == 2 && p % key_every % 4 == 1)
				m->ref[0] = last[s][0];
			else if (t == 2)
				m->info.up_temporal = false;
			last[s][t] = n;
			if (t == 0)
				last[s][1] = n;
			n++;
		}
	}
	return n;
}

/* Everything forwarded can be decoded out of what was forwarded, whatever is
 * wanted and whenever that changes; and what is wanted comes. */
static void all_that_is_sent_decodes(void **state)
{
	static bool sent[FRAMES];
	uint64_t seed = 77;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = make(FRAMES / PER_PICTURE, true, 60);
		unsigned reached[2] = { 0, 0 };
		struct layer_choice c;

		layer_choice_init(&c, false);
		layer_choice_aim(&c, 0, 1, 2);
		for (unsigned i = 0; i < n; i++) {
			const struct made *m = &made[i];
			enum layer_verdict v;

			if (next_random(&seed) % 150 == 0)
				layer_choice_aim(&c, 0,
					(uint8_t)(next_random(&seed) % 2),
					(uint8_t)(next_random(&seed) % 3));
			v = layer_choice_packet(
				&c, i, 0, m->picture * TICKS, &m->info);
			sent[i] = v == LAYER_FORWARD || v == LAYER_SWITCH;
			if (!sent[i])
				continue;
			for (unsigned k = 0; k < m->n_refs; k++)
				if (!sent[m->ref[k]])
					fail_msg("round %u: %u (S%u T%u) "
						 "refers to %u",
						round, i, m->info.spatial,
						m->info.temporal, m->ref[k]);
			reached[m->info.spatial] |= 1u << m->info.temporal;
		}
		assert_int_equal(reached[0], 7);
		assert_int_equal(reached[1], 7);
	}
}

/* --- with a dependency descriptor --------------------------------------- */

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
	/* Down needs a key picture: its pictures are not with the receiver. */
	layer_choice_aim(&c, s.picture, 0, 1);
	for (unsigned n = 0; n < 8; n++) {
		picture(&s, &c, false, v);
		assert_int_equal(v[0], 'D');
		assert_int_equal(v[1], 'S');
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
		cmocka_unit_test(simulcast_begins_with_a_key_picture),
		cmocka_unit_test(simulcast_switches_without_a_seam),
		cmocka_unit_test(it_asks_until_it_is_hopeless),
		cmocka_unit_test(paused_and_resumed),
		cmocka_unit_test(temporal_layers_of_vp8),
		cmocka_unit_test(late_packets_are_judged_as_in_time),
		cmocka_unit_test(temporal_layers_of_vp9),
		cmocka_unit_test(spatial_layers_of_vp9),
		cmocka_unit_test(markers),
		cmocka_unit_test(all_that_is_sent_decodes),
		cmocka_unit_test(targets_of_k_svc),
		cmocka_unit_test(targets_of_temporal_layers),
		cmocka_unit_test(all_targets_decode),
		cmocka_unit_test(references_that_are_not_there),
		cmocka_unit_test(targets_that_stand_alone),
		cmocka_unit_test(structures_change_in_the_stream),
		cmocka_unit_test(anything_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
