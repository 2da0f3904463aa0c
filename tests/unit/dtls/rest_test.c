/* A session without records is saved and let go, and nobody notices. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/live.h"
#include "pair.h"

enum { S = 1000000, CLIENT = 0, SERVER = 1 };

static struct pair p;
static unsigned fail_at, calls;

void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return ++calls == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return ++calls == fail_at ? NULL : __real_malloc(size);
}

static int set_up(void **state)
{
	(void)state;
	fail_at = 0;
	pair_init(&p, 11);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pair_done(&p);
	return 0;
}

static int write_to(unsigned from, const char *text)
{
	return dtls_write(p.end[from].dtls, (const uint8_t *)text, strlen(text),
		&p.end[from].out);
}

static bool rests(unsigned i)
{
	return p.end[i].dtls->live == NULL;
}

static void talk(unsigned from, const char *text)
{
	unsigned before = p.end[1 - from].records;

	assert_int_equal(write_to(from, text), 0);
	pair_run(&p, 100000);
	assert_int_equal(p.end[1 - from].records, before + 1);
	assert_int_equal(p.end[1 - from].read_len, strlen(text));
	assert_memory_equal(p.end[1 - from].read, text, strlen(text));
}

static void connect_and_rest(void)
{
	assert_in_range(pair_connect(&p), 1, 100000);
	talk(CLIENT, "hello");
	pair_run(&p, 3 * S);
	assert_true(rests(CLIENT));
	assert_true(rests(SERVER));
}

static void both_rest_after_a_second(void **state)
{
	uint64_t at_us;

	(void)state;
	assert_in_range(pair_connect(&p), 1, 100000);
	at_us = p.net.now_us;
	assert_in_range(dtls_deadline(p.end[CLIENT].dtls), at_us, at_us + S);
	pair_run(&p, S * 9 / 10);
	assert_false(rests(CLIENT));
	pair_run(&p, S / 5);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(rests(i));
		assert_true(dtls_deadline(p.end[i].dtls) == UINT64_MAX);
	}
	/* Its last flight may have been lost for all it knows. */
	assert_in_range(p.end[SERVER].dtls->flight_len, 1, 256);
	talk(CLIENT, "data");
	assert_null(p.end[SERVER].dtls->flight);
	assert_false(rests(CLIENT));
	pair_run(&p, 3 * S);
	assert_true(rests(SERVER));
	assert_true(rests(CLIENT));
	assert_true(p.end[SERVER].dtls->saved_len < 1024);
	assert_true(p.end[CLIENT].dtls->saved_len < 1024);
	assert_int_equal(dtls_state(p.end[SERVER].dtls), DTLS_CONNECTED);
}

static void both_wake_for_records(void **state)
{
	uint8_t before[2][DTLS_KEYS_LEN], after[DTLS_KEYS_LEN];
	char text[32];

	(void)state;
	connect_and_rest();
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(dtls_keys(p.end[i].dtls, before[i]), 0);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "record %u", i);
		talk(i % 3 ? CLIENT : SERVER, text);
		/* Now and then without a rest between. */
		pair_run(&p, i % 4 ? 3 * S : S / 2);
		assert_int_equal(rests(CLIENT), i % 4 != 0);
		assert_int_equal(rests(SERVER), i % 4 != 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dtls_keys(p.end[i].dtls, after), 0);
		assert_memory_equal(before[i], after, sizeof(after));
		assert_int_equal(dtls_drops(p.end[i].dtls), 0);
	}
}

static bool keep(struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	if (from == CLIENT && len <= sizeof(q->kept)) {
		memcpy(q->kept, buf, len);
		q->kept_len = len;
	}
	return true;
}

static void a_rest_forgets_no_replay(void **state)
{
	unsigned records;

	(void)state;
	connect_and_rest();
	p.filter = keep;
	talk(CLIENT, "once");
	records = p.end[SERVER].records;
	pair_run(&p, 3 * S);
	assert_true(rests(SERVER));
	for (unsigned i = 0; i < 3; i++)
		pair_input(&p, SERVER, p.kept, p.kept_len);
	assert_int_equal(p.end[SERVER].records, records);
	assert_int_equal(dtls_drops(p.end[SERVER].dtls), 3);
	talk(CLIENT, "twice");
}

/* Long after the handshake its last datagrams come again, and rubbish. */
static void stray_records_do_no_harm(void **state)
{
	static const uint8_t spec[] = { 20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9,
		0, 1, 1 };
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9,
		0, 2, 2, 0 };
	uint8_t forged[80] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, 0, 0, 67 };

	(void)state;
	connect_and_rest();
	pair_input(&p, SERVER, spec, sizeof(spec));
	pair_input(&p, SERVER, alert, sizeof(alert));
	pair_input(&p, CLIENT, alert, sizeof(alert));
	assert_true(rests(SERVER));
	assert_true(rests(CLIENT));
	pair_input(&p, SERVER, forged, sizeof(forged));
	pair_input(&p, CLIENT, forged, sizeof(forged));
	assert_int_equal(dtls_state(p.end[SERVER].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_drops(p.end[SERVER].dtls), 3);
	pair_run(&p, 3 * S);
	assert_true(rests(SERVER));
	talk(SERVER, "still here");
	talk(CLIENT, "me too");
}

static bool lose_last_flight(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	(void)q;
	(void)len;
	return from != SERVER || buf[0] != 20;
}

/* For seconds on end: the server must still have it. */
static void the_last_flight_is_kept(void **state)
{
	(void)state;
	p.filter = lose_last_flight;
	pair_start(&p);
	pair_run(&p, 8 * S);
	assert_int_equal(dtls_state(p.end[SERVER].dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_HANDSHAKE);
	p.filter = NULL;
	pair_run(&p, 3 * S);
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_CONNECTED);
	talk(CLIENT, "at last");
}

static bool lose_all(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	/* Once the server is connected nothing gets through. */
	return dtls_state(q->end[SERVER].dtls) != DTLS_CONNECTED &&
	       lose_last_flight(q, from, buf, len);
}

static bool count_flights(
	struct pair *q, unsigned from, const uint8_t *buf, size_t len)
{
	(void)len;
	q->filtered += from == SERVER && buf[0] == 20;
	return true;
}

static void it_is_sent_again_at_rest(void **state)
{
	const uint8_t *flight;

	(void)state;
	p.filter = lose_all;
	pair_start(&p);
	pair_run(&p, 5 * S);
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_HANDSHAKE);
	assert_true(rests(SERVER));
	p.filter = count_flights;
	pair_run(&p, 3 * S);
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_CONNECTED);
	assert_int_equal(p.filtered, 1);
	assert_true(rests(SERVER));
	flight = p.end[SERVER].dtls->flight;
	assert_non_null(flight);
	talk(CLIENT, "at last");
	talk(SERVER, "indeed");
	assert_null(p.end[SERVER].dtls->flight);
}

/* Forged: as often as not, and never more than it is worth. */
static void a_flood_of_finished_gets_few_flights(void **state)
{
	uint8_t finished[80] = { 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0,
		67 };

	(void)state;
	assert_in_range(pair_connect(&p), 1, 100000);
	pair_run(&p, 3 * S);
	assert_true(rests(SERVER));
	p.filter = count_flights;
	for (unsigned i = 0; i < 100; i++)
		pair_input(&p, SERVER, finished, sizeof(finished));
	assert_int_equal(p.filtered, 1);
	assert_true(rests(SERVER));
	talk(CLIENT, "still");
	pair_run(&p, S / 2);
	pair_input(&p, SERVER, finished, sizeof(finished));
	assert_int_equal(p.filtered, 1);
	talk(SERVER, "here");
}

static void goodbyes_go_out_and_come_in(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 2; from++) {
		pair_done(&p);
		pair_init(&p, 12 + from);
		connect_and_rest();
		dtls_close(p.end[from].dtls, &p.end[from].out);
		pair_run(&p, 100000);
		assert_int_equal(dtls_state(p.end[1 - from].dtls), DTLS_CLOSED);
		assert_int_equal(write_to(1 - from, "gone"), -EPIPE);
		assert_true(dtls_deadline(p.end[from].dtls) == UINT64_MAX);
	}
}

static void records_that_wait_keep_it_awake(void **state)
{
	uint8_t buf[64];

	(void)state;
	connect_and_rest();
	p.filter = keep;
	assert_int_equal(write_to(CLIENT, "unread"), 0);
	/* Past pair.c, which reads at once. */
	dtls_input(p.end[SERVER].dtls, p.net.now_us, p.kept, p.kept_len,
		&p.end[SERVER].out);
	for (unsigned i = 0; i < 5; i++)
		dtls_tick(p.end[SERVER].dtls, p.net.now_us + i * 2 * S,
			&p.end[SERVER].out);
	assert_false(rests(SERVER));
	assert_int_equal(dtls_read(p.end[SERVER].dtls, buf, sizeof(buf)), 6);
	dtls_tick(
		p.end[SERVER].dtls, p.net.now_us + 20 * S, &p.end[SERVER].out);
	assert_true(rests(SERVER));
	assert_int_equal(dtls_read(p.end[SERVER].dtls, buf, sizeof(buf)), 0);
}

/* mbedTLS's own allocations lie behind its .so; ours fail in turn. */
static void without_memory_it_stays_as_it_was(void **state)
{
	(void)state;
	connect_and_rest();
	calls = 0;
	fail_at = 1;
	assert_int_equal(write_to(CLIENT, "no room"), -ENOMEM);
	assert_true(rests(CLIENT));
	assert_int_equal(dtls_state(p.end[CLIENT].dtls), DTLS_CONNECTED);
	fail_at = 0;
	talk(CLIENT, "room");
	/* Nor can it be put to rest then. */
	calls = 0;
	fail_at = 1;
	dtls_tick(p.end[CLIENT].dtls, p.net.now_us + 2 * S, &p.end[CLIENT].out);
	assert_int_equal(calls, 1);
	assert_false(rests(CLIENT));
	fail_at = 0;
	talk(CLIENT, "awake");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_rest_after_a_second),
		TEST(both_wake_for_records),
		TEST(a_rest_forgets_no_replay),
		TEST(stray_records_do_no_harm),
		TEST(the_last_flight_is_kept),
		TEST(it_is_sent_again_at_rest),
		TEST(a_flood_of_finished_gets_few_flights),
		TEST(goodbyes_go_out_and_come_in),
		TEST(records_that_wait_keep_it_awake),
		TEST(without_memory_it_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
