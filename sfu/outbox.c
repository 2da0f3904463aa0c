#include "sfu/outbox.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ice/ice.h"

enum {
	SEALED_AT_ONCE = 128,
	/* Twice the packets that are sealed side by side. */
	SEALED_AS_LENT = 32,
};

int outbox_init(struct outbox *o, void (*flush)(struct outbox *), void *owner)
{
	memset(o, 0, sizeof(*o));
	o->slots = calloc(OUTBOX_PACKETS, sizeof(*o->slots));
	if (!o->slots)
		return -ENOMEM;
	for (unsigned i = 0; i < OUTBOX_PACKETS; i++)
		o->v[i].data = o->slots[i];
	o->flush = flush;
	o->owner = owner;
	return 0;
}

void outbox_done(struct outbox *o)
{
	free(o->slots);
	o->slots = NULL;
	o->n = 0;
}

void outbox_make_room(struct outbox *o, unsigned n)
{
	if (o->n && o->n + n > OUTBOX_PACKETS)
		o->flush(o);
}

static struct packet *next_slot(struct outbox *o)
{
	if (o->n == OUTBOX_PACKETS)
		o->flush(o);
	assert(o->n < OUTBOX_PACKETS);
	if (o->n == 0) {
		o->batch++;
		o->n_targets = 0;
	}
	struct packet *p = &o->v[o->n++];
	p->plug = 0;
	p->key = NULL;
	p->payload = NULL;
	p->rtcp = false;
	p->relay = false;
	p->len = 0;
	p->target = OUTBOX_NONE;
	p->next = OUTBOX_NONE;
	return p;
}

static void new_target(
	struct outbox *o, struct packet *p, const struct sockaddr *to)
{
	struct outbox_target *t = &o->target[o->n_targets];
	memcpy(&t->to, to, ice_addr_len(to));
	t->first = t->last = (uint16_t)(p - o->v);
	p->target = (uint16_t)o->n_targets++;
}

struct packet *outbox_add(struct outbox *o, const struct sockaddr *to)
{
	struct packet *p = next_slot(o);
	new_target(o, p, to);
	return p;
}

/* Nearly always it is one of IPv4, and the same: family, port and address are
 * its first eight bytes. */
static bool is_to(const union outbox_addr *a, const struct sockaddr *b)
{
	_Static_assert(offsetof(struct sockaddr_in, sin_zero) == 8, "IPv4");
	if (a->any.sa_family == AF_INET && memcmp(a, b, 8) == 0)
		return true;
	return ice_addr_equal(&a->any, b);
}

struct packet *outbox_add_flow(
	struct outbox *o, const struct sockaddr *to, struct outbox_flow *flow)
{
	struct packet *p = next_slot(o);
	struct outbox_target *t = &o->target[flow->target];
	if (flow->batch == o->batch && is_to(&t->to, to)) {
		uint16_t at = (uint16_t)(p - o->v);
		o->v[t->last].next = at;
		t->last = at;
		p->target = flow->target;
		return p;
	}
	new_target(o, p, to);
	flow->batch = o->batch;
	flow->target = p->target;
	return p;
}

struct packet *outbox_add_plug(struct outbox *o, uint32_t plug)
{
	struct packet *p = next_slot(o);
	p->plug = plug;
	o->n_plug++;
	return p;
}

bool outbox_lend(
	struct outbox *o, struct packet *p, size_t head, const uint8_t *payload)
{
	if (!p->key)
		return false;
	p->payload = payload;
	p->head = (uint16_t)head;
	o->lent++;
	return true;
}

void outbox_settle(struct outbox *o)
{
	if (o->lent >= SEALED_AS_LENT) {
		outbox_seal(o);
		return;
	}
	for (unsigned i = 0; o->lent && i < o->n; i++) {
		struct packet *p = &o->v[i];
		if (!p->payload)
			continue;
		memcpy(p->data + p->head, p->payload, p->len - p->head);
		p->payload = NULL;
		o->lent--;
	}
}

const struct sockaddr *outbox_to(const struct outbox *o, const struct packet *p)
{
	return p->target == OUTBOX_NONE ? NULL : &o->target[p->target].to.any;
}

static void seal_some(
	struct outbox *o, struct crypt_job *job, const uint16_t *of, unsigned n)
{
	crypt_seal_batch(job, n);
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &o->v[of[i]];
		/* Its key is spent: a second seal would garble it. */
		p->key = NULL;
		p->payload = NULL;
		p->len = job[i].failed ? 0 : (uint16_t)job[i].len;
		o->unsealed += job[i].failed;
	}
}

void outbox_seal(struct outbox *o)
{
	struct crypt_job job[SEALED_AT_ONCE];
	uint16_t of[SEALED_AT_ONCE];
	unsigned n = 0;
	for (unsigned i = 0; i < o->n; i++) {
		struct packet *p = &o->v[i];
		if (!p->key || p->len == 0)
			continue;
		of[n] = (uint16_t)i;
		job[n++] = (struct crypt_job){ .key = p->key,
			.buf = p->data,
			.len = p->len,
			.payload = p->payload,
			.rtcp = p->rtcp };
		if (n == SEALED_AT_ONCE) {
			seal_some(o, job, of, n);
			n = 0;
		}
	}
	seal_some(o, job, of, n);
	o->lent = 0;
}

void outbox_release(struct outbox *o, const struct crypt *key)
{
	if (!key)
		return;
	for (unsigned i = 0; i < o->n; i++) {
		if (o->v[i].key == key) {
			outbox_seal(o);
			return;
		}
	}
}
