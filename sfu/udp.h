/*
 * The worker's UDP sockets: one per listen address (IPv6 ones carry IPv6 only),
 * batches in by recvmmsg (and UDP_GRO, where the kernel has it: what the device
 * put together is cut here), batches out by sendmmsg. Never blocks: what the
 * kernel does not take is dropped and counted, as a full queue in the network
 * would.
 *
 * A reply has to leave from the address its request came to, or the peer's ICE
 * ignores it. On a wildcard socket that address comes with each datagram
 * (IP_PKTINFO); struct udp_path carries it to the demultiplexer, which keeps it
 * with the proven remote address, and udp_send asks for it back. Chosen over
 * one socket per interface address: these would need the same memory of which
 * socket a remote came in on, and would miss addresses that appear later.
 * Price: one hash look-up per run of datagrams to one receiver, on wildcard
 * sockets and where one family has several sockets; none otherwise.
 */
#ifndef HEARTH_SFU_UDP_H
#define HEARTH_SFU_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "sfu/outbox.h"

enum {
	UDP_SOCKETS = 16,
	UDP_BATCH = 32,          /* datagrams per recvmmsg */
	UDP_DATAGRAM_MAX = 2048, /* longer ones are cut off and dropped */
	UDP_BUFFER = 8 << 20,    /* SO_RCVBUF and SO_SNDBUF asked for */
	UDP_ADDRESSES = 16,
	UDP_ERROR_MAX = 256,
};

/* Which way a datagram came in: the socket and, on a wildcard socket, our own
 * address. Given back by the udp_path_h of udp_send. */
struct udp_path {
	uint8_t socket;
	bool has_local;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} local;
};

struct udp_socket {
	int fd;
	sa_family_t family;
	bool wildcard;
	bool trains; /* may come in several at once (UDP_GRO) */
	bool stamps; /* the kernel says when they came (SO_TIMESTAMPNS) */
	/* Segment offload (UDP_SEGMENT): refused so often that it is not tried
	 * any more. */
	unsigned refusals;
};

struct udp_stats {
	uint64_t in, in_bytes, out, out_bytes;
	uint64_t trains;     /* sends of several datagrams at once */
	uint64_t too_long;   /* longer than UDP_DATAGRAM_MAX */
	uint64_t not_taken;  /* the kernel's send buffer was full */
	uint64_t no_socket;  /* no socket of that family */
	uint64_t send_error; /* unreachable and the like */
};

struct udp_datagram { /* buf is the batch's, valid until the next receive */
	uint8_t *buf;
	size_t len;
	uint64_t at_us; /* when the kernel had it, on CLOCK_MONOTONIC */
	const struct sockaddr *from;
	struct udp_path path;
};

struct udp_batch; /* buffers of one recvmmsg; one per worker */

struct udp {
	unsigned n;
	struct udp_socket v[UDP_SOCKETS];
	bool ask_path[2]; /* IPv4, IPv6: udp_send needs paths */
	struct udp_batch *batch;
	struct udp_stats stats;
};

/* The path a proven remote address came in by, NULL if unknown. Asked once per
 * run of datagrams to one receiver. */
typedef const struct udp_path *(
	udp_path_h)(void *arg, const struct sockaddr *to);

/* Opens one socket per address ("0.0.0.0", "::", …) on port (0: any, the same
 * for all is not promised). A family this machine lacks is left out if another
 * address could be bound. 0; or -errno with a sentence that names the key in
 * ret_error; then nothing is left open. udp_done frees. */
int udp_init(struct udp *u, const char *const *addresses, unsigned n,
	unsigned port, char ret_error[UDP_ERROR_MAX]);
void udp_done(struct udp *u);

/* Receives up to UDP_BATCH datagrams from socket index, without waiting. Where
 * the kernel does not say when each came it is now.
 * Returns how many are in *ret (the batch's own), 0 when there is nothing.
 * Where trains came in (UDP_GRO) there may be more of them: those are returned
 * first by the next calls, whatever index these name. */
unsigned udp_receive(
	struct udp *u, unsigned index, const struct udp_datagram **ret);
/* True when udp_receive has some left, of which no socket tells. */
bool udp_has_more(const struct udp *u);

/* Sends every packet of the outbox whose len is not 0 and that has an address,
 * flow by flow, each in its order. Those of a flow that have one size leave as
 * the segments of one send (UDP_SEGMENT, udp(7)) where kernel and device do
 * that. Does not change the outbox. */
void udp_send(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg);

/* The port a socket is bound to, host order; 0 if there is no such socket. */
unsigned udp_port(const struct udp *u, unsigned index);

/* Addresses peers can reach the sockets at: those bound to one address give
 * that; wildcards give every address of the interfaces that are up, without
 * link-local ones, and without loopback unless there is nothing else. Ports are
 * set. Returns how many were written to ret (at most UDP_ADDRESSES). */
unsigned udp_addresses(
	const struct udp *u, struct sockaddr_storage ret[UDP_ADDRESSES]);

/* Reads "192.0.2.1" or "2001:db8::1" with a port into *ret. 0 or -EINVAL. */
int udp_address_parse(
	const char *text, unsigned port, struct sockaddr_storage *ret);

#endif
