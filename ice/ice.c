#include "ice/ice.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "ice/credentials.h"
#include "ice/pairs.h"
#include "ice/stun.h"

static void set_state(struct ice *ice, enum ice_state to)
{
	/* EXPIRED is left by a restart, which starts over. */
	static const bool edge[4][4] = {
		[ICE_NEW] = { [ICE_CHECKED] = true, [ICE_NOMINATED] = true },
		[ICE_CHECKED] = { [ICE_NEW] = true, [ICE_NOMINATED] = true },
		[ICE_NOMINATED] = { [ICE_NEW] = true, [ICE_EXPIRED] = true },
		[ICE_EXPIRED] = { [ICE_NEW] = true },
	};

	if (ice->state == to)
		return;
	assert(edge[ice->state][to]);
	ice->state = to;
}

void ice_init(
	struct ice *ice, struct ice_engine *engine, const uint8_t random[24])
{
	memset(ice, 0, sizeof(*ice));
	ice->engine = engine;
	ice->selected = -1;
	ice_credentials_make(&ice->local, random);
}

static bool old_live(const struct ice *ice)
{
	return ice->old_local.ufrag[0] != '\0';
}

static bool keep_remote(const struct ice *ice, const struct ice_pair *pair)
{
	return pair->generation != ice->generation ||
	       pair->remote_mark == ice->remote.ufrag_mark;
}

/* After pairs went: what is still selected, and what that makes of the state.
 */
static void settle(struct ice *ice)
{
	if (ice->selected >= 0)
		return;
	if (ice->n_pairs == 0) {
		set_state(ice, ICE_NEW);
		return;
	}
	ice->selected = ice_pairs_freshest(ice);
}

int ice_set_remote(struct ice *ice, const char *ufrag, const char *pwd)
{
	struct ice_remote remote;

	if (ice_credentials_take(&remote, ufrag, pwd) < 0)
		return -EINVAL;
	ice->remote = remote;
	/* Of several devices that heard our offer one is answered; what the
	 * others proved before the answer came ends here. */
	ice_pairs_sweep(ice, keep_remote);
	if (ice->state != ICE_EXPIRED)
		settle(ice);
	return 0;
}

static bool keep_live(const struct ice *ice, const struct ice_pair *pair)
{
	return pair->generation == ice->generation ||
	       (old_live(ice) && pair->generation == ice->old_generation);
}

static bool keep_none(const struct ice *ice, const struct ice_pair *pair)
{
	(void)ice;
	(void)pair;
	return false;
}

static void retire_old(struct ice *ice)
{
	memset(&ice->old_local, 0, sizeof(ice->old_local));
	memset(&ice->old_remote, 0, sizeof(ice->old_remote));
	ice_pairs_sweep(ice, keep_live);
}

/* The generation in force stays; one that never was nominated does not. */
static void keep_in_force(struct ice *ice)
{
	if (old_live(ice)) {
		if (ice->selected >= 0)
			ice->pair[ice->selected].generation =
				ice->old_generation;
		return;
	}
	ice->old_local = ice->local;
	ice->old_remote = ice->remote;
	ice->old_generation = ice->generation;
}

int ice_restart(struct ice *ice, const uint8_t random[24], const char *ufrag,
	const char *pwd)
{
	struct ice_remote remote = { 0 };

	if ((ufrag || pwd) &&
		(!ufrag || !pwd ||
			ice_credentials_take(&remote, ufrag, pwd) < 0))
		return -EINVAL;
	if (ice->state == ICE_EXPIRED) {
		retire_old(ice);
		ice_pairs_sweep(ice, keep_none);
		set_state(ice, ICE_NEW);
	} else {
		keep_in_force(ice);
	}
	ice->generation++;
	ice_credentials_make(&ice->local, random);
	ice->remote = remote;
	ice_pairs_sweep(ice, keep_live);
	return 0;
}

struct claim {
	const char *pwd; /* ours, of the generation the username names */
	uint32_t generation;
	uint32_t remote_mark;
};

static bool claim_find(const struct ice *ice, const struct ice_stun_scan *scan,
	struct claim *ret)
{
	size_t ours;

	if (!scan->username)
		return false;
	if (ice_credentials_fit(&ice->local, &ice->remote, scan->username,
		    scan->username_len)) {
		ret->pwd = ice->local.pwd;
		ret->generation = ice->generation;
		ours = strlen(ice->local.ufrag);
	} else if (ice_credentials_fit(&ice->old_local, &ice->old_remote,
			   scan->username, scan->username_len)) {
		ret->pwd = ice->old_local.pwd;
		ret->generation = ice->old_generation;
		ours = strlen(ice->old_local.ufrag);
	} else {
		return false;
	}
	ret->remote_mark = ice_credentials_mark(
		scan->username + ours + 1, scan->username_len - ours - 1);
	return true;
}

static uint64_t silence_us(const struct ice *ice, uint64_t now_us)
{
	uint64_t checked_us = ice->pair[ice->selected].checked_us;

	return now_us > checked_us ? now_us - checked_us : 0;
}

/* The selected pair has been silent for too long for one that passes checks. */
static bool is_left(const struct ice *ice, uint64_t now_us, int at)
{
	bool restarts = old_live(ice) &&
			ice->pair[at].generation == ice->generation &&
			ice->pair[ice->selected].generation != ice->generation;

	return silence_us(ice, now_us) >
	       (restarts ? ICE_LEFT_US : ICE_STALE_US);
}

/* A good check on pair `at`: where does media go now? */
static void choose(struct ice *ice, uint64_t now_us, int at, bool nominate)
{
	bool ends_restart;

	if (nominate) {
		ends_restart = old_live(ice) &&
			       ice->pair[at].generation == ice->generation;
		ice->pair[at].nominated = true;
		ice->selected = at;
		set_state(ice, ICE_NOMINATED);
		if (ends_restart)
			retire_old(ice);
		return;
	}
	if (ice->state == ICE_NEW)
		set_state(ice, ICE_CHECKED);
	/* A rebound NAT shows the same checks from a new address, and not every
	 * peer nominates it again. */
	if (ice->selected < 0 || is_left(ice, now_us, at))
		ice->selected = at;
}

static enum ice_got checked(struct ice *ice, uint64_t now_us,
	const struct sockaddr *from, const struct claim *claim, bool nominate)
{
	union ice_address before = { .any = { 0 } };
	bool met = ice_pairs_find(ice, from) >= 0;
	struct ice_pair *pair;
	int at;

	if (ice->selected >= 0)
		before = ice->pair[ice->selected].remote;
	at = ice_pairs_take(ice, from);
	pair = &ice->pair[at];
	if (!met || claim->generation == ice->generation) {
		if (pair->generation != claim->generation)
			pair->nominated = false;
		pair->generation = claim->generation;
		pair->remote_mark = claim->remote_mark;
	}
	pair->checked_us = now_us;
	choose(ice, now_us, at, nominate);
	if (ice_addr_equal(&before.any, ice_selected(ice)))
		return ICE_GOT_REPLY;
	return ICE_GOT_SELECTED;
}

static enum ice_got drop_of(enum ice_stun_verdict verdict)
{
	switch (verdict) {
	case ICE_STUN_BAD_FINGERPRINT:
		return ICE_DROP_FINGERPRINT;
	case ICE_STUN_UNMATCHED:
		return ICE_DROP_UNEXPECTED;
	case ICE_STUN_OK:
	case ICE_STUN_UNKNOWN:
	case ICE_STUN_BAD_INTEGRITY:
		break;
	}
	return ICE_DROP_INTEGRITY;
}

static enum ice_got refused(size_t reply_len, size_t *ret_len)
{
	*ret_len = reply_len;
	return reply_len ? ICE_GOT_ERROR : ICE_DROP_MALFORMED;
}

static enum ice_got input_request(struct ice *ice, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len,
	const struct ice_stun_scan *scan, uint8_t *ret_reply, size_t *ret_len)
{
	struct ice_engine *engine = ice->engine;
	struct ice_stun_request request;
	enum ice_stun_verdict verdict;
	struct claim claim;

	if (!claim_find(ice, scan, &claim))
		return ICE_DROP_USERNAME;
	verdict = ice_stun_check(engine, buf, len, claim.pwd, &request);
	if (verdict == ICE_STUN_UNKNOWN)
		return refused(ice_stun_reply_unknown(
				       engine, ret_reply, ICE_REPLY_MAX),
			ret_len);
	if (verdict != ICE_STUN_OK)
		return drop_of(verdict);
	/* RFC 8445 7.3.1.1. A lite agent facing a full one is controlled. */
	if (request.controlled)
		return refused(ice_stun_reply_conflict(
				       engine, ret_reply, ICE_REPLY_MAX),
			ret_len);
	*ret_len = ice_stun_reply(engine, from, ret_reply, ICE_REPLY_MAX);
	assert(*ret_len > 0);
	return checked(ice, now_us, from, &claim, request.use_candidate);
}

static enum ice_got input(struct ice *ice, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len,
	uint8_t *ret_reply, size_t *ret_len)
{
	struct ice_stun_request request;
	struct ice_stun_scan scan;
	enum ice_stun_verdict verdict;

	if (ice_addr_len(from) == 0 || !ice_stun_scan(buf, len, &scan))
		return ICE_DROP_MALFORMED;
	if (!scan.fingerprint)
		return ICE_DROP_FINGERPRINT;
	if (scan.method != ICE_STUN_METHOD_BINDING || ice->state == ICE_EXPIRED)
		return ICE_DROP_UNEXPECTED;
	if (scan.cls == ICE_STUN_REQUEST)
		return input_request(
			ice, now_us, from, buf, len, &scan, ret_reply, ret_len);
	verdict = ice_stun_check(ice->engine, buf, len, NULL, &request);
	if (scan.cls != ICE_STUN_INDICATION)
		return verdict == ICE_STUN_BAD_FINGERPRINT
			       ? ICE_DROP_FINGERPRINT
			       : ICE_DROP_UNEXPECTED;
	/* RFC 8445 11: a keepalive, not authenticated, proves nothing. */
	if (verdict <= ICE_STUN_UNKNOWN)
		return ICE_GOT_INDICATION;
	return drop_of(verdict);
}

enum ice_got ice_input(struct ice *ice, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len,
	uint8_t ret_reply[ICE_REPLY_MAX], size_t *ret_len)
{
	enum ice_got got;

	*ret_len = 0;
	got = input(ice, now_us, from, buf, len, ret_reply, ret_len);
	if (got >= ICE_GOT_ERROR)
		ice->drops[got]++;
	return got;
}

void ice_proven(struct ice *ice, uint64_t now_us, const struct sockaddr *from)
{
	int i = ice_pairs_find(ice, from);

	if (i >= 0 && ice->pair[i].checked_us < now_us)
		ice->pair[i].checked_us = now_us;
}

void ice_tick(struct ice *ice, uint64_t now_us)
{
	int freshest;

	if (now_us < ice_deadline(ice))
		return;
	/* Consent is per address (RFC 7675 5.1): another one may have it. */
	freshest = ice_pairs_freshest(ice);
	if (freshest != ice->selected) {
		ice->selected = freshest;
		if (now_us < ice_deadline(ice))
			return;
	}
	set_state(ice, ICE_EXPIRED);
}

uint64_t ice_deadline(const struct ice *ice)
{
	if (ice->state != ICE_NOMINATED)
		return UINT64_MAX;
	return ice->pair[ice->selected].checked_us + ICE_CONSENT_US;
}

uint64_t ice_heard_us(const struct ice *ice)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < ice->n_pairs; i++)
		if (ice->pair[i].checked_us > at)
			at = ice->pair[i].checked_us;
	return at;
}

const struct sockaddr *ice_selected(const struct ice *ice)
{
	if (ice->selected < 0 || ice->state == ICE_EXPIRED)
		return NULL;
	return &ice->pair[ice->selected].remote.any;
}

bool ice_known(const struct ice *ice, const struct sockaddr *from)
{
	return ice->state != ICE_EXPIRED && ice_pairs_find(ice, from) >= 0;
}

size_t ice_peek_ufrag(const uint8_t *buf, size_t len, char *ret, size_t size)
{
	struct ice_stun_scan scan;
	const uint8_t *colon;
	size_t ufrag_len;

	if (!ice_stun_scan(buf, len, &scan) || scan.cls != ICE_STUN_REQUEST ||
		scan.method != ICE_STUN_METHOD_BINDING || !scan.username)
		return 0;
	colon = memchr(scan.username, ':', scan.username_len);
	if (!colon)
		return 0;
	ufrag_len = (size_t)(colon - scan.username);
	if (ufrag_len == 0 || ufrag_len >= size ||
		memchr(scan.username, '\0', ufrag_len))
		return 0;
	memcpy(ret, scan.username, ufrag_len);
	ret[ufrag_len] = '\0';
	return ufrag_len;
}
