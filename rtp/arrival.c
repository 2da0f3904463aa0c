#include "rtp/arrival.h"

#include <string.h>

#include "rtp/seq.h"
#include "rtp/twcc.h"

enum { OVERHEAD = 28 + 14 }; /* of a feedback: IP, UDP, SRTCP */

void arrival_init(struct arrival *a)
{
	memset(a, 0, sizeof(*a));
	a->due_us = UINT64_MAX;
	a->interval_us = ARRIVAL_MIN_US;
}

static uint64_t *slot(struct arrival *a, uint64_t number)
{
	return &a->at_us[number % ARRIVAL_RING];
}

static void begin(struct arrival *a, uint64_t number)
{
	memset(a->at_us, 0, sizeof(a->at_us));
	a->from = number;
	a->next = number + 1;
}

/* Makes number the highest; what it skips did not come so far. */
static void advance(struct arrival *a, uint64_t number)
{
	for (; a->next <= number; a->next++)
		*slot(a, a->next) = 0;
	if (a->next - a->from > ARRIVAL_RING)
		a->from = a->next - ARRIVAL_RING;
}

static bool place(struct arrival *a, uint64_t number)
{
	if (a->next == 0) {
		begin(a, number);
	} else if (number >= a->next + ARRIVAL_RING) {
		a->jumps++;
		begin(a, number);
	} else if (number >= a->next) {
		advance(a, number);
	} else if (a->next - number > ARRIVAL_RING) {
		a->late++;
		return false;
	} else if (number < a->from) {
		/* Told as lost: it and what follows is told again. */
		a->late++;
		if (*slot(a, number) == 0)
			a->from = number;
	}
	return true;
}

void arrival_note(struct arrival *a, uint64_t at_us, uint16_t seq, size_t len)
{
	uint64_t number =
		a->next ? seq_unwrap(a->next - 1, seq) : UINT64_C(65536) + seq;

	a->bytes += len;
	if (!place(a, number))
		return;
	if (*slot(a, number) == 0)
		*slot(a, number) = at_us ? at_us : 1;
	if (a->due_us == UINT64_MAX) {
		a->due_us = a->told_us + a->interval_us;
		if (a->due_us < at_us)
			a->due_us = at_us;
	}
}

uint64_t arrival_deadline(const struct arrival *a)
{
	return a->due_us;
}

/* The next interval, so that one as long as this one keeps its share. */
static void choose_interval(struct arrival *a, uint64_t now_us, size_t len)
{
	uint64_t past_us = now_us - a->told_us;
	uint64_t us = ARRIVAL_MAX_US;

	if (a->bytes > 0 && a->told_us != 0)
		us = (len + OVERHEAD) * ARRIVAL_SHARE * past_us / a->bytes;
	if (us < ARRIVAL_MIN_US)
		us = ARRIVAL_MIN_US;
	a->interval_us = us > ARRIVAL_MAX_US ? ARRIVAL_MAX_US : us;
	a->told_us = now_us;
	a->bytes = 0;
}

size_t arrival_feedback(struct arrival *a, uint64_t now_us, uint32_t sender,
	uint32_t media, uint8_t *ret, size_t cap)
{
	uint64_t at_us[ARRIVAL_RING];
	unsigned n = (unsigned)(a->next - a->from), told;
	size_t len;

	if (now_us < a->due_us || n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		at_us[i] = *slot(a, a->from + i);
	len = twcc_build(ret, cap, sender, media, a->number, (uint16_t)a->from,
		at_us, n, &told);
	if (len == 0) {
		a->from = a->next;
		a->due_us = UINT64_MAX;
		return 0;
	}
	a->number++;
	a->from += told;
	if (a->from == a->next) {
		a->due_us = UINT64_MAX;
		choose_interval(a, now_us, len);
	}
	return len;
}
