/*
 * WebRTC data channels of one peer: DCEP (RFC 8832) over an association
 * (RFC 8831). Keeps the table of channels and, per peer, a bounded queue of
 * messages that wait for room.
 *
 * Text and binary are kept apart, empty messages stay empty (PPIDs 51, 53, 56,
 * 57; RFC 8831 8). Stream ids: even when we are the DTLS client, odd otherwise.
 */
#ifndef HEARTH_DTLS_CHANNEL_H
#define HEARTH_DTLS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/assoc.h"

enum {
	CHANNEL_LABEL_MAX = 256, /* bytes without NUL; longer is refused */
	CHANNEL_PROTOCOL_MAX = 128,
	CHANNELS_MAX = 32,                /* open channels per peer */
	CHANNELS_MESSAGE_DEFAULT = 65536, /* peer's limit unless its SDP says
					     otherwise (RFC 8841 section 6.1) */
};

enum channel_state {
	CHANNEL_FREE,
	CHANNEL_OPENING,
	CHANNEL_OPEN,
	CHANNEL_CLOSING
};

struct channel {
	uint16_t stream;
	enum channel_state state;
	struct assoc_reliability how;
	char label[CHANNEL_LABEL_MAX + 1]; /* valid UTF-8 */
	char protocol[CHANNEL_PROTOCOL_MAX + 1];
	bool ours; /* we opened it */
};

enum channel_event_type {
	CHANNEL_EV_OPEN, /* usable, whoever opened it */
	CHANNEL_EV_MESSAGE,
	CHANNEL_EV_CLOSED, /* *channel is about to be reused */
	CHANNEL_EV_DOWN    /* the association is gone, and all channels */
};

struct channel_event {
	enum channel_event_type type;
	struct channel *channel;
	bool binary;
	const uint8_t *data; /* valid until the next call with this channels */
	size_t len;
};

struct channels; /* heap; made when the SDP has an application m-line */

/* queue_max: bytes that may wait in us for this peer beyond usrsctp's buffer.
 * 0, -ENOMEM. */
int channels_new(struct channels **ret, struct assoc_out *out, bool dtls_client,
	uint16_t local_port, uint16_t remote_port, size_t queue_max);
struct channels *channels_free(struct channels *); /* returns NULL */

/* One SCTP packet; then channels_next until 0. Also call channels_next after
 * assoc_global_tick: timers make events too. channels_next returns 1 with an
 * event, 0 when there is none; it also sends what had to wait. */
void channels_input(struct channels *c, const uint8_t *buf, size_t len);
int channels_next(struct channels *c, struct channel_event *ret);
/* True: channels_next must be called after the next assoc_global_tick. False:
 * once a second will do, as long as nothing comes in. */
bool channels_wait(const struct channels *c);

/* The peer's a=max-message-size (RFC 8841 section 6): longer messages are
 * refused with -EMSGSIZE. 0 means that the peer takes any size; ours, which is
 * ASSOC_MESSAGE_MAX, holds anyway. */
void channels_set_max(struct channels *c, size_t bytes);

/* True between the association's coming up and its going down. */
bool channels_is_up(const struct channels *c);

/* Opens a channel in band; usable at once for sending, and in order until the
 * peer has acknowledged it even if it is unordered (RFC 8832 section 6). NULL
 * when the table or the streams are full, label or protocol too long or not
 * UTF-8, or the association not up. */
struct channel *channels_open(struct channels *c, const char *label,
	const char *protocol, const struct assoc_reliability *how);

/* Sends one message, queueing it while there is no room. len may be 0. 0;
 * -ENOBUFS: over queue_max or out of memory, nothing was queued (the caller
 * closes the channel or drops); -EMSGSIZE; -ENOTCONN: the association or this
 * channel is not open. */
int channels_send(struct channels *c, struct channel *ch, bool binary,
	const uint8_t *buf, size_t len);

/* Closes: what is queued is sent, then our stream is reset, then the peer's
 * (RFC 8831 section 6.7). CHANNEL_EV_CLOSED comes when both are, and only then
 * is the stream id used again. */
void channels_close(struct channels *c, struct channel *ch);

/* The open or opening channel with that label (ours or theirs), or NULL. */
struct channel *channels_find(struct channels *c, const char *label);

/* Walks the open and opening channels: index from 0 until NULL. The index is
 * good for one walk without other calls in between. */
struct channel *channels_at(struct channels *c, unsigned index);

/* Bytes waiting: ours plus usrsctp's (see assoc_queued). */
size_t channels_queued(const struct channels *c);

/* Counter since channels_new: messages of the peer that were dropped (bad
 * DCEP, unknown stream or PPID, too big). */
uint64_t channels_drops(const struct channels *c);

#endif
