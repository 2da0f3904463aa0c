/*
 * One DTLS 1.2 session over mbedTLS: handshake, fingerprint check, SRTP keys
 * (RFC 5764), and the records that carry SCTP (RFC 8261).
 *
 *   NEW -> HANDSHAKE -> CONNECTED -> CLOSED     (close_notify, either side)
 *                    \-> FAILED <-/             (alert, bad fingerprint, time)
 *
 * Sans-IO: input, tick, deadline; datagrams leave through the struct dtls_out
 * handed to each call, never later. The handshake's steps cost milliseconds of
 * CPU: dtls_is_expensive tells the caller beforehand so that it can budget.
 * A session is one thread's at a time; those of one cert that shake hands must
 * all be the same thread's.
 *
 * The peer's certificate is compared with the fingerprint of its SDP before any
 * key is exported (RFC 8827 section 5.1): with a wrong one the session FAILS
 * and dtls_keys never succeeds. Fragmented ClientHellos are joined by hello.h.
 */
#ifndef HEARTH_DTLS_DTLS_H
#define HEARTH_DTLS_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/cert.h"

enum {
	DTLS_KEYS_LEN = 60, /* client key 16, server key 16, client salt 14,
			       server salt 14 (RFC 5764 4.2) */
	DTLS_DATAGRAM_MAX = 1200, /* largest datagram we make */
	DTLS_RECORD_MAX = 16384,
};

enum dtls_role { DTLS_CLIENT, DTLS_SERVER }; /* setup:active, setup:passive */
enum dtls_state {
	DTLS_NEW,
	DTLS_HANDSHAKE,
	DTLS_CONNECTED,
	DTLS_CLOSED,
	DTLS_FAILED
};

/* Why a session failed, for the log and the counters. */
enum dtls_error {
	DTLS_OK,
	DTLS_ERR_FINGERPRINT,
	DTLS_ERR_NO_SRTP,
	DTLS_ERR_ALERT,
	DTLS_ERR_TIMEOUT,
	DTLS_ERR_PROTOCOL,
	DTLS_ERR_MEMORY
};

/* Where datagrams go while a call runs: a struct whose first member is the
 * function, so that the caller's own struct carries the rest. buf is the
 * callee's only until it returns. */
struct dtls_out {
	void (*send)(struct dtls_out *out, const uint8_t *buf, size_t len);
	/* A handshake has done one of the steps of a call, up to 0.2 ms of CPU,
	 * and has more to do: for a thread that lets others run in between.
	 * The session must be left alone. NULL: nothing. */
	void (*pause)(struct dtls_out *out);
};

struct dtls; /* heap: 60 kB, 1 kB when at rest (see dtls_tick) */

/* A session that has not sent anything. fingerprint is the SDP's: hash name
 * ("sha-256", "sha-384", "sha-512"; anything weaker is refused with -ENOTSUP)
 * and hex with colons. *ret is the caller's to free. 0, -EINVAL, -ENOMEM,
 * -ENOTSUP. cert must outlive it. */
int dtls_new(struct dtls **ret, struct cert *cert, enum dtls_role role,
	const char *fingerprint_hash, const char *fingerprint);
struct dtls *dtls_free(struct dtls *); /* returns NULL; NULL is fine */

/* As client: sends the ClientHello. As server: waits. */
void dtls_start(struct dtls *d, uint64_t now_us, struct dtls_out *out);

/* One datagram (first byte 20..63). Bad ones are dropped and counted. */
void dtls_input(struct dtls *d, uint64_t now_us, const uint8_t *buf, size_t len,
	struct dtls_out *out);

/* Retransmits what is due (RFC 6347 section 4.2.4 has 1 s doubling to 60 s; we
 * begin with 200 ms and double to 1 s, since ICE told us that the path is
 * there) and ends handshakes after 30 s. Puts a connected session to rest,
 * where nothing comes or goes for a second; it wakes by itself. */
void dtls_tick(struct dtls *d, uint64_t now_us, struct dtls_out *out);
uint64_t dtls_deadline(const struct dtls *d); /* UINT64_MAX: nothing due */

/* True while the handshake runs: the next input may cost milliseconds. */
bool dtls_is_expensive(const struct dtls *d);

enum dtls_state dtls_state(const struct dtls *d);
enum dtls_error dtls_error(const struct dtls *d);
const char *dtls_error_text(enum dtls_error e);

/* The SRTP keying material, from CONNECTED on. 0, or -EAGAIN before, -EACCES if
 * the session failed or was closed before. The profile is always
 * AES128_CM_HMAC_SHA1_80. */
int dtls_keys(const struct dtls *d, uint8_t ret[DTLS_KEYS_LEN]);
bool dtls_is_client(const struct dtls *d);

/* Takes the next decrypted application record out, after dtls_input: returns
 * its length, 0 when there is no more. Records longer than size are dropped and
 * counted; so are those that find no room because earlier ones were not read
 * (a datagram's worth always fits). */
size_t dtls_read(struct dtls *d, uint8_t *ret, size_t size);

/* Encrypts and sends one record (at most DTLS_DATAGRAM_MAX - 64 bytes).
 * 0, -EAGAIN before CONNECTED, -EMSGSIZE, -ENOMEM, -EPIPE once closed. */
int dtls_write(
	struct dtls *d, const uint8_t *buf, size_t len, struct dtls_out *out);

/* Sends close_notify if connected and enters CLOSED. */
void dtls_close(struct dtls *d, struct dtls_out *out);

/* Counter since dtls_new: datagrams (and records without room) that were
 * dropped. What mbedTLS ignores during the handshake is not seen. */
uint64_t dtls_drops(const struct dtls *d);

#endif
