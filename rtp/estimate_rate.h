/*
 * How many bits a second arrive, over a sliding window of arrival times; part
 * of estimate.h.
 */
#ifndef HEARTH_RTP_ESTIMATE_RATE_H
#define HEARTH_RTP_ESTIMATE_RATE_H

#include <stddef.h>
#include <stdint.h>

enum {
	RATE_BUCKET_US = 25000,
	RATE_BUCKETS = 40, /* one second */
};

struct estimate_rate {
	uint64_t top;   /* the newest bucket, in RATE_BUCKET_US; 0: none */
	uint64_t first; /* the oldest that may be counted */
	uint32_t bytes[RATE_BUCKETS];
};

void estimate_rate_init(struct estimate_rate *r);
void estimate_rate_add(
	struct estimate_rate *r, uint64_t arrival_us, size_t bytes);
/* Over the last window_us (at most a second) that are complete; over what there
 * is if that is less. 0: nothing is known. */
uint64_t estimate_rate_bps(const struct estimate_rate *r, uint64_t window_us);

#endif
