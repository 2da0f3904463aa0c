/*
 * The times of one take: its RTP timestamps on the feed's clock. Two sources:
 *
 *   reports  a line through the last LINE_REPORTS sender reports says which
 *            time of the publisher a timestamp is (its slope is the drift of
 *            the device's clock), take_clock says what that is on ours;
 *   arrival  the least of (arrival - timestamp): before the first report that
 *            is believed, and the measure of what can be believed.
 *
 * What is given out follows slowly (LINE_SLEW), so that neither a report's
 * jitter nor its truth makes sound or picture jump.
 *
 * Except where the device itself stood still, as a microphone does on a machine
 * that has no time for it: its timestamps fall behind all at once, and a report
 * says so. What was never captured is a hole, not a slow clock: where packets
 * arrive as much later as the report says, time steps ahead by it.
 */
#ifndef HEARTH_RECORD_CLOCK_LINE_H
#define HEARTH_RECORD_CLOCK_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/clock.h"

enum {
	LINE_REPORTS = 32,
	LINE_SLOPE_FROM = 8,    /* reports before a slope is believed */
	LINE_DRIFT_PPM = 500,   /* no device's clock is worse */
	LINE_JITTER_US = 30000, /* a report further from the line is doubted */
	LINE_SAME_US = 200,     /* a report carried forward: rounding */
	LINE_CARRIED_US = 2000000000, /* not looked for after that long */
	/* A report further than this from its arrival is of another world. */
	LINE_LOST_US = 10000000,
	LINE_STEP_US = 200000,   /* a correction above is made at once */
	LINE_NEAR_US = 40000,    /* where people begin to see it */
	LINE_SLEW_NEAR = 5,      /* ms per second, below LINE_NEAR_US */
	LINE_SLEW_FAR = 25,      /* and above */
	LINE_STALL_US = 20000,   /* a device that stood still: one Opus frame */
	LINE_RECENT_US = 500000, /* what "arrives now" is */
	/* The least of that is at most so far behind the reports' time where
	 * arrival is to bear a report out. */
	LINE_UNDER_WAY_US = 80000,
	LINE_BEFORE_US = 5000, /* nothing comes before it was made; rounding */
	/* Timestamps that run ahead of their arrival, back, or behind it by
	 * more than that began anew. The last is more than a retransmission
	 * takes. */
	LINE_AHEAD_US = 500000,
	LINE_BACK_US = 500000,
	LINE_BEHIND_US = 3000000,
};

struct line_report {
	int64_t rtp_us; /* its timestamp on the line's count */
	int64_t off_us; /* the publisher's time - rtp_us */
};

struct line {
	struct take_clock *clock;
	uint32_t clock_hz;
	bool started, timed; /* a packet came; a time was given out */
	uint32_t ts;         /* the last packet's, and where that is: */
	int64_t rtp_us;
	uint64_t arrival_us;
	struct clock_least least;  /* arrival - rtp_us */
	struct clock_least recent; /* the same, of LINE_RECENT_US */
	unsigned n, next;          /* of report[], a ring */
	struct line_report report[LINE_REPORTS];
	/* off_us = base_us + mean + slope * (rtp_us - middle_us) */
	int64_t base_us, middle_us;
	double mean, slope;
	bool heard; /* the last report that was believed: */
	uint64_t heard_us, heard_ntp;
	uint32_t heard_ts;
	unsigned doubts; /* reports in a row that do not fit the others */
	struct line_report doubt[CLOCK_PROOF];
	int64_t applied_us; /* what is added now */
	int64_t last_rtp_us, last_us;
};

/* clock must outlive l. */
void line_init(struct line *l, uint32_t clock_hz, struct take_clock *clock);

/* A packet came; only before the first line_packet, in the order of arrival:
 * the least delay of those that wait for the start. */
void line_first(struct line *l, uint64_t arrival_us, uint32_t ts);

/* The next packet in order. */
void line_packet(struct line *l, uint64_t arrival_us, uint32_t ts);

/* A sender report. true: it is believed. Nothing before the first packet. The
 * forwarding unit repeats the publisher's last report, carried forward by its
 * own clock: such a one is true and says nothing new of the publisher's. */
bool line_report(struct line *l, uint64_t now_us, uint64_t ntp, uint32_t ts);

/* The time of the frame with that timestamp, of a packet given to line_packet
 * last or before: later than all before. */
int64_t line_time(struct line *l, uint32_t ts);

/* About where a timestamp lies; changes nothing. */
int64_t line_guess(const struct line *l, uint32_t ts);

#endif
