/*
 * All recordings of the bot: what is said in rooms and by clients, what the
 * studio reports, how finished ones come into their rooms. tape.h decides about
 * one call that is recorded, parcel.h about one recording that is delivered;
 * the deck carries out.
 *
 * deck.c: in from desk, studio, clock; deck_command.c: what people ask for;
 * deck_run.c: what a tape wants; deck_post.c: what a parcel wants; deck_show.c:
 * what clients are told; deck_link.c: who may fetch what.
 */
#ifndef HEARTH_MATRIX_BOT_DECK_H
#define HEARTH_MATRIX_BOT_DECK_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include "matrix-bot/command.h"
#include "matrix-bot/desk.h"
#include "matrix-bot/tape.h"
#include "studio/studio.h"

struct client;
struct deck;
struct hall;

struct deck_config {
	const char *who;   /* recording.who; NULL: moderators */
	bool deliver;      /* post the file, not only a link */
	bool compose;      /* the studio makes a file to watch */
	const char *error; /* without a studio: why there is none */
};

/* All pointers must outlive the deck. 0, -ENOMEM. */
int deck_new(struct deck **ret, struct client *client, struct hall *hall,
	struct desk *desk, const struct deck_config *config);
struct deck *deck_free(struct deck *d); /* returns NULL */
/* The studio, once it is there; its events go to deck_on_studio. */
void deck_set_studio(struct deck *d, struct studio *studio);

/* The studio's handler: arg is the deck. */
void deck_on_studio(void *arg, const struct studio_event *ev);
/* The desk's handlers: arg is the deck. */
void deck_on_news(
	void *arg, enum desk_news what, const struct call *c, bool crashed);
bool deck_on_message(void *arg, const struct call *c, const char *type,
	const cJSON *content);

/* record …, said in a room by a member of it. Other commands are ignored. */
void deck_command(struct deck *d, const char *room, const char *user,
	const struct command *command);
/* May this member start, stop, list and delete recordings there? */
bool deck_may(const struct deck *d, const char *room, const char *user);
/* The same of one who asks for something in the room: false: was told why not,
 * or asks too often. */
bool deck_allows(struct deck *d, const char *room, const char *user);
/* Tells somebody alone why not, in plain words: a client on its control channel
 * (label), else the room. */
void deck_refuse(struct deck *d, const char *room, const struct tape_asker *to,
	const char *code, const char *text);
/* A to-device message. True: it was for the deck. */
bool deck_to_device(struct deck *d, const cJSON *event);
/* The programs of that room's call have changed. */
void deck_programs_changed(struct deck *d, const char *room);

/* Who may what in that room has changed. */
void deck_powers_changed(struct deck *d, const char *room);
void deck_room_gone(struct deck *d, const char *room);
void deck_room_encrypted(struct deck *d, const char *room);
/* Rooms and members are known: what a stop has left over is taken up. */
void deck_resume(struct deck *d);
void deck_tick(struct deck *d); /* about once a second */
/* Ends all recordings; true: there are some. */
bool deck_stop(struct deck *d);

struct deck_counters {
	uint64_t asked, refused, unannounced, delivered, linked, undelivered,
		links;
};
const struct deck_counters *deck_counted(const struct deck *d);
unsigned deck_live(const struct deck *d);    /* calls being recorded */
unsigned deck_waiting(const struct deck *d); /* not delivered yet */

#endif
