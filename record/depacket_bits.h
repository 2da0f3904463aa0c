/*
 * A bounded bit reader for parameter sets and uncompressed headers: most
 * significant bit first, Exp-Golomb codes (H.264 9.1). Reading past the end
 * gives zeros and is remembered, so a parser asks once, at its end.
 */
#ifndef HEARTH_RECORD_DEPACKET_BITS_H
#define HEARTH_RECORD_DEPACKET_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	const uint8_t *data;
	size_t len;    /* bytes */
	size_t at;     /* bits read */
	bool short_of; /* something was read that is not there */
};

/* data must outlive b. */
void bits_init(struct bits *b, const uint8_t *data, size_t len);

/* The next n bits (0 to 32) as a number. */
uint32_t bits_read(struct bits *b, unsigned n);

void bits_skip(struct bits *b, size_t n);

/* ue(v): 0 to 2^32 - 2; longer codes count as short_of. */
uint32_t bits_ue(struct bits *b);

/* se(v). */
int64_t bits_se(struct bits *b);

#endif
