/* The bot in its rooms, and its life from login to stop. */
#include "bot_world.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/buffer.h>

static void leaves_and_kicks(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", true);
	world_call_up(&w, "@b:s", "c2", false);
	world_timeline(&w, MEMBER("@b:s", "ban"));
	world_wait_sfu(&w, "leave:2", 1);
	assert_int_equal(fake_count(w.f, "/send/m.call.hangup"), 0);
	/* The bot is kicked: to-device still reaches the caller. */
	fake_sync(w.f, "\"rooms\":{\"leave\":{\"" ROOM "\":{}}}");
	world_wait_sfu(&w, "leave:1", 1);
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	world_done(&w);
}

static void answer_too_large(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	fake_add_rule(
		w.f, &(struct fake_rule){ "/send/m.call.answer/", FAKE_REPLY,
			     413, "{\"errcode\":\"M_TOO_LARGE\"}", NULL, 1 });
	world_call_up(&w, "@a:s", "c1", false);
	world_wait_sfu(&w, "leave:1", 1);
	fake_wait(w.f, "/send/m.call.hangup/", 1);
	assert_non_null(strstr(fake_find(w.f, "/send/m.call.hangup/", 0)->body,
		"unknown_error"));
	fake_wait(w.f, "/send/m.room.message/", 1);
	world_done(&w);
}

static void encrypted_mid_call(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", false);
	world_call_up(&w, "@b:s", "c2", true);
	world_timeline(&w, "{\"type\":\"m.room.encryption\",\"state_key\":\"\","
			   "\"content\":{}}");
	world_wait_sfu(&w, "leave:1", 1);
	world_settle(&w);
	assert_int_equal(fake_sfu_count("leave:2"), 0);
	assert_int_equal(fake_count(w.f, "/send/m.room.message/"), 1);
	world_done(&w);
}

static void invited_and_greets(void **state)
{
	struct world w;
	cJSON *content;

	(void)state;
	world_new(&w);
	world_start(&w);
	fake_sync(w.f,
		"\"rooms\":{\"invite\":{\"!i:s\":{\"invite_state\":{"
		"\"events\":[{\"type\":\"m.room.member\",\"state_key\":"
		"\"@bot:s\",\"sender\":\"@a:s\"}]}},\"!e:x\":{"
		"\"invite_state\":{\"events\":[{\"type\":\"m.room.member\","
		"\"state_key\":\"@bot:s\",\"sender\":\"@a:evil\"}]}}}}");
	fake_wait(w.f, "/join/%21i%3As?server_name=s", 1);
	fake_wait(w.f, "/rooms/%21e%3Ax/leave", 1);
	fake_sync(w.f,
		"\"rooms\":{\"join\":{\"!i:s\":{\"state\":{\"events\":[" TWO
		"]}}}}");
	content = world_content_sent(
		&w, "/rooms/%21i%3As/send/m.room.message/", 0);
	assert_string_equal(event_string(content, "msgtype"), "m.notice");
	assert_non_null(strstr(
		event_string(content, "body"), "https://meet.s/#/room/!i:s"));
	cJSON_Delete(content);
	fake_sync(w.f, "\"rooms\":{\"join\":{\"!i:s\":{\"timeline\":{"
		       "\"events\":[" MEMBER("@a:s", "leave") "]}}}}");
	fake_wait(w.f, "/rooms/%21i%3As/leave", 1);
	assert_int_equal(fake_count(w.f, "/m.room.message/"), 1);
	world_done(&w);
}

static void tells_who(void **state)
{
	const char *ask = "{\"type\":\"m.room.message\",\"sender\":\"@a:s\","
			  "\"content\":{\"msgtype\":\"m.text\",\"body\":"
			  "\"!hearth who\"}}";
	struct world w;
	cJSON *content;

	(void)state;
	world_in_room(&w, THREE);
	world_timeline(&w, ask);
	content = world_content_sent(&w, "/send/m.room.message/", 0);
	assert_non_null(strstr(event_string(content, "body"), "Nobody"));
	cJSON_Delete(content);
	world_call_up(&w, "@a:s", "c1", false);
	world_call_up(&w, "@b:s", "c2", false);
	world_timeline(&w, ask);
	content = world_content_sent(&w, "/send/m.room.message/", 1);
	assert_string_equal(event_string(content, "body"),
		"In the call: @a:s name, @b:s name.");
	cJSON_Delete(content);
	world_done(&w);
}

static void stray_negotiate(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, TWO);
	world_device_event(text, sizeof(text), "m.call.negotiate", "@a:s",
		"gone", "\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\"}");
	world_to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	world_device_event(text, sizeof(text), "m.call.negotiate", "@x:s",
		"gone", "\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\"}");
	world_to_device(&w, text);
	world_settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.hangup"), 1);
	world_done(&w);
}

static void stops_politely(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", false);
	world_call_up(&w, "@b:s", "c2", true);
	assert_true(bot_ready(w.b));
	bot_stop(w.b, world_on_stopped, &w);
	fake_wait_flag(w.base, &w.stopped);
	assert_int_equal(fake_count(w.f, "/send/m.call.hangup/"), 1);
	assert_int_equal(fake_count(w.f, "/sendToDevice/m.call.hangup/"), 1);
	assert_int_equal(fake_sfu_count("leave:"), 2);
	world_done(&w);
}

/* The homeserver does not take the hangup: over after 1.5 s all the same. */
static void stops_in_time(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	fake_add_rule(w.f, &(struct fake_rule){
				   "hangup", FAKE_REPLY, 500, "", NULL, 1000 });
	bot_stop(w.b, world_on_stopped, &w);
	fake_run(w.base, 1000);
	assert_false(w.stopped);
	fake_run(w.base, 700);
	assert_true(w.stopped);
	world_done(&w);
}

static void wrong_password_exits(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/login", FAKE_REPLY, 403,
				   "{\"errcode\":\"M_FORBIDDEN\"}", NULL, 1 });
	world_start(&w);
	fake_wait_flag(w.base, &w.exited);
	assert_int_equal(w.code, 3);
	assert_false(bot_ready(w.b));
	world_done(&w);
}

static void resumes(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	bot_free(w.b);
	world_start(&w);
	fake_wait(w.f, "since=s1", 2);
	assert_int_equal(fake_count(w.f, "/login"), 1);
	assert_int_equal(fake_count(w.f, "/whoami"), 1);
	assert_int_equal(fake_count(w.f, "full_state=true"), 2);
	world_done(&w);
}

static void check(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	/* The check runs a loop of its own, the homeserver needs a process. */
	if (fork() == 0) {
		event_reinit(w.base);
		fake_run(w.base, 3000);
		_exit(0);
	}
	w.config.matrix.join_url = NULL;
	assert_int_equal(bot_check(&w.config), 0);
	w.config.feed.socket = (char *)"/tmp/feed.sock";
	w.config.feed.tokens_file = (char *)"/nowhere/at/all";
	assert_int_equal(bot_check(&w.config), 1);
	w.config.feed.tokens_file = (char *)"/dev/null";
	assert_int_equal(bot_check(&w.config), 1);
	w.config.feed.socket = (char *)"";
	w.config.matrix.password = NULL;
	w.config.matrix.join_url = (char *)"http://far.example/";
	assert_int_equal(bot_check(&w.config), 2);
	w.config.matrix.homeserver = (char *)"http://127.0.0.1:1";
	w.config.matrix.join_url = NULL;
	assert_int_equal(bot_check(&w.config), 1);
	world_done(&w);
}

/* Over federation the invite can be here before the room lets us in. */
static void joins_again(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	world_start(&w);
	fake_add_rule(w.f, &(struct fake_rule){ "/join/", FAKE_REPLY, 403,
				   "{\"errcode\":\"M_FORBIDDEN\"}", NULL, 1 });
	fake_sync(w.f, "\"rooms\":{\"invite\":{\"!i\":{\"invite_state\":{"
		       "\"events\":[{\"type\":\"m.room.member\",\"state_key\":"
		       "\"@bot:s\",\"sender\":\"@a:s\"}]}}}}");
	fake_wait(w.f, "/join/", 2);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_and_kicks),
		cmocka_unit_test(answer_too_large),
		cmocka_unit_test(encrypted_mid_call),
		cmocka_unit_test(invited_and_greets),
		cmocka_unit_test(tells_who),
		cmocka_unit_test(stray_negotiate),
		cmocka_unit_test(stops_politely),
		cmocka_unit_test(stops_in_time),
		cmocka_unit_test(wrong_password_exits),
		cmocka_unit_test(resumes),
		cmocka_unit_test(check),
		cmocka_unit_test(joins_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
