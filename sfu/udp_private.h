/*
 * What udp.c and udp_open.c share: the buffers of one recvmmsg and sendmmsg.
 */
#ifndef HEARTH_SFU_UDP_PRIVATE_H
#define HEARTH_SFU_UDP_PRIVATE_H

#include <time.h>
#include "sfu/udp.h"

enum {
	UDP_PATH = CMSG_SPACE(sizeof(struct in6_pktinfo)),
	UDP_CONTROL = UDP_PATH + CMSG_SPACE(sizeof(int)) +
		      CMSG_SPACE(sizeof(struct timespec)),
	UDP_STAMP_MAX_US = 1000000, /* older: the clock was set */
	UDP_TRAIN_MAX = 65535,      /* of one message that came in */
	/* So that buffers do not begin at the same places of the cache. */
	UDP_BUFFER_EACH = UDP_TRAIN_MAX + 1 + 17 * 64,
	UDP_SEND = 64,     /* messages per sendmmsg */
	UDP_SEGMENTS = 16, /* of a message; no downlink likes longer bursts */
	UDP_PARTS = 512,
};

/* A datagram, or some of one size to one receiver. */
struct udp_message {
	const struct udp_path *path;
	uint16_t size; /* of each segment but the last, which may be shorter */
	uint16_t segments;
};

/* On the heap and never on the stack: 2 MB, of which pages are real once a
 * train has filled them. */
struct udp_batch {
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH];
	struct sockaddr_storage from[UDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t in_control[UDP_BATCH][UDP_CONTROL];
	struct udp_datagram got[UDP_BATCH];
	uint8_t buf[UDP_BATCH][UDP_BUFFER_EACH];
	/* Messages that came in, on which socket; the one being cut, and how
	 * far. */
	unsigned n_in, in_socket, at;
	size_t offset;
	/* When they were read, on CLOCK_MONOTONIC, and on CLOCK_REALTIME, which
	 * the kernel's stamps are of. */
	uint64_t read_us, read_real_us;

	struct mmsghdr out[UDP_SEND];
	struct udp_message message[UDP_SEND];
	unsigned n_out, n_parts;
	struct iovec part[UDP_PARTS];
	_Alignas(struct cmsghdr) uint8_t out_control[UDP_SEND][UDP_CONTROL];
};

static inline unsigned udp_family_index(sa_family_t family)
{
	return family == AF_INET6;
}

#endif
