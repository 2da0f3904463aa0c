#include "sfu/stream.h"

#include <errno.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_LEAST = 16384, SOCKET_BUFFER = 1 << 20 };

int stream_init(struct stream *s, int fd, size_t out_size, size_t in_max)
{
	int want = SOCKET_BUFFER;

	*s = (struct stream){
		.fd = fd, .out_size = out_size, .in_max = in_max
	};
	/* The most this system lets us have. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	/* The pages of it come to be as they are used. */
	s->out = malloc(out_size);
	return s->out ? 0 : -ENOMEM;
}

void stream_done(struct stream *s)
{
	close(s->fd);
	free(s->out);
	free(s->in);
}

void stream_put(struct stream *s, const void *data, size_t len)
{
	size_t at = (s->head + s->queued) % s->out_size;
	size_t first = s->out_size - at < len ? s->out_size - at : len;

	if (!len)
		return;
	memcpy(s->out + at, data, first);
	memcpy(s->out, (const uint8_t *)data + first, len - first);
	s->queued += len;
}

void stream_forget(struct stream *s)
{
	s->head = s->queued = 0;
}

static ssize_t write_some(const struct stream *s, size_t most)
{
	size_t n = s->queued < most ? s->queued : most;
	size_t first = s->out_size - s->head < n ? s->out_size - s->head : n;
	struct iovec v[2] = { { s->out + s->head, first },
		{ s->out, n - first } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n > first ? 2 : 1 };

	return sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int stream_write(struct stream *s, size_t most)
{
	while (s->queued && most) {
		ssize_t n = write_some(s, most);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		if (n <= 0)
			return -EPIPE;
		s->head = (s->head + (size_t)n) % s->out_size;
		s->queued -= (size_t)n;
		most -= (size_t)n;
	}
	/* Pages that were never touched stay so. */
	if (!s->queued)
		s->head = 0;
	return 0;
}

const uint8_t *stream_in(const struct stream *s, size_t *ret_len)
{
	*ret_len = s->in_len - s->in_at;
	return s->in + s->in_at;
}

void stream_take(struct stream *s, size_t len)
{
	s->in_at += len;
}

/* Room for the frame that has begun. */
static int make_room(struct stream *s)
{
	size_t have = s->in_len - s->in_at, size = IN_LEAST;
	uint8_t *more;

	if (have && s->in_at)
		memmove(s->in, s->in + s->in_at, have);
	s->in_at = 0;
	s->in_len = have;
	if (have >= s->in_max)
		return -EPIPE;
	while (size < s->in_max && size <= have)
		size *= 2;
	if (size <= s->in_size)
		return 0;
	more = realloc(s->in, size);
	if (!more)
		return -ENOMEM;
	s->in = more;
	s->in_size = size;
	return 0;
}

int stream_read(struct stream *s)
{
	int err = make_room(s);
	ssize_t n;

	if (err)
		return err;
	do
		n = recv(s->fd, s->in + s->in_len, s->in_size - s->in_len,
			MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -EPIPE;
	s->in_len += (size_t)n;
	return 1;
}
