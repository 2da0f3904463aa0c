#include "sfu/layers.h"
#include <stdlib.h>
#include <string.h>
#include "rtp/layer_align.h"

struct layers *layers_new(void)
{
	struct layers *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	layer_choice_init(&l->choice, true);
	layer_rewrite_init(&l->rewrite);
	l->last = LAYER_NONE;
	return l;
}

struct layers *layers_free(struct layers *l)
{
	free(l);
	return NULL;
}

static struct layer_report report_of(const struct encoding *e)
{
	return (struct layer_report){ .ntp = e->receive.sr_ntp,
		.ts = e->receive.sr_ts };
}

static void go_over(struct layers *l, struct rewrite *r, uint64_t now_us,
	const struct track *t, const struct track_packet *p)
{
	const struct encoding *from =
		l->last == LAYER_NONE ? NULL : t->encoding[l->last];
	const struct encoding *to = t->encoding[p->encoding];
	uint32_t ts;
	l->last = p->encoding;
	layer_rewrite_switch(&l->rewrite, &p->layer);
	if (from && from != to) {
		struct layer_report a = report_of(to), b = report_of(from);
		if (layer_align(p->view.ts, &a, &b, p->codec->clock_hz, &ts)) {
			rewrite_switch_at(r, now_us, p->seq, p->view.ts,
				ts + r->ts_offset);
			return;
		}
	}
	rewrite_switch(r, now_us, p->seq, p->view.ts);
}

enum layer_verdict layers_judge(struct layers *l, struct rewrite *r,
	uint64_t now_us, const struct track *t, const struct track_packet *p)
{
	if (p->seq <= l->floor[p->encoding])
		return LAYER_IGNORE;
	enum layer_verdict v = layer_choice_packet(
		&l->choice, now_us, p->encoding, p->view.ts, &p->layer);
	if (v == LAYER_SWITCH)
		go_over(l, r, now_us, t, p);
	if (v == LAYER_DROP)
		layer_rewrite_drop(&l->rewrite, &p->layer);
	return v;
}

bool layers_patch(struct layers *l, const struct layer_info *info,
	const struct rtp_packet *pkt, uint8_t ret[LAYERS_HEAD])
{
	size_t n =
		pkt->payload_len < LAYERS_HEAD ? pkt->payload_len : LAYERS_HEAD;
	memcpy(ret, pkt->payload, n);
	return layer_rewrite_packet(&l->rewrite, info, ret);
}

void layers_restart(struct layers *l, uint64_t now_us)
{
	uint8_t spatial = l->choice.aim_spatial;
	uint8_t temporal = l->choice.aim_temporal;
	layer_choice_aim(&l->choice, now_us, LAYER_NONE, temporal);
	layer_choice_aim(&l->choice, now_us, spatial, temporal);
}
