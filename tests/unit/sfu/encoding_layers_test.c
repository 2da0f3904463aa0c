#include "sfu/encoding_layers.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/unit/rtp/structure.h"

enum { S = 1000000 };

static struct layer_info at(uint8_t spatial, uint8_t temporal)
{
	return (struct layer_info){ .spatial = spatial, .temporal = temporal };
}

static void each_layer_counts_to_all_above(void **state)
{
	(void)state;
	struct encoding_layers *l = encoding_layers_new();
	struct layer_info base = at(0, 0), upper = at(1, 0), odd = at(1, 1),
			  far = at(7, 7);
	/* Of no known time. */
	encoding_layers_add(l, &far, 100000);
	encoding_layers_measure(l, S);
	assert_int_equal(l->n_spatial, 1);
	assert_int_equal(encoding_layers_rate(l, 3, 3), 0);
	for (unsigned i = 1; i <= 4; i++) {
		encoding_layers_add(l, &base, 1000);
		encoding_layers_add(l, &upper, 2000);
		encoding_layers_add(l, &odd, 500);
		encoding_layers_measure(l, S + i * S / 4);
	}
	assert_int_equal(l->n_spatial, 2);
	assert_int_equal(l->n_temporal, 2);
	assert_int_equal(encoding_layers_rate(l, 0, 0), 32000);
	assert_int_equal(encoding_layers_rate(l, 0, 1), 32000);
	assert_int_equal(encoding_layers_rate(l, 1, 0), 96000);
	assert_int_equal(encoding_layers_rate(l, 1, 1), 112000);
	/* More than are told apart are of the highest. */
	encoding_layers_add(l, &far, 1000);
	encoding_layers_measure(l, 3 * S);
	assert_int_equal(l->n_spatial, ENCODING_LAYERS_SPATIAL);
	assert_int_equal(l->n_temporal, ENCODING_LAYERS_TEMPORAL);
	/* What is not sent any more is forgotten. */
	for (unsigned i = 1; i <= ENCODING_LAYERS_WINDOW; i++) {
		encoding_layers_add(l, &base, 1000);
		encoding_layers_measure(l, 3 * S + i * S / 4);
	}
	assert_int_equal(l->n_spatial, 1);
	assert_int_equal(l->n_temporal, 1);
	encoding_layers_free(l);
}

static void read(
	struct encoding_layers *l, unsigned id, unsigned number, bool structure)
{
	struct layer_info i = { .start = false };
	struct writer w;
	put_head(&w, 1, 1, id, number);
	if (structure) {
		put(&w, 5, 0x10);
		put_structure(&w, &l2t2_key);
	}
	assert_true(dependency_read(&l->dependency, w.p, written(&w), &i));
	encoding_layers_add(l, &i, 1000 + number % 2 * 1000);
}

/* The upper layer is predicted from itself: who is sent that has no use for the
 * lower one. */
static void targets_count_what_is_present(void **state)
{
	(void)state;
	struct encoding_layers *l = encoding_layers_new();
	encoding_layers_measure(l, S);
	read(l, 60, 0, true);
	read(l, 63, 1, false);
	for (unsigned n = 2; n < 10; n += 2) {
		read(l, 61, n, false);
		read(l, 0, n + 1, false);
	}
	encoding_layers_measure(l, 2 * S);
	assert_int_equal(l->n_spatial, 2);
	assert_int_equal(encoding_layers_rate(l, 0, 0), 8 * 5000);
	/* With the first key picture's lower layer. */
	assert_int_equal(encoding_layers_rate(l, 1, 1), 8 * (1000 + 10000));
	assert_int_equal(l->lines[0], 360);
	assert_int_equal(l->lines[1], 719);
	/* Another source tells anew. */
	l->described = true;
	encoding_layers_begin(l);
	assert_false(l->described);
	assert_int_equal(l->dependency.generation, 0);
	encoding_layers_free(l);
}

static void lines_are_those_told_last(void **state)
{
	(void)state;
	struct encoding_layers *l = encoding_layers_new();
	struct layer_info i = { .lines = { 90, 180, 360 } };
	encoding_layers_add(l, &i, 1);
	assert_int_equal(l->lines[2], 360);
	i = at(0, 0);
	encoding_layers_add(l, &i, 1);
	assert_int_equal(l->lines[0], 90);
	encoding_layers_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layer_counts_to_all_above),
		cmocka_unit_test(targets_count_what_is_present),
		cmocka_unit_test(lines_are_those_told_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
