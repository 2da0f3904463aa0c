/*
 * All rooms of the bot, and what it does in them: joins, leaves, greets,
 * answers commands. room.h decides; the hall carries out through the client.
 */
#ifndef HEARTH_MATRIX_BOT_HALL_H
#define HEARTH_MATRIX_BOT_HALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "matrix-bot/room.h"

struct client;
struct hall;

enum { HALL_JOIN_TRIES = 5, HALL_ROOMS_MAX = 10000 };

struct hall_handlers { /* for the calls of those rooms */
	void (*member_left_h)(void *arg, const char *room, const char *user);
	void (*room_gone_h)(void *arg, const char *room);
	void (*room_encrypted_h)(void *arg, const char *room);
	/* Names of who is in the call into ret, comma-separated; "" nobody. */
	void (*who_h)(void *arg, const char *room, char *ret, size_t cap);
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
/* The web client's address for this room. */
void hall_link(
	const struct hall *h, const char *room_id, char *ret, size_t cap);

unsigned hall_count(const struct hall *h); /* rooms the bot is joined to */

#endif
