/* Calls: who is answered, how, and what the others hear of it. */
#include "bot_world.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/buffer.h>

static void timeline_call(void **state)
{
	const sfu_id owners[] = { 2, 2 };
	struct world w;
	cJSON *content;
	char text[1024];

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", false);
	assert_non_null(
		strstr(fake_sfu_log(), "join:1:" ROOM "|@a:s PARTY|1\n"));
	assert_non_null(strstr(fake_sfu_log(), "offer:1:v=0 offer\n"));
	content = world_content_sent(&w, "/send/m.call.answer/", 0);
	assert_string_equal(event_string(content, "call_id"), "c1");
	assert_string_equal(event_string(content, "version"), "1");
	assert_true(event_string(content, "party_id")[0] != '\0');
	assert_string_equal(
		event_string(cJSON_GetObjectItem(content, "answer"), "sdp"),
		"v=0 answer");
	assert_non_null(cJSON_GetObjectItem(content, "sdp_stream_metadata"));
	cJSON_Delete(content);
	fake_wait(w.f, "/send/m.call.candidates/", 1);

	/* A second one; the first is offered its stream. */
	world_call_up(&w, "@b:s", "c2", false);
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 more", owners, 1);
	content = world_content_sent(&w, "/send/m.call.negotiate/", 0);
	world_assert_stream(content, "out2", "m.usermedia", "@b:s PARTY");
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(content, "lifetime")));
	cJSON_Delete(content);
	world_event(text, sizeof(text), "m.call.negotiate", "@a:s", "c1",
		META "\"description\":{\"type\":\"answer\",\"sdp\":\"v=0 "
		     "yes\"}");
	world_timeline(&w, text);
	world_wait_sfu(&w, "answer:1:v=0 yes", 1);

	/* Its publisher unmutes: one event for those who have the stream. */
	world_event(text, sizeof(text),
		"org.matrix.call.sdp_stream_metadata_changed", "@b:s", "c2",
		"\"org.matrix.msc3077.sdp_stream_metadata\":{\"cam\":{"
		"\"purpose\":\"m.screenshare\"}}");
	world_timeline(&w, text);
	content = world_content_sent(
		&w, "/send/m.call.sdp_stream_metadata_changed/", 0);
	assert_string_equal(event_string(content, "call_id"), "c1");
	world_assert_stream(content, "out2", "m.screenshare", "@b:s PARTY");
	cJSON_Delete(content);

	world_event(text, sizeof(text), "m.call.hangup", "@b:s", "c2", "");
	world_timeline(&w, text);
	world_wait_sfu(&w, "leave:2", 1);
	assert_int_equal(fake_count(w.f, "/m.call.hangup"), 0);
	world_done(&w);
}

static void direct_call_v0(void **state)
{
	struct world w;
	cJSON *content;

	(void)state;
	world_in_room(&w, TWO);
	world_timeline(&w,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\",\"content\":{"
		"\"version\":0,\"call_id\":\"old\",\"lifetime\":60000,"
		"\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}}");
	world_wait_sfu(&w, "join:1:" ROOM "|@a:s old|0", 1);
	fake_sfu_emit_sdp(1, SFU_EV_ANSWER, "v=0 answer", NULL, 0);
	content = world_content_sent(&w, "/send/m.call.answer/", 0);
	assert_int_equal(cJSON_GetObjectItem(content, "version")->valueint, 0);
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(content, "version")));
	assert_null(cJSON_GetObjectItem(content, "party_id"));
	cJSON_Delete(content);
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_ICE_FAILED });
	content = world_content_sent(&w, "/send/m.call.hangup/", 0);
	assert_string_equal(event_string(content, "reason"), "ice_failed");
	cJSON_Delete(content);
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 0);
	world_done(&w);
}

static void to_device_call(void **state)
{
	const sfu_id owners[] = { 2, 9 };
	struct world w;
	cJSON *content;

	(void)state;
	world_in_room(&w, THREE);
	world_call_up(&w, "@a:s", "c1", true);
	content = world_content_sent(&w, "/sendToDevice/m.call.answer/", 0);
	assert_string_equal(event_string(content, "conf_id"), ROOM);
	assert_string_equal(event_string(content, "device_id"), "BOTDEV");
	assert_string_equal(event_string(content, "dest_session_id"), "SESS");
	assert_true(event_string(content, "sender_session_id")[0] != '\0');
	assert_null(cJSON_GetObjectItem(content, "seq"));
	cJSON_Delete(content);
	assert_int_equal(fake_count(w.f, "/m.call.candidates"), 0);

	/* On the control channel from now on. */
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
	assert_non_null(strstr(fake_sfu_messages(1),
		"{\"type\":\"org.hearth.participants\",\"content\":{"
		"\"participants\":[{\"id\":\"@a:s DEV\",\"user_id\":\"@a:s\","
		"\"device_id\":\"DEV\",\"display_name\":\"@a:s name\",\"you\":"
		"true}]}}"));
	world_call_up(&w, "@b:s", "c2", true);
	fake_run(w.base, 250);
	assert_non_null(strstr(fake_sfu_messages(1), "\"@b:s DEV\""));
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 more", owners, 2);
	assert_non_null(strstr(fake_sfu_messages(1), "m.call.negotiate"));
	/* Streams of somebody unknown are listed too. */
	assert_non_null(strstr(fake_sfu_messages(1), "\"out9\""));
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 0);
	fake_sfu_say(1,
		"{\"type\":\"m.call.negotiate\",\"content\":{\"description\":{"
		"\"type\":\"offer\",\"sdp\":\"v=0 screen\"}}}");
	world_wait_sfu(&w, "offer:1:v=0 screen", 1);
	fake_sfu_say(2,
		"{\"type\":\"m.call.sdp_stream_metadata_changed\",\"content\":"
		"{\"sdp_stream_metadata\":{\"cam\":{\"purpose\":"
		"\"m.screenshare\"}}}}");
	fake_run(w.base, 250);
	assert_non_null(strstr(
		fake_sfu_messages(1), "m.call.sdp_stream_metadata_changed"));
	assert_non_null(strstr(fake_sfu_messages(1), "m.screenshare"));
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_SPEAKER, .participant = 1, .speaker = 2 });
	assert_non_null(strstr(fake_sfu_messages(1),
		"{\"type\":\"org.hearth.speaker\",\"content\":{\"id\":"
		"\"@b:s DEV\"}}"));

	/* The channel is gone: to-device again. */
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL_CLOSED, .participant = 1 });
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 late", owners, 1);
	fake_wait(w.f, "/sendToDevice/m.call.negotiate/", 1);
	world_done(&w);
}

/* ICE is restarted because the way to the bot is gone, and the channel with it;
 * the bot does not know that. */
static void a_restart_is_answered_as_it_came(void **state)
{
	struct world w;
	char text[1024];
	cJSON *content;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
	world_device_event(text, sizeof(text), "m.call.negotiate", "@a:s", "c1",
		"\"description\":{\"type\":\"offer\",\"sdp\":\"v=0 moved\"}");
	world_to_device(&w, text);
	world_wait_sfu(&w, "offer:1:v=0 moved", 1);
	fake_sfu_emit_sdp(1, SFU_EV_ANSWER, "v=0 here", NULL, 0);
	content = world_content_sent(&w, "/sendToDevice/m.call.negotiate/", 0);
	assert_non_null(content);
	cJSON_Delete(content);
	/* What came by the channel is answered there. */
	fake_sfu_say(1,
		"{\"type\":\"m.call.negotiate\",\"content\":{\"description\":{"
		"\"type\":\"offer\",\"sdp\":\"v=0 screen\"}}}");
	world_wait_sfu(&w, "offer:1:v=0 screen", 1);
	fake_sfu_emit_sdp(1, SFU_EV_ANSWER, "v=0 shown", NULL, 0);
	assert_non_null(strstr(fake_sfu_messages(1), "v=0 shown"));
	world_settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.negotiate"), 1);
	world_done(&w);
}

/* Each of these gets no join; what is sent instead, if anything. */
static const struct {
	const char *what, *members, *events;
	bool by_device;
} not_calls[] = {
	{ "three members, no invitee", THREE,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"party_id\":"
		"\"P\"," OFFER "}}",
		false },
	{ "for somebody else", THREE,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"party_id\":\"P\","
		"\"invitee\":\"@b:s\"," OFFER "}}",
		false },
	{ "too old", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"unsigned\":{\"age\":61000},\"content\":{"
		"\"lifetime\":60000,\"call_id\":\"c\"," OFFER "}}",
		false },
	{ "hung up in the same sync", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"," OFFER "}},"
		"{\"type\":\"m.call.hangup\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"}}",
		false },
	{ "hung up before", TWO,
		"{\"type\":\"m.call.hangup\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"}},"
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"," OFFER "}}",
		false },
	{ "answered elsewhere", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"," OFFER "}},"
		"{\"type\":\"m.call.answer\",\"sender\":\"@bot:s\","
		"\"content\":{\"call_id\":\"c\",\"party_id\":\"X\"}}",
		false },
	{ "left in the same sync", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\"," OFFER
		"}}," MEMBER("@a:s", "leave"),
		false },
	{ "from ourselves", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@bot:s\","
		"\"content\":{\"call_id\":\"c\"," OFFER "}}",
		false },
	{ "not a member", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@x:s\","
		"\"content\":{\"call_id\":\"c\",\"device_id\":\"D\","
		"\"conf_id\":\"" ROOM "\"," OFFER "}}",
		true },
	{ "no device id", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"conf_id\":\"" ROOM "\"," OFFER
		"}}",
		true },
	{ "no conference", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"device_id\":"
		"\"D\"," OFFER "}}",
		true },
	{ "another session", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"device_id\":\"D\","
		"\"dest_session_id\":\"old\",\"conf_id\":\"" ROOM "\"," OFFER
		"}}",
		true },
	{ "unknown room", TWO,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
		"\"content\":{\"call_id\":\"c\",\"device_id\":\"D\","
		"\"conf_id\":\"!other:s\"," OFFER "}}",
		true },
};

static void not_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(not_calls); i++) {
		struct world w;

		world_in_room(&w, not_calls[i].members);
		if (not_calls[i].by_device)
			world_to_device(&w, not_calls[i].events);
		else
			world_timeline(&w, not_calls[i].events);
		world_settle(&w);
		if (fake_sfu_log()[0] || fake_count(w.f, "/m.call."))
			fail_msg("%s: %s", not_calls[i].what, fake_sfu_log());
		world_done(&w);
	}
}

static void redelivered(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	world_device_event(text, sizeof(text), "m.call.candidates", "@a:s",
		"c1", "\"candidates\":[{\"candidate\":\"one\"}]");
	for (int i = 0; i < 3; i++)
		world_to_device(&w, text);
	world_settle(&w);
	assert_int_equal(fake_sfu_count("candidate:1:one"), 1);
	/* And an invite whose call is over does not ring again. */
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@a:s", "c1", "");
	world_to_device(&w, text);
	world_wait_sfu(&w, "leave:1", 1);
	world_device_event(text, sizeof(text), "m.call.invite", "@a:s", "c1",
		"\"org.hearth.client\":1," OFFER);
	world_to_device(&w, text);
	world_settle(&w);
	assert_int_equal(fake_sfu_count("join:"), 1);
	world_done(&w);
}

/* A sync from the start shows a running call's events once more. */
static void replayed(void **state)
{
	const char *text = "{\"type\":\"m.call.negotiate\",\"sender\":"
			   "\"@a:s\",\"event_id\":\"$1\",\"content\":{"
			   "\"call_id\":\"c1\",\"party_id\":\"PARTY\","
			   "\"description\":{\"type\":\"offer\",\"sdp\":"
			   "\"v=0 again\"}}}";
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", false);
	world_timeline(&w, text);
	world_timeline(&w, text);
	world_settle(&w);
	assert_int_equal(fake_sfu_count("offer:1:v=0 again"), 1);
	world_done(&w);
}

static void early_candidates(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, TWO);
	world_device_event(text, sizeof(text), "m.call.candidates", "@a:s",
		"c1",
		"\"candidates\":[{\"candidate\":\"one\"},{\"candidate\":"
		"\"\"}]");
	world_to_device(&w, text);
	world_settle(&w);
	world_call_up(&w, "@a:s", "c1", true);
	assert_non_null(strstr(fake_sfu_log(),
		"offer:1:v=0 offer\ncandidate:1:one\ncandidate:1:\n"));
	world_done(&w);
}

static void second_call_replaces(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, TWO);
	world_call_up(&w, "@a:s", "c1", true);
	world_call_up(&w, "@a:s", "c2", true);
	assert_non_null(strstr(fake_sfu_log(), "leave:1\njoin:2:"));
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	world_done(&w);
}

static void ceilings(void **state)
{
	const char *members =
		THREE "," MEMBER("@c:s", "join") "," MEMBER("@d:s", "join");
	struct world w;
	char text[1024];

	(void)state;
	world_in_room(&w, members);
	world_call_up(&w, "@a:s", "c1", true);
	world_call_up(&w, "@b:s", "c1", true);
	world_call_up(&w, "@c:s", "c1", true);
	world_device_event(
		text, sizeof(text), "m.call.invite", "@d:s", "c1", OFFER);
	world_to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.reject/", 1);
	assert_int_equal(fake_sfu_count("join:"), 3);
	/* The SFU has ceilings of its own. */
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_WORKER_DIED });
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	fake_sfu_fail_join(-EBUSY);
	world_device_event(
		text, sizeof(text), "m.call.invite", "@d:s", "c2", OFFER);
	world_to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.reject/", 2);
	/* After a worker has died they can call again at once. */
	world_call_up(&w, "@a:s", "c2", true);
	world_done(&w);
}

static void call_flood(void **state)
{
	struct world w;
	char text[1024], call_id[16];

	(void)state;
	world_in_room(&w, TWO);
	for (int i = 0; i < 30; i++) {
		snprintf(call_id, sizeof(call_id), "c%d", i);
		world_event(text, sizeof(text), "m.call.invite", "@a:s",
			call_id, OFFER);
		world_timeline(&w, text);
	}
	world_settle(&w);
	assert_int_equal(fake_sfu_count("join:"), 6);
	assert_int_equal(fake_sfu_count("leave:"), 5);
	fake_wait(w.f, "/send/m.call.reject/", 3);
	world_settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.reject"), 3);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeline_call),
		cmocka_unit_test(direct_call_v0),
		cmocka_unit_test(to_device_call),
		cmocka_unit_test(a_restart_is_answered_as_it_came),
		cmocka_unit_test(not_answered),
		cmocka_unit_test(redelivered),
		cmocka_unit_test(replayed),
		cmocka_unit_test(early_candidates),
		cmocka_unit_test(second_call_replaces),
		cmocka_unit_test(ceilings),
		cmocka_unit_test(call_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
