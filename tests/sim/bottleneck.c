#include "tests/sim/bottleneck.h"

#include <string.h>

enum { TCP_ID = 128, ACK_BYTES = 60, TURN_US = 100 };

static struct link_config way_back(const struct link_config *down)
{
	struct link_config up = *down;

	up.rate_bps = 0;
	up.n_trace = 0;
	return up;
}

bool bottleneck_init(
	struct bottleneck *b, const struct link_config *down, uint64_t seed)
{
	struct link_config up = way_back(down);

	memset(b, 0, sizeof(*b));
	b->seed = seed;
	return link_init(&b->down, down, link_random(&b->seed), 0) &&
	       link_init(&b->up, &up, link_random(&b->seed), 0);
}

void bottleneck_done(struct bottleneck *b)
{
	link_done(&b->down);
	link_done(&b->up);
	for (unsigned i = 0; i < b->n_flows; i++)
		flow_done(&b->flow[i]);
}

bool bottleneck_flow(struct bottleneck *b, const struct flow_config *cfg)
{
	unsigned i = b->n_flows++;

	return flow_init(
		&b->flow[i], cfg, i, cfg->begin_us, link_random(&b->seed));
}

void bottleneck_tcp(struct bottleneck *b, uint64_t begin_us)
{
	tcp_init(&b->tcp[b->n_tcps], begin_us);
	b->tcp_begin_us[b->n_tcps++] = begin_us;
}

void bottleneck_set(struct bottleneck *b, const struct link_config *down)
{
	struct link_config up = way_back(down);

	link_set(&b->down, b->now_us, down);
	link_set(&b->up, b->now_us, &up);
}

static void take_down(struct bottleneck *b)
{
	uint64_t path_us = b->down.cfg.delay_us;
	struct link_packet p;

	while (link_take(&b->down, b->now_us, &p)) {
		unsigned id = (unsigned)(p.handle >> 56);

		if (p.lost)
			continue;
		if (id < TCP_ID)
			flow_receive(&b->flow[id], b->now_us, &p, path_us);
		else
			link_send(&b->up, b->now_us, ACK_BYTES, p.handle);
	}
}

static void take_up(struct bottleneck *b)
{
	struct link_packet p;

	while (link_take(&b->up, b->now_us, &p)) {
		unsigned id = (unsigned)(p.handle >> 56);
		uint64_t number = p.handle & UINT64_C(0xffffffffffffff);

		if (p.lost)
			continue;
		if (id < TCP_ID)
			flow_feedback(&b->flow[id], b->now_us, number);
		else
			tcp_acked(&b->tcp[id - TCP_ID], b->now_us, number);
	}
}

static void run_tcp(struct bottleneck *b, unsigned i)
{
	struct tcp *t = &b->tcp[i];

	if (b->now_us < b->tcp_begin_us[i])
		return;
	tcp_tick(t, b->now_us);
	while (tcp_may_send(t))
		link_send(&b->down, b->now_us, TCP_BYTES,
			(uint64_t)(TCP_ID + i) << 56 | tcp_sent(t, b->now_us));
}

static void turn(struct bottleneck *b)
{
	take_down(b);
	take_up(b);
	for (unsigned i = 0; i < b->n_flows; i++) {
		if (b->now_us < b->flow[i].cfg.begin_us)
			continue;
		flow_run(&b->flow[i], b->now_us, &b->down);
		flow_reply(&b->flow[i], b->now_us, &b->up);
	}
	for (unsigned i = 0; i < b->n_tcps; i++)
		run_tcp(b, i);
}

static uint64_t next_us(const struct bottleneck *b)
{
	uint64_t at_us = link_deadline(&b->down), us = link_deadline(&b->up);

	at_us = us < at_us ? us : at_us;
	for (unsigned i = 0; i < b->n_flows; i++) {
		us = b->flow[i].cfg.begin_us;
		if (b->now_us >= us)
			us = flow_deadline(&b->flow[i], b->now_us);
		at_us = us < at_us ? us : at_us;
	}
	for (unsigned i = 0; i < b->n_tcps; i++) {
		us = b->tcp_begin_us[i];
		if (b->now_us >= us)
			us = tcp_deadline(&b->tcp[i]);
		at_us = us < at_us ? us : at_us;
	}
	/* As coarse as a loop that does many things. */
	return at_us < b->now_us + TURN_US ? b->now_us + TURN_US : at_us;
}

void bottleneck_run(struct bottleneck *b, uint64_t until_us)
{
	while (b->now_us < until_us) {
		uint64_t at_us = next_us(b);

		b->now_us = at_us < until_us ? at_us : until_us;
		turn(b);
	}
}
