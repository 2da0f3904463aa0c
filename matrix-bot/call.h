/*
 * One participant's call: VoIP events and SFU events in, actions out. Pure: no
 * network, no clock (now_us is an argument), no log.
 *
 *            settle: alive,           SFU answer          SFU connected
 *   PENDING ───allowed────> OFFERED ────────> ANSWERED ────────────> UP
 *      │                       │                 │                    │
 *      └── hangup, expired ────┴───── hangup, select of another, ─────┘
 *                                     leave, SFU left ──> ENDED
 *
 * An invite is acted upon only when the sync that brought it has been processed
 * as a whole (call_settle), so that one that is already over is never answered.
 */
#ifndef HEARTH_MATRIX_BOT_CALL_H
#define HEARTH_MATRIX_BOT_CALL_H

#include "matrix-bot/event.h"
#include "sfu/sfu.h"

enum {
	CALL_PENDING_CANDIDATES_MAX = 64,
	CALL_ACTIONS_MAX = CALL_PENDING_CANDIDATES_MAX + 8,
	CALL_ANSWER_MARGIN_MS = 3000, /* of lifetime left, else no answer */
	CALL_PING_MS = 10000,
	CALL_PINGS_MAX = 3, /* unanswered */
};

enum call_state {
	CALL_PENDING,
	CALL_OFFERED,
	CALL_ANSWERED,
	CALL_UP,
	CALL_ENDED
};

enum call_drop { /* why an event was ignored; counted by the owner */
	CALL_MALFORMED,
	CALL_EXPIRED,
	CALL_REPEATED,
	CALL_WRONG_PARTY,
	CALL_WRONG_SESSION,
	CALL_UNKNOWN,
	CALL_NOT_MEMBER,
	CALL_NOT_FOR_US,
	CALL_RATE,
	CALL_DROPS
};
const char *call_drop_text(enum call_drop d); /* "not_member", … */

enum call_act {
	/* To the SFU. */
	CALL_JOIN,      /* join, and give it the offer; options in the call */
	CALL_OFFER,     /* text: SDP */
	CALL_ANSWER,    /* text: SDP */
	CALL_CANDIDATE, /* text: line */
	CALL_LEAVE,
	/* To the participant. */
	CALL_SEND_ANSWER,     /* text: SDP */
	CALL_SEND_OFFER,      /* text: SDP, by m.call.negotiate */
	CALL_SEND_NEGOTIATED, /* text: SDP, the answer to a negotiate */
	CALL_SEND_HANGUP,     /* text: reason */
	CALL_SEND_REJECT,     /* v1; text: reason */
	CALL_SEND_METADATA,   /* the whole present map */
	CALL_SEND_ROSTER,     /* participants, on the control channel */
	CALL_SEND_SPEAKER,    /* who: loudest, 0 nobody; control channel */
	CALL_SEND_ERROR,      /* text: plain words; control channel */
	CALL_SEND_PING,
	/* To everybody else in the conference. */
	CALL_PUBLISHED, /* what this one publishes has changed */
	CALL_ARRIVED,   /* roster has changed */
	CALL_GONE,      /* roster has changed, the call has ended */
	CALL_DROPPED    /* drop */
};

struct call_action {
	enum call_act act;
	const char *text; /* valid as long as event and call */
	sfu_id who;
	enum call_drop drop;
};
struct call_actions {
	unsigned n;
	struct call_action v[CALL_ACTIONS_MAX];
};

struct call {
	enum call_state state;
	bool to_device;
	int version;
	char room[EVENT_ID_MAX + 1]; /* conference: the room's id */
	char user[EVENT_ID_MAX + 1];
	char call_id[EVENT_ID_MAX + 1];
	char party[EVENT_ID_MAX + 1];
	char device[EVENT_ID_MAX + 1]; /* to-device only */
	char conf[EVENT_ID_MAX + 1];
	char session[EVENT_ID_MAX + 1]; /* theirs */
	char invitee[EVENT_ID_MAX + 1];
	char label[SFU_LABEL_MAX + 1];
	bool renegotiate; /* the invite had stream metadata */
	bool hearth;      /* our own client */
	bool control;     /* the control channel is open */
	uint64_t expires_us;
	char *offer; /* until the SFU has answered it */
	char *candidates[CALL_PENDING_CANDIDATES_MAX];
	unsigned n_candidates;
	struct metadata published;
	struct sfu_stream *streams; /* as the last SDP named them */
	unsigned n_streams;
	sfu_id sfu; /* set by the owner after CALL_JOIN */
	uint64_t ping_us;
	unsigned pings;
};

/* From an invite of the room (its conference). 0, -ENOMEM, -EINVAL (no device
 * on a to-device invite). call_done frees what it holds. */
int call_init(struct call *c, const struct call_event *invite,
	const char *room_id, uint64_t now_us);
void call_done(struct call *c);

/* An event that belongs to this call by call_id and sender; checks party and
 * session. session_id: the bot's. */
void call_input(struct call *c, const struct call_event *e,
	const char *party_id, struct call_actions *ret);
/* A message of its control channel. */
void call_control(
	struct call *c, const struct call_event *e, struct call_actions *ret);
/* The sync is processed and the caller may call: PENDING goes on or ends. */
void call_settle(struct call *c, uint64_t now_us, struct call_actions *ret);
/* An event of its SFU participant. */
void call_sfu(struct call *c, uint64_t now_us, const struct sfu_event *ev,
	struct call_actions *ret);
/* Ends it from our side. reason: told by hangup; NULL: silently. */
void call_end(struct call *c, const char *reason, struct call_actions *ret);
/* Refused by a ceiling before it joined: reject (v1) or hangup (v0). */
void call_refuse(struct call *c, struct call_actions *ret);
/* Pings of the control channel; call about once a second. */
void call_tick(struct call *c, uint64_t now_us, struct call_actions *ret);

/* The device or party the invite came from, as the label shows it. */
const char *call_device(const struct call *c);
/* Is this event from the call's party? */
bool call_is_from(const struct call *c, const struct call_event *e);

#endif
