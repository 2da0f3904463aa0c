/*
 * What a feed's SDP and STREAMS frames say together: the list of RTP streams
 * that come, each with its owner, source, and codecs. Pure.
 */
#ifndef HEARTH_RECORD_STREAMS_H
#define HEARTH_RECORD_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/part.h"
#include "record/take.h"

enum {
	STREAMS_MAX = 512,
	STREAM_CODECS_MAX = 32,
	STREAM_TEXT_MAX = 128,
	STREAM_LABEL_MAX = 512
};

struct stream_codec {
	uint8_t pt;
	enum take_codec codec;
};

struct stream {
	uint32_t ssrc, owner;
	enum part_kind kind;
	char source[STREAM_TEXT_MAX + 1]; /* the owner's own stream id */
	char label[STREAM_LABEL_MAX + 1];
	uint32_t clock_hz;
	unsigned n_codecs;
	struct stream_codec codec[STREAM_CODECS_MAX];
};

/* The recorder's OFFER (static): it takes all that hearth forwards. */
const char *streams_offer(void);

/* sdp, lines: the payloads of the frames. *ret: an array of *ret_n, the
 * caller's to free. m-lines without a stream, codec or SSRC we know are left
 * out. 0, -ENOMEM, -EBADMSG. */
int streams_read(const char *sdp, size_t sdp_len, const char *lines,
	size_t lines_len, struct stream **ret, unsigned *ret_n);

/* The same packets: same SSRC of the same source. */
bool stream_same(const struct stream *a, const struct stream *b);

#endif
