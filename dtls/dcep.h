/*
 * The two messages of the Data Channel Establishment Protocol (RFC 8832
 * section 5): bytes to struct and back. Pure. Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_DCEP_H
#define HEARTH_DTLS_DCEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/channel.h"

enum {
	DCEP_ACK = 2,
	DCEP_OPEN = 3,
	DCEP_OPEN_MAX = 12 + CHANNEL_LABEL_MAX + CHANNEL_PROTOCOL_MAX
};

struct dcep_open {
	struct assoc_reliability how;
	uint16_t priority;
	char label[CHANNEL_LABEL_MAX + 1]; /* UTF-8 without NUL inside */
	char protocol[CHANNEL_PROTOCOL_MAX + 1];
};

/* A DATA_CHANNEL_OPEN. 0, or -EINVAL with *ret untouched: truncated, lengths
 * that lie, unknown channel type, label or protocol too long for us or not
 * UTF-8 (RFC 3629) or with a NUL inside. */
int dcep_parse_open(struct dcep_open *ret, const uint8_t *buf, size_t len);

/* Writes a DATA_CHANNEL_OPEN into ret (DCEP_OPEN_MAX bytes). Its length; 0 when
 * label or protocol is too long or not UTF-8. */
size_t dcep_write_open(uint8_t *ret, const struct assoc_reliability *how,
	const char *label, const char *protocol);

/* True for well-formed UTF-8 without NUL: no surrogates, nothing overlong,
 * nothing above U+10FFFF. */
bool dcep_is_text(const uint8_t *buf, size_t len);

#endif
