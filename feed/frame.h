/*
 * The frames of a feed: the byte stream between the forwarding unit and a local
 * program that takes part in a conference without ICE, DTLS or SRTP (the
 * recorder, a transcriber, a restreamer). Both ends use this file: bytes to
 * frames and back, no socket, no memory of its own.
 *
 * A frame is a header of 16 bytes in network byte order and a payload:
 *
 *     0               4       5           8                              16
 *     +---------------+-------+-----------+------------------------------+
 *     | payload bytes | type  | 0   0   0 | time_us                      |
 *     +---------------+-------+-----------+------------------------------+
 *
 * time_us: when the packet reached hearth, or when the thing happened, in
 * microseconds of a clock that never steps; FEED_HELLO ties it to the calendar.
 * Frames toward hearth carry 0.
 *
 *   hearth -> program                      program -> hearth
 *   HELLO        first frame               OFFER  SDP: what it takes (recvonly)
 *   SDP, STREAMS the answer; again                and publishes (sendonly)
 *                whenever streams change   RTP    what it publishes
 *   RTP, RTCP    clear, as in the SDP      RTCP   PLI for a key frame, reports
 *   SPEAKER, LOST, REFUSED
 *   BYE          last frame
 *
 * SDP texts are RFC 8866 with RTP/AVPF, rtcp-mux, mids, and an `a=ssrc` line
 * for each stream sent; no ICE, no fingerprints. What hearth says in an SDP
 * frame holds at once: there is no answer to it. Payload types and extension
 * ids are those of the program's own OFFER.
 */
#ifndef HEARTH_FEED_FRAME_H
#define HEARTH_FEED_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	FEED_HEADER = 16,
	FEED_PAYLOAD_MAX = 524288, /* longer: the stream is broken */
	FEED_PACKET_MAX = 2048,    /* payload of RTP and RTCP frames */
	FEED_VERSION = 1,
};

enum feed_type {
	/* Text "version=1 id=<own id> wall_us=<Unix time in microseconds when
	 * time_us was the header's>". */
	FEED_HELLO = 1,
	FEED_RTP,
	FEED_RTCP,
	FEED_SDP, /* the whole present description */
	/* Text, one line per stream of that description, always after FEED_SDP:
	 * "<stream id> <owner id> <owner's own stream id> <kinds> <label>\n",
	 * kinds: "audio", "video" or "audio,video"; the owner's own id is "-"
	 * where it is no word; the label, which may be empty, is the rest. */
	FEED_STREAMS,
	FEED_SPEAKER, /* text: owner id of the loudest, "0" for nobody */
	FEED_LOST,    /* text: RTP frames dropped since the last such frame: the
			 program reads too slowly */
	FEED_REFUSED, /* text: why the last OFFER was not taken */
	FEED_BYE,     /* text: sfu_reason_text() */
	FEED_OFFER,
	FEED_TYPES
};

struct feed_frame {
	enum feed_type type;
	uint64_t time_us;
	const uint8_t *payload; /* not NUL-terminated */
	size_t len;
};

/* Writes the header of f (payload not looked at) to ret. */
void feed_header_write(const struct feed_frame *f, uint8_t ret[FEED_HEADER]);

/* The first frame in buf. Returns the bytes it takes and fills *ret, whose
 * payload points into buf; 0: not whole yet; -EBADMSG: no such type, a reserved
 * byte set, or too long: the stream cannot be read any further. */
int64_t feed_frame_read(const uint8_t *buf, size_t len, struct feed_frame *ret);

/* One line of a FEED_STREAMS payload. */
struct feed_stream {
	char id[129];     /* msid stream id in the SDP */
	uint32_t owner;   /* participant; the same while it is in the call */
	char source[129]; /* the owner's own stream id */
	char label[513];
	int audio, video;
};
/* Reads the line at *at (moved past it, up to end). 1: *ret filled; 0: no more
 * lines; -EBADMSG: not such a line. */
int feed_stream_next(const char **at, const char *end, struct feed_stream *ret);
/* Writes such a line and a NUL; returns its length without that. -EINVAL: an id
 * that is empty or has a space or newline, a label with a newline, no kind;
 * -ENOSPC: does not fit. */
int feed_stream_write(const struct feed_stream *s, char *buf, size_t cap);

#endif
