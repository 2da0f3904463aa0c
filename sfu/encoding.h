/*
 * One stream of a published track: what comes in under one SSRC, its packets of
 * late, the wish for its next key frame, and how much of it there is. A track
 * has one, or one for each simulcast layer.
 */
#ifndef HEARTH_SFU_ENCODING_H
#define HEARTH_SFU_ENCODING_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/history.h"
#include "rtp/receive.h"
#include "sfu/encoding_layers.h"

enum {
	ENCODING_PLI_US = 500000, /* at most one key frame request per this */
	ENCODING_PLI_RETRY_US = 1000000, /* asked again while someone waits */
	ENCODING_TEMPORAL = 4,           /* temporal layers told apart */
	ENCODING_WINDOW = 4,             /* measurements that a rate is of */
	/* Without a packet for so long, while its track has others, it is not
	 * sent any more. */
	ENCODING_SILENT_US = 500000,
};

/* What one stretch of time brought. */
struct encoding_count {
	uint32_t us;
	uint32_t bytes[ENCODING_TEMPORAL];
};

struct encoding {
	bool video;
	bool started; /* a packet came */
	uint32_t ssrc;
	struct receive receive;
	uint64_t seq_base; /* added to receive's numbers: those of the encoding
			      never come twice, whatever its source */
	struct history *history;
	struct encoding_layers *layers; /* NULL: it shows none */
	uint64_t pli_us, pli_wanted_us; /* last sent; oldest unmet wish, or 0 */
	/* Its newest key frame: when it came (0: none has), the number and the
	 * timestamp of its first packet. */
	uint64_t key_us, key_seq;
	uint32_t key_ts;
	uint8_t fir_seq;
	uint16_t height;              /* lines of its pictures, 0: not told */
	bool live;                    /* is being sent */
	uint64_t last_us, counted_us; /* last packet; last encoding_measure */
	struct encoding_count now, past[ENCODING_WINDOW];
	unsigned n_past;
};

/* history: packets kept. NULL: out of memory. */
struct encoding *encoding_new(bool video, unsigned history);
struct encoding *encoding_free(struct encoding *e); /* returns NULL */

/* The source's SSRC is now this one: numbers and history begin anew. */
void encoding_begin(
	struct encoding *e, uint32_t ssrc, uint32_t clock_hz, bool nack);
/* It has layers of its own. False: out of memory. */
bool encoding_open_layers(struct encoding *e);
/* Newest number there was; 0: none. */
uint64_t encoding_newest(const struct encoding *e);

/* Somebody needs a key frame. Sent by encoding_keyframe_due. */
void encoding_want_keyframe(struct encoding *e, uint64_t now_us);
/* True when a request must go to the publisher now; takes it. */
bool encoding_keyframe_due(struct encoding *e, uint64_t now_us);
uint64_t encoding_keyframe_deadline(const struct encoding *e);
/* A packet of a key frame has come: who has all from its first one on can
 * decode. Of several packets of one timestamp the first counts; one of before
 * the newest key frame, that comes late, does not. */
void encoding_note_key(
	struct encoding *e, uint64_t now_us, uint64_t seq, uint32_t ts);
/* A key frame came, or nobody waits any more. */
void encoding_keyframe_seen(struct encoding *e);

/* A packet of len bytes, of this temporal layer, has come. */
void encoding_count(
	struct encoding *e, uint64_t now_us, unsigned temporal, size_t len);
/* Ends one measurement and begins the next. True if it has come to be sent, or
 * is sent no more. others_us: when the newest packet of its track came. */
bool encoding_measure(struct encoding *e, uint64_t now_us, uint64_t others_us);
/* Bits per second up to that temporal layer, over the last ENCODING_WINDOW
 * measurements; 0: nothing came, or nothing was measured. */
uint32_t encoding_rate(const struct encoding *e, unsigned temporal);

#endif
