/*
 * The recording of one room's call as the room sees it: who started it, what
 * everybody is told, when it ends. Pure: events and the clock in, actions out.
 *
 *         start      notice is in the room   studio: STARTED
 *   OFF ────────> ASKED ──────────> OPENING ────────> ON <──> TROUBLE
 *    ^              │ not posted,      │               │ command, last human
 *    │              │ stopped          │ cannot        │ left, encrypted, …
 *    ├──────────────┴──────────────────┘           STOPPING
 *    │                   studio: STOPPED, FAILED        │
 *    └──────────────────────────────────────────────────┘
 *
 * Nothing is recorded before the homeserver has taken the notice (TAPE_OPEN
 * follows tape_posted alone). When the worker of the call dies, everybody is
 * thrown out and may call again at once: WAITING, for TAPE_WAIT_S, and with the
 * first of them the recording goes on as another one, after another notice.
 */
#ifndef HEARTH_MATRIX_BOT_TAPE_H
#define HEARTH_MATRIX_BOT_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "matrix-bot/event.h"
#include "sfu/sfu.h"

enum {
	TAPE_ID_MAX = 32,
	TAPE_NAME_MAX = 255,
	TAPE_SAID_MAX = 1024, /* of one action's text */
	TAPE_ACTIONS_MAX = 4,
	TAPE_JOINED_GAP_S = 10,  /* between two notices about who joined */
	TAPE_TROUBLE_GAP_S = 60, /* … about trouble */
	TAPE_WAIT_S = 60,
	TAPE_BUSY_S = 20, /* the one before has so long to end */
	TAPE_TOLD_MAX = 1024
};

enum tape_state {
	TAPE_OFF,
	TAPE_ASKED,
	TAPE_OPENING,
	TAPE_ON,
	TAPE_TROUBLE,
	TAPE_STOPPING,
	TAPE_WAITING
};

enum tape_end {
	TAPE_NOT_ENDED,
	TAPE_BY_PERSON,
	TAPE_CALL_ENDED,
	TAPE_ROOM_GONE,
	TAPE_ENCRYPTED,
	TAPE_SHUTDOWN
};

/* Who asks for something. */
struct tape_asker {
	char user[EVENT_ID_MAX + 1];
	char name[TAPE_NAME_MAX + 1];
	char label[SFU_LABEL_MAX + 1]; /* by the client of this participant;
					  "": by a word in the room */
};

enum tape_act {
	TAPE_POST,   /* the notice of tape_notice(); then tape_posted */
	TAPE_OPEN,   /* studio_start; then tape_opened, at once */
	TAPE_CLOSE,  /* studio_end; text: stopped_because */
	TAPE_SHOW,   /* tell all clients the state */
	TAPE_TELL,   /* text: a notice */
	TAPE_REFUSE, /* text: for the asker in `to`, and for nobody else;
			forbidden or failed: see `forbidden` */
};
struct tape_action {
	enum tape_act act;
	char text[TAPE_SAID_MAX];
	const struct tape_asker *to; /* as long as the tape and the argument */
};
struct tape_actions {
	unsigned n;
	struct tape_action v[TAPE_ACTIONS_MAX];
};

struct tape {
	enum tape_state state;
	char id[TAPE_ID_MAX + 1]; /* of the recording; "" none yet */
	struct tape_asker by;
	uint64_t since_ms; /* Unix time; 0: not on yet */
	char message[256]; /* of the trouble */
	bool trouble_told;
	uint64_t trouble_us; /* … last */
	enum tape_end end;
	char end_name[TAPE_NAME_MAX + 1];
	bool again;      /* goes on after a fault */
	uint64_t due_us; /* WAITING ends; the studio may be asked again */
	uint64_t give_up_us;
	char joined[TAPE_SAID_MAX / 2]; /* names not told yet */
	unsigned n_joined, n_more;
	uint64_t joined_us; /* last told */
	char **told;        /* user ids of who need not be told again */
	unsigned n_told;
};

void tape_init(struct tape *t);
void tape_done(struct tape *t);
bool tape_is_live(const struct tape *t); /* neither OFF nor WAITING */
/* "off", "starting", "on", "trouble", "stopping", as PROTOCOL.md has them. */
const char *tape_state_text(const struct tape *t);

/* Each fills ret with what is to be done, in this order. */
void tape_start(
	struct tape *t, const struct tape_asker *by, struct tape_actions *ret);
void tape_stop(
	struct tape *t, const struct tape_asker *by, struct tape_actions *ret);
/* Ended by something else than a person. */
void tape_end(struct tape *t, enum tape_end why, struct tape_actions *ret);
/* The homeserver has the notice (why NULL), or has it not: why. */
void tape_posted(struct tape *t, const char *why, struct tape_actions *ret);
/* What studio_start said: 0 and id, or -errno and error. */
void tape_opened(struct tape *t, uint64_t now_us, const char *id, int code,
	const char *error, struct tape_actions *ret);
/* Events of the studio about this conference. */
void tape_started(struct tape *t, uint64_t unix_ms, const char *id,
	struct tape_actions *ret);
/* The studio puts the recording `id` in the place of this one, which a fault
 * has cut off; STARTED is to come. */
void tape_replaced(struct tape *t, const char *id);
void tape_trouble(struct tape *t, uint64_t now_us, const char *id,
	const char *text, struct tape_actions *ret);
void tape_recovered(struct tape *t, const char *id, struct tape_actions *ret);
void tape_stopped(struct tape *t, const char *id, struct tape_actions *ret);
void tape_failed(struct tape *t, const char *id, const char *text,
	struct tape_actions *ret);
/* So many people are in the call now; crashed: the last one was thrown out by
 * the end of a worker. */
void tape_people(struct tape *t, uint64_t now_us, unsigned n, bool crashed,
	struct tape_actions *ret);
/* Somebody's media is up. */
void tape_joined(struct tape *t, const char *user, const char *name);
/* Named in the notice: need not be told again. */
void tape_told(struct tape *t, const char *user);
void tape_tick(struct tape *t, uint64_t now_us, struct tape_actions *ret);

/* The notice without which nothing is recorded. people: names of who is in the
 * call. */
void tape_notice(
	const struct tape *t, const char *people, char *ret, size_t cap);
/* "stopped by Ann", "ended with the call", …; false: the recording `id` is not
 * the tape's, or a fault has cut it off. */
bool tape_end_text(const struct tape *t, const char *id, char *ret, size_t cap);

#endif
