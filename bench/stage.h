/*
 * What benchmarks with a worker process stand on: the loop, the seam, the
 * worker, the load generator, and the one error that ends them.
 */
#ifndef HEARTH_BENCH_STAGE_H
#define HEARTH_BENCH_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "bench/load.h"
#include "sfu/config.h"

struct event;
struct evbuffer;

enum { STAGE_ERROR = 256, STAGE_WORKERS = 8 };

struct stage {
	const char *name; /* of the benchmark; set before stage_start */
	struct config config;
	struct event_base *base;
	struct sfu *sfu;
	struct load *load;
	struct event *wake; /* so that no loop sleeps for long */
	struct evbuffer *metrics;
	unsigned people;  /* participants; set before stage_start */
	unsigned workers; /* 0: one; set before stage_start */
	bool split;       /* a conference is spread over them; set likewise */
	pid_t worker;     /* the first */
	pid_t all[STAGE_WORKERS];
	bool stopped;
	int cpu[2];
	char *error; /* "" while all is well; set before stage_start */
};

uint64_t stage_clock_ns(clockid_t id);

/* Notes the first error. Returns false. */
bool stage_fail(struct stage *b, const char *text);
/* Neither here nor in the load generator has anything gone wrong. */
bool stage_well(struct stage *b);
/* Progress, to stderr. */
void stage_say(const struct stage *b, const char *text);

/* The loop alone, for a server that is not hearth; then as stage_start. */
bool stage_open(struct stage *b);
/* A worker process with the default configuration, but for loopback and room
 * for everybody. pin: it and this process get a CPU of their own each; several
 * workers do, and this process runs where it can. The load
 * is the caller's to make, stage_stop frees it. */
bool stage_start(struct stage *b, bool pin);
/* Politely, so that a sanitizer in the worker has its say. */
void stage_stop(struct stage *b);

/* The loop for that long; false when something went wrong. */
bool stage_run_ms(struct stage *b, uint64_t ms);
/* CPU time of all workers so far, nanoseconds. */
bool stage_cpu_ns(struct stage *b, uint64_t *ret);
/* A counter of /metrics as the worker told it last. */
uint64_t stage_metric(struct stage *b, const char *name);
/* Until count says `wanted`; what: "connected", for people. */
bool stage_await(struct stage *b, unsigned (*count)(const struct load *),
	unsigned wanted, const char *what);

#endif
