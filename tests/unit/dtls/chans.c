#include "chans.h"

#include <stdlib.h>
#include <string.h>
#include "clock.h"

uint64_t chans_hash(uint64_t hash, const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ buf[i]) * 1099511628211ull;
	return hash;
}

static void on_send(struct assoc_out *out, const uint8_t *buf, size_t len)
{
	struct chans_end *e = (struct chans_end *)out;
	struct chans *p = e->all;

	if (p->filter == NULL || p->filter(p, 1 - e->to, buf, len))
		net_send(&p->net, e->to, buf, len);
}

static void note(struct chans_end *e, const struct channel_event *ev)
{
	e->last = ev->channel;
	e->opened += ev->type == CHANNEL_EV_OPEN;
	e->closed += ev->type == CHANNEL_EV_CLOSED;
	e->down += ev->type == CHANNEL_EV_DOWN;
	if (ev->type != CHANNEL_EV_MESSAGE)
		return;
	e->messages++;
	e->is_binary = ev->binary;
	e->len = ev->len;
	if (ev->len > 0)
		memcpy(e->first, ev->data, ev->len < 8 ? ev->len : 8);
	e->bytes += ev->len;
	e->hash = chans_hash(e->hash, ev->data, ev->len);
}

static void drain(struct chans_end *e)
{
	struct channel_event ev;

	while (e->c != NULL && channels_next(e->c, &ev))
		note(e, &ev);
}

static void on_receive(void *arg, unsigned to, const uint8_t *buf, size_t len)
{
	struct chans *p = arg;

	if (p->end[to].c == NULL)
		return;
	channels_input(p->end[to].c, buf, len);
	drain(&p->end[to]);
}

void chans_init(struct chans *p, uint64_t seed, size_t queue_max)
{
	memset(p, 0, sizeof(*p));
	net_init(&p->net, seed);
	p->net.now_us = clock_now_us;
	p->net.receive = on_receive;
	p->net.arg = p;
	for (unsigned i = 0; i < 2; i++) {
		p->end[i].out.send = on_send;
		p->end[i].all = p;
		p->end[i].to = 1 - i;
		p->end[i].hash = CHANS_HASH;
		if (channels_new(&p->end[i].c, &p->end[i].out, i == 0, 5000,
			    5000, queue_max) != 0)
			abort();
	}
}

void chans_done(struct chans *p)
{
	for (unsigned i = 0; i < 2; i++)
		p->end[i].c = channels_free(p->end[i].c);
	net_done(&p->net);
}

void chans_drain(struct chans *p)
{
	drain(&p->end[0]);
	drain(&p->end[1]);
}

void chans_run(struct chans *p, uint64_t for_us)
{
	uint64_t end_us = p->net.now_us + for_us;

	while (p->net.now_us < end_us) {
		p->net.now_us += 1000;
		clock_now_us = p->net.now_us;
		if (p->net.now_us % ASSOC_TICK_US == 0)
			assoc_global_tick(p->net.now_us);
		chans_drain(p);
		net_deliver(&p->net);
	}
}

bool chans_connect(struct chans *p)
{
	for (unsigned i = 0; i < 1000; i++) {
		chans_run(p, 10000);
		if (channels_is_up(p->end[0].c) && channels_is_up(p->end[1].c))
			return true;
	}
	return false;
}
