/* Opus (RFC 7587): every packet stands alone, nothing to look at for who
 * forwards. */
#include "rtp/codec.h"
#include "rtp/opus.h"

bool opus_is_dtx(size_t len)
{
	return len <= OPUS_DTX_LEN;
}

/* RFC 6716 table 2, in units of 48 kHz. */
static uint32_t frame_samples(unsigned config)
{
	static const uint16_t silk[4] = { 480, 960, 1920, 2880 };
	static const uint16_t hybrid[2] = { 480, 960 };
	static const uint16_t celt[4] = { 120, 240, 480, 960 };

	if (config < 12)
		return silk[config % 4];
	return config < 16 ? hybrid[config % 2] : celt[config % 4];
}

uint32_t opus_samples(const uint8_t *payload, size_t len)
{
	uint32_t frame, n;

	if (len < 1)
		return 0;
	frame = frame_samples(payload[0] >> 3);
	switch (payload[0] & 3) {
	case 0:
		n = 1;
		break;
	case 3: /* the count stands in the second byte */
		n = len > 1 ? payload[1] & 63 : 0;
		break;
	default:
		n = 2;
	}
	return n * frame <= OPUS_SAMPLES_MAX ? n * frame : 0;
}

uint32_t opus_pause(uint32_t first_ts, uint32_t first_samples, uint32_t ts)
{
	uint32_t gap = ts - (first_ts + first_samples);

	return gap <= INT32_MAX ? gap : 0;
}

const struct codec codec_opus = {
	.name = "opus",
	.clock_hz = 48000,
};
