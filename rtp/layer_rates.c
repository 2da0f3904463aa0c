#include "rtp/layer_rates.h"

#include <string.h>

#include "rtp/bytes.h"

enum { SIZE_LEN = 5 }; /* width - 1, height - 1, frames per second */

struct reader {
	const uint8_t *p;
	size_t at, len;
};

static bool get_byte(struct reader *r, uint8_t *ret)
{
	if (r->at == r->len)
		return false;
	*ret = r->p[r->at++];
	return true;
}

/* A leb128 of kbit/s, as bit/s; more than fits is as much as fits. */
static bool get_rate(struct reader *r, uint32_t *ret_bps)
{
	uint64_t kbps = 0;
	uint8_t b;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!get_byte(r, &b))
			return false;
		kbps |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		*ret_bps = kbps < UINT32_MAX / 1000 ? (uint32_t)kbps * 1000
						    : UINT32_MAX;
		return true;
	}
	return false;
}

/* Four bits for each stream: its spatial layers. One mask for all, unless that
 * is 0. */
static bool get_masks(struct reader *r, uint8_t first,
	uint8_t mask[LAYER_RATES_STREAMS], unsigned n_streams)
{
	uint8_t b = 0;

	for (unsigned s = 0; s < n_streams; s++) {
		if (first & 15) {
			mask[s] = first & 15;
			continue;
		}
		if (s % 2 == 0 && !get_byte(r, &b))
			return false;
		mask[s] = s % 2 ? b & 15 : b >> 4;
	}
	return true;
}

static void add_layers(struct layer_rates *ret, uint8_t stream, uint8_t mask)
{
	for (uint8_t k = 0; k < LAYER_RATES_SPATIALS; k++)
		if (mask >> k & 1)
			ret->layer[ret->n++] =
				(struct layer_rate){ .stream = stream,
					.spatial = k };
}

static bool get_temporals(struct reader *r, struct layer_rates *ret)
{
	uint8_t b = 0;

	for (unsigned i = 0; i < ret->n; i++) {
		if (i % 4 == 0 && !get_byte(r, &b))
			return false;
		ret->layer[i].n_temporals =
			(uint8_t)((b >> (6 - i % 4 * 2) & 3) + 1);
	}
	return true;
}

static bool get_rates(struct reader *r, struct layer_rates *ret)
{
	for (unsigned i = 0; i < ret->n; i++)
		for (unsigned t = 0; t < ret->layer[i].n_temporals; t++)
			if (!get_rate(r, &ret->layer[i].rate_bps[t]))
				return false;
	return true;
}

/* For all layers, or for none. */
static bool get_sizes(struct reader *r, struct layer_rates *ret)
{
	if (r->at == r->len)
		return true;
	if (r->len - r->at < (size_t)ret->n * SIZE_LEN)
		return false;
	for (unsigned i = 0; i < ret->n; i++, r->at += SIZE_LEN) {
		struct layer_rate *l = &ret->layer[i];
		const uint8_t *p = r->p + r->at;

		/* 65536 does not fit, and nobody has it. */
		l->width = (uint16_t)(get_u16(p) + 1);
		l->height = (uint16_t)(get_u16(p + 2) + 1);
		l->fps = p[4];
	}
	return true;
}

bool layer_rates_read(struct layer_rates *ret, const uint8_t *ext, size_t len)
{
	struct reader r = { .p = ext, .len = len };
	uint8_t mask[LAYER_RATES_STREAMS], first;
	unsigned n_streams;

	memset(ret, 0, sizeof(*ret));
	if (!get_byte(&r, &first))
		return false;
	/* One byte of nothing: no layer is sent. */
	if (first == 0 && len == 1)
		return true;
	ret->stream = first >> 6;
	n_streams = (first >> 4 & 3) + 1u;
	ret->n_streams = (uint8_t)n_streams;
	if (!get_masks(&r, first, mask, n_streams))
		return false;
	for (uint8_t s = 0; s < n_streams; s++)
		add_layers(ret, s, mask[s]);
	return ret->stream < n_streams && get_temporals(&r, ret) &&
	       get_rates(&r, ret) && get_sizes(&r, ret);
}
