/*
 * What goes between two workers that hold one conference together. Each has its
 * part of the people; the others' have a *far* seat in it: a participant of the
 * same id and label that publishes what its frames say and receives nothing.
 * Frames only ever speak of people that are at home where they come from, so
 * that nothing goes round.
 *
 * A frame is a header of 12 bytes in network byte order and a payload:
 *
 *     0               4       5           8               12
 *     +---------------+-------+-----------+---------------+
 *     | payload bytes | type  | 0   0   0 | participant   |
 *     +---------------+-------+-----------+---------------+
 *
 *   SEAT     label, newline, and what it publishes (SDP, negotiation_published;
 *            empty before it ever did): it is new, or this changed
 *   RTP      as it came, clear
 *   RTCP     clear: of a participant at home here its sender reports; of one at
 *            home there the key frame requests of ours
 *   MESSAGE  of a data channel: relay_message_write
 *   OPEN     label of a data channel it opened
 *   CLOSED   … and closed
 *   LEFT     it is gone
 *   SPEAKER  who is loudest, 0 for nobody: said by one worker for all, the one
 *            of the lowest number
 *
 * Bytes to structs and back; no socket, no memory. Another worker may have been
 * taken over by what it parsed: nothing of this is believed.
 */
#ifndef HEARTH_SFU_RELAY_H
#define HEARTH_SFU_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/channel.h"
#include "sfu/sfu.h"

enum {
	RELAY_HEADER = 12,
	/* A message with the names of its channel; an SDP is shorter. */
	RELAY_MESSAGE_HEAD = 8,
	RELAY_PAYLOAD_MAX = ASSOC_MESSAGE_MAX + RELAY_MESSAGE_HEAD +
			    CHANNEL_LABEL_MAX + CHANNEL_PROTOCOL_MAX,
	RELAY_PACKET_MAX = 2048, /* payload of RTP and RTCP frames */
};

enum relay_type {
	RELAY_SEAT = 1,
	RELAY_RTP,
	RELAY_RTCP,
	RELAY_MESSAGE,
	RELAY_OPEN,
	RELAY_CLOSED,
	RELAY_LEFT,
	RELAY_SPEAKER,
	RELAY_TYPES
};

struct relay_frame {
	enum relay_type type;
	sfu_id id;
	const uint8_t *payload;
	size_t len;
};

/* Writes the header of f (payload not looked at) to ret. */
void relay_header_write(const struct relay_frame *f, uint8_t ret[RELAY_HEADER]);

/* The first frame in buf. Returns the bytes it takes and fills *ret, whose
 * payload points into buf; 0: not whole yet; -EBADMSG: no such type, no
 * participant (but of SPEAKER), a reserved byte set, or too long. */
int64_t relay_frame_read(
	const uint8_t *buf, size_t len, struct relay_frame *ret);

/* The label of a SEAT frame, copied, and its SDP, which points into payload. 0,
 * or -EBADMSG: no newline, too long, a NUL in it. */
int relay_seat_read(const uint8_t *payload, size_t len,
	char ret_label[SFU_LABEL_MAX + 1], const char **ret_sdp,
	size_t *ret_len);

/* The payload of a MESSAGE frame that came on ch. Returns its length, -E2BIG if
 * size does not do. RELAY_PAYLOAD_MAX does for all messages we take. */
int64_t relay_message_write(const struct channel *ch, bool binary,
	const uint8_t *data, size_t len, uint8_t *ret, size_t size);

/* Reads it: of ret_channel the names and the reliability are set, all else is
 * zero; *ret_data points into payload. 0 or -EBADMSG. */
int relay_message_read(const uint8_t *payload, size_t len,
	struct channel *ret_channel, bool *ret_binary, const uint8_t **ret_data,
	size_t *ret_len);

#endif
