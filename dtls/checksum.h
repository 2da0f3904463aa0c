/*
 * The checksum of an SCTP packet (RFC 9260 section 6.8 and appendix A: CRC32c)
 * by the processor's own instruction: usrsctp's tables cost a third of what a
 * data message costs.
 */
#ifndef HEARTH_DTLS_CHECKSUM_H
#define HEARTH_DTLS_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This processor has the instruction (SSE 4.2). Without it the other two must
 * not be called. */
bool checksum_is_fast(void);

/* Writes it into a packet of len >= 12 bytes. */
void checksum_write(uint8_t *packet, size_t len);
/* False: it is another, or len < 12. */
bool checksum_holds(const uint8_t *packet, size_t len);

#endif
