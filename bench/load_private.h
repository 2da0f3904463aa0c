/* What load.c (clients, signalling, time) and load_socket.c share. */
#ifndef HEARTH_BENCH_LOAD_PRIVATE_H
#define HEARTH_BENCH_LOAD_PRIVATE_H

#include <event2/event.h>
#include <netinet/in.h>
#include "bench/load.h"
#include "sfu/sfu.h"
#include "tests/sim/client.h"

enum {
	LOAD_BATCH = 64,
	LOAD_DATAGRAM = 2048,
	LOAD_TRAIN = 65536,   /* of segments, the most there is */
	LOAD_FRAME = 32,      /* datagrams of one, with what goes along */
	LOAD_DETOUR = 32768,  /* packets on it */
	LOAD_DELAYS = 500000, /* microseconds; longer ones count as that */
};

enum load_state { SEAT_WAITING, SEAT_JOINED, SEAT_CONNECTED };

struct load_seat {
	struct client_out out; /* first: what a client sends through */
	struct load *load;
	struct client *client;
	enum load_state state;
	sfu_id id;
	int fd; /* -1: none yet */
	struct event *readable;
	bool publishes, receives;
	bool late;        /* joins by load_storm alone */
	unsigned room;    /* number of its conference */
	bool full;        /* opens every packet */
	unsigned skipped; /* packets of which only the header was read */
	uint64_t opened;
	bool stamped;        /* the kernel tells when packets came */
	uint64_t arrived_us; /* of the packet at hand, load_clock_us()'s */
};

struct load_buffers;
struct load_pace;

struct load {
	struct event_base *base;
	struct sfu *sfu;
	struct load_way *way; /* instead of sfu; NULL: hearth */
	struct cert *cert;
	struct load_shape shape;
	bool crowd;
	unsigned playing;       /* conferences whose publisher sends */
	struct load_seat *seat; /* 0 publishes; of a crowd all but the last */
	unsigned n_seats, n_seats_max, joining;
	uint32_t *delays;  /* packets for each microsecond; NULL: not wanted */
	unsigned storm;    /* joins each second */
	uint64_t storm_us; /* the next one */
	int detour[2];     /* sockets: from publishers, back to us; -1 */
	bool detours;
	uint64_t detour_sent[LOAD_DETOUR]; /* a ring: when each left */
	unsigned detour_put, detour_got;
	struct load_pace *pace; /* NULL: frames are sent by the loop */
	uint64_t due_us;        /* of the frame that is being made; 0: none */
	struct event *tick, *frame;
	uint64_t channels_us, sctp_us;
	bool paused, trickles;
	struct load_buffers *buffers;
	char error[LOAD_ERROR];
};

uint64_t load_clock_us(void);
void load_fail(struct load *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Publishers whose frames on_frame sends, each at its time. */
static inline bool load_is_timed(const struct load *l, unsigned i)
{
	return l->crowd ? i == 0 : l->seat[i].publishes;
}
/* Of each conference, receivers behind publishers. */
static inline unsigned load_publishers(const struct load_shape *shape)
{
	return shape->publishers ? shape->publishers : 1;
}
void load_join(struct load_seat *s);
/* Opens the seat's socket toward the candidate in sdp, if it has none yet. 0 or
 * -errno. */
int load_reach(struct load_seat *s, const char *sdp);

/* load_foreign.c */
void load_foreign_join(struct load_seat *s);
/* Whose transport is up. */
void load_foreign_tick(struct load *l);
/* May this one join by now? */
bool load_foreign_may(const struct load_seat *s);

/* load_crowd.c: a packet whose delay counts. */
void load_crowd_packet(
	struct client *c, const struct client_stream *s, uint64_t sent_us);
void load_delay_add(struct load *l, uint64_t sent_us, uint64_t arrived_us);

/* load_pace.c: the thread that sends frames on time. NULL: out of memory. */
struct load_pace *load_pace_new(void);
struct load_pace *load_pace_free(struct load_pace *p);
/* Copies a frame's datagrams, to be sent to fd then; earlier ones first. False:
 * it has no room. */
bool load_pace_frame(struct load_pace *p, uint64_t due_us, int fd,
	const struct iovec *v, unsigned n);
/* Frames since the start, and of these more than 0.1 ms late. */
void load_pace_counts(
	const struct load_pace *p, uint64_t *sent, uint64_t *late);

/* load_side.c */
/* The packets of a frame leave for the detour then. */
void load_detour_sent(struct load *l, uint64_t at_us, unsigned n);
void load_detour_drain(struct load *l);
void load_storm_tick(struct load *l, uint64_t now_us);
void load_side_free(struct load *l);

/* load_socket.c. Buffers, also for trains or not: NULL: out of memory. */
struct load_buffers *load_buffers_new(bool trains);
struct load_buffers *load_buffers_free(struct load_buffers *b);
/* A socket of the seat's own toward that address of this machine. 0 or -errno.
 */
int load_socket_open(struct load_seat *s, const struct sockaddr_in *to);
void load_socket_close(struct load_seat *s);
/* A client_out's send: the publisher's datagrams wait for the flush. */
void load_socket_send(struct client_out *out, const uint8_t *buf, size_t len);
void load_socket_flush(struct load *l);
/* recvmmsg of a detour's socket, not waiting; how many, and when each came. */
unsigned load_socket_stamps(struct load *l, int fd, uint64_t ret[LOAD_BATCH]);
/* When the kernel had what this header came with, on load_clock_us()'s clock;
 * now_us where it does not say. */
uint64_t load_socket_arrival(struct msghdr *h, uint64_t now_us);

#endif
