#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pair.h"

static struct pair p;

static int set_up(void **state)
{
	(void)state;
	pair_init(&p, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pair_done(&p);
	return 0;
}

static void assert_keys_equal(void)
{
	uint8_t a[DTLS_KEYS_LEN], b[DTLS_KEYS_LEN], zero[DTLS_KEYS_LEN] = { 0 };

	assert_int_equal(dtls_keys(p.end[0].dtls, a), 0);
	assert_int_equal(dtls_keys(p.end[1].dtls, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));
	assert_memory_not_equal(a, a + 16, 16);
}

static int write_to(unsigned from, const char *text)
{
	return dtls_write(p.end[from].dtls, (const uint8_t *)text, strlen(text),
		&p.end[from].out);
}

static void connects_and_talks(void **state)
{
	static uint8_t big[DTLS_DATAGRAM_MAX - 64];
	uint8_t keys[DTLS_KEYS_LEN];

	(void)state;
	assert_int_equal(dtls_keys(p.end[0].dtls, keys), -EAGAIN);
	assert_int_equal(write_to(0, "early"), -EAGAIN);
	assert_true(dtls_is_expensive(p.end[1].dtls));
	assert_in_range(pair_connect(&p), 1, 100000);
	assert_false(dtls_is_expensive(p.end[0].dtls));
	assert_true(dtls_is_client(p.end[0].dtls));
	assert_false(dtls_is_client(p.end[1].dtls));
	assert_int_equal(dtls_error(p.end[0].dtls), DTLS_OK);
	assert_keys_equal();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(write_to(i, "ping"), 0);
		pair_run(&p, 100000);
		assert_int_equal(p.end[1 - i].read_len, 4);
		assert_memory_equal(p.end[1 - i].read, "ping", 4);
	}
	assert_int_equal(
		dtls_write(p.end[0].dtls, big, sizeof(big), &p.end[0].out), 0);
	assert_int_equal(
		dtls_write(p.end[0].dtls, big, sizeof(big) + 1, &p.end[0].out),
		-EMSGSIZE);
	pair_run(&p, 100000);
	assert_int_equal(p.end[1].read_len, sizeof(big));
	assert_true(p.net.longest <= DTLS_DATAGRAM_MAX);
	assert_int_equal(dtls_drops(p.end[0].dtls), 0);
	assert_int_equal(dtls_drops(p.end[1].dtls), 0);
}

/* Attack 23: 30 % loss both ways, also with duplicates and reordering. */
static void completes_under_loss(void **state)
{
	uint64_t worst = 0;

	(void)state;
	for (unsigned seed = 0; seed < 30; seed++) {
		uint64_t took;

		pair_done(&p);
		pair_init(&p, seed);
		p.net.loss_percent = 30;
		if (seed % 2) {
			p.net.duplicate_percent = 20;
			p.net.jitter_us = 60000;
		}
		took = pair_connect(&p);
		if (took > 5000000)
			fail_msg("seed %u: %llu us", seed,
				(unsigned long long)took);
		assert_keys_equal();
		worst = took > worst ? took : worst;
	}
	assert_in_range(worst, 200000, 5000000); /* loss did bite */
}

/* Loses the first three datagrams of the server after its hello: its last
 * flight (ChangeCipherSpec, Finished). */
static bool lose_last_flight(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	(void)len;
	if (from != 1 || buf[0] != 20 || q->filtered == 3)
		return true;
	q->filtered++;
	return false;
}

static void resends_the_last_flight(void **state)
{
	(void)state;
	p.filter = lose_last_flight;
	pair_start(&p);
	pair_run(&p, 150000);
	/* The server is done, the client is not and asks again. */
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_HANDSHAKE);
	pair_run(&p, 3000000);
	assert_int_equal(p.filtered, 3);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
	assert_keys_equal();
}

/* And the client's: its Finished is lost, the server keeps resending. */
static bool lose_client_finished(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	(void)len;
	if (from != 0 || buf[0] != 22 || buf[13] == 1 || q->filtered == 3)
		return true;
	q->filtered++;
	return false;
}

static void client_resends_too(void **state)
{
	(void)state;
	p.filter = lose_client_finished;
	assert_in_range(pair_connect(&p), 200000, 5000000);
	assert_int_equal(p.filtered, 3);
	assert_keys_equal();
}

/* Data that overtakes the handshake's end is lost, but does no harm. */
static bool hold_last_flight(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	if (from != 1 || buf[0] != 20 || q->kept_len != 0)
		return true;
	memcpy(q->kept, buf, len);
	q->kept_len = len;
	return false;
}

static void early_data_does_no_harm(void **state)
{
	(void)state;
	p.filter = hold_last_flight;
	pair_start(&p);
	pair_run(&p, 150000);
	assert_int_equal(write_to(1, "overtakes"), 0);
	pair_run(&p, 30000);
	pair_input(&p, 0, p.kept, p.kept_len);
	pair_run(&p, 2000000);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CONNECTED);
	assert_int_equal(write_to(1, "after"), 0);
	pair_run(&p, 100000);
	assert_memory_equal(p.end[0].read, "after", 5);
}

static void times_out_after_30_s(void **state)
{
	(void)state;
	p.net.loss_percent = 100;
	pair_start(&p);
	pair_run(&p, 29000000);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_HANDSHAKE);
	assert_in_range(p.net.sent, 30, 60); /* every second, not more */
	pair_run(&p, 1100000);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dtls_state(p.end[i].dtls), DTLS_FAILED);
		assert_int_equal(dtls_error(p.end[i].dtls), DTLS_ERR_TIMEOUT);
	}
}

static void closes(void **state)
{
	(void)state;
	pair_connect(&p);
	dtls_close(p.end[0].dtls, &p.end[0].out);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CLOSED);
	pair_run(&p, 100000);
	assert_int_equal(dtls_state(p.end[1].dtls), DTLS_CLOSED);
	assert_int_equal(write_to(0, "x"), -EPIPE);
	assert_int_equal(write_to(1, "x"), -EPIPE);
	dtls_close(p.end[0].dtls, &p.end[0].out);
	pair_run(&p, 100000);
}

static void closes_before_it_is_connected(void **state)
{
	uint8_t keys[DTLS_KEYS_LEN];

	(void)state;
	p.filter = lose_last_flight;
	pair_start(&p);
	pair_run(&p, 150000);
	/* The client has derived its keys, and the server is not proven. */
	dtls_close(p.end[0].dtls, &p.end[0].out);
	assert_int_equal(dtls_state(p.end[0].dtls), DTLS_CLOSED);
	assert_int_equal(dtls_keys(p.end[0].dtls, keys), -EACCES);
}

static void refuses_weak_fingerprints(void **state)
{
	struct dtls *d = NULL;

	(void)state;
	/* Attack 18. */
	assert_int_equal(dtls_new(&d, p.end[0].cert, DTLS_CLIENT, "sha-1",
				 "00:11:22:33:44:55:66:77:88:99:"
				 "00:11:22:33:44:55:66:77:88:99"),
		-ENOTSUP);
	assert_int_equal(
		dtls_new(&d, p.end[0].cert, DTLS_CLIENT, "sha-256", "00:11"),
		-EINVAL);
	assert_null(d);
	assert_null(dtls_free(NULL));
}

/* A datagram with many records: more than dtls_read's buffer never piles up. */
static void reads_in_order(void **state)
{
	uint8_t buf[8];

	(void)state;
	pair_connect(&p);
	for (char c = 'a'; c <= 'e'; c++) {
		char text[2] = { c, 0 };

		assert_int_equal(write_to(0, text), 0);
	}
	p.net.now_us += 100000;
	p.net.receive = NULL;
	for (unsigned i = 0; i < p.net.n; i++)
		dtls_input(p.end[1].dtls, p.net.now_us, p.net.packets[i].buf,
			p.net.packets[i].len, &p.end[1].out);
	for (char c = 'a'; c <= 'e'; c++) {
		assert_int_equal(dtls_read(p.end[1].dtls, buf, 8), 1);
		assert_int_equal(buf[0], c);
	}
	assert_int_equal(dtls_read(p.end[1].dtls, buf, 8), 0);
	p.net.n = 0;
}

static void says_why(void **state)
{
	(void)state;
	for (int e = DTLS_OK; e <= DTLS_ERR_MEMORY; e++)
		assert_string_not_equal(
			dtls_error_text((enum dtls_error)e), "unknown");
	assert_string_equal(dtls_error_text((enum dtls_error)99), "unknown");
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(connects_and_talks),
		WITH_PAIR(completes_under_loss),
		WITH_PAIR(resends_the_last_flight),
		WITH_PAIR(client_resends_too),
		WITH_PAIR(early_data_does_no_harm),
		WITH_PAIR(times_out_after_30_s),
		WITH_PAIR(closes),
		WITH_PAIR(closes_before_it_is_connected),
		WITH_PAIR(refuses_weak_fingerprints),
		WITH_PAIR(reads_in_order),
		WITH_PAIR(says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
