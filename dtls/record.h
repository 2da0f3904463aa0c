/*
 * Whether a datagram can be DTLS at all (RFC 6347 sections 4.1 and 4.2.2).
 * mbedTLS gives a whole handshake up for some malformed records of epoch 0,
 * which anybody can write: they do not reach it. Pure. Not for use outside this
 * folder.
 */
#ifndef HEARTH_DTLS_RECORD_H
#define HEARTH_DTLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_HEADER = 13 };

/* True when every record of the datagram has a sound header and, in epoch 0,
 * holds what its type and its sender (a server or a client) allow: handshake
 * messages of known kind whose lengths agree, an alert of two bytes, a
 * ChangeCipherSpec of one. */
bool record_is_plausible(const uint8_t *buf, size_t len, bool from_server);

#endif
