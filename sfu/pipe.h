/*
 * Carries wire messages between the control process and a worker: over a
 * SOCK_SEQPACKET socketpair, or inside one process (media.workers: 0) from
 * queue to queue. Same bytes, same order, and in both cases a message is
 * handled from the event loop and never inside the pipe_send that caused it.
 *
 * Nothing blocks. What the socket does not take waits in a queue with a
 * ceiling. Long messages go in fragments of PIPE_FRAGMENT, so that no limit of
 * the kernel's socket buffers (212,992 bytes on Debian) matters.
 *
 * WIRE_PLUG and WIRE_RELAY carry a descriptor (SCM_RIGHTS). None is ever lost:
 * until it has been sent, and once it has come, it is the pipe's, which closes
 * it unless pipe_take_fd takes it. One that comes with anything else breaks the
 * protocol.
 */
#ifndef HEARTH_SFU_PIPE_H
#define HEARTH_SFU_PIPE_H

#include "sfu/wire.h"

struct event_base;
struct pipe;

enum {
	PIPE_FRAGMENT = 32768,
	PIPE_QUEUE_MAX = 16 << 20, /* bytes waiting at one end */
};

/* One message; what it points to is valid until return. m == NULL: the other
 * end is gone or sent something that does not decode; it is the last call, and
 * the only one during which pipe_free may be called. */
typedef void(pipe_h)(void *arg, const struct wire_message *m);

/* Takes fd over, a connected SOCK_SEQPACKET socket. NULL: out of memory; fd is
 * then closed as well. */
struct pipe *pipe_new(
	struct event_base *base, int fd, pipe_h *handler, void *arg);

/* Two ends in one process. 0 or -ENOMEM. Handlers come by pipe_listen. */
int pipe_pair(struct event_base *base, struct pipe *ret[2]);
void pipe_listen(struct pipe *p, pipe_h *handler, void *arg);

/* Does not send what still waits; the other end is told that it is alone.
 * Returns NULL; NULL is fine. */
struct pipe *pipe_free(struct pipe *p);

/* Queues a copy; the descriptor that goes with it is the pipe's from then on,
 * and still the caller's after an error. 0; -E2BIG (see wire_encode); -ENOBUFS:
 * the ceiling is reached; -EPIPE: the other end is gone; -ENOMEM. */
int pipe_send(struct pipe *p, const struct wire_message *m);

/* From inside the handler of a WIRE_PLUG or WIRE_RELAY: its descriptor is the
 * caller's now.
 */
int pipe_take_fd(struct pipe *p);

/* Bytes that wait at this end. */
size_t pipe_queued(const struct pipe *p);

#endif
