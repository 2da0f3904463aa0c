/* Packets into a take, frames and gaps out of it. */
#include "bench.h"

static const uint8_t vp8_more[] = { 0x00, 0xaa, 0xbb };

static void want_nothing(struct bench *b)
{
	assert_int_equal(next(b), TAKE_NOTHING);
}

static void want_frame(struct bench *b, bool key, bool damaged)
{
	assert_int_equal(next(b), TAKE_FRAME);
	assert_int_equal(b->frame.keyframe, key);
	assert_int_equal(b->frame.damaged, damaged);
}

static void want_gap(struct bench *b, unsigned packets)
{
	assert_int_equal(next(b), TAKE_GAP);
	assert_int_equal(b->gap.packets, packets);
}

/* A report that says: the publisher's time is ours. */
static void report(struct bench *b, uint32_t ts)
{
	uint64_t s = b->now_us / 1000000 + 3000000000u;

	take_report(b->take, b->now_us,
		s << 32 | (b->now_us % 1000000 << 32) / 1000000, ts);
}

/* Past the wait of the start, one key frame out. */
static void start_vp8(struct bench *b, uint16_t seq, uint32_t ts)
{
	put_vp8(b, seq, ts, KEY);
	report(b, ts);
	want_frame(b, true, false);
	assert_int_equal(b->frame.width, 320);
	assert_int_equal(b->frame.height, 240);
	want_nothing(b);
}

static void test_start_without_report(void **state)
{
	struct bench b;
	uint64_t first_us;

	(void)state;
	bench_init(&b, 90000);
	assert_true(take_deadline(b.take) == UINT64_MAX);
	first_us = b.now_us;
	put_vp8(&b, 1, 0, KEY);
	want_nothing(&b);
	assert_true(take_deadline(b.take) == first_us + TAKE_START_US);
	b.now_us += 100 * MS;
	put_vp8(&b, 2, 9000, DELTA);
	b.now_us = first_us + TAKE_START_US - 1;
	want_nothing(&b);
	b.now_us++;
	want_frame(&b, true, false);
	assert_true(b.frame.time_us == (int64_t)first_us);
	want_frame(&b, false, false);
	assert_true(b.frame.time_us == (int64_t)first_us + 100 * MS);
	want_nothing(&b);
	assert_true(take_deadline(b.take) == UINT64_MAX);
	bench_done(&b);
}

/* The least delay of those that waited is the measure, not the first's. */
static void test_start_least_delay(void **state)
{
	struct bench b;
	uint64_t first_us;

	(void)state;
	bench_init(&b, 90000);
	first_us = b.now_us;
	put_vp8(&b, 1, 0, KEY);
	b.now_us += 20 * MS;
	put_vp8(&b, 2, 9000, DELTA);
	b.now_us = first_us + TAKE_START_US;
	want_frame(&b, true, false);
	assert_true(b.frame.time_us == (int64_t)first_us - 80 * MS);
	bench_done(&b);
}

static void test_start_with_report(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	put_vp8(&b, 1, 4500, KEY);
	want_nothing(&b);
	b.now_us += 10 * MS;
	/* Captured 30 ms before the report: it stands there. */
	report(&b, 4500 + 90 * 30);
	want_frame(&b, true, false);
	assert_in_range(b.frame.time_us, b.now_us - 30 * MS - 2,
		b.now_us - 30 * MS + 2);
	bench_done(&b);
}

static void test_begins_with_a_key_frame(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	assert_false(take_wants_keyframe(b.take, b.now_us));
	put_vp8(&b, 1, 0, DELTA);
	report(&b, 0);
	want_nothing(&b);
	assert_true(take_wants_keyframe(b.take, b.now_us));
	assert_false(take_wants_keyframe(b.take, b.now_us));
	b.now_us += 499 * MS;
	assert_false(take_wants_keyframe(b.take, b.now_us));
	b.now_us += 1 * MS;
	assert_true(take_wants_keyframe(b.take, b.now_us));
	put_vp8(&b, 2, 45000, KEY);
	want_frame(&b, true, false);
	assert_int_equal(take_counted(b.take)->frames_dropped, 1);
	b.now_us += 10000 * MS;
	assert_false(take_wants_keyframe(b.take, b.now_us));
	bench_done(&b);
}

/* A hole: asked about by NACK, given up, told; damaged until a key frame. */
static void test_loss(void **state)
{
	struct bench b;
	uint64_t noticed_us;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 10, 0);
	b.now_us += 300 * MS;
	put_vp8(&b, 13, 27000, DELTA);
	noticed_us = b.now_us;
	want_nothing(&b);
	assert_true(take_deadline(b.take) == noticed_us + TAKE_WAIT_US);
	assert_false(take_wants_keyframe(b.take, b.now_us));
	b.now_us = noticed_us + TAKE_WAIT_US;
	want_gap(&b, 2);
	assert_int_equal(b.gap.to_us - b.gap.from_us, 300 * MS);
	assert_true(b.gap.from_us == b.last_us);
	want_frame(&b, false, true);
	assert_true(take_wants_keyframe(b.take, b.now_us));
	put_vp8(&b, 11, 9000, DELTA);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->late, 1);
	put_vp8(&b, 14, 130000, DELTA);
	want_frame(&b, false, true);
	put_vp8(&b, 15, 133000, KEY);
	want_frame(&b, true, false);
	put_vp8(&b, 16, 136000, DELTA);
	want_frame(&b, false, false);
	b.now_us += 600 * MS;
	assert_false(take_wants_keyframe(b.take, b.now_us));
	assert_int_equal(take_counted(b.take)->missing, 2);
	assert_int_equal(take_counted(b.take)->frames_damaged, 2);
	bench_done(&b);
}

static void test_repaired(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 65534, 0);
	put_vp8(&b, 0, 6000, DELTA);
	put_vp8(&b, 0, 6000, DELTA);
	want_nothing(&b);
	b.now_us += 1100 * MS;
	put_vp8(&b, 1, 9000, DELTA);
	want_nothing(&b);
	put_vp8(&b, 65535, 3000, DELTA);
	for (unsigned i = 0; i < 3; i++)
		want_frame(&b, false, false);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->duplicates, 1);
	assert_int_equal(take_counted(b.take)->packets, 4);
	assert_int_equal(take_counted(b.take)->missing, 0);
	bench_done(&b);
}

/* A frame ends by the next timestamp, and by waiting when nothing comes. */
static void test_ends(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	put(&b, PT_VP8, 2, 3000, false, vp8_delta, sizeof(vp8_delta));
	put(&b, PT_VP8, 3, 3000, false, vp8_more, sizeof(vp8_more));
	want_nothing(&b);
	put(&b, PT_VP8, 4, 6000, false, vp8_delta, sizeof(vp8_delta));
	want_frame(&b, false, false);
	assert_int_equal(b.frame.len, 5);
	assert_memory_equal(b.frame.data, "\xd1\x01\x02\xaa\xbb", 5);
	want_nothing(&b);
	assert_true(take_deadline(b.take) == b.now_us + TAKE_WAIT_US);
	b.now_us += TAKE_WAIT_US - 1;
	want_nothing(&b);
	b.now_us++;
	want_frame(&b, false, true);
	assert_true(take_wants_keyframe(b.take, b.now_us));
	assert_true(take_deadline(b.take) == UINT64_MAX);
	bench_done(&b);
}

/* The packet with the marker is lost: what is there is damaged, and so is what
 * refers to it. */
static void test_end_lost(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	put(&b, PT_VP8, 2, 3000, false, vp8_delta, sizeof(vp8_delta));
	put_vp8(&b, 4, 6000, DELTA);
	want_nothing(&b);
	b.now_us += TAKE_WAIT_US;
	want_gap(&b, 1);
	want_frame(&b, false, true);
	want_frame(&b, false, true);
	want_nothing(&b);
	bench_done(&b);
}

/* Only the beginning is lost: the rest is of no use to anybody. */
static void test_beginning_lost(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	put(&b, PT_VP8, 3, 3000, true, vp8_more, sizeof(vp8_more));
	put_vp8(&b, 4, 6000, DELTA);
	b.now_us += TAKE_WAIT_US;
	want_gap(&b, 1);
	want_frame(&b, false, true);
	assert_int_equal(b.frame.data[0], 0xd1);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->frames_dropped, 1);
	bench_done(&b);
}

/* A key frame that is not whole begins nothing. */
static void test_key_frame_cut(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	put(&b, PT_VP8, 1, 0, false, vp8_key, sizeof(vp8_key));
	put_vp8(&b, 3, 3000, DELTA);
	report(&b, 0);
	want_nothing(&b);
	b.now_us += TAKE_WAIT_US;
	want_gap(&b, 1);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->frames_dropped, 2);
	assert_true(take_wants_keyframe(b.take, b.now_us));
	put_vp8(&b, 4, 120000, KEY);
	want_frame(&b, true, false);
	bench_done(&b);
}

static void test_end_of_stream(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	put_vp8(&b, 1, 0, KEY);
	put_vp8(&b, 3, 6000, DELTA);
	put(&b, PT_VP8, 4, 9000, false, vp8_delta, sizeof(vp8_delta));
	want_nothing(&b);
	take_end(b.take);
	want_frame(&b, true, false);
	want_gap(&b, 1);
	want_frame(&b, false, true);
	want_frame(&b, false, true);
	want_nothing(&b);
	assert_false(take_wants_keyframe(b.take, b.now_us));
	bench_done(&b);
}

static void test_end_of_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	want_nothing(&b);
	take_end(b.take);
	want_nothing(&b);
	assert_true(take_deadline(b.take) == UINT64_MAX);
	bench_done(&b);
}

static void put_opus(struct bench *b, uint16_t seq, uint32_t ts)
{
	put(b, PT_OPUS, seq, ts, false, opus_20ms, sizeof(opus_20ms));
}

/* Opus: losses damage nothing else, DTX is no gap, a mute is none either. */
static void test_opus(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 48000);
	put_opus(&b, 1, 0);
	report(&b, 0);
	want_frame(&b, true, false);
	assert_int_equal(b.frame.codec, TAKE_OPUS);
	assert_int_equal(b.frame.duration_us, 20000);
	b.now_us += 400 * MS;
	put_opus(&b, 2, 400 * 48);
	want_frame(&b, true, false);
	b.now_us += 40 * MS;
	put_opus(&b, 4, 440 * 48);
	b.now_us += TAKE_WAIT_US;
	want_gap(&b, 1);
	assert_int_equal(b.gap.to_us - b.gap.from_us, 20 * MS);
	want_frame(&b, true, false);
	assert_false(take_wants_keyframe(b.take, b.now_us));
	b.now_us += 600000 * MS;
	put_opus(&b, 5, (600440u + 1200) * 48);
	want_frame(&b, true, false);
	assert_in_range(b.frame.time_us, b.now_us - 5 * MS, b.now_us + 5 * MS);
	put(&b, PT_OPUS, 6, (600440u + 1220) * 48, false, NULL, 0);
	put(&b, PT_OPUS, 7, (600440u + 1240) * 48, false, "\xfb", 1);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->malformed, 1);
	assert_int_equal(take_counted(b.take)->frames_dropped, 1);
	bench_done(&b);
}

static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x16, 0xd9, 0x00, 0xa0, 0x2f,
	0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00,
	0x1e, 0x0f, 0x16, 0x2e, 0x48 };
static const uint8_t pps[] = { 0x68, 0xce, 0x3c, 0x80 };
static const uint8_t idr[] = { 0x65, 0x88, 0xaa, 0xbb };
static const uint8_t slice[] = { 0x41, 0x9a, 0xaa, 0xbb };

static void test_codec_change(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	/* The last VP8 frame has no marker: the change ends it. */
	put(&b, PT_VP8, 2, 3000, false, vp8_delta, sizeof(vp8_delta));
	put(&b, PT_H264, 3, 3000, true, slice, sizeof(slice));
	want_frame(&b, false, false);
	assert_int_equal(b.frame.codec, TAKE_VP8);
	want_nothing(&b);
	assert_true(take_wants_keyframe(b.take, b.now_us));
	put(&b, PT_H264, 4, 9000, false, sps, sizeof(sps));
	put(&b, PT_H264, 5, 9000, false, pps, sizeof(pps));
	put(&b, PT_H264, 6, 9000, true, idr, sizeof(idr));
	want_frame(&b, true, false);
	assert_int_equal(b.frame.codec, TAKE_H264);
	assert_int_equal(b.frame.width, 640);
	assert_int_equal(b.frame.height, 360);
	assert_int_equal(b.frame.setup_len, sizeof(sps) + sizeof(pps) + 8);
	put_vp8(&b, 7, 12000, DELTA);
	want_nothing(&b);
	put_vp8(&b, 8, 15000, KEY);
	want_frame(&b, true, false);
	assert_int_equal(b.frame.codec, TAKE_VP8);
	assert_null(b.frame.setup);
	bench_done(&b);
}

/* What is not ours makes no hole. */
static void test_not_understood(void **state)
{
	struct bench b;
	uint8_t buf[3000] = { 0x80 };

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	put(&b, PT_NONE, 2, 3000, true, vp8_delta, sizeof(vp8_delta));
	put_vp8(&b, 3, 6000, DELTA);
	want_frame(&b, false, false);
	put(&b, PT_VP8, 4, 9000, true, NULL, 0);
	put_vp8(&b, 5, 12000, DELTA);
	want_frame(&b, false, false);
	want_nothing(&b);
	assert_int_equal(take_counted(b.take)->malformed, 1);
	take_rtp(b.take, b.now_us, buf, 3);
	take_rtp(b.take, b.now_us, buf, sizeof(buf));
	take_rtp(b.take, b.now_us, NULL, 0);
	assert_int_equal(take_counted(b.take)->malformed, 4);
	want_nothing(&b);
	bench_done(&b);
}

/* The same payload type means another codec from some packet on. */
static void test_payload_again(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 90000);
	start_vp8(&b, 1, 0);
	take_payload(b.take, PT_VP8, TAKE_H264);
	take_payload(b.take, 200, TAKE_H264);
	put(&b, PT_VP8, 2, 3000, true, slice, sizeof(slice));
	want_nothing(&b);
	put(&b, PT_VP8, 3, 6000, false, sps, sizeof(sps));
	put(&b, PT_VP8, 4, 6000, false, pps, sizeof(pps));
	put(&b, PT_VP8, 5, 6000, true, idr, sizeof(idr));
	want_frame(&b, true, false);
	assert_int_equal(b.frame.codec, TAKE_H264);
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_without_report),
		cmocka_unit_test(test_start_least_delay),
		cmocka_unit_test(test_start_with_report),
		cmocka_unit_test(test_begins_with_a_key_frame),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_repaired),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_end_lost),
		cmocka_unit_test(test_beginning_lost),
		cmocka_unit_test(test_key_frame_cut),
		cmocka_unit_test(test_end_of_stream),
		cmocka_unit_test(test_end_of_nothing),
		cmocka_unit_test(test_opus),
		cmocka_unit_test(test_codec_change),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_payload_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
