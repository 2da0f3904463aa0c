/*
 * All rooms of the bot, and what it does in them: joins, leaves, greets,
 * answers commands. room.h decides; the hall carries out through the client.
 */
#ifndef HEARTH_MATRIX_BOT_HALL_H
#define HEARTH_MATRIX_BOT_HALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "matrix-bot/client.h"
#include "matrix-bot/room.h"

struct hall;

enum { HALL_JOIN_TRIES = 5, HALL_ROOMS_MAX = 10000 };

struct hall_handlers { /* for the calls of those rooms */
	void (*member_left_h)(void *arg, const char *room, const char *user);
	void (*room_gone_h)(void *arg, const char *room);
	void (*room_encrypted_h)(void *arg, const char *room);
	/* Names of who is in the call into ret, comma-separated; "" nobody. */
	void (*who_h)(void *arg, const char *room, char *ret, size_t cap);
	/* A command that is not the hall's own: record, feed. */
	void (*command_h)(void *arg, const char *room, const char *user,
		const struct command *command);
	void *arg;
};

/* policy and what it points to, and join_url, must outlive the hall. */
int hall_new(struct hall **ret, struct client *client,
	const struct room_policy *policy, const char *join_url,
	const struct hall_handlers *h);
struct hall *hall_free(struct hall *h); /* returns NULL */

void hall_left(struct hall *h, const char *room_id);
void hall_invited(struct hall *h, const char *room_id, const char *inviter);
void hall_joined(struct hall *h, const char *room_id);
void hall_event(
	struct hall *h, const char *room_id, const cJSON *event, bool live);
void hall_settle(struct hall *h);
void hall_tick(struct hall *h, uint64_t now_us); /* about once a second */

const struct room *hall_find(const struct hall *h, const char *room_id);
/* The room with this group call in which user is; NULL: none. */
const struct room *hall_find_conf(
	const struct hall *h, const char *conf_id, const char *user);
/* Posts a notice; of those with the same word only the last unsent one goes. */
void hall_notice(struct hall *h, const char *room_id, const char *word,
	const char *text);

struct hall_message {
	const char *txn;      /* transaction id; NULL: a new one */
	const char *word;     /* as above; NULL: never superseded */
	const cJSON *content; /* of the m.room.message; copied */
	uint64_t expires_us;  /* given up then; 0: never */
	client_h *handler;    /* the homeserver's answer; NULL: nobody asks */
	void *arg;
	uint64_t tag;
};
/* Posts a message after what was said in that room before. 0, -ENOBUFS (too
 * much is waiting), -E2BIG, -ENOMEM: the handler is not called then. */
int hall_send(
	struct hall *h, const char *room_id, const struct hall_message *m);
/* Takes back what carries this word and is not on its way: its handler hears
 * -ECANCELED, at once. */
void hall_cancel(struct hall *h, const char *room_id, const char *word);
/* The content of a notice that rings nobody; the caller's. */
cJSON *hall_content(const char *text);
void hall_redact(struct hall *h, const char *room_id, const char *event_id,
	const char *reason);
/* The web client's page of a recording. */
void hall_recording_link(const struct hall *h, const char *room_id,
	const char *recording, char *ret, size_t cap);
/* The web client's address for this room. */
void hall_link(
	const struct hall *h, const char *room_id, char *ret, size_t cap);

unsigned hall_count(const struct hall *h); /* rooms the bot is joined to */

#endif
