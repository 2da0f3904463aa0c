#include "check.h"
#include "rtp/rtcp.h"

static struct rtcp_build build;
static uint8_t *buf;

/* A buffer of exactly cap bytes, so that ASan sees the byte too far. */
static void start(size_t cap)
{
	free(buf);
	buf = malloc(cap ? cap : 1);
	assert_non_null(buf);
	rtcp_build_init(&build, buf, cap);
}

static int stop(void **state)
{
	(void)state;
	free(buf);
	buf = NULL;
	return 0;
}

static void expect(const uint8_t *want, size_t len)
{
	assert_int_equal(build.len, len);
	assert_memory_equal(buf, want, len);
}

static void writes_reports(void **state)
{
	const struct rtcp_block block = { .ssrc = 0x01020304,
		.fraction_lost = 0x80,
		.lost = -2,
		.highest_seq = 0x00010005,
		.jitter = 7,
		.lsr = 0x11223344,
		.dlsr = 65536 };
	static const uint8_t sr[] = { 0x81, 200, 0, 12, 0xca, 0xfe, 0xba, 0xbe,
		0xe0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0,
		11, 1, 2, 3, 4, 0x80, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0, 0, 7,
		0x11, 0x22, 0x33, 0x44, 0, 1, 0, 0 };

	(void)state;
	start(sizeof(sr));
	assert_true(rtcp_add_sr(
		&build, 0xcafebabe, 0xe000000180000000, 9, 10, 11, &block, 1));
	expect(sr, sizeof(sr));
	start(32);
	assert_true(rtcp_add_rr(&build, 0xcafebabe, &block, 1));
	assert_int_equal(buf[1], 201);
	assert_memory_equal(buf + 8, sr + 28, 24);
	start(8);
	assert_true(rtcp_add_rr(&build, 1, NULL, 0));
	assert_false(rtcp_add_rr(&build, 1, NULL, 0));
	assert_int_equal(build.len, 8);
}

static void clamps_cumulative_loss(void **state)
{
	struct rtcp_block block = { .lost = INT32_MAX };

	(void)state;
	start(32);
	assert_true(rtcp_add_rr(&build, 1, &block, 1));
	assert_memory_equal(buf + 13, "\x7f\xff\xff", 3);
	start(32);
	block.lost = INT32_MIN;
	assert_true(rtcp_add_rr(&build, 1, &block, 1));
	assert_memory_equal(buf + 13, "\x80\x00\x00", 3);
}

static void refuses_too_many_blocks(void **state)
{
	static struct rtcp_block blocks[32];

	(void)state;
	start(RTCP_PACKET_MAX);
	assert_false(rtcp_add_rr(&build, 1, blocks, 32));
	assert_false(rtcp_add_sr(&build, 1, 1, 1, 1, 1, blocks, 32));
	assert_int_equal(build.len, 0);
	assert_true(rtcp_add_rr(&build, 1, blocks, 31));
	assert_int_equal(build.len, 8 + 31 * 24);
}

static void ends_cname_chunks_with_zero(void **state)
{
	static const uint8_t two[] = { 0x81, 202, 0, 3, 0, 0, 0, 5, 1, 2, 'a',
		'b', 0, 0, 0, 0 };
	char text[RTCP_CNAME_MAX + 2];

	(void)state;
	start(sizeof(two));
	assert_true(rtcp_add_cname(&build, 5, "ab"));
	expect(two, sizeof(two));
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memset(text, 'x', n);
		text[n] = 0;
		start(300);
		assert_true(rtcp_add_cname(&build, 5, text));
		assert_int_equal(build.len % 4, 0);
		assert_int_equal(buf[build.len - 1], 0);
		assert_int_equal(buf[2] << 8 | buf[3], build.len / 4 - 1);
		assert_true(build.len >= 11 + n && build.len < 15 + n);
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	start(300);
	assert_false(rtcp_add_cname(&build, 5, text));
	assert_int_equal(build.len, 0);
}

static void writes_small_ones(void **state)
{
	static const uint8_t want[] = { 0x81, 203, 0, 1, 0, 0, 0, 5, /* BYE */
		0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,             /* PLI */
		0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 9, 0, 0,
		0 };

	(void)state;
	start(sizeof(want));
	assert_true(rtcp_add_bye(&build, 5));
	assert_true(rtcp_add_pli(&build, 1, 2));
	assert_true(rtcp_add_fir(&build, 1, 2, 9));
	expect(want, sizeof(want));
	assert_false(rtcp_add_bye(&build, 5));
	assert_false(rtcp_add_pli(&build, 1, 2));
	assert_false(rtcp_add_fir(&build, 1, 2, 9));
	assert_int_equal(build.len, sizeof(want));
}

static void packs_nacks(void **state)
{
	/* 65533 .. 13 share a pair, 14 begins the next. */
	static const uint16_t seq[] = { 65533, 65534, 0, 13, 14, 14, 30, 31 };
	static const uint8_t want[] = { 0x81, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2,
		0xff, 0xfd, 0x80, 0x05, 0, 14, 0x80, 0x00, 0, 31, 0, 0 };

	(void)state;
	start(sizeof(want));
	assert_int_equal(rtcp_add_nack(&build, 1, 2, seq, COUNT(seq)), 8);
	expect(want, sizeof(want));
	start(20); /* room for two pairs */
	assert_int_equal(rtcp_add_nack(&build, 1, 2, seq, COUNT(seq)), 7);
	assert_int_equal(build.len, 20);
	assert_memory_equal(buf + 12, want + 12, 8);
	start(15); /* for none */
	assert_int_equal(rtcp_add_nack(&build, 1, 2, seq, COUNT(seq)), 0);
	assert_int_equal(build.len, 0);
	start(100);
	assert_int_equal(rtcp_add_nack(&build, 1, 2, seq, 0), 0);
	assert_int_equal(build.len, 0);
}

static uint64_t remb_there_and_back(uint64_t bps)
{
	static const uint32_t ssrcs[] = { 7, 8 };
	struct rtcp_walk w;
	struct rtcp_item item;

	start(28);
	assert_true(rtcp_add_remb(&build, 1, bps, ssrcs, 2));
	assert_int_equal(rtcp_walk_init(&w, buf, build.len), 0);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_REMB);
	assert_int_equal(item.sender, 1);
	return item.remb_bps;
}

static void rounds_remb_down(void **state)
{
	static const uint64_t exact[] = { 0, 1, 0x3ffff, 0x40000, 2500000,
		UINT64_C(0x3ffff) << 46 };

	(void)state;
	for (unsigned i = 0; i < COUNT(exact); i++)
		assert_int_equal(remb_there_and_back(exact[i]), exact[i]);
	assert_int_equal(remb_there_and_back(0x40001), 0x40000);
	assert_int_equal(
		remb_there_and_back(UINT64_MAX), UINT64_C(0x3ffff) << 46);
	start(2000);
	assert_false(rtcp_add_remb(&build, 1, 5, NULL, 256));
	assert_int_equal(build.len, 0);
}

static void keeps_wall_clock(void **state)
{
	(void)state;
	assert_int_equal(rtcp_ntp(0) >> 32, 2208988800);
	assert_int_equal((uint32_t)rtcp_ntp(0), 0);
	assert_int_equal((uint32_t)rtcp_ntp(500000), 0x80000000);
	assert_int_equal(rtcp_ntp(1000000) - rtcp_ntp(0), UINT64_C(1) << 32);
	/* 2036-02-07 06:28:16, where the 32 bits of seconds begin anew. */
	assert_int_equal(rtcp_ntp(UINT64_C(2085978496) * 1000000), 0);
	assert_int_equal(rtcp_ntp_mid(0x0123456789abcdef), 0x456789ab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_reports),
		cmocka_unit_test(clamps_cumulative_loss),
		cmocka_unit_test(refuses_too_many_blocks),
		cmocka_unit_test(ends_cname_chunks_with_zero),
		cmocka_unit_test(writes_small_ones),
		cmocka_unit_test(packs_nacks),
		cmocka_unit_test(rounds_remb_down),
		cmocka_unit_test(keeps_wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, stop);
}
