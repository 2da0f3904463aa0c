#include "record/part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PADDING = 64 }; /* bit readers of libavcodec look ahead */

struct part {
	struct shelf *shelf;
	struct mux *mux;
	struct shelf_file *file;
	cJSON *json;
	int64_t from_ms;
	bool has[PART_KINDS];
	unsigned index[PART_KINDS]; /* in the file */
	enum take_codec codec[PART_KINDS];
	cJSON *track[PART_KINDS];
	int64_t frames[PART_KINDS], damaged[PART_KINDS];
	int64_t last_ms[PART_KINDS], to_ms;
	unsigned width, height;
	uint8_t *setup;
	size_t setup_len;
	uint64_t bytes;
	bool unflushed;
	bool lost; /* bytes were lost for want of memory */
};

const char *part_kind_name(enum part_kind k)
{
	return k == PART_AUDIO ? "audio" : "video";
}

const char *part_codec_name(enum take_codec c)
{
	static const char *const names[] = {
		[TAKE_OPUS] = "opus",
		[TAKE_VP8] = "vp8",
		[TAKE_VP9] = "vp9",
		[TAKE_H264] = "h264",
		[TAKE_AV1] = "av1",
	};

	return names[c];
}

enum part_kind part_kind_of(enum take_codec c)
{
	return c == TAKE_OPUS ? PART_AUDIO : PART_VIDEO;
}

struct piece *piece_new(const struct take_frame *f, uint64_t now_us)
{
	const size_t setup_len = f->keyframe && f->setup ? f->setup_len : 0;
	struct piece *p = malloc(sizeof(*p) + f->len + setup_len + PADDING);

	if (!p)
		return NULL;
	*p = (struct piece){
		.codec = f->codec,
		.time_us = f->time_us,
		.arrived_us = now_us,
		.keyframe = f->keyframe,
		.damaged = f->damaged,
		.width = f->width,
		.height = f->height,
		.duration_us = f->duration_us,
		.setup_len = setup_len,
		.len = f->len,
	};
	memcpy(p->data, f->data, f->len);
	memset(p->data + f->len + setup_len, 0, PADDING);
	if (setup_len) {
		p->setup = p->data + f->len;
		memcpy(p->setup, f->setup, setup_len);
	}
	return p;
}

static void on_bytes(void *arg, uint64_t offset, uint8_t *data, size_t len)
{
	struct part *p = arg;

	if (p->bytes < offset + len)
		p->bytes = offset + len;
	if (disk_write(p->shelf->disk, p->file->id, offset, data, len) != 0)
		p->lost = true;
	manifest_set(p->json, "bytes", (int64_t)p->bytes);
}

static int open_file(struct part *p, const struct part_info *info,
	const struct mux_track *tracks, unsigned n)
{
	char name[DISK_NAME_MAX + 1];

	snprintf(name, sizeof(name), "p%u-%s-%u.%s", info->person,
		info->purpose, info->number, mux_ending(tracks, n));
	p->json = manifest_file(p->shelf->manifest, name, info->person,
		info->purpose, info->source, p->from_ms);
	p->file = shelf_open(p->shelf, name, p->json);
	return p->file ? 0 : -ENOMEM;
}

static int keep_setup(struct part *p, const struct mux_track *video)
{
	if (!video->setup_len)
		return 0;
	p->setup = malloc(video->setup_len);
	if (!p->setup)
		return -ENOMEM;
	memcpy(p->setup, video->setup, video->setup_len);
	p->setup_len = video->setup_len;
	return 0;
}

static void list_tracks(struct part *p, const struct mux_track *tracks)
{
	for (int k = 0; k < PART_KINDS; k++) {
		if (!p->has[k])
			continue;
		p->codec[k] = tracks[k].codec;
		p->track[k] = manifest_track(p->shelf->manifest, p->json,
			part_kind_name(k), part_codec_name(tracks[k].codec));
	}
}

static int start(struct part *p, const struct part_info *info,
	const struct mux_track tracks[PART_KINDS])
{
	const struct mux_tags tags = { .from_ms = p->from_ms,
		.started_ms = p->shelf->started_ms };
	struct mux_track list[PART_KINDS];
	unsigned n = 0;
	int err;

	for (int k = 0; k < PART_KINDS; k++) {
		p->index[k] = n;
		if (p->has[k])
			list[n++] = tracks[k];
	}
	err = open_file(p, info, list, n);
	if (!err && p->has[PART_VIDEO])
		err = keep_setup(p, &tracks[PART_VIDEO]);
	if (!err)
		err = mux_new(&p->mux, list, n, &tags, on_bytes, p);
	return err;
}

int part_new(struct part **ret, struct shelf *shelf,
	const struct part_info *info, const struct mux_track tracks[PART_KINDS],
	const bool has[PART_KINDS])
{
	struct part *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->shelf = shelf;
	p->from_ms = p->to_ms = shelf_ms(shelf, info->from_us);
	memcpy(p->has, has, sizeof(p->has));
	err = start(p, info, tracks);
	if (p->json)
		list_tracks(p, tracks);
	if (err) {
		part_end(p);
		return err;
	}
	if (shelf->began)
		shelf->began(shelf->arg, p->json);
	*ret = p;
	return 0;
}

/* Tracks that stayed empty are none. */
static void forget_empty(struct part *p)
{
	cJSON *list = manifest_list(p->json, "tracks");

	for (int k = 0; k < PART_KINDS; k++)
		if (p->track[k] && !p->frames[k])
			cJSON_Delete(
				cJSON_DetachItemViaPointer(list, p->track[k]));
}

struct part *part_end(struct part *p)
{
	bool whole = p->mux && mux_end(p->mux) == 0 && !p->lost;

	if (!p->mux && p->json) {
		if (p->file)
			p->file->json = NULL;
		cJSON_Delete(cJSON_DetachItemViaPointer(
			manifest_list(
				manifest_root(p->shelf->manifest), "files"),
			p->json));
		p->json = NULL;
	}
	if (p->json)
		forget_empty(p);
	if (p->file)
		shelf_close(p->shelf, p->file, whole);
	mux_free(p->mux);
	free(p->setup);
	free(p);
	return NULL;
}

bool part_has(const struct part *p, enum part_kind k)
{
	return p->has[k];
}

enum take_codec part_codec(const struct part *p, enum part_kind k)
{
	return p->codec[k];
}

bool part_fits(const struct part *p, const struct piece *f)
{
	const enum part_kind k = part_kind_of(f->codec);

	if (!p->has[k] || p->codec[k] != f->codec)
		return false;
	return !f->setup_len ||
	       (f->setup_len == p->setup_len &&
		       memcmp(f->setup, p->setup, f->setup_len) == 0);
}

bool part_failed(const struct part *p)
{
	return p->file->failed || p->lost;
}

cJSON *part_json(const struct part *p)
{
	return p->json;
}

static void count(
	struct part *p, enum part_kind k, const struct piece *f, int64_t at_ms)
{
	const int64_t end_ms = at_ms + f->duration_us / 1000;

	manifest_set(p->track[k], "frames", ++p->frames[k]);
	if (f->damaged)
		manifest_set(p->track[k], "damaged", ++p->damaged[k]);
	if (p->to_ms < end_ms) {
		p->to_ms = end_ms;
		manifest_set(p->json, "to_ms", end_ms);
	}
	if (k == PART_VIDEO && f->keyframe && f->width &&
		(f->width != p->width || f->height != p->height)) {
		p->width = f->width;
		p->height = f->height;
		manifest_size(p->shelf->manifest, p->track[k], at_ms, f->width,
			f->height);
	}
}

bool part_write(struct part *p, const struct piece *f)
{
	const enum part_kind k = part_kind_of(f->codec);
	int64_t at_ms = (f->time_us - p->shelf->zero_us + 500) / 1000;

	if (at_ms < p->from_ms)
		return false;
	/* A clock may stand still for a moment; a file's must not go back. */
	if (at_ms < p->last_ms[k])
		at_ms = p->last_ms[k];
	if (mux_frame(p->mux, p->index[k], at_ms - p->from_ms,
		    f->duration_us / 1000, f->data, f->len, f->keyframe) != 0)
		return false;
	p->last_ms[k] = at_ms;
	p->unflushed = true;
	count(p, k, f, at_ms);
	return true;
}

void part_flush(struct part *p)
{
	if (!p->unflushed)
		return;
	p->unflushed = false;
	if (mux_flush(p->mux) != 0)
		p->lost = true;
}
