/* What goes over a call's control channel, and what waits for it. */
#include "bot_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>

/* "v=0 <word>" of more bytes than a homeserver takes. The caller frees. */
static char *large_sdp(const char *word)
{
	enum { BYTES = 70000 };
	char *sdp = malloc(BYTES + 1);
	int n;

	assert_non_null(sdp);
	n = snprintf(sdp, BYTES, "v=0 %s ", word);
	memset(sdp + n, 'x', BYTES - (size_t)n);
	sdp[BYTES] = '\0';
	return sdp;
}

static void emit_large(enum sfu_event_type type, const char *word)
{
	const sfu_id owners[] = { 2 };
	char *sdp = large_sdp(word);

	fake_sfu_emit_sdp(1, type, sdp, owners, 1);
	free(sdp);
}

static void open_channel(void)
{
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
}

static void large_offers_wait_for_the_channel(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	emit_large(SFU_EV_OFFER, "older");
	emit_large(SFU_EV_OFFER, "newest");
	world_settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 0);
	open_channel();
	assert_non_null(strstr(fake_sfu_messages(1), "v=0 newest"));
	assert_null(strstr(fake_sfu_messages(1), "v=0 older"));
	/* Once. */
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL_CLOSED, .participant = 1 });
	open_channel();
	assert_ptr_equal(
		strstr(strstr(fake_sfu_messages(1), "newest") + 1, "newest"),
		NULL);
	assert_int_equal(fake_sfu_count("leave:1"), 0);
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 0);
	world_done(&w);
}

/* It fits, so it takes the place of what did not; and an offer of theirs undoes
 * what waits. */
static void a_large_offer_is_overtaken(void **state)
{
	const sfu_id owners[] = { 2 };
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	emit_large(SFU_EV_OFFER, "older");
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 small", owners, 1);
	fake_wait(w.f, "/sendToDevice/m.call.negotiate/", 1);
	emit_large(SFU_EV_OFFER, "crossed");
	world_device_event(text, sizeof(text), "m.call.negotiate", "@a:s", "c1",
		"\"description\":{\"type\":\"offer\",\"sdp\":\"v=0 theirs\"}");
	world_to_device(&w, text);
	world_wait_sfu(&w, "offer:1:v=0 theirs", 1);
	emit_large(SFU_EV_ANSWER, "answer");
	open_channel();
	assert_null(strstr(fake_sfu_messages(1), "v=0 older"));
	assert_null(strstr(fake_sfu_messages(1), "v=0 crossed"));
	assert_non_null(strstr(fake_sfu_messages(1), "v=0 answer"));
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 1);
	world_done(&w);
}

/* The restart came by Matrix, where its answer does not fit. */
static void a_large_answer_takes_the_old_way(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	open_channel();
	world_device_event(text, sizeof(text), "m.call.negotiate", "@a:s", "c1",
		"\"description\":{\"type\":\"offer\",\"sdp\":\"v=0 moved\"}");
	world_to_device(&w, text);
	world_wait_sfu(&w, "offer:1:v=0 moved", 1);
	emit_large(SFU_EV_ANSWER, "here");
	assert_non_null(strstr(fake_sfu_messages(1), "v=0 here"));
	world_settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 0);
	world_done(&w);
}

/* Who has no channel is told by the end of its call, as before. */
static void large_offers_end_other_calls(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	fake_add_rule(
		w.f, &(struct fake_rule){ "/send/m.call.negotiate/", FAKE_REPLY,
			     413, "{\"errcode\":\"M_TOO_LARGE\"}", NULL, 1 });
	world_call_up(&w, "@a:s", "c1", false);
	emit_large(SFU_EV_OFFER, "offer");
	world_wait_sfu(&w, "leave:1", 1);
	fake_wait(w.f, "/send/m.call.hangup/", 1);
	world_done(&w);
}

static void views_go_to_the_seam(void **state)
{
	struct evbuffer *out = evbuffer_new();
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	fake_sfu_say(1,
		"{\"type\":\"org.hearth.view\",\"content\":{\"streams\":["
		"{\"id\":\"h2-0\",\"visible\":true,\"height\":359.6},"
		"{\"id\":\"h3-0\",\"visible\":false},"
		"{\"id\":\"h4-0\",\"visible\":true,\"height\":-1},"
		"{\"id\":\"h5-0\",\"visible\":true,\"height\":1e99},"
		"{\"id\":\"bad-0\",\"visible\":1},{\"visible\":true},7]}}");
	assert_int_equal(fake_sfu_count("view:1:h2-0 359 shown"), 1);
	assert_int_equal(fake_sfu_count("view:1:h3-0 0 hidden"), 1);
	assert_int_equal(fake_sfu_count("view:1:h4-0 0 shown"), 1);
	assert_int_equal(fake_sfu_count("view:1:h5-0 65535 shown"), 1);
	assert_int_equal(fake_sfu_count("view:"), 4);
	fake_sfu_say(1, "{\"type\":\"org.hearth.view\",\"content\":{}}");
	bot_metrics(w.b, out);
	evbuffer_add(out, "", 1);
	assert_non_null(strstr((char *)evbuffer_pullup(out, -1),
		"hearth_matrix_control_odd_total 1\n"));
	evbuffer_free(out);
	world_done(&w);
}

static bool was_told(const char *part)
{
	return strstr(fake_sfu_messages(1), part) != NULL;
}

static void what_is_not_sent_is_told(void **state)
{
	struct sfu_stream v[2] = { { .id = "h2-0",
					   .paused = SFU_PAUSED_BANDWIDTH },
		{ .id = "h3-0", .paused = SFU_PAUSED_HIDDEN } };
	struct sfu_event ev = { .type = SFU_EV_PAUSED,
		.participant = 1,
		.streams = v,
		.n_streams = 2 };
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	open_channel();
	fake_sfu_emit(&ev);
	assert_true(was_told(
		"{\"type\":\"org.hearth.streams\",\"content\":"
		"{\"paused\":["
		"{\"stream_id\":\"h2-0\",\"reason\":\"bandwidth\"},"
		"{\"stream_id\":\"h3-0\",\"reason\":\"not_shown\"}]}}"));
	ev.n_streams = 0;
	fake_sfu_emit(&ev);
	assert_true(was_told("\"content\":{\"paused\":[]}"));
	world_done(&w);
}

static void what_nobody_watches_is_told(void **state)
{
	struct sfu_stream v = { .id = "mine" };
	struct sfu_event ev = { .type = SFU_EV_WATCHED,
		.participant = 1,
		.streams = &v,
		.n_streams = 1,
		.text = "q;h" };
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	open_channel();
	fake_sfu_emit(&ev);
	assert_true(was_told("{\"type\":\"org.hearth.encodings\",\"content\":"
			     "{\"streams\":[{\"stream_id\":\"mine\","
			     "\"active\":[\"q\",\"h\"]}]}}"));
	ev.text = "";
	fake_sfu_emit(&ev);
	assert_true(was_told("\"active\":[]}"));
	world_done(&w);
}

/* The last list of who is here that the first was sent. */
static const char *roster(void)
{
	const char *at = fake_sfu_messages(1), *last = "";

	while ((at = strstr(at, "org.hearth.participants")))
		last = at++;
	return last;
}

static bool lists(const char *user)
{
	return strstr(roster(), user) != NULL;
}

static void wait_listed(struct world *w, const char *user, bool yes)
{
	for (int i = 0; i < 1000 && lists(user) != yes; i++)
		fake_run(w->base, 5);
	assert_int_equal(lists(user), yes);
}

static void who_is_away_is_not_listed(void **state)
{
	struct sfu_event ev = { .type = SFU_EV_AWAY, .participant = 2 };
	struct world w;

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", true);
	open_channel();
	world_call_up(&w, "@b:s", "c2", true);
	wait_listed(&w, "@b:s", true);
	fake_sfu_emit(&ev);
	wait_listed(&w, "@b:s", false);
	assert_true(lists("@a:s"));
	ev.type = SFU_EV_BACK;
	fake_sfu_emit(&ev);
	wait_listed(&w, "@b:s", true);
	world_done(&w);
}

static void screens_are_named_to_the_seam(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	fake_sfu_say(1, "{\"type\":\"m.call.sdp_stream_metadata_changed\","
			"\"content\":{\"sdp_stream_metadata\":{"
			"\"face\":{\"purpose\":\"m.usermedia\"},"
			"\"desk\":{\"purpose\":\"m.screenshare\"}}}}");
	assert_int_equal(fake_sfu_count("screen:1:desk yes"), 1);
	assert_int_equal(fake_sfu_count("screen:1:face no"), 1);
	world_done(&w);
}

static void odd_control_messages(void **state)
{
	static const char *const v[] = { "", "{", "[]", "7", "null",
		"{\"type\":7}", "{\"type\":\"x\"}",
		"{\"type\":\"m.call.negotiate\"}",
		"{\"type\":\"m.call.negotiate\",\"content\":[]}" };
	struct evbuffer *out = evbuffer_new();
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	for (size_t i = 0; i < COUNT(v); i++)
		fake_sfu_say(1, v[i]);
	bot_metrics(w.b, out);
	evbuffer_add(out, "", 1);
	assert_non_null(strstr((char *)evbuffer_pullup(out, -1),
		"hearth_matrix_control_odd_total 9\n"));
	assert_int_equal(fake_sfu_count("leave:"), 0);
	evbuffer_free(out);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_offers_wait_for_the_channel),
		cmocka_unit_test(a_large_offer_is_overtaken),
		cmocka_unit_test(a_large_answer_takes_the_old_way),
		cmocka_unit_test(large_offers_end_other_calls),
		cmocka_unit_test(odd_control_messages),
		cmocka_unit_test(views_go_to_the_seam),
		cmocka_unit_test(what_is_not_sent_is_told),
		cmocka_unit_test(what_nobody_watches_is_told),
		cmocka_unit_test(who_is_away_is_not_listed),
		cmocka_unit_test(screens_are_named_to_the_seam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
