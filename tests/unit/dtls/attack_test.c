/*
 * What a hostile or broken peer does to a DTLS session: numbers 16 to 25 of
 * the project's list of attacks, as far as they are not in dtls_test.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "raw.h"

static struct pair p;
static struct raw r;

static int set_up(void **state)
{
	(void)state;
	pair_init(&p, 5);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pair_done(&p);
	return 0;
}

static void assert_failed(unsigned i, enum dtls_error why)
{
	uint8_t keys[DTLS_KEYS_LEN];

	assert_int_equal(dtls_state(p.end[i].dtls), DTLS_FAILED);
	assert_int_equal(dtls_error(p.end[i].dtls), why);
	assert_int_equal(dtls_keys(p.end[i].dtls, keys), -EACCES);
	assert_int_equal(
		dtls_write(p.end[i].dtls, keys, 1, &p.end[i].out), -EPIPE);
}

/* 17, on each side. */
static void fingerprint_mismatch(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pair_done(&p);
		pair_init(&p, 5);
		dtls_free(p.end[i].dtls);
		assert_int_equal(
			dtls_new(&p.end[i].dtls, p.end[i].cert,
				i ? DTLS_SERVER : DTLS_CLIENT, "sha-256",
				cert_fingerprint(p.end[i].cert)), /* own */
			0);
		assert_true(pair_connect(&p) == UINT64_MAX);
		assert_failed(i, DTLS_ERR_FINGERPRINT);
		pair_run(&p, 31000000);
		assert_failed(1 - i, DTLS_ERR_ALERT);
	}
}

/* 20 and a peer that shows no certificate, on each side. */
static void faulty_peers(void **state)
{
	static const struct {
		enum raw_fault fault;
		unsigned self;
		enum dtls_error want;
	} rows[] = {
		{ RAW_NO_SRTP, 0, DTLS_ERR_NO_SRTP },
		{ RAW_NO_SRTP, 1, DTLS_ERR_NO_SRTP },
		{ RAW_OTHER_SRTP, 0, DTLS_ERR_NO_SRTP },
		{ RAW_OTHER_SRTP, 1, DTLS_ERR_NO_SRTP },
		{ RAW_NO_CERT, 0, DTLS_ERR_FINGERPRINT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_done(&p);
		pair_init(&p, 5);
		raw_init(&r, &p, rows[i].self, rows[i].fault);
		raw_connect(&r);
		assert_failed(1 - rows[i].self, rows[i].want);
		raw_done(&r);
	}
}

/* The raw peer without a fault does connect: the rows above fail for their
 * fault and nothing else. */
static void faultless_peer(void **state)
{
	(void)state;
	for (unsigned self = 0; self < 2; self++) {
		pair_done(&p);
		pair_init(&p, 5);
		raw_init(&r, &p, self, RAW_NONE);
		raw_connect(&r);
		assert_int_equal(
			dtls_state(p.end[1 - self].dtls), DTLS_CONNECTED);
		raw_done(&r);
	}
}

/* 22 */
static void renegotiation_is_refused(void **state)
{
	(void)state;
	raw_init(&r, &p, 0, RAW_RENEGOTIATES);
	raw_connect(&r);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	r.result = mbedtls_ssl_renegotiate(&r.ssl);
	pair_run(&p, 2000000);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_write(p.end[1].dtls, (const uint8_t *)"on", 2,
				 &p.end[1].out),
		0);
	raw_done(&r);
}

static void garbage(unsigned to, unsigned n)
{
	uint8_t buf[300];

	for (unsigned i = 0; i < n; i++) {
		size_t len = net_random(&p.net) % sizeof(buf);

		for (size_t j = 0; j < len; j++)
			buf[j] = (uint8_t)net_random(&p.net);
		/* what demultiplexing lets through, and often a plausible
		 * head */
		buf[0] = (uint8_t)(20 + net_random(&p.net) % 44);
		if (i % 2) {
			buf[0] = (uint8_t)(22 + net_random(&p.net) % 2);
			buf[1] = 0xfe;
			buf[2] = 0xfd;
			buf[3] = buf[4] = 0;
			buf[11] = 0;
			buf[12] = (uint8_t)(len - 13);
		}
		pair_input(&p, to, buf, len);
	}
}

static void garbage_before_is_ignored(void **state)
{
	(void)state;
	pair_start(&p);
	garbage(0, 300);
	garbage(1, 300);
	assert_true(dtls_drops(p.end[0].dtls) > 0);
	pair_run(&p, 3000000);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
}

static void garbage_after_is_ignored(void **state)
{
	uint64_t drops;

	(void)state;
	assert_true(pair_connect(&p) != UINT64_MAX);
	drops = dtls_drops(p.end[1].dtls);
	garbage(0, 300);
	garbage(1, 300);
	assert_true(dtls_drops(p.end[1].dtls) - drops == 300);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	assert_int_equal(p.end[0].records + p.end[1].records, 0);
}

/* A ClientHello with null ciphers, or cut short, from the same address: the
 * real one still gets through. */
static void bad_hello_does_not_kill(void **state)
{
	uint8_t bad[13 + 12 + 42] = { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0,
		54, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd };

	(void)state;
	dtls_start(p.end[1].dtls, p.net.now_us, &p.end[1].out);
	for (unsigned i = 0; i < 10; i++) {
		bad[10] = (uint8_t)(i + 1);
		bad[62] = (uint8_t)(i * 3); /* length of the cipher list */
		pair_input(&p, 1, bad, sizeof(bad));
		assert_int_equal(dtls_state(p.end[1].dtls), DTLS_HANDSHAKE);
	}
	assert_int_equal(dtls_drops(p.end[1].dtls), 10);
	p.net.n = 0; /* the server's alerts: lost */
	dtls_start(p.end[0].dtls, p.net.now_us, &p.end[0].out);
	pair_run(&p, 3000000);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
}

/* ... but it is not forgiven without end. */
static void bad_hellos_end(void **state)
{
	uint8_t bad[13 + 12 + 42] = { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0,
		54, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd };

	(void)state;
	dtls_start(p.end[1].dtls, p.net.now_us, &p.end[1].out);
	for (unsigned i = 0; i < 30; i++) {
		bad[10] = (uint8_t)(i + 1);
		pair_input(&p, 1, bad, sizeof(bad));
	}
	assert_failed(1, DTLS_ERR_PROTOCOL);
}

/* 22: a plaintext alert injected after the handshake. */
static void plaintext_alerts_are_ignored(void **state)
{
	uint8_t alert[15] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };

	(void)state;
	assert_true(pair_connect(&p) != UINT64_MAX);
	for (unsigned i = 0; i < 2; i++) {
		alert[14] = i ? 0 : 40; /* handshake_failure, close_notify */
		alert[13] = i ? 1 : 2;
		pair_input(&p, 0, alert, sizeof(alert));
		pair_input(&p, 1, alert, sizeof(alert));
		alert[4] = 1; /* epoch 1, not encrypted */
		pair_input(&p, 0, alert, sizeof(alert));
		pair_input(&p, 1, alert, sizeof(alert));
		alert[4] = 0;
	}
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
}

/* A new ClientHello from the same address does not end the session either
 * (RFC 6347 section 4.2.8 would need cookies). */
static bool keep_hello(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	if (from == 0 && q->kept_len == 0) {
		memcpy(q->kept, buf, len);
		q->kept_len = len;
	}
	return true;
}

static void replayed_hello_is_ignored(void **state)
{
	(void)state;
	p.filter = keep_hello;
	assert_true(pair_connect(&p) != UINT64_MAX);
	pair_input(&p, 1, p.kept, p.kept_len);
	p.kept[10] = 77; /* with a fresh number */
	pair_input(&p, 1, p.kept, p.kept_len);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_drops(p.end[1].dtls), 2);
}

/* Data records that were recorded and are sent again. */
static void replayed_data_is_dropped(void **state)
{
	(void)state;
	assert_true(pair_connect(&p) != UINT64_MAX);
	dtls_write(p.end[0].dtls, (const uint8_t *)"once", 4, &p.end[0].out);
	assert_int_equal(p.net.n, 1);
	pair_input(&p, 1, p.net.packets[0].buf, p.net.packets[0].len);
	assert_int_equal(p.end[1].records, 1);
	pair_run(&p, 100000);
	assert_int_equal(p.end[1].records, 1);
	assert_int_equal(dtls_drops(p.end[1].dtls), 1);
}

/* 16: mbedTLS's own hello, cut into n pieces by hand, in reverse. */
static bool fragment_hello(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	size_t total = len - 25, size = total / 3 + 1, at = total;
	uint8_t piece[2048];

	if (from != 0 || buf[0] != 22 || buf[13] != 1)
		return true;
	while (at > 0) {
		size_t n = at % size ? at % size : size;

		at -= n;
		memcpy(piece, buf, 25);
		piece[9] = (uint8_t)(q->filtered >> 8);
		piece[10] = (uint8_t)q->filtered++;
		piece[11] = (uint8_t)((n + 12) >> 8);
		piece[12] = (uint8_t)(n + 12);
		piece[20] = (uint8_t)(at >> 8);
		piece[21] = (uint8_t)at;
		piece[23] = (uint8_t)(n >> 8);
		piece[24] = (uint8_t)n;
		memcpy(piece + 25, buf + 25 + at, n);
		net_send(&q->net, 1, piece, 25 + n);
	}
	return false;
}

static void fragmented_hello_is_joined(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 6; seed++) {
		pair_done(&p);
		pair_init(&p, seed);
		p.filter = fragment_hello;
		p.net.loss_percent = seed ? 30 : 0;
		p.net.jitter_us = 30000;
		assert_true(pair_connect(&p) < 10000000);
		assert_true(p.filtered >= 3);
	}
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(fingerprint_mismatch),
		WITH_PAIR(faulty_peers),
		WITH_PAIR(faultless_peer),
		WITH_PAIR(renegotiation_is_refused),
		WITH_PAIR(garbage_before_is_ignored),
		WITH_PAIR(garbage_after_is_ignored),
		WITH_PAIR(bad_hello_does_not_kill),
		WITH_PAIR(bad_hellos_end),
		WITH_PAIR(plaintext_alerts_are_ignored),
		WITH_PAIR(replayed_hello_is_ignored),
		WITH_PAIR(replayed_data_is_dropped),
		WITH_PAIR(fragmented_hello_is_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
