#include "check.h"
#include "rtp/codec.h"

struct row {
	const char *name;
	const struct codec *codec;
	bool key, start;
	size_t len;
	uint8_t bytes[16];
};

static const struct row rows[] = {
	/* VP8: descriptor X R N S R PID; then the frame header's P bit. */
	{ "vp8 key", &codec_vp8, true, true, 2, { 0x10, 0x00 } },
	{ "vp8 delta", &codec_vp8, false, true, 2, { 0x10, 0x01 } },
	{ "vp8 key, non-reference bit", &codec_vp8, true, true, 2,
		{ 0x30, 0x00 } },
	{ "vp8 not first", &codec_vp8, false, false, 2, { 0x00, 0x00 } },
	{ "vp8 second partition", &codec_vp8, false, false, 2, { 0x11, 0 } },
	{ "vp8 partition 8 is 0 with R", &codec_vp8, true, true, 2,
		{ 0x18, 0x00 } },
	{ "vp8 X nothing", &codec_vp8, true, true, 3, { 0x90, 0x00, 0x00 } },
	{ "vp8 I short", &codec_vp8, true, true, 4, { 0x90, 0x80, 0x7f, 0 } },
	{ "vp8 I long", &codec_vp8, true, true, 5,
		{ 0x90, 0x80, 0x80, 0x01, 0x00 } },
	{ "vp8 I L T K", &codec_vp8, true, true, 7,
		{ 0x90, 0xf0, 0x80, 0x01, 9, 0x20, 0x10 } },
	{ "vp8 I L T K delta", &codec_vp8, false, true, 7,
		{ 0x90, 0xf0, 0x80, 0x01, 9, 0x20, 0x11 } },
	{ "vp8 empty", &codec_vp8, false, false, 0, { 0 } },
	{ "vp8 cut in X", &codec_vp8, false, false, 1, { 0x90 } },
	{ "vp8 cut in I", &codec_vp8, false, false, 2, { 0x90, 0x80 } },
	{ "vp8 cut in long I", &codec_vp8, false, false, 3,
		{ 0x90, 0x80, 0x80 } },
	{ "vp8 cut in K", &codec_vp8, false, false, 4,
		{ 0x90, 0xf0, 0x00, 0x01 } },
	{ "vp8 nothing behind", &codec_vp8, false, true, 1, { 0x10 } },
	/* VP9: descriptor I P L F B E V Z. */
	{ "vp9 key", &codec_vp9, true, true, 4, { 0x88, 0x80, 0x01, 0x55 } },
	{ "vp9 inter", &codec_vp9, false, true, 4, { 0xc8, 0x80, 0x01, 0x55 } },
	{ "vp9 not first", &codec_vp9, false, false, 4,
		{ 0x80, 0x80, 0x01, 0x55 } },
	{ "vp9 short picture id", &codec_vp9, true, true, 3,
		{ 0x88, 0x01, 0x55 } },
	{ "vp9 no picture id", &codec_vp9, true, true, 2, { 0x08, 0x55 } },
	{ "vp9 layer 0", &codec_vp9, true, true, 6,
		{ 0xa8, 0x80, 0x01, 0x00, 0x00, 0x55 } },
	{ "vp9 layer 0 of temporal 3", &codec_vp9, true, true, 6,
		{ 0xa8, 0x80, 0x01, 0x71, 0x00, 0x55 } },
	{ "vp9 layer 1", &codec_vp9, false, false, 6,
		{ 0xa8, 0x80, 0x01, 0x02, 0x00, 0x55 } },
	{ "vp9 layer 4", &codec_vp9, false, false, 6,
		{ 0xa8, 0x80, 0x01, 0x08, 0x00, 0x55 } },
	{ "vp9 empty", &codec_vp9, false, false, 0, { 0 } },
	{ "vp9 one byte", &codec_vp9, false, false, 1, { 0x08 } },
	{ "vp9 cut in id", &codec_vp9, false, false, 2, { 0x88, 0x80 } },
	{ "vp9 cut before layer", &codec_vp9, false, false, 3,
		{ 0xa8, 0x80, 0x01 } },
	/* H.264 */
	{ "h264 idr", &codec_h264, true, true, 2, { 0x65, 0x88 } },
	{ "h264 idr, later slice", &codec_h264, false, false, 2,
		{ 0x65, 0x40 } },
	{ "h264 sps", &codec_h264, true, true, 4, { 0x67, 0x42, 0, 0x1f } },
	{ "h264 pps", &codec_h264, false, true, 2, { 0x68, 0xce } },
	{ "h264 aud", &codec_h264, false, true, 2, { 0x09, 0xf0 } },
	{ "h264 slice", &codec_h264, false, true, 2, { 0x41, 0x9a } },
	{ "h264 slice, later", &codec_h264, false, false, 2, { 0x41, 0x1a } },
	{ "h264 filler", &codec_h264, false, false, 2, { 0x0c, 0xff } },
	{ "h264 stap sps pps", &codec_h264, true, true, 9,
		{ 0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce } },
	{ "h264 stap pps idr", &codec_h264, true, true, 9,
		{ 0x78, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88 } },
	{ "h264 stap of slices", &codec_h264, false, true, 9,
		{ 0x78, 0, 2, 0x41, 0x9a, 0, 2, 0x41, 0x1a } },
	{ "h264 stap lies", &codec_h264, false, false, 6,
		{ 0x78, 0, 9, 0x67, 0x42, 0 } },
	{ "h264 stap size 0", &codec_h264, false, false, 6,
		{ 0x78, 0, 0, 0x67, 0x42, 0 } },
	{ "h264 stap second lies", &codec_h264, false, true, 8,
		{ 0x78, 0, 1, 0x68, 0, 3, 0x67, 0x42 } },
	{ "h264 stap cut", &codec_h264, false, false, 3, { 0x78, 0, 1 } },
	{ "h264 fu idr start", &codec_h264, true, true, 3,
		{ 0x7c, 0x85, 0x88 } },
	{ "h264 fu idr middle", &codec_h264, false, false, 3,
		{ 0x7c, 0x05, 0x88 } },
	{ "h264 fu idr end", &codec_h264, false, false, 3,
		{ 0x7c, 0x45, 0x88 } },
	{ "h264 fu slice start", &codec_h264, false, true, 3,
		{ 0x7c, 0x81, 0x88 } },
	{ "h264 fu idr cut", &codec_h264, false, false, 2, { 0x7c, 0x85 } },
	{ "h264 fu cut", &codec_h264, false, false, 1, { 0x7c } },
	{ "h264 empty", &codec_h264, false, false, 0, { 0 } },
	/* AV1: Z Y WW N; OBU header 0 tttt x s 0. */
	{ "av1 N", &codec_av1, true, true, 3, { 0x18, 0x08, 0x00 } },
	{ "av1 N with Z is a lie", &codec_av1, false, false, 3,
		{ 0x98, 0x30, 0x00 } },
	{ "av1 sequence, frame, W=2", &codec_av1, true, true, 5,
		{ 0x20, 0x02, 0x08, 0x00, 0x30 } },
	{ "av1 sequence second, W=0", &codec_av1, true, true, 6,
		{ 0x00, 0x01, 0x28, 0x02, 0x08, 0x00 } },
	{ "av1 continues, then sequence", &codec_av1, true, false, 5,
		{ 0xa0, 0x01, 0x08, 0x08, 0x00 } },
	{ "av1 continued sequence bytes", &codec_av1, false, false, 3,
		{ 0x90, 0x08, 0x00 } },
	{ "av1 frame", &codec_av1, false, true, 2, { 0x10, 0x30 } },
	{ "av1 frame header", &codec_av1, false, true, 2, { 0x10, 0x18 } },
	{ "av1 tile group", &codec_av1, false, false, 2, { 0x10, 0x20 } },
	{ "av1 length lies", &codec_av1, false, false, 3,
		{ 0x00, 0x09, 0x08 } },
	{ "av1 leb128 without end", &codec_av1, false, false, 8,
		{ 0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08 } },
	{ "av1 leb128 of 2^35-1", &codec_av1, false, false, 7,
		{ 0x00, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x08 } },
	{ "av1 long leb128 of 1", &codec_av1, true, true, 4,
		{ 0x00, 0x81, 0x00, 0x08 } },
	{ "av1 empty element", &codec_av1, false, false, 2, { 0x00, 0x00 } },
	{ "av1 empty", &codec_av1, false, false, 0, { 0 } },
	{ "av1 header only", &codec_av1, false, false, 1, { 0x18 } },
};

static void table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		uint8_t *p = exact_copy(r->bytes, r->len);

		if (r->codec->is_keyframe(p, r->len) != r->key)
			fail_msg("%s: key frame", r->name);
		if (r->codec->starts_frame(p, r->len) != r->start)
			fail_msg("%s: start", r->name);
		free(p);
	}
}

/* Random bytes of every short length: ASan is the judge, and a key frame that
 * starts nothing is a contradiction (but for AV1, where the sequence header may
 * follow the end of the picture before). */
static void random_bytes(void **state)
{
	const struct codec *all[] = { &codec_vp8, &codec_vp9, &codec_h264,
		&codec_av1 };
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		const struct codec *c = all[i % COUNT(all)];
		uint64_t bits[2] = { next_random(&seed), next_random(&seed) };
		size_t len = next_random(&seed) % 16;
		uint8_t *p = exact_copy(bits, len);

		if (c->is_keyframe(p, len) && c != &codec_av1)
			assert_true(c->starts_frame(p, len));
		free(p);
	}
}

static void found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(codec_find("opus"), &codec_opus);
	assert_ptr_equal(codec_find("OPUS"), &codec_opus);
	assert_ptr_equal(codec_find("vp8"), &codec_vp8);
	assert_ptr_equal(codec_find("VP9"), &codec_vp9);
	assert_ptr_equal(codec_find("h264"), &codec_h264);
	assert_ptr_equal(codec_find("AV1"), &codec_av1);
	assert_null(codec_find("AV1X"));
	assert_null(codec_find("VP"));
	assert_null(codec_find(""));
	assert_null(codec_find(NULL));
	assert_false(codec_opus.video);
	assert_null(codec_opus.is_keyframe);
	assert_null(codec_opus.starts_frame);
	assert_int_equal(codec_opus.clock_hz, 48000);
	assert_int_equal(codec_av1.clock_hz, 90000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
