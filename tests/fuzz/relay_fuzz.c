/*
 * What a worker that was taken over writes to another: frames until the stream
 * breaks, each also read as a seat and as a message. What reads must write
 * again to the same bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_seat(const struct relay_frame *f)
{
	char label[SFU_LABEL_MAX + 1];
	const char *sdp;
	size_t len;

	if (relay_seat_read(f->payload, f->len, label, &sdp, &len) != 0)
		return;
	assert(strlen(label) + 1 + len == f->len);
	assert(!strchr(label, '\n'));
	assert(sdp + len == (const char *)f->payload + f->len);
}

static void check_message(const struct relay_frame *f)
{
	uint8_t *again = malloc(f->len + 1);
	const uint8_t *data;
	struct channel ch;
	bool binary;
	size_t len;

	if (relay_message_read(f->payload, f->len, &ch, &binary, &data, &len) ==
		0) {
		assert(len <= ASSOC_MESSAGE_MAX);
		assert(data + len == f->payload + f->len);
		assert(relay_message_write(&ch, binary, data, len, again,
			       f->len) == (int64_t)f->len);
		assert(!memcmp(again, f->payload, f->len));
	}
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	uint8_t header[RELAY_HEADER];
	struct relay_frame f;
	size_t at = 0;
	int64_t n;

	memcpy(copy, data, size);
	while ((n = relay_frame_read(copy + at, size - at, &f)) > 0) {
		assert((size_t)n == RELAY_HEADER + f.len);
		assert(f.payload == copy + at + RELAY_HEADER);
		assert(at + (size_t)n <= size);
		relay_header_write(&f, header);
		assert(!memcmp(header, copy + at, RELAY_HEADER));
		check_seat(&f);
		check_message(&f);
		at += (size_t)n;
	}
	free(copy);
	return 0;
}
