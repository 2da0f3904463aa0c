/*
 * The demultiplexer of one worker: remote address -> participant, and our ICE
 * ufrag -> participant, as two hash tables.
 *
 * Everything is bounded and nothing is allocated per packet: the entries lie in
 * their owner (DEMUX_ADDRESSES addresses, DEMUX_UFRAGS ufrags), so that the
 * tables hold what the participants hold and no more. Only a proven address
 * comes in (conference_input returned true), a flood of spoofed sources makes
 * no entry. The hash is SipHash-2-4 with a random key, so that nobody can aim
 * at one chain.
 */
#ifndef HEARTH_SFU_DEMUX_H
#define HEARTH_SFU_DEMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include "ice/ice.h"
#include "sfu/udp.h"

enum {
	DEMUX_KEY = 16,
	DEMUX_ADDRESSES = ICE_PAIRS_MAX, /* per owner; the stalest gives way */
	DEMUX_UFRAGS = 2,
	/* How long an address stays its owner's after its last proof, so that a
	 * participant that spoofs a neighbour's source cannot take it. Browsers
	 * prove theirs every 2.5 to 6 s (RFC 7675 5.1). */
	DEMUX_HOLD_US = 15000000,
};

struct demux_owner;

struct demux_address {
	LIST_ENTRY(demux_address) chain;
	struct demux_owner *owner; /* NULL: free */
	union ice_address addr;
	struct udp_path path;
	uint64_t proven_us;
};

struct demux_ufrag {
	LIST_ENTRY(demux_ufrag) chain;
	struct demux_owner *owner; /* NULL: free */
	char text[ICE_UFRAG_LEN + 1];
};

/* Embedded in whatever a datagram belongs to; all zero is empty. Must stay
 * where it is from the first add until demux_remove. */
struct demux_owner {
	struct demux_address address[DEMUX_ADDRESSES];
	struct demux_ufrag ufrag[DEMUX_UFRAGS];
};

struct demux;

/* buckets: a power of two, of each table. NULL when memory is lacking. */
struct demux *demux_new(const uint8_t key[DEMUX_KEY], unsigned buckets);
struct demux *demux_free(struct demux *d); /* returns NULL; owners stay */

/* Maps a proven address to o, or proves it again. False if it is held by
 * another owner that proved it within DEMUX_HOLD_US. */
bool demux_prove(struct demux *d, uint64_t now_us, struct demux_owner *o,
	const struct sockaddr *from, const struct udp_path *path);

/* NULL when unknown. Valid until the next demux_prove or demux_remove. */
const struct demux_address *demux_find_address(
	const struct demux *d, const struct sockaddr *from);
struct demux_owner *demux_find_ufrag(const struct demux *d, const char *ufrag);

/* Makes these the owner's ufrags; NULL for none, text longer than ICE_UFRAG_LEN
 * is none. Cheap if nothing changed. */
void demux_set_ufrags(struct demux *d, struct demux_owner *o,
	const char *const ufrags[DEMUX_UFRAGS]);

/* Takes out everything that belongs to o. */
void demux_remove(struct demux *d, struct demux_owner *o);

/* SipHash-2-4 of data under key; here for its test vectors. */
uint64_t demux_hash(
	const uint8_t key[DEMUX_KEY], const uint8_t *data, size_t len);

#endif
