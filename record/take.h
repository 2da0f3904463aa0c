/*
 * One take: the packets of one RTP stream of a feed (one SSRC), put in order
 * and made into frames with times, ready to be written to a file. Sans-IO:
 * packets and the clock in, frames and gaps out.
 *
 *   take_rtp ─> order (waits for the missing at most TAKE_WAIT_US)
 *            ─> depacketize by codec (RFC 7587, 7741, 9628, 6184, AV1 RTP 1.0)
 *            ─> time (the publisher's sender reports, see take_clock) ─>
 * take_next
 *
 * What comes out is ascending in time and decodable in order: video begins with
 * a key frame, and after a frame that could not be completed the frames up to
 * the next key frame are still given, marked `damaged` (a decoder conceals),
 * and `take_wants_keyframe` says so.
 */
#ifndef HEARTH_RECORD_TAKE_H
#define HEARTH_RECORD_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TAKE_WAIT_US = 1200000,  /* a missing packet is waited for; NACK's life
				    is 1 s */
	TAKE_START_US = 1500000, /* the first frames wait for a sender report */
	TAKE_FRAME_MAX = 4 << 20, /* bytes of one frame; longer is damage */
	TAKE_PACKETS = 8192,      /* waiting at once; then gaps are given up */
};

enum take_codec { TAKE_OPUS, TAKE_VP8, TAKE_VP9, TAKE_H264, TAKE_AV1 };

/* One publisher's clock, shared by all its takes (by cname): ties the NTP time
 * of its sender reports to the feed's clock by the least delay seen, slewed so
 * that it never steps back. That is what holds its sound and picture together
 * however its devices drift. */
struct take_clock;
struct take_clock *take_clock_new(void);                  /* NULL: no memory */
struct take_clock *take_clock_free(struct take_clock *c); /* returns NULL */

struct take_frame {
	enum take_codec codec;
	int64_t time_us;     /* on the feed's clock; ascending within a take */
	const uint8_t *data; /* valid until the next call with this take */
	size_t len; /* H.264: Annex B; AV1: OBUs of a temporal unit with
		       sizes, without temporal delimiters; else as is */
	bool keyframe;
	bool damaged; /* it, or something it may refer to, is incomplete */
	unsigned width, height; /* video; of the last key frame; 0: unknown */
	unsigned duration_us;   /* Opus: from its TOC; video 0 */
	/* What must stand in front of a file for this frame to decode: H.264
	 * SPS and PPS (Annex B), AV1 sequence header OBU; else NULL. */
	const uint8_t *setup;
	size_t setup_len;
};

/* A hole that was never filled, or a time without packets the publisher did not
 * mean (sequence numbers are missing). */
struct take_gap {
	int64_t from_us, to_us;
	unsigned packets;
};

struct take_counters {
	uint64_t packets, late, duplicates, malformed, frames, frames_damaged,
		frames_dropped, missing;
};

struct take; /* heap */

/* clock_hz: of the RTP timestamps. The clock must outlive the take. 0, -ENOMEM.
 */
int take_new(struct take **ret, uint32_t clock_hz, struct take_clock *clock);
struct take *take_free(struct take *t); /* returns NULL */

/* What payload type pt means from now on. Types not named are counted
 * malformed. */
void take_payload(struct take *t, uint8_t pt, enum take_codec codec);

/* One whole RTP packet, in any order. */
void take_rtp(struct take *t, uint64_t now_us, const uint8_t *buf, size_t len);
/* A sender report about this stream: NTP time (RFC 3550 64 bits), its RTP time.
 */
void take_report(
	struct take *t, uint64_t now_us, uint64_t ntp, uint32_t rtp_ts);
/* Nothing more will come (the stream ended): what waits comes out. */
void take_end(struct take *t);

/* The next frame or gap that is ready at now_us. TAKE_NOTHING: call again after
 * the next packet or at take_deadline. */
enum take_got { TAKE_NOTHING, TAKE_FRAME, TAKE_GAP };
enum take_got take_next(struct take *t, uint64_t now_us,
	struct take_frame *ret_frame, struct take_gap *ret_gap);
uint64_t take_deadline(const struct take *t); /* UINT64_MAX: none */

/* True when only a key frame helps; at most once per 500 ms. */
bool take_wants_keyframe(struct take *t, uint64_t now_us);

const struct take_counters *take_counted(const struct take *t);

#endif
