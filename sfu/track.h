/*
 * A published track: what its publisher sends on one m-line, the history its
 * subscriptions share, and the dense array of those.
 */
#ifndef HEARTH_SFU_TRACK_H
#define HEARTH_SFU_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/codec.h"
#include "rtp/history.h"
#include "rtp/packet.h"
#include "rtp/receive.h"
#include "sfu/sdp/negotiate.h"
#include "sfu/sfu.h"

enum {
	TRACK_PLI_US = 500000, /* at most one key frame request per this */
	TRACK_PLI_RETRY_US = 1000000, /* asked again while someone waits */
};

struct participant;
struct subscription;

/* One packet of a track with what all its subscriptions have to know of it,
 * found out once. */
struct track_packet {
	/* Clear. Of its extension elements those that anybody is sent. */
	struct rtp_packet view;
	uint64_t seq; /* unwrapped, the track's */
	const struct codec *codec;
	bool key; /* who waits may begin here */
};

struct track {
	struct participant *owner;
	unsigned transceiver; /* in the owner's negotiation */
	enum sdp_kind kind;
	char source_stream[SFU_STREAM_MAX + 1]; /* as published */
	char source_track[SFU_STREAM_MAX + 1];
	char stream[SFU_STREAM_MAX +
		    1]; /* as forwarded; unique in the worker */
	char track[SFU_STREAM_MAX + 1];
	char cname[32];
	bool started; /* a packet came */
	uint32_t ssrc;
	struct receive receive;
	uint64_t seq_base; /* added to receive's numbers: those of the track
			      never come twice, whatever its source */
	struct history *history;
	const struct codec *codec_of_pt[128]; /* NULL: not agreed */
	uint64_t pli_us, pli_wanted_us; /* last sent; oldest unmet wish, or 0 */
	bool fir;                       /* the owner knows FIR but not PLI */
	uint8_t fir_seq;
	struct subscription **sub;
	unsigned n_subs, cap_subs;
	/* Speaker detection, audio only. */
	uint32_t loudness; /* smoothed, 0 silent .. 127 << 8 */
	uint64_t loud_us;  /* last level noted */
};

/* 0, -ENOMEM. history: packets kept. */
int track_new(struct track **ret, struct participant *owner,
	unsigned transceiver, enum sdp_kind kind, unsigned history);
/* Its subscriptions must be gone. Returns NULL. */
struct track *track_free(struct track *t);

/* Notes what the owner may send on this m-line: payload type -> codec. */
void track_set_codecs(struct track *t, const struct transceiver *tr);

/* The source's SSRC is now this one: numbers and history begin anew. */
void track_set_ssrc(
	struct track *t, uint32_t ssrc, uint32_t clock_hz, bool nack);

int track_attach(struct track *t, struct subscription *s); /* 0, -ENOMEM */
void track_detach(struct track *t, struct subscription *s);

/* Somebody needs a key frame. Sent by track_keyframe_due. */
void track_want_keyframe(struct track *t, uint64_t now_us);
/* True when a request must go to the publisher now; takes it. */
bool track_keyframe_due(struct track *t, uint64_t now_us);
uint64_t track_keyframe_deadline(const struct track *t);
/* A key frame came: nobody waits any more. */
void track_keyframe_seen(struct track *t);

#endif
