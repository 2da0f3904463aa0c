/* Sockets of the load generator: bursts out, batches in. */
#include "bench/load_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SOCKET_BUFFER = 4 << 20,
	/* When it came, and how long its segments are. */
	CONTROL_BYTES = 64,
};

struct load_buffers {
	struct mmsghdr in[LOAD_BATCH], out[LOAD_BATCH];
	struct iovec in_iov[LOAD_BATCH], out_iov[LOAD_BATCH];
	uint8_t *in_buf; /* one behind the other */
	char in_control[LOAD_BATCH][CONTROL_BYTES];
	uint8_t out_buf[LOAD_BATCH][LOAD_DATAGRAM];
	unsigned waiting;
	struct load_seat *sender; /* of what waits */
};

struct load_buffers *load_buffers_new(bool trains)
{
	struct load_buffers *b = calloc(1, sizeof(*b));
	size_t room = trains ? LOAD_TRAIN : LOAD_DATAGRAM;

	if (!b)
		return NULL;
	b->in_buf = calloc(LOAD_BATCH, room);
	if (!b->in_buf)
		return load_buffers_free(b);
	for (unsigned i = 0; i < LOAD_BATCH; i++) {
		b->in_iov[i].iov_base = b->in_buf + i * room;
		b->in_iov[i].iov_len = room;
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
		b->out_iov[i].iov_base = b->out_buf[i];
		b->out[i].msg_hdr.msg_iov = &b->out_iov[i];
		b->out[i].msg_hdr.msg_iovlen = 1;
	}
	return b;
}

struct load_buffers *load_buffers_free(struct load_buffers *b)
{
	if (!b)
		return NULL;
	free(b->in_buf);
	free(b);
	return NULL;
}

/* What follows from the header alone, which SRTP leaves in the clear. */
static bool count_header(struct load_seat *s, uint8_t *buf, size_t len)
{
	struct client *c = s->client;
	struct client_stream *stream;
	struct rtp_packet pkt;
	enum receive_got got;
	uint64_t seq, due;

	if (s->full || rtp_parse(&pkt, buf, len) != 0)
		return false;
	stream = client_stream_find(c, pkt.ssrc);
	if (!stream || !stream->started || ++s->skipped % LOAD_SAMPLE == 0)
		return false;
	got = receive_packet(
		&stream->receive, c->now_us, pkt.seq, pkt.ts, len, &seq);
	if (got == RECEIVE_DUPLICATE || got == RECEIVE_OLD ||
		client_is_padded(buf))
		return true;
	stream->packets++;
	stream->bytes += len;
	stream->last_us = c->now_us;
	if (!stream->receive.n_missing)
		return true;
	due = receive_deadline(&stream->receive);
	if (due < c->nack_us)
		c->nack_us = due;
	return true;
}

static uint64_t packets_of(const struct client *c)
{
	uint64_t n = 0;

	/* One publisher: its streams are the first. */
	for (unsigned i = 0; i < 2; i++)
		n += c->stream[i].packets;
	return n;
}

static void take(struct load_seat *s, uint64_t now_us, uint8_t *buf, size_t len)
{
	struct client *c = s->client;
	uint64_t before;

	c->now_us = now_us;
	if (rtp_classify(buf, len) != RTP_KIND_RTP) {
		client_input(c, now_us, buf, len);
		return;
	}
	if (count_header(s, buf, len))
		return;
	before = packets_of(c);
	client_input(c, now_us, buf, len);
	s->opened += packets_of(c) - before;
}

/* It tells in its calendar's time. */
uint64_t load_socket_arrival(struct msghdr *h, uint64_t now_us)
{
	struct timespec at, now;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int64_t ago;

		if (c->cmsg_level != SOL_SOCKET ||
			c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		clock_gettime(CLOCK_REALTIME, &now);
		ago = (now.tv_sec - at.tv_sec) * 1000000 +
		      (now.tv_nsec - at.tv_nsec) / 1000;
		return load_clock_us() - (uint64_t)(ago > 0 ? ago : 0);
	}
	return now_us;
}

static void want_control(struct load_buffers *b)
{
	for (unsigned i = 0; i < LOAD_BATCH; i++) {
		b->in[i].msg_hdr.msg_control = b->in_control[i];
		b->in[i].msg_hdr.msg_controllen = CONTROL_BYTES;
	}
}

/* Of all segments but the last, which may be shorter. */
static size_t segment_of(struct mmsghdr *m)
{
	int len;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c;
		c = CMSG_NXTHDR(&m->msg_hdr, c)) {
		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&len, CMSG_DATA(c), sizeof(len));
		return len > 0 ? (size_t)len : m->msg_len;
	}
	return m->msg_len;
}

static void take_train(struct load_seat *s, uint64_t now_us, struct mmsghdr *m)
{
	uint8_t *at = m->msg_hdr.msg_iov->iov_base;
	size_t segment = segment_of(m), left = m->msg_len;

	while (left > 0) {
		size_t len = left < segment ? left : segment;

		take(s, now_us, at, len);
		at += len;
		left -= len;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct load_seat *s = arg;
	struct load_buffers *b = s->load->buffers;
	uint64_t now = load_clock_us();
	int n;

	(void)what;
	do {
		want_control(b);
		n = recvmmsg(fd, b->in, LOAD_BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			if (s->stamped)
				s->arrived_us = load_socket_arrival(
					&b->in[i].msg_hdr, now);
			take_train(s, now, &b->in[i]);
		}
	} while (n == LOAD_BATCH);
	load_socket_flush(s->load);
}

int load_socket_open(struct load_seat *s, const struct sockaddr_in *to)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int want = SOCKET_BUFFER, on = 1, fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Elsewhere the kernel knows the address to come from. */
	if (ntohl(to->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
		own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
	s->fd = fd;
	memcpy(&s->client->remote, to, sizeof(*to));
	if (s->stamped && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on,
				  sizeof(on)) != 0)
		return -errno;
	if (s->load->shape.trains &&
		setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) != 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
		return -errno;
	s->readable = event_new(
		s->load->base, fd, EV_READ | EV_PERSIST, on_readable, s);
	if (!s->readable || event_add(s->readable, NULL) != 0)
		return -ENOMEM;
	return 0;
}

void load_socket_close(struct load_seat *s)
{
	if (s->readable)
		event_free(s->readable);
	if (s->fd >= 0)
		close(s->fd);
	s->readable = NULL;
	s->fd = -1;
}

void load_socket_send(struct client_out *out, const uint8_t *buf, size_t len)
{
	struct load_seat *s = (struct load_seat *)out;
	struct load_buffers *b = s->load->buffers;

	if (s->fd < 0 || len > LOAD_DATAGRAM)
		return;
	if (!load_is_timed(s->load, (unsigned)(s - s->load->seat))) {
		/* What the kernel does not take is lost, as anywhere. */
		while (send(s->fd, buf, len, 0) < 0 && errno == EINTR)
			;
		return;
	}
	if (b->waiting == LOAD_BATCH || b->sender != s)
		load_socket_flush(s->load);
	b->sender = s;
	memcpy(b->out_buf[b->waiting], buf, len);
	b->out_iov[b->waiting++].iov_len = len;
}

unsigned load_socket_stamps(struct load *l, int fd, uint64_t ret[LOAD_BATCH])
{
	struct load_buffers *b = l->buffers;
	uint64_t now = load_clock_us();
	int n;

	want_control(b);
	n = recvmmsg(fd, b->in, LOAD_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		ret[i] = load_socket_arrival(&b->in[i].msg_hdr, now);
	return n > 0 ? (unsigned)n : 0;
}

static bool leave_to_pace(struct load *l, int fd)
{
	struct load_buffers *b = l->buffers;

	return l->due_us &&
	       load_pace_frame(l->pace, l->due_us, fd, b->out_iov, b->waiting);
}

void load_socket_flush(struct load *l)
{
	struct load_buffers *b = l->buffers;
	unsigned at = 0;
	int fd;

	if (!b->waiting)
		return;
	fd = l->detours ? l->detour[0] : b->sender->fd;
	if (l->detours)
		load_detour_sent(l, b->sender->client->now_us, b->waiting);
	if (leave_to_pace(l, fd))
		at = b->waiting;
	while (at < b->waiting) {
		int n = sendmmsg(
			fd, b->out + at, b->waiting - at, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		at += n > 0 ? (unsigned)n : 1;
	}
	b->waiting = 0;
}
