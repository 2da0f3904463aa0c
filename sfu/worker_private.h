/*
 * What the files of the worker share: worker.c (life, commands), worker_room.c
 * (its conferences and turns), worker_input.c (datagrams, handshakes),
 * worker_plug.c (local programs), worker_relay.c (conferences other workers
 * have a part of).
 */
#ifndef HEARTH_SFU_WORKER_PRIVATE_H
#define HEARTH_SFU_WORKER_PRIVATE_H

#include <event2/event.h>
#include <sys/queue.h>
#include "ice/candidate.h"
#include "sfu/conference.h"
#include "sfu/demux.h"
#include "sfu/env.h"
#include "sfu/intake.h"
#include "sfu/link.h"
#include "sfu/outbox.h"
#include "sfu/pipe.h"
#include "sfu/plug.h"
#include "sfu/udp.h"
#include "sfu/worker.h"
#include "sfu/worker_helper.h"

enum {
	WORKER_IDS = 1024,
	WORKER_BUCKETS = 4096,
	/* As PARTICIPANT_OVERFLOW_US, toward a whole worker. */
	WORKER_RELAY_OVERFLOW_US = 5000000,
};

struct worker_room;
struct relay;

/* A participant as the worker knows it. */
struct seat {
	struct demux_owner owner; /* first: the demultiplexer gives it back */
	LIST_ENTRY(seat) by_id;
	struct worker_room *room;
	struct participant *participant;
	sfu_id id;
	struct plug *plug;   /* of a local program */
	struct relay *relay; /* of a far seat: its own worker's */
};

LIST_HEAD(seats, seat);
LIST_HEAD(relays, relay);
SLIST_HEAD(relays_dirty, relay);

struct worker_room {
	LIST_ENTRY(worker_room) next;
	SLIST_ENTRY(worker_room) next_touched;
	bool touched; /* in this turn */
	struct worker *worker;
	struct conference *conference;
	struct relays relays;
	unsigned n_relays;
	struct event *timer;
	uint64_t armed_us; /* UINT64_MAX: not armed */
};

LIST_HEAD(rooms, worker_room);
SLIST_HEAD(touched, worker_room);

struct worker {
	struct event_base *base;
	struct pipe *pipe;
	bool own_process, started, ended;
	worker_end_h *end_h;
	void *end_arg;
	struct worker_options options;

	struct env env;
	char candidate[ENV_CANDIDATES][CANDIDATE_LINE_MAX];
	struct intake intake;
	struct outbox outbox;
	struct udp udp;
	struct event *socket_event[UDP_SOCKETS];
	struct event *again; /* trains are left from the turn before */
	struct demux *demux;
	struct helper *helper;
	struct plugs plugs;
	struct relays_dirty relays_dirty;
	struct link_stats links;
	struct event *channels; /* every 10 ms while somebody is here */
	char source[24];        /* of log lines */

	struct seats ids[WORKER_IDS];
	unsigned n_seats;
	struct rooms rooms;
	unsigned n_rooms;
	struct touched touched;

	uint64_t now_us, wall_read_us, listed_us;
	bool flushed;                 /* in this turn */
	struct worker_stats stats;    /* the edge's own counters */
	struct conference_stats gone; /* counters of freed conferences */
};

/* A turn: everything between is at one time and into one outbox. */
void worker_turn_begin(struct worker *w);
void worker_turn_end(struct worker *w);
uint64_t worker_cpu_us(void); /* this thread's, since it began */
/* The outbox is about to leave. */
void worker_turn_flush(struct worker *w);

/* worker_room.c */
struct worker_room *worker_room_find(struct worker *w, const char *name);
struct worker_room *worker_room_new(
	struct worker *w, const char *name); /* NULL: no memory */
void worker_room_free(struct worker_room *r);
/* To be called after each call of one of its conference's verbs: takes its
 * events to the pipe and has the turn's end look at it. */
void worker_room_after(struct worker_room *r);

struct seat *worker_seat_find(struct worker *w, sfu_id id);
/* Seats a participant that conference_join accepted. NULL: out of memory. */
struct seat *worker_seat_new(struct worker_room *r, sfu_id id);
void worker_seat_free(struct seat *s);
void worker_seat_refresh(struct seat *s); /* its ufrags may have changed */

/* worker_input.c */
int worker_input_init(struct worker *w); /* sockets are open; 0 or -errno */
void worker_input_done(struct worker *w);

/* worker_plug.c: local programs */
/* Connects a seat with the program at fd, which is taken over, also on failure.
 * 0 or -ENOMEM. */
int worker_plug_new(struct seat *s, int fd);
/* Puts an event of its participant into frames. True if it is (also) one for
 * the control process. */
bool worker_plug_event(struct seat *s, const struct sfu_event *ev);
/* Gives the packets that go to plugs, and to other workers, to them; they get
 * len 0. */
void worker_plug_route(struct worker *w, struct outbox *out);

/* worker_relay.c: conferences other workers have a part of */
/* The worker of number `rank` has a part of this one, at the other end of fd,
 * which is taken over. When that is over the control process hears SFU_EV_LEFT
 * of id. */
void worker_relay_new(struct worker_room *r, sfu_id id, unsigned rank, int fd);
/* Hands on what the conference has to tell the other workers. */
void worker_relay_notes(struct worker_room *r);
/* A participant of ours left. */
void worker_relay_left(struct worker_room *r, sfu_id id);
/* One packet of the seat's participant toward other workers. */
void worker_relay_packet(struct seat *s, const struct packet *p);
/* Writes what was gathered. */
void worker_relay_flush(struct worker *w);
/* The room is about to go; its far seats stay. */
void worker_relay_done(struct worker_room *r);

/* worker_start.c: sockets, engines, candidates; answers with HELLO or SORRY. */
void worker_start(struct worker *w, const struct worker_options *o);
/* Looks at the interfaces again, now and then: addresses come and go. */
void worker_refresh_candidates(struct worker *w);

/* worker.c: sends to the control process; for an event nobody may lose, the
 * worker ends if it cannot. */
void worker_tell(struct worker *w, const struct wire_message *m);

#endif
