#include "sfu/plug.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sfu/stream.h"

enum { LOW_WATER = PLUG_BUFFER / 2 };

struct plug {
	LIST_ENTRY(plug) of_all;
	SLIST_ENTRY(plug) of_dirty;
	struct plugs *of;
	struct stream stream;
	struct event *readable; /* of an ended one: its last moment */
	struct event *writable;
	plug_h *handler; /* NULL: ended */
	void *arg;
	bool dirty;   /* something is queued */
	bool urgent;  /* … that is no packet */
	bool blocked; /* waits for `writable` */
	bool choked;  /* packets are dropped */
	bool broken;
	uint64_t lost; /* not yet told */
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
	int err;

	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	p->of = of;
	err = stream_init(
		&p->stream, fd, PLUG_BUFFER, FEED_HEADER + FEED_PAYLOAD_MAX);
	p->handler = readable;
	p->arg = arg;
	LIST_INSERT_HEAD(&of->all, p, of_all);
	of->stats.plugs++;
	if (!of->gather)
		of->gather = evtimer_new(of->base, on_gathered, of);
	p->readable =
		event_new(of->base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(of->base, fd, EV_WRITE, on_writable, p);
	if (err || !of->gather || !p->readable || !p->writable ||
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
	stream_done(&p->stream);
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

static void queue(struct plug *p, const struct feed_frame *f)
{
	uint8_t header[FEED_HEADER];

	feed_header_write(f, header);
	stream_put(&p->stream, header, sizeof(header));
	stream_put(&p->stream, f->payload, f->len);
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
	if (p->choked && p->stream.queued <= LOW_WATER)
		p->choked = false;
	if (stream_room(&p->stream) < FEED_HEADER + f->len + PLUG_RESERVE)
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
	if (stream_room(&p->stream) < 2 * FEED_HEADER + f->len)
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
	stream_forget(&p->stream);
	/* The owner learns it by plug_next; here it may be in the middle of
	 * something. */
	if (p->handler)
		event_active(p->readable, EV_READ, 0);
}

static void flush(struct plug *p)
{
	if (stream_write(&p->stream, PLUG_WRITE_MAX) != 0)
		fail(p);
	else if (p->stream.queued && event_add(p->writable, NULL) == 0)
		p->blocked = true;
}

static void flush_all(struct plugs *of, bool all)
{
	struct plugs_dirty later = SLIST_HEAD_INITIALIZER(later);
	struct plug *p;

	while ((p = SLIST_FIRST(&of->dirty))) {
		SLIST_REMOVE_HEAD(&of->dirty, of_dirty);
		if (!all && !p->urgent && p->stream.queued < PLUG_GATHER) {
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

int plug_next(struct plug *p, struct feed_frame *ret)
{
	if (p->broken)
		return -EPIPE;
	for (;;) {
		size_t len;
		const uint8_t *in = stream_in(&p->stream, &len);
		int64_t n = len ? feed_frame_read(in, len, ret) : 0;
		int more;

		if (n < 0)
			return (int)n;
		if (n > 0) {
			stream_take(&p->stream, (size_t)n);
			p->of->stats.in++;
			break;
		}
		more = stream_read(&p->stream);
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
