#include "sfu/pipe.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READS_PER_TURN = 64 };

struct header {
	uint32_t type;
	sfu_id id;
	uint32_t len; /* of this fragment */
	uint32_t more;
};

struct chunk {
	STAILQ_ENTRY(chunk) next;
	int fd; /* goes with it; -1: none */
	size_t len;
	uint8_t data[];
};

STAILQ_HEAD(chunks, chunk);

struct pipe {
	struct event_base *base;
	int fd;             /* -1: inside the process */
	struct pipe *other; /* … then this, NULL when it is gone */
	struct event *readable, *writable;
	/* What waits to be written to fd, or to be read by this end. */
	struct chunks queue;
	size_t queued;
	uint8_t *in; /* the message being put together */
	size_t in_len;
	uint8_t *out; /* the message being taken apart */
	struct sfu_stream *streams;
	int in_fd; /* that came with it; -1: none */
	bool broken;
	pipe_h *handler;
	void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static struct pipe *new_end(struct event_base *base, int fd)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->base = base;
	p->fd = fd;
	p->in_fd = -1;
	STAILQ_INIT(&p->queue);
	p->in = malloc(WIRE_PAYLOAD_MAX);
	p->out = malloc(WIRE_PAYLOAD_MAX);
	p->streams = calloc(SFU_STREAMS_MAX, sizeof(*p->streams));
	p->readable = event_new(base, fd,
		fd < 0 ? EV_PERSIST : EV_READ | EV_PERSIST, on_readable, p);
	if (fd >= 0)
		p->writable = event_new(base, fd, EV_WRITE, on_writable, p);
	if (!p->in || !p->out || !p->streams || !p->readable ||
		(fd >= 0 && !p->writable)) {
		p->fd = -1;
		return pipe_free(p);
	}
	return p;
}

static void grow_buffer(int fd)
{
	int want = 1 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
}

struct pipe *pipe_new(
	struct event_base *base, int fd, pipe_h *handler, void *arg)
{
	struct pipe *p = new_end(base, fd);

	if (!p) {
		close(fd);
		return NULL;
	}
	grow_buffer(fd);
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	pipe_listen(p, handler, arg);
	event_add(p->readable, NULL);
	return p;
}

int pipe_pair(struct event_base *base, struct pipe *ret[2])
{
	struct pipe *a = new_end(base, -1), *b = new_end(base, -1);

	if (!a || !b) {
		pipe_free(a);
		pipe_free(b);
		return -ENOMEM;
	}
	a->other = b;
	b->other = a;
	ret[0] = a;
	ret[1] = b;
	return 0;
}

void pipe_listen(struct pipe *p, pipe_h *handler, void *arg)
{
	p->handler = handler;
	p->arg = arg;
}

static struct chunk *pop(struct pipe *p)
{
	struct chunk *c = STAILQ_FIRST(&p->queue);

	if (c) {
		STAILQ_REMOVE_HEAD(&p->queue, next);
		p->queued -= c->len;
	}
	return c;
}

static void chunk_free(struct chunk *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

/* What nobody took is closed. */
static void drop_fd(struct pipe *p)
{
	if (p->in_fd >= 0)
		close(p->in_fd);
	p->in_fd = -1;
}

int pipe_take_fd(struct pipe *p)
{
	int fd = p->in_fd;

	p->in_fd = -1;
	return fd;
}

struct pipe *pipe_free(struct pipe *p)
{
	struct chunk *c;

	if (!p)
		return NULL;
	if (p->other) {
		p->other->other = NULL;
		event_active(p->other->readable, EV_READ, 0);
	}
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	if (p->fd >= 0)
		close(p->fd);
	while ((c = pop(p)))
		chunk_free(c);
	drop_fd(p);
	free(p->in);
	free(p->out);
	free(p->streams);
	free(p);
	return NULL;
}

size_t pipe_queued(const struct pipe *p)
{
	if (p->fd < 0)
		return p->other ? p->other->queued : 0;
	return p->queued;
}

/* Sending. */

/* Room for one descriptor; aligned as the kernel's macros want it. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static ssize_t send_chunk(const struct pipe *p, struct chunk *c)
{
	struct iovec v = { c->data, c->len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	union control control = { .bytes = { 0 } };
	struct cmsghdr *h;

	if (c->fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.bytes);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &c->fd, sizeof(int));
	}
	return sendmsg(p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void flush(struct pipe *p)
{
	struct chunk *c;

	while ((c = STAILQ_FIRST(&p->queue))) {
		ssize_t n = send_chunk(p, c);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			event_add(p->writable, NULL);
			return;
		}
		if (n < 0) {
			/* Reading tells the owner; here it must not be told,
			 * for it may be inside pipe_send. */
			p->broken = true;
			event_active(p->readable, EV_READ, 0);
			return;
		}
		chunk_free(pop(p));
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static struct chunk *make_chunk(const struct header *h, const uint8_t *payload)
{
	struct chunk *c = malloc(sizeof(*c) + sizeof(*h) + h->len);

	if (!c)
		return NULL;
	c->fd = -1;
	c->len = sizeof(*h) + h->len;
	memcpy(c->data, h, sizeof(*h));
	if (h->len)
		memcpy(c->data + sizeof(*h), payload, h->len);
	return c;
}

static int take_apart(const struct pipe *p, const struct wire_message *m,
	size_t len, struct chunks *ret, size_t *ret_bytes)
{
	size_t at = 0;

	do {
		size_t part = len - at;
		struct header h = { .type = m->type, .id = m->id };
		struct chunk *c;

		if (part > PIPE_FRAGMENT)
			part = PIPE_FRAGMENT;
		h.len = (uint32_t)part;
		h.more = at + part < len;
		c = make_chunk(&h, p->out + at);
		if (!c)
			return -ENOMEM;
		STAILQ_INSERT_TAIL(ret, c, next);
		*ret_bytes += c->len;
		at += part;
	} while (at < len);
	return 0;
}

int pipe_send(struct pipe *p, const struct wire_message *m)
{
	struct pipe *to = p->fd < 0 ? p->other : p;
	struct chunks chunks = STAILQ_HEAD_INITIALIZER(chunks);
	size_t bytes = 0;
	int len, err;

	if (!to || p->broken)
		return -EPIPE;
	len = wire_encode(m, p->out, WIRE_PAYLOAD_MAX);
	if (len < 0)
		return len;
	if (to->queued + (size_t)len > PIPE_QUEUE_MAX)
		return -ENOBUFS;
	err = take_apart(p, m, (size_t)len, &chunks, &bytes);
	if (err) {
		struct chunk *c;

		while ((c = STAILQ_FIRST(&chunks))) {
			STAILQ_REMOVE_HEAD(&chunks, next);
			free(c);
		}
		return err;
	}
	if (wire_has_fd(m->type))
		STAILQ_FIRST(&chunks)->fd =
			m->type == WIRE_PLUG ? m->u.plug.fd : m->u.relay.fd;
	STAILQ_CONCAT(&to->queue, &chunks);
	to->queued += bytes;
	if (p->fd < 0)
		event_active(to->readable, EV_READ, 0);
	else
		flush(p);
	return 0;
}

/* Receiving. */

/* One fragment. False: the other end broke the protocol. */
static bool take(struct pipe *p, const uint8_t *buf, size_t len)
{
	struct wire_message m;
	struct header h;
	size_t whole;

	if (len < sizeof(h))
		return false;
	memcpy(&h, buf, sizeof(h));
	if (h.len != len - sizeof(h) || h.more > 1 ||
		h.len > WIRE_PAYLOAD_MAX - p->in_len)
		return false;
	if (h.len)
		memcpy(p->in + p->in_len, buf + sizeof(h), h.len);
	p->in_len += h.len;
	if (h.more)
		return h.len > 0;
	whole = p->in_len;
	p->in_len = 0;
	if (wire_decode(h.type, h.id, p->in, whole, p->streams, &m) != 0 ||
		wire_has_fd(m.type) != (p->in_fd >= 0))
		return false;
	if (m.type == WIRE_PLUG)
		m.u.plug.fd = p->in_fd;
	else if (m.type == WIRE_RELAY)
		m.u.relay.fd = p->in_fd;
	p->handler(p->arg, &m);
	drop_fd(p);
	return true;
}

static void end(struct pipe *p)
{
	p->broken = true;
	event_del(p->readable);
	if (p->writable)
		event_del(p->writable);
	p->handler(p->arg, NULL); /* p may be gone now */
}

static void read_memory(struct pipe *p)
{
	struct chunk *c;

	for (int i = 0; i < READS_PER_TURN && (c = pop(p)); i++) {
		bool good;

		drop_fd(p);
		p->in_fd = c->fd;
		c->fd = -1;
		good = take(p, c->data, c->len);
		chunk_free(c);
		if (!good) {
			end(p);
			return;
		}
	}
	if (!STAILQ_EMPTY(&p->queue))
		event_active(p->readable, EV_READ, 0);
	else if (!p->other)
		end(p);
}

/* Of several, which we never send, the last is kept. */
static void keep_fds(struct pipe *p, struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		/* The padding has room for more than was asked for. */
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len;
			at += sizeof(int)) {
			drop_fd(p);
			memcpy(&p->in_fd, (const char *)h + at, sizeof(int));
		}
	}
}

static ssize_t receive(struct pipe *p, uint8_t *buf, size_t size)
{
	struct iovec v = { buf, size };
	union control control;
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(p->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		keep_fds(p, &m);
	return n;
}

static void read_socket(struct pipe *p)
{
	uint8_t buf[sizeof(struct header) + PIPE_FRAGMENT];

	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = receive(p, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0 || !take(p, buf, (size_t)n)) {
			end(p);
			return;
		}
	}
	if (p->broken)
		end(p);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pipe *p = arg;

	(void)fd;
	(void)what;
	if (p->fd < 0)
		read_memory(p);
	else
		read_socket(p);
}
