/*
 * A wire between two ends, for the tests of this folder: virtual time, seeded
 * loss, delay and duplication. Packets go to the other end's `receive`.
 */
#ifndef HEARTH_TESTS_DTLS_NET_H
#define HEARTH_TESTS_DTLS_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_PACKETS_MAX = 8192, NET_PACKET_MAX = 2048 };

struct net_packet {
	uint64_t at_us;
	unsigned to;
	size_t len;
	uint8_t buf[NET_PACKET_MAX];
};

struct net {
	uint64_t now_us;
	uint64_t seed;
	unsigned loss_percent, duplicate_percent;
	uint64_t delay_us, jitter_us;
	unsigned n;
	struct net_packet *packets; /* NET_PACKETS_MAX */
	unsigned sent, lost;
	size_t longest; /* of all packets sent */
	void (*receive)(void *arg, unsigned to, const uint8_t *buf, size_t len);
	void *arg;
};

void net_init(struct net *n, uint64_t seed);
void net_done(struct net *n);
uint32_t net_random(struct net *n);
void net_send(struct net *n, unsigned to, const uint8_t *buf, size_t len);

/* Delivers what is due; true when something was. */
bool net_deliver(struct net *n);
/* When the next packet arrives; UINT64_MAX: none is under way. */
uint64_t net_deadline(const struct net *n);

#endif
