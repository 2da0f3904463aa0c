#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/link.h"

struct end {
	struct link *link;
	struct link_stats stats;
	unsigned rtp, messages, seats;
	uint32_t last; /* number of the last packet */
	bool ordered;
	int error;
	bool asleep;
};

static struct event_base *base;
static struct end a, b;

static void take(struct end *e, const struct relay_frame *f)
{
	uint32_t number;

	e->messages += f->type == RELAY_MESSAGE;
	e->seats += f->type == RELAY_SEAT;
	if (f->type != RELAY_RTP)
		return;
	memcpy(&number, f->payload, sizeof(number));
	e->ordered = e->ordered && (!e->rtp || number > e->last);
	e->last = number;
	e->rtp++;
}

static void on_readable(void *arg)
{
	struct end *e = arg;
	struct relay_frame f;
	int got;

	if (e->asleep)
		return;
	do
		while ((got = link_next(e->link, &f)) > 0)
			take(e, &f);
	while (got == 0 && (got = link_read(e->link)) > 0);
	if (got < 0) {
		e->error = got;
		e->link = link_free(e->link);
	}
}

static int set_up(void **state)
{
	int fd[2];

	(void)state;
	base = event_base_new();
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.ordered = b.ordered = true;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(
		link_new(&a.link, base, fd[0], &a.stats, on_readable, &a), 0);
	assert_int_equal(
		link_new(&b.link, base, fd[1], &b.stats, on_readable, &b), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	link_free(a.link);
	link_free(b.link);
	event_base_free(base);
	assert_int_equal(a.stats.links, 0);
	return 0;
}

static void run(void)
{
	for (unsigned i = 0; i < 200; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int put(struct end *e, enum relay_type type, uint32_t number, size_t len)
{
	static uint8_t payload[RELAY_PAYLOAD_MAX];
	struct relay_frame f = {
		.type = type, .id = 7, .payload = payload, .len = len
	};

	memcpy(payload, &number, sizeof(number));
	return link_put(e->link, &f);
}

static void frames_go_both_ways(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(put(&a, RELAY_RTP, i, 1100), 0);
	assert_int_equal(put(&b, RELAY_SEAT, 0, 40), 0);
	run();
	assert_int_equal(b.rtp, 0);
	link_flush(a.link);
	link_flush(b.link);
	run();
	assert_int_equal(b.rtp, 100);
	assert_true(b.ordered);
	assert_int_equal(a.seats, 1);
	assert_int_equal(a.stats.out, 100);
	assert_int_equal(a.stats.out_bytes, 100 * (1100 + RELAY_HEADER));
	assert_int_equal(b.stats.in, 100);
}

/* The longest message there is, in pieces as the socket takes them. */
static void a_long_frame_arrives_whole(void **state)
{
	(void)state;
	assert_int_equal(put(&a, RELAY_MESSAGE, 0, RELAY_PAYLOAD_MAX), 0);
	link_flush(a.link);
	run();
	assert_int_equal(b.messages, 1);
}

/* A worker that hangs: packets are lost in one piece, messages have no room,
 * who is there is still said; and then it goes on with a notice. */
static void a_slow_worker_loses_packets_and_is_told(void **state)
{
	uint32_t number = 0;
	unsigned before;
	int got = 0;

	(void)state;
	b.asleep = true;
	while (a.stats.lost < 100) {
		assert_int_equal(put(&a, RELAY_RTP, ++number, 2000), 0);
		link_flush(a.link);
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	assert_true(number > LINK_PACKETS / 2012);
	while ((got = put(&a, RELAY_MESSAGE, 0, 200000)) == 0)
		;
	assert_int_equal(got, -ENOBUFS);
	assert_int_equal(put(&a, RELAY_SEAT, 0, 1000), 0);
	b.asleep = false;
	link_again(b.link);
	run();
	assert_true(b.messages > 5);
	assert_int_equal(b.seats, 1);
	before = b.rtp;
	assert_int_equal(b.rtp + a.stats.lost, number);
	assert_int_equal(put(&a, RELAY_RTP, ++number, 2000), 1);
	assert_int_equal(put(&a, RELAY_RTP, ++number, 2000), 0);
	link_flush(a.link);
	run();
	assert_int_equal(b.rtp, before + 2);
	assert_true(b.ordered);
}

static void without_room_for_seats_it_is_over(void **state)
{
	int got = 0;

	(void)state;
	b.asleep = true;
	for (unsigned i = 0; i < 100 && !got; i++)
		got = put(&a, RELAY_SEAT, 0, 200000);
	assert_int_equal(got, -ENOBUFS);
	run();
	assert_int_equal(a.error, -EPIPE);
	assert_null(a.link);
}

static void the_end_is_noticed(void **state)
{
	(void)state;
	b.link = link_free(b.link);
	run();
	assert_int_equal(a.error, -EPIPE);
}

static void nonsense_ends_it(void **state)
{
	static const uint8_t bad[RELAY_HEADER] = { 0, 0, 0, 0, 99 };
	struct link *l;
	int fd[2];

	(void)state;
	a.link = link_free(a.link);
	run();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(
		link_new(&l, base, fd[0], &a.stats, on_readable, &a), 0);
	a.link = l;
	assert_int_equal(write(fd[1], bad, sizeof(bad)), sizeof(bad));
	run();
	assert_int_equal(a.error, -EBADMSG);
	close(fd[1]);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(frames_go_both_ways),
		CASE(a_long_frame_arrives_whole),
		CASE(a_slow_worker_loses_packets_and_is_told),
		CASE(without_room_for_seats_it_is_over),
		CASE(the_end_is_noticed),
		CASE(nonsense_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
