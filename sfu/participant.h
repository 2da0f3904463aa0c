/*
 * A participant: a seat in a conference with its transport, its negotiation,
 * the tracks it publishes and the subscriptions it receives. Private to the
 * conference floor; fronts see conference.h through the seam.
 *
 * Split by concern: participant.c (life), participant_rtp.c (incoming RTP),
 * participant_rtcp.c, participant_sdp.c (offers and answers),
 * participant_tracks.c (what it publishes), participant_away.c (while nothing
 * comes from it), participant_subs.c (what it receives), message.c (data
 * channels).
 */
#ifndef HEARTH_SFU_PARTICIPANT_H
#define HEARTH_SFU_PARTICIPANT_H

#include "rtp/arrival.h"
#include "sfu/conference.h"
#include "sfu/downlink.h"
#include "sfu/peer.h"
#include "sfu/subscription.h"
#include "sfu/track.h"

enum {
	PARTICIPANT_SOURCES = 64,        /* SSRCs learned */
	PARTICIPANT_COALESCE_US = 50000, /* changes gathered into one offer */
	PARTICIPANT_CHANNEL_WAIT_US =
		1500000,                  /* first offer waits for channels */
	PARTICIPANT_ANSWER_US = 15000000, /* our offer is given up after */
	PARTICIPANT_OFFERS = 3, /* unanswered ones before it is gone */
	PARTICIPANT_REPORT_US = 1000000,
	PARTICIPANT_OVERFLOW_US =
		5000000, /* a slow receiver gets no messages */
	/* Browsers are heard every 2.5 to 6 s at least (RFC 7675 5.1). */
	PARTICIPANT_AWAY_US = 8000000,
};

struct conference_event;

struct source {
	uint32_t ssrc;
	struct track *track; /* NULL: it ended */
	bool repair;         /* RTX of the stream */
	uint8_t encoding;    /* of the track */
};

/* What participants add up for conference_stats. */
struct participant_stats {
	uint64_t rtp_in, rtp_in_bytes;
	uint64_t rtcp_in, rtcp_out, nacks_in, nacks_out, resent;
	uint64_t plis_in, plis_out, messages_in, messages_out;
	uint64_t channel_overflows;
	uint64_t rtx_in;                      /* RFC 4588; of rtp_in */
	uint64_t red_out;                     /* RFC 2198 */
	uint64_t padding_out;                 /* of rtx_out */
	uint64_t feedbacks_in, feedbacks_out; /* transport-wide */
	uint64_t layer_switches;
	uint64_t replays; /* pictures that began with what was past */
	uint64_t probes;  /* of downlinks that are gone */
	/* Last, beside what else a packet that goes out touches. */
	uint64_t rtx_out, rtp_out, rtp_out_bytes; /* rtx_out: of rtp_out */
};

/* Data channels a far participant has opened at home. */
struct far {
	unsigned n_open;
	char *open[CHANNELS_MAX];
};

struct participant {
	sfu_id id;
	const char *label; /* behind the struct */
	struct sfu_join_options opt;
	/* Of a participant of another worker (relay.h), else NULL. */
	struct far *far;
	uint64_t relayed; /* hash of what other workers know of it; 0: not it */
	struct conference *conference;
	struct participant_stats stats;
	struct downlink *down; /* what goes to it; NULL: see downlink.h */
	bool plain;            /* a local program, or a far seat */
	struct peer peer;
	struct negotiation *negotiation;
	struct conference_event *farewell; /* SFU_EV_LEFT, made beforehand */
	bool gone;                         /* to be swept */
	bool away;                         /* nothing comes from it */
	bool starved;                      /* leaves at the next tick */
	bool answered;                     /* a first answer went out */
	bool foreseen; /* what it will see first was asked for */
	bool connected_told;
	uint64_t connected_us;

	struct track **track;
	unsigned n_tracks;
	unsigned next_stream; /* numbers the forwarded stream ids */
	struct source
		*source; /* PARTICIPANT_SOURCES, from the first track on */
	unsigned n_sources;

	struct subscription **sub;
	unsigned n_subs, cap_subs;

	uint64_t offer_at_us; /* one is wanted then; UINT64_MAX: none */
	uint64_t offered_us;  /* ours is out since; 0: none is */
	unsigned offers_unanswered;

	uint32_t rtcp_ssrc; /* we as a receiver of this participant's media */
	uint64_t report_us; /* next reports */
	struct arrival *arrival; /* of its numbered packets; NULL: none came */

	/* quality.h: when to decide anew what it is sent, UINT64_MAX: no need;
	 * when that was done last; when to measure what it sends. */
	uint64_t quality_us, quality_ran_us, measure_us;

	/* When participant_replay is due; UINT64_MAX: it is not. */
	uint64_t replay_us;

	/* Videos that it is not sent, by enum sfu_paused. */
	uint16_t paused[SFU_PAUSED_REASONS];
	uint64_t paused_told; /* quality_tell.h: hash of what, 0: nothing */
	char *screen[SFU_SCREENS_MAX]; /* its streams that are screens */

	bool from_protocol; /* understands SFU_FROM_PROTOCOL */
	bool any_channel;   /* one was open */
	bool control_open;
	uint64_t overflow_until_us;

	uint64_t deadline_us; /* a lower bound of what is due */
};

struct participant *participant_new(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_join_options *opt);
/* A local program. */
struct participant *participant_new_plain(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_plug_options *opt);
/* A participant of another worker. */
struct participant *participant_new_far(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label);
struct participant *participant_free(struct participant *p);

/* Something is due at `at`: keeps deadlines (own and conference's) lower
 * bounds. */
void participant_due(struct participant *p, uint64_t at_us);
uint64_t participant_deadline(const struct participant *p); /* exact */
void participant_tick(struct participant *p, uint64_t now_us);

/* Leaves: tells the front, ends tracks and subscriptions; the sweep frees. */
void participant_leave(
	struct participant *p, uint64_t now_us, enum sfu_reason reason);
/* Memory ran out for something that nobody would repeat: p leaves (SFU_FULL) at
 * the next tick. */
void participant_starve(struct participant *p);
/* Draws the consequences of what the transport did. */
void participant_settle(struct participant *p, uint64_t now_us);

bool participant_ready(const struct participant *p); /* transport up */

/* Incoming, clear; at_us: when it came. What RTP brings for others waits for
 * conference_forward. */
void participant_rtp(struct participant *p, uint64_t now_us, uint64_t at_us,
	uint8_t *buf, size_t len);
void participant_rtcp(
	struct participant *p, uint64_t now_us, const uint8_t *buf, size_t len);

/* Reports, NACKs and key frame requests that are due (participant_rtcp.c). */
void participant_feedback(struct participant *p, uint64_t now_us);
uint64_t participant_feedback_deadline(const struct participant *p);

/* Estimate and pace of what goes to it (participant_downlink.c). */
/* Something of video is to go out: begins, unless it has. twcc: its peer gives
 * transport-wide feedback. Without memory for it packets go as they come. */
void participant_downlink(struct participant *p, uint64_t now_us, bool twcc);
/* What is due of it. */
void participant_downlink_run(struct participant *p, uint64_t now_us);

/* Offers and answers (participant_sdp.c). */
void participant_offer(
	struct participant *p, uint64_t now_us, const char *sdp, size_t len);
void participant_answer(
	struct participant *p, uint64_t now_us, const char *sdp, size_t len);
void participant_renegotiate(struct participant *p, uint64_t now_us);
void participant_offer_tick(struct participant *p, uint64_t now_us);
uint64_t participant_offer_deadline(const struct participant *p);
/* The set of tracks of others changed: subscribe to what is missing. */
void participant_subscribe(
	struct participant *p, uint64_t now_us, bool may_grow);
/* Makes the published tracks agree with the receive halves of the negotiation
 * (participant_tracks.c). True if any came or went. */
/* Publishes the track of an m-line without a stream, now that this packet of it
 * came. True if it did. */
bool participant_heard(
	struct participant *p, uint64_t now_us, const struct rtp_packet *pkt);
/* The track that a packet repairs by RTX, as payload type and SSRC or mid say,
 * and which of its encodings; NULL: it is no RTX, or does not say whose
 * (participant_repair.c). */
struct track *participant_repaired(struct participant *p,
	const struct rtp_packet *pkt, uint8_t *ret_encoding);
/* Makes the original packet of what s repairs out of one of RTX, in place.
 * False: dropped (counted), or there was nothing in it. */
bool participant_unwrap(
	struct participant *p, const struct source *s, struct rtp_packet *pkt);
/* Leaves of a packet of RED its primary alone, in place. False: it is no RED of
 * that track, or lies. */
bool participant_strip_red(
	struct participant *p, const struct track *t, struct rtp_packet *pkt);
/* Which of the m-line's rids that is (or is not: -1; NULL: is none). */
int participant_rid(const struct transceiver *tr, const struct rtp_ext *rid);
/* True when an m-line's SDP names this SSRC, or the packet its mid. */
bool participant_is_source(
	const struct transceiver *tr, uint32_t ssrc, const struct rtp_ext *mid);
bool participant_sync_tracks(struct participant *p, uint64_t now_us);
/* The stream of that name is a screen, now or when it comes; or is none. */
void participant_screen(struct participant *p, uint64_t now_us,
	const char *stream, bool screen);
/* Ends one published track, at its subscribers too. */
void participant_end_track(
	struct participant *p, unsigned index, uint64_t now_us);
/* Negotiations changed: refresh what p receives and what others get of p. */
void participant_refresh(struct participant *p, uint64_t now_us);
/* Its client was heard, and its keys are being made: what it is going to see
 * first is asked for. */
void participant_foresee(struct participant *p, uint64_t now_us);
/* It is to begin with what is past, at once where packets come, else soon. */
void participant_replay_soon(struct participant *p, uint64_t now_us);
/* What of that nobody's packet has brought about yet. */
void participant_replay(struct participant *p, uint64_t now_us);
void participant_unsubscribe(
	struct participant *p, unsigned index, uint64_t now_us);
struct subscription *participant_sub_by_ssrc(
	struct participant *p, uint32_t ssrc);

/* Who is not heard for PARTICIPANT_AWAY_US publishes nothing until something
 * comes again; its transport waits for it as long as consent lasts
 * (participant_away.c). */
void participant_away_tick(struct participant *p, uint64_t now_us);
uint64_t participant_away_deadline(const struct participant *p);
/* Something came that only it can have sent. */
void participant_back(struct participant *p, uint64_t now_us);
/* All that it gets goes to another address from now on. */
void participant_moved(struct participant *p, uint64_t now_us);

/* Data channels (message.c). */
void participant_channels(struct participant *p, uint64_t now_us);
int participant_control(
	struct participant *p, bool binary, const uint8_t *data, size_t len);

#endif
