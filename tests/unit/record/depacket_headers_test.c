/* Headers written field by field, and cut anywhere. */
#include "packets.h"

#include "record/depacket.h"
#include "record/depacket_bits.h"

static void test_bits(void **state)
{
	static const uint8_t data[] = { 0xa6, 0x42, 0x98, 0xe2, 0x04, 0x8a };
	static const uint8_t long_code[5] = { 0, 0, 0, 0, 0xff };
	static const uint8_t most[8] = { 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe };
	struct bits b;

	(void)state;
	/* 1 010 011 00100 00101 00110 00111 0001000 000100100 01010 */
	bits_init(&b, data, sizeof(data));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(bits_ue(&b), i);
	bits_init(&b, data, sizeof(data));
	assert_int_equal(bits_se(&b), 0);
	assert_int_equal(bits_se(&b), 1);
	assert_int_equal(bits_se(&b), -1);
	assert_int_equal(bits_se(&b), 2);
	assert_int_equal(bits_se(&b), -2);
	bits_init(&b, data, 2);
	assert_int_equal(bits_read(&b, 12), 0xa64);
	assert_false(b.short_of);
	assert_int_equal(bits_read(&b, 5), 0);
	assert_true(b.short_of);
	bits_init(&b, data, 2);
	bits_skip(&b, 16);
	assert_false(b.short_of);
	bits_skip(&b, SIZE_MAX);
	assert_true(b.short_of);
	bits_init(&b, long_code, sizeof(long_code));
	bits_ue(&b);
	assert_true(b.short_of);
	bits_init(&b, most, sizeof(most));
	assert_int_equal(bits_ue(&b), 0xfffffffe);
	assert_false(b.short_of);
}

/* Bits into bytes, for headers written field by field. */
struct writer {
	uint8_t data[64];
	size_t at;
};

static void w(struct writer *out, unsigned n, uint64_t value)
{
	for (; n > 0; n--, out->at++)
		out->data[out->at / 8] |=
			(uint8_t)((value >> (n - 1) & 1) << (7 - out->at % 8));
}

static void ue(struct writer *out, uint32_t value)
{
	unsigned n = 0;

	while (((uint64_t)value + 1) >> (n + 1))
		n++;
	w(out, n, 0);
	w(out, n + 1, (uint64_t)value + 1);
}

/* An SPS of the high profile: chroma as given, interlaced, cropped by one unit
 * on each side; lists: with scaling lists. */
static size_t write_sps(struct writer *out, uint32_t chroma, bool lists)
{
	*out = (struct writer){ .data = { 0x67 }, .at = 8 };
	w(out, 24, 0x640028);
	ue(out, 5);
	ue(out, chroma);
	if (chroma == 3)
		w(out, 1, 0);
	ue(out, 0);
	ue(out, 0);
	w(out, 1, 0);
	w(out, 1, lists);
	for (unsigned i = 0; lists && i < (chroma == 3 ? 12u : 8u); i++) {
		w(out, 1, i < 2);
		if (i == 0) /* 16 deltas of 0 */
			w(out, 16, 0xffff);
		if (i == 1) /* a delta of -8: the default list */
			ue(out, 16);
	}
	ue(out, 0);
	ue(out, 1); /* pic_order_cnt_type 1 */
	w(out, 1, 0);
	ue(out, 0);
	ue(out, 0);
	ue(out, 2);
	ue(out, 7);
	ue(out, 8);
	ue(out, 4);
	w(out, 1, 0);
	ue(out, 119);
	ue(out, 33);
	w(out, 2, 0); /* interlaced, no adaptive */
	w(out, 1, 1);
	w(out, 1, 1);
	for (unsigned i = 0; i < 4; i++)
		ue(out, 1);
	w(out, 1, 0);
	w(out, 1, 1);
	return (out->at + 7) / 8;
}

static void test_sps_fields(void **state)
{
	static const struct {
		uint32_t chroma;
		unsigned width, height;
	} rows[] = { { 0, 1918, 1084 }, { 1, 1916, 1080 }, { 2, 1916, 1084 },
		{ 3, 1918, 1084 } };
	struct writer out;
	unsigned width, height;
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 2 * COUNT(rows); i++) {
		size_t len = write_sps(&out, rows[i / 2].chroma, i & 1);
		uint8_t *copy = exact_copy(out.data, len);

		assert_true(depacket_h264_sps(copy, len, &id, &width, &height));
		assert_int_equal(id, 5);
		assert_int_equal(width, rows[i / 2].width);
		assert_int_equal(height, rows[i / 2].height);
		free(copy);
		/* Cut anywhere before the cropping's end it is none. */
		for (size_t n = 0; n + 1 < len; n++) {
			copy = exact_copy(out.data, n);
			assert_false(depacket_h264_sps(
				copy, n, &id, &width, &height));
			free(copy);
		}
	}
}

/* 7.4.1: no 00 00 00 to 00 00 03 in a NAL unit. */
static size_t escape(const uint8_t *p, size_t len, uint8_t *ret)
{
	size_t n = 0;
	unsigned zeros = 0;

	for (size_t i = 0; i < len; i++) {
		if (zeros == 2 && p[i] <= 3) {
			ret[n++] = 3;
			zeros = 0;
		}
		zeros = p[i] ? 0 : zeros + 1;
		ret[n++] = p[i];
	}
	return n;
}

static void test_sps_escaped(void **state)
{
	struct writer out = { .data = { 0x67 }, .at = 8 };
	uint8_t nal[64];
	unsigned width, height;
	uint32_t id;
	size_t len;

	(void)state;
	w(&out, 24, 0x420000);
	ue(&out, 63); /* begins with 2: to be escaped */
	ue(&out, 0);
	ue(&out, 2);
	ue(&out, 1);
	w(&out, 1, 0);
	ue(&out, 39);
	ue(&out, 22);
	w(&out, 3, 7);
	ue(&out, 0);
	ue(&out, 0);
	ue(&out, 0);
	ue(&out, 4);
	w(&out, 2, 1);
	len = escape(out.data, (out.at + 7) / 8, nal);
	assert_int_equal(len, (out.at + 7) / 8 + 1);
	assert_true(depacket_h264_sps(nal, len, &id, &width, &height));
	assert_int_equal(id, 63);
	assert_int_equal(width, 640);
	assert_int_equal(height, 360);
}

struct sequence {
	bool still, timing, interval, model, point_model, display;
	unsigned points, level;
};

static size_t write_sequence(struct writer *out, const struct sequence *s)
{
	*out = (struct writer){ .at = 0 };
	w(out, 3, 0);
	w(out, 1, s->still);
	w(out, 1, s->still);
	if (s->still) {
		w(out, 5, 8);
	} else {
		w(out, 1, s->timing);
		if (s->timing) {
			w(out, 64, UINT64_C(0x0000000100000003));
			w(out, 1, s->interval);
			if (s->interval)
				w(out, 5, 5); /* uvlc: 00101 */
			w(out, 1, s->model);
			if (s->model) {
				w(out, 5, 9);
				w(out, 42, 77);
			}
		}
		w(out, 1, s->display);
		w(out, 5, s->points - 1);
		for (unsigned i = 0; i < s->points; i++) {
			w(out, 12, 0);
			w(out, 5, s->level);
			if (s->level > 7)
				w(out, 1, 1);
			if (s->model) {
				w(out, 1, s->point_model);
				if (s->point_model)
					w(out, 21, 99);
			}
			if (s->display) {
				w(out, 1, 1);
				w(out, 4, 3);
			}
		}
	}
	w(out, 4, 10);
	w(out, 4, 9);
	w(out, 11, 1280 - 1);
	w(out, 10, 720 - 1);
	return (out->at + 7) / 8;
}

static void test_av1_sequence(void **state)
{
	static const struct sequence rows[] = {
		{ .points = 1, .level = 8 },
		{ .points = 3, .level = 5, .display = true },
		{ .still = true },
		{ .timing = true, .points = 1, .level = 4 },
		{ .timing = true, .interval = true, .points = 2, .level = 9 },
		{ .timing = true, .model = true, .points = 2, .level = 9 },
		{ .timing = true,
			.model = true,
			.point_model = true,
			.points = 2,
			.level = 3,
			.display = true },
	};
	struct writer out;
	unsigned width, height;
	bool still;

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		size_t len = write_sequence(&out, &rows[i]);
		uint8_t *copy = exact_copy(out.data, len);

		assert_true(depacket_av1_sequence(
			copy, len, &still, &width, &height));
		assert_int_equal(still, rows[i].still);
		assert_int_equal(width, 1280);
		assert_int_equal(height, 720);
		free(copy);
		for (size_t n = 0; n < len; n++) {
			copy = exact_copy(out.data, n);
			assert_false(depacket_av1_sequence(
				copy, n, &still, &width, &height));
			free(copy);
		}
	}
}

/* A sequence header, then a frame whose header says what it is. */
static void test_av1_keyframes(void **state)
{
	static const struct {
		uint8_t first; /* byte of the frame header */
		bool key;
	} rows[] = { { 0x10, true }, { 0x30, false }, { 0x50, false },
		{ 0x90, false }, { 0x00, true } };
	struct depacket d;
	struct depacket_frame f;
	struct writer out;
	bool lost;

	(void)state;
	depacket_init(&d);
	for (unsigned i = 0; i < 2 * COUNT(rows); i++) {
		size_t len = write_sequence(
			&out, &(struct sequence){ .points = 1, .level = 8 });
		uint8_t payload[128] = { 0x20 };
		size_t n = 1;

		depacket_codec(&d, TAKE_AV1);
		if (i & 1) { /* without: nothing can be a key frame */
			payload[0] = 0x10;
		} else {
			payload[n++] = (uint8_t)(len + 1);
			payload[n++] = 0x08;
			memcpy(payload + n, out.data, len);
			n += len;
		}
		payload[n++] = 0x30;
		payload[n++] = rows[i / 2].first;
		assert_int_equal(depacket_packet(&d, payload, n), 0);
		assert_true(depacket_end(&d, &f, &lost));
		assert_int_equal(f.keyframe, rows[i / 2].key && !(i & 1));
		assert_int_equal(f.width, f.keyframe ? 1280 : 0);
		if (i & 1) {
			assert_null(f.setup);
			continue;
		}
		assert_int_equal(f.setup_len, len + 2);
		assert_memory_equal(f.setup, f.data, f.setup_len);
		assert_int_equal(f.setup[0], 0x0a);
	}
	depacket_done(&d);
}

/* The layers above refer to the first; they make it no less a key frame. */
static void test_av1_layers(void **state)
{
	struct depacket d;
	struct depacket_frame f;
	struct writer out;
	bool lost;
	size_t len = write_sequence(
		&out, &(struct sequence){ .points = 1, .level = 8 });
	uint8_t payload[64] = { 0x30, (uint8_t)(len + 1), 0x08 };
	static const uint8_t frames[] = { 3, 0x34, 0x00, 0x10, 0x34, 0x08,
		0x30 };

	(void)state;
	memcpy(payload + 3, out.data, len);
	memcpy(payload + 3 + len, frames, sizeof(frames));
	depacket_init(&d);
	depacket_codec(&d, TAKE_AV1);
	assert_int_equal(
		depacket_packet(&d, payload, 3 + len + sizeof(frames)), 0);
	assert_true(depacket_end(&d, &f, &lost));
	assert_true(f.keyframe && f.whole);
	depacket_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_sps_fields),
		cmocka_unit_test(test_sps_escaped),
		cmocka_unit_test(test_av1_sequence),
		cmocka_unit_test(test_av1_keyframes),
		cmocka_unit_test(test_av1_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
