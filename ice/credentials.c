#include "ice/credentials.h"

#include <errno.h>
#include <string.h>

static const char ice_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"abcdefghijklmnopqrstuvwxyz"
				"0123456789+/";

/* Three bytes make four ice-chars of six bits each. */
static void encode(const uint8_t *random, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)random[i] << 16 |
				(uint32_t)random[i + 1] << 8 | random[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*ret++ = ice_chars[bits >> shift & 63];
	}
	*ret = '\0';
}

void ice_credentials_make(struct ice_credentials *ret, const uint8_t random[24])
{
	memset(ret, 0, sizeof(*ret));
	encode(random, 6, ret->ufrag);
	encode(random + 6, 18, ret->pwd);
}

static bool ice_chars_ok(const char *s, size_t min)
{
	size_t len = strnlen(s, ICE_REMOTE_MAX + 1);

	return len >= min && len <= ICE_REMOTE_MAX &&
	       strspn(s, ice_chars) == len;
}

int ice_credentials_take(
	struct ice_remote *ret, const char *ufrag, const char *pwd)
{
	/* RFC 8839 5.4: at least 24 and 128 bits. */
	if (!ice_chars_ok(ufrag, 4) || !ice_chars_ok(pwd, 22))
		return -EINVAL;
	ret->ufrag_len = (uint16_t)strlen(ufrag);
	ret->ufrag_mark =
		ice_credentials_mark((const uint8_t *)ufrag, ret->ufrag_len);
	return 0;
}

bool ice_credentials_fit(const struct ice_credentials *local,
	const struct ice_remote *remote, const uint8_t *username, size_t len)
{
	size_t ours = strlen(local->ufrag), theirs = remote->ufrag_len;

	if (ours == 0 || len <= ours + 1 || username[ours] != ':' ||
		memcmp(username, local->ufrag, ours) != 0)
		return false;
	if (theirs == 0)
		return true;
	return len == ours + 1 + theirs &&
	       ice_credentials_mark(username + ours + 1, theirs) ==
		       remote->ufrag_mark;
}

/* FNV-1a */
uint32_t ice_credentials_mark(const uint8_t *s, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ s[i]) * 16777619u;
	return hash;
}
