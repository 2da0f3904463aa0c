/* 82: slowloris. The guard under a bare evhttp, with one second of patience. */
#include "http/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "tests/unit/http/client.h"

struct fixture {
	struct event_base *base;
	struct evhttp *evhttp;
	struct http_guard guard;
	unsigned port;
};

static char big[64 << 20];

static void handle(struct evhttp_request *req, void *arg)
{
	struct fixture *f = arg;

	http_guard_request(&f->guard, req);
	if (strcmp(evhttp_request_get_uri(req), "/big") != 0) {
		evhttp_send_reply(req, 200, "OK", NULL);
		return;
	}
	http_guard_download(&f->guard, req);
	evbuffer_add_reference(evhttp_request_get_output_buffer(req), big,
		sizeof(big), NULL, NULL);
	evhttp_send_reply(req, 200, "OK", NULL);
}

static int setup(void **state)
{
	static struct fixture f;
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(addr);
	struct evconnlistener *listener;

	signal(SIGPIPE, SIG_IGN);
	f.base = event_base_new();
	f.evhttp = evhttp_new(f.base);
	listener = evconnlistener_new_bind(f.base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&addr,
		sizeof(addr));
	assert_non_null(listener);
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&addr,
		&len);
	f.port = ntohs(addr.sin_port);
	evhttp_bind_listener(f.evhttp, listener);
	evhttp_set_gencb(f.evhttp, handle, &f);
	evhttp_set_bevcb(f.evhttp, http_guard_bev, &f.guard);
	*state = &f;
	return http_guard_init(&f.guard, f.base, listener, 1);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	evhttp_free(f->evhttp);
	http_guard_done(&f->guard);
	event_base_free(f->base);
	return 0;
}

/* A busy machine takes longer: turned until there are n, at most 20 s. */
static void wait_held(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < 200 && f->guard.n != n; i++)
		client_turn(f->base, 100);
	assert_int_equal(f->guard.n, n);
}

/* A byte every 100 ms forever: closed after its second, whatever it sends. */
static void test_dripping(void **state)
{
	struct fixture *f = *state;
	int fd = client_connect(f->port), closed = 0, turns = 0;
	static const char drip[] = "GET / HTTP/1.1\r\nX: yyyyyyyyyyyyyyyyyyyy"
				   "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";

	for (; !closed && turns < 60; turns++)
		client_talk(f->base, fd, drip + turns, 1, 100, &closed);
	assert_true(closed);
	close(fd);
	wait_held(f, 0);
}

static void test_silent(void **state)
{
	struct fixture *f = *state;
	int fd = client_connect(f->port), closed;

	client_talk(f->base, fd, "", 0, 4000, &closed);
	assert_true(closed);
	close(fd);
}

/* One that behaves lives on: every request starts its time again. */
static void test_busy_lives(void **state)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	struct fixture *f = *state;
	int fd = client_connect(f->port), closed;

	/* Without the new start it would be closed after 4 s at the latest. */
	f->guard.timeout_s = 2;
	for (int i = 0; i < 12; i++) {
		const char *reply = client_talk(
			f->base, fd, ask, strlen(ask), 400, &closed);

		assert_int_equal(client_status(reply), 200);
		assert_false(closed);
	}
	f->guard.timeout_s = 1;
	close(fd);
}

/* The events of a connection that evhttp gave up are in the loop until the next
 * sweep: its number must not go to another socket before. */
static void test_number_is_kept(void **state)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: h\r\n"
				  "Connection: close\r\n\r\n";
	struct fixture *f = *state;
	int fd = client_connect(f->port), closed, held = 0;

	client_talk(f->base, fd, ask, strlen(ask), 2000, &closed);
	assert_true(closed);
	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++) {
		struct bufferevent *bev = f->guard.held[i].bev;

		if (!bev)
			continue;
		held++;
		assert_true(fcntl(bufferevent_getfd(bev), F_GETFD) >= 0);
	}
	assert_int_equal(held, 1);
	close(fd);
	wait_held(f, 0);
}

static void test_ceiling(void **state)
{
	static int fd[HTTP_CONNECTIONS + 20];
	struct fixture *f = *state;

	client_turn(f->base, 1200);
	for (int i = 0; i < HTTP_CONNECTIONS + 20; i++) {
		fd[i] = client_connect(f->port);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	wait_held(f, HTTP_CONNECTIONS);
	assert_true(f->guard.paused);
	/* The silent ones go, and the door opens again. */
	for (int i = 0; i < HTTP_CONNECTIONS + 20; i++)
		close(fd[i]);
	wait_held(f, 0);
	assert_false(f->guard.paused);
	assert_int_equal(
		client_status(client_get(f->base, f->port, "GET /", "", "")),
		200);
}

/* One that takes a little all the time lives, one that takes nothing is cut. */
static void test_download_stalls(void **state)
{
	static const char ask[] = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";
	static char bytes[HTTP_STALL_BYTES];
	struct fixture *f = *state;
	int fd = client_connect(f->port);
	ssize_t n = 0;

	f->guard.stall_s = 2;
	assert_int_equal(send(fd, ask, strlen(ask), 0), (ssize_t)strlen(ask));
	for (int i = 0; i < 12; i++) {
		client_turn(f->base, 500);
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		assert_true(n > 0);
	}
	assert_int_equal(f->guard.n, 1);
	wait_held(f, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dripping),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_busy_lives),
		cmocka_unit_test(test_number_is_kept),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_download_stalls),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
