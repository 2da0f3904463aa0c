#include "check.h"
#include "rtp/rtcp.h"
#include "rtp/twcc.h"

enum { MS = 1000 };

/* Header, SSRCs, base 0xfffe, five packets, reference 0x00000b, number 7; a
 * run of two small, a two-bit vector of absent, large, small; deltas. */
static const uint8_t mixed[] = {
	0x8f,
	205,
	0,
	7, /* header */
	0,
	0,
	0,
	1,
	0,
	0,
	0,
	2, /* SSRCs */
	0xff,
	0xfe,
	0,
	5, /* base, count */
	0,
	0,
	11,
	7, /* reference, number */
	0x20,
	0x02, /* run: small, two */
	0xc9,
	0x00, /* vector: absent, large, small, … */
	4,
	8, /* 1 ms, 2 ms */
	0xff,
	0xfc, /* -1 ms */
	0x28, /* 10 ms */
	0,
	0,
	0,
};

static void expect(const uint8_t *buf, size_t len,
	const struct twcc_status *want, unsigned n)
{
	struct twcc_walk w;
	struct twcc_status got;
	uint8_t *copy = exact_copy(buf, len);

	assert_int_equal(twcc_walk_init(&w, copy, len), 0);
	assert_int_equal(w.count, n);
	for (unsigned i = 0; i < n; i++) {
		assert_true(twcc_next(&w, &got));
		assert_int_equal(got.seq, want[i].seq);
		assert_int_equal(got.received, want[i].received);
		assert_int_equal(got.arrival_us, want[i].arrival_us);
	}
	assert_false(twcc_next(&w, &got));
	free(copy);
}

static void reads_runs_and_vectors(void **state)
{
	static const struct twcc_status want[] = {
		{ 0xfffe, true, 1 * MS },
		{ 0xffff, true, 3 * MS },
		{ 0, false, 0 },
		{ 1, true, 2 * MS },
		{ 2, true, 12 * MS },
	};
	struct twcc_walk w;

	(void)state;
	expect(mixed, sizeof(mixed), want, COUNT(want));
	twcc_walk_init(&w, mixed, sizeof(mixed));
	assert_int_equal(w.base, 0xfffe);
	assert_int_equal(w.ref, 11);
	assert_int_equal(w.number, 7);
}

static void reads_one_bit_vectors(void **state)
{
	static const uint8_t buf[] = { 0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2,
		0, 9, 0, 3, 0, 0, 0, 0, 0x80 | 0x28, 0, 1, 2 };
	static const struct twcc_status want[] = { { 9, true, 250 },
		{ 10, false, 0 }, { 11, true, 750 } };

	(void)state;
	expect(buf, sizeof(buf), want, COUNT(want));
}

static int try(const uint8_t *buf, size_t len)
{
	uint8_t *copy = exact_copy(buf, len);
	struct twcc_walk w;
	int r = twcc_walk_init(&w, copy, len);

	free(copy);
	return r;
}

static void refuses_what_lies(void **state)
{
	uint8_t buf[sizeof(mixed)];
	/* A run of as many absent ones as fit, without any delta. */
	uint8_t many[] = { 0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0x20,
		0x00, 0, 0, 0, 0, 0x1f, 0xff, 0x00, 0x01 };

	(void)state;
	for (size_t len = 0; len < sizeof(mixed) - 3; len++)
		assert_int_equal(try(mixed, len), -EBADMSG);
	assert_int_equal(try(mixed, sizeof(mixed) - 3), 0);
	memcpy(buf, mixed, sizeof(buf));
	buf[15] = 0; /* of no packet */
	assert_int_equal(try(buf, sizeof(buf)), -EBADMSG);
	memcpy(buf, mixed, sizeof(buf));
	buf[20] |= 0x60; /* a run of the reserved symbol */
	assert_int_equal(try(buf, sizeof(buf)), -EBADMSG);
	memcpy(buf, mixed, sizeof(buf));
	buf[21] = 0; /* a run of none */
	assert_int_equal(try(buf, sizeof(buf)), -EBADMSG);
	assert_int_equal(try(many, sizeof(many)), 0);
	many[15] = 0x01; /* TWCC_COUNT_MAX + 1 */
	many[23] = 0x02;
	assert_int_equal(try(many, sizeof(many)), -EBADMSG);
}

static void hostile_deltas_saturate(void **state)
{
	enum { N = 8191 };
	static uint8_t buf[24 + 2 * N];
	struct twcc_walk w;
	struct twcc_status got;
	int32_t last = 0;

	(void)state;
	memcpy(buf, mixed, 20);
	buf[14] = N >> 8;
	buf[15] = N & 0xff;
	buf[20] = 0x40 | N >> 8;
	buf[21] = N & 0xff;
	for (unsigned i = 0; i < N; i++) {
		buf[22 + 2 * i] = 0x7f;
		buf[23 + 2 * i] = 0xff;
	}
	assert_int_equal(twcc_walk_init(&w, buf, sizeof(buf)), 0);
	while (twcc_next(&w, &got)) {
		assert_true(got.arrival_us >= last);
		last = got.arrival_us;
	}
	assert_true(last > INT32_MAX - TWCC_TICK_US);
}

static void reference_time_wraps(void **state)
{
	(void)state;
	assert_true(twcc_unwrap_ref(0x1000000, 5) == 0x1000005);
	assert_true(twcc_unwrap_ref(0x1fffffe, 1) == 0x2000001);
	assert_true(twcc_unwrap_ref(0x2000001, 0xfffffe) == 0x1fffffe);
	assert_true(twcc_unwrap_ref(0x2000001, 1) == 0x2000001);
}

/* Builds feedback on arrivals, walks it, and compares; returns how many
 * feedbacks it took. */
static unsigned round_trip(
	uint16_t base, const uint64_t *at_us, unsigned n, size_t cap)
{
	static uint8_t buf[2048];
	unsigned done = 0, rounds = 0, told;
	struct twcc_status got;
	struct twcc_walk w;
	struct rtcp_walk rtcp;
	struct rtcp_item item;
	size_t len;

	while (done < n) {
		len = twcc_build(buf, cap, 1, 2, (uint8_t)rounds,
			(uint16_t)(base + done), at_us + done, n - done, &told);
		if (len == 0)
			break;
		assert_true(len <= cap && len % 4 == 0);
		assert_int_equal(rtcp_walk_init(&rtcp, buf, len), 0);
		assert_true(rtcp_next(&rtcp, &item));
		assert_int_equal(item.type, RTCP_TWCC);
		assert_int_equal(item.media, 2);
		assert_int_equal(
			twcc_walk_init(&w, item.body, item.body_len), 0);
		assert_int_equal(w.count, told);
		assert_int_equal(w.number, rounds);
		for (unsigned i = 0; i < told; i++) {
			uint64_t want = at_us[done + i];

			assert_true(twcc_next(&w, &got));
			assert_int_equal(got.seq, (uint16_t)(base + done + i));
			assert_int_equal(got.received, want != 0);
			if (want)
				assert_int_equal(w.ref * UINT64_C(64000) +
							 got.arrival_us,
					want / 250 * 250);
		}
		done += told;
		rounds++;
	}
	for (; done < n; done++)
		assert_int_equal(at_us[done], 0);
	return rounds;
}

static void what_is_built_is_read(void **state)
{
	static uint64_t at_us[1500];
	uint64_t random = 88172645463325252u, now_us;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + (unsigned)(next_random(&random) % 1500);
		unsigned lost = (unsigned)(next_random(&random) % 100);
		unsigned gap = 1 + (unsigned)(next_random(&random) % 200000);

		now_us = 1 + next_random(&random) % 1000000000;
		for (unsigned i = 0; i < n; i++) {
			now_us += next_random(&random) % gap;
			at_us[i] = now_us + next_random(&random) % 20000;
			if (next_random(&random) % 100 < lost)
				at_us[i] = 0;
		}
		round_trip((uint16_t)next_random(&random), at_us, n,
			100 + next_random(&random) % 1101);
	}
}

static void far_apart_arrivals_are_split(void **state)
{
	static const uint64_t at_us[] = { 1000000, 0, 1000000 + 8191750,
		1000000 + 2 * 8192000 };

	(void)state;
	assert_int_equal(round_trip(3, at_us, 4, 1200), 2);
}

static void is_small(void **state)
{
	uint64_t at_us[100];
	uint8_t buf[200];
	unsigned told;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		at_us[i] = 5000000 + i * 1000;
	/* One run, a byte a packet. */
	assert_int_equal(
		twcc_build(buf, 200, 1, 2, 0, 0, at_us, 100, &told), 124);
	assert_int_equal(told, 100);
	memset(at_us, 0, sizeof(at_us));
	assert_int_equal(
		twcc_build(buf, 200, 1, 2, 0, 0, at_us, 100, &told), 0);
	assert_int_equal(twcc_build(buf, 23, 1, 2, 0, 0, at_us, 1, &told), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_runs_and_vectors),
		cmocka_unit_test(reads_one_bit_vectors),
		cmocka_unit_test(refuses_what_lies),
		cmocka_unit_test(hostile_deltas_saturate),
		cmocka_unit_test(reference_time_wraps),
		cmocka_unit_test(what_is_built_is_read),
		cmocka_unit_test(far_apart_arrivals_are_split),
		cmocka_unit_test(is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
