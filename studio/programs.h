/*
 * Hook 1: the operator's program, run at each event of a recording. Of one
 * recording one after the other, in order; of all no more than PROGRAMS_AT_ONCE
 * at a time. What it does or fails to do disturbs nothing. Events wait on disk
 * (mailbag.h): those whose run has not ended when hearth ends come again.
 */
#ifndef HEARTH_STUDIO_PROGRAMS_H
#define HEARTH_STUDIO_PROGRAMS_H

#include <stdint.h>
#include <cjson/cJSON.h>

struct event_base;
struct programs;

enum {
	PROGRAMS_AT_ONCE = 4,
	PROGRAMS_WAITING = 1000,
	PROGRAMS_TIME_S = 600 /* then it is ended */
};

/* What happened, for both kinds of hooks. */
struct hook {
	const char *event; /* "started", "track", … */
	const char *id, *room;
	uint64_t time_ms;          /* Unix */
	const char *directory;     /* of the recording */
	const char *manifest_path; /* "" where there is none any more */
	const char *file;          /* in it: the track's or the composed; "" */
	const cJSON *manifest;     /* or NULL */
};

struct programs_counters {
	uint64_t run, failed; /* failed: also those there was no room for */
	unsigned waiting, running;
};

/* path: of the program. directory: where events wait, made 0700; those of
 * earlier runs go on. Where it cannot be used, events wait in memory only. 0,
 * -ENOMEM. */
int programs_new(struct programs **ret, struct event_base *base,
	const char *path, const char *directory);
struct programs *programs_free(struct programs *p); /* kills; returns NULL */
/* Everything of h is copied. */
void programs_run(struct programs *p, const struct hook *h);
const struct programs_counters *programs_counted(const struct programs *p);

#endif
