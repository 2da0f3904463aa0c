#include "sfu/layers.h"
#include <stdlib.h>
#include <string.h>
#include "rtp/dependency.h"
#include "rtp/layer_align.h"

struct layers *layers_new(bool simulcast)
{
	struct layers *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	layer_choice_init(&l->choice, simulcast);
	layer_rewrite_init(&l->rewrite);
	l->last = LAYER_NONE;
	return l;
}

struct layers *layers_free(struct layers *l)
{
	free(l);
	return NULL;
}

void layers_adopt(struct layers *l)
{
	layer_choice_adopt(&l->choice);
	l->fresh = true;
	l->last = 0;
}

void layers_aim(
	struct layers *l, uint64_t now_us, uint8_t spatial, uint8_t temporal)
{
	layer_choice_aim(&l->choice, now_us, spatial, temporal);
}

uint8_t layers_wanted(const struct layers *l)
{
	const struct layer_choice *c = &l->choice;
	return c->simulcast || c->aim_spatial == LAYER_NONE ? c->aim_spatial
							    : 0;
}

bool layers_are_too_many(const struct layers *l)
{
	const struct layer_choice *c = &l->choice;
	return !c->simulcast && c->encoding != LAYER_NONE && !c->adopted &&
	       layer_choice_spatial(c) > c->aim_spatial;
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
	if (l->fresh)
		layer_rewrite_adopt(&l->rewrite, &p->layer);
	l->fresh = false;
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

bool layers_marker(const struct layers *l, const struct layer_info *info,
	const struct rtp_packet *pkt)
{
	return layer_choice_marker(&l->choice, pkt->ts, info, pkt->marker);
}

/* A frame of before the structure is not of that many targets. */
static bool counts_on(const struct layers *l, const struct layer_info *info)
{
	const struct dependency *d = info->dependency;
	return d && d->generation == l->choice.generation &&
	       (int16_t)(uint16_t)(info->frame_number - d->number) >= 0;
}

uint8_t layers_describe(struct layers *l, const struct layer_info *info,
	uint32_t ts, const struct rtp_ext *ext, uint8_t *ret)
{
	uint32_t active = layer_choice_active(&l->choice, ts);
	uint16_t number = (uint16_t)(ext->data[1] << 8 | ext->data[2]);
	size_t len = ext->len;
	memcpy(ret, ext->data, len);
	if (active && counts_on(l, info)) {
		len = dependency_set_active(ret, len, info, active);
		/* Too long to be sent: then as it came. */
		if (len > UINT8_MAX)
			memcpy(ret, ext->data, len = ext->len);
	}
	dependency_set_number(ret, layer_rewrite_number(&l->rewrite, number));
	return (uint8_t)len;
}

void layers_restart(struct layers *l, uint64_t now_us)
{
	uint8_t spatial = l->choice.aim_spatial;
	uint8_t temporal = l->choice.aim_temporal;
	layer_choice_aim(&l->choice, now_us, LAYER_NONE, temporal);
	layer_choice_aim(&l->choice, now_us, spatial, temporal);
}
