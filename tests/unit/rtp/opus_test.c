#include "check.h"
#include "rtp/opus.h"

static void silence(void **state)
{
	(void)state;
	assert_true(opus_is_dtx(0));
	assert_true(opus_is_dtx(1));
	assert_true(opus_is_dtx(2));
	assert_false(opus_is_dtx(3));
}

/* RFC 6716 table 2, and the frame counts of 3.2. */
static void durations(void **state)
{
	static const struct {
		uint8_t config, code, count;
		uint32_t want;
	} t[] = {
		{ 0, 0, 0, 480 },
		{ 1, 0, 0, 960 },
		{ 2, 0, 0, 1920 },
		{ 3, 0, 0, 2880 },
		{ 11, 0, 0, 2880 },
		{ 12, 0, 0, 480 },
		{ 13, 0, 0, 960 },
		{ 15, 0, 0, 960 },
		{ 16, 0, 0, 120 },
		{ 17, 0, 0, 240 },
		{ 18, 0, 0, 480 },
		{ 19, 0, 0, 960 },
		{ 31, 0, 0, 960 },
		{ 31, 1, 0, 1920 },
		{ 31, 2, 0, 1920 },
		{ 31, 3, 3, 2880 },
		{ 31, 3, 6, 5760 },
		{ 31, 3, 7, 0 },
		{ 16, 3, 48, 5760 },
		{ 16, 3, 49, 0 },
		{ 3, 3, 2, 5760 },
		{ 3, 3, 3, 0 },
		{ 3, 3, 0, 0 },
		{ 16, 3, 0xc1, 120 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		uint8_t bytes[2] = {
			(uint8_t)(t[i].config << 3 | 4 | t[i].code), t[i].count
		};
		size_t len = t[i].code == 3 ? 2 : 1;
		uint8_t *p = exact_copy(bytes, len);

		assert_int_equal(opus_samples(p, len), t[i].want);
		free(p);
	}
	assert_int_equal(opus_samples(NULL, 0), 0);
	assert_int_equal(opus_samples((const uint8_t[]){ 0x03 }, 1), 0);
}

static void pauses(void **state)
{
	(void)state;
	assert_int_equal(opus_pause(0, 960, 960), 0);
	assert_int_equal(opus_pause(0, 960, 19200), 18240);
	assert_int_equal(opus_pause(UINT32_MAX - 959, 960, 480), 480);
	/* Timestamps that go back, or overlap. */
	assert_int_equal(opus_pause(960, 960, 0), 0);
	assert_int_equal(opus_pause(0, 960, 480), 0);
	assert_int_equal(opus_pause(0, 0, 960), 960);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence),
		cmocka_unit_test(durations),
		cmocka_unit_test(pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
