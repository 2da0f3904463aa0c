#include "http/http.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "tests/unit/http/client.h"

static char root[] = "/tmp/hearth-http-XXXXXX";
static struct event_base *base;
static struct http *http;
static unsigned port;

static const char *get(const char *request_line)
{
	return client_get(base, port, request_line, "", "");
}

static void assert_header(
	const char *reply, const char *name, const char *value)
{
	const char *got = client_header(reply, name);

	if (!got)
		fail_msg("no %s in %s", name, reply);
	assert_string_equal(got, value);
}

static void test_index(void **state)
{
	const char *reply = get("GET /");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_string_equal(client_body(reply), "<h1>hearth</h1>");
	assert_header(reply, "Content-Type", "text/html; charset=utf-8");
	assert_header(reply, "Content-Length", "15");
	assert_header(reply, "Cache-Control", "no-cache");
	assert_header(reply, "X-Content-Type-Options", "nosniff");
	assert_header(reply, "Referrer-Policy", "no-referrer");
}

static void test_policy(void **state)
{
	const char *csp =
		client_header(get("GET /"), "Content-Security-Policy");

	(void)state;
	assert_non_null(csp);
	assert_non_null(strstr(csp, "default-src 'none'"));
	assert_non_null(strstr(csp, "script-src 'self';"));
	assert_non_null(strstr(csp, "img-src 'self' blob: data:;"));
	assert_non_null(strstr(csp, "media-src 'self' blob:;"));
	assert_non_null(strstr(csp, "connect-src 'self';"));
	assert_non_null(strstr(csp, "frame-ancestors 'none'"));
	http_allow_connect(http, "https://matrix.example.org/path");
	http_allow_connect(http, "http://[::1]:8008");
	http_allow_connect(http, "https://evil; script-src *");
	http_allow_connect(http, "javascript:alert(1)");
	http_allow_connect(http, "https://");
	csp = client_header(get("GET /healthz"), "Content-Security-Policy");
	assert_non_null(
		strstr(csp, "connect-src 'self' https://matrix.example.org "
			    "http://[::1]:8008;"));
	assert_null(strstr(csp, "evil"));
	assert_null(strstr(csp, "javascript"));
}

static void test_caching(void **state)
{
	char condition[256];
	const char *reply = get("GET /assets/app-B7xK2pQz.js");

	(void)state;
	assert_header(reply, "Content-Type", "text/javascript; charset=utf-8");
	assert_header(
		reply, "Cache-Control", "public, max-age=31536000, immutable");
	reply = get("GET /");
	snprintf(condition, sizeof(condition), "If-None-Match: %s\r\n",
		client_header(reply, "ETag"));
	reply = client_get(base, port, "GET /", condition, "");
	assert_int_equal(client_status(reply), 304);
	assert_string_equal(client_body(reply), "");
	reply = client_get(base, port, "GET /", "If-None-Match: \"x\"\r\n", "");
	assert_int_equal(client_status(reply), 200);
}

static void test_head(void **state)
{
	const char *reply = get("HEAD /");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_header(reply, "Content-Length", "15");
	assert_string_equal(client_body(reply), "");
	reply = get("HEAD /healthz");
	assert_int_equal(client_status(reply), 200);
	assert_header(reply, "Content-Length", "3");
	assert_string_equal(client_body(reply), "");
}

static void test_big_file(void **state)
{
	const char *reply = get("GET /big.bin");
	const char *body = client_body(reply);

	(void)state;
	assert_header(reply, "Content-Length", "3000000");
	assert_header(reply, "Content-Type", "application/octet-stream");
	assert_int_equal(strlen(body), 3000000);
	assert_int_equal(body[0], 'b');
	assert_int_equal(body[2999999], 'b');
}

/* 90 */
static void test_no_way_out(void **state)
{
	static const char *const lines[] = { "GET /../secret",
		"GET /%2e%2e/secret", "GET /assets/../../secret",
		"GET /assets/%2e%2e%2f%2e%2e%2fsecret", "GET /..%5csecret",
		"GET //etc/passwd", "GET /assets//x.js", "GET /.hidden",
		"GET /./index.html", "GET /link", "GET /linkdir/passwd",
		"GET /index.html%00.js", "GET /index.html/", "GET /fifo",
		"GET /nothing", "GET /%0d%0aX-Evil:1", "GET /assets/" };

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *reply = get(lines[i]);
		int status = client_status(reply);

		if (status != 404 && status != 400)
			fail_msg("%s: %s", lines[i], reply);
		assert_null(strstr(reply, "topsecret"));
		assert_null(client_header(reply, "X-Evil"));
	}
}

static void test_not_found_in_words(void **state)
{
	const char *reply = get("GET /nothing/<script>");

	(void)state;
	assert_int_equal(client_status(reply), 404);
	assert_header(reply, "Content-Type", "text/plain; charset=utf-8");
	assert_non_null(strstr(client_body(reply), "nothing at this address"));
	assert_null(strstr(reply, "<script>"));
}

static void test_directory(void **state)
{
	const char *reply = get("GET /assets");

	(void)state;
	assert_int_equal(client_status(reply), 301);
	assert_header(reply, "Location", "/assets/");
}

static void test_methods(void **state)
{
	static const struct {
		const char *line, *allow; /* NULL: 404 */
	} table[] = { { "POST /", "GET, HEAD" }, { "PUT /", "GET, HEAD" },
		{ "DELETE /healthz", "GET, HEAD" }, { "GET /echo", "POST" },
		{ "OPTIONS /echo", "POST" },
		{ "PATCH /both", "GET, HEAD, POST" },
		{ "TRACE /", "GET, HEAD" }, { "POST /nothing", NULL } };

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *reply = client_get(
			base, port, table[i].line, "Content-Length: 0\r\n", "");

		assert_int_equal(
			client_status(reply), table[i].allow ? 405 : 404);
		if (table[i].allow)
			assert_header(reply, "Allow", table[i].allow);
	}
}

static void test_routes(void **state)
{
	const char *reply = get("GET /healthz?verbose=1");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_string_equal(client_body(reply), "ok\n");
	assert_header(reply, "Cache-Control", "no-store");
	reply = get("GET /healthz/");
	assert_int_equal(client_status(reply), 404);
	reply = client_get(base, port, "POST /echo?a=%20b",
		"Content-Type: text/x\r\nContent-Length: 5\r\n", "a\"b\r\n");
	assert_int_equal(client_status(reply), 503);
	assert_header(reply, "Content-Type", "application/json");
	assert_string_equal(
		client_body(reply), "POST /echo a=%20b text/x 5 a\"b\r\n");
}

static void test_route_errors(void **state)
{
	char path[16];
	int err = 0, n = 0;
	struct http *h;

	(void)state;
	assert_int_equal(http_new(&h, base, "127.0.0.1", 0, NULL), 0);
	assert_int_equal(http_route(h, "x", false, NULL, NULL), -EINVAL);
	assert_int_equal(http_route(h, "/x", false, NULL, NULL), 0);
	assert_int_equal(http_route(h, "/x", false, NULL, NULL), -EEXIST);
	assert_int_equal(http_route(h, "/x", true, NULL, NULL), 0);
	for (; err == 0; n++) {
		snprintf(path, sizeof(path), "/%d", n);
		err = http_route(h, path, false, NULL, NULL);
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(n, 31);
	/* Without a web root there are no files. */
	assert_int_equal(
		client_status(client_get(base, http_port(h), "GET /", "", "")),
		404);
	assert_null(http_free(h));
}

static void test_open_errors(void **state)
{
	struct http *h = NULL;

	(void)state;
	assert_int_equal(
		http_new(&h, base, "127.0.0.1", port, NULL), -EADDRINUSE);
	assert_int_equal(http_new(&h, base, "localhost", 0, NULL), -EINVAL);
	assert_int_equal(http_new(&h, base, "127.0.0.1", 65536, NULL), -EINVAL);
	assert_int_equal(
		http_new(&h, base, "127.0.0.1", 0, "/nonexistent"), -ENOENT);
	assert_null(h);
	assert_null(http_free(NULL));
}

/* 82: bodies and headers have an end. */
static void test_limits(void **state)
{
	char *big = malloc(100001), head[64];
	const char *reply;

	(void)state;
	assert_non_null(big);
	snprintf(head, sizeof(head), "Content-Length: %d\r\n",
		HTTP_BODY_MAX + 1);
	reply = client_get(base, port, "POST /echo", head, "");
	assert_int_equal(client_status(reply), 413);
	snprintf(head, sizeof(head), "Content-Length: -1\r\n");
	reply = client_get(base, port, "POST /echo", head, "");
	assert_int_equal(client_status(reply), 400);
	memset(big, 'x', 100000);
	memcpy(big, "X-Big: ", 7);
	memcpy(big + 99998, "\r\n", 3);
	reply = client_get(base, port, "GET /healthz", big, "");
	assert_true(client_status(reply) != 200);
	free(big);
	/* It still serves. */
	assert_int_equal(client_status(get("GET /healthz")), 200);
}

static void test_garbage(void **state)
{
	static const char *const junk[] = { "\r\n\r\n\r\n", "GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"FROB / HTTP/1.1\r\n\r\n" };
	int closed;

	(void)state;
	for (unsigned i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		int fd = client_connect(port);

		client_talk(base, fd, junk[i], strlen(junk[i]), 100, &closed);
		close(fd);
		client_turn(base, 10);
		assert_int_equal(client_status(get("GET /healthz")), 200);
	}
}

static void test_keep_alive(void **state)
{
	static const char twice[] = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
				    "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
	int fd = client_connect(port), closed;
	const char *reply =
		client_talk(base, fd, twice, strlen(twice), 300, &closed);

	(void)state;
	assert_false(closed);
	reply = strstr(client_body(reply), "HTTP/1.1 200");
	assert_non_null(reply);
	close(fd);
}

static void healthz(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	assert_string_equal(arg, "argument");
	assert_string_equal(req->path, "/healthz");
	evbuffer_add_printf(reply->body, "ok\n");
}

static void echo(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	(void)arg;
	reply->status = 503;
	reply->content_type = "application/json";
	evbuffer_add_printf(reply->body, "%s %s %s %s %zu %.*s", req->method,
		req->path, req->query, req->content_type, req->body_len,
		(int)req->body_len, (const char *)req->body);
}

static void put(const char *name, const char *text, size_t times)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	while (times--)
		fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	char path[256];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/web", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/web/assets", root);
	mkdir(path, 0755);
	put("secret", "topsecret", 1);
	put("web/index.html", "<h1>hearth</h1>", 1);
	put("web/.hidden", "topsecret", 1);
	put("web/assets/app-B7xK2pQz.js", "1;", 1);
	put("web/big.bin", "bbb", 1000000);
	snprintf(path, sizeof(path), "%s/web/link", root);
	assert_int_equal(symlink("../secret", path), 0);
	snprintf(path, sizeof(path), "%s/web/linkdir", root);
	assert_int_equal(symlink("/etc", path), 0);
	snprintf(path, sizeof(path), "%s/web/fifo", root);
	assert_int_equal(mkfifo(path, 0644), 0);
	base = event_base_new();
	assert_non_null(base);
	snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(http_new(&http, base, "127.0.0.1", 0, path), 0);
	port = http_port(http);
	assert_true(port > 0);
	http_route(http, "/healthz", false, healthz, "argument");
	http_route(http, "/echo", true, echo, NULL);
	http_route(http, "/both", false, healthz, NULL);
	return http_route(http, "/both", true, echo, NULL);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	http = http_free(http);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_caching),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_big_file),
		cmocka_unit_test(test_no_way_out),
		cmocka_unit_test(test_not_found_in_words),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_route_errors),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_keep_alive),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
