#include "sfu/speaker.h"

uint32_t speaker_smooth(uint32_t loudness, int level)
{
	uint32_t now = (uint32_t)(127 - (level & 127)) << 8;
	return loudness + (uint32_t)(((int32_t)now - (int32_t)loudness) / 16);
}

static bool take(struct speaker *s, uint64_t now_us, sfu_id who)
{
	if (s->current == who)
		return false;
	s->current = who;
	s->since_us = now_us;
	return true;
}

bool speaker_choose(struct speaker *s, uint64_t now_us, sfu_id loudest,
	uint32_t loudness, uint32_t current_loudness)
{
	s->next_us = now_us + SPEAKER_PERIOD_US;
	if (!loudest || loudness < SPEAKER_MIN) {
		if (s->current && now_us - s->heard_us > SPEAKER_SILENT_US)
			return take(s, now_us, 0);
		return false;
	}
	s->heard_us = now_us;
	if (!s->current)
		return take(s, now_us, loudest);
	if (loudest == s->current || now_us - s->since_us < SPEAKER_HOLD_US)
		return false;
	/* 6 dB louder, or the speaker fell silent. */
	if (loudness > current_loudness + (6 << 8) ||
		current_loudness < SPEAKER_MIN)
		return take(s, now_us, loudest);
	return false;
}
