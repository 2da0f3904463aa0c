#include "sfu/udp_private.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include "ice/ice.h"

/* After so many refusals a socket is not asked for segments again: the device
 * cannot, and each refusal costs two calls. */
enum { REFUSALS_MAX = 8 };

static struct cmsghdr *put_control(
	struct msghdr *m, int level, int type, const void *data, size_t len)
{
	uint8_t *at = (uint8_t *)m->msg_control + m->msg_controllen;
	struct cmsghdr *c = (struct cmsghdr *)(void *)at;

	memset(at, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	m->msg_controllen += CMSG_SPACE(len);
	return c;
}

static void put_path(
	struct msghdr *m, sa_family_t family, const struct udp_path *path)
{
	if (!path || !path->has_local)
		return;
	if (family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = path->local.v6 };

		put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = path->local.v4 };

		put_control(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

static void write_control(struct udp_batch *b, unsigned at, sa_family_t family)
{
	const struct udp_message *g = &b->message[at];
	struct msghdr *m = &b->out[at].msg_hdr;

	m->msg_control = b->out_control[at];
	m->msg_controllen = 0;
	put_path(m, family, g->path);
	if (g->segments > 1)
		put_control(m, SOL_UDP, UDP_SEGMENT, &g->size, sizeof(g->size));
	if (!m->msg_controllen)
		m->msg_control = NULL;
}

static bool is_full(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == ENOBUFS;
}

/* What could not leave as one leaves one by one. */
static void send_apart(struct udp *u, struct udp_socket *s, unsigned at)
{
	struct udp_message *g = &u->batch->message[at];
	struct msghdr m = u->batch->out[at].msg_hdr;
	struct iovec *part = m.msg_iov;
	unsigned n = g->segments;

	g->segments = 1;
	write_control(u->batch, at, s->family);
	m.msg_control = u->batch->out[at].msg_hdr.msg_control;
	m.msg_controllen = u->batch->out[at].msg_hdr.msg_controllen;
	m.msg_iovlen = 1;
	for (unsigned i = 0; i < n; i++) {
		ssize_t sent;

		m.msg_iov = &part[i];
		sent = sendmsg(s->fd, &m, MSG_DONTWAIT);
		if (sent < 0 && is_full(errno)) {
			u->stats.not_taken++;
			continue;
		} else if (sent < 0) {
			u->stats.send_error++;
			continue;
		}
		u->stats.out++;
		u->stats.out_bytes += (uint64_t)sent;
	}
}

static void refused(struct udp *u, struct udp_socket *s, unsigned at, int err)
{
	if (u->batch->message[at].segments == 1) {
		u->stats.send_error++;
		return;
	}
	/* EINVAL: the route's MTU is less than a segment; EIO: no checksums by
	 * the device; EOPNOTSUPP and the like: an old kernel. */
	if (err == EINVAL || err == EIO || err == EOPNOTSUPP ||
		err == ENOPROTOOPT || err == EMSGSIZE) {
		s->refusals++;
		send_apart(u, s, at);
		return;
	}
	u->stats.send_error += u->batch->message[at].segments;
}

static unsigned datagrams(const struct udp_batch *b, unsigned at, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = at; i < n; i++)
		sum += b->message[i].segments;
	return sum;
}

static void count(struct udp *u, unsigned at, unsigned n)
{
	const struct udp_batch *b = u->batch;

	for (unsigned i = at; i < at + n; i++) {
		u->stats.out += b->message[i].segments;
		u->stats.trains += b->message[i].segments > 1;
		u->stats.out_bytes += b->out[i].msg_len;
	}
}

/* Hands what was gathered to one socket. A message the kernel refuses is
 * skipped, a full buffer ends it: waiting would stall everybody else. */
static void send_batch(struct udp *u, struct udp_socket *s)
{
	struct udp_batch *b = u->batch;
	unsigned at = 0, n = b->n_out;

	b->n_out = b->n_parts = 0;
	for (unsigned i = 0; i < n; i++)
		write_control(b, i, s->family);
	while (at < n) {
		int sent = sendmmsg(s->fd, b->out + at, n - at, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && is_full(errno)) {
			u->stats.not_taken += datagrams(b, at, n);
			return;
		}
		if (sent <= 0) {
			refused(u, s, at++, errno);
			continue;
		}
		count(u, at, (unsigned)sent);
		at += (unsigned)sent;
	}
}

/* What is known of the target that the pass over the outbox is at. */
struct run {
	const struct sockaddr *to;
	const struct udp_path *path;
	unsigned socket; /* UDP_SOCKETS: none */
	bool open;       /* the last message may take another segment */
};

static void start_run(const struct udp *u, struct run *r,
	const struct sockaddr *to, udp_path_h *path, void *arg)
{
	r->to = to;
	r->path = NULL;
	r->open = false;
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

/* Segments are of one size; a shorter one ends the message. */
static bool joins(const struct udp_batch *b, const struct udp_socket *s,
	const struct run *r, const struct packet *p)
{
	const struct udp_message *g;

	if (!r->open || !b->n_out || s->refusals >= REFUSALS_MAX)
		return false;
	g = &b->message[b->n_out - 1];
	return g->segments < UDP_SEGMENTS && p->len <= g->size;
}

static void begin_message(
	struct udp_batch *b, const struct packet *p, const struct run *r)
{
	struct msghdr *m = &b->out[b->n_out].msg_hdr;

	b->message[b->n_out] =
		(struct udp_message){ .path = r->path, .size = p->len };
	m->msg_name = (void *)(uintptr_t)r->to;
	m->msg_namelen = ice_addr_len(r->to);
	m->msg_iov = &b->part[b->n_parts];
	m->msg_iovlen = 0;
	m->msg_flags = 0;
	b->n_out++;
}

static void put_packet(
	struct udp *u, struct run *r, unsigned *socket, const struct packet *p)
{
	struct udp_batch *b = u->batch;
	struct udp_message *g;

	if (b->n_out && (r->socket != *socket || b->n_parts == UDP_PARTS)) {
		send_batch(u, &u->v[*socket]);
		r->open = false;
	}
	*socket = r->socket;
	if (!joins(b, &u->v[r->socket], r, p)) {
		if (b->n_out == UDP_SEND)
			send_batch(u, &u->v[*socket]);
		begin_message(b, p, r);
	}
	g = &b->message[b->n_out - 1];
	b->part[b->n_parts].iov_base = p->data;
	b->part[b->n_parts++].iov_len = p->len;
	b->out[b->n_out - 1].msg_hdr.msg_iovlen++;
	g->segments++;
	r->open = p->len == g->size;
}

static void send_target(struct udp *u, unsigned *socket,
	const struct outbox *out, const struct outbox_target *t,
	udp_path_h *path, void *arg)
{
	struct run r = { .to = NULL };

	for (unsigned k = t->first; k != OUTBOX_NONE; k = out->v[k].next) {
		const struct packet *p = &out->v[k];

		if (!p->len)
			continue;
		if (!r.to)
			start_run(u, &r, &t->to.any, path, arg);
		if (r.socket == UDP_SOCKETS)
			u->stats.no_socket++;
		else
			put_packet(u, &r, socket, p);
	}
}

void udp_send(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg)
{
	unsigned socket = UDP_SOCKETS;

	/* While nothing is in this batch the targets are of one before. */
	for (unsigned i = 0; out->n && i < out->n_targets; i++)
		send_target(u, &socket, out, &out->target[i], path, arg);
	if (u->batch->n_out)
		send_batch(u, &u->v[socket]);
}
