/*
 * The wire between control process and worker: the first byte is the type, the
 * rest the payload. Whatever decodes must be within its bounds and must encode
 * again to something that decodes to the same bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(const struct sfu_event *e)
{
	assert(e->n_streams <= SFU_STREAMS_MAX);
	assert(strlen(e->sdp) <= SFU_SDP_MAX);
	assert(strlen(e->text) <= WIRE_TEXT_MAX);
	assert(e->len <= SFU_CONTROL_MAX);
	for (unsigned i = 0; i < e->n_streams; i++) {
		assert(strlen(e->streams[i].id) <= SFU_STREAM_MAX);
		assert(strlen(e->streams[i].source) <= SFU_STREAM_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[WIRE_PAYLOAD_MAX], second[WIRE_PAYLOAD_MAX];
	static struct sfu_stream streams[SFU_STREAMS_MAX];
	struct wire_message m, again;
	uint8_t *payload;
	int len, len2;

	if (!size || size > WIRE_PAYLOAD_MAX)
		return 0;
	/* A copy of its own, so that one byte too far is seen. */
	payload = malloc(size - 1 ? size - 1 : 1);
	memcpy(payload, data + 1, size - 1);
	if (wire_decode(data[0], 1, payload, size - 1, streams, &m) == 0) {
		if (m.type == WIRE_EVENT)
			check_event(&m.u.event);
		len = wire_encode(&m, first, sizeof(first));
		assert(len >= 0);
		assert(wire_decode(m.type, m.id, first, (size_t)len, streams,
			       &again) == 0);
		len2 = wire_encode(&again, second, sizeof(second));
		assert(len2 == len);
		/* Flat structs may differ in padding only. */
		if (m.type != WIRE_OPTIONS)
			assert(!memcmp(first, second, (size_t)len));
	}
	free(payload);
	return 0;
}
