/*
 * The lines that badlink understands, and what they do to the conditions of a
 * path. `down` is toward the browser, `up` from it.
 *
 *	down rate 300k       bottleneck in bit/s (k, M; 0: none)
 *	down queue 200       of the bottleneck, in ms (0: no limit but packets)
 *	up delay 25          one way, in ms
 *	both jitter 10       evenly 0 to that many ms more, in order
 *	both reorder 10      the same, and packets overtake each other
 *	down loss 10         percent, random
 *	down burst 0.5 20 90 a burst begins at 0.5 % of the packets, lasts 20 on
 *	                     average and loses 90 % of them
 *	both cut 1           nothing passes (0: it does)
 *	both clean           no condition at all
 *	outage 2000          both cut for so many ms
 *	address 10.1.2.3     the browser's device goes down and is back half a
 *	                     second later with this address
 *	count                one line of JSON with counters
 *	reset                counters begin anew
 */
#ifndef HEARTH_TESTS_NET_ORDERS_H
#define HEARTH_TESTS_NET_ORDERS_H

#include <netinet/in.h>
#include <stdint.h>
#include "tests/sim/link.h"

enum { ORDERS_DOWN, ORDERS_UP, ORDERS_SIDES };

enum order {
	ORDER_BAD,
	ORDER_SET, /* cfg of the sides in `sides` has changed */
	ORDER_OUTAGE,
	ORDER_ADDRESS,
	ORDER_COUNT,
	ORDER_RESET,
};

struct orders {
	struct link_config cfg[ORDERS_SIDES];
	unsigned sides; /* bit per side */
	uint64_t outage_us;
	struct in_addr address;
};

/* Takes one line (without its end). What is not understood changes nothing. */
enum order orders_take(struct orders *o, const char *line);

#endif
