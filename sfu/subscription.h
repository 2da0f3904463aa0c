/*
 * One track going to one peer: the key frame gate, the payload type and
 * extension maps, the rewriter and the outgoing stream's state.
 */
#ifndef HEARTH_SFU_SUBSCRIPTION_H
#define HEARTH_SFU_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/rewrite.h"
#include "rtp/send.h"
#include "sfu/conference.h"
#include "sfu/layers.h"
#include "sfu/track.h"

enum {
	SUBSCRIPTION_NO_PT = 0xff,
	/* 96 to 127 and 35 to 63, and one place for all others: no codec is
	 * forwarded under those (RFC 5761 4). */
	SUBSCRIPTION_PTS = 62,
	/* Between key frames that one receiver makes a publisher send: doubled
	 * with each that follows at once, halved for each QUIET_US without. */
	SUBSCRIPTION_ASK_US = 500000,
	SUBSCRIPTION_ASKS_MAX = 4,  /* 8 s */
	SUBSCRIPTION_STALE_MAX = 6, /* 32 s, unless it fits before */
	SUBSCRIPTION_QUIET_US = 10000000,
	/* Of 256 packets lost, RFC 2198 begins and ends. */
	SUBSCRIPTION_RED_ON = 8,
	SUBSCRIPTION_RED_OFF = 2,
	/* A path that loses so much by itself, in 1/256, gets what it asks for
	 * twice: a picture does not wait another round trip for one packet in
	 * a hundred. */
	SUBSCRIPTION_TWICE = 10,
	SUBSCRIPTION_RED_MAX = 1000, /* bytes of payload, else none */
	/* subscription_replay.c: how old the key frame may be that one begins
	 * with, and the newest packet; how often that is tried; how much it may
	 * be, and to a path that nothing is known of. */
	SUBSCRIPTION_PAST_US = 400000,
	SUBSCRIPTION_STILL_US = 300000,
	SUBSCRIPTION_TRIES = 32,
	SUBSCRIPTION_SOON_US = 30000,    /* then, whether packets come or not */
	SUBSCRIPTION_PAST_PACKETS = 256, /* of PACE_QUEUE */
	SUBSCRIPTION_PAST_BYTES = 65536,
	/* Ids of one-byte headers, RFC 8285 4.2; no others are agreed to. */
	SUBSCRIPTION_EXTS = 15,
};

/* Of allocate_sub what stays from one run to the next, and what its client
 * wishes; kept small. */
struct share {
	uint64_t fits_us;
	uint16_t height; /* lines shown; 0: it did not say */
	struct allocate_layer target;
	uint8_t why, rank; /* enum allocate_why */
	bool hidden;
};

/* There is one for everybody's each stream: kept small (tests/sim memory), what
 * each packet needs of it together (fanout.c). */
struct subscription {
	struct participant *to;
	struct track *track; /* NULL: a switched one with nobody to show */
	/* Where there is a choice (layers.h), else NULL. */
	struct layers *layers;
	bool switched : 1; /* shows whoever speaks; of single-stream people */
	bool active : 1;   /* agreed: packets may go */
	bool paused : 1;   /* allocation: nothing goes for now */
	bool waiting : 1;  /* video: for a key frame; audio: any packet */
	bool red : 1;      /* audio: loses so much that it gets redundancy */
	bool was_red : 1;
	uint8_t kind;         /* enum sdp_kind */
	uint8_t asks;         /* for key frames, one soon after the other */
	uint8_t twcc_id;      /* of transport-wide numbers; 0: none are taken */
	uint16_t transceiver; /* in the receiver's negotiation */
	uint16_t rtx_seq;
	/* Of a local program: what its track had sent before, as the people in
	 * the call were told, is not for it, however late it comes. */
	uint64_t floor;
	/* Before that it asks for no key frame: who asks often waits longer. */
	uint64_t ask_us;
	uint32_t ssrc, rtx_ssrc; /* rtx_ssrc 0: audio */
	uint32_t reported;       /* send.packets at the last report block */
	uint32_t room_bps;       /* quality_room; 0: not known yet */
	/* The publisher's, at subscription_pt_at -> the receiver's. */
	uint8_t pt_map[SUBSCRIPTION_PTS];
	/* Extension id -> the receiver's, 0: dropped. */
	uint8_t ext_map[SUBSCRIPTION_EXTS];
	/* Batches of its track for which it may still begin with the past. */
	uint8_t tries;
	struct rewrite rewrite;
	struct send send;
	struct share share;
};

static inline unsigned subscription_pt_at(uint8_t pt)
{
	if (pt >= 96 && pt < 128)
		return pt - 96u;
	return pt >= 35 && pt < 64 ? pt - 3u : SUBSCRIPTION_PTS - 1u;
}
/* What the receiver calls the publisher's payload type; SUBSCRIPTION_NO_PT. */
static inline uint8_t subscription_pt(const struct subscription *s, uint8_t pt)
{
	return s->pt_map[subscription_pt_at(pt)];
}

/* Makes one and attaches it to track (may be NULL when switched). random: eight
 * bytes for the first sequence number and timestamp. 0, -ENOMEM. */
int subscription_new(struct subscription **ret, struct participant *to,
	struct track *track, enum sdp_kind kind, uint32_t ssrc,
	const uint8_t random[8]);
struct subscription *subscription_free(struct subscription *s);

/* Points it at another track of the same kind, or at none. 0, -ENOMEM. */
int subscription_retarget(
	struct subscription *s, struct track *track, uint64_t now_us);

/* False once the receiver has refused its m-line for good: whatever stands on
 * that transceiver now is not this subscription's. */
bool subscription_holds_line(const struct subscription *s);

/* Learns from the two negotiations what may be sent and how it is numbered;
 * turns it active or not. `ready`: the receiver's transport is up. */
void subscription_update(struct subscription *s, uint64_t now_us, bool ready);

/* Forwards packets of its track, as they came, into the outbox, or drops them
 * (counted). True: it waits for a key frame and none of these was the last. */
bool subscription_forward(struct subscription *s, uint64_t now_us,
	const struct track_packet *const *v, unsigned n);

/* What is to go to it from now on; spatial counts t->sent's layers. */
void subscription_aim(
	struct subscription *s, uint64_t now_us, struct allocate_layer target);
/* True if it is sent this encoding, or waits to be. */
bool subscription_uses(const struct subscription *s, unsigned encoding);
/* The source of that encoding is another, or began anew. */
void subscription_restart(
	struct subscription *s, uint64_t now_us, unsigned encoding);
/* Its receiver is about to be connected: a key frame is asked for meanwhile, so
 * that it has come when the receiver can be sent it. */
void subscription_foresee(struct subscription *s, uint64_t now_us);
/* It was to begin with what is past, and no packet of its track came since:
 * does so now, or asks for a key frame. */
void subscription_replay_late(struct subscription *s, uint64_t now_us);
/* Its receiver cannot go on without a key frame. */
void subscription_want_keyframe(struct subscription *s, uint64_t now_us);

/* What may be chosen from for it: t->sent, or the same whole. */
const struct allocate_track *subscription_offer(const struct subscription *s);

/* What it is fed from, whose numbers its rewriter has; NULL: nothing now. */
struct encoding *subscription_encoding(const struct subscription *s);

/* Leaves of a publisher's packet the extension elements that any receiver may
 * be sent. */
void subscription_keep_extensions(
	const struct negotiation *from, struct rtp_packet *pkt);

/* The receiver asks for a key frame. False: it has asked lately, and nothing is
 * to be done for it. Takes its turn if so. */
bool subscription_asks(struct subscription *s, uint64_t now_us);

/* Its turn in the receiver's queue: number seq of its encoding goes out now;
 * rtx: for the second time. */
void subscription_send_queued(
	struct subscription *s, uint64_t now_us, bool rtx, uint64_t seq);
/* What of it waited was too old or too much, and is forgotten: it needs a key
 * frame, when its turn to ask comes. */
void subscription_stale(struct subscription *s, uint64_t now_us);
/* Its receiver is found somewhere else, after a silence: what was sent since is
 * lost, and a key frame is asked for without waiting for word of it. */
void subscription_moved(struct subscription *s, uint64_t now_us);
/* Fills a probe: sends something that went out a moment ago once more (back: 0
 * for the newest packet, 1 for the one before it, ...), else padding alone.
 * False: there is no RTX. */
bool subscription_pad(struct subscription *s, uint64_t now_us, unsigned back);

/* A report block has come: send.fraction_lost says whether sound is to be
 * repeated in the packets that follow it (RFC 2198), where that is agreed. */
void subscription_reported(struct subscription *s);
/* So much of all that went to the receiver, 0 to 1, was lost of late: the same,
 * sooner. */
void subscription_path_lost(struct subscription *s, double loss);

/* Answers one sequence number of a NACK out of the history, by RTX where that
 * is agreed (RFC 4588), else under its own number. rate_bps: at most, for each
 * subscription; the receiver's estimate may allow less. True if sent. */
bool subscription_resend(struct subscription *s, uint64_t now_us,
	uint16_t out_seq, uint64_t rate_bps);

#endif
