#include "sfu/link.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>
#include "sfu/stream.h"

struct link {
	struct stream stream;
	struct event *readable, *writable;
	link_h *handler;
	void *arg;
	struct link_stats *stats;
	bool blocked; /* waits for `writable` */
	bool choked;  /* packets are dropped */
	bool broken;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	l->handler(l->arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	l->blocked = false;
	link_flush(l);
}

int link_new(struct link **ret, struct event_base *base, int fd,
	struct link_stats *stats, link_h *readable, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	l->handler = readable;
	l->arg = arg;
	l->stats = stats;
	stats->links++;
	err = stream_init(
		&l->stream, fd, LINK_BUFFER, RELAY_HEADER + RELAY_PAYLOAD_MAX);
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(base, fd, EV_WRITE, on_writable, l);
	if (err || !l->readable || !l->writable ||
		event_add(l->readable, NULL) != 0) {
		link_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	l->stats->links--;
	if (l->readable)
		event_free(l->readable);
	if (l->writable)
		event_free(l->writable);
	stream_done(&l->stream);
	free(l);
	return NULL;
}

/* The owner learns it by link_next; here it may be in the middle of something.
 */
static void fail(struct link *l)
{
	l->broken = true;
	stream_forget(&l->stream);
	link_again(l);
}

static bool is_packet(const struct relay_frame *f)
{
	return f->type == RELAY_RTP || f->type == RELAY_RTCP;
}

static size_t ceiling(const struct relay_frame *f)
{
	if (is_packet(f))
		return LINK_PACKETS;
	return f->type == RELAY_MESSAGE ? LINK_MESSAGES : LINK_BUFFER;
}

static int no_room(struct link *l, const struct relay_frame *f)
{
	if (is_packet(f)) {
		l->choked = true;
		l->stats->lost++;
		return 0;
	}
	if (f->type != RELAY_MESSAGE)
		fail(l);
	return -ENOBUFS;
}

int link_put(struct link *l, const struct relay_frame *f)
{
	uint8_t header[RELAY_HEADER];
	size_t len = RELAY_HEADER + f->len;
	bool again = false;

	if (l->broken)
		return 0;
	if (is_packet(f) && l->choked && l->stream.queued <= LINK_PACKETS / 2) {
		l->choked = false;
		again = true;
	}
	if ((is_packet(f) && l->choked) || l->stream.queued + len > ceiling(f))
		return no_room(l, f);
	relay_header_write(f, header);
	stream_put(&l->stream, header, sizeof(header));
	stream_put(&l->stream, f->payload, f->len);
	l->stats->out++;
	l->stats->out_bytes += len;
	return again;
}

void link_flush(struct link *l)
{
	if (l->blocked || l->broken)
		return;
	if (stream_write(&l->stream, LINK_WRITE_MAX) != 0)
		fail(l);
	else if (l->stream.queued && event_add(l->writable, NULL) == 0)
		l->blocked = true;
}

int link_next(struct link *l, struct relay_frame *ret)
{
	size_t len;
	const uint8_t *in = stream_in(&l->stream, &len);
	int64_t n;

	if (l->broken)
		return -EPIPE;
	n = len ? relay_frame_read(in, len, ret) : 0;
	if (n <= 0)
		return (int)n;
	stream_take(&l->stream, (size_t)n);
	l->stats->in++;
	return 1;
}

int link_read(struct link *l)
{
	return stream_read(&l->stream);
}

void link_again(struct link *l)
{
	event_active(l->readable, EV_READ, 0);
}
