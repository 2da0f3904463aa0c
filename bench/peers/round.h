/*
 * One round of bench/run peers: a server, one publisher, N receivers; what the
 * server's process used for each packet that a receiver got.
 */
#ifndef HEARTH_BENCH_PEERS_ROUND_H
#define HEARTH_BENCH_PEERS_ROUND_H

#include <stdbool.h>
#include <stdint.h>
#include "bench/peers/foreign.h"
#include "bench/stage.h"

#define ROUND_HEARTH "hearth"

enum { ROUND_NAME = 32, ROUND_RECEIVERS_MAX = 3000 };

struct round {
	const char *server; /* ROUND_HEARTH, or what bench/peers/drive knows */
	unsigned receivers, seconds;
	bool trains; /* receivers take segments in one piece */
	bool pin;
};

struct round_row {
	char server[ROUND_NAME];
	char partner[ROUND_NAME]; /* measured before or after this one */
	unsigned receivers;
	const char *receive; /* load_receive_word */
	struct foreign_about about;
	double seconds;
	uint64_t sent;     /* by the publisher */
	uint64_t received; /* by all receivers, until nothing came any more */
	uint64_t lost;     /* sent times receivers, not received */
	double behind_ms;  /* of media, when the seconds were over */
	double least;      /* share that the worst receiver got; 1.0 is all */
	unsigned live;     /* receivers that got video in the last second */
	uint64_t nacks;    /* NACK packets of the receivers */
	double ns_per_packet, user_ns, kernel_ns; /* user: 10 ms steps */
	double server_load, generator_load;       /* of one CPU */
	double others_load; /* of the server's CPU, by everybody else */
	int server_cpu, generator_cpu; /* -1: not pinned */
	char error[STAGE_ERROR];       /* why it could not be measured, or "" */
};

/* Share of what was sent that got lost, 0 to 1; 1 where nothing was measured.
 */
double round_loss(const struct round_row *r);
/* Measured, hardly anything was lost (0.1 %), and the server was not behind (by
 * 100 ms). */
bool round_holds(const struct round_row *r);

/* Progress goes to stderr. False where there is no result: r->error. */
bool round_run(const struct round *round, struct round_row *r);

#endif
