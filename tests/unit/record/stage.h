/*
 * A conference as the recorder sees it: streams played from
 * tests/vectors/record over and over, with sender reports, SDP and STREAMS
 * frames, on a clock that the test moves.
 */
#ifndef HEARTH_TESTS_RECORD_STAGE_H
#define HEARTH_TESTS_RECORD_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/frame.h"

enum { STAGE_STREAMS = 256, STAGE_PACKETS = 400, STAGE_PACKET = 512 };

struct stage_vector {
	unsigned n, frames;
	size_t len[STAGE_PACKETS];
	uint8_t packet[STAGE_PACKETS][STAGE_PACKET];
};

struct stage_stream {
	const char *vector; /* "opus", "vp8", … */
	uint32_t ssrc, owner;
	const char *id, *source, *label;
	uint64_t step_us; /* between frames */
	bool muted;       /* nothing is sent; time goes on */
	bool off;         /* not announced */
	unsigned lose;    /* each n-th packet; 0: none */

	struct stage_vector *data;
	uint8_t pt;
	uint32_t clock_hz, ts;
	uint16_t seq;
	unsigned at; /* the packet of the vector that is next */
	uint64_t next_us, report_us;
	uint64_t sent; /* frames */
	uint64_t packets;
};

struct stage {
	uint64_t now_us; /* the feed's clock */
	unsigned n;
	struct stage_stream stream[STAGE_STREAMS];
	void (*sink)(void *arg, const struct feed_frame *f);
	void (*tick)(void *arg, uint64_t now_us); /* each 20 ms; may be NULL */
	void *arg;
	bool realtime; /* the clock is CLOCK_MONOTONIC */
};

struct stage *stage_new(void (*sink)(void *arg, const struct feed_frame *f),
	void (*tick)(void *arg, uint64_t now_us), void *arg);
void stage_free(struct stage *s);

/* From now on, before streams are added: the clock of this machine. */
void stage_realtime(struct stage *s);

/* Returns it, for the test to change. */
struct stage_stream *stage_add(struct stage *s, const char *vector,
	uint32_t owner, const char *source, const char *label);
/* A sound and a picture of one source. */
void stage_camera(struct stage *s, const char *codec, uint32_t owner,
	const char *source, const char *label);
/* The codec from the next packet on. */
void stage_codec(struct stage_stream *st, const char *vector);

void stage_hello(struct stage *s);
/* SDP and STREAMS of all that are not off. */
void stage_announce(struct stage *s);
/* Plays for ms. */
void stage_play(struct stage *s, unsigned ms);
void stage_text(struct stage *s, enum feed_type type, const char *text);

#endif
