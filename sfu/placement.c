#include "sfu/placement.h"

static unsigned load_of(const struct placement_worker *w)
{
	return w->load + w->fresh * PLACEMENT_FRESH;
}

/* Loads that differ by less than a fiftieth of a core are the same. */
static bool is_better(
	const struct placement_worker *a, const struct placement_worker *b)
{
	unsigned x = load_of(a) / 20, y = load_of(b) / 20;

	return x != y ? x < y : a->guests < b->guests;
}

/* The least loaded of those that have a part of it (or have none). */
static int least_loaded(
	const struct placement_worker *v, unsigned n, bool with_part)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++)
		if (v[i].up && (v[i].here > 0) == with_part &&
			(best < 0 || is_better(&v[i], &v[best])))
			best = (int)i;
	return best;
}

static bool may_take(
	const struct placement_worker *w, const struct placement_policy *policy)
{
	return load_of(w) < policy->split_load &&
	       (!policy->split_guests || w->here < policy->split_guests);
}

/* Is there any use in going from that part to this worker? */
static bool is_relief(const struct placement_worker *part,
	const struct placement_worker *other,
	const struct placement_policy *policy)
{
	if (policy->split_load == 0)
		return true;
	if (policy->split_guests && part->here >= policy->split_guests)
		return true;
	return load_of(other) + PLACEMENT_FULL / 10 < load_of(part);
}

int placement_choose(const struct placement_worker *v, unsigned n,
	const struct placement_policy *policy, bool stay)
{
	int part = -1, other;

	for (unsigned i = 0; i < n; i++)
		if (v[i].up && v[i].here > 0 && may_take(&v[i], policy) &&
			(part < 0 || is_better(&v[i], &v[part])))
			part = (int)i;
	if (part >= 0)
		return part;
	part = least_loaded(v, n, true);
	other = least_loaded(v, n, false);
	if (part < 0)
		return other;
	if (stay || other < 0 || !is_relief(&v[part], &v[other], policy))
		return part;
	return other;
}
