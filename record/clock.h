/*
 * One publisher's clock (take.h): the NTP times of its sender reports, made a
 * time line without steps, and what must be added to get the feed's clock. The
 * difference is the least seen of (arrival - NTP time) in the last half minute,
 * as delay only ever adds; so a drift of the publisher's clock is followed.
 *
 * A report more than CLOCK_JUMP_US off is not believed. CLOCK_PROOF of them in
 * a row that agree mean that the publisher's clock was set: the step is taken
 * out, and the time line goes on as if nothing had happened.
 */
#ifndef HEARTH_RECORD_CLOCK_H
#define HEARTH_RECORD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CLOCK_JUMP_US = 500000,
	CLOCK_PROOF = 3,
	CLOCK_AGREE_US = 200000, /* reports of one step differ less than that */
	CLOCK_WINDOW_US = 15000000, /* the least of one to two of these */
};

/* The least of a series of numbers over the last one or two windows. */
struct clock_least {
	bool some;
	int64_t now, before; /* of the running window, and of that before */
	uint64_t since_us;   /* begin of the running window */
};
/* The windows are CLOCK_WINDOW_US long. */
void clock_least_add(struct clock_least *l, uint64_t now_us, int64_t value);
/* The same with windows of window_us. */
void clock_least_within(struct clock_least *l, uint64_t now_us,
	uint64_t window_us, int64_t value);
/* Only where l->some. */
int64_t clock_least(const struct clock_least *l);

struct take_clock;

/* A report with that NTP time (RFC 3550 4, 64 bits) came at now_us. true: it is
 * believed, and *ret_us is its time on the publisher's time line. */
bool clock_report(
	struct take_clock *c, uint64_t now_us, uint64_t ntp, int64_t *ret_us);

/* What to add to the publisher's time line for the feed's clock: may change
 * suddenly by what the least delay changed. 0 before the first report. */
int64_t clock_offset(const struct take_clock *c);

#endif
