#include "sfu/udp_private.h"

#include <errno.h>
#include <string.h>
#include "ice/ice.h"

/* Receiving. */

static void read_path(struct udp_path *path, unsigned index, struct msghdr *m)
{
	memset(path, 0, sizeof(*path));
	path->socket = (uint8_t)index;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			path->local.v4 = info.ipi_addr;
			path->has_local = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			path->local.v6 = info.ipi6_addr;
			path->has_local = true;
		}
	}
}

static int receive_batch(struct udp *u, const struct udp_socket *s)
{
	struct udp_batch *b = u->batch;
	int n;

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;

		b->in_iov[i].iov_base = b->buf[i];
		b->in_iov[i].iov_len = UDP_DATAGRAM_MAX;
		m->msg_name = &b->from[i];
		m->msg_namelen = sizeof(b->from[i]);
		m->msg_iov = &b->in_iov[i];
		m->msg_iovlen = 1;
		m->msg_control = s->wildcard ? b->in_control[i] : NULL;
		m->msg_controllen = s->wildcard ? UDP_CONTROL : 0;
	}
	do
		n = recvmmsg(s->fd, b->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	return n;
}

unsigned udp_receive(
	struct udp *u, unsigned index, const struct udp_datagram **ret)
{
	struct udp_batch *b = u->batch;
	unsigned n = 0;
	int got;

	if (index >= u->n)
		return 0;
	got = receive_batch(u, &u->v[index]);
	for (int i = 0; i < got; i++) {
		struct udp_datagram *d = &b->got[n];

		u->stats.in++;
		u->stats.in_bytes += b->in[i].msg_len;
		if (b->in[i].msg_hdr.msg_flags & MSG_TRUNC) {
			u->stats.too_long++;
			continue;
		}
		d->buf = b->buf[i];
		d->len = b->in[i].msg_len;
		d->from = (const struct sockaddr *)&b->from[i];
		read_path(&d->path, index, &b->in[i].msg_hdr);
		n++;
	}
	*ret = b->got;
	return n;
}

/* Sending. */

static void write_path(struct msghdr *m, uint8_t *control, sa_family_t family,
	const struct udp_path *path)
{
	struct cmsghdr *c;

	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (!path || !path->has_local)
		return;
	m->msg_control = control;
	m->msg_controllen = family == AF_INET6
				    ? CMSG_SPACE(sizeof(struct in6_pktinfo))
				    : CMSG_SPACE(sizeof(struct in_pktinfo));
	memset(control, 0, m->msg_controllen);
	c = CMSG_FIRSTHDR(m);
	if (family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = path->local.v6 };

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = path->local.v4 };

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

/* Hands n messages to one socket. A message the kernel refuses is skipped, a
 * full buffer ends it: waiting would stall everybody else. */
static void send_batch(struct udp *u, const struct udp_socket *s, unsigned n)
{
	struct mmsghdr *v = u->batch->out;
	unsigned at = 0;

	while (at < n) {
		int sent = sendmmsg(s->fd, v + at, n - at, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
					errno == ENOBUFS)) {
			u->stats.not_taken += n - at;
			return;
		}
		if (sent <= 0) {
			u->stats.send_error++;
			at++;
			continue;
		}
		for (int i = 0; i < sent; i++)
			u->stats.out_bytes += v[at + (unsigned)i].msg_len;
		u->stats.out += (unsigned)sent;
		at += (unsigned)sent;
	}
}

/* What a pass over the outbox knows of the run it is in. */
struct run {
	const struct sockaddr *to;
	const struct udp_path *path;
	unsigned socket; /* UDP_SOCKETS: none */
};

static void start_run(const struct udp *u, struct run *r,
	const struct sockaddr *to, udp_path_h *path, void *arg)
{
	r->to = to;
	r->path = NULL;
	if (u->ask_path[udp_family_index(to->sa_family)])
		r->path = path(arg, to);
	if (r->path && r->path->socket < u->n &&
		u->v[r->path->socket].family == to->sa_family) {
		r->socket = r->path->socket;
		return;
	}
	for (r->socket = 0; r->socket < u->n; r->socket++)
		if (u->v[r->socket].family == to->sa_family)
			return;
	r->socket = UDP_SOCKETS;
}

static void fill(struct udp_batch *b, unsigned at, const struct packet *p,
	const struct run *r)
{
	struct msghdr *m = &b->out[at].msg_hdr;

	b->out_iov[at].iov_base = p->data;
	b->out_iov[at].iov_len = p->len;
	m->msg_name = (void *)(uintptr_t)&p->to;
	m->msg_namelen = ice_addr_len((const struct sockaddr *)&p->to);
	m->msg_iov = &b->out_iov[at];
	m->msg_iovlen = 1;
	m->msg_flags = 0;
	write_path(m, b->out_control[at], p->to.ss_family, r->path);
}

void udp_send(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg)
{
	struct run r = { .socket = UDP_SOCKETS };
	unsigned waiting = 0, socket = UDP_SOCKETS;

	for (unsigned i = 0; i < out->n; i++) {
		const struct packet *p = &out->v[i];
		const struct sockaddr *to = (const struct sockaddr *)&p->to;

		if (!p->len)
			continue;
		if (!r.to || !ice_addr_equal(r.to, to))
			start_run(u, &r, to, path, arg);
		if (r.socket == UDP_SOCKETS) {
			u->stats.no_socket++;
			continue;
		}
		if (waiting && (r.socket != socket || waiting == UDP_SEND)) {
			send_batch(u, &u->v[socket], waiting);
			waiting = 0;
		}
		socket = r.socket;
		fill(u->batch, waiting++, p, &r);
	}
	if (waiting)
		send_batch(u, &u->v[socket], waiting);
}
