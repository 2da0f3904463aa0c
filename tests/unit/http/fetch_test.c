/* HTTP as a client, against evhttp on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include "http/fetch.h"

enum { BIG = 3 << 20 };

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct fetch *fetch;
	char url[64];
	int status; /* to answer with */
	/* The last request. */
	enum evhttp_cmd_type method;
	char type[128], extra[128], length[32], bearer[64];
	unsigned char *body;
	size_t len;
	/* The last reply. */
	bool done;
	int got;
	char error[128];
};

static void take_header(
	struct evhttp_request *req, const char *name, char *ret, size_t cap)
{
	const char *v =
		evhttp_find_header(evhttp_request_get_input_headers(req), name);

	snprintf(ret, cap, "%s", v ? v : "");
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct server *s = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);

	s->method = evhttp_request_get_command(req);
	take_header(req, "Content-Type", s->type, sizeof(s->type));
	take_header(req, "X-Extra", s->extra, sizeof(s->extra));
	take_header(req, "Content-Length", s->length, sizeof(s->length));
	take_header(req, "Authorization", s->bearer, sizeof(s->bearer));
	free(s->body);
	s->len = evbuffer_get_length(in);
	s->body = malloc(s->len + 1);
	evbuffer_copyout(in, s->body, s->len);
	s->body[s->len] = '\0';
	if (s->status)
		evhttp_send_reply(req, s->status, "x", NULL);
}

static void setup(struct server *s)
{
	struct evhttp_bound_socket *bound;

	memset(s, 0, sizeof(*s));
	s->status = 200;
	s->base = event_base_new();
	s->http = evhttp_new(s->base);
	evhttp_set_gencb(s->http, on_request, s);
	bound = evhttp_bind_socket_with_handle(s->http, "127.0.0.1", 0);
	assert_non_null(bound);
	{
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);

		getsockname(evhttp_bound_socket_get_fd(bound),
			(struct sockaddr *)&ss, &len);
		snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/path",
			(unsigned)(((uint8_t *)&ss)[2] << 8 |
				   ((uint8_t *)&ss)[3]));
	}
	assert_int_equal(fetch_new(&s->fetch, s->base), 0);
}

static void teardown(struct server *s)
{
	fetch_free(s->fetch);
	evhttp_free(s->http);
	event_base_free(s->base);
	free(s->body);
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
	struct server *s = arg;

	s->done = true;
	s->got = r->status;
	snprintf(s->error, sizeof(s->error), "%s", r->error);
}

static void turn(struct server *s, unsigned ms)
{
	struct timeval tv = { 0, (suseconds_t)ms * 1000 };

	event_base_loopexit(s->base, &tv);
	event_base_dispatch(s->base);
}

static void run(struct server *s, const struct fetch_request *q)
{
	struct fetch_request with_url = *q;

	with_url.url = s->url;
	s->done = false;
	assert_int_equal(
		fetch_start(s->fetch, &with_url, on_reply, s, NULL), 0);
	assert_false(s->done);
	for (int i = 0; i < 1000 && !s->done; i++)
		turn(s, 10);
	assert_true(s->done);
}

static void text_bodies(void **state)
{
	static const char *const headers[] = { "X-Extra: one two", NULL };
	struct server s;

	(void)state;
	setup(&s);
	run(&s, &(struct fetch_request){ .method = "POST", .body = "{}" });
	assert_int_equal(s.got, 200);
	assert_int_equal(s.method, EVHTTP_REQ_POST);
	assert_string_equal(s.type, "application/json");
	assert_string_equal((char *)s.body, "{}");
	assert_string_equal(s.extra, "");
	run(&s, &(struct fetch_request){ .method = "PUT",
			.body = "words",
			.content_type = "text/plain",
			.headers = headers,
			.bearer = "tok" });
	assert_int_equal(s.method, EVHTTP_REQ_PUT);
	assert_string_equal(s.type, "text/plain");
	assert_string_equal(s.extra, "one two");
	assert_string_equal(s.bearer, "Bearer tok");
	run(&s, &(struct fetch_request){ .method = "GET" });
	assert_int_equal(s.method, EVHTTP_REQ_GET);
	assert_string_equal(s.type, "");
	teardown(&s);
}

static void make_file(char *path, size_t len)
{
	int fd = mkstemp(path);
	unsigned char *bytes = malloc(len + 1);

	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251);
	assert_int_equal(write(fd, bytes, len), len);
	free(bytes);
	close(fd);
}

static void files(void **state)
{
	static const size_t sizes[] = { 0, 1, 65536, BIG };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char path[] = "/tmp/hearth-fetch-XXXXXX", want[32];
		struct server s;

		setup(&s);
		make_file(path, sizes[i]);
		run(&s, &(struct fetch_request){ .method = "POST",
				.body_path = path,
				.content_type = "video/mp4",
				.low_speed_s = 5 });
		assert_int_equal(s.got, 200);
		assert_int_equal(s.method, EVHTTP_REQ_POST);
		assert_string_equal(s.type, "video/mp4");
		snprintf(want, sizeof(want), "%zu", sizes[i]);
		assert_string_equal(s.length, want);
		assert_int_equal(s.len, sizes[i]);
		for (size_t j = 0; j < s.len; j++)
			if (s.body[j] != (unsigned char)(j * 7 + j / 251))
				fail_msg("byte %zu differs", j);
		unlink(path);
		teardown(&s);
	}
}

static void no_file(void **state)
{
	struct fetch_request q = { .method = "POST",
		.body_path = "/nowhere/at/all" };
	struct server s;

	(void)state;
	setup(&s);
	q.url = s.url;
	assert_int_equal(fetch_start(s.fetch, &q, on_reply, &s, NULL), -ENOENT);
	q.body_path = "/tmp";
	assert_true(fetch_start(s.fetch, &q, on_reply, &s, NULL) < 0);
	turn(&s, 20);
	assert_false(s.done);
	teardown(&s);
}

/* A server that refuses before it has read the whole. */
static void refused_early(void **state)
{
	char path[] = "/tmp/hearth-fetch-XXXXXX";
	struct server s;

	(void)state;
	setup(&s);
	evhttp_set_max_body_size(s.http, 1000);
	make_file(path, BIG);
	run(&s, &(struct fetch_request){ .method = "POST", .body_path = path });
	assert_int_equal(s.got, 413);
	unlink(path);
	teardown(&s);
}

/* A transfer that stands still ends; one that is only slow would not. */
static void stalled(void **state)
{
	char path[] = "/tmp/hearth-fetch-XXXXXX";
	struct server s;

	(void)state;
	setup(&s);
	s.status = 0; /* never answers */
	make_file(path, 10);
	run(&s, &(struct fetch_request){ .method = "POST",
			.body_path = path,
			.low_speed_s = 1 });
	assert_int_equal(s.got, 0);
	assert_true(s.error[0] != '\0');
	unlink(path);
	teardown(&s);
}

static void cancelled(void **state)
{
	char path[] = "/tmp/hearth-fetch-XXXXXX";
	struct fetch_request q = { .method = "POST", .body_path = path };
	struct fetch_transfer *t;
	struct server s;

	(void)state;
	setup(&s);
	s.status = 0; /* never answers, so that it is still under way */
	make_file(path, BIG);
	q.url = s.url;
	assert_int_equal(fetch_start(s.fetch, &q, on_reply, &s, &t), 0);
	turn(&s, 5);
	fetch_cancel(t);
	turn(&s, 50);
	assert_false(s.done);
	/* And one that is under way when everything ends. */
	assert_int_equal(fetch_start(s.fetch, &q, on_reply, &s, NULL), 0);
	turn(&s, 5);
	unlink(path);
	teardown(&s);
	assert_false(s.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_bodies),
		cmocka_unit_test(files),
		cmocka_unit_test(no_file),
		cmocka_unit_test(refused_early),
		cmocka_unit_test(stalled),
		cmocka_unit_test(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
