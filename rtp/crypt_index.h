/*
 * The 48-bit index of SRTP packets (RFC 3711 3.3.1: roll-over counter and
 * sequence number) of many SSRCs, and the replay window of those that come in
 * (3.3.2). Estimates as libsrtp2 does: before the first half turn a number is
 * never taken for one of the turn before. The 31-bit index of SRTCP packets
 * (3.4) stands in the packet, and needs no estimate.
 *
 * Looking up and judging change nothing; the state moves by crypt_index_take,
 * which the caller does after the packet has authenticated.
 *
 * Not named srtp_index: libsrtp2 exports such names, and ours would take their
 * place inside it.
 */
#ifndef HEARTH_RTP_CRYPT_INDEX_H
#define HEARTH_RTP_CRYPT_INDEX_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CRYPT_INDEX_WINDOW = 1024, /* packets; a multiple of 64 */
	CRYPT_INDEX_RTCP_WINDOW = 128,
	CRYPT_INDEX_RTCP_MAX = 0x7fffffff, /* then the key is spent */
};

struct crypt_index {
	uint32_t ssrc;
	bool used;
	uint16_t window;
	uint64_t highest; /* index */
	uint64_t *seen;   /* incoming: as many bits as the window, by index */
};

/* SSRCs of one direction; zeroed is empty. */
struct crypt_indexes {
	struct crypt_index *v; /* open addressing, size is a power of two */
	unsigned size, n;
	uint16_t window;
	bool keeps; /* incoming: what was seen */
};

/* window: how many packets one may be behind. */
void crypt_indexes_init(
	struct crypt_indexes *x, unsigned window, bool keeps_seen);
void crypt_indexes_done(struct crypt_indexes *x);

/* NULL: not there. Valid until the next add or drop. */
struct crypt_index *crypt_indexes_find(
	const struct crypt_indexes *x, uint32_t ssrc);
/* One that is not there yet. NULL: no memory. */
struct crypt_index *crypt_indexes_add_new(
	struct crypt_indexes *x, uint32_t ssrc);
void crypt_indexes_drop(struct crypt_indexes *x, uint32_t ssrc);

/* The index that seq probably has. i NULL: of an SSRC not heard before. */
uint64_t crypt_index_guess(const struct crypt_index *i, uint16_t seq);

enum crypt_index_got { CRYPT_INDEX_NEW, CRYPT_INDEX_SEEN, CRYPT_INDEX_OLD };
/* Seen is known of incoming ones only. */
enum crypt_index_got crypt_index_judge(
	const struct crypt_index *i, uint64_t index);

/* The packet of this index, judged not old, is genuine. */
void crypt_index_take(struct crypt_index *i, uint64_t index);

#endif
