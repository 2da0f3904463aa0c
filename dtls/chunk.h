/*
 * Whether the lengths in an SCTP packet agree with each other (RFC 9260
 * section 3, RFC 6525 section 4). usrsctp 0.9.5 loops without end on an INIT
 * with a parameter of length 0, and chunks we never negotiate (AUTH, ASCONF,
 * PKTDROP) are where its past holes were: neither reaches it. Pure. Not for use
 * outside this folder.
 */
#ifndef HEARTH_DTLS_CHUNK_H
#define HEARTH_DTLS_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_COMMON_HEADER = 12 };

/* True for a packet with at least one chunk, whose chunks and their parameters
 * all fit, and none of which is of a kind that we never negotiate. */
bool chunk_is_sound_packet(const uint8_t *buf, size_t len);

#endif
