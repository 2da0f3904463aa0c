/*
 * All calls of the bot: which event belongs to which call, who may call, what
 * the calls' actions mean to the SFU, to the caller, and to the others in the
 * room. call.h decides about one call; the desk carries out.
 *
 * desk.c: in from Matrix; desk_early.c: what came before its invite;
 * desk_run.c: actions, and in from the SFU; desk_send.c: out to participants;
 * desk_people.c: what others want to know of who is in a call, and local
 * programs that are in it, too.
 */
#ifndef HEARTH_MATRIX_BOT_DESK_H
#define HEARTH_MATRIX_BOT_DESK_H

#include <stdbool.h>
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

/* What the recordings and programs of a call go by. */
enum desk_news {
	DESK_ARRIVED,   /* is in the call */
	DESK_UP,        /* its media came up */
	DESK_OPENED,    /* its control channel is open */
	DESK_PUBLISHED, /* what it publishes has changed */
	DESK_GONE       /* left; crashed: thrown out by the end of a worker */
};
struct desk_handlers {
	void (*news_h)(void *arg, enum desk_news what, const struct call *c,
		bool crashed);
	/* A message of a control channel that no call needs. True: known. */
	bool (*message_h)(void *arg, const struct call *c, const char *type,
		const cJSON *content);
	void *arg;
};
void desk_set_handlers(struct desk *d, const struct desk_handlers *h);

/* People, not programs, in the room's call: with an SFU participant. */
unsigned desk_people(const struct desk *d, const char *room);
/* Calls each_h for each of their calls. It must not end any. */
void desk_each(const struct desk *d, const char *room,
	void (*each_h)(void *arg, const struct call *c), void *arg);
/* By participant id, of PROTOCOL.md; NULL: not in that room's call. */
const struct call *desk_find(
	const struct desk *d, const char *room, const char *label);
/* On the control channel; false: it has none, or it does not take it. */
bool desk_say(struct desk *d, const struct call *c, const char *type,
	const cJSON *content);

/* A local program in a room's call: those that publish are shown to clients as
 * participants, and their streams as theirs. */
enum { DESK_PROGRAMS_MAX = 64, DESK_PROGRAM_NAME_MAX = 64 };
struct desk_program {
	sfu_id id;
	bool publishes;
	char room[EVENT_ID_MAX + 1];
	char label[SFU_LABEL_MAX + 1];
	char name[DESK_PROGRAM_NAME_MAX + 1];
};
/* Copies it. 0, -ENOSPC. */
int desk_program_add(struct desk *d, const struct desk_program *p);
void desk_program_remove(struct desk *d, sfu_id id);
/* The i-th in that room (NULL: of all) or NULL. */
const struct desk_program *desk_program(
	const struct desk *d, const char *room, unsigned i);

/* Display names of who is in the call, comma-separated; "" nobody. */
void desk_who(const struct desk *d, const char *room, char *ret, size_t cap);
unsigned desk_count(const struct desk *d);         /* calls alive */
const char *desk_session_id(const struct desk *d); /* of this process */

struct desk_counters {
	uint64_t calls, refused, answered, up, early;
	uint64_t dropped[CALL_DROPS];
	uint64_t control_odd; /* control messages nobody understands */
	uint64_t too_large;   /* 413 */
	uint64_t waited;      /* SDPs too large for it, kept for the channel */
	uint64_t unsent;      /* refused by the homeserver or by a full lane */
};
const struct desk_counters *desk_counted(const struct desk *d);

#endif
