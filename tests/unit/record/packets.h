/* RTP packets for the tests of takes. */
#ifndef HEARTH_TESTS_RECORD_PACKETS_H
#define HEARTH_TESTS_RECORD_PACKETS_H

#include "../rtp/check.h"
#include "rtp/bytes.h"
#include "rtp/packet.h"

/* Writes one to ret of RTP_PACKET_MAX bytes; returns its length. */
static inline size_t write_packet(uint8_t *ret, uint8_t pt, uint16_t seq,
	uint32_t ts, bool marker, const void *payload, size_t len)
{
	assert_true(len <= RTP_PACKET_MAX - RTP_HEADER_LEN);
	ret[0] = 0x80;
	ret[1] = (uint8_t)(pt | (marker ? 0x80 : 0));
	put_u16(ret + 2, seq);
	put_u32(ret + 4, ts);
	put_u32(ret + 8, 1);
	if (len)
		memcpy(ret + RTP_HEADER_LEN, payload, len);
	return RTP_HEADER_LEN + len;
}

#endif
