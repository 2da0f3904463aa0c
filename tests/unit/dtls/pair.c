#include "pair.h"

#include <stdlib.h>
#include <string.h>

static void on_send(struct dtls_out *out, const uint8_t *buf, size_t len)
{
	struct pair_end *e = (struct pair_end *)out;
	struct pair *p = e->all;

	if (p->filter == NULL || p->filter(p, 1 - e->to, buf, len))
		net_send(&p->net, e->to, buf, len);
}

void pair_input(struct pair *p, unsigned to, const uint8_t *buf, size_t len)
{
	struct pair_end *e = &p->end[to];
	size_t n;

	if (e->dtls == NULL)
		return;
	dtls_input(e->dtls, p->net.now_us, buf, len, &e->out);
	while ((n = dtls_read(e->dtls, e->read, sizeof(e->read))) > 0) {
		e->read_len = n;
		e->records++;
	}
}

static void on_receive(void *arg, unsigned to, const uint8_t *buf, size_t len)
{
	pair_input(arg, to, buf, len);
}

void pair_init(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	net_init(&p->net, seed);
	p->net.receive = on_receive;
	p->net.arg = p;
	for (unsigned i = 0; i < 2; i++) {
		p->end[i].out.send = on_send;
		p->end[i].all = p;
		p->end[i].to = 1 - i;
		p->end[i].cert = cert_new(PAIR_NOW_S);
	}
	for (unsigned i = 0; i < 2; i++)
		if (dtls_new(&p->end[i].dtls, p->end[i].cert,
			    i == 0 ? DTLS_CLIENT : DTLS_SERVER, "sha-256",
			    cert_fingerprint(p->end[1 - i].cert)) != 0)
			abort();
}

void pair_start(struct pair *p)
{
	for (unsigned i = 2; i-- > 0;)
		if (p->end[i].dtls != NULL)
			dtls_start(
				p->end[i].dtls, p->net.now_us, &p->end[i].out);
}

void pair_done(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		dtls_free(p->end[i].dtls);
		cert_free(p->end[i].cert);
	}
	net_done(&p->net);
}

static uint64_t next_us(const struct pair *p)
{
	uint64_t at_us = net_deadline(&p->net);

	for (unsigned i = 0; i < 2; i++)
		if (p->end[i].dtls != NULL &&
			dtls_deadline(p->end[i].dtls) < at_us)
			at_us = dtls_deadline(p->end[i].dtls);
	return at_us;
}

static void step(struct pair *p, uint64_t at_us)
{
	if (at_us > p->net.now_us)
		p->net.now_us = at_us;
	net_deliver(&p->net);
	for (unsigned i = 0; i < 2; i++)
		if (p->end[i].dtls != NULL)
			dtls_tick(
				p->end[i].dtls, p->net.now_us, &p->end[i].out);
}

void pair_run(struct pair *p, uint64_t for_us)
{
	uint64_t end_us = p->net.now_us + for_us;

	while (next_us(p) <= end_us)
		step(p, next_us(p));
	p->net.now_us = end_us;
}

uint64_t pair_connect(struct pair *p)
{
	uint64_t from_us = p->net.now_us;

	pair_start(p);
	while (dtls_state(p->end[0].dtls) == DTLS_HANDSHAKE ||
		dtls_state(p->end[1].dtls) == DTLS_HANDSHAKE)
		step(p, next_us(p));
	if (dtls_state(p->end[0].dtls) != DTLS_CONNECTED ||
		dtls_state(p->end[1].dtls) != DTLS_CONNECTED)
		return UINT64_MAX;
	return p->net.now_us - from_us;
}
