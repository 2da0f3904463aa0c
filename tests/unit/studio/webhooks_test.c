/* Against a receiver of our own on the loopback. */
#include "studio/webhooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include "http/sign.h"
#include "sfu/config.h"

enum { REQUESTS = 2048 };

static struct {
	struct event_base *base;
	struct evhttp *http;
	struct webhooks *webhooks;
	char directory[64], path[96], url[2][64];
	char *urls[2];
	struct config_list list;
	unsigned status;   /* of the answers */
	unsigned refusals; /* first so many times 503 */
	bool silent;
	struct evhttp_request *held;
	unsigned n;
	char body[8192], told[65536], delivery[REQUESTS][40];
} t;

static const char *header(struct evhttp_request *req, const char *name)
{
	const char *value =
		evhttp_find_header(evhttp_request_get_input_headers(req), name);

	return value ? value : "";
}

static void check_signature(struct evhttp_request *req, const char *body)
{
	const char *stamp = header(req, "Hearth-Timestamp");
	const struct sign_part part[] = { { stamp, strlen(stamp) }, { ".", 1 },
		{ body, strlen(body) } };
	char expected[SIGN_HEX + 8] = "sha256=";
	long long age = (long long)time(NULL) - strtoll(stamp, NULL, 10);

	assert_int_equal(sign_hex("geheim", 6, part, 3, expected + 7), 0);
	assert_string_equal(header(req, "Hearth-Signature"), expected);
	assert_true(age >= -1 && age < 5);
	assert_string_equal(header(req, "Content-Type"), "application/json");
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in), n = strlen(t.told);

	(void)arg;
	assert_true(len < sizeof(t.body));
	evbuffer_remove(in, t.body, len);
	t.body[len] = '\0';
	check_signature(req, t.body);
	snprintf(t.told + n, sizeof(t.told) - n, "%s %s\n",
		evhttp_request_get_uri(req), header(req, "Hearth-Event"));
	snprintf(t.delivery[t.n % REQUESTS], sizeof(t.delivery[0]), "%s",
		header(req, "Hearth-Delivery"));
	t.n++;
	if (t.silent) {
		t.held = req;
		return;
	}
	if (t.refusals) {
		t.refusals--;
		evhttp_send_reply(req, 503, "Later", NULL);
		return;
	}
	evhttp_send_reply(req, (int)t.status, "X", NULL);
}

static void open_receiver(void)
{
	struct evhttp_bound_socket *s;
	evutil_socket_t fd;
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	unsigned port;

	t.http = evhttp_new(t.base);
	evhttp_set_gencb(t.http, on_request, NULL);
	s = evhttp_bind_socket_with_handle(t.http, "127.0.0.1", 0);
	assert_non_null(s);
	fd = evhttp_bound_socket_get_fd(s);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	port = (unsigned)(((unsigned char *)&a)[2] << 8 |
			  ((unsigned char *)&a)[3]);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(t.url[i], sizeof(t.url[i]), "http://127.0.0.1:%u/%u",
			port, i);
		t.urls[i] = t.url[i];
	}
	t.list.v = t.urls;
	t.list.n = 1;
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	signal(SIGPIPE, SIG_IGN);
	strcpy(t.directory, "/tmp/hearth-webhooks-XXXXXX");
	assert_non_null(mkdtemp(t.directory));
	snprintf(t.path, sizeof(t.path), "%s/hooks", t.directory);
	t.base = event_base_new();
	t.status = 204;
	open_receiver();
	return 0;
}

static int remove_one(
	const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	webhooks_free(t.webhooks);
	evhttp_free(t.http);
	event_base_free(t.base);
	return nftw(t.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
	assert_int_equal(
		webhooks_new(&t.webhooks, t.base, t.path, &t.list, "geheim"),
		0);
}

static void post(const char *event, const char *id)
{
	cJSON *manifest = cJSON_Parse("{\"state\":\"finished\"}");
	const struct hook h = { .event = event,
		.id = id,
		.room = "!r:x",
		.time_ms = 1795000000123,
		.directory = "/d",
		.manifest_path = "/d/manifest.json",
		.file = "composed.mp4",
		.manifest = manifest };

	webhooks_post(t.webhooks, &h);
	cJSON_Delete(manifest);
}

static void turn(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		event_base_loop(t.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

static void wait_requests(unsigned n)
{
	for (unsigned i = 0; i < 60000 && t.n < n; i++)
		turn(1);
	assert_int_equal(t.n, n);
	turn(20);
}

/* Files in the directory of those that wait. */
static unsigned on_disk(void)
{
	struct dirent *e;
	unsigned n = 0;
	DIR *dir = opendir(t.path);

	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void test_delivered(void **state)
{
	(void)state;
	t.list.n = 2;
	start();
	post("composed", "id1");
	assert_int_equal(t.n, 0);
	wait_requests(2);
	assert_string_equal(t.body,
		"{\"event\":\"composed\",\"id\":\"id1\",\"room\":\"!r:x\","
		"\"time_ms\":1795000000123,\"file\":\"composed.mp4\","
		"\"manifest\":{\"state\":\"finished\"}}");
	assert_non_null(strstr(t.told, "/0 composed\n"));
	assert_non_null(strstr(t.told, "/1 composed\n"));
	assert_string_not_equal(t.delivery[0], t.delivery[1]);
	assert_int_equal(webhooks_counted(t.webhooks)->delivered, 2);
	assert_int_equal(on_disk(), 0);
}

static void test_retried_with_the_same_id(void **state)
{
	(void)state;
	t.refusals = 2;
	start();
	post("started", "id1");
	wait_requests(3); /* after 1 and 2 s */
	assert_string_equal(t.delivery[0], t.delivery[1]);
	assert_string_equal(t.delivery[0], t.delivery[2]);
	assert_true(strlen(t.delivery[0]) > 16);
	assert_int_equal(webhooks_counted(t.webhooks)->delivered, 1);
	assert_int_equal(webhooks_counted(t.webhooks)->retries, 2);
}

static void test_order_of_one_recording(void **state)
{
	(void)state;
	t.refusals = 1;
	start();
	post("started", "id1");
	post("stopped", "id1");
	post("deleted", "id2");
	wait_requests(4);
	/* stopped waits for started; the other recording does not. */
	assert_string_equal(t.told, "/0 started\n/0 deleted\n/0 started\n"
				    "/0 stopped\n");
}

static void test_gone_ends_it(void **state)
{
	(void)state;
	t.status = 410;
	start();
	post("started", "id1");
	wait_requests(1);
	turn(1300);
	assert_int_equal(t.n, 1);
	assert_int_equal(webhooks_counted(t.webhooks)->failed, 1);
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 0);
}

static void test_survives_a_restart(void **state)
{
	char first[40];

	(void)state;
	t.status = 500;
	start();
	post("started", "id1");
	post("stopped", "id1");
	assert_int_equal(on_disk(), 2);
	wait_requests(1);
	strcpy(first, t.delivery[0]);
	t.webhooks = webhooks_free(t.webhooks);
	t.status = 200;
	start();
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 2);
	wait_requests(3);
	assert_string_equal(t.told, "/0 started\n/0 started\n/0 stopped\n");
	assert_string_equal(t.delivery[1], first);
	t.webhooks = webhooks_free(t.webhooks);
	start();
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 0);
}

static void test_killed_while_at_work(void **state)
{
	(void)state;
	t.silent = true;
	start();
	post("started", "id1");
	wait_requests(1);
	t.webhooks = webhooks_free(t.webhooks);
	evhttp_send_reply(t.held, 200, "late", NULL);
	turn(20);
	t.silent = false;
	start();
	wait_requests(2);
	assert_string_equal(t.delivery[0], t.delivery[1]);
}

static void test_other_urls_are_dropped(void **state)
{
	(void)state;
	t.status = 500;
	start();
	post("started", "id1");
	wait_requests(1);
	t.webhooks = webhooks_free(t.webhooks);
	t.urls[0] = t.url[1];
	start();
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 0);
	t.webhooks = webhooks_free(t.webhooks);
	t.urls[0] = t.url[0];
	start();
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 0);
}

static void test_too_old_is_given_up(void **state)
{
	char name[160], text[256];
	FILE *f;

	(void)state;
	t.status = 500;
	mkdir(t.path, 0700);
	snprintf(name, sizeof(name), "%s/000001600000000-000001-000000010",
		t.path);
	f = fopen(name, "w");
	assert_non_null(f);
	snprintf(text, sizeof(text),
		"{\"url\":\"%s\",\"event\":\"started\",\"id\":\"x\","
		"\"created_ms\":1600000000}\n{}",
		t.url[0]);
	fputs(text, f);
	fclose(f);
	start();
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 1);
	wait_requests(1); /* one more try */
	assert_int_equal(webhooks_counted(t.webhooks)->failed, 1);
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 0);
	assert_int_equal(access(name, F_OK), -1);
}

static void test_ceiling(void **state)
{
	(void)state;
	t.silent = true;
	start();
	for (unsigned i = 0; i < WEBHOOKS_WAITING + 3; i++)
		post("track", "id1");
	assert_int_equal(
		webhooks_counted(t.webhooks)->waiting, WEBHOOKS_WAITING);
	assert_int_equal(webhooks_counted(t.webhooks)->failed, 3);
}

static void test_unreachable(void **state)
{
	char nowhere[] = "http://127.0.0.1:1/x";

	(void)state;
	t.urls[0] = nowhere;
	start();
	post("started", "id1");
	for (unsigned i = 0;
		i < 60000 && !webhooks_counted(t.webhooks)->retries; i++)
		turn(1);
	assert_int_equal(webhooks_counted(t.webhooks)->waiting, 1);
	assert_int_equal(webhooks_counted(t.webhooks)->retries, 1);
}

static void test_full_disk_loses_nothing_while_it_runs(void **state)
{
	(void)state;
	start();
	/* No file can be made in a directory that is gone. */
	assert_int_equal(rmdir(t.path), 0);
	post("started", "id1");
	wait_requests(1);
	assert_int_equal(webhooks_counted(t.webhooks)->delivered, 1);
}

static void test_pauses(void **state)
{
	(void)state;
	assert_int_equal(webhooks_pause_s(1), 1);
	assert_int_equal(webhooks_pause_s(2), 2);
	assert_int_equal(webhooks_pause_s(10), 512);
	assert_int_equal(webhooks_pause_s(11), 600);
	assert_int_equal(webhooks_pause_s(4000000000), 600);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_delivered),
		T(test_retried_with_the_same_id),
		T(test_order_of_one_recording),
		T(test_gone_ends_it),
		T(test_survives_a_restart),
		T(test_killed_while_at_work),
		T(test_other_urls_are_dropped),
		T(test_too_old_is_given_up),
		T(test_ceiling),
		T(test_unreachable),
		T(test_full_disk_loses_nothing_while_it_runs),
		cmocka_unit_test(test_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
