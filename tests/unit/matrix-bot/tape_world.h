/* The world of bot_world.h with a call that is recorded in it. */
#ifndef HEARTH_TESTS_TAPE_WORLD_H
#define HEARTH_TESTS_TAPE_WORLD_H

#include "bot_world.h"
#include "manifests.h"

#define LEVELS                                                                 \
	"{\"type\":\"m.room.power_levels\",\"state_key\":\"\",\"sender\":"     \
	"\"@a:s\",\"content\":{\"users\":{\"@a:s\":50}}},"
#define SAID(user, text)                                                       \
	"{\"type\":\"m.room.message\",\"sender\":\"" user "\",\"content\":{"   \
	"\"msgtype\":\"m.text\",\"body\":\"" text "\"}}"
#define NOTICES "/send/m.room.message/"

/* Ann, who may record, and Bob are in the room; Ann is in the call, by our
 * client. */
void world_in_call(struct world *w);
/* … and it is being recorded as "rec1". */
void world_recording(struct world *w);
void world_wait_studio(struct world *w, const char *part, unsigned n);
/* The n-th notice in the room, and those words in it. */
void world_expect_notice(struct world *w, unsigned n, const char *words);
void world_expect_control(sfu_id id, const char *words);

#endif
