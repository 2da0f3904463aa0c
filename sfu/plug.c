#include "sfu/plug.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_LEAST = 16384,
	SOCKET_BUFFER = 1 << 20,
	LOW_WATER = PLUG_BUFFER / 2,
};

struct plug {
	LIST_ENTRY(plug) of_all;
	SLIST_ENTRY(plug) of_dirty;
	struct plugs *of;
	int fd;
	struct event *readable; /* of an ended one: its last moment */
	struct event *writable;
	plug_h *handler; /* NULL: ended */
	void *arg;
	bool dirty;   /* something is queued */
	bool urgent;  /* … that is no packet */
	bool blocked; /* waits for `writable` */
	bool choked;  /* packets are dropped */
	bool broken;
	/* A ring of PLUG_BUFFER bytes, of which `queued` from `head` on wait.
	 */
	uint8_t *out;
	size_t head, queued;
	uint64_t lost; /* not yet told */
	uint8_t *in;
	size_t in_at, in_len, in_size;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct plug *p = arg;

	(void)fd;
	(void)what;
	p->handler(p->arg);
}

static void flush(struct plug *p);

static bool is_done(const struct plug *p)
{
	return !p->handler && (p->broken || !p->blocked);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct plug *p = arg;

	(void)fd;
	(void)what;
	p->blocked = false;
	flush(p);
	if (is_done(p))
		plug_free(p);
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	plug_free(arg);
}

static void flush_all(struct plugs *of, bool all);

static void on_gathered(evutil_socket_t fd, short what, void *arg)
{
	struct plugs *of = arg;

	(void)fd;
	(void)what;
	of->gathering = false;
	flush_all(of, true);
}

int plug_new(struct plug **ret, struct plugs *of, int fd, plug_h *readable,
	void *arg)
{
	struct plug *p = calloc(1, sizeof(*p));
	int want = SOCKET_BUFFER;

	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	p->of = of;
	p->fd = fd;
	p->handler = readable;
	p->arg = arg;
	LIST_INSERT_HEAD(&of->all, p, of_all);
	of->stats.plugs++;
	/* The most this system lets us have. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	/* The pages of it come to be as they are used. */
	p->out = malloc(PLUG_BUFFER);
	if (!of->gather)
		of->gather = evtimer_new(of->base, on_gathered, of);
	p->readable =
		event_new(of->base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(of->base, fd, EV_WRITE, on_writable, p);
	if (!p->out || !of->gather || !p->readable || !p->writable ||
		event_add(p->readable, NULL) != 0) {
		plug_free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

struct plug *plug_free(struct plug *p)
{
	if (!p)
		return NULL;
	if (p->dirty)
		SLIST_REMOVE(&p->of->dirty, p, plug, of_dirty);
	LIST_REMOVE(p, of_all);
	p->of->stats.plugs--;
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	close(p->fd);
	free(p->out);
	free(p->in);
	free(p);
	return NULL;
}

void plugs_done(struct plugs *of)
{
	struct plug *p;

	while ((p = LIST_FIRST(&of->all)))
		plug_free(p);
	if (of->gather)
		event_free(of->gather);
	of->gather = NULL;
	of->gathering = false;
}

/* --- toward the program ------------------------------------------------------
 */

static void copy_in(struct plug *p, const void *data, size_t len)
{
	size_t at = (p->head + p->queued) % PLUG_BUFFER;
	size_t first = PLUG_BUFFER - at < len ? PLUG_BUFFER - at : len;

	if (!len)
		return;
	memcpy(p->out + at, data, first);
	memcpy(p->out, (const uint8_t *)data + first, len - first);
	p->queued += len;
}

static void queue(struct plug *p, const struct feed_frame *f)
{
	uint8_t header[FEED_HEADER];

	feed_header_write(f, header);
	copy_in(p, header, sizeof(header));
	copy_in(p, f->payload, f->len);
	p->of->stats.out++;
	p->of->stats.out_bytes += sizeof(header) + f->len;
	p->urgent |= f->type != FEED_RTP && f->type != FEED_RTCP;
	if (p->dirty || p->blocked)
		return;
	p->dirty = true;
	SLIST_INSERT_HEAD(&p->of->dirty, p, of_dirty);
}

static void tell_lost(struct plug *p, uint64_t time_us)
{
	char text[24];
	int n;

	if (!p->lost)
		return;
	n = snprintf(text, sizeof(text), "%llu", (unsigned long long)p->lost);
	p->lost = 0;
	queue(p, &(struct feed_frame){ .type = FEED_LOST,
			 .time_us = time_us,
			 .payload = (const uint8_t *)text,
			 .len = (size_t)n });
}

/* A packet: it goes, or is lost with those around it, so that one hole comes of
 * a slow moment and not many. */
static void put_packet(struct plug *p, const struct feed_frame *f)
{
	if (p->choked && p->queued <= LOW_WATER)
		p->choked = false;
	if (p->queued + FEED_HEADER + f->len > PLUG_BUFFER - PLUG_RESERVE)
		p->choked = true;
	if (p->choked) {
		p->lost += f->type == FEED_RTP;
		p->of->stats.lost += f->type == FEED_RTP;
		return;
	}
	tell_lost(p, f->time_us);
	queue(p, f);
}

int plug_put(struct plug *p, const struct feed_frame *f)
{
	if (p->broken)
		return 0;
	if (f->type == FEED_RTP || f->type == FEED_RTCP) {
		put_packet(p, f);
		return 0;
	}
	if (f->type == FEED_BYE)
		tell_lost(p, f->time_us);
	if (p->queued + 2 * FEED_HEADER + f->len > PLUG_BUFFER)
		return -ENOBUFS;
	queue(p, f);
	return 0;
}

int plug_put_text(
	struct plug *p, enum feed_type type, uint64_t time_us, const char *text)
{
	return plug_put(p, &(struct feed_frame){ .type = type,
				   .time_us = time_us,
				   .payload = (const uint8_t *)text,
				   .len = strlen(text) });
}

static void fail(struct plug *p)
{
	p->broken = true;
	p->queued = 0;
	/* The owner learns it by plug_next; here it may be in the middle of
	 * something. */
	if (p->handler)
		event_active(p->readable, EV_READ, 0);
}

static ssize_t write_some(struct plug *p, size_t most)
{
	size_t n = p->queued < most ? p->queued : most;
	size_t first = PLUG_BUFFER - p->head < n ? PLUG_BUFFER - p->head : n;
	struct iovec v[2] = { { p->out + p->head, first },
		{ p->out, n - first } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n > first ? 2 : 1 };

	return sendmsg(p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void flush(struct plug *p)
{
	size_t left = PLUG_WRITE_MAX;

	while (p->queued && left) {
		ssize_t n = write_some(p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		if (n <= 0) {
			fail(p);
			return;
		}
		p->head = (p->head + (size_t)n) % PLUG_BUFFER;
		p->queued -= (size_t)n;
		left -= (size_t)n;
	}
	/* Pages that were never touched stay so. */
	if (!p->queued)
		p->head = 0;
	if (p->queued && event_add(p->writable, NULL) == 0)
		p->blocked = true;
}

static void flush_all(struct plugs *of, bool all)
{
	struct plugs_dirty later = SLIST_HEAD_INITIALIZER(later);
	struct plug *p;

	while ((p = SLIST_FIRST(&of->dirty))) {
		SLIST_REMOVE_HEAD(&of->dirty, of_dirty);
		if (!all && !p->urgent && p->queued < PLUG_GATHER) {
			SLIST_INSERT_HEAD(&later, p, of_dirty);
			continue;
		}
		p->dirty = p->urgent = false;
		flush(p);
	}
	of->dirty = later;
}

void plugs_flush(struct plugs *of)
{
	static const struct timeval soon = { .tv_usec = PLUG_GATHER_US };

	flush_all(of, false);
	if (SLIST_EMPTY(&of->dirty) || of->gathering)
		return;
	if (event_add(of->gather, &soon) == 0)
		of->gathering = true;
	else
		flush_all(of, true);
}

void plug_end(struct plug *p)
{
	static const struct timeval linger = {
		.tv_sec = PLUG_LINGER_US / 1000000,
	};

	p->handler = NULL;
	event_free(p->readable);
	p->readable = evtimer_new(p->of->base, on_linger, p);
	if (p->dirty) {
		SLIST_REMOVE(&p->of->dirty, p, plug, of_dirty);
		p->dirty = false;
	}
	if (!p->blocked)
		flush(p);
	if (is_done(p) || !p->readable || event_add(p->readable, &linger) != 0)
		plug_free(p);
}

/* --- from the program --------------------------------------------------------
 */

/* Room for the frame that has begun. */
static int make_room(struct plug *p)
{
	size_t have = p->in_len - p->in_at, size = IN_LEAST;
	uint8_t *more;

	if (have)
		memmove(p->in, p->in + p->in_at, have);
	p->in_at = 0;
	p->in_len = have;
	/* feed_frame_read has found the length sound. */
	if (have >= FEED_HEADER)
		while (size < FEED_HEADER + FEED_PAYLOAD_MAX && size <= have)
			size *= 2;
	if (size <= p->in_size)
		return 0;
	more = realloc(p->in, size);
	if (!more)
		return -ENOMEM;
	p->in = more;
	p->in_size = size;
	return 0;
}

/* 1: more bytes are there; 0: not now; -EPIPE, -ENOMEM. */
static int read_more(struct plug *p)
{
	int err = make_room(p);
	ssize_t n;

	if (err)
		return err;
	do
		n = recv(p->fd, p->in + p->in_len, p->in_size - p->in_len,
			MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -EPIPE;
	p->in_len += (size_t)n;
	return 1;
}

int plug_next(struct plug *p, struct feed_frame *ret)
{
	if (p->broken)
		return -EPIPE;
	for (;;) {
		int64_t n = 0;
		int more;

		if (p->in_len > p->in_at)
			n = feed_frame_read(
				p->in + p->in_at, p->in_len - p->in_at, ret);
		if (n < 0)
			return (int)n;
		if (n > 0) {
			p->in_at += (size_t)n;
			p->of->stats.in++;
			break;
		}
		more = read_more(p);
		if (more <= 0)
			return more;
	}
	return ret->type == FEED_OFFER || ret->type == FEED_RTP ||
			       ret->type == FEED_RTCP
		       ? 1
		       : -EBADMSG;
}

void plug_again(struct plug *p)
{
	event_active(p->readable, EV_READ, 0);
}
