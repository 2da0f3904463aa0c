/*
 * Which worker takes who joins next. Pure: what is known of the workers in, one
 * of them out.
 *
 * A conference stays with one worker while that has CPU time to spare; beyond
 * the thresholds who joins goes to another worker, and the two are linked
 * (relay.h). Nobody is ever moved: a place is chosen once, at the join.
 */
#ifndef HEARTH_SFU_PLACEMENT_H
#define HEARTH_SFU_PLACEMENT_H

#include <stdbool.h>

enum {
	PLACEMENT_FULL = 1000, /* a whole core, in the unit of loads */
	/* What one who joined since the load was measured is taken to cost: a
	 * handshake is 4 ms of CPU, and then there is its media. */
	PLACEMENT_FRESH = 10,
};

struct placement_worker {
	bool up;         /* takes calls */
	unsigned load;   /* of its thread in the last second, of 1000 */
	unsigned fresh;  /* who joined it since */
	unsigned guests; /* participants of all conferences */
	unsigned here;   /* … of this one */
};

struct placement_policy {
	/* From this load on a conference gets a part elsewhere; 0: always,
	 * above PLACEMENT_FULL: never. */
	unsigned split_load;
	unsigned split_guests; /* … from so many in one part on; 0: never */
};

/* The index of the worker for one more of a conference, -1: none is up. With
 * `stay` it gets no new part where it has one. */
int placement_choose(const struct placement_worker *v, unsigned n,
	const struct placement_policy *policy, bool stay);

#endif
