#include "rtp/layer_rewrite.h"

#include <string.h>

#include "rtp/bytes.h"

enum {
	PICTURES_KNOWN = 8192, /* well below half the circle of 16 bits */
};

void layer_rewrite_init(struct layer_rewrite *r)
{
	memset(r, 0, sizeof(*r));
}

/* The number of 16 bits next to `near` that ends in these 7 or 15. */
static uint16_t unwrap(uint16_t near, const struct layer_info *i)
{
	unsigned gone = i->picture_id_len == 2 ? 1 : 9;
	uint16_t low = (uint16_t)(i->picture_id - near);
	uint16_t d = (uint16_t)((uint32_t)low << gone);

	return (uint16_t)(near + (int16_t)d / (1 << gone));
}

/* a minus b around the circle. */
static int ahead(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

void layer_rewrite_switch(
	struct layer_rewrite *r, const struct layer_info *info)
{
	const bool first = !r->started;

	r->started = true;
	r->n_steps = 0;
	if (first) {
		r->out_picture = (uint16_t)(info->picture_id - 1);
		r->out_tl0 = (uint8_t)(info->tl0 - 1);
		r->out_key = (uint8_t)(info->key_index - 1);
		r->out_number = (uint16_t)(info->frame_number - 1);
	}
	r->in_picture = info->picture_id;
	r->floor = info->picture_id;
	r->first_shift = (uint16_t)(r->out_picture + 1 - info->picture_id);
	r->tl0_shift = (uint8_t)(r->out_tl0 + 1 - info->tl0);
	r->key_shift = (uint8_t)(r->out_key + 1 - info->key_index);
	r->number_shift = (uint16_t)(r->out_number + 1 - info->frame_number);
}

void layer_rewrite_adopt(struct layer_rewrite *r, const struct layer_info *info)
{
	layer_rewrite_init(r);
	layer_rewrite_switch(r, info);
	/* Itself it may be one that is dropped. */
	r->in_picture--;
	r->floor = (uint16_t)(r->floor - PICTURES_KNOWN);
}

static void forget_oldest(struct layer_rewrite *r)
{
	r->floor = r->step[0].from;
	r->first_shift = r->step[0].shift;
	r->n_steps--;
	memmove(r->step, r->step + 1, r->n_steps * sizeof(r->step[0]));
}

/* Numbers go round: what is far behind must not come to look new. */
static void note_seen(struct layer_rewrite *r, uint16_t picture)
{
	r->in_picture = picture;
	while (r->n_steps && ahead(picture, r->step[0].from) > PICTURES_KNOWN)
		forget_oldest(r);
	if (ahead(picture, r->floor) > PICTURES_KNOWN)
		r->floor = (uint16_t)(picture - PICTURES_KNOWN);
}

static uint16_t newest_shift(const struct layer_rewrite *r)
{
	return r->n_steps ? r->step[r->n_steps - 1].shift : r->first_shift;
}

void layer_rewrite_drop(struct layer_rewrite *r, const struct layer_info *info)
{
	uint16_t picture, shift;

	if (!r->started || !info->picture_id_len || !info->gapless)
		return;
	picture = unwrap(r->in_picture, info);
	/* Behind what was seen the numbers are given out: it stays a gap. */
	if (ahead(picture, r->in_picture) <= 0)
		return;
	shift = (uint16_t)(newest_shift(r) - 1);
	note_seen(r, picture);
	if (r->n_steps && r->step[r->n_steps - 1].from == picture)
		r->n_steps--;
	else if (r->n_steps == LAYER_STEPS)
		forget_oldest(r);
	r->step[r->n_steps++] =
		(struct layer_step){ .from = (uint16_t)(picture + 1),
			.shift = shift };
}

/* False when the picture was dropped, or is not known. */
static bool map_picture(
	const struct layer_rewrite *r, uint16_t picture, uint16_t *ret)
{
	unsigned i = r->n_steps;
	uint16_t shift, dropped;

	if (ahead(picture, r->floor) < 0)
		return false;
	while (i > 0 && ahead(picture, r->step[i - 1].from) < 0)
		i--;
	shift = i ? r->step[i - 1].shift : r->first_shift;
	/* Those right before the next step are the ones it closes over. */
	if (i < r->n_steps) {
		dropped = (uint16_t)(shift - r->step[i].shift);
		if (ahead(r->step[i].from, picture) <= dropped)
			return false;
	}
	*ret = (uint16_t)(picture + shift);
	return true;
}

static void write_picture(
	const struct layer_info *info, uint8_t *payload, uint16_t out)
{
	if (info->picture_id_len == 2)
		put_u16(payload + info->picture_id_at, out | 0x8000);
	else
		payload[info->picture_id_at] = out & 0x7f;
}

static bool patch_picture(struct layer_rewrite *r,
	const struct layer_info *info, uint8_t *payload)
{
	uint16_t picture = unwrap(r->in_picture, info), out;

	if (!map_picture(r, picture, &out))
		return false;
	if (ahead(picture, r->in_picture) > 0)
		note_seen(r, picture);
	if (ahead(out, r->out_picture) > 0)
		r->out_picture = out;
	write_picture(info, payload, out);
	return true;
}

static void patch_tl0(struct layer_rewrite *r, const struct layer_info *info,
	uint8_t *payload)
{
	uint8_t out = (uint8_t)(info->tl0 + r->tl0_shift);

	if ((int8_t)(uint8_t)(out - r->out_tl0) > 0)
		r->out_tl0 = out;
	payload[info->tl0_at] = out;
}

static void patch_key(struct layer_rewrite *r, const struct layer_info *info,
	uint8_t *payload)
{
	uint8_t out = (info->key_index + r->key_shift) & 0x1f;

	/* Five bits: newer is less than half of their circle ahead. */
	if (((out - r->out_key) & 0x1f) < 16)
		r->out_key = out;
	payload[info->key_index_at] =
		(uint8_t)((payload[info->key_index_at] & 0xe0) | out);
}

static bool begins_anew(
	const struct layer_rewrite *r, const struct layer_info *info)
{
	int d = ahead(unwrap(r->in_picture, info), r->in_picture);

	return info->key && info->start && info->picture_id_len &&
	       (d > LAYER_PICTURES_JUMP || d < -LAYER_PICTURES_JUMP);
}

bool layer_rewrite_packet(struct layer_rewrite *r,
	const struct layer_info *info, uint8_t *payload)
{
	if (!r->started || begins_anew(r, info))
		layer_rewrite_switch(r, info);
	if (info->picture_id_len && !patch_picture(r, info, payload))
		return false;
	if (info->tl0_at)
		patch_tl0(r, info, payload);
	if (info->key_index_at)
		patch_key(r, info, payload);
	return true;
}

uint16_t layer_rewrite_number(struct layer_rewrite *r, uint16_t number)
{
	uint16_t out = (uint16_t)(number + r->number_shift);

	if (ahead(out, r->out_number) > 0)
		r->out_number = out;
	return out;
}
