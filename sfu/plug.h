/*
 * A plug: the socket of a local program that takes part in a conference
 * (feed/frame.h). Frames out of a buffer with a ceiling, frames in, whole.
 * Knows nothing of conferences.
 *
 * Frames wait for the end of the turn; packets alone, as long as they are few,
 * for a moment longer. Each write wakes the program, on a CPU that forwards
 * packets otherwise, and they carry their time anyway.
 *
 * Never blocks. A program that reads too slowly loses RTP and RTCP, in one
 * piece: from the ceiling on until half of the buffer is free again. FEED_LOST
 * says so, the next time a packet goes. Everything else has a reserve of its
 * own.
 */
#ifndef HEARTH_SFU_PLUG_H
#define HEARTH_SFU_PLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "feed/frame.h"

struct event_base;
struct plug;

enum {
	PLUG_BUFFER = 8 << 20, /* bytes that wait for a program at most */
	/* Of these for what is not a packet: descriptions mostly. */
	PLUG_RESERVE = 4 * FEED_PAYLOAD_MAX,
	PLUG_WRITE_MAX = 1 << 20, /* bytes written per turn and program */
	PLUG_GATHER = 65536,      /* so many bytes are not few */
	PLUG_GATHER_US = 5000,
	PLUG_LINGER_US = 3000000, /* an ended one may still read for so long */
};

struct plug_stats {                  /* nothing but uint64_t: see stats.h */
	uint64_t plugs;              /* at present */
	uint64_t in, out, out_bytes; /* frames */
	uint64_t lost;               /* RTP frames not taken */
};

SLIST_HEAD(plugs_dirty, plug);
LIST_HEAD(plugs_all, plug);

/* All plugs of a worker. Zeroed but for base. */
struct plugs {
	struct event_base *base;
	struct event *gather; /* made with the first plug */
	bool gathering;       /* it is armed */
	struct plugs_all all;
	struct plugs_dirty dirty;
	struct plug_stats stats;
};

/* From the event loop: plug_next may have something. */
typedef void(plug_h)(void *arg);

/* Takes fd over, a connected stream socket, also on failure. 0, -ENOMEM. */
int plug_new(struct plug **ret, struct plugs *of, int fd, plug_h *readable,
	void *arg);
/* Closes at once. Returns NULL; NULL is fine. */
struct plug *plug_free(struct plug *p);
/* No more is read, p is no longer the caller's: what waits is written for
 * PLUG_LINGER_US at most, then it is closed and freed. */
void plug_end(struct plug *p);
/* Frees all there are, also ended ones. */
void plugs_done(struct plugs *of);

/* Queues a frame. 0, also where a packet was dropped and counted; -ENOBUFS: a
 * frame that is no packet had no room (the program is stuck); -ENOMEM. */
int plug_put(struct plug *p, const struct feed_frame *f);
/* The same of text. */
int plug_put_text(struct plug *p, enum feed_type type, uint64_t time_us,
	const char *text);
/* At the end of a turn: writes what was queued, or sees to it. */
void plugs_flush(struct plugs *of);

/* The program's next frame: an OFFER, RTP or RTCP; payload valid until the next
 * call. 1; 0: none yet; -EPIPE: it is gone; -EBADMSG: it broke the protocol;
 * -ENOMEM. */
int plug_next(struct plug *p, struct feed_frame *ret);
/* Have `readable` called again soon, though the socket may be silent: frames
 * were left. */
void plug_again(struct plug *p);

#endif
