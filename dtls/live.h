/*
 * The part of a DTLS session that is large, 50 kB of it mbedTLS's: there while
 * the handshake runs and records come and go, saved to some 500 bytes while
 * nothing does. And the inside of struct dtls, for dtls.c and live.c alone.
 */
#ifndef HEARTH_DTLS_LIVE_H
#define HEARTH_DTLS_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/dtls.h"
#include "dtls/fingerprint.h"
#include "dtls/hello.h"
#include "dtls/mbed.h"
#include "dtls/records.h"

enum { LIVE_FLIGHT_MAX = 512 }; /* ChangeCipherSpec, Finished: 75 bytes */

struct timer {
	bool on;
	uint64_t soft_us, hard_us;
};

struct live {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	struct mbed_watch watch;
	struct records app;
	/* The datagrams of a server's last flight, each behind its length of
	 * two bytes. None: there are none, or they are too long. */
	size_t flight_len;
	bool flight_overflow;
	uint8_t flight[LIVE_FLIGHT_MAX];
};

struct dtls {
	struct live *live; /* NULL: at rest, or the session is over */
	uint8_t *saved;    /* at rest: what mbedTLS makes of it */
	size_t saved_len;
	/* Server, from the first rest until the peer's first record: what may
	 * have to be sent again, as in struct live. */
	uint8_t *flight;
	size_t flight_len;
	uint64_t flight_us; /* not before then */
	struct cert *cert;
	enum dtls_role role;
	enum dtls_state state;
	enum dtls_error error;
	struct fingerprint peer;
	bool is_peer_proven; /* its certificate has the fingerprint */
	bool has_keys;
	uint8_t keys[DTLS_KEYS_LEN];
	uint64_t now_us, started_us;
	uint64_t rest_us; /* connected and live: to be put to rest then */
	bool is_busy;     /* but not if a record came or went before */
	struct timer timer;
	const uint8_t *rx; /* the datagram mbedTLS has not taken yet */
	size_t rx_len;
	struct dtls_out *out; /* only while a call runs */
	struct hello *hello;  /* server, until the handshake is over */
	unsigned bad_hellos;
	uint64_t drops;
};

/* Makes d->live for a handshake. 0 or -ENOMEM (d->live may be there). */
int live_new(struct dtls *d);
void live_free(struct dtls *d); /* d->live and what was saved */

/* Saves the connection and frees d->live. False: it cannot be saved now
 * (records wait to be read, memory is lacking), all is as it was. */
bool live_rest(struct dtls *d);

/* What is sent from now on begins a flight. */
void live_begin_flight(struct dtls *d);
/* Sends the last one again, if it is kept and was not sent just now. True if it
 * is kept. */
bool live_resend_flight(struct dtls *d);
void live_forget_flight(struct dtls *d); /* the peer has it */

/* The reverse; true at once if it is live. False: memory is lacking, and all is
 * as it was. */
bool live_wake(struct dtls *d);

/* Forgets the SRTP keys. */
void live_wipe_keys(struct dtls *d);

#endif
