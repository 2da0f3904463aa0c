/*
 * A recorder process of a benchmark's own: hearth-record, started and plugged
 * into a conference as studio/ does it, writing to a directory that goes with
 * it.
 */
#ifndef HEARTH_BENCH_TAPE_H
#define HEARTH_BENCH_TAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct sfu;
struct tape;

enum { TAPE_ERROR = 200 };

/* What the recorder says at its end. */
struct tape_report {
	uint64_t bytes, frames; /* frames of all tracks */
	unsigned files;
};

/* Starts one in a new directory below `where`. NULL with a sentence in
 * ret_error. */
struct tape *tape_start(struct event_base *base, struct sfu *sfu,
	const char *conference, const char *where, char ret_error[TAPE_ERROR]);
/* Its end by force; the directory goes. Returns NULL; NULL is fine. */
struct tape *tape_free(struct tape *t);

pid_t tape_pid(const struct tape *t);
/* Files that have begun. */
unsigned tape_files(const struct tape *t);

/* Tells it to complete its files; tape_stopped when it has. */
void tape_stop(struct tape *t);
bool tape_stopped(const struct tape *t, struct tape_report *ret);
/* What went wrong, NULL: nothing. */
const char *tape_trouble(const struct tape *t);

#endif
