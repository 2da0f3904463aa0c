/*
 * What is to come in a simulated world, the earliest first; what is due at one
 * time in the order it was put in. For the files of the world only.
 */
#ifndef HEARTH_TESTS_SIM_SIM_QUEUE_H
#define HEARTH_TESTS_SIM_SIM_QUEUE_H

#include "tests/sim/sim.h"

enum event_kind {
	TO_SERVER,
	TO_CLIENT,
	SIG_OFFER,
	SIG_ANSWER,
	SIG_TO_CLIENT_OFFER,
	SIG_TO_CLIENT_ANSWER
};

struct sim_event {
	uint64_t at_us, order;
	enum event_kind kind;
	unsigned seat;
	sfu_id id; /* the seat's occupant it is meant for */
	struct sockaddr_in from;
	uint8_t *buf;
	size_t len;
};

/* Takes e, buf included; its order is given here. */
void sim_queue_push(struct sim *s, struct sim_event e);
/* The earliest, whose buf is the caller's; there must be one. */
struct sim_event sim_queue_pop(struct sim *s);

#endif
