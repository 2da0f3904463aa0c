/*
 * Redundant audio (RFC 2198), as WebRTC sends opus in it: a packet repeats the
 * ones before it, each in a block with the distance of its timestamp, and ends
 * with its own, the *primary*. Reading, taking the primary out for a receiver
 * that has no red, and building for one that has.
 */
#ifndef HEARTH_RTP_RED_H
#define HEARTH_RTP_RED_H

#include <stddef.h>
#include <stdint.h>

enum {
	RED_BLOCKS = 10,        /* in one packet, the primary included */
	RED_LEVELS = 2,         /* older packets that we repeat at most */
	RED_OFFSET_MAX = 16383, /* 14 bits of timestamp: 341 ms of opus */
	RED_LEN_MAX = 1023, /* 10 bits, of a block that is not the primary */
	/* bytes that red_build adds to the data, at most */
	RED_OVERHEAD = 4 * RED_LEVELS + 1,
};

struct red_block {
	uint8_t pt;
	uint16_t offset; /* this much before the packet's timestamp */
	size_t len;      /* may be 0 */
	const uint8_t *data;
};

/* Reads a payload into ret, oldest first as they stand; the last is the primary
 * (offset 0). Returns their number, at least 1; -EBADMSG: a length lies, or
 * there are more. The blocks are views into p. */
int red_parse(const uint8_t *p, size_t len, struct red_block ret[RED_BLOCKS]);

/* The primary alone, as *ret of *ret_len bytes inside p. 0; -EBADMSG, also
 * where its payload type is not pt, and the outputs are then untouched. */
int red_primary(const uint8_t *p, size_t len, uint8_t pt, const uint8_t **ret,
	size_t *ret_len);

/* Sets the payload type of all blocks, in place: another receiver, another
 * number. 0; -EBADMSG, and nothing has changed. */
int red_set_pt(uint8_t *p, size_t len, uint8_t pt);

/* A packet that went before. */
struct red_source {
	uint32_t ts;
	const uint8_t *data; /* plain opus */
	size_t len;
};

struct history;

/* The RED_LEVELS packets before number seq out of a stream's history, oldest
 * first: plain opus (payload type pt), or the primary of red (red_pt; 0: the
 * publisher has none). What is not there is left out; so is all of another
 * payload type. Returns how many; they are views, valid until the next
 * history_add. The same for all receivers of the packet. */
unsigned red_older(const struct history *h, uint64_t seq, uint8_t pt,
	uint8_t red_pt, struct red_source ret[RED_LEVELS]);

/* Writes a payload into ret of size bytes: the older packets, oldest first, and
 * the primary of timestamp ts. One that is too old, too long, empty, or does
 * not fit, is left out (after a pause there is nothing to repeat). Returns the
 * length; 0: even the primary does not fit. */
size_t red_build(uint8_t *ret, size_t size, uint8_t pt, uint32_t ts,
	const struct red_source older[], unsigned n_older,
	const uint8_t *primary, size_t len);

#endif
