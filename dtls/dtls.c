#include "dtls/dtls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

#include "dtls/live.h"
#include "dtls/record.h"

enum {
	HANDSHAKE_MAX_US = 30000000,
	BAD_HELLOS_MAX = 16, /* ClientHellos one session may waste */
	RECORDS_MAX = 128,   /* records looked at per datagram */
	/* Long enough that a busy channel is not saved and loaded, 20 us each,
	 * all the time. */
	REST_US = 1000000,
	DATA_MAX = DTLS_DATAGRAM_MAX - 64
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

static void fail(struct dtls *d, enum dtls_error error)
{
	if (d->error == DTLS_OK)
		d->error = error;
	live_wipe_keys(d);
	set_state(d, DTLS_FAILED);
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
	error = live_new(d);
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
	live_free(d);
	free(d->hello);
	mbedtls_platform_zeroize(d, sizeof(*d));
	free(d);
	return NULL;
}

static void finish(struct dtls *d)
{
	if (d->is_peer_proven && d->has_keys) {
		d->rest_us = d->now_us + REST_US;
		set_state(d, DTLS_CONNECTED);
		return;
	}
	mbedtls_ssl_send_alert_message(&d->live->ssl,
		MBEDTLS_SSL_ALERT_LEVEL_FATAL,
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
	if (d->role != DTLS_SERVER || !mbed_awaits_hello(&d->live->ssl) ||
		!mbed_is_bad_hello(error) || d->bad_hellos++ >= BAD_HELLOS_MAX)
		return false;
	if (mbedtls_ssl_session_reset(&d->live->ssl) != 0)
		return false;
	d->drops++;
	return true;
}

/* As mbedtls_ssl_handshake does, with pauses. */
static int go_on(struct dtls *d)
{
	mbedtls_ssl_context *ssl = &d->live->ssl;
	int ret = mbedtls_ssl_handshake_step(ssl);

	while (ret == 0 && !mbed_is_over(ssl)) {
		if (d->out->pause)
			d->out->pause(d->out);
		ret = mbedtls_ssl_handshake_step(ssl);
	}
	return ret;
}

static void step_handshake(struct dtls *d)
{
	int ret;

	live_begin_flight(d);
	ret = go_on(d);
	if (ret == 0)
		finish(d);
	else if (ret != MBEDTLS_ERR_SSL_WANT_READ && !forgive_hello(d, ret))
		fail(d, map_error(ret));
}

/* Takes what is left of a record that found no room. */
static void skip_record(struct dtls *d)
{
	uint8_t waste[256];

	while (mbedtls_ssl_get_bytes_avail(&d->live->ssl) > 0)
		if (mbedtls_ssl_read(&d->live->ssl, waste, sizeof(waste)) <= 0)
			break;
	d->drops++;
}

static void end_read(struct dtls *d, int error)
{
	if (error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
		mbedtls_ssl_close_notify(&d->live->ssl);
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
	uint8_t *room = records_room(&d->live->app, &size);
	int n = mbedtls_ssl_read(&d->live->ssl, room ? room : waste, size);

	if (n == MBEDTLS_ERR_SSL_WANT_READ)
		return false;
	if (n < 0) {
		end_read(d, n);
		return false;
	}
	if (n > 0 && room != NULL &&
		mbedtls_ssl_get_bytes_avail(&d->live->ssl) == 0)
		records_commit(&d->live->app, (size_t)n);
	else
		skip_record(d);
	return true;
}

static bool wake(struct dtls *d)
{
	bool was_at_rest = d->live == NULL;

	if (!live_wake(d))
		return false;
	if (was_at_rest)
		d->rest_us = d->now_us + REST_US;
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

/* The peer's Finished, the only handshake record of epoch 1: again, since it
 * has not got ours. */
static bool has_finished(const uint8_t *buf, size_t len)
{
	while (len >= RECORD_HEADER) {
		size_t size = RECORD_HEADER + ((size_t)buf[11] << 8 | buf[12]);

		if (buf[0] == 22 && buf[3] == 0 && buf[4] == 1)
			return true;
		if (size > len)
			break;
		buf += size;
		len -= size;
	}
	return false;
}

/* A late record of the handshake is nothing to wake up for. */
static bool is_worth_waking(const uint8_t *buf)
{
	return buf[3] != 0 || buf[4] != 0;
}

static void input_connected(struct dtls *d, const uint8_t *buf, size_t len)
{
	uint64_t before, drops = d->drops;

	if (has_finished(buf, len) && live_resend_flight(d))
		return;
	if (!d->live && (!is_worth_waking(buf) || !wake(d))) {
		d->drops++;
		return;
	}
	before = d->live->app.added;
	d->is_busy = true;
	d->rx = buf;
	d->rx_len = len;
	read_records(d);
	if (d->live->app.added != before)
		live_forget_flight(d);
	/* mbedTLS does not say what it ignored. */
	if (d->live->app.added == before && d->drops == drops &&
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

static void tick_connected(struct dtls *d, uint64_t now_us)
{
	if (!d->live || now_us < d->rest_us)
		return;
	d->rest_us = now_us + REST_US;
	if (!d->is_busy)
		live_rest(d);
	d->is_busy = false;
}

void dtls_tick(struct dtls *d, uint64_t now_us, struct dtls_out *out)
{
	if (d->state == DTLS_CONNECTED)
		tick_connected(d, now_us);
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

	if (d->state == DTLS_CONNECTED && d->live)
		return d->rest_us;
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
	if (!d->live)
		return 0;
	return records_take(&d->live->app, ret, size, &d->drops);
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
	if (!wake(d))
		return -ENOMEM;
	d->is_busy = true;
	d->out = out;
	n = mbedtls_ssl_write(&d->live->ssl, buf, len);
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
		/* Without memory it leaves without a word: ICE will tell. */
		if (wake(d))
			mbedtls_ssl_close_notify(&d->live->ssl);
		d->out = NULL;
	} else {
		live_wipe_keys(
			d); /* derived perhaps, but nobody signed for them */
	}
	set_state(d, DTLS_CLOSED);
}

uint64_t dtls_drops(const struct dtls *d)
{
	return d->drops;
}
