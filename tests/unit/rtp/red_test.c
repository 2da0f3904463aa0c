#include "check.h"
#include "rtp/history.h"
#include "rtp/packet.h"
#include "rtp/red.h"

/* RFC 2198 section 3: F and payload type, 14 bits of offset, 10 of length; two
 * redundant blocks of 2 and 3 bytes, 1920 and 960 before the primary. */
static const uint8_t three[] = { 0x80 | 111, 0x1e, 0x00, 0x02, 0x80 | 111, 0x0f,
	0x00, 0x03, 111, 'a', 'b', 'c', 'd', 'e', 'f', 'g' };

static void parses(void **state)
{
	uint8_t *p = exact_copy(three, sizeof(three));
	struct red_block b[RED_BLOCKS];

	(void)state;
	assert_int_equal(red_parse(p, sizeof(three), b), 3);
	assert_int_equal(b[0].pt, 111);
	assert_int_equal(b[0].offset, 1920);
	assert_int_equal(b[0].len, 2);
	assert_memory_equal(b[0].data, "ab", 2);
	assert_int_equal(b[1].offset, 960);
	assert_int_equal(b[1].len, 3);
	assert_memory_equal(b[1].data, "cde", 3);
	assert_int_equal(b[2].pt, 111);
	assert_int_equal(b[2].offset, 0);
	assert_int_equal(b[2].len, 2);
	assert_memory_equal(b[2].data, "fg", 2);
	free(p);
}

static void lies(void **state)
{
	struct red_block b[RED_BLOCKS];
	uint8_t many[4 * RED_BLOCKS + 1];

	(void)state;
	/* Cut within the headers and the blocks; the primary may be empty. */
	for (size_t len = 0; len <= sizeof(three); len++) {
		uint8_t *p = exact_copy(three, len);

		assert_int_equal(red_parse(p, len, b), len < 14 ? -EBADMSG : 3);
		free(p);
	}
	for (unsigned n = RED_BLOCKS - 1; n <= RED_BLOCKS; n++) {
		uint8_t *p;

		memset(many, 0, sizeof(many));
		for (unsigned i = 0; i < n; i++)
			many[4 * i] = 0x80;
		p = exact_copy(many, 4 * n + 1);
		assert_int_equal(red_parse(p, 4 * n + 1, b),
			n < RED_BLOCKS ? RED_BLOCKS : -EBADMSG);
		free(p);
	}
}

static void the_primary_alone(void **state)
{
	const uint8_t *data = NULL;
	size_t len = 77;

	(void)state;
	assert_int_equal(
		red_primary(three, sizeof(three), 110, &data, &len), -EBADMSG);
	assert_int_equal(red_primary(three, 9, 111, &data, &len), -EBADMSG);
	assert_null(data);
	assert_int_equal(len, 77);
	assert_int_equal(
		red_primary(three, sizeof(three), 111, &data, &len), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(data, "fg", 2);
	assert_int_equal(red_primary(three + 8, 1, 111, &data, &len), 0);
	assert_int_equal(len, 0);
}

static void other_numbers(void **state)
{
	uint8_t *p = exact_copy(three, sizeof(three));
	struct red_block b[RED_BLOCKS];

	(void)state;
	assert_int_equal(red_set_pt(p, 9, 96), -EBADMSG);
	assert_memory_equal(p, three, sizeof(three));
	assert_int_equal(red_set_pt(p, sizeof(three), 96), 0);
	assert_int_equal(red_parse(p, sizeof(three), b), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(b[i].pt, 96);
	assert_int_equal(b[0].offset, 1920);
	assert_memory_equal(p + 9, three + 9, sizeof(three) - 9);
	free(p);
}

/* --- building ----------------------------------------------------------- */

#define TS 100000u
#define A                                                                      \
	{                                                                      \
		TS - 1920, (const uint8_t *)"ab", 2                            \
	}
#define B                                                                      \
	{                                                                      \
		TS - 960, (const uint8_t *)"cde", 3                            \
	}

static void builds(void **state)
{
	static const struct red_source older[] = { A, B };
	uint8_t out[sizeof(three)];

	(void)state;
	assert_int_equal(red_build(out, sizeof(out), 111, TS, older, 2,
				 (const uint8_t *)"fg", 2),
		sizeof(three));
	assert_memory_equal(out, three, sizeof(three));
}

static uint8_t large[RED_LEN_MAX + 1];

static void leaves_out(void **state)
{
	static const struct {
		const char *name;
		struct red_source older[3];
		unsigned n;
		size_t size;
		int offset[2]; /* expected, oldest first; 0: none */
	} t[] = {
		{ "none", { A }, 0, 100, { 0, 0 } },
		{ "one", { B }, 1, 100, { 960, 0 } },
		{ "the newest two of three",
			{ { TS - 2880, (const uint8_t *)"x", 1 }, A, B }, 3,
			100, { 1920, 960 } },
		{ "room for the newest", { A, B }, 2, 1 + 2 + 4 + 3,
			{ 960, 0 } },
		{ "room for the smaller", { A, B }, 2, 1 + 2 + 4 + 2,
			{ 1920, 0 } },
		{ "no room", { A, B }, 2, 1 + 2 + 4 + 1, { 0, 0 } },
		{ "just young enough",
			{ { TS - RED_OFFSET_MAX, (const uint8_t *)"x", 1 } }, 1,
			100, { RED_OFFSET_MAX, 0 } },
		{ "before a pause",
			{ { TS - RED_OFFSET_MAX - 1, (const uint8_t *)"x",
				1 } },
			1, 100, { 0, 0 } },
		{ "itself, or newer",
			{ { TS, (const uint8_t *)"x", 1 },
				{ TS + 960, (const uint8_t *)"x", 1 } },
			2, 100, { 0, 0 } },
		{ "empty", { { TS - 960, large, 0 } }, 1, 100, { 0, 0 } },
		{ "longest", { { TS - 960, large, RED_LEN_MAX } }, 1, 2000,
			{ 960, 0 } },
		{ "too long", { { TS - 960, large, RED_LEN_MAX + 1 } }, 1, 2000,
			{ 0, 0 } },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		uint8_t *out = malloc(t[i].size);
		struct red_block b[RED_BLOCKS];
		int want = 1 + (t[i].offset[0] > 0) + (t[i].offset[1] > 0);
		size_t len = red_build(out, t[i].size, 111, TS, t[i].older,
			t[i].n, (const uint8_t *)"fg", 2);

		if (red_parse(out, len, b) != want)
			fail_msg("%s: %d blocks", t[i].name,
				red_parse(out, len, b));
		for (int k = 0; k < want - 1; k++)
			if (b[k].offset != t[i].offset[k])
				fail_msg("%s: %u", t[i].name, b[k].offset);
		assert_int_equal(b[want - 1].len, 2);
		assert_memory_equal(b[want - 1].data, "fg", 2);
		free(out);
	}
}

static void no_room_for_the_primary(void **state)
{
	uint8_t out[3];

	(void)state;
	assert_int_equal(red_build(out, 0, 111, TS, NULL, 0, large, 0), 0);
	assert_int_equal(red_build(out, 2, 111, TS, NULL, 0, large, 2), 0);
	assert_int_equal(red_build(out, 3, 111, TS, NULL, 0, large, 2), 3);
	assert_int_equal(red_build(out, 1, 111, TS, NULL, 0, NULL, 0), 1);
}

/* Over the wrap of timestamps, with random sizes: what goes in comes out. */
static void there_and_back(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (unsigned n = 0; n < 50000; n++) {
		uint8_t data[3][64], out[400];
		uint32_t ts = (uint32_t)next_random(&seed) % 4000;
		struct red_source older[2];
		struct red_block b[RED_BLOCKS];
		size_t len[3];

		for (unsigned k = 0; k < 3; k++) {
			len[k] = 1 + next_random(&seed) % 64;
			memset(data[k], (int)(next_random(&seed) & 255), 64);
		}
		for (unsigned k = 0; k < 2; k++)
			older[k] = (struct red_source){ ts - 960 * (2 - k),
				data[k], len[k] };
		assert_int_equal(red_parse(out,
					 red_build(out, sizeof(out), 63, ts,
						 older, 2, data[2], len[2]),
					 b),
			3);
		for (unsigned k = 0; k < 3; k++) {
			assert_int_equal(b[k].offset, 960 * (2 - k));
			assert_int_equal(b[k].len, len[k]);
			assert_memory_equal(b[k].data, data[k], len[k]);
		}
	}
}

static void keep(struct history *h, uint64_t seq, uint8_t pt, uint32_t ts,
	const uint8_t *payload, size_t len)
{
	uint8_t buf[200];
	struct rtp_header head = { .pt = pt, .seq = (uint16_t)seq, .ts = ts };
	size_t at = rtp_write_header(buf, &head);

	memcpy(buf + at, payload, len);
	history_add(h, seq, buf, at + len);
}

static void older_ones_of_a_history(void **state)
{
	struct history *h = history_new(16);
	struct red_source s[RED_LEVELS];

	(void)state;
	assert_int_equal(red_older(h, 0, 111, 63, s), 0);
	assert_int_equal(red_older(h, 101, 111, 63, s), 0);
	keep(h, 99, 111, 960, (const uint8_t *)"abc", 3);
	assert_int_equal(red_older(h, 101, 111, 63, s), 1);
	/* What a publisher sends as red counts as its primary. */
	keep(h, 100, 63, 1920, three, sizeof(three));
	assert_int_equal(red_older(h, 101, 111, 63, s), 2);
	assert_int_equal(s[0].ts, 960);
	assert_int_equal(s[0].len, 3);
	assert_memory_equal(s[0].data, "abc", 3);
	assert_int_equal(s[1].ts, 1920);
	assert_int_equal(s[1].len, 2);
	assert_memory_equal(s[1].data, "fg", 2);
	assert_int_equal(red_older(h, 101, 111, 0, s), 1);
	assert_int_equal(red_older(h, 101, 110, 63, s), 0);
	assert_int_equal(red_older(h, 102, 111, 63, s), 1);
	assert_int_equal(s[0].ts, 1920);
	/* Red that lies, and telephone events. */
	keep(h, 103, 63, 2880, three, 9);
	keep(h, 104, 126, 3840, three, 4);
	assert_int_equal(red_older(h, 105, 111, 63, s), 0);
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(lies),
		cmocka_unit_test(the_primary_alone),
		cmocka_unit_test(other_numbers),
		cmocka_unit_test(builds),
		cmocka_unit_test(leaves_out),
		cmocka_unit_test(no_room_for_the_primary),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(older_ones_of_a_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
