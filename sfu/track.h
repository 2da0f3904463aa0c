/*
 * A published track: what its publisher sends on one m-line, in one encoding or
 * several, and the dense array of its subscriptions.
 */
#ifndef HEARTH_SFU_TRACK_H
#define HEARTH_SFU_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/codec.h"
#include "rtp/layer.h"
#include "rtp/packet.h"
#include "sfu/allocate.h"
#include "sfu/encoding.h"
#include "sfu/sdp/negotiate.h"
#include "sfu/sfu.h"

enum { TRACK_ENCODINGS = NEGOTIATE_RIDS };

struct participant;
struct subscription;

/* One packet of a track with what all its subscriptions have to know of it,
 * found out once. */
struct track_packet {
	/* Clear. Of its extension elements those that anybody is sent. */
	struct rtp_packet view;
	uint64_t seq; /* unwrapped, the encoding's */
	uint8_t encoding;
	bool lent; /* its bytes stand until outbox_settle */
	const struct codec *codec;
	bool key;                /* who waits may begin here */
	struct layer_info layer; /* of video */
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
	/* Its m-line names several. Fixed while anybody is sent it. */
	bool simulcast;
	/* It has one encoding, and that has layers (encoding_layers.h). */
	bool layered;
	/* The first is always there, the others from their first packet on. */
	struct encoding *encoding[TRACK_ENCODINGS];
	unsigned history;                     /* packets kept of each */
	const struct codec *codec_of_pt[128]; /* NULL: not agreed */
	/* What it sends, as allocation sees it; rank[i]: which encoding is
	 * spatial layer i. */
	struct allocate_track sent;
	/* The same for who cannot be sent it but whole (track_whole). */
	struct allocate_track whole;
	uint8_t rank[TRACK_ENCODINGS];
	bool screen;
	/* quality_tell.h: encodings (bits) whose watching was told; since when
	 * it is of fewer, 0: it is not. */
	uint8_t watched;
	uint64_t unwatched_us;
	bool fir; /* the owner knows FIR but not PLI */
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

/* Fills p->key and p->layer out of a packet that has come, of codec p->codec.
 * What it says of its stream is kept. */
void track_take_packet(
	struct track *t, const struct rtp_packet *pkt, struct track_packet *p);
/* The same of one that stands in the history. */
void track_read_packet(const struct track *t, const struct rtp_packet *pkt,
	struct track_packet *p);
/* The layers within its streams are told by dependency descriptors alone: who
 * is not sent those must be sent it whole. */
bool track_is_described(const struct track *t);
/* t->sent as one that has no layers within its streams. */
const struct allocate_track *track_whole(struct track *t);

/* Makes an encoding, if it is not there. False: out of memory. */
bool track_open_encoding(struct track *t, unsigned index);

/* What goes on changed, or time went by: measures, and puts t->sent in order.
 * True if there are other encodings now, or they are in another order. */
bool track_measure(struct track *t, uint64_t now_us);
/* The same, of what is known. */
bool track_describe(struct track *t);

/* The encoding that comes under this SSRC, or NULL. */
struct encoding *track_encoding(const struct track *t, uint32_t ssrc);

int track_attach(struct track *t, struct subscription *s); /* 0, -ENOMEM */
void track_detach(struct track *t, struct subscription *s);

/* Somebody needs a key frame of each encoding (encoding.h). */
void track_want_keyframes(struct track *t, uint64_t now_us);
/* The earliest of its encodings'. */
uint64_t track_keyframe_deadline(const struct track *t);

#endif
