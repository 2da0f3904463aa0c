/*
 * `hearth-record run`: a recording from its first order to its last report.
 */
#ifndef HEARTH_RECORD_RUN_H
#define HEARTH_RECORD_RUN_H

enum { RUN_FEED_FD = 3 };

/* The exit code. */
int run_main(int argc, char **argv);

#endif
