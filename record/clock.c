#include "record/clock.h"

#include <stdlib.h>

#include "record/take.h"

struct take_clock {
	struct clock_least least;
	int64_t step_us;  /* sum of the steps of the publisher's clock */
	unsigned doubts;  /* reports in a row that were not believed */
	int64_t doubt_us; /* least distance of those */
};

struct take_clock *take_clock_new(void)
{
	return calloc(1, sizeof(struct take_clock));
}

struct take_clock *take_clock_free(struct take_clock *c)
{
	free(c);
	return NULL;
}

void clock_least_within(struct clock_least *l, uint64_t now_us,
	uint64_t window_us, int64_t value)
{
	if (!l->some) {
		*l = (struct clock_least){ true, value, value, now_us };
		return;
	}
	if (now_us >= l->since_us + window_us) {
		l->before = l->now;
		l->now = value;
		l->since_us = now_us;
	}
	if (value < l->now)
		l->now = value;
}

void clock_least_add(struct clock_least *l, uint64_t now_us, int64_t value)
{
	clock_least_within(l, now_us, CLOCK_WINDOW_US, value);
}

int64_t clock_least(const struct clock_least *l)
{
	return l->now < l->before ? l->now : l->before;
}

static int64_t ntp_us(uint64_t ntp)
{
	return (int64_t)((ntp >> 32) * 1000000 +
			 ((ntp & 0xffffffff) * 1000000 >> 32));
}

/* Is the distance of a report off by off_us the truth? It is when CLOCK_PROOF
 * in a row said the same. */
static bool proven(struct take_clock *c, int64_t off_us)
{
	if (c->doubts && llabs(off_us - c->doubt_us) < CLOCK_AGREE_US) {
		c->doubts++;
		if (off_us < c->doubt_us)
			c->doubt_us = off_us;
	} else {
		c->doubts = 1;
		c->doubt_us = off_us;
	}
	return c->doubts >= CLOCK_PROOF;
}

bool clock_report(
	struct take_clock *c, uint64_t now_us, uint64_t ntp, int64_t *ret_us)
{
	int64_t us = ntp_us(ntp) + c->step_us;
	int64_t delay_us = (int64_t)now_us - us;
	int64_t off_us;

	if (c->least.some) {
		off_us = delay_us - clock_least(&c->least);
		if (llabs(off_us) > CLOCK_JUMP_US) {
			if (!proven(c, off_us))
				return false;
			c->step_us += c->doubt_us;
			us += c->doubt_us;
			delay_us -= c->doubt_us;
		}
	}
	c->doubts = 0;
	clock_least_add(&c->least, now_us, delay_us);
	*ret_us = us;
	return true;
}

int64_t clock_offset(const struct take_clock *c)
{
	return c->least.some ? clock_least(&c->least) : 0;
}
