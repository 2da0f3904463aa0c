/* A take on a bench: packets put by hand, what came out last. */
#ifndef HEARTH_TESTS_RECORD_BENCH_H
#define HEARTH_TESTS_RECORD_BENCH_H

#include "packets.h"
#include "record/take.h"

enum { PT_OPUS = 111, PT_VP8 = 96, PT_H264 = 102, PT_NONE = 120 };
enum { MS = 1000, KEY = 1, DELTA = 0 };

static const uint8_t vp8_key[] = { 0x10, 0x50, 0x01, 0x02, 0x9d, 0x01, 0x2a,
	0x40, 0x01, 0xf0, 0x00, 1, 2, 3 };
static const uint8_t vp8_delta[] = { 0x10, 0xd1, 0x01, 0x02 };
static const uint8_t opus_20ms[] = { 0xf8, 1, 2, 3 };

/* A take and what came out of it last. */
struct bench {
	struct take_clock *clock;
	struct take *take;
	uint64_t now_us;
	struct take_frame frame;
	struct take_gap gap;
	int64_t last_us;
};

static inline void bench_init(struct bench *b, uint32_t clock_hz)
{
	memset(b, 0, sizeof(*b));
	b->now_us = 50000000;
	b->last_us = INT64_MIN;
	b->clock = take_clock_new();
	assert_non_null(b->clock);
	assert_int_equal(take_new(&b->take, clock_hz, b->clock), 0);
	take_payload(b->take, PT_OPUS, TAKE_OPUS);
	take_payload(b->take, PT_VP8, TAKE_VP8);
	take_payload(b->take, PT_H264, TAKE_H264);
}

static inline void bench_done(struct bench *b)
{
	b->take = take_free(b->take);
	b->clock = take_clock_free(b->clock);
	assert_null(b->take);
	assert_null(b->clock);
}

static inline void put(struct bench *b, uint8_t pt, uint16_t seq, uint32_t ts,
	bool marker, const void *payload, size_t len)
{
	uint8_t buf[RTP_PACKET_MAX], *copy;
	size_t n = write_packet(buf, pt, seq, ts, marker, payload, len);

	copy = exact_copy(buf, n);
	take_rtp(b->take, b->now_us, copy, n);
	free(copy);
}

/* A VP8 frame of one packet. */
static inline void put_vp8(struct bench *b, uint16_t seq, uint32_t ts, bool key)
{
	put(b, PT_VP8, seq, ts, true, key ? vp8_key : vp8_delta,
		key ? sizeof(vp8_key) : sizeof(vp8_delta));
}

static inline enum take_got next(struct bench *b)
{
	enum take_got got = take_next(b->take, b->now_us, &b->frame, &b->gap);

	if (got == TAKE_FRAME) {
		assert_true(b->frame.time_us > b->last_us);
		b->last_us = b->frame.time_us;
	}
	if (got == TAKE_GAP)
		assert_true(b->gap.to_us >= b->gap.from_us);
	return got;
}

#endif
