#include "ice/pairs.h"

#include <string.h>

socklen_t ice_addr_len(const struct sockaddr *a)
{
	switch (a->sa_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

bool ice_addr_equal(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	if (a->sa_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port &&
		       memcmp(&a6->sin6_addr, &b6->sin6_addr,
			       sizeof(a6->sin6_addr)) == 0;
	return false;
}

int ice_pairs_find(const struct ice *ice, const struct sockaddr *from)
{
	for (unsigned i = 0; i < ice->n_pairs; i++) {
		const struct ice_pair *pair = &ice->pair[i];

		if (ice_addr_equal(&pair->remote.any, from))
			return (int)i;
	}
	return -1;
}

static unsigned stalest(const struct ice *ice)
{
	unsigned worst = ice->selected == 0 ? 1 : 0;

	for (unsigned i = worst + 1; i < ice->n_pairs; i++)
		if ((int)i != ice->selected &&
			ice->pair[i].checked_us < ice->pair[worst].checked_us)
			worst = i;
	return worst;
}

int ice_pairs_take(struct ice *ice, const struct sockaddr *from)
{
	int found = ice_pairs_find(ice, from);
	unsigned at;

	if (found >= 0)
		return found;
	at = ice->n_pairs < ICE_PAIRS_MAX ? ice->n_pairs++ : stalest(ice);
	memset(&ice->pair[at], 0, sizeof(ice->pair[at]));
	memcpy(&ice->pair[at].remote, from, ice_addr_len(from));
	return (int)at;
}

void ice_pairs_sweep(struct ice *ice,
	bool (*keep)(const struct ice *, const struct ice_pair *))
{
	unsigned kept = 0;
	int selected = -1;

	for (unsigned i = 0; i < ice->n_pairs; i++) {
		if (!keep(ice, &ice->pair[i]))
			continue;
		if ((int)i == ice->selected)
			selected = (int)kept;
		ice->pair[kept++] = ice->pair[i];
	}
	ice->n_pairs = kept;
	ice->selected = selected;
}

int ice_pairs_freshest(const struct ice *ice)
{
	int best = -1;

	for (unsigned i = 0; i < ice->n_pairs; i++)
		if (best < 0 ||
			ice->pair[i].checked_us > ice->pair[best].checked_us)
			best = (int)i;
	return best;
}
