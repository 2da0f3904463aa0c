/*
 * The remote addresses of one peer that proved they know its credentials:
 * lookup, bounded insertion, removal of dead generations. Internal to ice/.
 */
#ifndef HEARTH_ICE_PAIRS_H
#define HEARTH_ICE_PAIRS_H

#include "ice/ice.h"

/* Index of the pair with this remote address, or -1. */
int ice_pairs_find(const struct ice *ice, const struct sockaddr *from);

/* Index of the pair for `from`, made if it is not there: where the table is
 * full in place of the stalest that is not selected. `from` must be IP. */
int ice_pairs_take(struct ice *ice, const struct sockaddr *from);

/* Removes every pair keep() says false of; ice->selected follows its pair, or
 * becomes -1 with it. */
void ice_pairs_sweep(struct ice *ice,
	bool (*keep)(const struct ice *, const struct ice_pair *));

/* Index of the pair checked last, -1 when there is none. */
int ice_pairs_freshest(const struct ice *ice);

#endif
