/*
 * One run of ffmpeg after the other, as child processes that die with us.
 */
#ifndef HEARTH_RECORD_COMPOSE_RUN_H
#define HEARTH_RECORD_COMPOSE_RUN_H

#include <stdint.h>

enum { RUN_ERROR_MAX = 512 };

/* How far the run is: milliseconds of what it writes. */
typedef void(run_progress_h)(void *arg, int64_t done_ms);

/* From now on SIGTERM, SIGINT and SIGHUP kill the run and make this and each
 * later one fail with -EINTR, instead of ending the process. */
void run_catch_signals(void);

/* Runs argv[0], looked for in PATH, to its end. 0; -ENOENT: there is no such
 * program; -ENOSPC: it said that the disk is full; -EINTR: a signal came; -EIO:
 * it failed; -errno. ret_error: a sentence for people, with the last line the
 * program said. */
int run_program(char *const argv[], run_progress_h *progress, void *arg,
	char ret_error[RUN_ERROR_MAX]);

#endif
