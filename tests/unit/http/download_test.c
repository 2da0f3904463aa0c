/* Files that routes let people have, over a real socket. */
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "tests/unit/http/client.h"

/* More than any socket's buffers, and no hole is read from a disk. */
#define BIG_SIZE (UINT64_C(6) << 30)

static char root[] = "/tmp/hearth-download-XXXXXX";
static struct event_base *base;
static struct http *http;
static unsigned port;

static const char *ask(const char *line, const char *headers)
{
	return client_get(base, port, line, headers, "");
}

static void assert_header(
	const char *reply, const char *name, const char *value)
{
	const char *got = client_header(reply, name);

	if (!got)
		fail_msg("no %s in %s", name, reply);
	assert_string_equal(got, value);
}

static unsigned open_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_whole(void **state)
{
	const char *reply = ask("GET /files/a/small.bin?key=1", "");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_string_equal(client_body(reply), "0123456789");
	assert_header(reply, "Content-Length", "10");
	assert_header(reply, "Content-Type", "video/webm");
	assert_header(reply, "Accept-Ranges", "bytes");
	assert_header(reply, "Cache-Control", "private, no-store");
	assert_header(reply, "X-Content-Type-Options", "nosniff");
	assert_header(reply, "Cross-Origin-Resource-Policy", "same-origin");
	/* what could end the header's quotes is gone */
	assert_header(reply, "Content-Disposition",
		"inline; filename=\"Fire_ _side_.webm\"");
	assert_null(client_header(reply, "Content-Range"));
}

static void test_ranges(void **state)
{
	const char *line = "GET /files/a/small.bin?key=1";
	const char *reply = ask(line, "Range: bytes=2-4\r\n");

	(void)state;
	assert_int_equal(client_status(reply), 206);
	assert_string_equal(client_body(reply), "234");
	assert_header(reply, "Content-Range", "bytes 2-4/10");
	assert_header(reply, "Content-Length", "3");
	reply = ask(line, "Range: bytes=-3\r\n");
	assert_int_equal(client_status(reply), 206);
	assert_string_equal(client_body(reply), "789");
	reply = ask(line, "Range: bytes=10-\r\n");
	assert_int_equal(client_status(reply), 416);
	assert_header(reply, "Content-Range", "bytes */10");
	reply = ask(line, "Range: bytes=0-1,3-4\r\n");
	assert_int_equal(client_status(reply), 200);
	assert_string_equal(client_body(reply), "0123456789");
}

static void test_condition(void **state)
{
	const char *line = "GET /files/a/small.bin?key=1";
	char headers[256];
	const char *reply;

	(void)state;
	snprintf(headers, sizeof(headers),
		"Range: bytes=2-4\r\nIf-Range: %s\r\n",
		client_header(ask(line, ""), "ETag"));
	reply = ask(line, headers);
	assert_int_equal(client_status(reply), 206);
	reply = ask(line, "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n");
	assert_int_equal(client_status(reply), 200);
}

static void test_head(void **state)
{
	const char *reply =
		ask("HEAD /files/a/small.bin?key=1", "Range: bytes=2-4\r\n");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_header(reply, "Content-Length", "10");
	assert_header(reply, "Accept-Ranges", "bytes");
	assert_string_equal(client_body(reply), "");
}

static void test_empty(void **state)
{
	const char *reply = ask("GET /files/empty?key=1", "");

	(void)state;
	assert_int_equal(client_status(reply), 200);
	assert_header(reply, "Content-Length", "0");
	assert_header(reply, "Content-Type", "application/octet-stream");
	assert_null(client_header(reply, "Content-Disposition"));
	reply = ask("GET /files/empty?key=1", "Range: bytes=0-\r\n");
	assert_int_equal(client_status(reply), 416);
}

static void test_refusals(void **state)
{
	const char *reply = ask("GET /files/a/small.bin", "");

	(void)state;
	assert_int_equal(client_status(reply), 403);
	assert_string_equal(client_body(reply), "No key.\n");
	assert_header(reply, "Cache-Control", "no-store");
	reply = ask("GET /files/nothing?key=1", "");
	assert_int_equal(client_status(reply), 404);
	assert_non_null(strstr(client_body(reply), "nothing at this address"));
	reply = ask("GET /files/?key=1", "");
	assert_int_equal(client_status(reply), 404);
	/* a handler that gave a directory away */
	reply = ask("GET /files/directory?key=1", "");
	assert_int_equal(client_status(reply), 404);
	reply = client_get(base, port, "POST /files/a/small.bin?key=1",
		"Content-Length: 0\r\n", "");
	assert_int_equal(client_status(reply), 405);
	assert_header(reply, "Allow", "GET, HEAD");
	/* not below the prefix */
	assert_int_equal(client_status(ask("GET /files", "")), 404);
	assert_int_equal(client_status(ask("GET /filesx/a", "")), 404);
	/* exact routes win */
	reply = ask("GET /files/route", "");
	assert_string_equal(client_body(reply), "route");
}

static void test_files_are_closed(void **state)
{
	unsigned before = open_files();

	(void)state;
	for (int i = 0; i < 20; i++) {
		ask("GET /files/a/small.bin?key=1", "");
		ask("HEAD /files/a/small.bin?key=1", "");
		ask("GET /files/a/small.bin?key=1", "Range: bytes=99-\r\n");
		ask("GET /files/empty?key=1", "");
		ask("GET /files/directory?key=1", "");
	}
	client_turn(base, 1200);
	assert_true(open_files() <= before + 1);
}

static void test_route_errors(void **state)
{
	(void)state;
	assert_int_equal(http_route_files(http, "files/", NULL, NULL), -EINVAL);
	assert_int_equal(http_route_files(http, "/files", NULL, NULL), -EINVAL);
	assert_int_equal(http_route_files(http, "", NULL, NULL), -EINVAL);
	assert_int_equal(
		http_route_files(http, "/files/", NULL, NULL), -EEXIST);
}

static long anonymous_kb(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

static long mapped_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int start_big(const char *headers)
{
	char request[512];
	int fd = client_connect(port), small = 65536;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	snprintf(request, sizeof(request),
		"GET /files/big?key=1 HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
		(ssize_t)strlen(request));
	return fd;
}

/* Takes what is there; false when the server has closed. */
static bool take(int fd, size_t *taken)
{
	static char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	*taken += n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Fifty that stopped reading in a file of 6 GiB: it is neither read nor mapped.
 */
static void test_slow_hold_no_memory(void **state)
{
	long anonymous = anonymous_kb(), mapped = mapped_kb();
	int fd[50];

	(void)state;
	for (int i = 0; i < 50; i++)
		fd[i] = start_big("");
	client_turn(base, 500);
	assert_true(anonymous_kb() - anonymous < 20000);
	assert_true(mapped_kb() - mapped < 100000);
	for (int i = 0; i < 50; i++)
		close(fd[i]);
	client_turn(base, 200);
}

static void test_beyond_4_gib(void **state)
{
	size_t taken = 0;
	int fd = start_big("Range: bytes=5368709120-5368775000\r\n");

	(void)state;
	for (int i = 0; i < 200 && taken < 65881; i++) {
		client_turn(base, 5);
		assert_true(take(fd, &taken));
	}
	assert_true(taken > 65881); /* and the header */
	close(fd);
}

/* What a client says while it is answered is not read without end. */
static void test_talker_is_held_back(void **state)
{
	static char noise[1 << 20];
	int fd = start_big("");
	size_t sent = 0;
	long before;

	(void)state;
	client_turn(base, 50);
	before = anonymous_kb();
	for (int i = 0; i < 300; i++) {
		ssize_t n = send(
			fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		client_turn(base, 2);
	}
	assert_true(sent < 40000000);
	assert_true(anonymous_kb() - before < 4000);
	close(fd);
	client_turn(base, 50);
}

/* Longer than HTTP_TIMEOUT_S, which is evhttp's for a socket that is silent:
 * the client says nothing all the while, and takes so little at a time that the
 * server's socket is full for seconds. */
static void test_long_and_slow(void **state)
{
	int fd = start_big("");
	size_t taken = 0;
	time_t end = time(NULL) + HTTP_TIMEOUT_S + 5;

	(void)state;
	while (time(NULL) < end) {
		client_turn(base, 250);
		assert_true(take(fd, &taken));
	}
	/* More than was in the kernel's buffers if the server had closed. */
	for (int i = 0; i < 5000 && taken < 60000000; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_true(take(fd, &taken));
	}
	assert_true(taken >= 60000000);
	close(fd);
}

static void give(
	void *arg, const struct http_request *req, struct http_download *ret)
{
	char path[512];
	bool small = strcmp(req->path, "a/small.bin") == 0;

	assert_string_equal(arg, "argument");
	if (!req->query || strcmp(req->query, "key=1") != 0) {
		ret->status = 403;
		ret->text = "No key.\n";
		return;
	}
	if (!small && strcmp(req->path, "big") != 0 &&
		strcmp(req->path, "empty") != 0 &&
		strcmp(req->path, "directory") != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", root,
		small                                 ? "small.bin"
		: strcmp(req->path, "directory") == 0 ? "."
						      : req->path);
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!small)
		return;
	ret->content_type = "video/webm";
	strcpy(ret->name, "Fire\r \"side\\.webm");
}

static void route(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	(void)arg;
	(void)req;
	evbuffer_add_printf(reply->body, "route");
}

static void make(const char *name, const char *text, uint64_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fflush(f);
	assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(root));
	make("small.bin", "0123456789", 10);
	make("empty", "", 0);
	make("big", "b", BIG_SIZE);
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(http_new(&http, base, "127.0.0.1", 0, NULL), 0);
	port = http_port(http);
	assert_int_equal(
		http_route_files(http, "/files/", give, "argument"), 0);
	return http_route(http, "/files/route", false, route, NULL);
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
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_condition),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_files_are_closed),
		cmocka_unit_test(test_route_errors),
		cmocka_unit_test(test_slow_hold_no_memory),
		cmocka_unit_test(test_beyond_4_gib),
		cmocka_unit_test(test_talker_is_held_back),
		cmocka_unit_test(test_long_and_slow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
