/*
 * ICE user fragments and passwords (RFC 8839 5.4). Internal to ice/.
 */
#ifndef HEARTH_ICE_CREDENTIALS_H
#define HEARTH_ICE_CREDENTIALS_H

#include "ice/ice.h"

/* Fresh ones out of 24 random bytes. */
void ice_credentials_make(
	struct ice_credentials *ret, const uint8_t random[24]);

/* Keeps what is needed of a peer's, after checking alphabet and length of both.
 * 0 or -EINVAL. */
int ice_credentials_take(
	struct ice_remote *ret, const char *ufrag, const char *pwd);

/* True when the USERNAME of len bytes is "ours:theirs" (RFC 8445 7.2.2); where
 * remote is not known, ours and any other half. Empty local ones fit nothing.
 */
bool ice_credentials_fit(const struct ice_credentials *local,
	const struct ice_remote *remote, const uint8_t *username, size_t len);

/* A mark that tells whose early check a pair came from; defends nothing. */
uint32_t ice_credentials_mark(const uint8_t *ufrag, size_t len);

#endif
