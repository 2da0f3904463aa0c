/* Results of a benchmark as a table and as JSON. */
#ifndef HEARTH_BENCH_REPORT_H
#define HEARTH_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "bench/inside.h"

enum { REPORT_ROWS = 32, REPORT_TEXT = 128 };

struct report_row {
	const char *server; /* "hearth" or "bare" */
	unsigned receivers;
	const char *receive; /* load_receive_word */
	double seconds;      /* that were measured */
	/* CPU of the worker for each forwarded packet. */
	double ns_per_packet, user_ns, kernel_ns;
	/* Of a second window, in which the clock was read between phases. */
	bool has_phases;
	double phase_ns[INSIDE_PHASES];
	uint64_t packets;  /* forwarded, as the server counts */
	uint64_t received; /* as the receivers count */
	uint64_t lost;     /* sent times receivers, not received */
	uint64_t opened;   /* of received: authenticated and checked */
	uint64_t resent, nacks, turns;
	double worker_load, generator_load; /* of one CPU; 1.0 is all of it */
	double generator_ns; /* CPU of the generator for each received packet */
	int worker_cpu, generator_cpu; /* -1: not pinned */
};

/* What a result depends on; filled by report_machine. */
struct report_machine {
	char cpu[REPORT_TEXT], kernel[REPORT_TEXT], date[32];
	unsigned cpus;
	double load; /* runnable tasks of the last minute, at the start */
};

void report_machine(struct report_machine *ret);
void report_head(FILE *f, const struct report_machine *m);
/* One line of the table; row NULL: its heading. */
void report_line(FILE *f, const struct report_row *row);
/* What follows the table: ratios, phases, the generator's ceiling. */
void report_tail(FILE *f, const struct report_row *rows, unsigned n);
/* The versions of a row, as a member of a JSON object. */
void report_versions(FILE *f, const struct report_machine *m);
/* A result around its rows, which the caller writes. */
void report_json_begin(FILE *f, const struct report_machine *m);
void report_json_end(FILE *f);
/* The whole result of forward. */
void report_json(FILE *f, const struct report_machine *m,
	const struct report_row *rows, unsigned n);

#endif
