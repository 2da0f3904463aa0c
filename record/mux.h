/*
 * One WebM or Matroska file (RFC 9559; WebM container guidelines) being
 * written, by libavformat: frames in, bytes at offsets out. Clusters of at most
 * MUX_CLUSTER_MS leave whole and as soon as they are complete, so that a file
 * cut off anywhere plays up to its last cluster. Does no I/O itself.
 */
#ifndef HEARTH_RECORD_MUX_H
#define HEARTH_RECORD_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/take.h"

struct AVDictionary;

enum { MUX_CLUSTER_MS = 500, MUX_TRACKS_MAX = 2 };

struct mux_track {
	enum take_codec codec;
	unsigned width, height;
	const uint8_t *setup; /* as take_frame's; only read in mux_new */
	size_t setup_len;
};

/* What finish needs to rebuild a manifest, written into the file as tags. */
struct mux_tags {
	int64_t from_ms; /* since the start of the recording */
	int64_t started_ms;
};

/* Takes data over (malloc). */
typedef void(mux_write_h)(
	void *arg, uint64_t offset, uint8_t *data, size_t len);

struct mux;

/* "webm", or "mkv" where WebM does not take the codecs; the muxer's name and
 * the file name's end. */
bool mux_is_webm(const struct mux_track *tracks, unsigned n);
const char *mux_ending(const struct mux_track *tracks, unsigned n);

/* Writes the header. 0; -ENOMEM; -EINVAL where libavformat does not take these
 * tracks. */
int mux_new(struct mux **ret, const struct mux_track *tracks, unsigned n,
	const struct mux_tags *tags, mux_write_h *write, void *arg);
struct mux *mux_free(struct mux *m); /* returns NULL */

/* A frame of a track (index as given), at_ms since the start of the file;
 * ascending within a track. duration_ms: 0 unknown. data is copied. 0,
 * -ENOMEM, -EINVAL (this frame could not be written; others may). */
int mux_frame(struct mux *m, unsigned track, int64_t at_ms,
	unsigned duration_ms, const uint8_t *data, size_t len, bool keyframe);
/* The cluster begun leaves now. 0, -ENOMEM. */
int mux_flush(struct mux *m);
/* Duration, index and sizes. Nothing may follow. 0, -ENOMEM, -EINVAL. */
int mux_end(struct mux *m);

/* The options of each of our files, for who opens a muxer himself (remux); the
 * caller's to free by av_dict_free. */
int mux_options(struct AVDictionary **ret);

/* Text of each libavformat error becomes nothing: no log of its own. Once. */
void mux_quiet(void);

#endif
