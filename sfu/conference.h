/*
 * A conference: its participants, the tracks they publish, and who gets what.
 * Three verbs, an outbox, and a queue of events for the front; no socket, no
 * clock, no log. Owned by one worker; nothing here is shared.
 *
 * The worker calls conference_next_event until it is empty after every other
 * call, then conference_sweep, which frees who left. Between the two the ids of
 * SFU_EV_LEFT must leave the worker's demultiplexer.
 */
#ifndef HEARTH_SFU_CONFERENCE_H
#define HEARTH_SFU_CONFERENCE_H

#include "sfu/env.h"
#include "sfu/outbox.h"
#include "sfu/relay.h"
#include "sfu/sfu.h"

struct conference;
struct errand;
struct participant; /* handle; valid until the sweep after its SFU_EV_LEFT */

enum { CONFERENCE_PLUGS = 16 }; /* local programs in one, beside the people */

struct conference *conference_new(struct env *env, const char *name);
struct conference *conference_free(struct conference *); /* returns NULL */
const char *conference_name(const struct conference *c);
/* True when nobody is here, or only people of other workers. */
bool conference_empty(const struct conference *c);

/* The seam's commands, as in sfu.h. 0 or -errno. */
int conference_join(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_join_options *opt);
/* A local program: offers and input come from its plug, what goes to it leaves
 * as packets of the outbox with its id in `plug`. */
int conference_plug(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_plug_options *opt);
void conference_offer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out);
void conference_answer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out);
void conference_candidate(
	struct conference *c, uint64_t now_us, sfu_id id, const char *line);
void conference_message(struct conference *c, uint64_t now_us, sfu_id id,
	bool binary, const uint8_t *data, size_t len, struct outbox *out);
/* What a client shows, in so many lines; ignored where it gets no such stream.
 */
void conference_view(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, unsigned height, bool visible);
/* What it publishes under this stream id of its own is a screen, or none. */
void conference_screen(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, bool screen);
void conference_leave(struct conference *c, uint64_t now_us, sfu_id id,
	enum sfu_reason reason, struct outbox *out);

struct participant *conference_find(struct conference *c, sfu_id id);
/* The label of a participant, also of one that left in this turn; "" if there
 * is none. */
const char *conference_label(const struct conference *c, sfu_id id);
sfu_id participant_id(const struct participant *p);
/* Our ICE ufrags of this participant (a local program has none), for the
 * demultiplexer: the present one and (after a restart) the one before, else
 * NULL. Ask again after each conference_offer. */
const char *participant_ufrag(const struct participant *p, unsigned index);
/* One datagram of a participant alone (many at a time: intake.h). buf is
 * changed in place. Returns true when `from` was proven to be this
 * participant's (a good ICE check): the demultiplexer may then map the address
 * to it. */
bool conference_input(struct conference *c, uint64_t now_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out);

/* One clear RTP packet, or RTCP compound, of a local program. buf is changed in
 * place. */
void conference_plain_input(struct conference *c, uint64_t now_us,
	struct participant *p, bool rtcp, uint8_t *buf, size_t len,
	struct outbox *out);

/* A step of a participant's handshake that was done elsewhere (errand.h), for
 * the conference of e->handshake->participant. e stays the caller's, to be used
 * again. */
void conference_errand_done(struct conference *c, uint64_t now_us,
	struct errand *e, struct outbox *out);

void conference_tick(struct conference *c, uint64_t now_us, struct outbox *out);
/* What the calls of now_us have put into the outbox leaves by_us later: this
 * program was not run meanwhile. To receivers' estimates that is no queue. */
void conference_late(struct conference *c, uint64_t now_us, uint64_t by_us);
uint64_t conference_deadline(const struct conference *c); /* UINT64_MAX: none */

/* After assoc_global_tick: hands on what usrsctp's timers brought. */
void conference_channels(
	struct conference *c, uint64_t now_us, struct outbox *out);

/* --- A conference on several workers (relay.h). What its participants here
 * publish and say leaves as frames: RTP and RTCP as packets of the outbox that
 * are marked `relay`, everything else by conference_next_relay. --- */

/* How many other workers have a part of it at present, and whether this one
 * says for all of them who speaks. When they have become more, all that they
 * must know of the participants here is said again. */
void conference_spread(struct conference *c, unsigned others, bool leads);
/* The one that leads says who speaks; ignored by the one that leads. */
void conference_follow(struct conference *c, uint64_t now_us, sfu_id speaker,
	struct outbox *out);
/* Next frame for every other worker; false when there is none. To be asked
 * before conference_next_event, after every call. Valid until the next call. */
bool conference_next_relay(struct conference *c, struct relay_frame *ret);
/* Packets that should have gone to another worker had no room: whoever sends
 * video from here is asked for a key frame. */
void conference_relay_gap(struct conference *c, uint64_t now_us);
/* A far seat: participant `id` of another worker. Its events are not for the
 * front. 0, -E2BIG, -EINVAL (label, or there is one of that id), -EBUSY,
 * -ENOMEM. */
int conference_far(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label);
/* What another worker says of p, beside SEAT, LEFT and SPEAKER
 * (conference_far, conference_offer, conference_leave, conference_follow): of a
 * far seat everything, of a participant here key frame requests only. The
 * payload is changed in place, and must stay as it is until
 * conference_relay_end. A bad one is a counted drop. */
void conference_relay_input(struct conference *c, uint64_t now_us,
	struct participant *p, const struct relay_frame *f, struct outbox *out);
/* The batch of frames is complete: forwards what it brought. */
void conference_relay_end(
	struct conference *c, uint64_t now_us, struct outbox *out);

/* Next event, false when there is none. Its pointers are valid until the next
 * call with this conference. */
bool conference_next_event(struct conference *c, struct sfu_event *ret);
void conference_sweep(struct conference *c);

/* Counters since the conference began, and gauges; added to *ret (which may
 * already hold another conference's). */
struct conference_stats {
	uint64_t participants, tracks, subscriptions; /* gauges */
	uint64_t rtp_in, rtp_in_bytes, rtp_out, rtp_out_bytes;
	uint64_t rtcp_in, rtcp_out, nacks_in, nacks_out, resent, plis_in,
		plis_out;
	uint64_t messages_in, messages_out, channel_overflows;
	uint64_t joins, leaves, dtls_failed, ice_restarts;
	uint64_t rtx_in, rtx_out;             /* RFC 4588; of rtp_in, rtp_out */
	uint64_t feedbacks_in, feedbacks_out; /* transport-wide */
	/* Gauges of the receivers whose path is estimated: their number, what
	 * their paths carry and what they could use, in bits a second. */
	uint64_t downlinks, estimate_bps, wanted_bps, paced_bytes;
	uint64_t estimate_min_bps; /* of the worst of them; 0: there is none */
	uint64_t paused[SFU_PAUSED_REASONS]; /* videos, by enum sfu_paused */
	uint64_t layer_switches; /* to another encoding, of all receivers */
	uint64_t replays;        /* pictures that began with what was past */
	uint64_t probes;         /* of paths, for more */
	uint64_t red_out;        /* packets of audio with redundancy */
	uint64_t padding_out;    /* packets, of rtx_out */
	uint64_t drops[32];      /* by enum conference_drop */
};
enum conference_drop {
	DROP_UNKNOWN_SOURCE,
	DROP_STUN,
	DROP_DTLS,
	DROP_NO_KEYS,
	DROP_AUTH,
	DROP_REPLAY,
	DROP_MALFORMED,
	DROP_UNKNOWN_SSRC,
	DROP_UNKNOWN_PT,
	DROP_DUPLICATE,
	DROP_RTCP,
	DROP_CODEC,
	DROP_NOT_KEYFRAME,
	DROP_CLASS,
	DROP_TOO_LONG,
	DROP_PACED,
	CONFERENCE_DROPS
};
const char *conference_drop_text(enum conference_drop d); /* "unknown_ssrc" */
void conference_stats(const struct conference *c, struct conference_stats *ret);

#endif
