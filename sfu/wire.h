/*
 * The messages between control process and worker, after OpenBSD's imsg: a
 * fixed header and a flat payload in host byte order, for both ends are the
 * same binary on the same machine. This file turns messages into bytes and back
 * and does no I/O; pipe.h carries them.
 *
 *   control -> worker   OPTIONS first, then JOIN, PLUG, RELAY, OFFER,
 *                       ANSWER, CANDIDATE, MESSAGE, LEAVE, ASK_STATS,
 * LOG_LEVEL, STOP worker -> control   HELLO or SORRY (the sockets), then EVENT,
 * STATS, BYE
 *
 * A worker parses hostile packets and could be taken over, so the control
 * process checks what it is sent as if it came from the network: everything is
 * bounded, and a message that does not decode ends that worker.
 */
#ifndef HEARTH_SFU_WIRE_H
#define HEARTH_SFU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sfu/env.h"
#include "sfu/sfu.h"
#include "sfu/stats.h"

enum {
	WIRE_ADDRESS_MAX = 64,
	WIRE_LIST = 16,
	WIRE_TEXT_MAX = 512,  /* a reason in words */
	WIRE_LINE_MAX = 1024, /* a candidate line */
	/* An SDP and all its streams, or a message. */
	WIRE_PAYLOAD_MAX = SFU_SDP_MAX +
			   SFU_STREAMS_MAX * (2 * (SFU_STREAM_MAX + 5) + 8) +
			   1024,
};

enum wire_type {
	WIRE_OPTIONS = 1,
	WIRE_JOIN,
	WIRE_PLUG,
	WIRE_RELAY, /* another worker has a part of the conference */
	WIRE_OFFER,
	WIRE_ANSWER,
	WIRE_CANDIDATE,
	WIRE_MESSAGE,
	WIRE_VIEW,
	WIRE_SCREEN,
	WIRE_LEAVE,
	WIRE_ASK_STATS,
	WIRE_LOG_LEVEL,
	WIRE_STOP,
	WIRE_HELLO,
	WIRE_SORRY,
	WIRE_EVENT,
	WIRE_STATS,
	WIRE_ROOMS, /* after it */
	WIRE_BYE,
	WIRE_TYPES
};

/* What a worker has to know. Flat: it crosses the wire as it lies. */
struct worker_options {
	uint32_t index;
	uint32_t port;
	uint32_t conferences; /* ceiling */
	uint32_t log_level;
	uint32_t pii;
	uint32_t n_listen, n_advertise;
	char listen[WIRE_LIST][WIRE_ADDRESS_MAX];
	char advertise[WIRE_LIST][WIRE_ADDRESS_MAX];
	struct limits limits;
};

struct wire_message {
	enum wire_type type;
	sfu_id id; /* the participant, 0 where there is none */
	union {
		struct worker_options options;
		struct {
			const char *conference, *label;
			struct sfu_join_options options;
		} join;
		struct {
			const char *conference, *label;
			struct sfu_plug_options options;
			int fd; /* beside the bytes: see pipe.h; else -1 */
		} plug;
		struct {
			const char *conference;
			uint32_t rank; /* index of the other worker */
			int fd;        /* likewise */
		} relay;
		struct { /* OFFER, ANSWER, CANDIDATE, HELLO, SORRY */
			const char *v;
			size_t len;
		} text;
		struct {
			bool binary;
			const uint8_t *v;
			size_t len;
		} data;
		struct {
			const char *stream;
			uint32_t height;
			bool visible;
		} view;
		struct {
			const char *stream;
			bool on;
		} screen;
		uint32_t level;
		struct sfu_event event;
		struct worker_stats stats;
		struct stats_rooms rooms;
	} u;
};

/* Does a descriptor go with messages of that type? */
static inline bool wire_has_fd(enum wire_type type)
{
	return type == WIRE_PLUG || type == WIRE_RELAY;
}

/* Writes the payload of m into ret. Returns its length, -E2BIG if a part is
 * longer than its ceiling or size does not do, -EINVAL for an unknown type. */
int wire_encode(const struct wire_message *m, uint8_t *ret, size_t size);

/* Reads a payload. Strings and data of *ret point into payload, streams into
 * streams (SFU_STREAMS_MAX of them; NULL: an event that has some is refused).
 * Strings are NUL-terminated and hold no other NUL. 0 or -EBADMSG. */
int wire_decode(uint32_t type, sfu_id id, const uint8_t *payload, size_t len,
	struct sfu_stream *streams, struct wire_message *ret);

#endif
