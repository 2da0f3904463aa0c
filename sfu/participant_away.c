/* A participant from whom nothing comes: a network that is gone, a machine that
 * sleeps. The others need not look at its last picture until consent ends. And
 * one that is there again, somewhere else. */
#include "sfu/conference_private.h"
#include "sfu/participant.h"

/* Programs have no path that could fail, far ones are watched at home. */
static bool may_go_away(const struct participant *p)
{
	return !p->plain && !p->away && participant_ready(p);
}

static void tell(struct participant *p, enum sfu_event_type type)
{
	conference_emit(p->conference,
		&(struct sfu_event){ .type = type, .participant = p->id });
}

uint64_t participant_away_deadline(const struct participant *p)
{
	if (!may_go_away(p))
		return UINT64_MAX;
	return ice_heard_us(&p->peer.ice) + PARTICIPANT_AWAY_US;
}

void participant_away_tick(struct participant *p, uint64_t now_us)
{
	if (now_us < participant_away_deadline(p))
		return;
	p->away = true;
	tell(p, SFU_EV_AWAY);
	if (!p->n_tracks)
		return;
	conference_forward(p->conference, now_us);
	while (p->n_tracks)
		participant_end_track(p, p->n_tracks - 1, now_us);
	conference_tracks_changed(p->conference, p, now_us);
}

void participant_moved(struct participant *p, uint64_t now_us)
{
	if (!p->down || !p->down->estimate.stalled)
		return;
	conference_forward(p->conference, now_us);
	for (unsigned i = 0; i < p->n_subs; i++)
		subscription_moved(p->sub[i], now_us);
}

void participant_back(struct participant *p, uint64_t now_us)
{
	p->away = false;
	tell(p, SFU_EV_BACK);
	if (participant_sync_tracks(p, now_us))
		conference_tracks_changed(p->conference, p, now_us);
	participant_due(p, participant_away_deadline(p));
}
