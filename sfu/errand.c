#include "sfu/errand.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct handshake *handshake_new(struct dtls *d, sfu_id participant)
{
	struct handshake *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->dtls = d;
	h->participant = participant;
	atomic_init(&h->given_up, false);
	return h;
}

bool handshake_is_away(const struct handshake *h)
{
	return h && h->out > 0;
}

struct handshake *handshake_free(struct handshake *h)
{
	assert(!handshake_is_away(h));
	free(h);
	return NULL;
}

void handshake_give_up(struct handshake *h)
{
	assert(handshake_is_away(h));
	atomic_store_explicit(&h->given_up, true, memory_order_relaxed);
}

static void collect(struct dtls_out *to, const uint8_t *buf, size_t len)
{
	struct errand *e = (struct errand *)to;
	if (e->sent == ERRAND_DATAGRAMS || len > ERRAND_OUT - e->used) {
		e->lost++;
		return;
	}
	memcpy(e->out + e->used, buf, len);
	e->used += len;
	e->sent_len[e->sent++] = (uint16_t)len;
}

bool errand_send(struct errands *all, struct handshake *h,
	enum errand_verb verb, uint64_t now_us, const uint8_t *buf, size_t len)
{
	if (h->out == ERRAND_EACH || len > ERRAND_IN)
		return false;
	struct errand *e = all->take(all);
	if (!e)
		return false;
	e->to.send = collect;
	e->to.pause = all->pause;
	e->from = all;
	e->handshake = h;
	e->verb = verb;
	e->now_us = now_us;
	e->len = len;
	if (len)
		memcpy(e->in, buf, len);
	e->sent = e->lost = 0;
	e->used = 0;
	h->out++;
	all->send(all, e);
	return true;
}

void errand_run(struct errand *e)
{
	struct handshake *h = e->handshake;
	if (atomic_load_explicit(&h->given_up, memory_order_relaxed))
		return;
	switch (e->verb) {
	case ERRAND_START:
		dtls_start(h->dtls, e->now_us, &e->to);
		break;
	case ERRAND_INPUT:
		dtls_input(h->dtls, e->now_us, e->in, e->len, &e->to);
		break;
	case ERRAND_TICK:
		dtls_tick(h->dtls, e->now_us, &e->to);
		break;
	}
}

void errand_forget(struct errand *e)
{
	struct handshake *h = e->handshake;
	assert(h->out > 0);
	if (--h->out > 0)
		return;
	/* Without errands under way it is whoever's sent them. */
	if (!atomic_load_explicit(&h->given_up, memory_order_relaxed))
		return;
	dtls_free(h->dtls);
	free(h);
}
