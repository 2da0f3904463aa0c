/*
 * A file that a crash cut off, written anew: what plays of it, with duration
 * and index.
 */
#ifndef HEARTH_RECORD_REMUX_H
#define HEARTH_RECORD_REMUX_H

#include <stdbool.h>
#include <stdint.h>

enum { REMUX_TRACKS_MAX = 2 };

struct remux_track {
	bool video;
	char codec[8]; /* as in the manifest */
	uint64_t frames;
	unsigned width, height;
};

struct remux_found {
	unsigned n_tracks; /* those without a frame are not counted */
	struct remux_track track[REMUX_TRACKS_MAX];
	int64_t end_ms;     /* of the last frame, since the file's start */
	int64_t from_ms;    /* of its tags; -1: none */
	int64_t started_ms; /* of its tags; -1: none */
};

/* Reads from, a path, and writes to, a path that is made or truncated (0600);
 * NULL: only reads. 0 and *ret; -ENODATA: nothing in it can be decoded; -ENOSPC
 * and other -errno of reading and writing; -ENOMEM. What is left at `to` on
 * failure is the caller's to remove. */
int remux_file(const char *from, const char *to, struct remux_found *ret);

#endif
