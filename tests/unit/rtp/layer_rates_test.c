#include "check.h"
#include "rtp/layer_rates.h"

static bool read_exact(
	struct layer_rates *ret, const uint8_t *bytes, size_t len)
{
	uint8_t *p = exact_copy(bytes, len);
	bool ok = layer_rates_read(ret, p, len);

	free(p);
	return ok;
}

/* As Chromium sent them (tests/vectors/rtp). */
static void recorded(void **state)
{
	static const uint8_t simulcast[] = { 0xa1, 0xa8, 0x3c, 0x5a, 0x96, 0x01,
		0xc8, 0x01, 0xac, 0x02, 0xf4, 0x03, 0xc1, 0x03, 0xa2, 0x05,
		0xe3, 0x08, 0x01, 0x3f, 0x00, 0xb3, 0x17, 0x02, 0x7f, 0x01,
		0x67, 0x17, 0x04, 0xff, 0x02, 0xcf, 0x17 };
	static const uint8_t svc[] = { 0x03, 0xa0, 0x4d, 0x64, 0x8e, 0x01, 0xae,
		0x02, 0x8a, 0x03, 0xb0, 0x04 };
	static const uint32_t rates[3][3] = { { 60000, 90000, 150000 },
		{ 200000, 300000, 500000 }, { 449000, 674000, 1123000 } };
	struct layer_rates r;

	(void)state;
	assert_true(read_exact(&r, simulcast, sizeof(simulcast)));
	assert_int_equal(r.stream, 2);
	assert_int_equal(r.n_streams, 3);
	assert_int_equal(r.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct layer_rate *l = &r.layer[i];

		assert_int_equal(l->stream, i);
		assert_int_equal(l->spatial, 0);
		assert_int_equal(l->n_temporals, 3);
		for (unsigned t = 0; t < 3; t++)
			assert_int_equal(l->rate_bps[t], rates[i][t]);
		assert_int_equal(l->width, 320 << i);
		assert_int_equal(l->height, 180 << i);
		assert_int_equal(l->fps, 23);
	}
	assert_true(read_exact(&r, svc, sizeof(svc)));
	assert_int_equal(r.n_streams, 1);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.layer[1].spatial, 1);
	assert_int_equal(r.layer[0].rate_bps[2], 142000);
	assert_int_equal(r.layer[1].rate_bps[0], 302000);
	assert_int_equal(r.layer[1].width, 0);
	/* Cut anywhere it lies, where no size of a layer is cut off whole. */
	for (size_t len = 0; len < sizeof(simulcast); len++)
		assert_int_equal(read_exact(&r, simulcast, len), len == 18);
	for (size_t len = 0; len < sizeof(svc); len++)
		assert_false(read_exact(&r, svc, len));
}

static void streams_of_different_layers(void **state)
{
	/* Stream 0 has layers 0 and 1, stream 1 none, stream 2 layer 3. */
	static const uint8_t bytes[] = { 0x20, 0x30, 0x80, 0x18, 0x01, 0x02,
		0x03, 0x04, 0x05, 0x06 };
	static const uint8_t none[] = { 0x00 };
	static const uint8_t all[] = { 0x3f, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1 };
	struct layer_rates r;

	(void)state;
	assert_true(read_exact(&r, bytes, sizeof(bytes)));
	assert_int_equal(r.n, 3);
	assert_int_equal(r.n_streams, 3);
	assert_int_equal(r.layer[0].n_temporals, 1);
	assert_int_equal(r.layer[0].rate_bps[0], 1000);
	assert_int_equal(r.layer[1].spatial, 1);
	assert_int_equal(r.layer[1].n_temporals, 2);
	assert_int_equal(r.layer[1].rate_bps[1], 3000);
	assert_int_equal(r.layer[2].stream, 2);
	assert_int_equal(r.layer[2].spatial, 3);
	assert_int_equal(r.layer[2].n_temporals, 3);
	assert_true(read_exact(&r, none, 1));
	assert_int_equal(r.n_streams, 0);
	assert_int_equal(r.n, 0);
	assert_true(read_exact(&r, all, sizeof(all)));
	assert_int_equal(r.n, LAYER_RATES_MAX);
	assert_int_equal(r.layer[15].stream, 3);
	assert_int_equal(r.layer[15].spatial, 3);
}

static void large_and_lying(void **state)
{
	static const struct {
		const char *name;
		bool ok;
		size_t len;
		uint8_t bytes[16];
		uint32_t want_bps;
	} t[] = {
		{ "most", true, 7, { 0x01, 0, 0xff, 0xff, 0xff, 0xff, 0x0f },
			UINT32_MAX },
		{ "4 Gbit/s", true, 6, { 0x01, 0, 0x80, 0x92, 0xf4, 0x01 },
			4000000000u },
		{ "a leb128 without end", false, 9,
			{ 0x01, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 }, 0 },
		{ "on a stream that is not there", false, 3, { 0x41, 0, 1 },
			0 },
		{ "half a size", false, 7, { 0x01, 0, 1, 1, 0x3f, 0, 0xb3 },
			0 },
		{ "no masks", false, 1, { 0x10 }, 0 },
		{ "half of the masks", false, 2, { 0x20, 0x11 }, 0 },
	};
	struct layer_rates r;

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		if (read_exact(&r, t[i].bytes, t[i].len) != t[i].ok)
			fail_msg("%s", t[i].name);
		if (t[i].ok)
			assert_int_equal(r.layer[0].rate_bps[0], t[i].want_bps);
	}
}

static void random_bytes(void **state)
{
	uint64_t seed = 14;
	struct layer_rates r;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t bytes[40];
		size_t len = next_random(&seed) % sizeof(bytes);

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)next_random(&seed);
		if (!read_exact(&r, bytes, len))
			continue;
		assert_true(r.n <= LAYER_RATES_MAX);
		for (unsigned k = 0; k < r.n; k++) {
			assert_true(r.layer[k].stream < r.n_streams);
			assert_in_range(r.layer[k].n_temporals, 1,
				LAYER_RATES_TEMPORALS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded),
		cmocka_unit_test(streams_of_different_layers),
		cmocka_unit_test(large_and_lying),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
