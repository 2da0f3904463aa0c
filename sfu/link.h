/*
 * A link: the socket between two workers that hold one conference (relay.h).
 * Frames out of a buffer with a ceiling, frames in, whole. Knows nothing of
 * conferences.
 *
 * Never blocks. Where the other worker reads too slowly packets go missing, in
 * one piece: from their ceiling on until half of it is free again; then data
 * messages have no room. What says who is there has a reserve of its own; when
 * that is gone as well the link is over.
 */
#ifndef HEARTH_SFU_LINK_H
#define HEARTH_SFU_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sfu/relay.h"

struct event_base;
struct link;

enum {
	LINK_PACKETS =
		4 << 20, /* bytes that wait at most, with RTP and RTCP, */
	LINK_MESSAGES = 6 << 20,  /* … with data messages, */
	LINK_BUFFER = 8 << 20,    /* … and with all the rest */
	LINK_WRITE_MAX = 1 << 20, /* bytes written at once */
};

struct link_stats {                  /* nothing but uint64_t: see stats.h */
	uint64_t links;              /* at present */
	uint64_t in, out, out_bytes; /* frames */
	uint64_t lost;               /* packets there was no room for */
};

/* From the event loop: link_next may have something. */
typedef void(link_h)(void *arg);

/* Takes fd over, a connected stream socket, also on failure. stats outlives it.
 * 0, -ENOMEM. */
int link_new(struct link **ret, struct event_base *base, int fd,
	struct link_stats *stats, link_h *readable, void *arg);
/* Closes at once. Returns NULL; NULL is fine. */
struct link *link_free(struct link *l);

/* Queues a frame. 0, also where a packet was dropped and counted; 1: the same,
 * and packets go again after some were dropped; -ENOBUFS: no room. After that
 * of another frame than a message link_next says -EPIPE. */
int link_put(struct link *l, const struct relay_frame *f);
/* Writes what was queued, or sees to it. */
void link_flush(struct link *l);

/* The next frame of what was read; payload valid until link_read. 1; 0: no
 * whole one; -EPIPE: the link is over; -EBADMSG: the other worker broke the
 * protocol.
 */
int link_next(struct link *l, struct relay_frame *ret);
/* 1: more was read; 0: there is nothing now; -EPIPE: the other worker is gone;
 * -ENOMEM. */
int link_read(struct link *l);
/* Have `readable` called again soon, though the socket may be silent. */
void link_again(struct link *l);

#endif
