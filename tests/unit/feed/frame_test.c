#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "feed/frame.h"

static void test_header_bytes(void **state)
{
	static const uint8_t want[FEED_HEADER] = { 0, 0, 1, 2, 3, 0, 0, 0, 1, 2,
		3, 4, 5, 6, 7, 8 };
	struct feed_frame f = {
		.type = FEED_RTCP, .time_us = 0x0102030405060708, .len = 0x102
	};
	uint8_t got[FEED_HEADER];

	(void)state;
	memset(got, 0xff, sizeof(got));
	feed_header_write(&f, got);
	assert_memory_equal(got, want, sizeof(want));
}

/* Frame numbers are a protocol: they must never move. */
static void test_types(void **state)
{
	(void)state;
	assert_int_equal(FEED_HELLO, 1);
	assert_int_equal(FEED_RTP, 2);
	assert_int_equal(FEED_RTCP, 3);
	assert_int_equal(FEED_SDP, 4);
	assert_int_equal(FEED_STREAMS, 5);
	assert_int_equal(FEED_SPEAKER, 6);
	assert_int_equal(FEED_LOST, 7);
	assert_int_equal(FEED_REFUSED, 8);
	assert_int_equal(FEED_BYE, 9);
	assert_int_equal(FEED_OFFER, 10);
}

/* A frame of `len` bytes 'x' in memory of its own size, so that one byte too
 * far is seen by the sanitizer. */
static uint8_t *make(enum feed_type type, size_t len, size_t *ret)
{
	struct feed_frame f = { .type = type, .time_us = 7, .len = len };
	uint8_t *buf = malloc(FEED_HEADER + len);

	assert_non_null(buf);
	feed_header_write(&f, buf);
	memset(buf + FEED_HEADER, 'x', len);
	*ret = FEED_HEADER + len;
	return buf;
}

static void test_read(void **state)
{
	struct feed_frame f;
	size_t len;
	uint8_t *buf = make(FEED_RTP, 5, &len);

	(void)state;
	assert_int_equal(feed_frame_read(buf, len, &f), 21);
	assert_int_equal(f.type, FEED_RTP);
	assert_int_equal(f.time_us, 7);
	assert_int_equal(f.len, 5);
	assert_ptr_equal(f.payload, buf + FEED_HEADER);
	for (size_t n = 0; n < len; n++) {
		uint8_t *part = malloc(n ? n : 1);

		memcpy(part, buf, n);
		assert_int_equal(feed_frame_read(part, n, &f), 0);
		free(part);
	}
	free(buf);
}

static void test_empty_payload(void **state)
{
	struct feed_frame f;
	size_t len;
	uint8_t *buf = make(FEED_STREAMS, 0, &len);

	(void)state;
	assert_int_equal(feed_frame_read(buf, len, &f), FEED_HEADER);
	assert_int_equal(f.len, 0);
	free(buf);
}

static void test_second_frame_is_left(void **state)
{
	struct feed_frame f;
	size_t len, len2;
	uint8_t *a = make(FEED_RTP, 3, &len), *b = make(FEED_BYE, 2, &len2);
	uint8_t both[64];

	(void)state;
	memcpy(both, a, len);
	memcpy(both + len, b, len2);
	assert_int_equal(feed_frame_read(both, len + len2, &f), len);
	assert_int_equal(f.type, FEED_RTP);
	assert_int_equal(feed_frame_read(both + len, len2, &f), len2);
	assert_int_equal(f.type, FEED_BYE);
	free(a);
	free(b);
}

static void test_broken(void **state)
{
	struct feed_frame f = { .len = 99 };
	size_t len;

	(void)state;
	for (unsigned byte = 4; byte < 8; byte++) {
		uint8_t *buf = make(FEED_RTP, 3, &len);

		buf[byte] = FEED_TYPES;
		assert_int_equal(feed_frame_read(buf, len, &f), -EBADMSG);
		/* Known before the payload has come. */
		assert_int_equal(
			feed_frame_read(buf, FEED_HEADER, &f), -EBADMSG);
		buf[byte] = 0;
		if (byte == 4)
			assert_int_equal(
				feed_frame_read(buf, len, &f), -EBADMSG);
		free(buf);
	}
	assert_int_equal(f.len, 99);
}

static void test_lengths(void **state)
{
	static const struct {
		enum feed_type type;
		size_t max;
	} rows[] = { { FEED_RTP, FEED_PACKET_MAX },
		{ FEED_RTCP, FEED_PACKET_MAX }, { FEED_SDP, FEED_PAYLOAD_MAX },
		{ FEED_OFFER, FEED_PAYLOAD_MAX } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct feed_frame f;
		size_t len;
		uint8_t *buf = make(rows[i].type, rows[i].max, &len);

		assert_int_equal(feed_frame_read(buf, len, &f), len);
		free(buf);
		buf = make(rows[i].type, rows[i].max + 1, &len);
		assert_int_equal(feed_frame_read(buf, len, &f), -EBADMSG);
		free(buf);
	}
}

/* --- streams -----------------------------------------------------------------
 */

/* Reads one line that stands in memory of its own size. */
static int next(const char *text, struct feed_stream *ret)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	const char *at = copy;

	assert_non_null(copy);
	memcpy(copy, text, n);
	int got = feed_stream_next(&at, copy + n, ret);
	assert_int_equal(at - copy, got == 1 ? (long)n : 0);
	free(copy);
	return got;
}

static void test_stream_lines(void **state)
{
	const char *text = "h1-0 1 own audio,video @ann:example.org DEV\n"
			   "h4294967295-1 4294967295 - video \n"
			   "a 0 b audio x\n";
	const char *at = text, *end = text + strlen(text);
	struct feed_stream s;

	(void)state;
	assert_int_equal(feed_stream_next(&at, end, &s), 1);
	assert_string_equal(s.id, "h1-0");
	assert_int_equal(s.owner, 1);
	assert_string_equal(s.source, "own");
	assert_string_equal(s.label, "@ann:example.org DEV");
	assert_true(s.audio && s.video);
	assert_int_equal(feed_stream_next(&at, end, &s), 1);
	assert_int_equal(s.owner, UINT32_MAX);
	assert_string_equal(s.source, "-");
	assert_string_equal(s.label, "");
	assert_true(!s.audio && s.video);
	assert_int_equal(feed_stream_next(&at, end, &s), 1);
	assert_true(s.audio && !s.video);
	assert_int_equal(feed_stream_next(&at, end, &s), 0);
	assert_ptr_equal(at, end);
}

static void test_stream_bad_lines(void **state)
{
	static const char *const bad[] = { "\n", " \n", "a 1 b audio l",
		"a 1 b audio\n", "a  1 b audio l\n", " a 1 b audio l\n",
		"a -1 b audio l\n", "a 1x b audio l\n",
		"a 4294967296 b audio l\n", "a 99999999999 b audio l\n",
		"a 1 b sound l\n", "a 1 b video,audio l\n", "a 1 b audio, l\n",
		"a 1  audio l\n", "a 1\n b audio l\n" };
	struct feed_stream s = { .owner = 77 };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (next(bad[i], &s) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(s.owner, 77);
}

static void test_stream_nul(void **state)
{
	static const char id[] = "a\0b 1 c audio l\n";
	static const char label[] = "a 1 c audio l\0l\n";
	const char *at = id;
	struct feed_stream s;

	(void)state;
	assert_int_equal(
		feed_stream_next(&at, id + sizeof(id) - 1, &s), -EBADMSG);
	at = label;
	assert_int_equal(
		feed_stream_next(&at, label + sizeof(label) - 1, &s), -EBADMSG);
}

static void fill(char *to, size_t n)
{
	memset(to, 'y', n);
	to[n] = 0;
}

/* The longest of everything there and back; one more of anything is refused. */
static void test_stream_bounds(void **state)
{
	struct feed_stream s = { .owner = UINT32_MAX, .audio = 1, .video = 1 },
			   got;
	char line[1024], one_more[1024];

	(void)state;
	fill(s.id, sizeof(s.id) - 1);
	fill(s.source, sizeof(s.source) - 1);
	fill(s.label, sizeof(s.label) - 1);
	int n = feed_stream_write(&s, line, sizeof(line));
	assert_int_equal(n, strlen(line));
	assert_int_equal(next(line, &got), 1);
	assert_memory_equal(&got.label, &s.label, sizeof(s.label));
	assert_string_equal(got.id, s.id);
	assert_string_equal(got.source, s.source);
	assert_int_equal(got.owner, s.owner);

	one_more[0] = 'y';
	memcpy(one_more + 1, line, (size_t)n + 1);
	assert_int_equal(next(one_more, &got), -EBADMSG);
	memcpy(one_more, line, (size_t)n - 1);
	memcpy(one_more + n - 1, "y\n", 3);
	assert_int_equal(next(one_more, &got), -EBADMSG);
	assert_int_equal(feed_stream_write(&s, line, (size_t)n), -ENOSPC);
	assert_int_equal(feed_stream_write(&s, line, (size_t)n + 1), n);
}

static void test_stream_write(void **state)
{
	static const struct feed_stream bad[] = {
		{ .id = "", .source = "b", .audio = 1 },
		{ .id = "a", .source = "", .audio = 1 },
		{ .id = "a b", .source = "b", .audio = 1 },
		{ .id = "a", .source = "b\n", .audio = 1 },
		{ .id = "a", .source = "b", .label = "l\n", .audio = 1 },
		{ .id = "a", .source = "b" },
	};
	struct feed_stream s = { .id = "a",
		.owner = 3,
		.source = "-",
		.label = "Ann B",
		.video = 1 };
	char line[64];

	(void)state;
	assert_int_equal(feed_stream_write(&s, line, sizeof(line)), 18);
	assert_string_equal(line, "a 3 - video Ann B\n");
	s.video = 0;
	s.audio = 1;
	feed_stream_write(&s, line, sizeof(line));
	assert_string_equal(line, "a 3 - audio Ann B\n");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(feed_stream_write(&bad[i], line, sizeof(line)),
			-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_bytes),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_second_frame_is_left),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_stream_lines),
		cmocka_unit_test(test_stream_bad_lines),
		cmocka_unit_test(test_stream_nul),
		cmocka_unit_test(test_stream_bounds),
		cmocka_unit_test(test_stream_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
