/*
 * One association against another and against packets made by hand: numbers
 * 57 to 61 and 64 of the project's list of attacks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "dtls/assoc.h"
#include "net.h"

struct end {
	struct assoc_out out; /* first */
	unsigned to;
	struct assoc *a;
	unsigned up, down, messages, too_big, resets, reset_done, writable;
	struct assoc_event last;
	uint8_t data[64];
	uint32_t tag; /* verification tag of packets we send */
	uint32_t tsn; /* of the last DATA chunk we sent */
	uint8_t last_packet[2048];
	size_t last_len;
};

static struct net net;
static struct end end[2];
static const struct assoc_reliability reliable = { .kind = ASSOC_RELIABLE };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* CRC32c, bit by bit (RFC 9260 appendix A): not usrsctp's own. */
static void seal(uint8_t *packet, size_t len)
{
	uint32_t crc = 0xffffffff;

	put32(packet + 8, 0);
	for (size_t i = 0; i < len; i++) {
		crc ^= packet[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	put32(packet + 8, __builtin_bswap32(crc));
}

static void on_send(struct assoc_out *out, const uint8_t *buf, size_t len)
{
	struct end *e = (struct end *)out;

	if (get32(buf + 4) != 0)
		e->tag = get32(buf + 4);
	if (buf[12] == 0)
		e->tsn = get32(buf + 16);
	memcpy(e->last_packet, buf, len);
	e->last_len = len;
	net_send(&net, e->to, buf, len);
}

static void on_nothing(struct assoc_out *out, const uint8_t *buf, size_t len)
{
	(void)out;
	(void)buf;
	(void)len;
}

static void drain(struct end *e)
{
	struct assoc_event ev;

	while (e->a != NULL && assoc_next(e->a, &ev)) {
		e->last = ev;
		e->up += ev.type == ASSOC_UP;
		e->down += ev.type == ASSOC_DOWN;
		e->messages += ev.type == ASSOC_MESSAGE;
		e->too_big += ev.type == ASSOC_TOO_BIG;
		e->resets += ev.type == ASSOC_RESET;
		e->reset_done += ev.type == ASSOC_RESET_DONE;
		e->writable += ev.type == ASSOC_WRITABLE;
		if (ev.type == ASSOC_MESSAGE)
			memcpy(e->data, ev.data, ev.len < 64 ? ev.len : 64);
	}
}

static void on_receive(void *arg, unsigned to, const uint8_t *buf, size_t len)
{
	(void)arg;
	if (end[to].a == NULL)
		return;
	assoc_input(end[to].a, buf, len);
	drain(&end[to]);
}

static void run(uint64_t for_us)
{
	uint64_t until_us = net.now_us + for_us;

	while (net.now_us < until_us) {
		net.now_us += 1000;
		clock_now_us = net.now_us;
		if (net.now_us % ASSOC_TICK_US == 0)
			assoc_global_tick(net.now_us);
		drain(&end[0]);
		drain(&end[1]);
		net_deliver(&net);
	}
}

static void make(unsigned i)
{
	memset(&end[i], 0, sizeof(end[i]));
	end[i].out.send = on_send;
	end[i].to = 1 - i;
	assert_int_equal(assoc_new(&end[i].a, &end[i].out, 5000, 5000), 0);
}

static int set_up(void **state)
{
	(void)state;
	net_init(&net, 11);
	net.now_us = clock_now_us;
	net.receive = on_receive;
	make(0);
	make(1);
	run(500000);
	return end[0].up == 1 && end[1].up == 1 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		end[i].a = assoc_free(end[i].a);
	net_done(&net);
	return 0;
}

static int send_text(unsigned from, uint16_t stream, const char *text)
{
	return assoc_send(end[from].a, stream, 51, &reliable,
		(const uint8_t *)text, strlen(text));
}

static void assert_alive(void)
{
	unsigned before = end[1].messages;

	assert_int_equal(send_text(0, 3, "still here"), 0);
	run(3000000);
	assert_int_equal(end[1].messages, before + 1);
	assert_memory_equal(end[1].data, "still here", 10);
	assert_int_equal(end[0].down + end[1].down, 0);
}

static void carries_stream_and_ppid(void **state)
{
	(void)state;
	assert_int_equal(send_text(0, 7, "hello"), 0);
	run(100000);
	assert_int_equal(end[1].last.type, ASSOC_MESSAGE);
	assert_int_equal(end[1].last.stream, 7);
	assert_int_equal(end[1].last.ppid, 51);
	assert_int_equal(end[1].last.len, 5);
	assert_int_equal(assoc_queued(end[0].a), 0);
	assert_int_equal(assoc_streams(end[0].a), ASSOC_STREAMS);
}

/* The packets usrsctp makes are right for others too, who check. */
static void checksums_are_right(void **state)
{
	uint8_t copy[2048];

	(void)state;
	send_text(0, 7, "hello");
	memcpy(copy, end[0].last_packet, end[0].last_len);
	seal(copy, end[0].last_len);
	assert_memory_equal(copy, end[0].last_packet, end[0].last_len);
}

static void wrong_checksums_are_dropped(void **state)
{
	uint8_t copy[2048];

	(void)state;
	send_text(0, 7, "hello");
	net.n = 0; /* lost; instead comes: */
	memcpy(copy, end[0].last_packet, end[0].last_len);
	copy[8] ^= 1;
	on_receive(NULL, 1, copy, end[0].last_len);
	assert_int_equal(end[1].messages, 0);
	copy[8] ^= 1;
	on_receive(NULL, 1, copy, end[0].last_len);
	assert_int_equal(end[1].messages, 1);
}

/* On the wire the ports are those of SDP, whatever usrsctp knows; what is for
 * another is not for this one. */
static void ports_are_those_of_sdp(void **state)
{
	uint8_t copy[2048];

	(void)state;
	send_text(0, 7, "hello");
	net.n = 0;
	assert_int_equal(get32(end[0].last_packet), 5000 << 16 | 5000);
	memcpy(copy, end[0].last_packet, end[0].last_len);
	copy[3]++;
	seal(copy, end[0].last_len);
	on_receive(NULL, 1, copy, end[0].last_len);
	assert_int_equal(end[1].messages, 0);
	assert_int_equal(assoc_drops(end[1].a), 1);
	copy[3]--;
	seal(copy, end[0].last_len);
	on_receive(NULL, 1, copy, end[0].last_len);
	assert_int_equal(end[1].messages, 1);
}

/* However near the next tick of usrsctp's timers is: nothing is sent again that
 * was on its way, and what was lost comes again soon. */
static void timers_are_near_enough(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < ASSOC_TICK_US / 1000; ms += 3) {
		unsigned sent, got = end[1].messages;
		uint64_t from_us;

		run(2 * ASSOC_TICK_US - net.now_us % ASSOC_TICK_US + ms * 1000);
		sent = net.sent;
		assert_int_equal(send_text(0, 7, "whole"), 0);
		run(1000000);
		assert_int_equal(net.sent - sent, 2);

		from_us = net.now_us;
		assert_int_equal(send_text(0, 7, "lost"), 0);
		net.n = 0;
		while (end[1].messages < got + 2)
			run(1000);
		assert_in_range(net.now_us - from_us, 200000, 320000);
	}
}

static void refuses_what_it_cannot_send(void **state)
{
	static uint8_t big[ASSOC_MESSAGE_MAX + 1];

	(void)state;
	assert_int_equal(send_text(0, ASSOC_STREAMS, "x"), -EINVAL);
	assert_int_equal(send_text(0, 1, ""), -EMSGSIZE);
	assert_int_equal(
		assoc_send(end[0].a, 1, 53, &reliable, big, sizeof(big)),
		-EMSGSIZE);
	assert_int_equal(assoc_reset(end[0].a, ASSOC_STREAMS), -EINVAL);
	assert_alive();
}

static void tells_when_it_is_writable(void **state)
{
	static uint8_t big[200000];
	unsigned n = 0;

	(void)state;
	while (assoc_send(end[0].a, 1, 53, &reliable, big, sizeof(big)) == 0)
		n++;
	assert_in_range(n, 4, 6);
	assert_int_equal(end[0].writable, 0);
	run(10000000);
	assert_true(end[0].writable >= 1);
	assert_int_equal(end[1].messages, n);
	assert_int_equal(assoc_queued(end[0].a), 0);
}

static void resets_a_stream(void **state)
{
	(void)state;
	send_text(0, 9, "before");
	assert_int_equal(assoc_reset(end[0].a, 9), 0);
	run(500000);
	assert_int_equal(end[1].messages, 1);
	assert_int_equal(end[1].resets, 1);
	assert_int_equal(end[0].reset_done, 1);
	assert_int_equal(end[1].last.stream, 9);
	assert_int_equal(send_text(0, 9, "after"), 0);
	run(100000);
	assert_int_equal(end[1].messages, 2);
}

static void head(uint8_t *packet, uint32_t tag)
{
	memset(packet, 0, 12);
	packet[0] = packet[2] = 5000 >> 8;
	packet[1] = packet[3] = 5000 & 0xff;
	put32(packet + 4, tag);
}

/* One chunk into end 1, sealed. */
static void inject(uint32_t tag, uint8_t type, uint8_t flags,
	const uint8_t *body, size_t len, size_t claimed)
{
	static uint8_t packet[70000];
	size_t n = 16 + len;

	head(packet, tag);
	packet[12] = type;
	packet[13] = flags;
	packet[14] = (uint8_t)(claimed >> 8);
	packet[15] = (uint8_t)claimed;
	memcpy(packet + 16, body, len);
	while (n % 4)
		packet[n++] = 0;
	seal(packet, n);
	on_receive(NULL, 1, packet, n);
}

/* 57: an INIT whose last parameter says it is longer than the chunk
 * (CVE-2019-20503), with each kind of parameter. */
static void init_parameter_overrun(void **state)
{
	static const uint16_t kinds[] = { 5, 6, 7, 9, 11, 12, 0x8000, 0x8002,
		0x8003, 0x8004, 0x8008, 0xc000, 0xc001, 0xc002, 0xc003, 0xc004,
		0xc006 };
	uint8_t body[24];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (unsigned lie = 0; lie < 4; lie++) {
			static const uint16_t lens[] = { 0, 3, 20, 65535 };

			memset(body, 0x41, sizeof(body));
			put32(body + 4, 65536);
			put32(body + 8, 0x04000400);
			put32(body + 16, (uint32_t)kinds[i] << 16 | lens[lie]);
			inject(0, 1, 0, body, sizeof(body), 28);
			inject(0, 1, 0, body, 18, 22);
			inject(end[0].tag, 2, 0, body, sizeof(body), 28);
		}
	}
	assert_alive();
}

/* 58 */
static void cookie_echo_lies(void **state)
{
	static uint8_t body[1000];

	(void)state;
	for (size_t len = 0; len < sizeof(body); len += 37) {
		inject(end[0].tag, 10, 0, body, len, len + 4);
		inject(end[0].tag, 10, 0, body, len, len + 400);
		inject(end[0].tag, 10, 0, body, len, len / 2);
	}
	assert_alive();
}

/* 60: the peer asks for 64 k streams; it gets ours. */
static void stream_count_is_capped(void **state)
{
	uint8_t body[8] = { 0, 17, 0, 8, 0, 0, 0, 1 };
	uint8_t add[12] = { 0, 17, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0, 0 };

	(void)state;
	put32(add + 4, end[0].tsn);
	inject(end[0].tag, 130, 0, body, sizeof(body), 12);
	inject(end[0].tag, 130, 0, add, sizeof(add), 16);
	run(500000);
	assert_int_equal(assoc_streams(end[1].a), ASSOC_STREAMS);
	assert_alive();
}

/* 59: SACKs that offer no window, a million of them would change nothing. */
static void zero_window(void **state)
{
	uint8_t sack[12] = { 0 };

	(void)state;
	send_text(1, 1, "teach me your TSN");
	run(100000);
	put32(sack, end[1].tsn);
	for (unsigned i = 0; i < 20000; i++)
		inject(end[0].tag, 3, 0, sack, sizeof(sack), 16);
	assert_int_equal(send_text(1, 1, "waits"), 0);
	run(10000000); /* a probe of the window, answered honestly */
	assert_int_equal(end[0].messages, 2);
	assert_alive();
}

/* 64: FORWARD-TSN to the future, backwards, and with lengths that lie. */
static void forward_tsn_lies(void **state)
{
	uint8_t body[12] = { 0 };

	(void)state;
	send_text(0, 1, "x");
	run(100000);
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t ahead[] = { 0x7fffffff, 0x80000001,
			0xffffff00 };

		put32(body, end[0].tsn + ahead[i]);
		inject(end[0].tag, 192, 0, body, sizeof(body), 16);
		inject(end[0].tag, 192, 0, body, 5, 9);
		inject(end[0].tag, 192, 0, body, 4, 4000);
	}
	/* It may abort the association for such a thing, nothing worse. */
	run(3000000);
	drain(&end[1]);
	assert_in_range(end[1].down, 0, 1);
	if (end[1].down == 0)
		assert_alive();
}

static void garbage_is_ignored(void **state)
{
	uint8_t body[200];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		size_t len = net_random(&net) % sizeof(body);

		for (size_t j = 0; j < len; j++)
			body[j] = (uint8_t)net_random(&net);
		on_receive(NULL, 1, body, len);
		/* right checksum, wrong tag */
		inject(end[0].tag + 1, (uint8_t)i, body[0], body, len,
			i % 2 ? len + 4 : net_random(&net) & 0xffff);
	}
	assert_alive();
}

/* 61: 300 kB in chunks, which no honest peer sends after our SDP. */
static void message_over_the_maximum(void **state)
{
	uint8_t body[12 + 1000] = { 0 };
	uint32_t tsn;

	(void)state;
	send_text(0, 1, "x");
	run(100000);
	tsn = end[0].tsn;
	put32(body + 4, 0x00020000); /* stream 2, sequence 0 */
	put32(body + 8, 53);
	for (unsigned i = 0; i < 300; i++) {
		put32(body, ++tsn);
		inject(end[0].tag, 0,
			i == 0     ? 2
			: i == 299 ? 1
				   : 0,
			body, sizeof(body), sizeof(body) + 4);
	}
	drain(&end[1]);
	assert_int_equal(end[1].messages, 1);
	assert_int_equal(end[1].too_big, 1);
	assert_int_equal(end[1].last.stream, 2);
	assert_int_equal(assoc_drops(end[1].a), 1);
	/* The next one is whole again. */
	put32(body, ++tsn);
	put32(body + 4, 0x00020001);
	memcpy(body + 12, "next", 4);
	inject(end[0].tag, 0, 3, body, 16, 20);
	drain(&end[1]);
	assert_int_equal(end[1].messages, 2);
	assert_memory_equal(end[1].data, "next", 4);
}

/* usrsctp's timers run on after an association is gone. */
static void late_timers_find_nobody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		send_text(0, 1, "unacknowledged");
		end[0].a = assoc_free(end[0].a);
		make(0);
		run(i * 7000);
	}
	end[0].a = assoc_free(end[0].a);
	net.sent = 0;
	net.n = 0;
	end[1].a = assoc_free(end[1].a);
	run(30000000);
	assert_true(net.sent <= 1); /* the ABORT of end 1 */
}

static void many_live_side_by_side(void **state)
{
	static struct assoc *more[200];
	struct assoc_out nowhere = { on_nothing };

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(assoc_new(&more[i], &nowhere, 5000, 5000), 0);
	assert_alive();
	for (unsigned i = 0; i < 200; i++)
		assoc_free(more[i]);
	assert_alive();
	assert_null(assoc_free(NULL));
}

/* The process's state is given back, and may be made again. */
static void global_state_comes_and_goes(void **state)
{
	for (unsigned i = 0; i < 2; i++)
		end[i].a = assoc_free(end[i].a);
	run(100000);
	net_done(&net);
	assoc_global_done();
	assoc_global_done();
	assoc_global_tick(net.now_us); /* nothing to tick */
	assert_int_equal(assoc_global_init(), 0);
	assert_int_equal(assoc_global_init(), 0);
	assert_int_equal(set_up(state), 0);
	assert_alive();
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(carries_stream_and_ppid),
		WITH_PAIR(checksums_are_right),
		WITH_PAIR(wrong_checksums_are_dropped),
		WITH_PAIR(ports_are_those_of_sdp),
		WITH_PAIR(timers_are_near_enough),
		WITH_PAIR(refuses_what_it_cannot_send),
		WITH_PAIR(tells_when_it_is_writable),
		WITH_PAIR(resets_a_stream),
		WITH_PAIR(init_parameter_overrun),
		WITH_PAIR(cookie_echo_lies),
		WITH_PAIR(stream_count_is_capped),
		WITH_PAIR(zero_window),
		WITH_PAIR(forward_tsn_lies),
		WITH_PAIR(garbage_is_ignored),
		WITH_PAIR(message_over_the_maximum),
		WITH_PAIR(late_timers_find_nobody),
		WITH_PAIR(many_live_side_by_side),
		WITH_PAIR(global_state_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
