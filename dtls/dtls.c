#include "dtls/dtls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

#include "dtls/fingerprint.h"
#include "dtls/hello.h"
#include "dtls/mbed.h"
#include "dtls/record.h"
#include "dtls/records.h"

enum {
	RETRANSMIT_FIRST_MS = 200,
	/* RFC 6347 section 4.2.4.1 lets the wait double up to 60 s. ICE keeps
	 * proving the path, and a join that waits looks broken: ours stays
	 * within a second. */
	RETRANSMIT_MOST_MS = 1000,
	HANDSHAKE_MAX_US = 30000000,
	BAD_HELLOS_MAX = 16, /* ClientHellos one session may waste */
	RECORDS_MAX = 128,   /* records looked at per datagram */
	DATA_MAX = DTLS_DATAGRAM_MAX - 64
};

struct timer {
	bool on;
	uint64_t soft_us, hard_us;
};

struct dtls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	struct mbed_watch watch;
	struct cert *cert;
	enum dtls_role role;
	enum dtls_state state;
	enum dtls_error error;
	struct fingerprint peer;
	bool is_peer_proven; /* its certificate has the fingerprint */
	bool has_keys;
	uint8_t keys[DTLS_KEYS_LEN];
	uint64_t now_us, started_us;
	struct timer timer;
	const uint8_t *rx; /* the datagram mbedTLS has not taken yet */
	size_t rx_len;
	struct dtls_out *out; /* only while a call runs */
	struct hello *hello;  /* server, until the handshake is over */
	unsigned bad_hellos;
	uint64_t drops;
	struct records app;
};

static const int suites[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0 };

static const mbedtls_ssl_srtp_profile profiles[] = {
	MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80, MBEDTLS_TLS_SRTP_UNSET
};

static void set_state(struct dtls *d, enum dtls_state to)
{
	static const uint8_t allowed[] = { [DTLS_NEW] = 1 << DTLS_HANDSHAKE |
							1 << DTLS_CLOSED |
							1 << DTLS_FAILED,
		[DTLS_HANDSHAKE] = 1 << DTLS_CONNECTED | 1 << DTLS_CLOSED |
				   1 << DTLS_FAILED,
		[DTLS_CONNECTED] = 1 << DTLS_CLOSED | 1 << DTLS_FAILED,
		[DTLS_CLOSED] = 0,
		[DTLS_FAILED] = 0 };

	assert(allowed[d->state] & 1 << to);
	d->state = to;
	if (to != DTLS_HANDSHAKE) {
		free(d->hello);
		d->hello = NULL;
	}
}

static void wipe_keys(struct dtls *d)
{
	mbedtls_platform_zeroize(d->keys, sizeof(d->keys));
	d->has_keys = false;
}

static void fail(struct dtls *d, enum dtls_error error)
{
	if (d->error == DTLS_OK)
		d->error = error;
	wipe_keys(d);
	set_state(d, DTLS_FAILED);
}

static int on_send(void *arg, const unsigned char *buf, size_t len)
{
	struct dtls *d = arg;

	assert(d->out != NULL);
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
	if (d->is_peer_proven)
		return 0;
	d->error = DTLS_ERR_FINGERPRINT;
	return MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* RFC 5764 section 4.2. Runs after the peer's certificate was seen and before
 * its proof of the key: the keys stay inside until CONNECTED. */
static void on_secret(void *arg, const struct mbed_secret *s)
{
	struct dtls *d = arg;
	uint8_t randoms[64];

	wipe_keys(d);
	if (!d->is_peer_proven || mbed_srtp_profile(&d->ssl) != profiles[0])
		return;
	memcpy(randoms, s->client_random, 32);
	memcpy(randoms + 32, s->server_random, 32);
	d->has_keys = mbedtls_ssl_tls_prf(s->prf, s->master, s->master_len,
			      "EXTRACTOR-dtls_srtp", randoms, sizeof(randoms),
			      d->keys, sizeof(d->keys)) == 0;
}

static int configure(struct dtls *d)
{
	mbedtls_ssl_config *conf = &d->conf;

	if (mbedtls_ssl_config_defaults(conf,
		    d->role == DTLS_CLIENT ? MBEDTLS_SSL_IS_CLIENT
					   : MBEDTLS_SSL_IS_SERVER,
		    MBEDTLS_SSL_TRANSPORT_DATAGRAM,
		    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return -ENOMEM;
	mbed_conf_protocol(conf);
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &d->cert->drbg);
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
	if (mbedtls_ssl_conf_own_cert(conf, &d->cert->crt, &d->cert->key) ||
		mbedtls_ssl_conf_dtls_srtp_protection_profiles(conf, profiles))
		return -ENOMEM;
	return 0;
}

static int set_up(struct dtls *d)
{
	int ret = configure(d);

	if (ret != 0)
		return ret;
	if (d->role == DTLS_SERVER) {
		d->hello = malloc(sizeof(*d->hello));
		if (d->hello == NULL)
			return -ENOMEM;
		hello_init(d->hello);
	}
	if (mbedtls_ssl_setup(&d->ssl, &d->conf) != 0)
		return -ENOMEM;
	d->watch = (struct mbed_watch){ on_secret, d };
	mbed_watch_secret(&d->ssl, &d->conf, &d->watch);
	mbedtls_ssl_set_mtu(&d->ssl, DTLS_DATAGRAM_MAX);
	mbedtls_ssl_set_bio(&d->ssl, d, on_send, on_recv, NULL);
	mbedtls_ssl_set_timer_cb(&d->ssl, d, on_set_timer, on_get_timer);
	return 0;
}

int dtls_new(struct dtls **ret, struct cert *cert, enum dtls_role role,
	const char *fingerprint_hash, const char *fingerprint)
{
	struct fingerprint peer;
	struct dtls *d;
	int error = fingerprint_parse(&peer, fingerprint_hash, fingerprint);

	if (error != 0)
		return error;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->cert = cert;
	d->role = role;
	d->peer = peer;
	mbedtls_ssl_init(&d->ssl);
	mbedtls_ssl_config_init(&d->conf);
	error = set_up(d);
	if (error != 0) {
		dtls_free(d);
		return error;
	}
	*ret = d;
	return 0;
}

struct dtls *dtls_free(struct dtls *d)
{
	if (d == NULL)
		return NULL;
	mbedtls_ssl_free(&d->ssl);
	mbedtls_ssl_config_free(&d->conf);
	free(d->hello);
	mbedtls_platform_zeroize(d, sizeof(*d));
	free(d);
	return NULL;
}

static void finish(struct dtls *d)
{
	if (d->is_peer_proven && d->has_keys) {
		set_state(d, DTLS_CONNECTED);
		return;
	}
	mbedtls_ssl_send_alert_message(&d->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
		MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
	fail(d, d->is_peer_proven ? DTLS_ERR_NO_SRTP : DTLS_ERR_FINGERPRINT);
}

static enum dtls_error map_error(int error)
{
	switch (error) {
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return DTLS_ERR_ALERT;
	case MBEDTLS_ERR_SSL_TIMEOUT:
		return DTLS_ERR_TIMEOUT;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		return DTLS_ERR_MEMORY;
	default:
		return DTLS_ERR_PROTOCOL;
	}
}

/* A ClientHello that makes no sense proves nothing about the peer: it is
 * dropped and the session waits on, a bounded number of times. */
static bool forgive_hello(struct dtls *d, int error)
{
	if (d->role != DTLS_SERVER || !mbed_awaits_hello(&d->ssl) ||
		!mbed_is_bad_hello(error) || d->bad_hellos++ >= BAD_HELLOS_MAX)
		return false;
	if (mbedtls_ssl_session_reset(&d->ssl) != 0)
		return false;
	d->drops++;
	return true;
}

static void step_handshake(struct dtls *d)
{
	int ret = mbedtls_ssl_handshake(&d->ssl);

	if (ret == 0)
		finish(d);
	else if (ret != MBEDTLS_ERR_SSL_WANT_READ && !forgive_hello(d, ret))
		fail(d, map_error(ret));
}

/* Takes what is left of a record that found no room. */
static void skip_record(struct dtls *d)
{
	uint8_t waste[256];

	while (mbedtls_ssl_get_bytes_avail(&d->ssl) > 0)
		if (mbedtls_ssl_read(&d->ssl, waste, sizeof(waste)) <= 0)
			break;
	d->drops++;
}

static void end_read(struct dtls *d, int error)
{
	if (error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
		mbedtls_ssl_close_notify(&d->ssl);
		set_state(d, DTLS_CLOSED);
		return;
	}
	/* mbedTLS drops what is not authentic by itself: what it returns as an
	 * error was said by the peer. */
	fail(d, map_error(error));
}

static bool read_record(struct dtls *d)
{
	uint8_t waste[1];
	size_t size = sizeof(waste);
	uint8_t *room = records_room(&d->app, &size);
	int n = mbedtls_ssl_read(&d->ssl, room ? room : waste, size);

	if (n == MBEDTLS_ERR_SSL_WANT_READ)
		return false;
	if (n < 0) {
		end_read(d, n);
		return false;
	}
	if (n > 0 && room != NULL && mbedtls_ssl_get_bytes_avail(&d->ssl) == 0)
		records_commit(&d->app, (size_t)n);
	else
		skip_record(d);
	return true;
}

static void read_records(struct dtls *d)
{
	for (unsigned i = 0; i < RECORDS_MAX; i++)
		if (!read_record(d))
			break;
}

void dtls_start(struct dtls *d, uint64_t now_us, struct dtls_out *out)
{
	if (d->state != DTLS_NEW)
		return;
	d->now_us = d->started_us = now_us;
	set_state(d, DTLS_HANDSHAKE);
	d->out = out;
	step_handshake(d);
	d->out = NULL;
}

static bool is_record(const uint8_t *buf, size_t len)
{
	return len >= RECORD_HEADER && buf[0] >= 20 && buf[0] <= 63 &&
	       buf[1] == 0xfe;
}

static void input_handshake(struct dtls *d, const uint8_t *buf, size_t len)
{
	enum hello_got got = HELLO_PASS;

	if (!record_is_plausible(buf, len, d->role == DTLS_CLIENT))
		got = HELLO_DROP;
	else if (d->hello != NULL)
		got = hello_input(d->hello, d->now_us, buf, len, &buf, &len);
	if (got == HELLO_DROP)
		d->drops++;
	if (got == HELLO_DROP || got == HELLO_MORE)
		return;
	d->rx = buf;
	d->rx_len = len;
	step_handshake(d);
	if (d->state == DTLS_CONNECTED)
		read_records(d);
}

static void input_connected(struct dtls *d, const uint8_t *buf, size_t len)
{
	uint64_t before = d->app.added, drops = d->drops;

	d->rx = buf;
	d->rx_len = len;
	read_records(d);
	/* mbedTLS does not say what it ignored. */
	if (d->app.added == before && d->drops == drops &&
		d->state == DTLS_CONNECTED)
		d->drops++;
}

void dtls_input(struct dtls *d, uint64_t now_us, const uint8_t *buf, size_t len,
	struct dtls_out *out)
{
	if (!is_record(buf, len) ||
		(d->state != DTLS_HANDSHAKE && d->state != DTLS_CONNECTED)) {
		d->drops++;
		return;
	}
	d->now_us = now_us;
	d->out = out;
	if (d->state == DTLS_HANDSHAKE)
		input_handshake(d, buf, len);
	else
		input_connected(d, buf, len);
	d->out = NULL;
	d->rx = NULL;
	d->rx_len = 0;
}

void dtls_tick(struct dtls *d, uint64_t now_us, struct dtls_out *out)
{
	if (d->state != DTLS_HANDSHAKE)
		return;
	d->now_us = now_us;
	if (now_us - d->started_us >= HANDSHAKE_MAX_US) {
		fail(d, DTLS_ERR_TIMEOUT);
		return;
	}
	if (!d->timer.on || now_us < d->timer.hard_us)
		return;
	d->out = out;
	step_handshake(d);
	d->out = NULL;
}

uint64_t dtls_deadline(const struct dtls *d)
{
	uint64_t end_us = d->started_us + HANDSHAKE_MAX_US;

	if (d->state != DTLS_HANDSHAKE)
		return UINT64_MAX;
	if (d->timer.on && d->timer.hard_us < end_us)
		return d->timer.hard_us;
	return end_us;
}

bool dtls_is_expensive(const struct dtls *d)
{
	return d->state == DTLS_NEW || d->state == DTLS_HANDSHAKE;
}

enum dtls_state dtls_state(const struct dtls *d)
{
	return d->state;
}

enum dtls_error dtls_error(const struct dtls *d)
{
	return d->error;
}

const char *dtls_error_text(enum dtls_error e)
{
	static const char *const texts[] = { [DTLS_OK] = "ok",
		[DTLS_ERR_FINGERPRINT] =
			"certificate does not match the fingerprint",
		[DTLS_ERR_NO_SRTP] = "no common SRTP profile",
		[DTLS_ERR_ALERT] = "peer sent an alert",
		[DTLS_ERR_TIMEOUT] = "handshake timed out",
		[DTLS_ERR_PROTOCOL] = "protocol error",
		[DTLS_ERR_MEMORY] = "out of memory" };

	if ((unsigned)e >= sizeof(texts) / sizeof(texts[0]))
		return "unknown";
	return texts[e];
}

int dtls_keys(const struct dtls *d, uint8_t ret[DTLS_KEYS_LEN])
{
	if (d->state == DTLS_NEW || d->state == DTLS_HANDSHAKE)
		return -EAGAIN;
	if (!d->has_keys)
		return -EACCES;
	memcpy(ret, d->keys, DTLS_KEYS_LEN);
	return 0;
}

bool dtls_is_client(const struct dtls *d)
{
	return d->role == DTLS_CLIENT;
}

size_t dtls_read(struct dtls *d, uint8_t *ret, size_t size)
{
	return records_take(&d->app, ret, size, &d->drops);
}

int dtls_write(
	struct dtls *d, const uint8_t *buf, size_t len, struct dtls_out *out)
{
	int n;

	if (d->state == DTLS_NEW || d->state == DTLS_HANDSHAKE)
		return -EAGAIN;
	if (d->state != DTLS_CONNECTED)
		return -EPIPE;
	if (len > DATA_MAX)
		return -EMSGSIZE;
	d->out = out;
	n = mbedtls_ssl_write(&d->ssl, buf, len);
	d->out = NULL;
	if (n >= 0)
		return 0;
	fail(d, map_error(n));
	return -EPIPE;
}

void dtls_close(struct dtls *d, struct dtls_out *out)
{
	if (d->state == DTLS_CLOSED || d->state == DTLS_FAILED)
		return;
	if (d->state == DTLS_CONNECTED) {
		d->out = out;
		mbedtls_ssl_close_notify(&d->ssl);
		d->out = NULL;
	} else {
		wipe_keys(d); /* derived perhaps, but nobody signed for them */
	}
	set_state(d, DTLS_CLOSED);
}

uint64_t dtls_drops(const struct dtls *d)
{
	return d->drops;
}
