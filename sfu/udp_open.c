#include "sfu/udp_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ice/ice.h"

int udp_address_parse(
	const char *text, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, &v4, sizeof(v4));
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, &v6, sizeof(v6));
		return 0;
	}
	return -EINVAL;
}

static bool is_wildcard(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(
		&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static void set_buffer(int fd, int force, int plain)
{
	int want = UDP_BUFFER;

	/* FORCE needs CAP_NET_ADMIN and goes beyond net.core.*mem_max. */
	if (setsockopt(fd, SOL_SOCKET, force, &want, sizeof(want)) != 0)
		setsockopt(fd, SOL_SOCKET, plain, &want, sizeof(want));
}

static int open_socket(struct udp_socket *s, const struct sockaddr_storage *a)
{
	int on = 1, fd, err;

	fd = socket(a->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	s->family = a->ss_family;
	s->wildcard = is_wildcard(a);
	if (s->family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		goto fail;
	if (s->wildcard &&
		setsockopt(fd,
			s->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
			s->family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO,
			&on, sizeof(on)) != 0)
		goto fail;
	/* Where the kernel cannot, they come one by one. */
	s->trains = setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0;
	s->stamps = setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on,
			    sizeof(on)) == 0;
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (bind(fd, (const struct sockaddr *)a,
		    ice_addr_len((const struct sockaddr *)a)) != 0)
		goto fail;
	s->fd = fd;
	return 0;
fail:
	err = -errno;
	close(fd);
	return err;
}

static void explain(char ret_error[UDP_ERROR_MAX], const char *address,
	unsigned port, int err)
{
	const char *what = "check media.listen and media.port";

	if (err == -EADDRINUSE)
		what = "another program (or another hearth) holds it: stop "
		       "that "
		       "or choose another media.port";
	else if (err == -EADDRNOTAVAIL)
		what = "this machine has no such address: correct media.listen";
	else if (err == -EACCES)
		what = "ports below 1024 need rights: choose a higher "
		       "media.port";
	else if (err == -EINVAL)
		what = "media.listen wants IP addresses, such as 0.0.0.0";
	snprintf(ret_error, UDP_ERROR_MAX,
		"media.port: cannot use UDP port %u on %.64s (%s); %s", port,
		address, strerror(-err), what);
}

static void note_paths(struct udp *u)
{
	unsigned count[2] = { 0, 0 };

	for (unsigned i = 0; i < u->n; i++) {
		unsigned f = udp_family_index(u->v[i].family);

		if (++count[f] > 1 || u->v[i].wildcard)
			u->ask_path[f] = true;
	}
}

static bool family_missing(int err)
{
	return err == -EAFNOSUPPORT || err == -EPROTONOSUPPORT;
}

int udp_init(struct udp *u, const char *const *addresses, unsigned n,
	unsigned port, char ret_error[UDP_ERROR_MAX])
{
	int err = -EINVAL, lacking = -EINVAL;
	const char *lacks = n ? addresses[0] : "(none)";

	memset(u, 0, sizeof(*u));
	for (unsigned i = 0; i < n && u->n < UDP_SOCKETS; i++) {
		struct sockaddr_storage a;

		err = udp_address_parse(addresses[i], port, &a);
		if (!err)
			err = open_socket(&u->v[u->n], &a);
		/* Without IPv6 in the kernel "::" of the default is no error;
		 * with IPv6 switched off by sysctl it cannot be bound. */
		if (family_missing(err) ||
			(err == -EADDRNOTAVAIL && is_wildcard(&a))) {
			lacking = err;
			lacks = addresses[i];
			continue;
		}
		if (err) {
			explain(ret_error, addresses[i], port, err);
			goto fail;
		}
		u->n++;
	}
	if (!u->n) {
		err = lacking;
		explain(ret_error, lacks, port, err);
		goto fail;
	}
	u->batch = calloc(1, sizeof(*u->batch));
	if (!u->batch) {
		err = -ENOMEM;
		snprintf(ret_error, UDP_ERROR_MAX, "out of memory");
		goto fail;
	}
	note_paths(u);
	return 0;
fail:
	udp_done(u);
	return err;
}

void udp_done(struct udp *u)
{
	for (unsigned i = 0; i < u->n; i++)
		close(u->v[i].fd);
	u->n = 0;
	free(u->batch);
	u->batch = NULL;
}

unsigned udp_port(const struct udp *u, unsigned index)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (index >= u->n ||
		getsockname(u->v[index].fd, (struct sockaddr *)&a, &len) != 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6
			     ? ((struct sockaddr_in6 *)&a)->sin6_port
			     : ((struct sockaddr_in *)&a)->sin_port);
}

/* Own addresses. */

static bool usable(const struct sockaddr *a, bool loopback)
{
	if (a->sa_family == AF_INET) {
		uint32_t ip =
			ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr);

		if (ip >> 24 == 127)
			return loopback;
		return !loopback && ip != 0 && ip >> 16 != 0xa9fe;
	}
	if (a->sa_family == AF_INET6) {
		const struct in6_addr *ip =
			&((const struct sockaddr_in6 *)a)->sin6_addr;

		if (IN6_IS_ADDR_LOOPBACK(ip))
			return loopback;
		return !loopback && !IN6_IS_ADDR_LINKLOCAL(ip) &&
		       !IN6_IS_ADDR_UNSPECIFIED(ip);
	}
	return false;
}

static unsigned add_address(struct sockaddr_storage ret[UDP_ADDRESSES],
	unsigned n, const struct sockaddr *a, unsigned port)
{
	struct sockaddr_storage s;

	memset(&s, 0, sizeof(s));
	memcpy(&s, a, ice_addr_len(a));
	if (s.ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&s)->sin6_port = htons((uint16_t)port);
		((struct sockaddr_in6 *)&s)->sin6_flowinfo = 0;
	} else {
		((struct sockaddr_in *)&s)->sin_port = htons((uint16_t)port);
	}
	for (unsigned i = 0; i < n; i++)
		if (ice_addr_equal(
			    (struct sockaddr *)&ret[i], (struct sockaddr *)&s))
			return n;
	if (n < UDP_ADDRESSES)
		ret[n++] = s;
	return n;
}

static unsigned add_interfaces(const struct udp *u, unsigned index, bool lo,
	struct sockaddr_storage ret[UDP_ADDRESSES], unsigned n)
{
	struct ifaddrs *list, *i;

	if (getifaddrs(&list) != 0)
		return n;
	for (i = list; i; i = i->ifa_next)
		if (i->ifa_addr && (i->ifa_flags & IFF_UP) &&
			i->ifa_addr->sa_family == u->v[index].family &&
			usable(i->ifa_addr, lo))
			n = add_address(
				ret, n, i->ifa_addr, udp_port(u, index));
	freeifaddrs(list);
	return n;
}

unsigned udp_addresses(
	const struct udp *u, struct sockaddr_storage ret[UDP_ADDRESSES])
{
	unsigned n = 0;

	for (int lo = 0; lo < 2 && !n; lo++)
		for (unsigned i = 0; i < u->n; i++) {
			struct sockaddr_storage a;
			socklen_t len = sizeof(a);

			if (u->v[i].wildcard)
				n = add_interfaces(u, i, lo, ret, n);
			else if (getsockname(u->v[i].fd, (struct sockaddr *)&a,
					 &len) == 0)
				n = add_address(ret, n, (struct sockaddr *)&a,
					udp_port(u, i));
		}
	return n;
}
