/* Inside of deck.h, shared by the deck's files. */
#ifndef HEARTH_MATRIX_BOT_DECK_IMPL_H
#define HEARTH_MATRIX_BOT_DECK_IMPL_H

#include <sys/queue.h>
#include "matrix-bot/client.h"
#include "matrix-bot/deck.h"
#include "matrix-bot/hall.h"
#include "matrix-bot/parcel.h"
#include "matrix-bot/seen.h"
#include "matrix-bot/tape.h"

enum {
	DECK_LINK_MAX = 1024,
	DECK_PATH_MAX = 4096,
	DECK_AT_ONCE = 4 /* parcels on the way; the others wait */
};

#define DECK_DELETED "The recording was deleted"

struct deck_tape {
	TAILQ_ENTRY(deck_tape) entry;
	char room[EVENT_ID_MAX + 1];
	struct tape tape;
	uint64_t post; /* the notice that counts */
};

struct deck_parcel {
	TAILQ_ENTRY(deck_parcel) entry;
	struct parcel parcel;
	uint64_t serial;
	char lane[48];
	char *directory; /* of its files */
	unsigned sends;  /* of what `record delete` redacts, unanswered */
	bool dropped;    /* swept when those are answered */
};

struct deck {
	struct client *client;
	struct hall *hall;
	struct desk *desk;
	struct studio *studio; /* NULL: none, see config.error */
	struct deck_config config;
	TAILQ_HEAD(, deck_tape) tapes;
	TAILQ_HEAD(, deck_parcel) parcels;
	uint64_t serial;
	struct seen seen;
	struct rate commands, requests;
	bool resumed;
	struct deck_counters counters;
};

uint64_t deck_unix_ms(void);
struct deck_tape *deck_tape(const struct deck *d, const char *room);
struct deck_tape *deck_tape_get(struct deck *d, const char *room);
struct deck_parcel *deck_parcel(const struct deck *d, const char *id);
/* Refuses to over-eager people; true: not now. */
bool deck_over_rate(
	struct deck *d, struct rate *r, const char *user, unsigned most);
/* Name of a member as notices have it. */
const char *deck_name(const struct deck *d, const char *room, const char *user);

/* deck_run.c */
void deck_run_tape(
	struct deck *d, struct deck_tape *t, const struct tape_actions *a);
/* All the studio may want to know of who that is. */
void deck_introduce(struct deck *d, const struct call *c);
void deck_introduce_programs(struct deck *d, const char *room);

/* deck_post.c */
void deck_run_parcel(
	struct deck *d, struct deck_parcel *p, const struct parcel_actions *a);
void deck_pump(struct deck *d); /* sends what may go, sweeps */
/* The recording is deleted: nothing more of it comes into the room. Not from a
 * handler of its lane. */
void deck_parcel_drop(struct deck *d, struct deck_parcel *p);
struct deck_parcel *deck_parcel_get(
	struct deck *d, const struct studio_event *ev);

/* deck_show.c */
void deck_show(struct deck *d, const char *room); /* to all */
void deck_show_to(struct deck *d, const struct call *c);

#endif
