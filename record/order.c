#include "record/order.h"

#include <stdlib.h>
#include <string.h>

#include "record/take.h"
#include "rtp/seq.h"

void order_init(struct order *o)
{
	memset(o, 0, sizeof(*o));
}

void order_done(struct order *o)
{
	struct order_packet *p;

	for (size_t i = 0; i < o->n_slots; i++)
		free(o->slot[i].packet);
	free(o->slot);
	while ((p = o->free)) {
		o->free = p->next_free;
		free(p);
	}
	order_init(o);
}

static struct order_slot *slot_of(const struct order *o, uint64_t number)
{
	return &o->slot[number & (o->n_slots - 1)];
}

static void mark_seen(struct order *o, uint64_t number, bool seen)
{
	uint64_t bit = UINT64_C(1) << (number % 64);
	uint64_t *word = &o->seen[number / 64 % (ORDER_SEEN / 64)];

	*word = seen ? *word | bit : *word & ~bit;
}

static bool was_seen(const struct order *o, uint64_t number)
{
	return number + ORDER_SEEN >= o->next &&
	       o->seen[number / 64 % (ORDER_SEEN / 64)] >> (number % 64) & 1;
}

/* Makes place for the numbers first to end - 1. */
static bool slots_grow(struct order *o, uint64_t first, uint64_t end)
{
	size_t n = o->n_slots ? o->n_slots : ORDER_SLOTS_MIN;
	struct order_slot *slot;

	while (n < end - first)
		n *= 2;
	if (n == o->n_slots)
		return true;
	slot = calloc(n, sizeof(*slot));
	if (!slot)
		return false;
	for (uint64_t i = o->next; i != o->end; i++)
		slot[i & (n - 1)] = *slot_of(o, i);
	free(o->slot);
	o->slot = slot;
	o->n_slots = n;
	return true;
}

static struct order_packet *packet_new(struct order *o)
{
	struct order_packet *p = o->free;

	if (!p)
		return malloc(sizeof(*p));
	o->free = p->next_free;
	return p;
}

/* The number of a packet on the unbroken count. false: from far away. */
static bool number_of(
	struct order *o, uint16_t seq, uint64_t *ret, uint64_t *ret_noticed_us)
{
	uint64_t raw = seq_unwrap(o->last_raw, seq);
	uint64_t number = raw + o->shift;

	if (number < o->end + TAKE_PACKETS && number + TAKE_PACKETS >= o->end) {
		o->far = false;
		if (raw > o->last_raw)
			o->last_raw = raw;
		*ret = number;
		return true;
	}
	if (!o->far || o->far_seq != seq) {
		o->far = true;
		o->far_seq = (uint16_t)(seq + 1);
		return false;
	}
	o->far = false;
	o->last_raw = raw;
	/* The packet that announced the jump was not kept: one is missing. */
	o->shift = o->end + 1 - raw;
	*ret = o->end + 1;
	*ret_noticed_us = 0;
	return true;
}

static bool place(struct order *o, uint64_t number, uint64_t noticed_us)
{
	uint64_t first = number < o->next ? number : o->next;
	uint64_t end = number >= o->end ? number + 1 : o->end;

	if (end - first > TAKE_PACKETS || !slots_grow(o, first, end)) {
		o->pressed = true;
		return false;
	}
	for (uint64_t i = first; i != o->next; i++)
		*slot_of(o, i) =
			(struct order_slot){ .noticed_us = noticed_us };
	for (uint64_t i = o->end; i != end; i++)
		*slot_of(o, i) =
			(struct order_slot){ .noticed_us = noticed_us };
	o->next = first;
	o->end = end;
	return true;
}

static void start(struct order *o, uint16_t seq)
{
	o->started = true;
	o->last_raw = 65536u + seq;
	o->next = o->end = o->last_raw;
}

static void fill(struct order_packet *ret, uint64_t now_us,
	const struct rtp_packet *p, int codec)
{
	ret->arrival_us = now_us;
	ret->ts = p->ts;
	ret->codec = codec;
	ret->marker = p->marker;
	ret->len = codec < 0 ? 0 : (uint16_t)p->payload_len;
	if (ret->len)
		memcpy(ret->payload, p->payload, ret->len);
}

enum order_put order_put(
	struct order *o, uint64_t now_us, const struct rtp_packet *p, int codec)
{
	struct order_packet *kept;
	uint64_t number, noticed_us = now_us;

	if (!o->started)
		start(o, p->seq);
	if (!number_of(o, p->seq, &number, &noticed_us))
		return ORDER_LATE;
	if (number < o->next && o->popped)
		return was_seen(o, number) ? ORDER_DUPLICATE : ORDER_LATE;
	if (number >= o->next && number < o->end && slot_of(o, number)->packet)
		return ORDER_DUPLICATE;
	if (!place(o, number, noticed_us))
		return ORDER_NO_MEMORY;
	kept = packet_new(o);
	if (!kept)
		return ORDER_NO_MEMORY;
	fill(kept, now_us, p, codec);
	slot_of(o, number)->packet = kept;
	o->waiting++;
	return ORDER_KEPT;
}

/* Holes are given up early when more than three quarters of the room wait: what
 * comes before the next look must find a place. */
static bool crowded(const struct order *o)
{
	return o->pressed || o->end - o->next > TAKE_PACKETS / 4 * 3;
}

static bool at_hole(const struct order *o)
{
	return o->next != o->end && !slot_of(o, o->next)->packet;
}

enum order_got order_peek(struct order *o, uint64_t now_us, bool give_up,
	const struct order_packet **ret_packet, unsigned *ret_missing)
{
	unsigned missing = 0;

	if (at_hole(o) && !give_up && !crowded(o) && now_us < order_deadline(o))
		return ORDER_NOTHING;
	for (; at_hole(o); missing++) {
		mark_seen(o, o->next++, false);
		o->popped = true;
	}
	if (o->next == o->end)
		o->pressed = false;
	*ret_packet = o->next == o->end ? NULL : slot_of(o, o->next)->packet;
	*ret_missing = missing;
	return missing ? ORDER_GAP : *ret_packet ? ORDER_PACKET : ORDER_NOTHING;
}

void order_pop(struct order *o)
{
	struct order_slot *s = slot_of(o, o->next);

	s->packet->next_free = o->free;
	o->free = s->packet;
	s->packet = NULL;
	mark_seen(o, o->next, true);
	o->next++;
	o->popped = true;
	o->waiting--;
}

uint64_t order_deadline(const struct order *o)
{
	if (!at_hole(o))
		return UINT64_MAX;
	return slot_of(o, o->next)->noticed_us + TAKE_WAIT_US;
}
