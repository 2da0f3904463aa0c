/*
 * The inside of struct crypt, for crypt.c (making, sealing) and crypt_open.c
 * (opening) only.
 */
#ifndef HEARTH_RTP_CRYPT_INSIDE_H
#define HEARTH_RTP_CRYPT_INSIDE_H

#include <srtp2/srtp.h>
#include "rtp/crypt.h"
#include "rtp/crypt_index.h"
#include "rtp/lanes.h"

enum {
	KEY_LEN = 16,
	SALT_LEN = 14,
	TAG_LEN = 10,
	INDEX_LEN = 4,
	RTP_MIN = 12,
	RTCP_MIN = 8,
	LEN_MAX = 65535
};

_Static_assert(CRYPT_KEYS_LEN == 2 * (KEY_LEN + SALT_LEN), "RFC 5764 4.2");
_Static_assert(CRYPT_TRAILER >= TAG_LEN + INDEX_LEN, "tag and SRTCP index");
_Static_assert((int)TAG_LEN == (int)LANES_TAG, "one profile");
_Static_assert((int)INDEX_LEN == (int)LANES_INDEX, "of SRTCP");
_Static_assert((int)CRYPT_INDEX_WINDOW == (int)CRYPT_WINDOW, "one window");

/* RTP or RTCP of one direction through the lanes. */
struct fast {
	struct lanes_key *key;
	struct crypt_indexes indexes;
};

/* One direction, in one way or the other. */
struct way {
	srtp_t slow;
	struct fast rtp, rtcp; /* with keys if slow is NULL */
};

struct crypt {
	struct way out, in; /* out first: crypt_fetch */
	/* SSRCs the peer was heard under; there is a stream for each. */
	unsigned n_ssrcs;
	uint32_t ssrc[CRYPT_SSRC_MAX];
};

typedef srtp_err_status_t srtp_call(srtp_t, void *, int *);

/* Bytes of an RTP packet that stay clear. 0: they do not fit. */
size_t crypt_clear_len(const uint8_t *buf, size_t len);

#endif
