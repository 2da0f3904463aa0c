#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/event.h>
#include "fake_homeserver.h"
#include "matrix-bot/client.h"
#include "http/fetch.h"

struct got {
	unsigned n;
	struct {
		uint64_t tag;
		int status, error;
		char errcode[32];
	} v[32];
};

struct world {
	struct event_base *base;
	struct fake_homeserver *f;
	struct client *c;
	bool in, denied, replied;
	unsigned sessions;
	char sentence[512];
	struct got got;
};

static void on_session(void *arg)
{
	struct world *w = arg;

	w->in = true;
	w->sessions++;
}

static void on_denied(void *arg, const char *sentence)
{
	struct world *w = arg;

	w->denied = true;
	snprintf(w->sentence, sizeof(w->sentence), "%s", sentence);
}

static void on_reply(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct world *w = arg;
	unsigned n = w->got.n++;

	assert_true(n < COUNT(w->got.v));
	w->got.v[n].tag = tag;
	w->got.v[n].status = r->status;
	w->got.v[n].error = r->error;
	snprintf(w->got.v[n].errcode, sizeof(w->got.v[n].errcode), "%s",
		r->errcode);
	w->replied = true;
}

static void world_new(struct world *w, const char *password, const char *token)
{
	const struct client_handlers h = { on_session, on_denied, w };
	struct client_config config = { .user = "bot",
		.password = password,
		.token = token,
		.backoff_ms = 10,
		.backoff_max_ms = 40 };
	char url[128];

	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	w->f = fake_new(w->base);
	snprintf(url, sizeof(url), "%s//", fake_url(w->f));
	config.homeserver = url;
	assert_int_equal(client_new(&w->c, w->base, &config, &h), 0);
}

static void world_done(struct world *w)
{
	client_free(w->c);
	fake_free(w->f);
	event_base_free(w->base);
}

static void world_in(struct world *w)
{
	world_new(w, "pw", NULL);
	client_start(w->c, NULL);
	fake_wait_flag(w->base, &w->in);
}

static void put(struct world *w, const char *lane, const char *path,
	unsigned flags, uint64_t tag, const char *replaces)
{
	struct client_request q = { .lane = lane,
		.method = "PUT",
		.path = path,
		.flags = flags,
		.handler = on_reply,
		.arg = w,
		.tag = tag,
		.replaces = replaces };

	q.body = cJSON_CreateObject();
	assert_int_equal(client_request(w->c, &q), 0);
	cJSON_Delete((cJSON *)q.body);
}

static void wait_replies(struct world *w, unsigned n)
{
	for (int i = 0; i < 1000 && w->got.n < n; i++)
		fake_run(w->base, 5);
	assert_int_equal(w->got.n, n);
}

static void logs_in(void **state)
{
	struct world w;
	const char *body;

	(void)state;
	world_in(&w);
	assert_string_equal(client_user_id(w.c), "@bot:s");
	assert_string_equal(client_device_id(w.c), "BOTDEV");
	body = fake_find(w.f, "/_matrix/client/v3/login", 0)->body;
	assert_non_null(strstr(body, "\"password\":\"pw\""));
	world_done(&w);
}

static void wrong_password(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, "pw", NULL);
	fake_add_rule(
		w.f, &(struct fake_rule){ "/login", FAKE_REPLY, 403,
			     "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"Invalid "
			     "username or password\"}",
			     NULL, 1 });
	client_start(w.c, NULL);
	fake_wait_flag(w.base, &w.denied);
	assert_non_null(strstr(w.sentence, "M_FORBIDDEN"));
	assert_non_null(strstr(w.sentence, "matrix.password"));
	world_done(&w);
}

/* Unreachable, then broken in several ways, then fine. */
static void login_keeps_trying(void **state)
{
	static const struct fake_rule rules[] = {
		{ "/login", FAKE_LOSE, 0, NULL, NULL, 1 },
		{ "/login", FAKE_REPLY, 502, "<html>Bad Gateway</html>", NULL,
			1 },
		{ "/login", FAKE_REPLY, 200, "{\"access_token\":\"t", NULL, 1 },
		{ "/login", FAKE_REPLY, 429,
			"{\"errcode\":\"M_LIMIT_EXCEEDED\","
			"\"retry_after_ms\":30}",
			NULL, 1 },
		{ "/login", FAKE_REPLY, 404, "<html>not here</html>", NULL, 1 },
	};
	struct world w;

	(void)state;
	world_new(&w, "pw", NULL);
	for (size_t i = 0; i < COUNT(rules); i++)
		fake_add_rule(w.f, &rules[i]);
	client_start(w.c, NULL);
	fake_wait_flag(w.base, &w.in);
	assert_int_equal(fake_count(w.f, "/login"), COUNT(rules) + 1);
	world_done(&w);
}

static void token_then_password(void **state)
{
	static const struct fake_rule rule = { "/whoami", FAKE_REPLY, 401,
		"{\"errcode\":\"M_UNKNOWN_TOKEN\"}", NULL, 1 };
	struct world w;

	(void)state;
	world_new(&w, "pw", NULL);
	client_start(w.c, "saved");
	fake_wait_flag(w.base, &w.in);
	assert_int_equal(fake_count(w.f, "/login"), 0);
	world_done(&w);

	world_new(&w, "pw", NULL);
	fake_add_rule(w.f, &rule);
	client_start(w.c, "saved");
	fake_wait_flag(w.base, &w.in);
	assert_int_equal(fake_count(w.f, "/login"), 1);
	world_done(&w);

	world_new(&w, NULL, "configured");
	fake_add_rule(w.f, &rule);
	client_start(w.c, NULL);
	fake_wait_flag(w.base, &w.denied);
	assert_non_null(strstr(w.sentence, "matrix.token"));
	world_done(&w);
}

/* Every kind of trouble: the same path again, and then one answer. */
static void retries(void **state)
{
	static const struct fake_rule rules[] = {
		{ "/send/", FAKE_REPLY, 500, "{\"errcode\":\"M_UNKNOWN\"}",
			NULL, 1 },
		{ "/send/", FAKE_REPLY, 502, "<html></html>", NULL, 1 },
		{ "/send/", FAKE_REPLY, 200, "{\"event_id\":", NULL, 1 },
		{ "/send/", FAKE_REPLY, 200, "<html>captive portal</html>",
			NULL, 1 },
		{ "/send/", FAKE_LOSE, 0, NULL, NULL, 1 },
		{ "/send/", FAKE_REPLY, 429,
			"{\"errcode\":\"M_LIMIT_EXCEEDED\","
			"\"retry_after_ms\":50}",
			NULL, 1 },
		{ "/send/", FAKE_REPLY, 429, "{}", NULL, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct world w;

		world_in(&w);
		fake_add_rule(w.f, &rules[i]);
		put(&w, "l", "/send/txn1", CLIENT_PACED, 1, NULL);
		put(&w, "l", "/send/txn2", CLIENT_PACED, 2, NULL);
		wait_replies(&w, 2);
		assert_int_equal(w.got.v[0].tag, 1);
		assert_int_equal(w.got.v[0].status, 200);
		assert_int_equal(w.got.v[1].tag, 2);
		assert_int_equal(fake_count(w.f, "/send/txn1"), 2);
		assert_int_equal(fake_count(w.f, "/send/txn2"), 1);
		assert_non_null(
			strstr(fake_find(w.f, "/send/", 1)->path, "txn1"));
		world_done(&w);
	}
}

static void honours_the_wait(void **state)
{
	static const struct fake_rule rules[] = {
		{ "/send/", FAKE_REPLY, 429, "{\"retry_after_ms\":300}", "9",
			1 },
		{ "/send/", FAKE_REPLY, 429, "busy", "1", 1 },
	};
	static const uint64_t least_ms[] = { 280, 950 };

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct world w;
		uint64_t before_us;

		world_in(&w);
		fake_add_rule(w.f, &rules[i]);
		before_us = fetch_now_us();
		put(&w, "l", "/send/a", 0, 1, NULL);
		wait_replies(&w, 1);
		assert_true(fetch_now_us() - before_us >= least_ms[i] * 1000);
		assert_true(fetch_now_us() - before_us < 3000000);
		world_done(&w);
	}
}

static void final_answers(void **state)
{
	static const int status[] = { 400, 403, 404, 413 };

	(void)state;
	for (size_t i = 0; i < COUNT(status); i++) {
		struct world w;

		world_in(&w);
		fake_add_rule(w.f,
			&(struct fake_rule){ "/send/", FAKE_REPLY, status[i],
				"{\"errcode\":\"M_X\"}", NULL, 1 });
		put(&w, "l", "/send/a", 0, 1, NULL);
		wait_replies(&w, 1);
		assert_int_equal(w.got.v[0].status, status[i]);
		assert_string_equal(w.got.v[0].errcode, "M_X");
		assert_int_equal(fake_count(w.f, "/send/"), 1);
		world_done(&w);
	}
}

/* After a 429 the hangup of one call goes before the rest of the others, and
 * what waited in its own lane does not go at all. */
static void urgent_goes_first(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/a1", FAKE_REPLY, 429,
				   "{\"retry_after_ms\":100}", NULL, 1 });
	put(&w, "a", "/send/a1", CLIENT_PACED, 1, NULL);
	fake_wait(w.f, "/send/a1", 1);
	fake_run(w.base, 20);
	put(&w, "b", "/send/b1", CLIENT_PACED, 2, NULL);
	put(&w, "b", "/send/b2", CLIENT_PACED, 3, NULL);
	put(&w, "b", "/send/bye", CLIENT_PACED | CLIENT_URGENT, 4, NULL);
	wait_replies(&w, 4);
	assert_int_equal(w.got.v[0].error, -ECANCELED);
	assert_int_equal(w.got.v[1].error, -ECANCELED);
	assert_int_equal(fake_count(w.f, "/send/b1"), 0);
	assert_non_null(strstr(fake_find(w.f, "/send/", 1)->path, "bye"));
	world_done(&w);
}

/* What fails on the wire while a hangup waits behind it is not sent again. */
static void urgent_ends_retries(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/a1", FAKE_REPLY, 500,
				   "{}", NULL, 100 });
	put(&w, "a", "/send/a1", 0, 1, NULL);
	put(&w, "a", "/send/bye", CLIENT_URGENT, 2, NULL);
	wait_replies(&w, 2);
	assert_int_equal(w.got.v[0].error, -ECANCELED);
	assert_int_equal(w.got.v[1].status, 200);
	assert_int_equal(fake_count(w.f, "/send/a1"), 1);
	world_done(&w);
}

static void newer_replaces(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	put(&w, "a", "/send/1", 0, 1, NULL);
	put(&w, "a", "/send/2", 0, 2, "metadata");
	put(&w, "a", "/send/3", 0, 3, "offer");
	put(&w, "a", "/send/4", 0, 4, "metadata");
	wait_replies(&w, 4);
	assert_int_equal(w.got.v[0].tag, 2);
	assert_int_equal(w.got.v[0].error, -ECANCELED);
	assert_int_equal(fake_count(w.f, "/send/2"), 0);
	assert_non_null(strstr(fake_find(w.f, "/send/", 2)->path, "/4"));
	world_done(&w);
}

/* What the homeserver has refused for now can be taken back; what it may have
 * taken cannot. */
static void taken_back(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/a1", FAKE_REPLY, 429,
				   "{\"retry_after_ms\":1500}", NULL, 1 });
	fake_add_rule(w.f, &(struct fake_rule){ "/send/b1", FAKE_REPLY, 500,
				   "{}", NULL, 5 });
	put(&w, "a", "/send/a1", CLIENT_PACED, 1, "word");
	fake_wait(w.f, "/send/a1", 1);
	fake_run(w.base, 300); /* a busy machine takes its time */
	client_cancel(w.c, "a", "other word");
	assert_int_equal(w.got.n, 0);
	client_cancel(w.c, "a", "word");
	assert_int_equal(w.got.n, 1);
	assert_int_equal(w.got.v[0].error, -ECANCELED);
	put(&w, "b", "/send/b1", 0, 2, "word");
	fake_wait(w.f, "/send/b1", 3);
	client_cancel(w.c, "b", "word");
	wait_replies(&w, 2);
	assert_int_equal(w.got.v[1].status, 200);
	fake_run(w.base, 1700);
	assert_int_equal(fake_count(w.f, "/send/a1"), 1);
	world_done(&w);
}

static void expires(void **state)
{
	struct client_request q = { .lane = "l",
		.method = "PUT",
		.path = "/send/a",
		.handler = on_reply };
	struct world w;

	(void)state;
	world_in(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/", FAKE_REPLY, 500, "{}",
				   NULL, 1000 });
	q.arg = &w;
	q.expires_us = fetch_now_us() + 100000;
	client_request(w.c, &q);
	wait_replies(&w, 1);
	assert_int_equal(w.got.v[0].error, -ETIMEDOUT);
	assert_true(fake_count(w.f, "/send/a") > 1);
	world_done(&w);
}

/* 401: logs in again, once, to the same device, and then all of them go. */
static void logs_in_again(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/", FAKE_REPLY, 401,
				   "{\"errcode\":\"M_UNKNOWN_TOKEN\","
				   "\"soft_logout\":true}",
				   NULL, 2 });
	put(&w, "a", "/send/a", 0, 1, NULL);
	put(&w, "b", "/send/b", 0, 2, NULL);
	wait_replies(&w, 2);
	assert_int_equal(w.got.v[0].status, 200);
	assert_int_equal(w.got.v[1].status, 200);
	assert_int_equal(w.sessions, 2);
	assert_int_equal(fake_count(w.f, "/login"), 2);
	assert_non_null(strstr(
		fake_find(w.f, "/login", 1)->body, "\"device_id\":\"BOTDEV\""));
	world_done(&w);
}

static void send_file(struct world *w, const char *path, unsigned ms)
{
	const struct client_request q = { .lane = "files",
		.method = "POST",
		.path = "/_matrix/upload",
		.body_path = path,
		.content_type = "video/mp4",
		.flags = CLIENT_PATIENT,
		.expires_us = ms ? fetch_now_us() + ms * 1000ull : 0,
		.handler = on_reply,
		.arg = w,
		.tag = 7 };

	assert_int_equal(client_request(w->c, &q), 0);
}

/* A file is sent again from its beginning, under a new login too. */
static void files(void **state)
{
	char path[] = "/tmp/hearth-client-XXXXXX";
	int fd = mkstemp(path);
	struct world w;

	(void)state;
	assert_int_equal(write(fd, "picture", 7), 7);
	close(fd);
	world_in(&w);
	fake_add_rule(w.f,
		&(struct fake_rule){ "/upload", FAKE_LOSE, 0, "", NULL, 1 });
	fake_add_rule(w.f,
		&(struct fake_rule){ "/upload", FAKE_REPLY, 503, "", NULL, 1 });
	fake_add_rule(
		w.f, &(struct fake_rule){ "/upload", FAKE_REPLY, 401,
			     "{\"errcode\":\"M_UNKNOWN_TOKEN\"}", NULL, 1 });
	fake_add_rule(w.f, &(struct fake_rule){ "/upload", FAKE_REPLY, 429,
				   "{\"retry_after_ms\":20}", NULL, 1 });
	send_file(&w, path, 0);
	/* Nobody waits for a file to end. */
	assert_int_equal(client_pending(w.c, NULL), 0);
	wait_replies(&w, 1);
	assert_int_equal(w.got.v[0].status, 200);
	assert_int_equal(w.got.v[0].tag, 7);
	assert_int_equal(w.sessions, 2);
	assert_int_equal(fake_count(w.f, "/upload"), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(
			fake_find(w.f, "/upload", i)->body, "picture");
	/* Gone: no use to wait. */
	unlink(path);
	send_file(&w, path, 0);
	assert_int_equal(w.got.n, 1);
	wait_replies(&w, 2);
	assert_int_equal(w.got.v[1].error, -ETIMEDOUT);
	world_done(&w);
}

/* Dropped on the wire: no handler, and the lane is free for others. */
static void drops(void **state)
{
	struct world w;

	(void)state;
	world_in(&w);
	put(&w, "a", "/x", 0, 1, NULL);
	put(&w, "a", "/y", 0, 2, NULL);
	client_drop(w.c, "a");
	client_drop(w.c, "nobody's");
	put(&w, "a", "/z", 0, 3, NULL);
	wait_replies(&w, 1);
	fake_run(w.base, 50);
	assert_int_equal(w.got.n, 1);
	assert_int_equal(w.got.v[0].tag, 3);
	world_done(&w);
}

static void bounds(void **state)
{
	struct client_request q = {
		.lane = "l", .method = "PUT", .path = "/send/a"
	};
	static char path[CLIENT_PATH_MAX + 2];
	struct world w;

	(void)state;
	world_new(&w, "pw", NULL);
	for (int i = 0; i < CLIENT_LANE_MAX; i++)
		assert_int_equal(client_request(w.c, &q), 0);
	assert_int_equal(client_request(w.c, &q), -ENOBUFS);
	assert_int_equal(client_pending(w.c, NULL), CLIENT_LANE_MAX);
	assert_int_equal(client_pending(w.c, "l"), 0);
	memset(path, 'x', sizeof(path) - 1);
	q.path = path;
	assert_int_equal(client_request(w.c, &q), -E2BIG);
	world_done(&w);
}

static void escapes(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(client_escape(text, sizeof(text), "!a:b/c ~"), 0);
	assert_string_equal(text, "%21a%3Ab%2Fc%20~");
	assert_int_equal(client_escape(text, 4, "abcdef"), -E2BIG);
	assert_int_equal(client_escape(text, sizeof(text), "\xc3\xa4"), 0);
	assert_string_equal(text, "%C3%A4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(login_keeps_trying),
		cmocka_unit_test(token_then_password),
		cmocka_unit_test(retries),
		cmocka_unit_test(honours_the_wait),
		cmocka_unit_test(final_answers),
		cmocka_unit_test(urgent_goes_first),
		cmocka_unit_test(urgent_ends_retries),
		cmocka_unit_test(newer_replaces),
		cmocka_unit_test(taken_back),
		cmocka_unit_test(expires),
		cmocka_unit_test(logs_in_again),
		cmocka_unit_test(files),
		cmocka_unit_test(drops),
		cmocka_unit_test(bounds),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
