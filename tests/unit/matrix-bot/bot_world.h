/*
 * The whole bot between a scripted homeserver and a scripted SFU, and the room
 * events that are said there.
 */
#ifndef HEARTH_TESTS_BOT_WORLD_H
#define HEARTH_TESTS_BOT_WORLD_H

#include "test.h"
#include <event2/event.h>
#include "fake_homeserver.h"
#include "fake_sfu.h"
#include "fake_studio.h"
#include "matrix-bot/bot.h"
#include "matrix-bot/event.h"

#define ROOM "!r:s"
#define MEMBER(user, how)                                                      \
	"{\"type\":\"m.room.member\",\"state_key\":\"" user "\",\"sender\":"   \
	"\"" user "\",\"content\":{\"membership\":\"" how "\","                \
	"\"displayname\":\"" user " name\"}}"
#define TWO   MEMBER("@a:s", "join")
#define THREE TWO "," MEMBER("@b:s", "join")
#define META                                                                   \
	"\"sdp_stream_metadata\":{\"cam\":{\"purpose\":\"m.usermedia\","       \
	"\"audio_muted\":true}},"
#define OFFER META "\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0 offer\"}"

struct world {
	struct event_base *base;
	struct fake_homeserver *f;
	struct config config;
	struct bot *b;
	bool exited, stopped;
	int code;
	char dir[64];
};

void world_on_stopped(void *arg);
void world_new(struct world *w);
void world_start(struct world *w);
void world_done(struct world *w);
void world_timeline(struct world *w, const char *events);
void world_to_device(struct world *w, const char *events);
void world_in_room(struct world *w, const char *members);
void world_event(char *ret, size_t cap, const char *type, const char *user,
	const char *call_id, const char *more);
void world_device_event(char *ret, size_t cap, const char *type,
	const char *user, const char *call_id, const char *more);
void world_wait_sfu(struct world *w, const char *part, unsigned n);
void world_settle(struct world *w);
cJSON *world_content_sent(struct world *w, const char *type, unsigned n);
void world_assert_stream(const cJSON *content, const char *id,
	const char *purpose, const char *participant);
void world_call_up(
	struct world *w, const char *user, const char *call_id, bool by_device);

#endif
