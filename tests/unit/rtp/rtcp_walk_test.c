#include "check.h"
#include "rtp/rtcp.h"

static struct rtcp_item item;

struct row {
	const char *name;
	size_t len;
	int items; /* -1: refused */
	uint8_t bytes[64];
};

static const struct row rows[] = {
	{ "empty", 0, -1, { 0 } },
	{ "three bytes", 3, -1, { 0x80, 201, 0 } },
	{ "zero-length report (48)", 4, -1, { 0x80, 201, 0, 0 } },
	{ "RR alone", 8, 1, { 0x80, 201, 0, 1 } },
	{ "version 1", 8, -1, { 0x40, 201, 0, 1 } },
	{ "length beyond", 8, -1, { 0x80, 201, 0, 2 } },
	{ "length of 65535 words", 8, -1, { 0x80, 201, 0xff, 0xff } },
	{ "second one lies", 16, -1,
		{ 0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 201, 0, 2 } },
	{ "second one cut", 10, -1,
		{ 0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 203 } },
	{ "RR of 31 in 8 bytes", 8, -1, { 0x9f, 201, 0, 1 } },
	{ "RR of 1, exact", 32, 1, { 0x81, 201, 0, 7 } },
	{ "RR of 1, a word short", 28, -1, { 0x81, 201, 0, 6 } },
	{ "RR with profile words behind", 40, 1, { 0x81, 201, 0, 9 } },
	{ "SR", 28, 1, { 0x80, 200, 0, 6 } },
	{ "SR short", 24, -1, { 0x80, 200, 0, 5 } },
	{ "SR of 1 in 28", 28, -1, { 0x81, 200, 0, 6 } },
	{ "SDES is other", 8, 1, { 0x81, 202, 0, 1 } },
	{ "header alone of unknown type", 4, 1, { 0x80, 210, 0, 0 } },
	{ "XR garbage (55)", 12, 1,
		{ 0x80, 207, 0, 2, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff } },
	{ "BYE of none", 4, 0, { 0x80, 203, 0, 0 } },
	{ "BYE of two", 12, 2, { 0x82, 203, 0, 2 } },
	{ "BYE lies", 8, -1, { 0x82, 203, 0, 1 } },
	{ "NACK of none", 12, 0, { 0x81, 205, 0, 2 } },
	{ "NACK short", 8, -1, { 0x81, 205, 0, 1 } },
	{ "TWCC", 20, 1, { 0x8f, 205, 0, 4 } },
	{ "TWCC filled up by a byte, as of libwebrtc", 24, 1,
		{ 0xaf, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 1, 0, 0, 1,
			0, 0x20, 1, 4, 1 } },
	{ "PLI", 12, 1, { 0x81, 206, 0, 2 } },
	{ "PLI short", 8, -1, { 0x81, 206, 0, 1 } },
	{ "FIR of none", 12, 0, { 0x84, 206, 0, 2 } },
	{ "FIR of two", 28, 2, { 0x84, 206, 0, 6 } },
	{ "FIR of one and a half", 24, -1, { 0x84, 206, 0, 5 } },
	{ "REMB", 20, 1,
		{ 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M',
			'B' } },
	{ "REMB cut", 16, -1,
		{ 0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M',
			'B' } },
	{ "REMB whose SSRCs lie", 20, -1,
		{ 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B',
			1 } },
	{ "other application feedback", 20, 1, { 0x8f, 206, 0, 4 } },
	{ "padding on the last", 20, 2,
		{ 0x80, 201, 0, 1, 0, 0, 0, 1, 0xa0, 201, 0, 2, 0, 0, 0, 1, 0,
			0, 0, 4 } },
	{ "padding on the first", 20, -1,
		{ 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0,
			0, 0, 1 } },
	{ "padding of 0", 12, -1, { 0xa0, 201, 0, 2 } },
	{ "padding of 3", 12, 1, { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3 } },
	{ "padding over the content", 12, -1,
		{ 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8 } },
	{ "padding over the header", 12, -1,
		{ 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 12 } },
	{ "padding eats a NACK entry", 20, 1,
		{ 0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 0, 0, 0, 0,
			4 } },
	{ "reduced size compound", 24, 2,
		{ 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x81, 206, 0, 2, 0,
			0, 0, 1, 0, 0, 0, 3 } },
};

static int count_items(const uint8_t *p, size_t len)
{
	struct rtcp_walk w = { .entries_left = 5 };
	int n = 0;

	if (rtcp_walk_init(&w, p, len) < 0) {
		assert_int_equal(w.entries_left, 5); /* untouched */
		return -1;
	}
	while (rtcp_next(&w, &item)) {
		n++;
		assert_true(item.n_blocks <= RTCP_BLOCKS_MAX);
		assert_true(item.n_nack <= RTCP_NACK_MAX);
		assert_true(item.body == NULL ||
			    (item.body >= p &&
				    item.body + item.body_len <= p + len));
	}
	assert_false(rtcp_next(&w, &item));
	return n;
}

static void table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		uint8_t *p = exact_copy(rows[i].bytes, rows[i].len);
		int n = count_items(p, rows[i].len);

		if (n != rows[i].items)
			fail_msg("%s: %d items", rows[i].name, n);
		free(p);
	}
}

static struct rtcp_block some_block(unsigned i)
{
	return (struct rtcp_block){ .ssrc = 100 + i,
		.fraction_lost = (uint8_t)i,
		.lost = i % 2 ? -5 - (int)i : 9,
		.highest_seq = 0x10000 + i,
		.jitter = i,
		.lsr = i + 1,
		.dlsr = i + 2 };
}

static void same_block(const struct rtcp_block *a, const struct rtcp_block *b)
{
	assert_int_equal(a->ssrc, b->ssrc);
	assert_int_equal(a->fraction_lost, b->fraction_lost);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->highest_seq, b->highest_seq);
	assert_int_equal(a->jitter, b->jitter);
	assert_int_equal(a->lsr, b->lsr);
	assert_int_equal(a->dlsr, b->dlsr);
}

/* All that is built is read again, in one compound. */
static void reads_what_is_built(void **state)
{
	struct rtcp_block block[31];
	uint8_t buf[4000];
	struct rtcp_build b;
	struct rtcp_walk w;

	(void)state;
	for (unsigned i = 0; i < 31; i++)
		block[i] = some_block(i);
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_true(rtcp_add_sr(&b, 1, 0x123456789abcdef0, 5, 6, 7, block, 31));
	assert_true(rtcp_add_rr(&b, 2, block, 3));
	assert_true(rtcp_add_cname(&b, 1, "hearth"));
	assert_true(rtcp_add_pli(&b, 1, 77));
	assert_true(rtcp_add_fir(&b, 1, 78, 255));
	assert_true(rtcp_add_bye(&b, 9));
	assert_int_equal(rtcp_walk_init(&w, buf, b.len), 0);

	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_SR);
	assert_int_equal(item.sender, 1);
	assert_int_equal(item.ntp, 0x123456789abcdef0);
	assert_int_equal(item.rtp_ts, 5);
	assert_int_equal(item.packets, 6);
	assert_int_equal(item.octets, 7);
	assert_int_equal(item.n_blocks, 31);
	for (unsigned i = 0; i < 31; i++)
		same_block(&item.block[i], &block[i]);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_RR);
	assert_int_equal(item.sender, 2);
	assert_int_equal(item.n_blocks, 3);
	assert_int_equal(item.ntp, 0);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_OTHER);
	assert_int_equal(item.body[1], 202);
	assert_int_equal(item.body_len, 20);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_PLI);
	assert_int_equal(item.media, 77);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_FIR);
	assert_int_equal(item.media, 78);
	assert_int_equal(item.fir_seq, 255);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_BYE);
	assert_int_equal(item.sender, 9);
	assert_false(rtcp_next(&w, &item));
}

static void splits_what_is_many(void **state)
{
	static const uint8_t bytes[] = { 0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0,
		2, 0x84, 206, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3, 30, 0,
		0, 0, 0, 0, 0, 4, 40, 0, 0, 0 };
	struct rtcp_walk w;

	(void)state;
	assert_int_equal(rtcp_walk_init(&w, bytes, sizeof(bytes)), 0);
	for (unsigned i = 1; i <= 2; i++) {
		assert_true(rtcp_next(&w, &item));
		assert_int_equal(item.type, RTCP_BYE);
		assert_int_equal(item.sender, i);
	}
	for (unsigned i = 3; i <= 4; i++) {
		assert_true(rtcp_next(&w, &item));
		assert_int_equal(item.type, RTCP_FIR);
		assert_int_equal(item.sender, 9);
		assert_int_equal(item.media, i);
		assert_int_equal(item.fir_seq, i * 10);
	}
	assert_false(rtcp_next(&w, &item));
}

/* Numbers over the wrap there and back, in several items when they are many. */
static void expands_nacks(void **state)
{
	uint16_t seq[3 * RTCP_NACK_MAX];
	uint8_t buf[2000];
	struct rtcp_build b;
	struct rtcp_walk w;
	unsigned n = 0, items = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT(seq); i++)
		seq[i] = (uint16_t)(65000 + i + i / 5);
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_int_equal(rtcp_add_nack(&b, 1, 2, seq, COUNT(seq)), COUNT(seq));
	assert_true(rtcp_add_pli(&b, 1, 2));
	assert_int_equal(rtcp_walk_init(&w, buf, b.len), 0);
	while (rtcp_next(&w, &item) && item.type == RTCP_NACK) {
		assert_int_equal(item.media, 2);
		assert_true(item.n_nack > 0);
		for (unsigned i = 0; i < item.n_nack; i++)
			assert_int_equal(item.nack[i], seq[n++]);
		items++;
	}
	assert_int_equal(n, COUNT(seq));
	assert_true(items > 1);
	assert_int_equal(item.type, RTCP_PLI);
}

static void full_masks_fit_an_item(void **state)
{
	uint8_t bytes[12 + 17 * 4] = { 0x81, 205, 0, 19, 0, 0, 0, 1, 0, 0, 0,
		2 };
	struct rtcp_walk w;

	(void)state;
	memset(bytes + 12, 0xff, sizeof(bytes) - 12);
	assert_int_equal(rtcp_walk_init(&w, bytes, sizeof(bytes)), 0);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.n_nack, RTCP_NACK_MAX);
	assert_int_equal(item.nack[0], 65535);
	assert_int_equal(item.nack[16], 15);
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.n_nack, 17);
	assert_false(rtcp_next(&w, &item));
}

static void saturates_remb(void **state)
{
	uint8_t bytes[] = { 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E',
		'M', 'B', 0, 0xff, 0xff, 0xff };
	struct rtcp_walk w;

	(void)state;
	rtcp_walk_init(&w, bytes, sizeof(bytes));
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.remb_bps, UINT64_MAX);
	bytes[17] = 0xfc; /* 0 times 2^63 */
	bytes[18] = bytes[19] = 0;
	rtcp_walk_init(&w, bytes, sizeof(bytes));
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.type, RTCP_REMB);
	assert_int_equal(item.remb_bps, 0);
	bytes[17] = 0x04; /* 1 times 2 */
	bytes[19] = 1;
	rtcp_walk_init(&w, bytes, sizeof(bytes));
	assert_true(rtcp_next(&w, &item));
	assert_int_equal(item.remb_bps, 2);
}

/* Flips in a good compound and random bytes: ASan is the judge. */
static void random_bytes(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		const struct row *r = &rows[next_random(&seed) % COUNT(rows)];
		uint8_t *p = exact_copy(r->bytes, r->len);

		for (unsigned k = 0; r->len && k < 3; k++)
			p[next_random(&seed) % r->len] ^=
				(uint8_t)(1u << next_random(&seed) % 8);
		count_items(p, r->len);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(reads_what_is_built),
		cmocka_unit_test(splits_what_is_many),
		cmocka_unit_test(expands_nacks),
		cmocka_unit_test(full_masks_fit_an_item),
		cmocka_unit_test(saturates_remb),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
