/*
 * Flows of media and TCP that share one path, on a virtual clock.
 */
#ifndef HEARTH_TESTS_SIM_BOTTLENECK_H
#define HEARTH_TESTS_SIM_BOTTLENECK_H

#include "tests/sim/flow.h"
#include "tests/sim/link.h"
#include "tests/sim/tcp.h"

enum { BOTTLENECK_FLOWS = 4, BOTTLENECK_TCPS = 2 };

struct bottleneck {
	uint64_t now_us, seed;
	struct link down, up;
	struct flow flow[BOTTLENECK_FLOWS];
	unsigned n_flows;
	struct tcp tcp[BOTTLENECK_TCPS];
	uint64_t tcp_begin_us[BOTTLENECK_TCPS];
	unsigned n_tcps;
};

/* Conditions of the way to the receivers; the way back has the same delay,
 * jitter and loss, and no bottleneck. False: out of memory. */
bool bottleneck_init(
	struct bottleneck *b, const struct link_config *down, uint64_t seed);
void bottleneck_done(struct bottleneck *b);
bool bottleneck_flow(struct bottleneck *b, const struct flow_config *cfg);
void bottleneck_tcp(struct bottleneck *b, uint64_t begin_us);
/* Other conditions from now on. */
void bottleneck_set(struct bottleneck *b, const struct link_config *down);
void bottleneck_run(struct bottleneck *b, uint64_t until_us);

#endif
