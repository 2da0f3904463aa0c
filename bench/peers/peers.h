/* The table and the JSON of bench/run peers. */
#ifndef HEARTH_BENCH_PEERS_PEERS_H
#define HEARTH_BENCH_PEERS_PEERS_H

#include <stdio.h>
#include "bench/peers/round.h"
#include "bench/report.h"

enum { PEERS_ROWS = 64 };

/* One line; row NULL: the heading. other: the row it is compared with, or NULL.
 */
void peers_line(
	FILE *f, const struct round_row *row, const struct round_row *other);
/* Versions and settings, and up to where each server holds the load. */
void peers_tail(FILE *f, const struct round_row *rows, unsigned n);
/* One member of `rows`. */
void peers_json(FILE *f, const struct report_machine *m,
	const struct round_row *row, bool last);
/* Of hearth the row of the same pair; NULL: there is none. */
const struct round_row *peers_partner(
	const struct round_row *rows, unsigned n, const struct round_row *of);

#endif
