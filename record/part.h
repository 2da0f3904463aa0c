/*
 * A part: one file of a participant's source, with its place in the manifest.
 */
#ifndef HEARTH_RECORD_PART_H
#define HEARTH_RECORD_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/mux.h"
#include "record/shelf.h"

enum part_kind { PART_AUDIO, PART_VIDEO, PART_KINDS };
const char *part_kind_name(enum part_kind k);
const char *part_codec_name(enum take_codec c); /* as in the manifest */
enum part_kind part_kind_of(enum take_codec c);

struct part_info {
	unsigned person;
	const char *purpose; /* "camera", "screen", "other": in the file name */
	unsigned number;     /* of this person's files of that purpose */
	const char *source;  /* the stream's id, for the manifest only */
	int64_t from_us;     /* of its first frame, on the feed's clock */
};

/* A frame in memory of its own. */
struct piece {
	STAILQ_ENTRY(piece) next;
	enum take_codec codec;
	int64_t time_us;
	uint64_t arrived_us;
	bool keyframe, damaged;
	unsigned width, height, duration_us;
	uint8_t *setup; /* behind the data; of key frames alone */
	size_t setup_len;
	size_t len;
	uint8_t data[];
};
/* NULL: no memory. free() frees it. */
struct piece *piece_new(const struct take_frame *f, uint64_t now_us);

struct part;

/* tracks: in the order of enum part_kind; n of them, has[] says which. 0,
 * -ENOMEM, -EINVAL. */
int part_new(struct part **ret, struct shelf *shelf,
	const struct part_info *info, const struct mux_track tracks[PART_KINDS],
	const bool has[PART_KINDS]);
/* Completes the file, as far as the disk took it. Returns NULL. */
struct part *part_end(struct part *p);

bool part_has(const struct part *p, enum part_kind k);
/* The codec of a kind it has, and whether `f` can go on in it. */
enum take_codec part_codec(const struct part *p, enum part_kind k);
bool part_fits(const struct part *p, const struct piece *f);
/* The disk refused it. */
bool part_failed(const struct part *p);
cJSON *part_json(const struct part *p);

/* False: not written (time before the file's, or not muxable). */
bool part_write(struct part *p, const struct piece *f);
/* What was begun leaves: called when nothing came for a while. */
void part_flush(struct part *p);

#endif
