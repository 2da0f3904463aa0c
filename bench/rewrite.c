/*
 * What one forwarded packet costs in rtp/ without its seal: mapping a number,
 * and the same with every second packet dropped. Prints nanoseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rtp/rewrite.h"

enum { PACKETS = 20000000, FIRST = 65536 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* drop_in: one of that many is dropped; 0: none. */
static void measure(const char *name, uint64_t drop_in)
{
	struct rewrite *r = malloc(sizeof(*r));
	uint64_t start, sent = 0;
	uint16_t seq = 0;
	uint32_t ts = 0, sum = 0;

	if (!r)
		exit(1);
	rewrite_init(r, 90000, 1, 1);
	start = now_ns();
	for (uint64_t i = 0; i < PACKETS; i++) {
		if (drop_in && i % drop_in == 1) {
			rewrite_drop(r, FIRST + i);
			continue;
		}
		sent += rewrite_packet(
			r, i, FIRST + i, (uint32_t)(i / 8), &seq, &ts);
		sum += seq + ts;
	}
	printf("%-24s %6.1f ns a packet (%" PRIu64 " sent, check %u)\n", name,
		(double)(now_ns() - start) / PACKETS, sent, sum);
	free(r);
}

int main(void)
{
	measure("rewrite", 0);
	measure("rewrite, 1 of 8 dropped", 8);
	measure("rewrite, 1 of 2 dropped", 2);
	return 0;
}
