/*
 * What mbedTLS 2.28 (Debian 12) and 3.6 do differently, in one place, and the
 * inside of struct cert for dtls.c. Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_MBED_H
#define HEARTH_DTLS_MBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include "dtls/cert.h"

struct random {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
};

struct cert {
	/* For cert_random, and for sessions: those may be on another thread. */
	struct random random, sessions;
	mbedtls_pk_context key;
	mbedtls_pk_context signer; /* the same, for sessions: see quick.h */
	mbedtls_x509_crt crt;
	char fingerprint[CERT_FINGERPRINT_MAX];
};

/* The master secret of a handshake, while it is being derived. Only valid
 * during the call. */
struct mbed_secret {
	const uint8_t *master;
	size_t master_len;
	const uint8_t *client_random; /* 32 bytes each */
	const uint8_t *server_random;
	mbedtls_tls_prf_types prf;
};
typedef void mbed_secret_h(void *arg, const struct mbed_secret *secret);

/* Where mbed_watch_secret keeps handler and argument; lives as long as ssl. */
struct mbed_watch {
	mbed_secret_h *h;
	void *arg;
};

/* DTLS 1.2 and nothing else, with the groups of agree.h. */
void mbed_conf_protocol(mbedtls_ssl_config *conf);

/* Calls w->h whenever ssl derives a master secret. To be called once, after
 * mbedtls_ssl_setup(ssl, conf) and before the handshake. */
void mbed_watch_secret(mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf,
	struct mbed_watch *w);

/* The SRTP profile both sides agreed on (RFC 5764 section 4.1.2);
 * MBEDTLS_TLS_SRTP_UNSET: none. Valid from the ServerHello on. */
int mbed_srtp_profile(const mbedtls_ssl_context *ssl);

/* True once the handshake is done. */
bool mbed_is_over(const mbedtls_ssl_context *ssl);

/* True while a server waits for a ClientHello it can understand. */
bool mbed_awaits_hello(const mbedtls_ssl_context *ssl);

/* A server keeps its handshake, 10 kB, to send its last flight again, until an
 * application record shows that the peer has it; that long it cannot be saved.
 */
bool mbed_holds_handshake(const mbedtls_ssl_context *ssl);
void mbed_drop_handshake(mbedtls_ssl_context *ssl);

/* True for the error of a ClientHello that cannot be parsed, as against one
 * that was understood and refused. */
bool mbed_is_bad_hello(int error);

/* A serial number of len (at most 20) big-endian bytes, positive. 0 or
 * mbedTLS's error. */
int mbed_set_serial(
	mbedtls_x509write_cert *w, const uint8_t *serial, size_t len);

/* ECDSA signature of a SHA-256 hash by the certificate's key: DER of *ret_len
 * bytes in ret, which holds max. 0 or mbedTLS's error. */
int mbed_sign_sha256(struct cert *c, const uint8_t hash[32], uint8_t *ret,
	size_t max, size_t *ret_len);

/* mbedTLS 2.28 gives ecdsa-with-SHA256 a NULL parameter, which RFC 5758 section
 * 3.2 forbids and strict parsers refuse (aiortc's). Takes it out of c->crt and
 * signs again; nothing to do is fine. 0 or -EINVAL. */
int cert_sign_anew(struct cert *c);

#endif
