/*
 * One worker: the loop piece that owns the sockets, the demultiplexer, the
 * outbox and the conferences placed on it. Takes commands from a pipe and sends
 * events back; knows nothing of fronts. Runs either as a process of its own
 * (`hearth --worker N`) or on the loop of the control process.
 *
 * A turn is one wake-up: the clock is read once, datagrams or commands go to
 * their conferences, events go to the pipe, the outbox is sealed and sent, who
 * left is swept, timers are armed at the deadlines.
 *
 * The steps of a DTLS handshake cost up to a millisecond each. They are done by
 * a thread beside the loop (worker_helper.h), which has no part in anything
 * else.
 */
#ifndef HEARTH_SFU_WORKER_H
#define HEARTH_SFU_WORKER_H

#include "sfu/pipe.h"

struct event_base;
struct worker;

enum {
	WORKER_FD = 3, /* the pipe, in a worker process */
	WORKER_PRIORITIES = 3,
};

/* Called when the worker has nothing more to do: code 0 after its pipe closed,
 * 1 when it cannot go on. From the event loop; frees nothing. */
typedef void(worker_end_h)(void *arg, int code);

/* A worker that waits for WIRE_OPTIONS on pipe, which becomes its own (on
 * failure too). base should have WORKER_PRIORITIES priorities. own_process: it
 * may set up this process's log. *ret is the caller's. 0 or -ENOMEM. */
int worker_new(struct worker **ret, struct event_base *base, struct pipe *pipe,
	bool own_process, worker_end_h *end_h, void *arg);
/* Drops its conferences without a farewell. Returns NULL; NULL is fine. */
struct worker *worker_free(struct worker *w);

/* `hearth --worker N`: runs a worker on WORKER_FD until the pipe closes.
 * Returns the exit code. SIGTERM and SIGINT are ignored: the control process
 * decides when it ends, and its own end closes the pipe. */
int worker_main(void);

#endif
