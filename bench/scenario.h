/*
 * One run of the forwarding benchmark: a worker process, a publisher, N
 * receivers.
 */
#ifndef HEARTH_BENCH_SCENARIO_H
#define HEARTH_BENCH_SCENARIO_H

#include <stdbool.h>
#include "bench/report.h"

enum {
	SCENARIO_RECEIVERS_MAX = 3000,
	/* The bare loop tells nothing: a worker silent for 20 is ended. */
	SCENARIO_SECONDS_MAX = 10,
	SCENARIO_ERROR = 256,
};

struct scenario {
	unsigned receivers, seconds;
	bool bare;   /* the bare loop forwards, not hearth */
	bool pin;    /* worker and generator get a CPU of their own each */
	bool trains; /* receivers take segments in one piece */
	bool phases; /* measures once more, with the clock between phases */
};

/* Connects everybody, warms up, measures for that long, takes all apart again.
 * Progress goes to stderr. True and *ret; or false with a sentence in
 * ret_error. After inside_make. */
bool scenario_forward(const struct scenario *s, struct report_row *ret,
	char ret_error[SCENARIO_ERROR]);

#endif
