/*
 * The Matrix front: one user account that is invited into rooms and answers
 * each participant's call with an offer to the forwarding unit. Owns its Matrix
 * client, rooms and calls. Talks down through sfu/sfu.h only.
 */
#ifndef HEARTH_MATRIX_BOT_BOT_H
#define HEARTH_MATRIX_BOT_BOT_H

#include <stdbool.h>
#include "sfu/config.h"
#include "sfu/sfu.h"

enum { BOT_ERROR_MAX = 256 };

struct event_base;
struct evbuffer;
struct http;
struct bot;

/* Logs in (or resumes), then syncs for ever; an unreachable homeserver is tried
 * again with back-off and said so in the log. http may be NULL; the bot adds
 * /config.json for the web client. `exit_h` is called once when going on is
 * useless, with an exit code: 3 wrong password or token. 0; -errno, with a
 * sentence that names the key in ret_error where that is the configuration's
 * fault, else ""; -EADDRINUSE: the sentence is about another process. */
typedef void(bot_exit_h)(void *arg, int code);
int bot_new(struct bot **ret, struct event_base *base, struct sfu *sfu,
	const struct config *config, struct http *http, bot_exit_h *exit_h,
	void *arg, char ret_error[BOT_ERROR_MAX]);

/* Hangs up every call and stops syncing; calls done_h when the homeserver has
 * been told or after 1.5 s. */
void bot_stop(struct bot *b, void (*done_h)(void *arg), void *arg);
struct bot *bot_free(struct bot *b); /* returns NULL */

bool bot_ready(const struct bot *b); /* logged in and synced within 2 min */
void bot_metrics(const struct bot *b, struct evbuffer *out); /* Prometheus */

/* `hearth check`: login, whoami, clock difference, tokens file; prints plain
 * sentences to stdout; returns the number of problems. Runs its own loop. */
int bot_check(const struct config *config);

#endif
