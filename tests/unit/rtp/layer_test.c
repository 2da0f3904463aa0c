/* What payload descriptors say of layers: RFC 7741 4.2, RFC 9628 4.2, RFC 6184
 * 5.2, and the AV1 aggregation header. */
#include "check.h"
#include "rtp/codec.h"

enum {
	START = 1,
	END = 2,
	KEY = 4,
	UP_S = 8,
	UP_T = 16,
	AFTER = 32,
	DISC = 64
};
enum { ALL_UP = UP_S | UP_T };

struct row {
	const char *name;
	const struct codec *codec;
	size_t len;
	uint8_t bytes[12];
	int flags; /* -1: not understood */
	uint8_t spatial, temporal;
	uint8_t id_at, id_len, tl0_at, key_at;
	uint16_t id;
	uint8_t tl0, key_index;
};

static const struct row rows[] = {
	{ "vp8 bare key", &codec_vp8, 2, { 0x10, 0 },
		.flags = START | KEY | ALL_UP },
	{ "vp8 bare delta", &codec_vp8, 2, { 0x10, 1 }, .flags = START },
	{ "vp8 not referred to", &codec_vp8, 2, { 0x30, 1 },
		.flags = START | DISC },
	{ "vp8 middle", &codec_vp8, 2, { 0x00, 0 }, .flags = 0 },
	{ "vp8 7 bits", &codec_vp8, 4, { 0x90, 0x80, 0x7f, 1 }, .flags = START,
		.id_at = 2, .id_len = 1, .id = 0x7f },
	{ "vp8 7 bits, nothing behind", &codec_vp8, 3, { 0x90, 0x80, 5 },
		.flags = START, .id_at = 2, .id_len = 1, .id = 5 },
	{ "vp8 15 bits", &codec_vp8, 5, { 0x90, 0x80, 0xff, 0xfe, 1 },
		.flags = START, .id_at = 2, .id_len = 2, .id = 0x7ffe },
	{ "vp8 all", &codec_vp8, 7,
		{ 0x90, 0xf0, 0x81, 0x02, 0x33, 0x85, 0x01 }, .flags = START,
		.temporal = 2, .id_at = 2, .id_len = 2, .id = 0x102,
		.tl0_at = 4, .tl0 = 0x33, .key_at = 5, .key_index = 5 },
	{ "vp8 sync", &codec_vp8, 7,
		{ 0x90, 0xf0, 0x81, 0x02, 0x33, 0x7f, 0x01 },
		.flags = START | UP_T, .temporal = 1, .id_at = 2, .id_len = 2,
		.id = 0x102, .tl0_at = 4, .tl0 = 0x33, .key_at = 5,
		.key_index = 31 },
	{ "vp8 T without K", &codec_vp8, 5, { 0x90, 0x60, 7, 0x5f, 0x01 },
		.flags = START, .temporal = 1, .tl0_at = 2, .tl0 = 7 },
	{ "vp8 K without T", &codec_vp8, 4, { 0x90, 0x10, 0xff, 0x01 },
		.flags = START, .key_at = 2, .key_index = 31 },
	{ "vp8 cut: X", &codec_vp8, 1, { 0x90 }, .flags = -1 },
	{ "vp8 cut: I", &codec_vp8, 2, { 0x90, 0x80 }, .flags = -1 },
	{ "vp8 cut: long I", &codec_vp8, 3, { 0x90, 0x80, 0x80 }, .flags = -1 },
	{ "vp8 cut: L", &codec_vp8, 3, { 0x90, 0xc0, 0x00 }, .flags = -1 },
	{ "vp8 cut: T", &codec_vp8, 4, { 0x90, 0xe0, 0x00, 0 }, .flags = -1 },
	{ "vp8 empty", &codec_vp8, 0, { 0 }, .flags = -1 },

	{ "vp9 bare", &codec_vp9, 2, { 0x08, 0x55 },
		.flags = START | KEY | ALL_UP | AFTER },
	{ "vp9 bare inter", &codec_vp9, 2, { 0x4c, 0x55 },
		.flags = START | END },
	{ "vp9 15 bits", &codec_vp9, 4, { 0xc4, 0x92, 0x34, 0x55 },
		.flags = END, .id_at = 1, .id_len = 2, .id = 0x1234 },
	{ "vp9 7 bits, non-flexible", &codec_vp9, 5,
		{ 0xe8, 0x12, 0x52, 0x77, 0x55 }, .flags = START | UP_T | AFTER,
		.spatial = 1, .temporal = 2, .id_at = 1, .id_len = 1,
		.id = 0x12, .tl0_at = 3, .tl0 = 0x77 },
	{ "vp9 no U", &codec_vp9, 5, { 0xe8, 0x12, 0x45, 0x77, 0x55 },
		.flags = START, .spatial = 2, .temporal = 2, .id_at = 1,
		.id_len = 1, .id = 0x12, .tl0_at = 3, .tl0 = 0x77 },
	{ "vp9 flexible", &codec_vp9, 5, { 0xf8, 0x92, 0x34, 0x23, 0x02 },
		.flags = START, .spatial = 1, .temporal = 1, .id_at = 1,
		.id_len = 2, .id = 0x1234 },
	{ "vp9 upper layer of a key picture", &codec_vp9, 5,
		{ 0xac, 0x92, 0x34, 0x03, 0x09 },
		.flags = START | END | ALL_UP | AFTER, .spatial = 1, .id_at = 1,
		.id_len = 2, .id = 0x1234, .tl0_at = 4, .tl0 = 9 },
	{ "vp9 layer without id", &codec_vp9, 3, { 0x68, 0x20, 8 },
		.flags = START, .temporal = 1, .tl0_at = 2, .tl0 = 8 },
	{ "vp9 cut: I", &codec_vp9, 1, { 0x80 }, .flags = -1 },
	{ "vp9 cut: long I", &codec_vp9, 2, { 0x80, 0x80 }, .flags = -1 },
	{ "vp9 cut: L", &codec_vp9, 2, { 0xa0, 0x00 }, .flags = -1 },
	{ "vp9 cut: TL0PICIDX", &codec_vp9, 3, { 0xa0, 0x00, 0x20 },
		.flags = -1 },
	{ "vp9 empty", &codec_vp9, 0, { 0 }, .flags = -1 },

	{ "h264 idr", &codec_h264, 2, { 0x65, 0x88 },
		.flags = START | KEY | ALL_UP },
	{ "h264 slice", &codec_h264, 2, { 0x41, 0x9a }, .flags = START },
	{ "h264 slice not referred to", &codec_h264, 2, { 0x01, 0x9a },
		.flags = START | DISC },
	{ "h264 fu middle", &codec_h264, 3, { 0x5c, 0x01, 0x9a }, .flags = 0 },
	{ "h264 fu not referred to", &codec_h264, 3, { 0x1c, 0x01, 0x9a },
		.flags = DISC },
	{ "h264 empty", &codec_h264, 0, { 0 }, .flags = -1 },

	{ "av1 N", &codec_av1, 3, { 0x18, 0x08, 0x00 },
		.flags = START | KEY | ALL_UP },
	{ "av1 frame", &codec_av1, 2, { 0x10, 0x30 }, .flags = START },
	{ "av1 middle", &codec_av1, 2, { 0x90, 0x30 }, .flags = 0 },
	{ "av1 empty", &codec_av1, 0, { 0 }, .flags = -1 },
};

static int flags_of(const struct layer_info *i)
{
	return (i->start ? START : 0) | (i->end ? END : 0) |
	       (i->key ? KEY : 0) | (i->up_spatial ? UP_S : 0) |
	       (i->up_temporal ? UP_T : 0) | (i->up_after ? AFTER : 0) |
	       (i->discardable ? DISC : 0);
}

static void check_row(const struct row *r)
{
	uint8_t *p = exact_copy(r->bytes, r->len);
	struct layer_info i;
	bool ok;

	memset(&i, 0xee, sizeof(i));
	ok = r->codec->layer(p, r->len, &i);
	if (ok != (r->flags >= 0))
		fail_msg("%s: understood: %d", r->name, ok);
	if (flags_of(&i) != (ok ? r->flags : 0))
		fail_msg("%s: flags %#x", r->name, (unsigned)flags_of(&i));
	if (i.spatial != r->spatial || i.temporal != r->temporal)
		fail_msg("%s: S%u T%u", r->name, i.spatial, i.temporal);
	if (i.picture_id_at != r->id_at || i.picture_id_len != r->id_len ||
		i.picture_id != r->id)
		fail_msg("%s: picture %u at %u", r->name, i.picture_id,
			i.picture_id_at);
	if (i.tl0_at != r->tl0_at || i.tl0 != r->tl0)
		fail_msg("%s: TL0PICIDX %u at %u", r->name, i.tl0, i.tl0_at);
	if (i.key_index_at != r->key_at || i.key_index != r->key_index)
		fail_msg("%s: KEYIDX %u at %u", r->name, i.key_index,
			i.key_index_at);
	assert_int_equal(
		i.gapless, r->codec == &codec_vp8 && r->id_len > 0 && ok);
	assert_null(i.dependency);
	free(p);
}

static void table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
	assert_null(codec_opus.layer);
}

/* RFC 6386 9.1: 14 bits behind the start code; the upper two say something
 * else. */
static void vp8_key_pictures_say_their_size(void **state)
{
	static const uint8_t p[] = { 0x90, 0x80, 0x05, 0x00, 0x00, 0x00, 0x9d,
		0x01, 0x2a, 0x40, 0x01, 0xd0, 0x42 };
	uint8_t q[sizeof(p)];
	struct layer_info i;

	(void)state;
	assert_true(codec_vp8.layer(p, sizeof(p), &i));
	assert_true(i.key);
	assert_int_equal(i.height, 720);
	for (size_t n = 4; n < sizeof(p); n++) {
		uint8_t *cut = exact_copy(p, n);

		assert_true(codec_vp8.layer(cut, n, &i));
		assert_int_equal(i.height, 0);
		free(cut);
	}
	memcpy(q, p, sizeof(p));
	q[7] = 2; /* no start code */
	assert_true(codec_vp8.layer(q, sizeof(q), &i));
	assert_int_equal(i.height, 0);
	memcpy(q, p, sizeof(p));
	q[3] |= 1; /* no key picture */
	assert_true(codec_vp8.layer(q, sizeof(q), &i));
	assert_int_equal(i.height, 0);
}

/* Scalability structures, also behind the references of the flexible mode, and
 * cut anywhere. */
static void vp9_says_how_large_its_layers_are(void **state)
{
	static const uint8_t plain[] = { 0xaa, 0x92, 0x34, 0x01, 0x00, 0x30,
		0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x55 };
	static const uint8_t flexible[] = { 0xfa, 0x92, 0x34, 0x01, 0x03, 0x04,
		0x10, 0x05, 0x00, 0x02, 0xd0, 0x55 };
	struct layer_info i;

	(void)state;
	assert_true(codec_vp9.layer(plain, sizeof(plain), &i));
	assert_int_equal(i.lines[0], 180);
	assert_int_equal(i.lines[1], 360);
	assert_int_equal(i.lines[2], 0);
	for (size_t len = 5; len < 14; len++) {
		uint8_t *p = exact_copy(plain, len);

		assert_true(codec_vp9.layer(p, len, &i));
		assert_int_equal(i.lines[0], len < 10 ? 0 : 180);
		assert_int_equal(i.lines[1], 0);
		free(p);
	}
	assert_true(codec_vp9.layer(flexible, sizeof(flexible), &i));
	assert_int_equal(i.lines[0], 720);
	/* No sizes are in it. */
	assert_true(codec_vp9.layer(
		(const uint8_t[]){ 0x8a, 0x12, 0x28, 0x01, 0x01, 0x01 }, 6,
		&i));
	assert_int_equal(i.lines[0], 0);
}

/* layer(), is_keyframe() and starts_frame() do not contradict each other, and
 * what is to be patched lies within the payload. */
static void agrees_with_the_others(void **state)
{
	const struct codec *all[] = { &codec_vp8, &codec_vp9, &codec_h264,
		&codec_av1 };
	uint64_t seed = 8;

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		const struct codec *c = all[n % COUNT(all)];
		uint64_t bits[2] = { next_random(&seed), next_random(&seed) };
		size_t len = next_random(&seed) % 16;
		uint8_t *p = exact_copy(bits, len);
		struct layer_info i;
		bool ok = c->layer(p, len, &i);

		if (c->is_keyframe(p, len))
			assert_true(
				ok && i.key && (i.start || c == &codec_av1));
		if (c->starts_frame(p, len))
			assert_true(i.start);
		assert_true(!i.key || i.up_spatial);
		if (i.picture_id_len)
			assert_true(i.picture_id_at > 0 &&
				    i.picture_id_at + i.picture_id_len <= len);
		assert_true(!i.tl0_at || i.tl0_at < len);
		assert_true(!i.key_index_at || i.key_index_at < len);
		assert_true(i.spatial < LAYER_SPATIAL_MAX &&
			    i.temporal < LAYER_TEMPORAL_MAX);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(vp8_key_pictures_say_their_size),
		cmocka_unit_test(vp9_says_how_large_its_layers_are),
		cmocka_unit_test(agrees_with_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
