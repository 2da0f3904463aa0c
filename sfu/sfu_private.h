/*
 * What sfu.c (the seam's commands, participants, conferences) and child.c (the
 * workers as the control process sees them) share.
 */
#ifndef HEARTH_SFU_SFU_PRIVATE_H
#define HEARTH_SFU_SFU_PRIVATE_H

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/types.h>
#include "sfu/pipe.h"
#include "sfu/placement.h"
#include "sfu/sfu.h"
#include "sfu/stats.h"
#include "sfu/worker.h"

enum {
	SFU_IDS = 1024,
	CHILD_SILENT_US = 20000000, /* unanswered that long: it hangs */
	/* A link between two workers that lived shorter is not made again at
	 * once, but at the next second. */
	BRIDGE_SHORT_US = 1000000,
};

/* A conference and where it lives. */
struct place {
	LIST_ENTRY(place) next;
	unsigned guests; /* of all workers, also the plugs */
	unsigned plugs;
	char *name; /* behind the parts */
	/* How many of them at each worker; by its index. */
	unsigned part[];
};

/* A link between two parts of a place (relay.h), as the control process knows
 * it: from the moment it was ordered until a worker says that it is over. */
struct bridge {
	LIST_ENTRY(bridge) next;
	sfu_id id;
	struct place *place;
	const struct child *end[2];
	uint64_t born_us;
};

/* A participant as the control process knows it. */
struct guest {
	LIST_ENTRY(guest) by_id;
	TAILQ_ENTRY(guest) of_child;
	sfu_id id;
	struct place *place;
	struct child *child;
	bool plug; /* a local program */
	sfu_event_h *handler;
	void *arg;
};

LIST_HEAD(guests, guest);
TAILQ_HEAD(child_guests, guest);

/*
 *   RESTING --start--> STARTING --HELLO--> READY
 *      ^                   │                 │  died, or hangs
 *      └───── back-off ────┴─────────────────┘
 *   any --BYE, while stopping--> GONE
 */
enum child_state { CHILD_RESTING, CHILD_STARTING, CHILD_READY, CHILD_GONE };

struct child {
	struct sfu *sfu;
	enum child_state state;
	struct pipe *pipe;    /* NULL while RESTING and GONE */
	pid_t pid;            /* 0: none */
	struct worker *local; /* media.workers: 0 */
	bool was_ready;       /* has ever been */
	struct worker_options options;
	struct child_guests guests;
	unsigned n_guests;
	/* In the last second, of PLACEMENT_FULL, and who joined since. */
	unsigned load, fresh;
	uint64_t measured_us;
	unsigned deaths; /* in a row */
	uint64_t born_us, asked_us;
	struct event *restart;
	struct stats_rooms rooms;         /* as it told last */
	struct worker_stats last, before; /* of this life; of earlier ones */
	uint64_t restarts;
};

struct sfu {
	struct event_base *base;
	bool local;
	struct child *child;
	unsigned n_children;
	struct guests ids[SFU_IDS];
	LIST_HEAD(places, place) places;
	unsigned n_places;
	LIST_HEAD(bridges, bridge) bridges;
	struct placement_policy policy;
	unsigned max_places, max_guests; /* max_guests: per conference */
	sfu_id last_id;
	struct event *every_second, *stop_timer;
	sfu_failed_h *failed;
	void *failed_arg;
	sfu_stopped_h *stopped;
	void *stopped_arg;
	bool stopping, told_failed;
};

/* child.c */
void child_start(struct child *c);
void child_ask(struct child *c); /* for its counters; ends one that hangs */
/* The end: all are told before any is waited for. */
void child_hang_up(struct child *c);
void child_done(struct child *c);

/* sfu.c */
void sfu_free_guest(struct sfu *s, struct guest *g);
/* What children report. */
void sfu_on_event(struct child *c, const struct sfu_event *ev);
/* These participants are gone with their worker; empties the list. */
void sfu_on_death(struct child *c, struct child_guests *guests);
/* sfu_place.c: which worker, and what joins the parts of a place */
/* The worker for one more of that conference (NULL: it is new). NULL: none. */
struct child *sfu_choose(struct sfu *s, const struct place *p, bool plug);
/* Orders the links that p lacks; see BRIDGE_SHORT_US. */
void sfu_bridge(struct sfu *s, struct place *p);
void sfu_bridge_all(struct sfu *s);
/* A worker says that one is over. False: it is not one. */
bool sfu_bridge_over(struct child *c, sfu_id id);
/* These go without a word of a worker. */
void sfu_forget_place(struct sfu *s, const struct place *p);
void sfu_forget_child(struct sfu *s, const struct child *c);
/* What a worker told of itself. */
void sfu_measure(struct child *c, const struct worker_stats *now);
/* sfu_life.c */
void sfu_on_sorry(struct sfu *s, const char *text);
void sfu_on_gone(struct sfu *s);
uint64_t sfu_clock_us(void);

#endif
