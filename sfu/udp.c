#include "sfu/udp_private.h"

#include <errno.h>
#include <string.h>

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
