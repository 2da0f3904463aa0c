#include "sfu/speaker.h"
#include <string.h>

/* Looks that medium and steady look back on: one second, four seconds. */
enum { MEDIUM_LOOKS = 5, STEADY_LOOKS = 20, VOTES_MOST = 6 };

static uint32_t follow(uint32_t mean, uint32_t now, int looks)
{
	return mean + (uint32_t)(((int32_t)now - (int32_t)mean) / looks);
}

uint32_t speaker_smooth(uint32_t loudness, int level)
{
	return follow(loudness, (uint32_t)(127 - (level & 127)) << 8, 16);
}

static bool take(
	struct speaker *s, uint64_t now_us, sfu_id who, uint32_t loudness)
{
	memset(s->rival, 0, sizeof(s->rival));
	s->current = who;
	s->since_us = now_us;
	s->medium = loudness;
	s->steady = 0;
	return true;
}

/* The rival of that name; else a place of who has no votes, else of who has
 * fewest. */
static struct speaker_rival *rival(struct speaker *s, sfu_id who)
{
	struct speaker_rival *least = &s->rival[0];
	for (unsigned i = 0; i < SPEAKER_RIVALS; i++) {
		struct speaker_rival *r = &s->rival[i];
		if (r->id == who)
			return r;
		if (r->votes < least->votes)
			least = r;
	}
	*least = (struct speaker_rival){ .id = who };
	return least;
}

/* This look goes to `who` (0: to nobody); the others lose by it. Returns the
 * votes that one has now. */
static unsigned vote(struct speaker *s, sfu_id who)
{
	struct speaker_rival *winner = who ? rival(s, who) : NULL;
	for (unsigned i = 0; i < SPEAKER_RIVALS; i++) {
		struct speaker_rival *r = &s->rival[i];
		if (r == winner)
			r->votes += r->votes < VOTES_MOST;
		else if (r->votes)
			r->votes--;
	}
	return winner ? winner->votes : 0;
}

static bool wins(
	const struct speaker *s, uint32_t loudness, uint32_t current_loudness)
{
	uint32_t than =
		current_loudness > s->medium ? current_loudness : s->medium;
	if (loudness < SPEAKER_MIN)
		return false;
	return !s->current || than < SPEAKER_MIN ||
	       loudness > than + SPEAKER_CLEAR;
}

static unsigned votes_needed(const struct speaker *s)
{
	/* Nobody loses the floor to the first voice after a silence. */
	if (!s->current)
		return 1;
	return s->steady < SPEAKER_MIN ? SPEAKER_VOTES
				       : SPEAKER_VOTES + SPEAKER_SETTLED;
}

bool speaker_choose(struct speaker *s, uint64_t now_us, sfu_id loudest,
	uint32_t loudness, uint32_t current_loudness)
{
	s->next_us = now_us + SPEAKER_PERIOD_US;
	s->medium = follow(s->medium, current_loudness, MEDIUM_LOOKS);
	s->steady = follow(s->steady, current_loudness, STEADY_LOOKS);
	if (loudest && loudness >= SPEAKER_MIN)
		s->heard_us = now_us;
	else if (s->current && now_us - s->heard_us > SPEAKER_SILENT_US)
		return take(s, now_us, 0, 0);
	bool won = loudest && loudest != s->current &&
		   wins(s, loudness, current_loudness);
	unsigned votes = vote(s, won ? loudest : 0);
	if (!won || votes < votes_needed(s))
		return false;
	if (s->current && now_us - s->since_us < SPEAKER_HOLD_US)
		return false;
	return take(s, now_us, loudest, loudness);
}
