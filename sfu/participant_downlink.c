/* What goes to one participant: its estimate's beginning and its turns. */
#include "sfu/participant.h"

void participant_downlink(struct participant *p, uint64_t now_us, bool twcc)
{
	if (p->down || p->plain)
		return;
	p->down = downlink_new(now_us, twcc);
	if (p->down)
		participant_due(p, now_us);
}

void participant_downlink_run(struct participant *p, uint64_t now_us)
{
	if (!p->down || downlink_deadline(p->down) > now_us)
		return;
	downlink_tick(p->down, now_us);
	downlink_rest(p->down, now_us);
}
