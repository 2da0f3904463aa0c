/*
 * Who may do what in a room: m.room.create and m.room.power_levels, and what
 * holds where they are silent (Client-Server API, m.room.power_levels; room
 * version 12 and MSC4289: creators stand above every level). Pure.
 */
#ifndef HEARTH_MATRIX_BOT_ROOM_POWER_H
#define HEARTH_MATRIX_BOT_ROOM_POWER_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

/* Of a creator of version 12: above what JSON numbers of events may be. */
#define ROOM_POWER_CREATOR (1ll << 53)

/* Zero is a room nothing is known about: nobody may anything. */
struct room_power {
	cJSON *create; /* the event, or NULL */
	cJSON *levels; /* the content, or NULL */
};

void room_power_done(struct room_power *p);
/* Takes note of a state event of one of the two types; others are ignored. */
void room_power_event(struct room_power *p, const cJSON *event);
/* Level of a user: users, users_default, or the defaults without the event. */
int64_t room_power_of(const struct room_power *p, const char *user);
/* Level that removing others takes: kick, else 50. */
int64_t room_power_to_kick(const struct room_power *p);

/* May user record here? who: "moderators" (who may kick), "members", "nobody",
 * or a level as a number; NULL and "" mean moderators. The caller has seen that
 * user is a member. */
bool room_power_may_record(
	const struct room_power *p, const char *who, const char *user);

#endif
