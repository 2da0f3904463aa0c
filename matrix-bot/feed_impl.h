/* Inside of feed.h, shared by feed.c and feed_run.c. */
#ifndef HEARTH_MATRIX_BOT_FEED_IMPL_H
#define HEARTH_MATRIX_BOT_FEED_IMPL_H

#include <stdbool.h>
#include <sys/queue.h>
#include "matrix-bot/feed.h"
#include "matrix-bot/seen.h"

struct event;

enum feed_state { FEED_READING, FEED_RESOLVING, FEED_NOTICING, FEED_IN };

struct feed_conn {
	TAILQ_ENTRY(feed_conn) entry;
	struct feed *feed;
	enum feed_state state;
	uint64_t serial;
	int fd;              /* -1: given to the SFU */
	struct event *event; /* READING only */
	uint64_t until_us;   /* … until then */
	char line[FEED_LINE_MAX];
	size_t len;
	char name[FEED_NAME_MAX + 1];
	bool publish;
	char room[EVENT_ID_MAX + 1];
	sfu_id sfu; /* IN */
};

/* Stopped in that room until its call ends. */
struct feed_bar {
	TAILQ_ENTRY(feed_bar) entry;
	char room[EVENT_ID_MAX + 1];
	char name[FEED_NAME_MAX + 1];
};

struct feed {
	struct feed_config config;
	int fd;
	struct event *event;
	struct event *pause; /* over: it listens again */
	TAILQ_HEAD(, feed_conn) conns;
	unsigned n_conns;
	TAILQ_HEAD(, feed_bar) bars;
	unsigned n_bars;
	struct seen seen; /* for its keys */
	struct rate rate;
	uint64_t serial;
	struct feed_counters counters;
};

/* The line is whole: conn->line, len, without its newline. */
void feed_line(struct feed_conn *c);
/* Says why not, and ends it. */
void feed_refuse(struct feed_conn *c, const char *why);
void feed_conn_free(struct feed_conn *c);

/* feed_bar.c: who may not come in. room NULL: of all rooms. */
void feed_bar(struct feed *f, const char *room, const char *name);
bool feed_is_barred(const struct feed *f, const char *room, const char *name);
void feed_unbar(struct feed *f, const char *room);
/* Notes one more notice about it; true: there are too many. */
bool feed_over_rate(struct feed *f, const char *room, const char *name);

#endif
