#include "net.h"

#include <stdlib.h>
#include <string.h>

void net_init(struct net *n, uint64_t seed)
{
	memset(n, 0, sizeof(*n));
	n->now_us = 1000000;
	n->seed = seed * 2654435761u + 88172645463325252ull;
	n->delay_us = 20000;
	n->packets = malloc(NET_PACKETS_MAX * sizeof(*n->packets));
	if (n->packets == NULL)
		abort();
}

void net_done(struct net *n)
{
	free(n->packets);
}

uint32_t net_random(struct net *n)
{
	n->seed ^= n->seed << 13;
	n->seed ^= n->seed >> 7;
	n->seed ^= n->seed << 17;
	return (uint32_t)(n->seed >> 16);
}

static void queue(struct net *n, unsigned to, const uint8_t *buf, size_t len)
{
	struct net_packet *p;

	if (n->n == NET_PACKETS_MAX || len > NET_PACKET_MAX)
		abort();
	p = &n->packets[n->n++];
	p->at_us = n->now_us + n->delay_us;
	if (n->jitter_us != 0)
		p->at_us += net_random(n) % n->jitter_us;
	p->to = to;
	p->len = len;
	memcpy(p->buf, buf, len);
}

void net_send(struct net *n, unsigned to, const uint8_t *buf, size_t len)
{
	n->sent++;
	if (len > n->longest)
		n->longest = len;
	if (net_random(n) % 100 < n->loss_percent) {
		n->lost++;
		return;
	}
	queue(n, to, buf, len);
	if (net_random(n) % 100 < n->duplicate_percent)
		queue(n, to, buf, len);
}

/* The earliest; among equals the one sent first. */
static unsigned first(const struct net *n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n->n; i++)
		if (n->packets[i].at_us < n->packets[best].at_us)
			best = i;
	return best;
}

bool net_deliver(struct net *n)
{
	static struct net_packet p;
	bool any = false;

	while (n->n != 0) {
		unsigned i = first(n);

		if (n->packets[i].at_us > n->now_us)
			break;
		p = n->packets[i];
		n->n--;
		memmove(&n->packets[i], &n->packets[i + 1],
			(n->n - i) * sizeof(p));
		n->receive(n->arg, p.to, p.buf, p.len);
		any = true;
	}
	return any;
}

uint64_t net_deadline(const struct net *n)
{
	return n->n == 0 ? UINT64_MAX : n->packets[first(n)].at_us;
}
