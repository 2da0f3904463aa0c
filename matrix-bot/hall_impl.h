/* Inside of hall.h, shared by hall.c, hall_send.c and hall_say.c. */
#ifndef HEARTH_MATRIX_BOT_HALL_IMPL_H
#define HEARTH_MATRIX_BOT_HALL_IMPL_H

#include <sys/queue.h>
#include "matrix-bot/client.h"
#include "matrix-bot/hall.h"

struct hall_room {
	TAILQ_ENTRY(hall_room) entry;
	struct room room;
	uint64_t serial;
	unsigned tries;
	uint64_t again_us; /* 0: no join is due */
	bool gone;         /* swept at the end of the turn */
};

struct hall {
	struct client *client;
	const struct room_policy *policy;
	const char *join_url;
	struct hall_handlers handlers;
	TAILQ_HEAD(, hall_room) rooms;
	unsigned n_rooms;
	uint64_t serial;
};

/* The lane in which everything about a room stands. */
void hall_lane(char ret[EVENT_ID_MAX + 8], const char *room_id);

/* hall_say.c: what the bot says of itself. */
void hall_greet(struct hall *h, const struct room *r);
void hall_tell_encrypted(struct hall *h, const struct room *r);
void hall_help(struct hall *h, const struct room *r);
void hall_who(struct hall *h, const struct room *r);

#endif
