/*
 * All calls of the bot: which event belongs to which call, who may call, what
 * the calls' actions mean to the SFU, to the caller, and to the others in the
 * room. call.h decides about one call; the desk carries out.
 *
 * desk.c: in from Matrix; desk_early.c: what came before its invite;
 * desk_run.c: actions, and in from the SFU; desk_send.c: out to participants.
 */
#ifndef HEARTH_MATRIX_BOT_DESK_H
#define HEARTH_MATRIX_BOT_DESK_H

#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include "matrix-bot/call.h"
#include "sfu/sfu.h"

struct client;
struct desk;
struct event_base;
struct hall;
struct room_policy;

enum { DESK_CALLS_MAX = 4096, DESK_NAMES_MAX = 20 };

struct desk_limits {           /* 0: no limit */
	unsigned participants; /* of one conference */
	unsigned conferences;
	unsigned calls_per_minute; /* of one user */
};

/* All pointers must outlive the desk. 0 or -ENOMEM. */
int desk_new(struct desk **ret, struct event_base *base, struct client *client,
	struct sfu *sfu, struct hall *hall, const struct room_policy *policy,
	const struct desk_limits *limits);
struct desk *desk_free(struct desk *d); /* silently leaves; returns NULL */

/* A room event (room_id) or a to-device message (NULL), of any type. */
void desk_event(struct desk *d, const cJSON *event, const char *room_id);
/* The sync is processed as a whole: invites are acted upon. */
void desk_settle(struct desk *d);
void desk_tick(struct desk *d); /* about once a second */

void desk_member_left(struct desk *d, const char *room, const char *user);
void desk_room_gone(struct desk *d, const char *room);
void desk_room_encrypted(struct desk *d, const char *room);
void desk_hang_up(struct desk *d); /* everybody */

/* Display names of who is in the call, comma-separated; "" nobody. */
void desk_who(const struct desk *d, const char *room, char *ret, size_t cap);
unsigned desk_count(const struct desk *d);         /* calls alive */
const char *desk_session_id(const struct desk *d); /* of this process */

struct desk_counters {
	uint64_t calls, refused, answered, up, early;
	uint64_t dropped[CALL_DROPS];
	uint64_t control_odd; /* control messages nobody understands */
	uint64_t too_large;   /* 413 */
	uint64_t unsent;      /* refused by the homeserver or by a full lane */
};
const struct desk_counters *desk_counted(const struct desk *d);

#endif
