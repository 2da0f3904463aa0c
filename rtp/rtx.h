/*
 * Retransmission in a stream of its own (RFC 4588, SSRC multiplexing): its
 * payload is the original sequence number (OSN) and the original payload, its
 * numbers, SSRC and payload type are its own. Payload types are paired by
 * a=fmtp apt, SSRCs by an FID group or by the rid that a packet repairs.
 *
 * Left out: finding out pairs of SSRCs by what was asked for (5.3).
 */
#ifndef HEARTH_RTP_RTX_H
#define HEARTH_RTP_RTX_H

#include <stddef.h>
#include <stdint.h>

enum {
	RTX_OSN_LEN = 2,  /* a packet is so much longer in RTX */
	RTX_STREAMS = 16, /* pairs of SSRCs of one peer */
};

/* Writes the payload of a retransmission: RTX_OSN_LEN + len bytes, which ret
 * has room for (it may not overlap payload). Returns that length. */
size_t rtx_wrap(uint8_t *ret, uint16_t osn, const uint8_t *payload, size_t len);

/* Makes the original packet out of a clear RTX packet in buf, in place: its
 * payload type pt and SSRC are given, marker, timestamp and extensions stay.
 * 0: it is *ret_len bytes at *ret, inside buf. -ENODATA: there is nothing in it
 * (padding, sent to probe); -EBADMSG: no RTP, or too short. The outputs and buf
 * are then untouched. */
int rtx_unwrap(uint8_t *buf, size_t len, uint8_t pt, uint32_t ssrc,
	uint8_t **ret, size_t *ret_len);

/* Which stream which one repairs, for one peer; all zero to begin with. */
struct rtx_pairs {
	unsigned n;
	struct {
		uint32_t rtx, media;
	} pair[RTX_STREAMS];
};

/* Notes a pair. An SSRC of RTX repairs one stream, the last one named. 0,
 * -EINVAL (an SSRC of 0, or both the same), -ENOSPC. */
int rtx_pair(struct rtx_pairs *p, uint32_t rtx, uint32_t media);
/* Forgets all that repair this stream. */
void rtx_unpair(struct rtx_pairs *p, uint32_t media);
/* What this one repairs; 0: it is no RTX that we know of. */
uint32_t rtx_media(const struct rtx_pairs *p, uint32_t rtx);

#endif
