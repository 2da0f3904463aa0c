/*
 * AES_CM_128_HMAC_SHA1_80 (RFC 3711) for many packets under many keys at once,
 * by Intel's multi-buffer library: SHA-1 of one packet cannot be split, but
 * sixteen of them run side by side in the lanes of a vector register. Internal
 * to rtp/; crypt.c keeps indexes and replay windows.
 *
 * Lanes pay from LANES_FEW packets up; fewer go through the processor's SHA
 * instructions, one by one. Not for several threads.
 */
#ifndef HEARTH_RTP_LANES_H
#define HEARTH_RTP_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LANES_BATCH = 128, /* packets at once */
	LANES_FEW = 6,
	LANES_TAG = 10,
	LANES_INDEX = 4, /* between an RTCP packet and its tag (3.4) */
	LANES_SLACK = 2, /* bytes behind the tag that are written as well */
	LANES_KEY = 16,
	LANES_SALT = 14,
};

/* 0; -ENOTSUP: this processor or this build has no lanes. Idempotent. */
int lanes_init(void);
/* What the lanes are made of, for logs: "avx512", "avx2"; "" before. */
const char *lanes_name(void);

struct lanes_key; /* session keys of one direction, expanded */

/* Derives them (RFC 3711 4.3, rate 0), for RTP or for RTCP. 0, -ENOMEM, -EIO.
 */
int lanes_key_new(struct lanes_key **ret, const uint8_t key[LANES_KEY],
	const uint8_t salt[LANES_SALT], bool rtcp);
struct lanes_key *lanes_key_free(struct lanes_key *k); /* wipes; NULL */
/* Asks the cache for it. NULL is fine. */
void lanes_key_fetch(const struct lanes_key *k);

struct lanes_job {
	const struct lanes_key *key;
	uint8_t *buf; /* the packet; room behind it for the index of RTCP,
			 LANES_TAG and LANES_SLACK */
	/* Sealing: where the bytes behind `header` are taken from, without
	 * overlap; NULL: they are in buf. Opening: NULL. */
	const uint8_t *payload;
	size_t header; /* bytes that stay clear, extension and all */
	size_t len;    /* without index and tag; unchanged */
	uint64_t index;
	bool rtcp;
	bool failed; /* written */
};

/* Encrypts and authenticates n <= LANES_BATCH packets; the tag stands behind
 * each, behind RTCP the index (with the E bit) and the tag. */
void lanes_seal(struct lanes_job *v, unsigned n);

/* Opens n <= LANES_BATCH packets, behind each of which stands what lanes_seal
 * writes there. Of them nothing was believed so far, but that the E bit of RTCP
 * is set. One that failed is not genuine, and its buf is spoilt. Nothing behind
 * the tag is touched. */
void lanes_open(struct lanes_job *v, unsigned n);

#endif
