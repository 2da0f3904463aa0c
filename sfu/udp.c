#include "sfu/udp_private.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

/* What the kernel says of a message beside its bytes. */
struct said {
	struct udp_path path;
	size_t segment;   /* 0: one datagram */
	uint64_t real_us; /* 0: it does not say when it came */
};

static uint64_t to_us(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_nsec / 1000;
}

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return to_us(&t);
}

static void read_control(struct said *ret, unsigned index, struct msghdr *m)
{
	memset(ret, 0, sizeof(*ret));
	ret->path.socket = (uint8_t)index;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ret->path.local.v4 = info.ipi_addr;
			ret->path.has_local = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ret->path.local.v6 = info.ipi6_addr;
			ret->path.has_local = true;
		} else if (c->cmsg_level == SOL_UDP &&
			   c->cmsg_type == UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(c), sizeof(size));
			ret->segment = size > 0 ? (size_t)size : 0;
		} else if (c->cmsg_level == SOL_SOCKET &&
			   c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			ret->real_us = to_us(&t);
		}
	}
}

static void receive_batch(struct udp *u, unsigned index)
{
	const struct udp_socket *s = &u->v[index];
	struct udp_batch *b = u->batch;
	bool control = s->wildcard || s->trains || s->stamps;
	int n;

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;

		b->in_iov[i].iov_base = b->buf[i];
		b->in_iov[i].iov_len =
			s->trains ? UDP_TRAIN_MAX : UDP_DATAGRAM_MAX;
		m->msg_name = &b->from[i];
		m->msg_namelen = sizeof(b->from[i]);
		m->msg_iov = &b->in_iov[i];
		m->msg_iovlen = 1;
		m->msg_control = control ? b->in_control[i] : NULL;
		m->msg_controllen = control ? UDP_CONTROL : 0;
	}
	do
		n = recvmmsg(s->fd, b->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	b->in_socket = index;
	b->at = 0;
	b->offset = 0;
	b->n_in = n > 0 ? (unsigned)n : 0;
	b->read_us = clock_us(CLOCK_MONOTONIC);
	b->read_real_us = clock_us(CLOCK_REALTIME);
}

static uint64_t came_us(const struct udp_batch *b, const struct said *said)
{
	uint64_t age_us = b->read_real_us - said->real_us;

	if (!said->real_us || said->real_us > b->read_real_us)
		return b->read_us;
	return b->read_us -
	       (age_us < UDP_STAMP_MAX_US ? age_us : UDP_STAMP_MAX_US);
}

/* Cuts message b->at, as far as there is room in got; returns how many were
 * put there. */
static unsigned cut(struct udp *u, struct udp_datagram *ret, unsigned room)
{
	struct udp_batch *b = u->batch;
	struct mmsghdr *m = &b->in[b->at];
	size_t len = m->msg_len, offset = b->offset;
	unsigned n = 0;
	struct said said;
	uint64_t at_us;

	read_control(&said, b->in_socket, &m->msg_hdr);
	at_us = came_us(b, &said);
	/* An empty datagram is one, too. */
	while (n < room && (offset < len || (!len && !offset))) {
		size_t rest = len - offset, size = said.segment;

		if (!size || size > rest)
			size = rest;
		u->stats.in++;
		u->stats.in_bytes += size;
		if (size <= UDP_DATAGRAM_MAX &&
			!(m->msg_hdr.msg_flags & MSG_TRUNC && size == rest))
			ret[n++] = (struct udp_datagram){ .buf = b->buf[b->at] +
								 offset,
				.len = size,
				.at_us = at_us,
				.from = (const struct sockaddr *)&b
						->from[b->at],
				.path = said.path };
		else
			u->stats.too_long++;
		offset += size ? size : 1;
	}
	b->offset = offset;
	if (offset >= len) {
		b->at++;
		b->offset = 0;
	}
	return n;
}

bool udp_has_more(const struct udp *u)
{
	return u->batch->at < u->batch->n_in;
}

unsigned udp_receive(
	struct udp *u, unsigned index, const struct udp_datagram **ret)
{
	struct udp_batch *b = u->batch;
	unsigned n = 0;

	if (index >= u->n)
		return 0;
	if (!udp_has_more(u))
		receive_batch(u, index);
	while (n < UDP_BATCH && udp_has_more(u))
		n += cut(u, b->got + n, UDP_BATCH - n);
	*ret = b->got;
	return n;
}
