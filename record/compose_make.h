/*
 * The work of a composition: all runs of ffmpeg, from a plan's input to
 * finished files in ARGS_WORK. The working directory is the recording's.
 */
#ifndef HEARTH_RECORD_COMPOSE_MAKE_H
#define HEARTH_RECORD_COMPOSE_MAKE_H

#include "record/compose_args.h"
#include "record/compose_manifest.h"
#include "record/compose_run.h"

#define MAKE_SOUND     ARGS_WORK "/sound.m4a"
#define MAKE_VIDEO     ARGS_WORK "/video.mp4"
#define MAKE_THUMBNAIL ARGS_WORK "/thumbnail.jpg"

struct make {
	int dir; /* the recording's, open */
	enum plan_view view;
	struct compose_input input;
	/* Told each time the percentage has grown; 0 to 99. */
	void (*percent_h)(int percent);
	char error[RUN_ERROR_MAX]; /* a sentence for people after a failure */

	struct plan plan; /* own from here on */
	int64_t done, step, whole;
	unsigned share;
	int percent;
};

/* Makes MAKE_VIDEO and MAKE_THUMBNAIL, or MAKE_SOUND where there is no picture
 * (*ret_video false). Files that ffmpeg cannot read are left out. 0; -ENODATA:
 * there is nothing to see or hear; or as run_program. */
int make_all(struct make *m, bool *ret_video);
/* Removes ARGS_WORK and what m holds, but the input. */
void make_done(struct make *m);

/* Sets error and returns err. */
int make_fail(struct make *m, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The sentence for an errno; what: who could not do what. */
int make_fail_errno(struct make *m, int err, const char *what);

#endif
