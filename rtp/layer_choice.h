/*
 * Which packets of a layered video source one subscription gets. Two kinds of
 * source: *simulcast*, where each spatial layer is a stream of its own (an
 * *encoding*, 0 the smallest), and a single stream that may have spatial layers
 * inside (VP9, or any codec with the dependency descriptor). Temporal layers
 * stand inside the streams of both.
 *
 *   aim           may change at any time; what is sent follows when it can:
 *   encoding      at the first packet of a key picture of the one aimed at, the
 *                 old one goes on until then
 *   spatial up    at a key picture
 *   spatial down  at the next picture
 *   temporal up   at the switching points that the codec marks (VP8's Y, VP9's
 *                 U), one layer at a time where it marks no more than that
 *   temporal down at the next picture
 *
 * With a dependency descriptor one decode target is forwarded, and another one
 * is gone over to where that is decodable: at a switch indication whose frame
 * refers to forwarded frames only, or anywhere when the new target is a part of
 * the old one. While a lower spatial layer cannot be gone over to, the present
 * one goes on without its upper temporal layers. Spatial layers change with a
 * picture's first frame alone: which packet ends the picture has to be known by
 * then. So an upper layer that is begun again without a key picture is not gone
 * up to, nor are independent layers of one stream (S2T1) changed once one of
 * them is sent.
 *
 * Pure: no allocation, nothing of the packets is kept. One instance per
 * subscription; input is layer_choice_packet, the deadline is that of the next
 * key frame request.
 */
#ifndef HEARTH_RTP_LAYER_CHOICE_H
#define HEARTH_RTP_LAYER_CHOICE_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/layer.h"

enum {
	LAYER_NONE = 255,
	LAYER_ASK_US = 1000000, /* unanswered, a request is made again */
	/* Within a stream a switching point may come by itself. */
	LAYER_PATIENCE_US = 300000,
	LAYER_STALLED = 4, /* unanswered requests after which it is hopeless */
	LAYER_CHANGES = 4, /* limits remembered beside the present one */
};

enum layer_verdict {
	LAYER_IGNORE, /* not of what goes out: nothing to account for */
	LAYER_DROP, /* of it, but left out: rewrite_drop, layer_rewrite_drop */
	LAYER_FORWARD,
	LAYER_SWITCH, /* forward as the first packet of a new stretch:
			 rewrite_switch and layer_rewrite_switch before */
};

/* What is let through. */
struct layer_limit {
	uint8_t spatial, temporal; /* within the stream */
	uint8_t target; /* decode target; DEPENDENCY_NONE: go by layers */
	/* Decode targets that are left, for the descriptor; 0: as it came. */
	uint32_t active;
};

/* One that held until the picture of this timestamp. */
struct layer_change {
	uint32_t ts;
	struct layer_limit before;
};

struct layer_choice {
	bool simulcast;
	uint8_t aim_spatial, aim_temporal; /* LAYER_NONE: nothing is wanted */
	uint8_t encoding; /* being forwarded; LAYER_NONE: none */
	uint8_t top;      /* highest spatial layer in the stream lately */
	struct layer_limit now;
	/* It was sent whole so far: until a picture begins, which no packet has
	 * told yet, or the newest is ts. */
	enum { LAYER_JUDGED, LAYER_ADOPTED, LAYER_ADOPTED_AT } adopted;
	/* Newest first: late packets are judged as they would have been in
	 * time. */
	uint8_t n_changes;
	struct layer_change change[LAYER_CHANGES];
	uint32_t ts; /* newest picture */
	/* Dependency descriptor. */
	uint32_t generation; /* of the structure that now.target counts in */
	uint64_t sent;       /* bit i: frame sent_newest - i was forwarded */
	uint16_t sent_newest;
	/* Asking for key frames. */
	bool waiting;
	uint64_t ask_us;  /* when the next request is due */
	unsigned n_asked; /* since it last got what it waited for */
};

void layer_choice_init(struct layer_choice *c, bool simulcast);

/* A stream (not simulcast) that was sent whole: from the next picture on what
 * is aimed at holds. Call before layer_choice_aim. */
void layer_choice_adopt(struct layer_choice *c);

/* Wants at most these layers. spatial LAYER_NONE: nothing; what is sent ends at
 * once, and begins again with a key picture. For simulcast spatial is the
 * encoding. */
void layer_choice_aim(struct layer_choice *c, uint64_t now_us, uint8_t spatial,
	uint8_t temporal);

/* Judges one packet of an encoding (0 unless simulcast) with RTP timestamp ts.
 * Packets of an encoding come in as they arrive, each once; a retransmission of
 * ours is not judged again. */
enum layer_verdict layer_choice_packet(struct layer_choice *c, uint64_t now_us,
	uint8_t encoding, uint32_t ts, const struct layer_info *info);

/* The RTP marker of a forwarded packet: the publisher's, or set because the
 * layers that would follow in its picture are cut off. */
bool layer_choice_marker(const struct layer_choice *c, uint32_t ts,
	const struct layer_info *info, bool marker);

/* The active decode targets to tell with it; 0: as they came. */
uint32_t layer_choice_active(const struct layer_choice *c, uint32_t ts);

/* What is sent now: the encoding or spatial layer; LAYER_NONE: nothing yet. */
uint8_t layer_choice_spatial(const struct layer_choice *c);
uint8_t layer_choice_temporal(const struct layer_choice *c);

/* True when a key frame of encoding aim_spatial (of the stream, unless
 * simulcast) must be asked for now; takes it. */
bool layer_choice_ask(struct layer_choice *c, uint64_t now_us);
/* When to ask next; UINT64_MAX: nothing is waited for. */
uint64_t layer_choice_deadline(const struct layer_choice *c);
/* What is aimed at does not come, ask as one may: aim at something else. It is
 * asked for once in a while nevertheless. */
bool layer_choice_stalled(const struct layer_choice *c);

#endif
