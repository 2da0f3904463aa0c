#include "record/plan.h"

bool plan_present(const struct plan_input *in, unsigned person, int64_t t_ms)
{
	const struct plan_person *p = &in->people[person];

	for (unsigned i = 0; i < p->n_present; i++)
		if (t_ms >= p->present[i].from_ms && t_ms < p->present[i].to_ms)
			return true;
	return false;
}

unsigned plan_turns(const struct plan_input *in, struct plan_turn *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < in->n_speakers; i++) {
		const struct plan_speaker *s = &in->speakers[i];
		int64_t at = s->from_ms;

		if (n && ret[n - 1].person == s->person)
			continue;
		if (n && at < ret[n - 1].at_ms + PLAN_HOLD_MS)
			at = ret[n - 1].at_ms + PLAN_HOLD_MS;
		if (at >= s->to_ms)
			continue;
		ret[n++] =
			(struct plan_turn){ .at_ms = at, .person = s->person };
	}
	return n;
}

int plan_turn_at(const struct plan_input *in, const struct plan_turn *turns,
	unsigned n, int64_t t_ms)
{
	unsigned low = 0, high = n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (turns[mid].at_ms <= t_ms)
			low = mid + 1;
		else
			high = mid;
	}
	for (unsigned i = low; i-- > 0;)
		if (plan_present(in, turns[i].person, t_ms))
			return (int)turns[i].person;
	if (n && plan_present(in, turns[0].person, t_ms))
		return (int)turns[0].person;
	for (unsigned i = 0; i < in->n_people; i++)
		if (plan_present(in, i, t_ms))
			return (int)i;
	return -1;
}
