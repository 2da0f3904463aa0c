/* Transport-wide feedback: read as it is, built anew from what was read, and
 * given to an estimator that has packets in flight. */
#include <stdlib.h>
#include <string.h>

#include "rtp/estimate.h"
#include "rtp/twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What was read can be built again, and is then the same. */
static void round_trip(const uint8_t *buf, size_t len)
{
	static uint64_t at_us[TWCC_BUILD_MAX];
	static uint8_t built[4 * TWCC_BUILD_MAX];
	struct twcc_walk w, again;
	struct twcc_status s;
	unsigned n = 0, told;
	size_t size;

	must(twcc_walk_init(&w, buf, len) == 0);
	while (n < TWCC_BUILD_MAX && twcc_next(&w, &s)) {
		int64_t us = INT64_C(0x100000000) + s.arrival_us;

		must(s.seq == (uint16_t)(w.base + n));
		at_us[n++] = s.received ? (uint64_t)us : 0;
	}
	size = twcc_build(
		built, sizeof(built), 1, 2, w.number, w.base, at_us, n, &told);
	if (size == 0)
		return;
	must(told > 0 && told <= n);
	must(twcc_walk_init(&again, built, size) == 0);
	must(again.count == told && again.base == w.base);
	for (unsigned i = 0; i < told; i++) {
		must(twcc_next(&again, &s));
		must(s.received == (at_us[i] != 0));
	}
}

static void estimate(const uint8_t *buf, size_t len)
{
	const struct estimate_config cfg = { .twcc = true, .n_sent = 256 };
	struct estimate e;
	uint64_t now_us = 1000000;
	uint16_t base = 0;

	must(estimate_init(&e, now_us, &cfg) == 0);
	for (unsigned round = 0; round < 20; round++) {
		static uint8_t copy[2048];
		uint16_t first = 0;

		for (unsigned i = 0; i < 20; i++, now_us += 2000) {
			uint16_t seq =
				estimate_sent(&e, now_us, 1200, SENT_VIDEO);

			if (i == 0)
				first = seq;
			estimate_padding(&e, now_us);
			estimate_tick(&e, now_us);
		}
		if (len < 20 || len > sizeof(copy))
			break;
		/* Numbers that may be meant, so that it goes deeper. */
		memcpy(copy, buf, len);
		base = (uint16_t)(first + (int8_t)buf[12]);
		copy[12] = (uint8_t)(base >> 8);
		copy[13] = (uint8_t)base;
		estimate_feedback(&e, now_us, copy, len);
		must(e.control.bps >= ESTIMATE_MIN_BPS);
		must(e.control.bps <= ESTIMATE_MAX_BPS);
		must(e.sent.in_flight <= 256 * 1200);
	}
	estimate_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct twcc_status s;
	struct twcc_walk w;
	unsigned n = 0;

	must(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	if (twcc_walk_init(&w, copy, len) == 0) {
		while (twcc_next(&w, &s))
			must(++n <= TWCC_COUNT_MAX);
		must(n == w.count);
		round_trip(copy, len);
	}
	estimate(copy, len);
	free(copy);
	return 0;
}
