/*
 * The command lines of ffmpeg for each step of a composition. No shell sees
 * them; paths are relative to the recording's directory, which is the working
 * directory of ffmpeg, and made of our own names only.
 */
#ifndef HEARTH_RECORD_COMPOSE_ARGS_H
#define HEARTH_RECORD_COMPOSE_ARGS_H

#include "record/plan.h"

#define ARGS_WORK ".compose"

enum {
	ARGS_MIX = 48,      /* sounds mixed in one run */
	ARGS_MAX = 24 * 64, /* words of one command line */
	ARGS_AUDIO_BPS = 128000
};

/* A command line under construction; failed: memory or room ran out. */
struct args {
	char *v[ARGS_MAX + 1]; /* NULL behind the last one */
	unsigned n;
	bool failed;
};

void args_done(struct args *a);

/* The pictures of one scene to ARGS_WORK/scene-<number>.mkv; what is drawn
 * around them is in ARGS_WORK/under-<number>.ass and over-<number>.ass. */
void args_scene(struct args *a, const struct plan_input *in,
	const struct plan_scene *scene, unsigned number);

/* Sounds of files[from] .. (at most ARGS_MIX with sound) from the start of the
 * recording on, to `to`: compressed for the end where that is .m4a, else to be
 * mixed again by args_mix. Returns the index behind the last file taken. */
unsigned args_sound(struct args *a, const struct plan_input *in, unsigned from,
	const char *to);
/* Mixes ARGS_WORK/mix-0.flac .. mix-<n-1>.flac, n <= ARGS_MIX, to `to`. */
void args_mix(struct args *a, const struct plan_input *in, unsigned n,
	const char *to);

/* Scenes listed in ARGS_WORK/scenes.txt, and the sound where there is one, into
 * one file that plays while it loads. */
void args_join(struct args *a, const char *sound, const char *to);

/* One picture out of video at at_ms. */
void args_thumbnail(
	struct args *a, const char *video, int64_t at_ms, const char *to);

/* Decodes the first of a file's pictures (kind 'v') or sounds ('a'). */
void args_probe(struct args *a, const char *name, char kind);

#endif
