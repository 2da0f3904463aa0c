/* What real encoders wrote must come out of what real payloaders made of it:
 * tests/vectors/record/README.md. */
#include "packets.h"

#include <inttypes.h>
#include <stdio.h>

#include "record/take.h"

enum { PACKETS_MAX = 400, PT = 96, PT_OPUS = 111 };

struct recorded {
	unsigned n;
	size_t len[PACKETS_MAX];
	uint8_t packet[PACKETS_MAX][512];
};

static const struct vector {
	const char *name;
	enum take_codec codec;
	uint32_t clock_hz;
	unsigned width, height, frames, keys;
} vectors[] = {
	{ "vp8", TAKE_VP8, 90000, 176, 144, 24, 3 },
	{ "vp9", TAKE_VP9, 90000, 176, 144, 24, 3 },
	{ "h264", TAKE_H264, 90000, 178, 146, 24, 3 },
	{ "av1", TAKE_AV1, 90000, 176, 144, 24, 3 },
	{ "opus", TAKE_OPUS, 48000, 0, 0, 31, 31 },
};

static FILE *open_vector(const char *name, const char *kind)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), VECTORS "/record/%s.%s", name, kind);
	f = fopen(path, "rb");
	assert_non_null(f);
	return f;
}

static struct recorded *load(const char *name)
{
	struct recorded *r = calloc(1, sizeof(*r));
	FILE *f = open_vector(name, "rtp");
	uint8_t size[2];

	assert_non_null(r);
	while (fread(size, 2, 1, f) == 1) {
		assert_true(r->n < PACKETS_MAX);
		r->len[r->n] = get_u16(size);
		assert_true(r->len[r->n] <= sizeof(r->packet[0]));
		assert_int_equal(fread(r->packet[r->n], r->len[r->n], 1, f), 1);
		r->n++;
	}
	assert_true(r->n > 10);
	fclose(f);
	return r;
}

static uint64_t fnv(const uint8_t *data, size_t len)
{
	uint64_t v = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		v = (v ^ data[i]) * UINT64_C(0x100000001b3);
	return v;
}

static void check_frame(const struct vector *v, const struct take_frame *f,
	FILE *frames, int64_t *last_us)
{
	size_t len;
	uint64_t sum;

	assert_int_equal(fscanf(frames, "%zu %" SCNx64, &len, &sum), 2);
	assert_int_equal(f->codec, v->codec);
	assert_int_equal(f->len, len);
	assert_true(fnv(f->data, f->len) == sum);
	assert_false(f->damaged);
	assert_int_equal(f->width, v->width);
	assert_int_equal(f->height, v->height);
	assert_true(f->time_us > *last_us);
	*last_us = f->time_us;
	if (v->codec == TAKE_OPUS)
		assert_int_equal(f->duration_us, 20000);
	if (v->codec == TAKE_H264 || v->codec == TAKE_AV1)
		assert_true(f->setup_len > 8);
	else
		assert_null(f->setup);
	/* The parameter sets stand in front of the first key frame, too. */
	if (v->codec == TAKE_H264 && f->keyframe)
		assert_memory_equal(f->setup, f->data, 8);
	if (v->codec == TAKE_AV1 && f->keyframe)
		assert_memory_equal(f->setup, f->data, f->setup_len);
}

/* order[i]: which packet comes when; NULL: as recorded. */
static void play(
	const struct vector *v, const struct recorded *r, const unsigned *order)
{
	struct take_clock *clock = take_clock_new();
	FILE *frames = open_vector(v->name, "frames");
	struct take *t;
	struct take_frame f;
	struct take_gap gap;
	unsigned n = 0, keys = 0;
	int64_t last_us = INT64_MIN;
	uint64_t now_us = 1000000;

	assert_non_null(clock);
	assert_int_equal(take_new(&t, v->clock_hz, clock), 0);
	take_payload(t, PT, v->codec);
	take_payload(t, PT_OPUS, v->codec);
	for (unsigned i = 0; i <= r->n; i++, now_us += 30000) {
		unsigned at = order && i < r->n ? order[i] : i;
		enum take_got got;

		if (i < r->n)
			take_rtp(t, now_us, r->packet[at], r->len[at]);
		else
			take_end(t);
		while ((got = take_next(t, now_us, &f, &gap)) != TAKE_NOTHING) {
			assert_int_equal(got, TAKE_FRAME);
			check_frame(v, &f, frames, &last_us);
			keys += f.keyframe;
			n++;
		}
	}
	assert_int_equal(n, v->frames);
	assert_int_equal(keys, v->keys);
	assert_int_equal(take_counted(t)->frames, n);
	assert_int_equal(take_counted(t)->frames_dropped, 0);
	assert_int_equal(take_counted(t)->malformed, 0);
	assert_int_equal(fscanf(frames, " %*s"), EOF);
	fclose(frames);
	take_free(t);
	take_clock_free(clock);
}

static void test_as_recorded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(vectors); i++) {
		struct recorded *r = load(vectors[i].name);

		print_message("%s: %u packets\n", vectors[i].name, r->n);
		play(&vectors[i], r, NULL);
		free(r);
	}
}

/* Nothing is lost by any disorder. */
static void test_shuffled(void **state)
{
	unsigned order[PACKETS_MAX];
	uint64_t random = 3;

	(void)state;
	for (unsigned i = 0; i < COUNT(vectors); i++) {
		struct recorded *r = load(vectors[i].name);

		for (unsigned k = 0; k < r->n; k++)
			order[k] = k;
		for (unsigned k = 0; k < r->n; k++) {
			/* Within tens, so that none comes too late. */
			unsigned other = k / 10 * 10;
			unsigned was = order[k];

			other +=
				(unsigned)(next_random(&random) % (k % 10 + 1));
			order[k] = order[other];
			order[other] = was;
		}
		play(&vectors[i], r, order);
		free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_recorded),
		cmocka_unit_test(test_shuffled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
