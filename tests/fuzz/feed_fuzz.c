/*
 * A feed as a hostile program would write it: frames until the stream breaks,
 * each of them also read as a list of streams. What reads must write again to
 * the same bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "feed/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_streams(const struct feed_frame *f)
{
	const char *at = (const char *)f->payload, *end = at + f->len;
	const char *from = at;
	struct feed_stream s;
	char line[1024];

	while (feed_stream_next(&at, end, &s) == 1) {
		assert(at > from && at <= end && at[-1] == '\n');
		assert(strlen(s.id) < sizeof(s.id));
		assert(strlen(s.source) < sizeof(s.source));
		assert(strlen(s.label) < sizeof(s.label));
		int n = feed_stream_write(&s, line, sizeof(line));
		/* Only leading zeros of the owner's id are not kept. */
		assert(n > 0 && n <= at - from);
		const char *again = line;
		struct feed_stream t;
		assert(feed_stream_next(&again, line + n, &t) == 1);
		assert(t.owner == s.owner && !strcmp(t.label, s.label));
		from = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	uint8_t header[FEED_HEADER];
	struct feed_frame f;
	size_t at = 0;
	int64_t n;

	memcpy(copy, data, size);
	while ((n = feed_frame_read(copy + at, size - at, &f)) > 0) {
		assert((size_t)n == FEED_HEADER + f.len);
		assert(f.payload == copy + at + FEED_HEADER);
		assert(at + (size_t)n <= size);
		feed_header_write(&f, header);
		assert(!memcmp(header, copy + at, FEED_HEADER));
		check_streams(&f);
		at += (size_t)n;
	}
	free(copy);
	return 0;
}
