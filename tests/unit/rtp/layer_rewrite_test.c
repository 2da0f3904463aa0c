#include "check.h"
#include "rtp/codec.h"
#include "rtp/layer_rewrite.h"

/* A VP8 packet: X, I L T K; PictureID of 15 bits. */
enum { VP8_LEN = 8 };

static void vp8_packet(uint8_t p[VP8_LEN], uint16_t picture, uint8_t tl0,
	uint8_t tid, uint8_t key_index, bool key)
{
	const uint8_t bytes[VP8_LEN] = { 0x90, 0xf0,
		(uint8_t)(0x80 | picture >> 8), (uint8_t)picture, tl0,
		(uint8_t)(tid << 6 | key_index), !key, 0x55 };

	memcpy(p, bytes, VP8_LEN);
}

static struct layer_info read(
	const struct codec *c, const uint8_t *p, size_t len)
{
	struct layer_info i;

	assert_true(c->layer(p, len, &i));
	return i;
}

static void drop(struct layer_rewrite *r, uint16_t picture)
{
	struct layer_info i;
	uint8_t p[VP8_LEN];

	vp8_packet(p, picture, 0, 2, 0, false);
	i = read(&codec_vp8, p, VP8_LEN);
	layer_rewrite_drop(r, &i);
}

/* Sends a picture; what its PictureID became, or -1. */
static int send(struct layer_rewrite *r, uint16_t picture)
{
	struct layer_info i;
	uint8_t p[VP8_LEN];

	vp8_packet(p, picture, 0, 0, 0, false);
	i = read(&codec_vp8, p, VP8_LEN);
	if (!layer_rewrite_packet(r, &i, p))
		return -1;
	i = read(&codec_vp8, p, VP8_LEN);
	return i.picture_id;
}

static void begin(struct layer_rewrite *r, uint16_t picture)
{
	struct layer_info i;
	uint8_t p[VP8_LEN];

	vp8_packet(p, picture, 0, 0, 0, true);
	i = read(&codec_vp8, p, VP8_LEN);
	layer_rewrite_switch(r, &i);
}

/* --- scripts ------------------------------------------------------------ */

enum verb { SEND, DROP, BEGIN, END };

struct step {
	enum verb verb;
	uint16_t picture;
	int want;
};

#define S(in, want)                                                            \
	{                                                                      \
		SEND, in, want                                                 \
	}
#define D(in)                                                                  \
	{                                                                      \
		DROP, in, 0                                                    \
	}
#define B(in)                                                                  \
	{                                                                      \
		BEGIN, in, 0                                                   \
	}
#define STOP                                                                   \
	{                                                                      \
		END, 0, 0                                                      \
	}

static const struct script {
	const char *name;
	struct step step[24];
} scripts[] = {
	{ "as it comes",
		{ S(9, 9), S(10, 10), S(10, 10), S(13, 13), S(11, 11), STOP } },
	{ "a dropped picture is closed over",
		{ S(5, 5), D(6), S(7, 6), D(8), D(8), S(9, 7), STOP } },
	{ "runs join", { S(5, 5), D(6), D(7), D(8), S(9, 6), S(5, 5), S(7, -1),
			       S(8, -1), S(6, -1), STOP } },
	{ "the same number again",
		{ S(5, 5), D(6), S(7, 6), D(8), S(9, 7), S(5, 5), S(7, 6),
			S(9, 7), S(6, -1), S(8, -1), STOP } },
	{ "a loss stays a gap",
		{ S(5, 5), D(6), S(9, 8), S(7, 6), S(8, 7), STOP } },
	{ "dropped late stays a gap",
		{ S(5, 5), S(7, 7), D(6), S(8, 8), STOP } },
	{ "lost between two drops",
		{ S(5, 5), D(6), D(8), S(9, 7), S(7, 6), STOP } },
	{ "over the wrap",
		{ S(32766, 32766), D(32767), S(0, 32767), D(1), S(2, 0),
			S(0, 32767), S(32766, 32766), STOP } },
	{ "a switch goes on", { S(5, 5), S(6, 6), B(20000), S(20000, 7),
				      S(20001, 8), B(3), S(3, 9), STOP } },
	{ "a switch forgets drops",
		{ S(5, 5), D(6), S(7, 6), B(1), S(1, 7), S(2, 8), STOP } },
	{ "drops at the end do not count",
		{ S(5, 5), D(6), D(7), B(1), S(1, 6), STOP } },
	{ "before the stretch",
		{ S(5, 5), B(100), S(100, 6), S(99, -1), STOP } },
	{ "dropped before all", { D(4), S(5, 5), STOP } },
};

static void runs_scripts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(scripts); i++) {
		struct layer_rewrite r;

		layer_rewrite_init(&r);
		for (const struct step *t = scripts[i].step; t->verb != END;
			t++) {
			int got = t->want;

			if (t->verb == DROP)
				drop(&r, t->picture);
			else if (t->verb == BEGIN)
				begin(&r, t->picture);
			else
				got = send(&r, t->picture);
			if (got != t->want)
				fail_msg("%s, step %d: %d", scripts[i].name,
					(int)(t - scripts[i].step), got);
		}
	}
}

/* --- fields ------------------------------------------------------------- */

static void all_fields_go_on(void **state)
{
	struct layer_rewrite r;
	struct layer_info i;
	uint8_t p[VP8_LEN];

	(void)state;
	layer_rewrite_init(&r);
	vp8_packet(p, 100, 254, 0, 30, true);
	i = read(&codec_vp8, p, VP8_LEN);
	assert_true(layer_rewrite_packet(&r, &i, p));
	i = read(&codec_vp8, p, VP8_LEN);
	assert_int_equal(i.picture_id, 100);
	assert_int_equal(i.tl0, 254);
	assert_int_equal(i.key_index, 30);
	/* Another source; both numbers go round. */
	for (unsigned n = 0; n < 3; n++) {
		vp8_packet(p, (uint16_t)(7 + n), (uint8_t)(50 + n), 1,
			(uint8_t)(3 + n), n == 0);
		i = read(&codec_vp8, p, VP8_LEN);
		if (n == 0)
			layer_rewrite_switch(&r, &i);
		assert_true(layer_rewrite_packet(&r, &i, p));
		i = read(&codec_vp8, p, VP8_LEN);
		assert_int_equal(i.picture_id, 101 + n);
		assert_int_equal(i.tl0, (uint8_t)(255 + n));
		assert_int_equal(i.key_index, (31 + n) % 32);
		assert_int_equal(i.temporal, 1);
		assert_int_equal(p[7], 0x55);
	}
}

static void seven_bits_stay_seven(void **state)
{
	struct layer_rewrite r;
	struct layer_info i;

	(void)state;
	layer_rewrite_init(&r);
	/* 300 pictures, every third dropped: the numbers sent are gapless. */
	for (unsigned n = 0, out = 0; n < 300; n++) {
		uint8_t p[5] = { 0x90, 0x80, n & 0x7f, 1, 0x55 };

		i = read(&codec_vp8, p, sizeof(p));
		if (n % 3 == 2) {
			layer_rewrite_drop(&r, &i);
			continue;
		}
		assert_true(layer_rewrite_packet(&r, &i, p));
		i = read(&codec_vp8, p, sizeof(p));
		assert_int_equal(i.picture_id_len, 1);
		assert_int_equal(i.picture_id, out++ % 128);
		assert_int_equal(p[3], 1);
	}
}

/* VP9 refers to pictures by how far back they are: gaps stay. */
static void vp9_keeps_its_distances(void **state)
{
	static const struct {
		uint16_t picture;
		uint8_t tl0;
		bool begin, drop;
		uint16_t want;
		uint8_t want_tl0;
	} t[] = {
		{ 500, 9, false, false, 500, 9 },
		{ 501, 9, false, true, 0, 0 },
		{ 502, 10, false, false, 502, 10 },
		{ 30000, 77, true, false, 503, 11 },
		{ 30001, 77, false, true, 0, 0 },
		{ 30002, 78, false, false, 505, 12 },
		{ 30000, 77, false, false, 503, 11 },
	};
	struct layer_rewrite r;

	(void)state;
	layer_rewrite_init(&r);
	for (unsigned n = 0; n < COUNT(t); n++) {
		uint8_t p[6] = { 0xec, (uint8_t)(0x80 | t[n].picture >> 8),
			(uint8_t)t[n].picture, 0x20, t[n].tl0, 0x55 };
		struct layer_info i = read(&codec_vp9, p, sizeof(p));

		if (t[n].begin)
			layer_rewrite_switch(&r, &i);
		if (t[n].drop) {
			layer_rewrite_drop(&r, &i);
			continue;
		}
		assert_true(layer_rewrite_packet(&r, &i, p));
		i = read(&codec_vp9, p, sizeof(p));
		assert_int_equal(i.picture_id, t[n].want);
		assert_int_equal(i.tl0, t[n].want_tl0);
		assert_int_equal(p[3], 0x20);
	}
}

static void payloads_without_numbers(void **state)
{
	uint8_t p[2] = { 0x10, 1 };
	struct layer_info i = read(&codec_vp8, p, 2);
	struct layer_rewrite r;

	(void)state;
	layer_rewrite_init(&r);
	assert_true(layer_rewrite_packet(&r, &i, p));
	layer_rewrite_drop(&r, &i);
	layer_rewrite_switch(&r, &i);
	assert_true(layer_rewrite_packet(&r, &i, p));
	assert_int_equal(p[0], 0x10);
	assert_int_equal(p[1], 1);
}

static void frame_numbers(void **state)
{
	struct layer_info i = { .frame_number = 65534 };
	struct layer_rewrite r;

	(void)state;
	layer_rewrite_init(&r);
	layer_rewrite_switch(&r, &i);
	assert_int_equal(layer_rewrite_number(&r, 65534), 65534);
	assert_int_equal(layer_rewrite_number(&r, 1), 1);
	assert_int_equal(layer_rewrite_number(&r, 65535), 65535);
	i.frame_number = 4000;
	layer_rewrite_switch(&r, &i);
	assert_int_equal(layer_rewrite_number(&r, 4000), 2);
	assert_int_equal(layer_rewrite_number(&r, 4003), 5);
}

/* The encoder was started again: its key picture counts from elsewhere. */
static void a_new_numbering(void **state)
{
	struct layer_rewrite r;
	struct layer_info i;
	uint8_t p[VP8_LEN];

	(void)state;
	layer_rewrite_init(&r);
	assert_int_equal(send(&r, 5), 5);
	vp8_packet(p, 20000, 3, 0, 0, true);
	i = read(&codec_vp8, p, VP8_LEN);
	assert_true(layer_rewrite_packet(&r, &i, p));
	i = read(&codec_vp8, p, VP8_LEN);
	assert_int_equal(i.picture_id, 6);
	assert_int_equal(send(&r, 20001), 7);
	/* A little further on is a loss. */
	vp8_packet(p, 20001 + LAYER_PICTURES_JUMP, 3, 0, 0, true);
	i = read(&codec_vp8, p, VP8_LEN);
	assert_true(layer_rewrite_packet(&r, &i, p));
	i = read(&codec_vp8, p, VP8_LEN);
	assert_int_equal(i.picture_id, 7 + LAYER_PICTURES_JUMP);
}

/* --- for long ----------------------------------------------------------- */

/* Days of a stream with every second picture dropped, and then days without:
 * gapless, and what is remembered is right or not known. */
static void for_long(void **state)
{
	struct layer_rewrite r;
	uint16_t out = 0;

	(void)state;
	layer_rewrite_init(&r);
	for (uint32_t n = 0; n < 400000; n += 2) {
		assert_int_equal(send(&r, n & 0x7fff), out & 0x7fff);
		assert_true(r.n_steps <= LAYER_STEPS);
		if (n > 40) {
			assert_int_equal(send(&r, (n - 40) & 0x7fff),
				(out - 20) & 0x7fff);
			assert_int_equal(send(&r, (n - 41) & 0x7fff), -1);
		}
		if (n > 2 * LAYER_STEPS + 2)
			assert_int_equal(
				send(&r, (n - 2 * LAYER_STEPS - 2) & 0x7fff),
				-1);
		out++;
		drop(&r, (n + 1) & 0x7fff);
	}
	for (uint32_t n = 400000; n < 600000; n++)
		assert_int_equal(send(&r, n & 0x7fff), out++ & 0x7fff);
	assert_int_equal(r.n_steps, 0);
	assert_int_equal(
		send(&r, (600000 - 4000) & 0x7fff), (out - 4000) & 0x7fff);
}

/* Against a model with all the memory in the world: pictures in any order
 * within a window, each one's fate decided by its number. */
static void agrees_with_the_model(void **state)
{
	enum { PICTURES = 4000 };
	static int sent_as[PICTURES];
	uint64_t seed = 99;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		unsigned newest = 0, drop_in = 2 + round % 7;
		struct layer_rewrite r;

		layer_rewrite_init(&r);
		for (unsigned n = 0; n < PICTURES; n++)
			sent_as[n] = -1;
		send(&r, 0);
		for (unsigned n = 1; n < PICTURES; n++) {
			unsigned back = (unsigned)(next_random(&seed) % 12);
			unsigned at = n > back / 4 ? n - back / 4 : n;
			int got;

			/* By number: the same every time it comes. */
			if (at % drop_in == 0) {
				drop(&r, at & 0x7fff);
				continue;
			}
			got = send(&r, at & 0x7fff);
			assert_true(got >= 0);
			if (sent_as[at] >= 0)
				assert_int_equal(sent_as[at], got);
			sent_as[at] = got;
			if (at > newest)
				newest = at;
		}
		/* No two have one number, and order is kept. */
		for (unsigned n = 1, last = 0; n <= newest; n++) {
			if (sent_as[n] < 0)
				continue;
			assert_true(!last || (unsigned)sent_as[n] > last);
			last = (unsigned)sent_as[n];
		}
	}
}

/* A stream that went out with its own numbers goes on with them, and what went
 * out before may be asked for. */
static void adopted_numbers_go_on(void **state)
{
	struct layer_rewrite r;
	struct layer_info i;
	uint8_t p[VP8_LEN];

	(void)state;
	vp8_packet(p, 40, 9, 2, 3, false);
	i = read(&codec_vp8, p, VP8_LEN);
	layer_rewrite_adopt(&r, &i);
	/* That one itself is left out. */
	drop(&r, 40);
	assert_int_equal(send(&r, 41), 40);
	assert_int_equal(send(&r, 39), 39);
	assert_int_equal(send(&r, 12), 12);
	assert_int_equal(send(&r, 40), -1);
	drop(&r, 42);
	assert_int_equal(send(&r, 43), 41);
	vp8_packet(p, 44, 10, 0, 3, false);
	i = read(&codec_vp8, p, VP8_LEN);
	assert_true(layer_rewrite_packet(&r, &i, p));
	assert_int_equal(p[4], 10);
	assert_int_equal(p[5] & 0x1f, 3);
	assert_int_equal(layer_rewrite_number(&r, 77), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_scripts),
		cmocka_unit_test(adopted_numbers_go_on),
		cmocka_unit_test(all_fields_go_on),
		cmocka_unit_test(seven_bits_stay_seven),
		cmocka_unit_test(vp9_keeps_its_distances),
		cmocka_unit_test(payloads_without_numbers),
		cmocka_unit_test(frame_numbers),
		cmocka_unit_test(a_new_numbering),
		cmocka_unit_test(for_long),
		cmocka_unit_test(agrees_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
