/*
 * Matrix events <-> typed structs: the VoIP events of the Matrix specification
 * v1.7+ (version "1", and the integer 0), as room events, as to-device messages
 * with the fields of MSC3401, and as messages of the control channel. Pure:
 * JSON in, structs out. Everything that comes from outside is bounded here.
 */
#ifndef HEARTH_MATRIX_BOT_EVENT_H
#define HEARTH_MATRIX_BOT_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include "matrix-bot/metadata.h"

enum {
	EVENT_ID_MAX = 255, /* user, room, device, call, party, session ids */
	EVENT_SDP_MAX = 60000,
	EVENT_CANDIDATES_MAX = 64, /* of one event */
	EVENT_CANDIDATE_MAX = 512,
	EVENT_REASON_MAX = 63,
	EVENT_LIFETIME_MAX_MS = 600000,
	EVENT_LIFETIME_MS = 60000, /* where the event does not say */
};

enum event_type {
	EVENT_INVITE,
	EVENT_ANSWER,
	EVENT_CANDIDATES,
	EVENT_SELECT_ANSWER,
	EVENT_REJECT,
	EVENT_HANGUP,
	EVENT_NEGOTIATE,
	EVENT_METADATA, /* m.call.sdp_stream_metadata_changed, both types */
	EVENT_PONG,     /* control channel only */
	EVENT_TYPES
};

/* Pointers point into the JSON it was read from. Ids hold no spaces and no
 * control characters; "" where the event has none. */
struct call_event {
	enum event_type type;
	bool to_device;
	char sender[EVENT_ID_MAX + 1];
	char room_id[EVENT_ID_MAX + 1];
	char call_id[EVENT_ID_MAX + 1];
	char party_id[EVENT_ID_MAX + 1];
	int version; /* 0 or 1: everything that is not the integer 0 */
	char conf_id[EVENT_ID_MAX + 1];
	char device_id[EVENT_ID_MAX + 1];
	char sender_session_id[EVENT_ID_MAX + 1];
	char dest_session_id[EVENT_ID_MAX + 1];
	char message_id[EVENT_ID_MAX + 1]; /* org.matrix.msgid */
	uint64_t age_ms, lifetime_ms;
	char invitee[EVENT_ID_MAX + 1];
	char selected_party_id[EVENT_ID_MAX + 1];
	char reason[EVENT_REASON_MAX + 1];
	const char *sdp; /* offer, answer or description */
	bool sdp_offer;  /* description.type is "offer" */
	const char *candidates[EVENT_CANDIDATES_MAX]; /* "" ends them */
	unsigned n_candidates;
	bool has_metadata;
	struct metadata metadata;
	bool hearth_client; /* org.hearth.client */
};

/* Reads one event of a room's timeline (room_id given) or a to-device message
 * (NULL). 0; -ENOENT: another type; -EINVAL: malformed; -E2BIG: something is
 * longer than its bound. */
int event_parse(
	struct call_event *ret, const cJSON *event, const char *room_id);
/* The same of a control channel message's type and content; no call_id. */
int event_parse_control(
	struct call_event *ret, const char *type, const cJSON *content);

/* A string member, or "". */
const char *event_string(const cJSON *object, const char *key);
/* A number from 0 up to 2^53, as JSON of events may hold; else 0. */
uint64_t event_number(const cJSON *object, const char *key);
/* Copies an id: 0; -EINVAL empty or with spaces or control characters; -E2BIG.
 */
int event_copy_id(char ret[EVENT_ID_MAX + 1], const char *id);
/* unsigned.age in ms, 0 if absent, bounded. */
uint64_t event_age_ms(const cJSON *event);

const char *event_type_text(enum event_type type); /* "m.call.invite", … */

/* {"type":…,"sdp":…} under key. */
void event_add_sdp(
	cJSON *content, const char *key, const char *type, const char *sdp);
/* version ("1" or 0), call_id, and for v1 party_id. */
cJSON *event_content(int version, const char *call_id, const char *party_id);

#endif
