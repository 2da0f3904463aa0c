/*
 * SRTP and SRTCP (RFC 3711), AES_CM_128_HMAC_SHA1_80 only. Two keys a peer: one
 * opens, one seals. Packets go through the lanes of a multi-buffer library
 * where the processor has them (lanes.h), else through libsrtp2, which is also
 * what the lanes are tested against. Replay windows and roll-over counters are
 * per SSRC and move only after authentication.
 */
#ifndef HEARTH_RTP_CRYPT_H
#define HEARTH_RTP_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CRYPT_TRAILER = 10 + 4 + 16, /* room needed behind a packet */
	CRYPT_KEYS_LEN = 60,
	CRYPT_WINDOW = 1024,  /* packets a late or repeated one may be behind */
	CRYPT_SSRC_MAX = 128, /* SSRCs one peer may send under */
};

enum crypt_got {
	CRYPT_OK,
	CRYPT_DROP_AUTH,
	CRYPT_DROP_REPLAY,
	CRYPT_DROP_MALFORMED,
	CRYPT_DROP_SSRC, /* one too many: CRYPT_SSRC_MAX are in use */
	CRYPT_GOT_MAX
};

struct crypt; /* heap */

int crypt_global_init(void); /* 0 or -EIO; idempotent */

/* What seals and opens, for logs and measurements: "libsrtp2", or what the
 * lanes are made of ("avx512", "avx2"). */
const char *crypt_engine(void);
/* For tests and benchmarks: crypts made from now on use libsrtp2 alone, or
 * again the best there is. */
void crypt_use_portable(bool portable);

/* keys: the 60 bytes DTLS exported (RFC 5764 4.2); is_client: we were the DTLS
 * client. 0, -ENOMEM, -EINVAL (libsrtp2 refused, for instance because
 * crypt_global_init was not called). The caller frees it with crypt_free and
 * may wipe its keys at once. */
int crypt_new(
	struct crypt **ret, const uint8_t keys[CRYPT_KEYS_LEN], bool is_client);
/* Wipes; NULL is fine; returns NULL. */
struct crypt *crypt_free(struct crypt *c);

/* In place. *len shrinks by what was the tag. On a drop *len is untouched and
 * the bytes of buf are undefined. */
enum crypt_got crypt_open_rtp(struct crypt *c, uint8_t *buf, size_t *len);
enum crypt_got crypt_open_rtcp(struct crypt *c, uint8_t *buf, size_t *len);

struct crypt_open {
	struct crypt *key;
	uint8_t *buf; /* opened in place */
	size_t len;   /* shrinks by what was the tag; on a drop unchanged */
	bool rtcp;
	enum crypt_got got; /* written */
};

/* Opens many packets under many keys, with the same verdicts as one by one in
 * their order: a repeat within the batch is a replay, a forged packet moves
 * nothing for those behind it. From six packets up each costs less. */
void crypt_open_batch(struct crypt_open *v, unsigned n);

/* In place; buf has CRYPT_TRAILER bytes of room behind *len, which grows.
 * Sealing the same sequence number again is allowed (retransmission) while it
 * is within CRYPT_WINDOW of the newest, and only with the same bytes: two texts
 * under one number give both away. 0 or -EINVAL (no RTP or RTCP, too old); then
 * *len is untouched. */
int crypt_seal_rtp(struct crypt *c, uint8_t *buf, size_t *len);
int crypt_seal_rtcp(struct crypt *c, uint8_t *buf, size_t *len);

/* Asks the cache for what sealing with c will need soon. */
void crypt_fetch(const struct crypt *c);

/* Forgets the state of one of our outgoing SSRCs / a peer's SSRC that ended. We
 * must never send under that SSRC with this key again: its roll-over counter
 * would start anew and use key stream a second time. */
void crypt_forget(struct crypt *c, uint32_t ssrc);

struct crypt_job {
	struct crypt *key;
	uint8_t *buf; /* sealed in place, CRYPT_TRAILER of room behind len */
	size_t len;   /* grows */
	/* RTP: where the bytes behind its header (CSRCs and extension are part
	 * of that) still are, which saves copying them: only the header stands
	 * in buf then. They do not overlap with it, and are not changed. NULL:
	 * all of it stands in buf. */
	const uint8_t *payload;
	bool rtcp;
	bool failed; /* written: could not be sealed, must not be sent */
};

/* Seals many packets under many keys, those of one SSRC in their order. The
 * more at once, the less each costs. */
void crypt_seal_batch(struct crypt_job *jobs, unsigned n);

#endif
