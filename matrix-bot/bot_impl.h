/* Inside of bot.h, shared by the bot's files. */
#ifndef HEARTH_MATRIX_BOT_BOT_IMPL_H
#define HEARTH_MATRIX_BOT_BOT_IMPL_H

#include "matrix-bot/bot.h"
#include "matrix-bot/client.h"
#include "matrix-bot/deck.h"
#include "matrix-bot/desk.h"
#include "matrix-bot/feed.h"
#include "matrix-bot/hall.h"
#include "matrix-bot/store.h"
#include "matrix-bot/sync.h"

struct event;

struct bot {
	struct event_base *base;
	const struct config *config;
	struct client *client;
	struct hall *hall;
	struct desk *desk;
	struct deck *deck;
	struct studio *studio; /* NULL: no recordings, see studio_error */
	char studio_error[256];
	struct feed *feed; /* NULL: no socket is configured */
	struct sync *sync;
	struct store store;
	struct room_policy policy;
	char own_id[EVENT_ID_MAX + 1]; /* "" until the first login */
	char own_server[EVENT_ID_MAX + 2];
	const char *own_glob[1];
	char join_url[512];
	bool told_encrypted;
	uint64_t denied_us; /* login refused since; 0: not */
	struct event *tick_timer, *exit_timer, *stop_timer;
	bot_exit_h *exit_h;
	void *arg;
	void (*stopped_h)(void *arg);
	void *stopped_arg;
	uint64_t stop_by_us;
	bool studio_stopped;
};

/* bot_parts.c: makes what the bot consists of. As bot_new. */
int bot_make_parts(struct bot *b, struct sfu *sfu, struct http *http,
	const struct client_handlers *client_handlers,
	char ret_error[BOT_ERROR_MAX]);
void bot_free_parts(struct bot *b);

#endif
