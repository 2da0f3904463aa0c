/*
 * What can be told of an opus packet from outside (RFC 6716 section 3, RFC
 * 7587): how long it is, and whether it is silence. In-band FEC needs nothing
 * of us: it is inside the packet, which goes on as it is. Of frames that are
 * end-to-end encrypted only their length can be told.
 */
#ifndef HEARTH_RTP_OPUS_H
#define HEARTH_RTP_OPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPUS_DTX_LEN = 2,        /* bytes; no longer than that is no sound */
	OPUS_SAMPLES_MAX = 5760, /* 120 ms at 48 kHz, longest packet */
};

/* Discontinuous transmission: the packet says that there is nothing to hear
 * (RFC 6716 3.1: no more than the table of contents). While it lasts a packet
 * comes every 400 ms or so. */
bool opus_is_dtx(size_t len);

/* Duration in units of 48 kHz, whatever the packet's rate; 0: not opus. */
uint32_t opus_samples(const uint8_t *payload, size_t len);

/* Silence between two packets with consecutive sequence numbers, in units of 48
 * kHz: what the timestamps jump beyond the first one's duration. It is a pause
 * of the sender's and no loss. 0: none (ts at or before the expected one). */
uint32_t opus_pause(uint32_t first_ts, uint32_t first_samples, uint32_t ts);

#endif
