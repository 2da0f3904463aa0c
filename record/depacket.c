#include "record/depacket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/codec.h"

static const struct depacket_codec *const codecs[] = {
	[TAKE_OPUS] = &depacket_opus,
	[TAKE_VP8] = &depacket_vp8,
	[TAKE_VP9] = &depacket_vp9,
	[TAKE_H264] = &depacket_h264,
	[TAKE_AV1] = &depacket_av1,
};

void depacket_init(struct depacket *d)
{
	memset(d, 0, sizeof(*d));
}

void depacket_done(struct depacket *d)
{
	free(d->data);
	depacket_init(d);
}

void depacket_codec(struct depacket *d, enum take_codec codec)
{
	uint8_t *data = d->data;
	size_t cap = d->cap;

	depacket_init(d);
	d->data = data;
	d->cap = cap;
	d->codec = codec;
}

void depacket_lost(struct depacket *d)
{
	d->lost = true;
	if (!d->open)
		return;
	d->broken = true;
	if (d->part)
		depacket_part_drop(d);
}

static size_t larger(size_t cap, size_t need)
{
	if (cap == 0)
		cap = 4096;
	while (cap < need)
		cap *= 2;
	return cap;
}

bool depacket_append(struct depacket *d, const uint8_t *bytes, size_t len)
{
	if (len > TAKE_FRAME_MAX - d->len) {
		d->broken = true;
		return false;
	}
	if (d->len + len > d->cap) {
		size_t cap = larger(d->cap, d->len + len);
		uint8_t *data = realloc(d->data, cap);

		if (!data) {
			d->broken = true;
			return false;
		}
		d->data = data;
		d->cap = cap;
	}
	if (len)
		memcpy(d->data + d->len, bytes, len);
	d->len += len;
	return true;
}

void depacket_part_open(struct depacket *d)
{
	if (d->part)
		depacket_part_drop(d);
	d->part = true;
	d->part_at = d->len;
}

void depacket_part_close(struct depacket *d)
{
	d->part = false;
}

void depacket_part_drop(struct depacket *d)
{
	d->part = false;
	d->len = d->part_at;
	d->broken = true;
}

/* Is this the first packet of its frame? Without a hole before it, it must be.
 */
static bool begins(const struct depacket *d, const uint8_t *p, size_t len)
{
	switch (d->codec) {
	case TAKE_VP8:
		return codec_vp8.starts_frame(p, len);
	case TAKE_VP9:
		return codec_vp9.starts_frame(p, len);
	case TAKE_H264:
		return !d->lost || codec_h264.starts_frame(p, len);
	case TAKE_AV1:
		return !d->lost || codec_av1.starts_frame(p, len);
	default:
		return true;
	}
}

static void open_frame(struct depacket *d, const uint8_t *p, size_t len)
{
	d->open = true;
	d->begun = begins(d, p, len);
	d->broken = !d->begun;
	d->key = d->seen_slice = false;
	d->width = d->height = d->duration_us = 0;
	d->len = 0;
	d->part = false;
	if (d->codec == TAKE_VP9)
		d->vp9.n_layers = 0;
	d->lost = false;
}

int depacket_packet(struct depacket *d, const uint8_t *payload, size_t len)
{
	int err;

	if (len == 0)
		return 0;
	if (!d->open)
		open_frame(d, payload, len);
	err = codecs[d->codec]->packet(d, payload, len);
	if (err)
		d->broken = true;
	return err;
}

bool depacket_end(
	struct depacket *d, struct depacket_frame *ret, bool *ret_lost)
{
	*ret_lost = false;
	if (!d->open)
		return false;
	d->open = false;
	if (d->part)
		depacket_part_drop(d);
	if (codecs[d->codec]->end)
		codecs[d->codec]->end(d);
	if (d->len == 0 || !d->begun) {
		*ret_lost = d->broken;
		return false;
	}
	*ret = (struct depacket_frame){
		.data = d->data,
		.len = d->len,
		.keyframe = d->key,
		.whole = !d->broken,
		.width = d->width,
		.height = d->height,
		.duration_us = d->duration_us,
		.setup = d->setup_len ? d->setup : NULL,
		.setup_len = d->setup_len,
	};
	return true;
}
