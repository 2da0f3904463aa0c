/* What the small benchmarks have in common: options, start, the JSON file. */
#ifndef HEARTH_BENCH_COMMON_H
#define HEARTH_BENCH_COMMON_H

#include <stdbool.h>
#include <stdio.h>
#include "bench/report.h"

enum { COMMON_USAGE = 2, COMMON_ERROR = 256 };

struct common {
	const char *name;
	unsigned seconds; /* set to the default before */
	const char *json;
	bool pin;
	struct report_machine machine;
};

/* Reads --seconds, --json, --no-pin and --help into *c; in the worker process
 * runs it. -1: go on; else the exit code. usage: printed for people. */
int common_options(struct common *c, int argc, char **argv, const char *usage);

/* Gets everything ready, runs the benchmark, which writes the rows of the JSON
 * file if json is not NULL, and takes all down. The exit code. */
int common_run(struct common *c,
	bool (*run)(const struct common *c, FILE *json, char *ret_error));

#endif
