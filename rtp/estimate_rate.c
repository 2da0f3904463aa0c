#include "rtp/estimate_rate.h"

#include <string.h>

void estimate_rate_init(struct estimate_rate *r)
{
	memset(r, 0, sizeof(*r));
}

void estimate_rate_add(
	struct estimate_rate *r, uint64_t arrival_us, size_t bytes)
{
	uint64_t at = arrival_us / RATE_BUCKET_US;

	if (r->top == 0 || at > r->top + RATE_BUCKETS) {
		memset(r->bytes, 0, sizeof(r->bytes));
		/* After a longer silence too: what came before it is no
		 * measure of what comes after. */
		r->top = r->first = at;
	}
	while (r->top < at) {
		r->top++;
		r->bytes[r->top % RATE_BUCKETS] = 0;
	}
	if (at + RATE_BUCKETS > r->top)
		r->bytes[at % RATE_BUCKETS] += (uint32_t)bytes;
}

uint64_t estimate_rate_bps(const struct estimate_rate *r, uint64_t window_us)
{
	uint64_t n = window_us / RATE_BUCKET_US, sum = 0;

	if (n > RATE_BUCKETS - 1)
		n = RATE_BUCKETS - 1;
	if (n > r->top - r->first)
		n = r->top - r->first;
	/* The newest bucket is still filling. */
	for (uint64_t i = 1; i <= n; i++)
		sum += r->bytes[(r->top - i) % RATE_BUCKETS];
	return n ? sum * 8 * 1000000 / (n * RATE_BUCKET_US) : 0;
}
