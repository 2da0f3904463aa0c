#include "record/clock_line.h"

#include <stdlib.h>
#include <string.h>

void line_init(struct line *l, uint32_t clock_hz, struct take_clock *clock)
{
	memset(l, 0, sizeof(*l));
	l->clock_hz = clock_hz;
	l->clock = clock;
}

/* Where a timestamp lies, by way of the last packet's. */
static int64_t place(const struct line *l, uint32_t ts)
{
	int64_t units = (int32_t)(ts - l->ts);

	return l->rtp_us + units * 1000000 / l->clock_hz;
}

static void start(struct line *l, uint64_t arrival_us, uint32_t ts)
{
	l->started = true;
	l->ts = ts;
	l->rtp_us = 0;
	l->arrival_us = arrival_us;
}

void line_first(struct line *l, uint64_t arrival_us, uint32_t ts)
{
	int64_t late_us;

	if (!l->started)
		start(l, arrival_us, ts);
	late_us = (int64_t)arrival_us - place(l, ts);
	/* Timestamps that begin anew meanwhile are line_packet's to find. */
	if (l->least.some && late_us < clock_least(&l->least) - LINE_AHEAD_US)
		return;
	clock_least_add(&l->least, arrival_us, late_us);
}

static void forget_reports(struct line *l)
{
	l->n = l->next = 0;
	l->doubts = 0;
	l->heard = false;
	l->recent.some = false;
}

/* Did the publisher's timestamps begin anew with this packet? Nothing arrives
 * before it was made, nothing in order is much older than what was before it,
 * and after a pause they have moved by the pause. */
static bool began_anew(
	const struct line *l, uint64_t arrival_us, int64_t rtp_us)
{
	int64_t ahead_us = rtp_us - (int64_t)arrival_us;
	int64_t passed_us = (int64_t)(arrival_us - l->arrival_us);
	int64_t moved_us = rtp_us - l->rtp_us;

	return ahead_us + clock_least(&l->least) > LINE_AHEAD_US ||
	       moved_us < -LINE_BACK_US ||
	       passed_us - moved_us > LINE_BEHIND_US;
}

void line_packet(struct line *l, uint64_t arrival_us, uint32_t ts)
{
	int64_t rtp_us;

	if (!l->started || !l->least.some)
		line_first(l, arrival_us, ts);
	rtp_us = place(l, ts);
	if (began_anew(l, arrival_us, rtp_us)) {
		/* The count goes on by the time that passed; what the reports
		 * said of the old timestamps is void. */
		rtp_us = l->rtp_us;
		if (arrival_us > l->arrival_us)
			rtp_us += (int64_t)(arrival_us - l->arrival_us);
		forget_reports(l);
	}
	if (arrival_us > l->arrival_us)
		l->arrival_us = arrival_us;
	l->rtp_us = rtp_us;
	l->ts = ts;
	clock_least_add(&l->least, arrival_us, (int64_t)arrival_us - l->rtp_us);
	clock_least_within(&l->recent, arrival_us, LINE_RECENT_US,
		(int64_t)arrival_us - l->rtp_us);
}

/* Least squares through the reports. With few of them a slope would be the
 * jitter's. */
static void fit(struct line *l)
{
	double x = 0, y = 0, xx = 0, xy = 0;
	const double worst = LINE_DRIFT_PPM / 1e6;

	l->base_us = l->report[0].off_us;
	l->middle_us = l->report[0].rtp_us;
	for (unsigned i = 0; i < l->n; i++) {
		x += (double)(l->report[i].rtp_us - l->middle_us);
		y += (double)(l->report[i].off_us - l->base_us);
	}
	x /= l->n;
	l->mean = y / l->n;
	l->middle_us += (int64_t)x;
	l->slope = 0;
	for (unsigned i = 0; i < l->n; i++) {
		double dx = (double)(l->report[i].rtp_us - l->middle_us);
		double dy = (double)(l->report[i].off_us - l->base_us);

		xx += dx * dx;
		xy += dx * (dy - l->mean);
	}
	if (l->n < LINE_SLOPE_FROM || xx <= 0)
		return;
	l->slope = xy / xx;
	if (l->slope > worst)
		l->slope = worst;
	if (l->slope < -worst)
		l->slope = -worst;
}

/* The publisher's time - rtp_us, by the reports. */
static int64_t fitted(const struct line *l, int64_t rtp_us)
{
	double away = (double)(rtp_us - l->middle_us);

	return l->base_us + (int64_t)(l->mean + l->slope * away);
}

static unsigned last_report(const struct line *l)
{
	return (l->next + LINE_REPORTS - 1) % LINE_REPORTS;
}

static void add_report(struct line *l, const struct line_report *r)
{
	l->report[l->next] = *r;
	l->next = (l->next + 1) % LINE_REPORTS;
	if (l->n < LINE_REPORTS)
		l->n++;
}

/* Does a report agree with those that are believed? The longer ago the last of
 * them, the less they know. */
static bool fits(const struct line *l, const struct line_report *r)
{
	int64_t since_us = llabs(r->rtp_us - l->report[last_report(l)].rtp_us);

	return llabs(r->off_us - fitted(l, r->rtp_us)) <=
	       LINE_JITTER_US + since_us / 1000000 * LINE_DRIFT_PPM;
}

/* How long the device stood still, by this report and by what arrives; 0 where
 * they do not agree that it did. */
static int64_t stall_us(const struct line *l, const struct line_report *r)
{
	int64_t moved_us, under_way_us;

	if (!l->n || !l->recent.some)
		return 0;
	moved_us = r->off_us - fitted(l, r->rtp_us);
	under_way_us =
		clock_least(&l->recent) - r->off_us - clock_offset(l->clock);
	if (moved_us < LINE_STALL_US || moved_us > LINE_BEHIND_US ||
		under_way_us < -LINE_BEFORE_US ||
		under_way_us > LINE_UNDER_WAY_US)
		return 0;
	return moved_us;
}

/* What the older reports say of the device's drift stays true. */
static void step_ahead(struct line *l, int64_t us)
{
	for (unsigned i = 0; i < l->n; i++)
		l->report[i].off_us += us;
	l->base_us += us;
	l->applied_us += us;
}

/* A report nobody expected: CLOCK_PROOF that agree make a new line. */
static bool proven(struct line *l, const struct line_report *r)
{
	if (l->doubts && llabs(r->off_us - l->doubt[l->doubts - 1].off_us) >
				 LINE_JITTER_US)
		l->doubts = 0;
	l->doubt[l->doubts++] = *r;
	if (l->doubts < CLOCK_PROOF)
		return false;
	l->n = l->next = 0;
	for (unsigned i = 0; i < CLOCK_PROOF; i++)
		add_report(l, &l->doubt[i]);
	l->doubts = 0;
	return true;
}

/* NTP time that passed, in microseconds. */
static int64_t ntp_since(uint64_t ntp, uint64_t then)
{
	int64_t units = (int64_t)(ntp - then);

	return (units >> 32) * 1000000 +
	       (int64_t)(((uint64_t)units & 0xffffffff) * 1000000 >> 32);
}

/* Is it the last one that was believed, by as much later as it came later? */
static bool carried(
	const struct line *l, uint64_t now_us, uint64_t ntp, uint32_t ts)
{
	int64_t since_us = (int64_t)(now_us - l->heard_us);
	int64_t units = (int32_t)(ts - l->heard_ts);

	/* Beyond, timestamps could have gone round. */
	if (!l->heard || since_us < 0 || since_us > LINE_CARRIED_US)
		return false;
	return llabs(ntp_since(ntp, l->heard_ntp) - since_us) <= LINE_SAME_US &&
	       llabs(units * 1000000 / l->clock_hz - since_us) <= LINE_SAME_US;
}

static void hear(struct line *l, uint64_t now_us, uint64_t ntp, uint32_t ts)
{
	l->heard = true;
	l->heard_us = now_us;
	l->heard_ntp = ntp;
	l->heard_ts = ts;
}

bool line_report(struct line *l, uint64_t now_us, uint64_t ntp, uint32_t ts)
{
	struct line_report r;
	int64_t us, off_us;

	if (carried(l, now_us, ntp, ts))
		return true;
	if (!clock_report(l->clock, now_us, ntp, &us))
		return false;
	if (!l->started || !l->least.some)
		return false;
	r.rtp_us = place(l, ts);
	r.off_us = us - r.rtp_us;
	off_us = r.off_us + clock_offset(l->clock) - clock_least(&l->least);
	if (llabs(off_us) > LINE_LOST_US)
		return false;
	step_ahead(l, stall_us(l, &r));
	if (l->n ? !fits(l, &r) : llabs(off_us) > CLOCK_JUMP_US) {
		if (!proven(l, &r))
			return false;
	} else {
		l->doubts = 0;
		add_report(l, &r);
	}
	fit(l);
	hear(l, now_us, ntp, ts);
	return true;
}

static int64_t target(const struct line *l, int64_t rtp_us)
{
	if (l->n)
		return fitted(l, rtp_us) + clock_offset(l->clock);
	return clock_least(&l->least);
}

/* Moves what is applied toward the truth by what moved_us of stream allows. */
static void slew(struct line *l, int64_t target_us, int64_t moved_us)
{
	int64_t off_us = target_us - l->applied_us;
	int64_t rate =
		llabs(off_us) > LINE_NEAR_US ? LINE_SLEW_FAR : LINE_SLEW_NEAR;
	int64_t most_us = moved_us > 0 ? moved_us * rate / 1000 : 0;

	if (llabs(off_us) <= most_us || llabs(off_us) > LINE_STEP_US)
		l->applied_us = target_us;
	else
		l->applied_us += off_us > 0 ? most_us : -most_us;
}

int64_t line_time(struct line *l, uint32_t ts)
{
	int64_t rtp_us = place(l, ts);
	int64_t moved_us = rtp_us - l->last_rtp_us;
	int64_t us, least_us;

	if (!l->timed) {
		l->timed = true;
		l->applied_us = target(l, rtp_us);
		l->last_rtp_us = rtp_us;
		l->last_us = rtp_us + l->applied_us;
		return l->last_us;
	}
	slew(l, target(l, rtp_us), moved_us);
	us = rtp_us + l->applied_us;
	/* Where time would go back it runs at half its pace instead. */
	least_us = l->last_us + (moved_us > 2 ? moved_us / 2 : 1);
	l->last_us = us > least_us ? us : least_us;
	if (moved_us > 0)
		l->last_rtp_us = rtp_us;
	return l->last_us;
}

int64_t line_guess(const struct line *l, uint32_t ts)
{
	int64_t rtp_us = place(l, ts);

	if (!l->started)
		return 0;
	return rtp_us + (l->timed ? l->applied_us : target(l, rtp_us));
}
