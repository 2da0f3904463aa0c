/*
 * RTP sequence numbers: comparison modulo 2^16 and unwrapping to 64 bit
 * (RFC 3550 appendix A.1). Pure, inline.
 */
#ifndef HEARTH_RTP_SEQ_H
#define HEARTH_RTP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* a is newer than b when it is less than half the circle ahead. */
static inline bool seq_newer(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) > 0;
}

/* The 64-bit number nearest to `last` whose low 16 bits are seq. `last` starts
 * at 65536 + the first seq, so that early reordering does not go below zero. */
static inline uint64_t seq_unwrap(uint64_t last, uint16_t seq)
{
	return last +
	       (uint64_t)(int64_t)(int16_t)(uint16_t)(seq - (uint16_t)last);
}

/* The same for 32-bit RTP timestamps. */
static inline uint64_t ts_unwrap(uint64_t last, uint32_t ts)
{
	return last +
	       (uint64_t)(int64_t)(int32_t)(uint32_t)(ts - (uint32_t)last);
}

#endif
