#include "rtp/layer_align.h"

enum { APART_MAX_S = 900 };

bool layer_align(uint32_t ts, const struct layer_report *from,
	const struct layer_report *to, uint32_t clock_hz, uint32_t *ret)
{
	const bool later = from->ntp >= to->ntp;
	uint64_t apart = later ? from->ntp - to->ntp : to->ntp - from->ntp;
	uint32_t ticks;

	if (!from->ntp || !to->ntp || apart >> 32 >= APART_MAX_S)
		return false;
	/* Rounded to the nearest; 42 bits times 32 do not fit at once. */
	ticks = (uint32_t)((apart >> 32) * clock_hz +
			   (((apart & UINT32_MAX) * clock_hz + 0x80000000u) >>
				   32));
	*ret = to->ts + (ts - from->ts) + (later ? ticks : 0 - ticks);
	return true;
}
