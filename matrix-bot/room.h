/*
 * One Matrix room as the bot sees it: who is in it, may they call, and what the
 * bot does about invitations, encryption, upgrades, commands and empty rooms.
 * Pure: events in, actions out; whoever owns it carries them out.
 *
 *   UNKNOWN ──invite──> INVITED ──join──> JOINED ──kick, leave──> LEFT
 *                          └──withdrawn──> LEFT ──invite──> INVITED
 */
#ifndef HEARTH_MATRIX_BOT_ROOM_H
#define HEARTH_MATRIX_BOT_ROOM_H

#include <stdbool.h>
#include <cjson/cJSON.h>
#include "matrix-bot/command.h"
#include "matrix-bot/event.h"
#include "matrix-bot/room_power.h"

enum { ROOM_CONFS_MAX = 8, ROOM_ACTIONS_MAX = 4, ROOM_COMMAND_AGE_MS = 60000 };

enum room_state { ROOM_UNKNOWN, ROOM_INVITED, ROOM_JOINED, ROOM_LEFT };

struct room {
	char id[EVENT_ID_MAX + 1];
	enum room_state state;
	bool encrypted;
	bool greet;   /* joined by invitation: a greeting is due */
	bool leaving; /* asked to, for it is empty */
	char inviter[EVENT_ID_MAX + 1];
	char replacement[EVENT_ID_MAX + 1]; /* tombstone's, "" if none */
	bool tombstone;
	char confs[ROOM_CONFS_MAX][EVENT_ID_MAX + 1]; /* group call ids */
	unsigned n_confs;
	struct room_power power;
	void *members; /* tsearch tree of the others who are joined */
	unsigned n_members;
};

struct room_policy {
	const char *own_id;       /* the bot's user id */
	const char *const *allow; /* globs over user ids: * and ? */
	unsigned n_allow;
	bool leave_when_empty;
};

enum room_act {
	ROOM_JOIN,        /* accept the invitation */
	ROOM_REJECT,      /* leave without having joined */
	ROOM_LEAVE,       /* nobody is here any more */
	ROOM_GREET,       /* introduce yourself; see room->encrypted */
	ROOM_ENCRYPTED,   /* encryption was switched on just now */
	ROOM_MEMBER_LEFT, /* user: no longer joined */
	ROOM_FOLLOW,      /* user: room id to join, after an upgrade */
	ROOM_HELP,        /* somebody asked for help */
	ROOM_WHO,         /* somebody asked who is in the call */
	ROOM_COMMAND,     /* user said command: record, feed */
	ROOM_GONE         /* the bot is out: every call here has ended */
};
struct room_action {
	enum room_act act;
	const char *user; /* valid as long as the event */
	struct command command;
};
struct room_actions {
	unsigned n;
	struct room_action v[ROOM_ACTIONS_MAX];
};

void room_init(struct room *r, const char *id); /* id <= EVENT_ID_MAX */
void room_done(struct room *r);

/* Each fills ret with what is to be done, often nothing. */
void room_invited(struct room *r, const struct room_policy *p,
	const char *inviter, struct room_actions *ret);
void room_joined(
	struct room *r, const struct room_policy *p, struct room_actions *ret);
void room_gone(struct room *r, struct room_actions *ret);
/* A state or timeline event. live: it happened now, not before we looked. */
void room_event(struct room *r, const struct room_policy *p, const cJSON *event,
	bool live, struct room_actions *ret);
/* After all events of one sync. */
void room_settle(
	struct room *r, const struct room_policy *p, struct room_actions *ret);

/* May user start a call? In the timeline with (may be "") this invitee. */
enum room_verdict {
	ROOM_MAY,
	ROOM_NOT_MEMBER,
	ROOM_NOT_YET,    /* the bot is about to join: ask again */
	ROOM_NOT_FOR_US, /* another invitee, or none among three */
	ROOM_CLOSED      /* upgraded, or the way in is encrypted */
};
enum room_verdict room_may_call(const struct room *r,
	const struct room_policy *p, const char *user, bool to_device,
	const char *invitee);
bool room_has(const struct room *r, const char *user); /* joined, not the bot */
/* Display name, or NULL if there is none. */
const char *room_name_of(const struct room *r, const char *user);
bool room_has_conf(const struct room *r, const char *conf_id);

bool room_allows(const struct room_policy *p, const char *user);
bool room_glob(const char *glob, const char *text);

#endif
