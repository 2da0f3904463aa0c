#include "dtls/live.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

#include "dtls/quick.h"

enum {
	RETRANSMIT_FIRST_MS = 200,
	/* RFC 6347 section 4.2.4.1 lets the wait double up to 60 s. ICE keeps
	 * proving the path, and a join that waits looks broken: ours stays
	 * within a second. */
	RETRANSMIT_MOST_MS = 1000,
	/* Whoever forges the peer's address gets no more out of us. */
	FLIGHT_AGAIN_US = 50000,
};

static const int suites[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0 };

static const mbedtls_ssl_srtp_profile profiles[] = {
	MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80, MBEDTLS_TLS_SRTP_UNSET
};

void live_wipe_keys(struct dtls *d)
{
	mbedtls_platform_zeroize(d->keys, sizeof(d->keys));
	d->has_keys = false;
}

void live_begin_flight(struct dtls *d)
{
	d->live->flight_len = 0;
	d->live->flight_overflow = false;
}

static void note_flight(struct live *l, const uint8_t *buf, size_t len)
{
	if (l->flight_overflow || len > sizeof(l->flight) - 2 ||
		l->flight_len > sizeof(l->flight) - 2 - len) {
		l->flight_overflow = true;
		return;
	}
	l->flight[l->flight_len++] = (uint8_t)(len >> 8);
	l->flight[l->flight_len++] = (uint8_t)len;
	memcpy(l->flight + l->flight_len, buf, len);
	l->flight_len += len;
}

static int on_send(void *arg, const unsigned char *buf, size_t len)
{
	struct dtls *d = arg;

	assert(d->out != NULL);
	if (d->role == DTLS_SERVER && d->state == DTLS_HANDSHAKE)
		note_flight(d->live, buf, len);
	d->out->send(d->out, buf, len);
	return (int)len;
}

static int on_recv(void *arg, unsigned char *buf, size_t len)
{
	struct dtls *d = arg;

	if (d->rx_len == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (len > d->rx_len)
		len = d->rx_len;
	memcpy(buf, d->rx, len);
	/* A datagram is read at once; what does not fit is lost, as with
	 * recv(2). */
	d->rx_len = 0;
	return (int)len;
}

/* mbedTLS doubles a 32-bit number of milliseconds and gives up when it is full,
 * which from 200 on is before our 30 s are over. So it counts from 1, in units
 * of the first wait. */
static uint64_t wait_us(uint32_t units)
{
	uint64_t ms = (uint64_t)units * RETRANSMIT_FIRST_MS;

	return (ms < RETRANSMIT_MOST_MS ? ms : RETRANSMIT_MOST_MS) * 1000;
}

static void on_set_timer(void *arg, uint32_t soft, uint32_t hard)
{
	struct dtls *d = arg;

	d->timer.on = hard != 0;
	d->timer.soft_us = d->now_us + wait_us(soft);
	d->timer.hard_us = d->now_us + wait_us(hard);
}

static int on_get_timer(void *arg)
{
	const struct dtls *d = arg;

	if (!d->timer.on)
		return -1;
	if (d->now_us >= d->timer.hard_us)
		return 2;
	return d->now_us >= d->timer.soft_us;
}

/* Called for each certificate of the peer's chain, its own (depth 0) last. No
 * authority vouches for anybody here: the SDP's fingerprint does, and only it
 * (RFC 8827 section 6.5), so that whatever else mbedTLS noted is cleared. */
static int on_verify(
	void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct dtls *d = arg;

	*flags = 0;
	if (depth != 0)
		return 0;
	d->is_peer_proven =
		fingerprint_matches(&d->peer, crt->raw.p, crt->raw.len);
	if (d->is_peer_proven) {
		quick_peer(crt);
		return 0;
	}
	d->error = DTLS_ERR_FINGERPRINT;
	return MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* RFC 5764 section 4.2. Runs after the peer's certificate was seen and before
 * its proof of the key: the keys stay inside until CONNECTED. */
static void on_secret(void *arg, const struct mbed_secret *s)
{
	struct dtls *d = arg;
	uint8_t randoms[64];

	live_wipe_keys(d);
	if (!d->is_peer_proven ||
		mbed_srtp_profile(&d->live->ssl) != profiles[0])
		return;
	memcpy(randoms, s->client_random, 32);
	memcpy(randoms + 32, s->server_random, 32);
	d->has_keys = mbedtls_ssl_tls_prf(s->prf, s->master, s->master_len,
			      "EXTRACTOR-dtls_srtp", randoms, sizeof(randoms),
			      d->keys, sizeof(d->keys)) == 0;
}

static int configure(struct dtls *d)
{
	mbedtls_ssl_config *conf = &d->live->conf;

	if (mbedtls_ssl_config_defaults(conf,
		    d->role == DTLS_CLIENT ? MBEDTLS_SSL_IS_CLIENT
					   : MBEDTLS_SSL_IS_SERVER,
		    MBEDTLS_SSL_TRANSPORT_DATAGRAM,
		    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return -ENOMEM;
	mbed_conf_protocol(conf);
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_rng(
		conf, mbedtls_ctr_drbg_random, &d->cert->sessions.drbg);
	/* OPTIONAL asks a client for its certificate and lets on_verify be the
	 * judge; REQUIRED would insist on an authority. A peer without one
	 * fails at finish(). */
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_verify(conf, on_verify, d);
	mbedtls_ssl_conf_handshake_timeout(conf, 1, UINT32_MAX);
	mbedtls_ssl_conf_renegotiation(
		conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
	mbedtls_ssl_conf_session_tickets(
		conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	/* HelloVerifyRequest proves that the client's address is its own
	 * (RFC 6347 section 4.2.1). ICE has proven it before the first DTLS
	 * byte is let in, so that the cookie would only cost a round trip. */
	if (d->role == DTLS_SERVER)
		mbedtls_ssl_conf_dtls_cookies(conf, NULL, NULL, NULL);
	if (mbedtls_ssl_conf_own_cert(conf, &d->cert->crt, &d->cert->signer) ||
		mbedtls_ssl_conf_dtls_srtp_protection_profiles(conf, profiles))
		return -ENOMEM;
	return 0;
}

/* Ready for a handshake, or to take over one that is saved. */
static int set_up(struct dtls *d)
{
	struct live *l = calloc(1, sizeof(*l));
	int ret;

	if (l == NULL)
		return -ENOMEM;
	d->live = l;
	mbedtls_ssl_init(&l->ssl);
	mbedtls_ssl_config_init(&l->conf);
	ret = configure(d);
	if (ret != 0)
		return ret;
	if (mbedtls_ssl_setup(&l->ssl, &l->conf) != 0)
		return -ENOMEM;
	mbedtls_ssl_set_mtu(&l->ssl, DTLS_DATAGRAM_MAX);
	mbedtls_ssl_set_bio(&l->ssl, d, on_send, on_recv, NULL);
	mbedtls_ssl_set_timer_cb(&l->ssl, d, on_set_timer, on_get_timer);
	return 0;
}

int live_new(struct dtls *d)
{
	int ret = set_up(d);

	if (ret != 0)
		return ret;
	d->live->watch = (struct mbed_watch){ on_secret, d };
	mbed_watch_secret(&d->live->ssl, &d->live->conf, &d->live->watch);
	if (d->role == DTLS_CLIENT)
		return 0;
	d->hello = malloc(sizeof(*d->hello));
	if (d->hello == NULL)
		return -ENOMEM;
	hello_init(d->hello);
	return 0;
}

static void free_live(struct dtls *d)
{
	struct live *l = d->live;

	if (l == NULL)
		return;
	mbedtls_ssl_free(&l->ssl);
	mbedtls_ssl_config_free(&l->conf);
	mbedtls_platform_zeroize(l, sizeof(*l));
	free(l);
	d->live = NULL;
}

static void free_saved(struct dtls *d)
{
	if (d->saved != NULL)
		mbedtls_platform_zeroize(d->saved, d->saved_len);
	free(d->saved);
	d->saved = NULL;
	d->saved_len = 0;
}

void live_forget_flight(struct dtls *d)
{
	free(d->flight);
	d->flight = NULL;
	d->flight_len = 0;
}

void live_free(struct dtls *d)
{
	free_live(d);
	free_saved(d);
	live_forget_flight(d);
}

/* The very records: a peer that has them takes them for replayed. */
bool live_resend_flight(struct dtls *d)
{
	if (d->flight == NULL)
		return false;

	const uint8_t *at = d->flight, *end = at + d->flight_len;

	if (d->now_us < d->flight_us)
		return true;
	d->flight_us = d->now_us + FLIGHT_AGAIN_US;
	while (at < end) {
		size_t len = (size_t)at[0] << 8 | at[1];

		d->out->send(d->out, at + 2, len);
		at += 2 + len;
	}
	return true;
}

/* Takes over from mbedTLS, which would keep all of its handshake for it. */
static bool keep_flight(struct dtls *d)
{
	const struct live *l = d->live;

	if (l->flight_overflow || l->flight_len == 0)
		return false;
	d->flight = malloc(l->flight_len);
	if (d->flight == NULL)
		return false;
	memcpy(d->flight, l->flight, l->flight_len);
	d->flight_len = l->flight_len;
	return true;
}

bool live_rest(struct dtls *d)
{
	mbedtls_ssl_context *ssl = &d->live->ssl;
	size_t len = 0, written = 0;
	int ret;

	if (!records_is_empty(&d->live->app))
		return false;
	if (mbed_holds_handshake(ssl)) {
		if (!keep_flight(d))
			return false;
		mbed_drop_handshake(ssl);
	}
	/* Says how much room it needs, or that it cannot be. */
	if (mbedtls_ssl_context_save(ssl, NULL, 0, &len) !=
		MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL)
		return false;
	d->saved = malloc(len);
	if (d->saved == NULL)
		return false;
	d->saved_len = len;
	ret = mbedtls_ssl_context_save(ssl, d->saved, len, &written);
	/* Memory is lacking to make ssl fit for another session: all was
	 * written by then, and there will be none. */
	if (ret == 0 || ret == MBEDTLS_ERR_SSL_ALLOC_FAILED) {
		free_live(d);
		return true;
	}
	free_saved(d);
	return false;
}

bool live_wake(struct dtls *d)
{
	if (d->live != NULL)
		return true;
	if (d->saved == NULL)
		return false;
	if (set_up(d) != 0 || mbedtls_ssl_context_load(&d->live->ssl, d->saved,
				      d->saved_len) != 0) {
		free_live(d);
		return false;
	}
	/* Used twice, it would seal two texts under one number. */
	free_saved(d);
	return true;
}
