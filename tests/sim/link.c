#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

#define MILLION UINT64_C(1000000)

uint64_t link_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool chance(struct link *l, unsigned ppm)
{
	return ppm && link_random(&l->random) % MILLION < ppm;
}

bool link_init(struct link *l, const struct link_config *cfg, uint64_t seed,
	uint64_t now_us)
{
	memset(l, 0, sizeof(*l));
	l->queue = calloc(LINK_PACKETS, sizeof(*l->queue));
	l->wire = calloc(LINK_PACKETS, sizeof(*l->wire));
	if (!l->queue || !l->wire) {
		link_done(l);
		return false;
	}
	l->cfg = *cfg;
	l->random = seed;
	l->start_us = l->served_us = now_us;
	return true;
}

void link_done(struct link *l)
{
	free(l->queue);
	free(l->wire);
	l->queue = l->wire = NULL;
	l->n_queue = l->n_wire = 0;
}

/* The rate at a time and until when it lasts; UINT64_MAX bit/s: no limit. */
static uint64_t rate_at(
	const struct link *l, uint64_t at_us, uint64_t *ret_until_us)
{
	const struct link_config *c = &l->cfg;
	uint64_t in_us = at_us - l->start_us, base_us = l->start_us;
	unsigned i = c->n_trace;

	*ret_until_us = UINT64_MAX;
	if (c->cut)
		return 0;
	if (c->n_trace == 0)
		return c->rate_bps ? c->rate_bps : UINT64_MAX;
	if (c->trace_us) {
		base_us += in_us / c->trace_us * c->trace_us;
		in_us %= c->trace_us;
	}
	while (i > 1 && c->trace[i - 1].at_us > in_us)
		i--;
	if (i < c->n_trace)
		*ret_until_us = base_us + c->trace[i].at_us;
	else if (c->trace_us)
		*ret_until_us = base_us + c->trace_us;
	return c->trace[i - 1].rate_bps;
}

static uint64_t work_of(size_t len)
{
	return len * 8 * MILLION;
}

/* When the head is served, and, in *left, what is not done of it by until_us
 * if that comes first (the answer is then above it). */
static uint64_t head_done(
	const struct link *l, uint64_t until_us, uint64_t *left)
{
	uint64_t at_us = l->served_us, end_us;

	/* A trace of nothing but zeros must end too. */
	for (unsigned i = 0; i < 2 * l->cfg.n_trace + 2; i++) {
		uint64_t rate = rate_at(l, at_us, &end_us), need_us;

		if (rate == UINT64_MAX)
			return at_us;
		if (rate > 0) {
			need_us = (*left + rate - 1) / rate;
			if (end_us > until_us)
				end_us = until_us;
			if (need_us <= end_us - at_us)
				return at_us + need_us;
			*left -= rate * (end_us - at_us);
		}
		if (end_us >= until_us)
			return UINT64_MAX;
		at_us = end_us;
	}
	return UINT64_MAX;
}

static bool earlier(const struct link_packet *a, const struct link_packet *b)
{
	return a->ready_us != b->ready_us ? a->ready_us < b->ready_us
					  : a->order < b->order;
}

static void wire_push(struct link *l, const struct link_packet *p)
{
	unsigned at = l->n_wire++;

	while (at > 0 && earlier(p, &l->wire[(at - 1) / 2])) {
		l->wire[at] = l->wire[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	l->wire[at] = *p;
}

static void wire_pop(struct link *l, struct link_packet *ret)
{
	struct link_packet last = l->wire[--l->n_wire];
	unsigned at = 0, child;

	*ret = l->wire[0];
	while ((child = 2 * at + 1) < l->n_wire) {
		if (child + 1 < l->n_wire &&
			earlier(&l->wire[child + 1], &l->wire[child]))
			child++;
		if (!earlier(&l->wire[child], &last))
			break;
		l->wire[at] = l->wire[child];
		at = child;
	}
	l->wire[at] = last;
}

static bool wire_loses(struct link *l)
{
	const struct link_config *c = &l->cfg;

	if (!l->in_burst)
		l->in_burst = chance(l, c->burst_ppm);
	else if (c->burst_len)
		l->in_burst = !chance(l, (unsigned)(MILLION / c->burst_len));
	if (l->in_burst && chance(l, c->burst_loss_ppm))
		return true;
	return chance(l, c->loss_ppm);
}

static void onto_wire(struct link *l, struct link_packet p, uint64_t at_us)
{
	const struct link_config *c = &l->cfg;

	p.lost = wire_loses(l);
	p.ready_us = at_us + c->delay_us;
	if (c->jitter_us)
		p.ready_us += link_random(&l->random) % (c->jitter_us + 1);
	if (!c->reorder && p.ready_us < l->last_ready_us)
		p.ready_us = l->last_ready_us;
	l->last_ready_us = p.ready_us;
	/* A late one holds up nobody, so it is no one's last_ready_us. */
	if (chance(l, c->late_ppm))
		p.ready_us += c->late_us;
	wire_push(l, &p);
}

static void serve(struct link *l, uint64_t now_us)
{
	while (l->n_queue && l->n_wire < LINK_PACKETS) {
		struct link_packet *p = &l->queue[l->head];
		uint64_t done_us = head_done(l, now_us, &l->left);

		if (done_us > now_us)
			break;
		l->served_us = done_us;
		onto_wire(l, *p, done_us);
		l->queued_bytes -= p->len;
		l->head = (l->head + 1) % LINK_PACKETS;
		if (--l->n_queue)
			l->left = work_of(l->queue[l->head].len);
	}
	if (l->served_us < now_us)
		l->served_us = now_us;
}

void link_set(struct link *l, uint64_t now_us, const struct link_config *cfg)
{
	serve(l, now_us);
	l->cfg = *cfg;
	l->start_us = now_us;
}

static bool queue_takes(const struct link *l, uint64_t now_us, size_t len)
{
	const struct link_config *c = &l->cfg;
	uint64_t until_us, rate = rate_at(l, now_us, &until_us);
	size_t bytes = l->queued_bytes + len;

	if (c->cut || l->n_queue == LINK_PACKETS)
		return false;
	if (c->queue_bytes && bytes > c->queue_bytes)
		return false;
	/* One packet always fits, however slow the link. */
	if (c->queue_us && rate > 0 && rate != UINT64_MAX && l->n_queue)
		return work_of(bytes) / rate <= c->queue_us;
	return true;
}

bool link_send(struct link *l, uint64_t now_us, size_t len, uint64_t handle)
{
	struct link_packet *p;

	serve(l, now_us);
	l->sent++;
	if (!queue_takes(l, now_us, len)) {
		l->dropped++;
		return false;
	}
	if (l->n_queue == 0)
		l->left = work_of(len);
	p = &l->queue[(l->head + l->n_queue++) % LINK_PACKETS];
	*p = (struct link_packet){ .handle = handle,
		.sent_us = now_us,
		.len = len,
		.order = l->order++ };
	l->queued_bytes += len;
	serve(l, now_us);
	return true;
}

uint64_t link_deadline(const struct link *l)
{
	uint64_t at_us = UINT64_MAX, left = l->left, done_us;

	if (l->n_wire)
		at_us = l->wire[0].ready_us;
	if (l->n_queue && l->n_wire < LINK_PACKETS) {
		done_us = head_done(l, UINT64_MAX, &left);
		if (done_us < at_us)
			at_us = done_us;
	}
	return at_us;
}

bool link_take(struct link *l, uint64_t now_us, struct link_packet *ret)
{
	serve(l, now_us);
	if (l->n_wire == 0 || l->wire[0].ready_us > now_us)
		return false;
	wire_pop(l, ret);
	if (ret->lost) {
		l->lost++;
	} else {
		l->delivered++;
		l->delivered_bytes += ret->len;
	}
	return true;
}

uint64_t link_wait_us(const struct link *l, uint64_t now_us)
{
	uint64_t until_us, rate = rate_at(l, now_us, &until_us);

	if (rate == 0)
		return l->n_queue ? UINT64_MAX : 0;
	return rate == UINT64_MAX ? 0 : work_of(l->queued_bytes) / rate;
}

void link_trace_mobile(
	struct link_step *ret, unsigned n, uint64_t mean_bps, uint64_t seed)
{
	uint64_t rate = mean_bps;
	unsigned fading = 0;

	for (unsigned i = 0; i < n; i++) {
		/* Up to a quarter up or down, drawn a tenth to the middle. */
		uint64_t factor = 750 + link_random(&seed) % 501;

		rate = (rate * factor / 1000 * 9 + mean_bps) / 10;
		if (rate < mean_bps / 8)
			rate = mean_bps / 8;
		if (rate > 2 * mean_bps)
			rate = 2 * mean_bps;
		if (fading > 0)
			fading--;
		else if (link_random(&seed) % 100 == 0)
			fading = 2 + (unsigned)(link_random(&seed) % 3);
		ret[i].at_us = i * UINT64_C(100000);
		ret[i].rate_bps = fading ? mean_bps / 50 : rate;
	}
}
