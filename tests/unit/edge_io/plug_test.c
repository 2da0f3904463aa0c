#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/plug.h"

enum { PACKET = 1000 };

struct fixture {
	struct event_base *base;
	struct plugs plugs;
	struct plug *plug;
	unsigned readable;
	int far; /* the program's end */
	/* What the program read. */
	uint8_t in[1 << 20];
	size_t len;
	unsigned n[FEED_TYPES];
	uint64_t told_lost;
	uint32_t next;    /* number of the next packet */
	unsigned holes;   /* places where numbers are missing */
	uint64_t missing; /* numbers that are */
	bool ended;
};

static void on_readable(void *arg)
{
	((struct fixture *)arg)->readable++;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd[2];

	assert_non_null(f);
	f->base = event_base_new();
	f->plugs.base = f->base;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	f->far = fd[0];
	assert_int_equal(
		plug_new(&f->plug, &f->plugs, fd[1], on_readable, f), 0);
	assert_int_equal(f->plugs.stats.plugs, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	plugs_done(&f->plugs);
	assert_int_equal(f->plugs.stats.plugs, 0);
	event_base_free(f->base);
	close(f->far);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

/* As the worker does, and the moment that few packets wait for. */
static void flush_few(struct fixture *f)
{
	struct timeval tv = { .tv_usec = 3 * PLUG_GATHER_US };

	plugs_flush(&f->plugs);
	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

static void note(struct fixture *f, const struct feed_frame *frame)
{
	char text[32] = "";
	uint32_t number;

	f->n[frame->type]++;
	if (frame->type == FEED_LOST) {
		assert_true(frame->len < sizeof(text));
		memcpy(text, frame->payload, frame->len);
		f->told_lost += strtoull(text, NULL, 10);
	}
	if (frame->type != FEED_RTP)
		return;
	assert_int_equal(frame->len, PACKET);
	memcpy(&number, frame->payload, sizeof(number));
	assert_true(number >= f->next);
	f->holes += number > f->next;
	f->missing += number - f->next;
	f->next = number + 1;
}

/* The program reads what is there. */
static void read_all(struct fixture *f)
{
	for (;;) {
		struct feed_frame frame;
		size_t at = 0;
		int64_t took;
		ssize_t n = recv(f->far, f->in + f->len, sizeof(f->in) - f->len,
			MSG_DONTWAIT);

		f->ended |= n == 0;
		if (n <= 0)
			return;
		f->len += (size_t)n;
		while ((took = feed_frame_read(
				f->in + at, f->len - at, &frame)) > 0) {
			note(f, &frame);
			at += (size_t)took;
		}
		assert_int_equal(took, 0);
		memmove(f->in, f->in + at, f->len - at);
		f->len -= at;
	}
}

static void put_packet(struct fixture *f, uint32_t number)
{
	static uint8_t packet[PACKET];

	memcpy(packet, &number, sizeof(number));
	assert_int_equal(
		plug_put(f->plug, &(struct feed_frame){ .type = FEED_RTP,
					  .time_us = number,
					  .payload = packet,
					  .len = sizeof(packet) }),
		0);
}

static void test_out(void **state)
{
	struct fixture *f = *state;
	struct feed_frame frame;
	char byte;

	plug_put_text(f->plug, FEED_HELLO, 5, "version=1");
	/* Once per turn, not once per frame. */
	assert_int_equal(recv(f->far, &byte, 1, MSG_DONTWAIT), -1);
	plugs_flush(&f->plugs);
	f->len = (size_t)recv(f->far, f->in, sizeof(f->in), MSG_DONTWAIT);
	assert_int_equal(feed_frame_read(f->in, f->len, &frame), 25);
	assert_int_equal(frame.type, FEED_HELLO);
	assert_int_equal(frame.time_us, 5);
	assert_memory_equal(frame.payload, "version=1", 9);
	assert_int_equal(f->plugs.stats.out, 1);
	assert_int_equal(f->plugs.stats.out_bytes, 25);
	/* Nothing new, nothing written. */
	plugs_flush(&f->plugs);
	assert_int_equal(recv(f->far, &byte, 1, MSG_DONTWAIT), -1);
}

/* Few packets wait a moment for more, many or a word do not. */
static void test_gathering(void **state)
{
	struct fixture *f = *state;
	char byte;

	put_packet(f, 0);
	plugs_flush(&f->plugs);
	assert_int_equal(recv(f->far, &byte, 1, MSG_DONTWAIT), -1);
	put_packet(f, 1);
	flush_few(f);
	read_all(f);
	assert_int_equal(f->next, 2);

	put_packet(f, 2);
	plug_put_text(f->plug, FEED_SPEAKER, 1, "1");
	plugs_flush(&f->plugs);
	read_all(f);
	assert_int_equal(f->next, 3);
	assert_int_equal(f->n[FEED_SPEAKER], 1);

	for (uint32_t i = 3; i < 3 + PLUG_GATHER / PACKET; i++)
		put_packet(f, i);
	plugs_flush(&f->plugs);
	read_all(f);
	assert_int_equal(f->next, 3 + PLUG_GATHER / PACKET);
	/* And the next few wait again. */
	put_packet(f, f->next);
	plugs_flush(&f->plugs);
	assert_int_equal(recv(f->far, &byte, 1, MSG_DONTWAIT), -1);
	flush_few(f);
	read_all(f);
	assert_int_equal(f->holes, 0);
	assert_int_equal(f->next, 4 + PLUG_GATHER / PACKET);
}

/* One that is freed or ended while its packets wait is no trouble. */
static void test_gathering_ends(void **state)
{
	struct fixture *f = *state;

	put_packet(f, 0);
	plugs_flush(&f->plugs);
	plug_end(f->plug);
	read_all(f);
	assert_int_equal(f->next, 1);
	assert_true(f->ended);
	flush_few(f);
}

static void test_gathering_is_freed(void **state)
{
	struct fixture *f = *state;

	put_packet(f, 0);
	plugs_flush(&f->plugs);
	plug_free(f->plug);
	flush_few(f);
	read_all(f);
	assert_true(f->ended);
}

/* Round and round the buffer, with a reader that is a little behind. */
static void test_ring(void **state)
{
	struct fixture *f = *state;
	uint32_t number = 0;

	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 1000; i++)
			put_packet(f, number++);
		plugs_flush(&f->plugs);
		for (int i = 0; i < 5 && f->next + 2000 < number; i++) {
			turn(f);
			read_all(f);
		}
	}
	for (int i = 0; i < 1000 && f->next < number; i++) {
		turn(f);
		read_all(f);
	}
	assert_int_equal(f->next, number);
	assert_int_equal(f->holes, 0);
	assert_int_equal(f->plugs.stats.lost, 0);
}

/* A program that sleeps costs a buffer, and when it wakes it is told what it
 * missed: one hole. */
static void test_slow(void **state)
{
	struct fixture *f = *state;
	uint32_t number = 0;

	for (int i = 0; i < 20000; i++) {
		put_packet(f, number++);
		if (i % 10 == 0)
			plugs_flush(&f->plugs);
	}
	assert_true(f->plugs.stats.lost > 10000);
	assert_true(f->plugs.stats.out_bytes <= PLUG_BUFFER);
	for (int i = 0; i < 1000; i++) {
		turn(f);
		read_all(f);
	}
	assert_int_equal(f->n[FEED_LOST], 0);
	put_packet(f, number++);
	flush_few(f);
	read_all(f);
	assert_int_equal(f->n[FEED_LOST], 1);
	assert_int_equal(f->next, number);
	assert_int_equal(f->holes, 1);
	assert_int_equal(f->missing, f->told_lost);
	assert_int_equal(f->missing, f->plugs.stats.lost);
	put_packet(f, number++);
	flush_few(f);
	read_all(f);
	assert_int_equal(f->n[FEED_LOST], 1);
}

/* One that reads, but not fast enough, has few holes instead of a sieve. */
static void test_too_slow(void **state)
{
	struct fixture *f = *state;
	uint32_t number = 0;

	for (int i = 0; i < 3000; i++) {
		ssize_t n;

		for (int k = 0; k < 20; k++)
			put_packet(f, number++);
		plugs_flush(&f->plugs);
		n = recv(f->far, f->in + f->len, 3000, MSG_DONTWAIT);
		if (n > 0)
			f->len += (size_t)n;
		if (f->len > sizeof(f->in) - 4000)
			read_all(f);
		turn(f);
	}
	for (int i = 0; i < 2000; i++) {
		turn(f);
		read_all(f);
	}
	assert_true(f->plugs.stats.lost > 1000);
	assert_in_range(f->holes, 1, 20);
}

/* Descriptions have room when packets have none; when that, too, is used up,
 * the program is given up. */
static void test_reserve(void **state)
{
	struct fixture *f = *state;
	char *sdp = calloc(1, 200001);
	unsigned taken = 0;

	memset(sdp, 's', 200000);
	for (uint32_t i = 0; i < 20000; i++)
		put_packet(f, i);
	while (taken < 100 && plug_put_text(f->plug, FEED_SDP, 1, sdp) == 0)
		taken++;
	assert_in_range(
		taken, PLUG_RESERVE / 200016 - 1, PLUG_RESERVE / 200016 + 1);
	assert_int_equal(plug_put_text(f->plug, FEED_SDP, 1, sdp), -ENOBUFS);
	for (int i = 0; i < 1000; i++) {
		plugs_flush(&f->plugs);
		turn(f);
		read_all(f);
	}
	assert_int_equal(f->n[FEED_SDP], taken);
	assert_int_equal(plug_put_text(f->plug, FEED_SDP, 1, sdp), 0);
	free(sdp);
}

/* Reports are dropped without being counted as loss. */
static void test_rtcp_is_not_counted(void **state)
{
	static uint8_t report[28];
	struct fixture *f = *state;
	struct feed_frame frame = {
		.type = FEED_RTCP, .payload = report, .len = sizeof(report)
	};

	for (int i = 0; i < 200000; i++)
		assert_int_equal(plug_put(f->plug, &frame), 0);
	assert_true(f->plugs.stats.out < 200000);
	assert_int_equal(f->plugs.stats.lost, 0);
}

/* --- in ----------------------------------------------------------------------
 */

static void say(
	struct fixture *f, enum feed_type type, const void *data, size_t len)
{
	struct feed_frame frame = { .type = type, .len = len };
	uint8_t header[FEED_HEADER];

	feed_header_write(&frame, header);
	assert_int_equal(
		send(f->far, header, FEED_HEADER, MSG_DONTWAIT), FEED_HEADER);
	assert_int_equal(send(f->far, data, len, MSG_DONTWAIT), (ssize_t)len);
}

static void test_in(void **state)
{
	struct fixture *f = *state;
	struct feed_frame frame;

	assert_int_equal(plug_next(f->plug, &frame), 0);
	say(f, FEED_OFFER, "v=0", 3);
	say(f, FEED_RTP, "rtp!", 4);
	say(f, FEED_RTCP, "", 0);
	turn(f);
	assert_true(f->readable > 0);
	assert_int_equal(plug_next(f->plug, &frame), 1);
	assert_int_equal(frame.type, FEED_OFFER);
	assert_memory_equal(frame.payload, "v=0", 3);
	assert_int_equal(plug_next(f->plug, &frame), 1);
	assert_int_equal(frame.type, FEED_RTP);
	assert_int_equal(frame.len, 4);
	assert_int_equal(plug_next(f->plug, &frame), 1);
	assert_int_equal(frame.type, FEED_RTCP);
	assert_int_equal(plug_next(f->plug, &frame), 0);
	assert_int_equal(f->plugs.stats.in, 3);
	close(f->far);
	f->far = dup(0);
	assert_int_equal(plug_next(f->plug, &frame), -EPIPE);
}

/* Byte by byte, and the longest there is. */
static void test_in_parts(void **state)
{
	struct fixture *f = *state;
	size_t len = FEED_HEADER + FEED_PAYLOAD_MAX, at = 0;
	uint8_t *big = malloc(len);
	struct feed_frame frame = { .type = FEED_OFFER,
		.len = FEED_PAYLOAD_MAX };
	int got = 0;

	memset(big, 'o', len);
	feed_header_write(&frame, big);
	for (; at < 20; at++) {
		assert_int_equal(send(f->far, big + at, 1, 0), 1);
		assert_int_equal(plug_next(f->plug, &frame), 0);
	}
	while (!got) {
		ssize_t n = send(f->far, big + at, len - at, MSG_DONTWAIT);

		at += n > 0 ? (size_t)n : 0;
		got = plug_next(f->plug, &frame);
	}
	assert_int_equal(got, 1);
	assert_int_equal(at, len);
	assert_int_equal(frame.len, FEED_PAYLOAD_MAX);
	assert_memory_equal(frame.payload, big + FEED_HEADER, frame.len);
	free(big);
	/* And on as before. */
	say(f, FEED_RTP, "x", 1);
	assert_int_equal(plug_next(f->plug, &frame), 1);
	assert_int_equal(frame.len, 1);
}

static void test_again(void **state)
{
	struct fixture *f = *state;

	turn(f);
	assert_int_equal(f->readable, 0);
	plug_again(f->plug);
	assert_int_equal(f->readable, 0);
	event_base_loop(f->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(f->readable, 1);
}

static void test_nonsense(void **state)
{
	struct fixture *f = *state;
	struct feed_frame frame;

	say(f, FEED_HELLO, "x", 1); /* ours alone */
	assert_int_equal(plug_next(f->plug, &frame), -EBADMSG);
	say(f, FEED_TYPES, "x", 1);
	assert_int_equal(plug_next(f->plug, &frame), -EBADMSG);
	assert_int_equal(plug_next(f->plug, &frame), -EBADMSG);
}

/* The program died while frames were on the way to it. */
static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct feed_frame frame;

	close(f->far);
	f->far = dup(0);
	put_packet(f, 0);
	flush_few(f);
	turn(f);
	assert_true(f->readable > 0);
	assert_int_equal(plug_next(f->plug, &frame), -EPIPE);
	put_packet(f, 1);
	flush_few(f);
}

/* --- the end -----------------------------------------------------------------
 */

static void test_end(void **state)
{
	struct fixture *f = *state;

	plug_put_text(f->plug, FEED_BYE, 1, "by_command");
	plug_end(f->plug);
	assert_int_equal(f->plugs.stats.plugs, 0);
	read_all(f);
	assert_int_equal(f->n[FEED_BYE], 1);
	assert_true(f->ended);
}

/* What waits is still written, and what was lost is told. */
static void test_end_slowly(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 20000; i++)
		put_packet(f, i);
	plugs_flush(&f->plugs);
	plug_put_text(f->plug, FEED_BYE, 1, "by_command");
	plug_end(f->plug);
	assert_int_equal(f->plugs.stats.plugs, 1);
	for (int i = 0; i < 1000 && !f->ended; i++) {
		turn(f);
		read_all(f);
	}
	assert_true(f->ended);
	assert_int_equal(f->n[FEED_BYE], 1);
	assert_int_equal(f->n[FEED_LOST], 1);
	assert_int_equal(f->told_lost + f->next, 20000);
	assert_int_equal(f->plugs.stats.plugs, 0);
}

/* Not for ever. */
static void test_end_of_patience(void **state)
{
	struct fixture *f = *state;
	struct timeval half = { .tv_usec = 500000 };

	for (uint32_t i = 0; i < 20000; i++)
		put_packet(f, i);
	plugs_flush(&f->plugs);
	plug_end(f->plug);
	for (int i = 0; i < 8; i++) {
		uint8_t some[1000];

		/* It reads, far too slowly: that does not buy time. */
		assert_true(recv(f->far, some, sizeof(some), MSG_DONTWAIT) > 0);
		assert_int_equal(
			f->plugs.stats.plugs, i < 5   ? 1
					      : i > 6 ? 0
						      : f->plugs.stats.plugs);
		event_base_loopexit(f->base, &half);
		event_base_dispatch(f->base);
	}
	assert_int_equal(f->plugs.stats.plugs, 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_out),
		WITH(test_gathering),
		WITH(test_gathering_ends),
		WITH(test_gathering_is_freed),
		WITH(test_ring),
		WITH(test_slow),
		WITH(test_too_slow),
		WITH(test_reserve),
		WITH(test_rtcp_is_not_counted),
		WITH(test_in),
		WITH(test_in_parts),
		WITH(test_again),
		WITH(test_nonsense),
		WITH(test_gone),
		WITH(test_end),
		WITH(test_end_slowly),
		WITH(test_end_of_patience),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
