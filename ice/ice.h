/*
 * ICE-lite: who is there, and where.
 *
 * One struct ice is the ICE side of one peer: its credentials, the remote
 * addresses that proved they know them, and the nominated one. It is a
 * lite agent (RFC 8445 section 2.5): it answers checks and sends none. One
 * component, rtcp-mux, no gathering: our candidates are the worker's socket.
 *
 * Sans-IO: bytes in, bytes out; time is an argument; no socket, no clock, no
 * log. Nothing is changed by a check whose MESSAGE-INTEGRITY or FINGERPRINT is
 * wrong (RFC 8489 section 9.1.3).
 *
 *   NEW --good check--> CHECKED --USE-CANDIDATE--> NOMINATED
 *    ^                                                |  30 s without a check
 *    |                                                v  (RFC 7675)
 *    +----------------- ice_restart --------------- EXPIRED
 *
 * (back to NEW also where ice_set_remote forgets the only addresses)
 *
 * The caller owns every struct here by value; nothing is allocated.
 */
#ifndef HEARTH_ICE_ICE_H
#define HEARTH_ICE_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	ICE_UFRAG_LEN = 8,         /* ours, characters; 48 random bits */
	ICE_PWD_LEN = 24,          /* ours, characters; 144 random bits */
	ICE_REMOTE_MAX = 256,      /* longest ufrag or pwd, RFC 8839 5.4 */
	ICE_PAIRS_MAX = 16,        /* remote addresses remembered per peer */
	ICE_REPLY_MAX = 548,       /* largest reply written */
	ICE_CONSENT_US = 30000000, /* RFC 7675: consent expires after 30 s */
	/* Two missed consent checks (RFC 7675 5.1: one every 4 to 6 s): from
	 * then on a check from another address moves the selection by itself.
	 */
	ICE_STALE_US = 10000000,
	/* In a restart so much is enough: there is a reason for it. */
	ICE_LEFT_US = 1000000,
};

enum ice_state { ICE_NEW, ICE_CHECKED, ICE_NOMINATED, ICE_EXPIRED };

/* What one datagram was. Everything from ICE_GOT_ERROR on moved no state and is
 * counted; from ICE_DROP_MALFORMED on nothing is sent either. */
enum ice_got {
	ICE_GOT_REPLY,      /* a good check; a reply was written */
	ICE_GOT_SELECTED,   /* the same, and the selected address changed */
	ICE_GOT_INDICATION, /* a keepalive; nothing to send */
	ICE_GOT_ERROR, /* authenticated but refused (420, 487); reply written */
	ICE_DROP_MALFORMED,
	ICE_DROP_USERNAME,
	ICE_DROP_INTEGRITY,
	ICE_DROP_FINGERPRINT,
	ICE_DROP_UNEXPECTED, /* a response or a method we never asked for */
	ICE_GOT_MAX
};

/* The STUN engine of one worker (libnice's StunAgent, 13 kB), shared by its
 * peers because it keeps nothing between two datagrams of a lite agent. */
struct ice_engine;
struct ice_engine *ice_engine_new(void); /* NULL: out of memory */
struct ice_engine *ice_engine_free(struct ice_engine *); /* returns NULL */

/* Ours. */
struct ice_credentials {
	char ufrag[ICE_UFRAG_LEN + 1];
	char pwd[ICE_PWD_LEN + 1];
};

/* The peer's. Its password is for checks of ours, and a lite agent makes none;
 * its ufrag is only compared, and is kept as its length (0: not known) and a
 * mark. */
struct ice_remote {
	uint16_t ufrag_len;
	uint32_t ufrag_mark;
};

/* A quarter of a sockaddr_storage. */
union ice_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct ice_pair {
	uint64_t checked_us; /* last good check from there */
	union ice_address remote;
	uint32_t generation;  /* of the credentials that proved it */
	uint32_t remote_mark; /* of the ufrag that came with them */
	bool nominated;
};

struct ice {
	/* What each packet asks for, side by side. */
	enum ice_state state;
	unsigned n_pairs;
	int selected; /* index of the pair media goes to, or -1 */
	struct ice_pair pair[ICE_PAIRS_MAX];
	struct ice_engine *engine;
	struct ice_credentials local, old_local; /* old: before a restart */
	struct ice_remote remote, old_remote;
	uint32_t generation, old_generation;
	uint64_t drops[ICE_GOT_MAX]; /* counts from ICE_GOT_ERROR on */
};

/* Starts with fresh local credentials made of random[] (at least 24 random
 * bytes, the caller's; ice-chars, RFC 8839 5.4). The remote ones are empty
 * until ice_set_remote: checks are then accepted whatever their second username
 * half (RFC 8445 7.3: a check may come before the answer). */
void ice_init(
	struct ice *ice, struct ice_engine *engine, const uint8_t random[24]);

/* Takes the peer's ufrag and pwd from its SDP. Addresses that came with another
 * ufrag before are forgotten (of several devices one is answered). 0, or
 * -EINVAL if one is not 4..256 / 22..256 ice-chars (nothing changed then). */
int ice_set_remote(struct ice *ice, const char *ufrag, const char *pwd);

/* ICE restart (RFC 8445 9): new local credentials from random[], new remote
 * ones; ufrag and pwd both NULL when the restart is ours and ice_set_remote
 * follows. The selected address and the old credentials stay in force until a
 * pair of the new generation is nominated; a selected address that is silent,
 * until one passes a check. After EXPIRED it starts over as NEW.
 * 0 or -EINVAL. */
int ice_restart(struct ice *ice, const uint8_t random[24], const char *ufrag,
	const char *pwd);

/* Handles one STUN datagram from `from` (AF_INET or AF_INET6). A reply is
 * written to ret_reply (ICE_REPLY_MAX bytes, the caller's) and its length to
 * *ret_len, which is 0 when there is nothing to send. Only authenticated
 * requests are answered, and a check with the attributes RFC 8445 7.1 demands
 * gets a shorter reply. Address change (mobility) is a nominated check from a
 * new address, or any good check once the selected one was silent for
 * ICE_STALE_US (ICE_LEFT_US for the first of a restart's): ICE_GOT_SELECTED; so
 * is the first check of all. Where the table is full the stalest pair that is
 * not selected is replaced. After EXPIRED nothing is answered
 * (ICE_DROP_UNEXPECTED), so that the peer notices too. */
enum ice_got ice_input(struct ice *ice, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len,
	uint8_t ret_reply[ICE_REPLY_MAX], size_t *ret_len);

/* Something came from `from` that only the peer can have made (an SRTP packet,
 * say): as good as a check for its consent, where it passed one before. libnice
 * sends no checks once connected but indications (thus webrtcbin and Nheko). */
void ice_proven(struct ice *ice, uint64_t now_us, const struct sockaddr *from);

/* Notices expired consent; another address that still has it is selected
 * instead. Call when ice_deadline is due. */
void ice_tick(struct ice *ice, uint64_t now_us);
uint64_t ice_deadline(const struct ice *ice); /* UINT64_MAX: nothing due */

/* When the last of what proves that the peer is there came, from any address: a
 * good check, or what ice_proven was told of; 0: nothing yet. */
uint64_t ice_heard_us(const struct ice *ice);

/* The address to send to: the nominated one, before nomination the first that
 * passed a check; NULL before a check and after consent ended. Valid until the
 * next call with this ice. */
const struct sockaddr *ice_selected(const struct ice *ice);

/* True when `from` passed a check of a live generation: packets from anywhere
 * else must be dropped before DTLS or SRTP sees them. */
bool ice_known(const struct ice *ice, const struct sockaddr *from);

/* For the demultiplexer: copies our half of USERNAME (before the colon) out of
 * an unauthenticated binding request. Returns its length, 0 if there is none or
 * it does not fit size bytes with its NUL. Proves nothing. */
size_t ice_peek_ufrag(const uint8_t *buf, size_t len, char *ret, size_t size);

/* True when two addresses are equal in family, address and port. */
bool ice_addr_equal(const struct sockaddr *a, const struct sockaddr *b);

/* Bytes of the sockaddr by family; 0 for a family that is not IP. */
socklen_t ice_addr_len(const struct sockaddr *a);

#endif
