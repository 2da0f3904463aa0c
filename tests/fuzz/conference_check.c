/* What must hold of a participant, whatever was done to its conference. */
#include "tests/fuzz/conference_check.h"
#include <assert.h>
#include "sfu/conference_private.h"

static void check_subscription(const struct participant *p, unsigned i)
{
	const struct subscription *s = p->sub[i];
	unsigned found = 0;
	assert(s->to == p);
	assert(!s->active || (s->track && subscription_holds_line(s)));
	for (unsigned k = 0; s->track && k < s->track->n_subs; k++)
		found += s->track->sub[k] == s;
	assert(found == (s->track ? 1 : 0));
	assert(!s->track || (s->track->owner != p && !s->track->owner->gone));
	for (unsigned k = 0; k < i; k++)
		assert(p->sub[k]->ssrc != s->ssrc &&
			(s->switched || p->sub[k]->track != s->track));
}

void check_participant(const struct participant *p)
{
	if (p->gone) {
		assert(!p->n_subs && !p->n_tracks && !p->peer.crypt);
		return;
	}
	assert(p->n_sources <= PARTICIPANT_SOURCES);
	assert(p->n_tracks <= p->conference->env->limits.tracks);
	assert(p->deadline_us <= participant_deadline(p));
	assert(conference_deadline(p->conference) <= p->deadline_us);
	for (unsigned i = 0; i < p->n_subs; i++)
		check_subscription(p, i);
	for (unsigned i = 0; i < p->n_sources; i++) {
		bool live = !p->source[i].track;
		for (unsigned k = 0; k < p->n_tracks; k++)
			live |= p->track[k] == p->source[i].track;
		assert(live);
	}
}
