/*
 * A connected stream socket that nobody waits for: a ring of bytes with a
 * ceiling on the way out, a buffer that grows to the longest frame on the way
 * in. What the bytes mean is the owner's (plug.h, link.h).
 */
#ifndef HEARTH_SFU_STREAM_H
#define HEARTH_SFU_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in its owner. */
struct stream {
	int fd;
	/* A ring of out_size bytes, of which `queued` from `head` on wait. */
	uint8_t *out;
	size_t out_size, head, queued;
	uint8_t *in;
	size_t in_at, in_len, in_size, in_max;
};

/* Takes fd over, also on failure. in_max: bytes of the longest frame. 0 or
 * -ENOMEM; stream_done is due in both cases. */
int stream_init(struct stream *s, int fd, size_t out_size, size_t in_max);
void stream_done(struct stream *s); /* closes */

static inline size_t stream_room(const struct stream *s)
{
	return s->out_size - s->queued;
}
/* Queues a copy; len is at most stream_room. */
void stream_put(struct stream *s, const void *data, size_t len);
/* Writes what waits, as much as the socket takes, `most` bytes and a little at
 * most. 0; -EPIPE: the other end is gone. */
int stream_write(struct stream *s, size_t most);
void stream_forget(struct stream *s); /* what waits */

/* What was read and not yet taken. */
const uint8_t *stream_in(const struct stream *s, size_t *ret_len);
/* `len` bytes of it are dealt with; they stay where they are until
 * stream_read. */
void stream_take(struct stream *s, size_t len);
/* 1: more was read; 0: there is nothing now; -EPIPE: the end, or a frame longer
 * than in_max; -ENOMEM. */
int stream_read(struct stream *s);

#endif
