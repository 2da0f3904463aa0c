/*
 * One SCTP association over usrsctp, no threads (RFC 8831, RFC 8261). Only its
 * files name usrsctp. usrsctp is one global per process: assoc_global_init
 * once, assoc_global_tick from the worker's timer.
 *
 * Packets leave through the struct assoc_out that the association was made
 * with, from within any call here: assoc_global_tick too, since usrsctp's
 * timers may send for any association of the process. usrsctp knows an
 * association by a number only, so that a late timer finds nobody instead of
 * freed memory.
 *
 * usrsctp reads the clock (gettimeofday) itself, for round-trip times, cookie
 * lives and lifetimes of messages; tests put their own in its place.
 */
#ifndef HEARTH_DTLS_ASSOC_H
#define HEARTH_DTLS_ASSOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ASSOC_MTU = 1136,   /* SCTP packet that fits one DTLS datagram */
	ASSOC_STREAMS = 64, /* asked for and accepted at most: usrsctp keeps
			       100 bytes for each, used or not */
	ASSOC_MESSAGE_MAX = 262144,  /* RFC 8841 max-message-size we offer */
	ASSOC_SEND_BUFFER = 1 << 20, /* bytes usrsctp queues per association */
	ASSOC_RECEIVE_BUFFER = 1 << 19, /* window we offer: bounds what a peer
					   can make us hold */
	ASSOC_MAX = 4096,               /* associations per process */
	/* Between two looks at usrsctp's timers. Each walks a list of all there
	 * are, one for each association at least, all over the memory. */
	ASSOC_TICK_US = 40000,
};

struct assoc;

/* Where SCTP packets go. Each association keeps a pointer to the one it was
 * made with; it must outlive the association. */
struct assoc_out {
	void (*send)(struct assoc_out *out, const uint8_t *buf, size_t len);
};

enum assoc_event_type {
	ASSOC_UP,         /* association established */
	ASSOC_DOWN,       /* shut down, aborted or lost */
	ASSOC_MESSAGE,    /* one whole message */
	ASSOC_RESET,      /* the peer reset this incoming stream */
	ASSOC_RESET_DONE, /* our assoc_reset of this stream came to its end */
	ASSOC_TOO_BIG,    /* a message over ASSOC_MESSAGE_MAX was dropped */
	ASSOC_WRITABLE    /* there may be room again after -EAGAIN */
};

struct assoc_event {
	enum assoc_event_type type;
	uint16_t stream;
	uint32_t ppid;
	const uint8_t *data; /* valid until the next assoc_next or input */
	size_t len;
};

/* Process-wide; 0 or -ENOMEM. Idempotent. */
int assoc_global_init(void);
void assoc_global_done(void);
/* Runs usrsctp's timers for the time passed since the last call: every
 * ASSOC_TICK_US while any association lives. A timer that is started between
 * two calls counts from the first, and so may fire that much early. */
void assoc_global_tick(uint64_t now_us);

/* Opens an association (both sides do: simultaneous open, RFC 8831 section 6)
 * and sends its INIT: best made when DTLS is up, or the first INIT is lost and
 * repeated. Ports are SDP's sctp-port (5000). out must outlive it. 0 or
 * -ENOMEM (also when there are ASSOC_MAX). */
int assoc_new(struct assoc **ret, struct assoc_out *out, uint16_t local_port,
	uint16_t remote_port);
struct assoc *assoc_free(struct assoc *); /* aborts if up; returns NULL */

/* One SCTP packet out of a DTLS record; then assoc_next until 0. */
void assoc_input(struct assoc *a, const uint8_t *buf, size_t len);

/* Next event: 1, or 0 when there is none. After ASSOC_DOWN none comes. */
int assoc_next(struct assoc *a, struct assoc_event *ret);

/* True while a sender waits for room (assoc_send gave -EAGAIN): assoc_next is
 * then to be called after each assoc_global_tick. Otherwise all that usrsctp's
 * timers bring is the end of a peer that is silent, for which now and then will
 * do. */
bool assoc_is_blocked(const struct assoc *a);

/* Reliability of RFC 8832's channel types. */
struct assoc_reliability {
	bool unordered;
	enum { ASSOC_RELIABLE, ASSOC_REXMIT, ASSOC_TIMED } kind;
	uint32_t value; /* retransmissions or milliseconds */
};

/* Queues one message, whole or not at all. 0; -EAGAIN: the send buffer is full,
 * ASSOC_WRITABLE will come; -EMSGSIZE: empty (SCTP has no empty messages) or
 * over ASSOC_MESSAGE_MAX; -EINVAL: no such stream; -ENOTCONN. */
int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid,
	const struct assoc_reliability *how, const uint8_t *buf, size_t len);

/* Resets our outgoing stream (RFC 6525) once what is queued on it has been
 * delivered: how a channel closes. ASSOC_RESET_DONE follows. Nothing may be
 * sent on the stream before that. 0; -EINVAL: no such stream; -ENOTCONN. */
int assoc_reset(struct assoc *a, uint16_t stream);

/* Bytes queued in usrsctp and not yet acknowledged: an upper estimate (what was
 * sent since all was acknowledged last, at most ASSOC_SEND_BUFFER), since
 * usrsctp tells no bytes. 0 is exact. */
size_t assoc_queued(const struct assoc *a);

/* Streams usable in both directions, once up; 0 before. */
uint16_t assoc_streams(const struct assoc *a);

/* Counter: packets dropped for lengths that lie (those usrsctp drops are not
 * seen), and messages dropped because they were over ASSOC_MESSAGE_MAX. */
uint64_t assoc_drops(const struct assoc *a);

#endif
