#include "sfu/demux.h"

#include <stdlib.h>
#include <string.h>

LIST_HEAD(address_chain, demux_address);
LIST_HEAD(ufrag_chain, demux_ufrag);

struct demux {
	uint8_t key[DEMUX_KEY];
	unsigned mask;
	struct address_chain *addresses;
	struct ufrag_chain *ufrags;
};

static uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

uint64_t demux_hash(
	const uint8_t key[DEMUX_KEY], const uint8_t *data, size_t len)
{
	uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
		k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
	size_t whole = len & ~(size_t)7;

	for (size_t at = 0; at <= whole; at += 8) {
		uint64_t m = at < whole ? load_le(data + at, 8)
					: load_le(data + at, len & 7) |
						  (uint64_t)len << 56;

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static unsigned hash_address(const struct demux *d, const struct sockaddr *a)
{
	uint8_t flat[18];
	size_t len = 0;

	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		memcpy(flat, &in->sin_addr, 4);
		memcpy(flat + 4, &in->sin_port, 2);
		len = 6;
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)a;

		memcpy(flat, &in->sin6_addr, 16);
		memcpy(flat + 16, &in->sin6_port, 2);
		len = 18;
	}
	return (unsigned)demux_hash(d->key, flat, len) & d->mask;
}

static unsigned hash_ufrag(const struct demux *d, const char *ufrag)
{
	return (unsigned)demux_hash(
		       d->key, (const uint8_t *)ufrag, strlen(ufrag)) &
	       d->mask;
}

struct demux *demux_new(const uint8_t key[DEMUX_KEY], unsigned buckets)
{
	struct demux *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	memcpy(d->key, key, DEMUX_KEY);
	d->mask = buckets - 1;
	d->addresses = calloc(buckets, sizeof(*d->addresses));
	d->ufrags = calloc(buckets, sizeof(*d->ufrags));
	if (!d->addresses || !d->ufrags)
		return demux_free(d);
	return d;
}

struct demux *demux_free(struct demux *d)
{
	if (!d)
		return NULL;
	free(d->addresses);
	free(d->ufrags);
	free(d);
	return NULL;
}

static struct demux_address *find_address(
	const struct demux *d, const struct sockaddr *from)
{
	struct demux_address *a;

	LIST_FOREACH(a, &d->addresses[hash_address(d, from)], chain)
	if (ice_addr_equal(&a->addr.any, from))
		return a;
	return NULL;
}

const struct demux_address *demux_find_address(
	const struct demux *d, const struct sockaddr *from)
{
	return find_address(d, from);
}

static void drop_address(struct demux_address *a)
{
	if (!a->owner)
		return;
	LIST_REMOVE(a, chain);
	a->owner = NULL;
}

/* A free place of o, or its stalest. */
static struct demux_address *place_of(struct demux_owner *o)
{
	struct demux_address *best = &o->address[0];

	for (unsigned i = 0; i < DEMUX_ADDRESSES; i++) {
		struct demux_address *a = &o->address[i];

		if (!a->owner)
			return a;
		if (a->proven_us < best->proven_us)
			best = a;
	}
	drop_address(best);
	return best;
}

bool demux_prove(struct demux *d, uint64_t now_us, struct demux_owner *o,
	const struct sockaddr *from, const struct udp_path *path)
{
	struct demux_address *a = find_address(d, from);
	socklen_t len = ice_addr_len(from);

	if (!len)
		return false;
	if (a && a->owner != o) {
		if (now_us - a->proven_us < DEMUX_HOLD_US)
			return false;
		drop_address(a);
		a = NULL;
	}
	if (!a) {
		a = place_of(o);
		memset(&a->addr, 0, sizeof(a->addr));
		memcpy(&a->addr, from, len);
		a->owner = o;
		LIST_INSERT_HEAD(
			&d->addresses[hash_address(d, from)], a, chain);
	}
	a->proven_us = now_us;
	a->path = *path;
	return true;
}

struct demux_owner *demux_find_ufrag(const struct demux *d, const char *ufrag)
{
	struct demux_ufrag *u;

	LIST_FOREACH(u, &d->ufrags[hash_ufrag(d, ufrag)], chain)
	if (strcmp(u->text, ufrag) == 0)
		return u->owner;
	return NULL;
}

static void drop_ufrag(struct demux_ufrag *u)
{
	if (!u->owner)
		return;
	LIST_REMOVE(u, chain);
	u->owner = NULL;
}

void demux_set_ufrags(struct demux *d, struct demux_owner *o,
	const char *const ufrags[DEMUX_UFRAGS])
{
	for (unsigned i = 0; i < DEMUX_UFRAGS; i++) {
		struct demux_ufrag *u = &o->ufrag[i];
		const char *text = ufrags[i];

		if (text && strlen(text) > ICE_UFRAG_LEN)
			text = NULL;
		if (u->owner && text && strcmp(u->text, text) == 0)
			continue;
		drop_ufrag(u);
		if (!text)
			continue;
		memcpy(u->text, text, strlen(text) + 1);
		u->owner = o;
		LIST_INSERT_HEAD(&d->ufrags[hash_ufrag(d, text)], u, chain);
	}
}

void demux_remove(struct demux *d, struct demux_owner *o)
{
	(void)d;
	for (unsigned i = 0; i < DEMUX_ADDRESSES; i++)
		drop_address(&o->address[i]);
	for (unsigned i = 0; i < DEMUX_UFRAGS; i++)
		drop_ufrag(&o->ufrag[i]);
}
