#include "record/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

enum { IN_SIZE = FEED_HEADER + FEED_PAYLOAD_MAX + 262144 };

struct intake {
	struct event_base *base;
	struct intake_hooks hooks;
	int fd;
	struct event *readable, *writable;
	struct evbuffer *out;
	uint8_t *buf; /* IN_SIZE */
	size_t len;
	uint64_t last_us;  /* time of the last frame */
	int64_t ahead_us;  /* the feed's clock against ours; the most seen */
	bool any, drained; /* any frame yet; nothing unread */
	bool ended;
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void end(struct intake *in, int err)
{
	if (in->ended)
		return;
	in->ended = true;
	in->drained = true;
	event_del(in->readable);
	event_del(in->writable);
	in->hooks.ended(in->hooks.arg, err);
}

static void note_time(struct intake *in, uint64_t time_us, uint64_t mono_us)
{
	const int64_t ahead_us = (int64_t)(time_us - mono_us);

	if (!in->any || in->ahead_us < ahead_us)
		in->ahead_us = ahead_us;
	in->any = true;
	if (in->last_us < time_us)
		in->last_us = time_us;
}

/* False: the stream cannot be read any further. */
static bool take_frames(struct intake *in)
{
	const uint64_t mono_us = clock_us();
	struct feed_frame f;
	size_t at = 0;
	int64_t n;

	while ((n = feed_frame_read(in->buf + at, in->len - at, &f)) > 0) {
		at += (size_t)n;
		note_time(in, f.time_us, mono_us);
		in->hooks.frame(in->hooks.arg, &f);
		if (in->ended)
			break;
	}
	memmove(in->buf, in->buf + at, in->len - at);
	in->len -= at;
	return n >= 0;
}

/* Returns bytes read; 0: nothing more now, or the end. */
static size_t read_some(struct intake *in)
{
	ssize_t n;

	do
		n = recv(in->fd, in->buf + in->len, IN_SIZE - in->len,
			MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		in->drained = true;
		return 0;
	}
	if (n <= 0) {
		end(in, n < 0 ? errno : 0);
		return 0;
	}
	in->len += (size_t)n;
	if (!take_frames(in))
		end(in, EBADMSG);
	return (size_t)n;
}

void intake_drain(struct intake *in)
{
	size_t total = 0, n;

	in->drained = false;
	while (!in->ended && total < INTAKE_TURN && (n = read_some(in)) > 0)
		total += n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	intake_drain(arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct intake *in = arg;

	(void)fd;
	(void)what;
	if (in->ended)
		return;
	if (evbuffer_write(in->out, in->fd) < 0 && errno != EAGAIN &&
		errno != EINTR) {
		end(in, errno);
		return;
	}
	if (evbuffer_get_length(in->out))
		event_add(in->writable, NULL);
}

int intake_new(struct intake **ret, struct event_base *base, int fd,
	const struct intake_hooks *hooks)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in) {
		close(fd);
		return -ENOMEM;
	}
	in->base = base;
	in->fd = fd;
	in->hooks = *hooks;
	in->buf = malloc(IN_SIZE);
	in->out = evbuffer_new();
	in->readable =
		event_new(base, fd, EV_READ | EV_PERSIST, on_readable, in);
	in->writable = event_new(base, fd, EV_WRITE, on_writable, in);
	if (!in->buf || !in->out || !in->readable || !in->writable) {
		intake_free(in);
		return -ENOMEM;
	}
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	*ret = in;
	return 0;
}

struct intake *intake_free(struct intake *in)
{
	if (!in)
		return NULL;
	if (in->readable)
		event_free(in->readable);
	if (in->writable)
		event_free(in->writable);
	if (in->out)
		evbuffer_free(in->out);
	free(in->buf);
	close(in->fd);
	free(in);
	return NULL;
}

int intake_start(struct intake *in)
{
	return event_add(in->readable, NULL) == 0 ? 0 : -ENOMEM;
}

void intake_send(
	struct intake *in, enum feed_type type, const void *payload, size_t len)
{
	const struct feed_frame f = { .type = type, .len = len };
	uint8_t header[FEED_HEADER];

	if (in->ended || evbuffer_get_length(in->out) + FEED_HEADER + len >
				 INTAKE_OUT_MAX)
		return;
	feed_header_write(&f, header);
	/* Half a frame would end the stream: room for both first. */
	if (evbuffer_expand(in->out, FEED_HEADER + len) != 0)
		return;
	evbuffer_add(in->out, header, sizeof(header));
	evbuffer_add(in->out, payload, len);
	event_add(in->writable, NULL);
}

uint64_t intake_now(const struct intake *in, uint64_t mono_us)
{
	const uint64_t now_us = mono_us + (uint64_t)in->ahead_us;

	if (!in->any)
		return 0;
	return in->drained && now_us > in->last_us ? now_us : in->last_us;
}

uint64_t intake_wall_us(const struct feed_frame *f)
{
	static const char key[] = "wall_us=";
	uint64_t v = 0;
	const char *p = memmem(f->payload, f->len, key, strlen(key));
	const char *end = (const char *)f->payload + f->len;

	for (p = p ? p + strlen(key) : end; p < end; p++) {
		if (*p < '0' || *p > '9' || v > UINT64_MAX / 20)
			break;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	return v;
}
