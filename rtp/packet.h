/*
 * RTP packets: a bounds-checked view of a received one, and the header of one
 * that goes out (RFC 3550 section 5, RFC 8285 header extensions).
 */
#ifndef HEARTH_RTP_PACKET_H
#define HEARTH_RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTP_HEADER_LEN = 12,
	RTP_EXT_MAX = 16,      /* extension elements kept per packet */
	RTP_PACKET_MAX = 1500, /* longest packet accepted */
	RTP_HEADER_MAX = 12 + 4 + 16 * 17 + 4, /* longest header we write */
};

struct rtp_ext {
	uint8_t id; /* 1..255 */
	uint8_t len;
	const uint8_t *data;
};

/* A view into the caller's buffer, valid as long as that. */
struct rtp_packet {
	uint8_t *buf;
	size_t len;
	uint32_t ssrc, ts;
	uint16_t seq;
	uint8_t pt;
	bool marker;
	uint8_t padding; /* bytes of padding at the end */
	unsigned n_ext;
	struct rtp_ext ext[RTP_EXT_MAX];
	uint8_t *payload;
	size_t payload_len; /* without padding; may be 0 */
};

/* 0, or -EBADMSG if any length lies (version, CSRCs, extension, padding).
 * Elements beyond RTP_EXT_MAX are skipped, ID 15 ends one-byte parsing. */
int rtp_parse(struct rtp_packet *ret, uint8_t *buf, size_t len);

/* The element with that id, or NULL. id 0 finds nothing. */
const struct rtp_ext *rtp_ext_find(const struct rtp_packet *p, uint8_t id);

/* What stands in a header that goes out. Extension elements are written in the
 * one-byte form when all fit it (id <= 14, 1 <= len <= 16), else two-byte. */
struct rtp_header {
	uint8_t pt;
	bool marker;
	uint16_t seq;
	uint32_t ts, ssrc;
	unsigned n_ext;
	const struct rtp_ext *ext;
};

/* Writes it to ret of RTP_HEADER_MAX bytes; returns its length. Elements beyond
 * RTP_EXT_MAX, of id 0, or that do not fit those bytes are left out. */
size_t rtp_write_header(uint8_t *ret, const struct rtp_header *h);

/* RFC 6464 audio level out of an extension element: 0 (loud) .. 127 (silence),
 * and the voice-activity bit. -1 when ext is NULL or empty. */
int rtp_audio_level(const struct rtp_ext *ext, bool *ret_voice);

/* RFC 7983 demultiplexing of a first byte, RFC 5761 of RTP and RTCP. */
enum rtp_kind {
	RTP_KIND_STUN,
	RTP_KIND_DTLS,
	RTP_KIND_RTP,
	RTP_KIND_RTCP,
	RTP_KIND_UNKNOWN
};
enum rtp_kind rtp_classify(const uint8_t *buf, size_t len);

#endif
