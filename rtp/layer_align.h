/*
 * Timestamps across the streams of one source. Simulcast layers have RTP clocks
 * that start anywhere; the sender reports of each (RFC 3550 6.4.1) say which of
 * its timestamps belongs to which time of the sender's clock, and so to which
 * of another layer's. By this a switch of layers keeps the picture's true time,
 * where the time of arrival would carry the network's jitter into it.
 */
#ifndef HEARTH_RTP_LAYER_ALIGN_H
#define HEARTH_RTP_LAYER_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

/* The newest sender report of a stream. */
struct layer_report {
	uint64_t ntp; /* 32.32 seconds; 0: none came */
	uint32_t ts;  /* in units of the stream's clock */
};

/* The timestamp that stream `to` has at the moment when stream `from` has ts;
 * both count clock_hz. False, and *ret untouched: a report is missing, or they
 * are more than a quarter of an hour apart (then one of them lies, or the
 * stream has stopped). */
bool layer_align(uint32_t ts, const struct layer_report *from,
	const struct layer_report *to, uint32_t clock_hz, uint32_t *ret);

#endif
