#include "test.h"
#include <stdio.h>
#include <event2/event.h>
#include "fake_homeserver.h"
#include "matrix-bot/client.h"
#include "matrix-bot/event.h"
#include "matrix-bot/sync.h"

struct world {
	struct event_base *base;
	struct fake_homeserver *f;
	struct client *c;
	struct sync *s;
	bool in;
	unsigned settled;
	char log[4096]; /* what was handed on, in order */
	char position[64];
};

static void note(struct world *w, const char *a, const char *b)
{
	size_t n = strlen(w->log);

	snprintf(w->log + n, sizeof(w->log) - n, "%s:%s ", a, b);
}

static void on_left(void *arg, const char *room)
{
	note(arg, "left", room);
}

static void on_invited(void *arg, const char *room, const char *inviter)
{
	(void)room;
	note(arg, "invited", inviter);
}

static void on_joined(void *arg, const char *room)
{
	note(arg, "joined", room);
}

static void on_event(void *arg, const char *room, const cJSON *event,
	bool timeline, bool live)
{
	char how[8];

	(void)room;
	snprintf(how, sizeof(how), "%c%c", timeline ? 't' : 's',
		live ? 'l' : 'o');
	note(arg, how, event_string(event, "event_id"));
}

static void on_to_device(void *arg, const cJSON *event)
{
	note(arg, "dev", event_string(event, "event_id"));
}

static void on_settled(void *arg)
{
	struct world *w = arg;

	w->settled++;
	note(w, "settled", "");
}

static void on_position(void *arg, const char *next_batch)
{
	struct world *w = arg;

	snprintf(w->position, sizeof(w->position), "%s",
		next_batch ? next_batch : "none");
}

static void on_session(void *arg)
{
	((struct world *)arg)->in = true;
}

static void on_denied(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static void world_new(struct world *w, const char *since)
{
	const struct client_handlers ch = { on_session, on_denied, w };
	const struct sync_handlers sh = { on_left, on_invited, on_joined,
		on_event, on_to_device, on_settled, on_position, w };
	struct client_config config = { .user = "bot",
		.password = "pw",
		.backoff_ms = 10,
		.backoff_max_ms = 40 };

	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	w->f = fake_new(w->base);
	config.homeserver = fake_url(w->f);
	assert_int_equal(client_new(&w->c, w->base, &config, &ch), 0);
	assert_int_equal(sync_new(&w->s, w->base, w->c, &sh), 0);
	client_start(w->c, NULL);
	fake_wait_flag(w->base, &w->in);
	sync_start(w->s, since, "@bot:s");
}

static void world_done(struct world *w)
{
	sync_free(w->s);
	client_free(w->c);
	fake_free(w->f);
	event_base_free(w->base);
}

static void wait_settled(struct world *w, unsigned n)
{
	for (int i = 0; i < 1000 && w->settled < n; i++)
		fake_run(w->base, 5);
	assert_int_equal(w->settled, n);
}

static void order_of_one_sync(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	fake_sync(w.f,
		"\"to_device\":{\"events\":[{\"event_id\":\"d\"}]},"
		"\"rooms\":{\"join\":{\"!r\":{\"timeline\":{\"events\":[{"
		"\"event_id\":\"t\"}]},\"state\":{\"events\":[{\"event_id\":"
		"\"s\"}]}}},\"invite\":{\"!i\":{\"invite_state\":{\"events\":[{"
		"\"type\":\"m.room.member\",\"state_key\":\"@bot:s\","
		"\"sender\":\"@a:s\"}]}}},\"leave\":{\"!l\":{}}}");
	wait_settled(&w, 1);
	assert_string_equal(w.log,
		"left:!l invited:@a:s joined:!r so:s to:t dev:d settled: ");
	assert_string_equal(w.position, "s1");
	assert_non_null(
		strstr(fake_find(w.f, "/sync", 0)->path, "full_state=true"));
	fake_wait(w.f, "/sync", 2);
	assert_non_null(strstr(fake_find(w.f, "/sync", 1)->path, "since=s1"));
	assert_null(strstr(fake_find(w.f, "/sync", 1)->path, "full_state"));
	world_done(&w);
}

static void survives_trouble(void **state)
{
	static const struct fake_rule rules[] = {
		{ "/sync", FAKE_REPLY, 500, "", NULL, 1 },
		{ "/sync", FAKE_REPLY, 502, "<html></html>", NULL, 1 },
		{ "/sync", FAKE_REPLY, 200, "{\"next_batch\":\"x\",", NULL, 1 },
		{ "/sync", FAKE_LOSE, 0, NULL, NULL, 1 },
		{ "/sync", FAKE_REPLY, 429, "{\"retry_after_ms\":20}", NULL,
			1 },
		{ "/sync", FAKE_REPLY, 401, "{\"errcode\":\"M_UNKNOWN_TOKEN\"}",
			NULL, 1 },
	};
	struct world w;

	(void)state;
	world_new(&w, NULL);
	for (size_t i = 0; i < COUNT(rules); i++)
		fake_add_rule(w.f, &rules[i]);
	fake_sync(w.f, "");
	wait_settled(&w, 1);
	assert_true(fake_count(w.f, "/sync") > COUNT(rules));
	assert_int_equal(fake_count(w.f, "/login"), 2);
	assert_string_equal(w.log, "settled: ");
	world_done(&w);
}

static void invalid_since(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, "bogus");
	fake_add_rule(w.f, &(struct fake_rule){ "/sync", FAKE_REPLY, 400,
				   "{\"errcode\":\"M_UNKNOWN\","
				   "\"error\":\"Invalid stream token\"}",
				   NULL, 1 });
	fake_sync(w.f, "");
	wait_settled(&w, 1);
	assert_non_null(
		strstr(fake_find(w.f, "/sync", 0)->path, "since=bogus"));
	assert_null(strstr(fake_find(w.f, "/sync", 1)->path, "since="));
	assert_string_equal(w.position, "s1");
	world_done(&w);
}

#define LIMITED                                                                \
	"\"rooms\":{\"join\":{\"!r\":{\"state\":{\"events\":[{\"event_id\":"   \
	"\"s\"}]},\"timeline\":{\"limited\":true,\"prev_batch\":\"p1\","       \
	"\"events\":[{\"event_id\":\"t\"}]}}}}"

/* Two pages, newest first, come before what the sync itself had. */
static void fills_the_gap(void **state)
{
	static const struct fake_rule rules[] = {
		{ "from=p1", FAKE_REPLY, 500, "", NULL, 1 },
		{ "from=p1", FAKE_REPLY, 200,
			"{\"end\":\"p2\",\"chunk\":[{\"event_id\":\"4\"},"
			"{\"event_id\":\"3\"}]}",
			NULL, 1 },
		{ "from=p2", FAKE_REPLY, 200,
			"{\"chunk\":[{\"event_id\":\"2\"},"
			"{\"event_id\":\"1\"}]}",
			NULL, 1 },
	};
	struct world w;

	(void)state;
	world_new(&w, "s0");
	for (size_t i = 0; i < COUNT(rules); i++)
		fake_add_rule(w.f, &rules[i]);
	fake_sync(w.f, LIMITED);
	wait_settled(&w, 1);
	assert_string_equal(
		w.log, "joined:!r to:1 to:2 to:3 to:4 so:s to:t settled: ");
	assert_non_null(strstr(fake_find(w.f, "/messages", 0)->path, "to=s0"));
	assert_int_equal(fake_count(w.f, "/messages"), 3);
	world_done(&w);
}

/* The gap cannot be had, or never ends: the sync goes on all the same. */
static void gap_without_end(void **state)
{
	static const struct fake_rule rules[] = {
		{ "/messages", FAKE_REPLY, 403, "{\"errcode\":\"M_FORBIDDEN\"}",
			NULL, 1 },
		{ "/messages", FAKE_REPLY, 200,
			"{\"end\":\"p1\",\"chunk\":[{\"event_id\":\"x\"}]}",
			NULL, 1000 },
	};
	static const unsigned want[] = { 1, SYNC_GAP_PAGES_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct world w;

		world_new(&w, "s0");
		fake_add_rule(w.f, &rules[i]);
		fake_sync(w.f, LIMITED);
		wait_settled(&w, 1);
		assert_int_equal(fake_count(w.f, "/messages"), want[i]);
		world_done(&w);
	}
}

/* Without a position there is nothing to fill up to. */
static void first_sync_has_no_gap(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	fake_sync(w.f, LIMITED);
	wait_settled(&w, 1);
	assert_int_equal(fake_count(w.f, "/messages"), 0);
	world_done(&w);
}

static void stops(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	fake_wait(w.f, "/sync", 1);
	sync_stop(w.s);
	fake_sync(w.f, "");
	fake_run(w.base, 50);
	assert_int_equal(w.settled, 0);
	assert_int_equal(fake_count(w.f, "/sync"), 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_one_sync),
		cmocka_unit_test(survives_trouble),
		cmocka_unit_test(invalid_since),
		cmocka_unit_test(fills_the_gap),
		cmocka_unit_test(gap_without_end),
		cmocka_unit_test(first_sync_has_no_gap),
		cmocka_unit_test(stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
