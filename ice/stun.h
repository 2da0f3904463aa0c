/*
 * Bytes <-> binding request and reply, over libnice's public StunAgent (the
 * only package this folder names, and this the only file that does).
 *
 * RFC 8489: short-term credentials (9.1), MESSAGE-INTEGRITY (14.5, SHA-1),
 * FINGERPRINT (14.7, demanded), unknown attributes (6.3.1). Leaves out: sending
 * requests, long-term credentials, MESSAGE-INTEGRITY-SHA256 (read over).
 *
 * Internal to ice/. Structure is judged here, before libnice sees a byte: its
 * agent trusts the length of MESSAGE-INTEGRITY and would read past the
 * datagram.
 */
#ifndef HEARTH_ICE_STUN_H
#define HEARTH_ICE_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ice_engine;

enum ice_stun_class {
	ICE_STUN_REQUEST,
	ICE_STUN_INDICATION,
	ICE_STUN_RESPONSE,
	ICE_STUN_ERROR
};

enum { ICE_STUN_HEADER = 20, ICE_STUN_METHOD_BINDING = 1 };

/* A message by its shape alone; proves nothing. The pointer is into buf. */
struct ice_stun_scan {
	enum ice_stun_class cls;
	unsigned method;
	const uint8_t *username; /* NULL: none before MESSAGE-INTEGRITY */
	size_t username_len;     /* bytes */
	bool integrity, fingerprint;
};

/* True and *ret filled when the len bytes are exactly one well-formed STUN
 * message: magic cookie, attributes that fit and fill it, MESSAGE-INTEGRITY of
 * 20 bytes, FINGERPRINT of 4 bytes and last. */
bool ice_stun_scan(const uint8_t *buf, size_t len, struct ice_stun_scan *ret);

enum ice_stun_verdict {
	ICE_STUN_OK,
	ICE_STUN_UNKNOWN, /* authentic, with attributes we do not understand */
	ICE_STUN_BAD_FINGERPRINT,
	ICE_STUN_BAD_INTEGRITY,
	ICE_STUN_UNMATCHED /* a response; we never ask */
};

struct ice_stun_request {
	bool use_candidate;
	bool controlled; /* carries ICE-CONTROLLED: a role conflict with us */
};

/* Judges a scanned message: FINGERPRINT, then (requests) MESSAGE-INTEGRITY
 * under pwd. Indications are not authenticated (RFC 8445 11); pwd may be NULL
 * there. *ret is written for ICE_STUN_OK and ICE_STUN_UNKNOWN only. buf and pwd
 * must stay valid until the reply is written. */
enum ice_stun_verdict ice_stun_check(struct ice_engine *engine,
	const uint8_t *buf, size_t len, const char *pwd,
	struct ice_stun_request *ret);

/* The three answers to the request checked last, authenticated with the same
 * password: success with XOR-MAPPED-ADDRESS of `from` (a v4-mapped IPv6 address
 * is told as IPv4), 420 with UNKNOWN-ATTRIBUTES, 487. Return the bytes written
 * to ret (size of them), 0 if they do not fit. */
size_t ice_stun_reply(struct ice_engine *engine, const struct sockaddr *from,
	uint8_t *ret, size_t size);
size_t ice_stun_reply_unknown(
	struct ice_engine *engine, uint8_t *ret, size_t size);
size_t ice_stun_reply_conflict(
	struct ice_engine *engine, uint8_t *ret, size_t size);

#endif
