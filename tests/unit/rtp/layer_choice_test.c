#include "check.h"
#include "layer_frames.h"

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

/* In the middle of a stream that was sent whole: its picture is not cut. */
static void what_was_whole_is_cut_from_a_picture_on(void **state)
{
	struct layer_choice c;
	struct layer_info end = frame(1, 0);

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_adopt(&c);
	layer_choice_aim(&c, SECOND, 0, 0);
	assert_int_equal(layer_choice_deadline(&c), UINT64_MAX);
	assert_int_equal(give(&c, 0, 7, frame(1, 2)), LAYER_FORWARD);
	/* Late, and of before. */
	assert_int_equal(give(&c, 0, 6, frame(1, 1)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 8, frame(0, 0)), LAYER_FORWARD);
	assert_true(layer_choice_marker(&c, 8 * TICKS, &end, true));
	assert_int_equal(give(&c, 0, 8, frame(1, 0)), LAYER_DROP);
	assert_int_equal(give(&c, 0, 7, frame(1, 2)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 9, frame(0, 1)), LAYER_DROP);
	assert_int_equal(layer_choice_spatial(&c), 0);
	assert_int_equal(layer_choice_temporal(&c), 0);
	/* Up needs a key picture as ever. */
	layer_choice_aim(&c, SECOND, 7, 7);
	assert_int_equal(give(&c, 0, 10, frame(0, 0)), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 10, frame(1, 0)), LAYER_DROP);
	assert_true(layer_choice_deadline(&c) < UINT64_MAX);
	assert_int_equal(give(&c, 0, 11, key_frame()), LAYER_FORWARD);
	assert_int_equal(give(&c, 0, 11, frame(1, 0)), LAYER_FORWARD);
}

/* A marker is where it was, however often limits have changed since. */
static void markers_stay_where_they_were(void **state)
{
	struct layer_choice c;
	struct layer_info i[3] = { frame(0, 0), frame(1, 0), frame(2, 0) };
	uint8_t top[LAYER_CHANGES + 1];

	(void)state;
	layer_choice_init(&c, false);
	layer_choice_aim(&c, SECOND, 2, 7);
	for (unsigned n = 0; n < LAYER_CHANGES + 1; n++) {
		top[n] = (uint8_t)(n % 2 ? 0 : 1 + n % 4 / 2);
		layer_choice_aim(&c, SECOND, top[n], 7);
		give(&c, 0, 10 * n + 1, key_frame());
		give(&c, 0, 10 * n + 1, i[1]);
		give(&c, 0, 10 * n + 1, i[2]);
		give(&c, 0, 10 * n + 2, i[0]);
	}
	for (unsigned n = 0; n < LAYER_CHANGES + 1; n++)
		for (uint8_t k = 0; k < 3; k++)
			assert_int_equal(
				layer_choice_marker(
					&c, (10 * n + 2) * TICKS, &i[k], false),
				k == top[n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simulcast_begins_with_a_key_picture),
		cmocka_unit_test(what_was_whole_is_cut_from_a_picture_on),
		cmocka_unit_test(markers_stay_where_they_were),
		cmocka_unit_test(simulcast_switches_without_a_seam),
		cmocka_unit_test(it_asks_until_it_is_hopeless),
		cmocka_unit_test(paused_and_resumed),
		cmocka_unit_test(temporal_layers_of_vp8),
		cmocka_unit_test(late_packets_are_judged_as_in_time),
		cmocka_unit_test(temporal_layers_of_vp9),
		cmocka_unit_test(spatial_layers_of_vp9),
		cmocka_unit_test(markers),
		cmocka_unit_test(all_that_is_sent_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
