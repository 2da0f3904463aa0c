/*
 * The door for local programs (feed/README.md): a Unix socket, one line of JSON
 * in, a notice in the room, one line back, and then the program is plugged into
 * the call.
 *
 *   READING ──line──> RESOLVING ──room id──> NOTICING ──notice taken──> IN
 *      │ 5 s             │ no such alias        │ not taken             │
 *      └─────────────────┴── {"error": …}, closed                      LEFT
 *
 * feed.c: the socket and what comes in; feed_run.c: from the line to the call.
 */
#ifndef HEARTH_MATRIX_BOT_FEED_H
#define HEARTH_MATRIX_BOT_FEED_H

#include <stdint.h>
#include "matrix-bot/feed_words.h"
#include "sfu/sfu.h"

struct client;
struct deck;
struct desk;
struct event_base;
struct feed;
struct hall;

enum {
	FEED_CONNECTIONS_MAX = 64,
	FEED_LINE_S = 5,
	FEED_ENTRIES_PER_MINUTE = 3, /* of one name in one room */
	FEED_BARS_MAX = 1024         /* names shut out; the oldest goes first */
};

struct feed_config {
	struct event_base *base;
	struct client *client;
	struct hall *hall;
	struct desk *desk;
	struct deck *deck; /* who may stop it; told of changes */
	struct sfu *sfu;
	const char *socket, *tokens_file;
};

/* Opens the socket (0660); what a process that is gone left there is replaced.
 * Everything in config must outlive it. 0, -ENOMEM, or -errno with a sentence
 * that names the key of the configuration in ret_error. */
int feed_new(struct feed **ret, const struct feed_config *config,
	char ret_error[FEED_ERROR_MAX]);
/* Takes everybody out and removes the socket. NULL is fine; returns NULL. */
struct feed *feed_free(struct feed *f);

/* People of that room's call have changed: with the last, programs leave, and
 * what was stopped may come again. */
void feed_people_changed(struct feed *f, const char *room);
/* All programs of that room out. */
void feed_room_ended(struct feed *f, const char *room);
/* `feed stop`: out, and none of that name comes in before the call has ended.
 * Returns how many there were, in the call or about to be. */
unsigned feed_stop(struct feed *f, const char *room, const char *name);

struct feed_counters {
	uint64_t connections, refused, entered;
};
const struct feed_counters *feed_counted(const struct feed *f);
unsigned feed_count(const struct feed *f); /* programs in calls */

#endif
