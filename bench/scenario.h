/*
 * One run of the forwarding benchmark: a worker process, a publisher, N
 * receivers.
 */
#ifndef HEARTH_BENCH_SCENARIO_H
#define HEARTH_BENCH_SCENARIO_H

#include <stdbool.h>
#include "bench/report.h"

enum {
	SCENARIO_RECEIVERS_MAX = 900, /* limits.participants ends at 1,000 */
	SCENARIO_SECONDS_MAX = 3600,
	SCENARIO_ERROR = 256,
};

/* Connects everybody, warms up, measures for that long, takes all apart again.
 * pin: worker and generator get a CPU of their own each. Progress goes to
 * stderr. True and *ret; or false with a sentence in ret_error. */
bool scenario_forward(unsigned receivers, unsigned seconds, bool pin,
	struct report_row *ret, char ret_error[SCENARIO_ERROR]);

#endif
