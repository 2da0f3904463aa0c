#include "rtp/probe.h"

#include <string.h>

/* Of the cluster's packets; enough to judge it in spite of loss. */
enum { ENOUGH_PERCENT = 75 };
enum { FULL_PERCENT = 90, ABSURD = 2, INTERVAL_MAX_US = 1000000 };

void probe_init(struct probe *p)
{
	memset(p, 0, sizeof(*p));
}

bool probe_wish(struct probe *p, uint64_t rate_bps)
{
	if (p->n_wishes == PROBE_QUEUE || rate_bps == 0)
		return false;
	p->wish_bps[p->n_wishes++] = rate_bps;
	return true;
}

static void abandon(struct probe *p)
{
	if (p->active)
		p->active->id = 0;
	p->active = NULL;
}

void probe_cancel(struct probe *p)
{
	p->n_wishes = 0;
	abandon(p);
}

static struct probe_cluster *free_cluster(struct probe *p)
{
	struct probe_cluster *oldest = &p->cluster[0];

	for (unsigned i = 0; i < PROBE_CLUSTERS; i++) {
		struct probe_cluster *c = &p->cluster[i];

		if (c->id == 0)
			return c;
		if (c->begun_us < oldest->begun_us)
			oldest = c;
	}
	return oldest;
}

static void begin(struct probe *p, uint64_t now_us)
{
	struct probe_cluster *c = free_cluster(p);

	if (++p->last_id == 0)
		p->last_id = 1;
	*c = (struct probe_cluster){
		.id = p->last_id, .rate_bps = p->wish_bps[0], .begun_us = now_us
	};
	p->wish_bps[0] = p->wish_bps[1];
	p->n_wishes--;
	p->active = c;
}

static size_t bytes_by(const struct probe_cluster *c, uint64_t us)
{
	return (size_t)(c->rate_bps * us / 8000000);
}

/* Small ones where the rate is low: the cluster is to be short even so. */
static size_t packet_size(const struct probe_cluster *c)
{
	size_t size = bytes_by(c, PROBE_US) / PROBE_PACKETS;

	if (size < PROBE_SIZE_MIN)
		return PROBE_SIZE_MIN;
	return size > PROBE_SIZE_MAX ? PROBE_SIZE_MAX : size;
}

size_t probe_due(struct probe *p, uint64_t now_us)
{
	/* Nothing could be found to send for it. */
	if (p->active && now_us - p->active->begun_us > PROBE_GIVE_UP_US)
		abandon(p);
	if (!p->active && p->n_wishes)
		begin(p, now_us);
	if (!p->active || now_us < probe_deadline(p, now_us))
		return 0;
	return packet_size(p->active);
}

uint64_t probe_deadline(const struct probe *p, uint64_t now_us)
{
	const struct probe_cluster *c = p->active;

	if (!c)
		return p->n_wishes ? now_us : UINT64_MAX;
	return c->begun_us + c->sent_bytes * 8000000 / c->rate_bps;
}

uint64_t probe_rate(const struct probe *p)
{
	return p->active ? p->active->rate_bps : 0;
}

static void end(struct probe *p, uint64_t now_us)
{
	p->active->ended_us = now_us;
	p->active = NULL;
}

uint8_t probe_sent(struct probe *p, uint64_t now_us, size_t bytes)
{
	struct probe_cluster *c = p->active;

	if (!c)
		return 0;
	c->sent++;
	c->sent_bytes += bytes;
	if (c->sent_first_us == 0)
		c->sent_first_us = now_us;
	if (c->sent >= PROBE_PACKETS && c->sent_bytes >= bytes_by(c, PROBE_US))
		end(p, now_us);
	return c->id;
}

static struct probe_cluster *find(struct probe *p, uint8_t id)
{
	for (unsigned i = 0; i < PROBE_CLUSTERS; i++)
		if (p->cluster[i].id == id)
			return &p->cluster[i];
	return NULL;
}

void probe_arrived(struct probe *p, uint8_t id, uint64_t sent_us,
	uint64_t arrival_us, size_t bytes)
{
	struct probe_cluster *c = id ? find(p, id) : NULL;

	if (!c || c->judged)
		return;
	if (c->arrived == 0 || arrival_us < c->arrival_first_us) {
		c->arrival_first_us = arrival_us;
		c->first_bytes = bytes;
	}
	if (arrival_us > c->arrival_last_us)
		c->arrival_last_us = arrival_us;
	if (c->arrived == 0 || sent_us < c->sent_first_us)
		c->sent_first_us = sent_us;
	if (sent_us >= c->sent_last_us) {
		c->sent_last_us = sent_us;
		c->last_bytes = bytes;
	}
	c->arrived++;
	c->arrived_bytes += bytes;
}

/* bit/s, 0 if the interval says nothing. */
static uint64_t rate_of(size_t bytes, uint64_t from_us, uint64_t to_us)
{
	uint64_t us = to_us - from_us;

	if (us == 0 || us > INTERVAL_MAX_US)
		return 0;
	return bytes * UINT64_C(8000000) / us;
}

static void judge(const struct probe_cluster *c, struct probe_result *ret)
{
	/* n packets span n - 1 gaps. */
	uint64_t sent_bps = rate_of(c->arrived_bytes - c->last_bytes,
		c->sent_first_us, c->sent_last_us);
	uint64_t got_bps = rate_of(c->arrived_bytes - c->first_bytes,
		c->arrival_first_us, c->arrival_last_us);

	/* Sent late and at once: what spread them is the path. */
	if (c->sent_last_us == c->sent_first_us)
		sent_bps = c->rate_bps;
	*ret = (struct probe_result){ .rate_bps = c->rate_bps };
	/* All in one burst out of some buffer: no measure. */
	if (sent_bps == 0 || got_bps == 0 || got_bps > ABSURD * sent_bps)
		return;
	ret->full = got_bps * 100 < sent_bps * FULL_PERCENT;
	ret->bps = got_bps < sent_bps ? got_bps : sent_bps;
}

bool probe_judge(struct probe *p, uint64_t now_us, struct probe_result *ret)
{
	for (unsigned i = 0; i < PROBE_CLUSTERS; i++) {
		struct probe_cluster *c = &p->cluster[i];

		if (c->id == 0 || !c->ended_us)
			continue;
		if (!c->judged && c->arrived >= PROBE_PACKETS - 1 &&
			c->arrived * 100 >= c->sent * ENOUGH_PERCENT) {
			c->judged = true;
			c->id = 0;
			judge(c, ret);
			return true;
		} else if (now_us - c->ended_us > PROBE_GIVE_UP_US) {
			c->id = 0;
		}
	}
	return false;
}

bool probe_busy(const struct probe *p)
{
	if (p->n_wishes)
		return true;
	for (unsigned i = 0; i < PROBE_CLUSTERS; i++)
		if (p->cluster[i].id)
			return true;
	return false;
}
