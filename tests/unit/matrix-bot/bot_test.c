/* The whole bot between a scripted homeserver and a scripted SFU. */
#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include "fake_homeserver.h"
#include "fake_sfu.h"
#include "matrix-bot/bot.h"
#include "matrix-bot/bot_impl.h"
#include "matrix-bot/event.h"

#define ROOM "!r:s"

struct world {
	struct event_base *base;
	struct fake_homeserver *f;
	struct config config;
	struct bot *b;
	bool exited, stopped;
	int code;
	char dir[64];
};

static void on_end(void *arg, int code)
{
	struct world *w = arg;

	w->exited = true;
	w->code = code;
}

static void on_stopped(void *arg)
{
	((struct world *)arg)->stopped = true;
}

static void world_new(struct world *w)
{
	memset(w, 0, sizeof(*w));
	fake_sfu_reset();
	w->base = event_base_new();
	w->f = fake_new(w->base);
	strcpy(w->dir, "/tmp/hearth-bot-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->config.matrix.homeserver = (char *)fake_url(w->f);
	w->config.matrix.user = (char *)"bot";
	w->config.matrix.password = (char *)"pw";
	w->config.matrix.leave_when_empty = true;
	w->config.matrix.join_url = (char *)"https://meet.s";
	w->config.limits.participants = 3;
	w->config.limits.calls_per_minute = 6;
	w->config.state_dir = w->dir;
}

static void start(struct world *w)
{
	assert_int_equal(
		bot_new(&w->b, w->base, NULL, &w->config, NULL, on_end, w), 0);
}

static void world_done(struct world *w)
{
	char path[96];

	bot_free(w->b);
	fake_free(w->f);
	event_base_free(w->base);
	snprintf(path, sizeof(path), "%s/matrix.json", w->dir);
	unlink(path);
	rmdir(w->dir);
}

#define MEMBER(user, how)                                                      \
	"{\"type\":\"m.room.member\",\"state_key\":\"" user "\",\"sender\":"   \
	"\"" user "\",\"content\":{\"membership\":\"" how "\","                \
	"\"displayname\":\"" user " name\"}}"

/* A sync whose one room has these timeline events. */
static void timeline(struct world *w, const char *events)
{
	char *text = malloc(strlen(events) + 256);

	sprintf(text,
		"\"rooms\":{\"join\":{\"" ROOM "\":{\"timeline\":{\"events\":["
		"%s]}}}}",
		events);
	fake_sync(w->f, text);
	free(text);
}

static void to_device(struct world *w, const char *events)
{
	char *text = malloc(strlen(events) + 64);

	sprintf(text, "\"to_device\":{\"events\":[%s]}", events);
	fake_sync(w->f, text);
	free(text);
}

/* Logged in, in a room with the bot and these. */
static void in_room(struct world *w, const char *members)
{
	world_new(w);
	start(w);
	timeline(w, members);
	fake_wait(w->f, "/sync", 2);
}

#define TWO   MEMBER("@a:s", "join")
#define THREE TWO "," MEMBER("@b:s", "join")

#define META                                                                   \
	"\"sdp_stream_metadata\":{\"cam\":{\"purpose\":\"m.usermedia\","       \
	"\"audio_muted\":true}},"

/* A room event of a caller; party is user's. */
static void event(char *ret, size_t cap, const char *type, const char *user,
	const char *call_id, const char *more)
{
	snprintf(ret, cap,
		"{\"type\":\"%s\",\"sender\":\"%s\",\"content\":{\"version\":"
		"\"1\",\"call_id\":\"%s\",\"party_id\":\"PARTY\",\"lifetime\":"
		"60000%s%s}}",
		type, user, call_id, more[0] ? "," : "", more);
}

/* The same to-device, of our own client on device DEV. */
static void device_event(char *ret, size_t cap, const char *type,
	const char *user, const char *call_id, const char *more)
{
	snprintf(ret, cap,
		"{\"type\":\"%s\",\"sender\":\"%s\",\"content\":{\"version\":"
		"\"1\",\"call_id\":\"%s\",\"party_id\":\"DEV\",\"device_id\":"
		"\"DEV\",\"conf_id\":\"" ROOM "\",\"room_id\":\"" ROOM "\","
		"\"sender_session_id\":\"SESS\",\"lifetime\":60000%s%s}}",
		type, user, call_id, more[0] ? "," : "", more);
}

#define OFFER META "\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0 offer\"}"

/* Runs until the SFU has seen n of these. */
static void wait_sfu(struct world *w, const char *part, unsigned n)
{
	for (int i = 0; i < 1000 && fake_sfu_count(part) < n; i++)
		fake_run(w->base, 5);
	if (fake_sfu_count(part) != n)
		fail_msg("%u of %s in:\n%s", fake_sfu_count(part), part,
			fake_sfu_log());
}

/* Runs until the bot has processed as many syncs as were given, and more. */
static void settle(struct world *w)
{
	unsigned n = fake_count(w->f, "/sync");

	fake_sync(w->f, "");
	fake_wait(w->f, "/sync", n + 1);
	fake_run(w->base, 20);
}

static cJSON *content_sent(struct world *w, const char *type, unsigned n)
{
	const struct fake_request *r;
	cJSON *json, *content;

	fake_wait(w->f, type, n + 1);
	r = fake_find(w->f, type, n);
	json = parse(r->body);
	if (!strstr(r->path, "/sendToDevice/"))
		return json;
	content = cJSON_GetObjectItem(json, "messages");
	assert_int_equal(cJSON_GetArraySize(content), 1);
	content = content->child;
	assert_int_equal(cJSON_GetArraySize(content), 1);
	content = cJSON_DetachItemViaPointer(content, content->child);
	cJSON_Delete(json);
	return content;
}

static void assert_stream(const cJSON *content, const char *id,
	const char *purpose, const char *participant)
{
	static const char *const keys[] = { "sdp_stream_metadata",
		"org.matrix.msc3077.sdp_stream_metadata" };

	for (size_t i = 0; i < COUNT(keys); i++) {
		const cJSON *s = cJSON_GetObjectItem(
			cJSON_GetObjectItem(content, keys[i]), id);

		assert_non_null(s);
		assert_string_equal(event_string(s, "purpose"), purpose);
		if (participant)
			assert_string_equal(
				event_string(s, "participant"), participant);
	}
}

static void call_up(
	struct world *w, const char *user, const char *call_id, bool by_device)
{
	char text[1024];
	unsigned n = fake_sfu_count("join:");
	sfu_id id = n + 1;

	if (by_device)
		device_event(text, sizeof(text), "m.call.invite", user, call_id,
			"\"org.hearth.client\":1," OFFER);
	else
		event(text, sizeof(text), "m.call.invite", user, call_id,
			"\"invitee\":\"@bot:s\"," OFFER);
	if (by_device)
		to_device(w, text);
	else
		timeline(w, text);
	wait_sfu(w, "join:", n + 1);
	fake_sfu_emit_sdp(id, SFU_EV_ANSWER, "v=0 answer", NULL, 0);
}

static void timeline_call(void **state)
{
	const sfu_id owners[] = { 2, 2 };
	struct world w;
	cJSON *content;
	char text[1024];

	(void)state;
	in_room(&w, THREE);
	call_up(&w, "@a:s", "c1", false);
	assert_non_null(
		strstr(fake_sfu_log(), "join:1:" ROOM "|@a:s PARTY|1\n"));
	assert_non_null(strstr(fake_sfu_log(), "offer:1:v=0 offer\n"));
	content = content_sent(&w, "/send/m.call.answer/", 0);
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
	call_up(&w, "@b:s", "c2", false);
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 more", owners, 1);
	content = content_sent(&w, "/send/m.call.negotiate/", 0);
	assert_stream(content, "out2", "m.usermedia", "@b:s PARTY");
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(content, "lifetime")));
	cJSON_Delete(content);
	event(text, sizeof(text), "m.call.negotiate", "@a:s", "c1",
		META "\"description\":{\"type\":\"answer\",\"sdp\":\"v=0 "
		     "yes\"}");
	timeline(&w, text);
	wait_sfu(&w, "answer:1:v=0 yes", 1);

	/* Its publisher unmutes: one event for those who have the stream. */
	event(text, sizeof(text), "org.matrix.call.sdp_stream_metadata_changed",
		"@b:s", "c2",
		"\"org.matrix.msc3077.sdp_stream_metadata\":{\"cam\":{"
		"\"purpose\":\"m.screenshare\"}}");
	timeline(&w, text);
	content = content_sent(
		&w, "/send/m.call.sdp_stream_metadata_changed/", 0);
	assert_string_equal(event_string(content, "call_id"), "c1");
	assert_stream(content, "out2", "m.screenshare", "@b:s PARTY");
	cJSON_Delete(content);

	event(text, sizeof(text), "m.call.hangup", "@b:s", "c2", "");
	timeline(&w, text);
	wait_sfu(&w, "leave:2", 1);
	assert_int_equal(fake_count(w.f, "/m.call.hangup"), 0);
	world_done(&w);
}

static void direct_call_v0(void **state)
{
	struct world w;
	cJSON *content;

	(void)state;
	in_room(&w, TWO);
	timeline(&w,
		"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\",\"content\":{"
		"\"version\":0,\"call_id\":\"old\",\"lifetime\":60000,"
		"\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}}");
	wait_sfu(&w, "join:1:" ROOM "|@a:s old|0", 1);
	fake_sfu_emit_sdp(1, SFU_EV_ANSWER, "v=0 answer", NULL, 0);
	content = content_sent(&w, "/send/m.call.answer/", 0);
	assert_int_equal(cJSON_GetObjectItem(content, "version")->valueint, 0);
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(content, "version")));
	assert_null(cJSON_GetObjectItem(content, "party_id"));
	cJSON_Delete(content);
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_ICE_FAILED });
	content = content_sent(&w, "/send/m.call.hangup/", 0);
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
	in_room(&w, THREE);
	call_up(&w, "@a:s", "c1", true);
	content = content_sent(&w, "/sendToDevice/m.call.answer/", 0);
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
	call_up(&w, "@b:s", "c2", true);
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
	wait_sfu(&w, "offer:1:v=0 screen", 1);
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

static void odd_control_messages(void **state)
{
	static const char *const v[] = { "", "{", "[]", "7", "null",
		"{\"type\":7}", "{\"type\":\"x\"}",
		"{\"type\":\"m.call.negotiate\"}",
		"{\"type\":\"m.call.negotiate\",\"content\":[]}" };
	struct evbuffer *out = evbuffer_new();
	struct world w;

	(void)state;
	in_room(&w, TWO);
	call_up(&w, "@a:s", "c1", true);
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

/* Each of these gets no join; what is sent instead, if anything. */
static void not_answered(void **state)
{
	static const struct {
		const char *what, *members, *events;
		bool by_device;
	} v[] = {
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
			"\"content\":{\"call_id\":\"c\",\"conf_id\":\"" ROOM
			"\"," OFFER "}}",
			true },
		{ "no conference", TWO,
			"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
			"\"content\":{\"call_id\":\"c\",\"device_id\":"
			"\"D\"," OFFER "}}",
			true },
		{ "another session", TWO,
			"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
			"\"content\":{\"call_id\":\"c\",\"device_id\":\"D\","
			"\"dest_session_id\":\"old\",\"conf_id\":\"" ROOM
			"\"," OFFER "}}",
			true },
		{ "unknown room", TWO,
			"{\"type\":\"m.call.invite\",\"sender\":\"@a:s\","
			"\"content\":{\"call_id\":\"c\",\"device_id\":\"D\","
			"\"conf_id\":\"!other:s\"," OFFER "}}",
			true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct world w;

		in_room(&w, v[i].members);
		if (v[i].by_device)
			to_device(&w, v[i].events);
		else
			timeline(&w, v[i].events);
		settle(&w);
		if (fake_sfu_log()[0] || fake_count(w.f, "/m.call."))
			fail_msg("%s: %s", v[i].what, fake_sfu_log());
		world_done(&w);
	}
}

static void redelivered(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	in_room(&w, TWO);
	call_up(&w, "@a:s", "c1", true);
	device_event(text, sizeof(text), "m.call.candidates", "@a:s", "c1",
		"\"candidates\":[{\"candidate\":\"one\"}]");
	for (int i = 0; i < 3; i++)
		to_device(&w, text);
	settle(&w);
	assert_int_equal(fake_sfu_count("candidate:1:one"), 1);
	/* And an invite whose call is over does not ring again. */
	device_event(text, sizeof(text), "m.call.hangup", "@a:s", "c1", "");
	to_device(&w, text);
	wait_sfu(&w, "leave:1", 1);
	device_event(text, sizeof(text), "m.call.invite", "@a:s", "c1",
		"\"org.hearth.client\":1," OFFER);
	to_device(&w, text);
	settle(&w);
	assert_int_equal(fake_sfu_count("join:"), 1);
	world_done(&w);
}

static void early_candidates(void **state)
{
	struct world w;
	char text[1024];

	(void)state;
	in_room(&w, TWO);
	device_event(text, sizeof(text), "m.call.candidates", "@a:s", "c1",
		"\"candidates\":[{\"candidate\":\"one\"},{\"candidate\":"
		"\"\"}]");
	to_device(&w, text);
	settle(&w);
	call_up(&w, "@a:s", "c1", true);
	assert_non_null(strstr(fake_sfu_log(),
		"offer:1:v=0 offer\ncandidate:1:one\ncandidate:1:\n"));
	world_done(&w);
}

static void second_call_replaces(void **state)
{
	struct world w;

	(void)state;
	in_room(&w, TWO);
	call_up(&w, "@a:s", "c1", true);
	call_up(&w, "@a:s", "c2", true);
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
	in_room(&w, members);
	call_up(&w, "@a:s", "c1", true);
	call_up(&w, "@b:s", "c1", true);
	call_up(&w, "@c:s", "c1", true);
	device_event(text, sizeof(text), "m.call.invite", "@d:s", "c1", OFFER);
	to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.reject/", 1);
	assert_int_equal(fake_sfu_count("join:"), 3);
	/* The SFU has ceilings of its own. */
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_WORKER_DIED });
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	fake_sfu_fail_join(-EBUSY);
	device_event(text, sizeof(text), "m.call.invite", "@d:s", "c2", OFFER);
	to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.reject/", 2);
	/* After a worker has died they can call again at once. */
	call_up(&w, "@a:s", "c2", true);
	world_done(&w);
}

static void call_flood(void **state)
{
	struct world w;
	char text[1024], call_id[16];

	(void)state;
	in_room(&w, TWO);
	for (int i = 0; i < 30; i++) {
		snprintf(call_id, sizeof(call_id), "c%d", i);
		event(text, sizeof(text), "m.call.invite", "@a:s", call_id,
			OFFER);
		timeline(&w, text);
	}
	settle(&w);
	assert_int_equal(fake_sfu_count("join:"), 6);
	assert_int_equal(fake_sfu_count("leave:"), 5);
	fake_wait(w.f, "/send/m.call.reject/", 3);
	settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.reject"), 3);
	world_done(&w);
}

static void leaves_and_kicks(void **state)
{
	struct world w;

	(void)state;
	in_room(&w, THREE);
	call_up(&w, "@a:s", "c1", true);
	call_up(&w, "@b:s", "c2", false);
	timeline(&w, MEMBER("@b:s", "ban"));
	wait_sfu(&w, "leave:2", 1);
	assert_int_equal(fake_count(w.f, "/send/m.call.hangup"), 0);
	/* The bot is kicked: to-device still reaches the caller. */
	fake_sync(w.f, "\"rooms\":{\"leave\":{\"" ROOM "\":{}}}");
	wait_sfu(&w, "leave:1", 1);
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	world_done(&w);
}

static void answer_too_large(void **state)
{
	struct world w;

	(void)state;
	in_room(&w, TWO);
	fake_add_rule(
		w.f, &(struct fake_rule){ "/send/m.call.answer/", FAKE_REPLY,
			     413, "{\"errcode\":\"M_TOO_LARGE\"}", NULL, 1 });
	call_up(&w, "@a:s", "c1", false);
	wait_sfu(&w, "leave:1", 1);
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
	in_room(&w, THREE);
	call_up(&w, "@a:s", "c1", false);
	call_up(&w, "@b:s", "c2", true);
	timeline(&w, "{\"type\":\"m.room.encryption\",\"state_key\":\"\","
		     "\"content\":{}}");
	wait_sfu(&w, "leave:1", 1);
	settle(&w);
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
	start(&w);
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
	content = content_sent(&w, "/rooms/%21i%3As/send/m.room.message/", 0);
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
	in_room(&w, THREE);
	timeline(&w, ask);
	content = content_sent(&w, "/send/m.room.message/", 0);
	assert_non_null(strstr(event_string(content, "body"), "Nobody"));
	cJSON_Delete(content);
	call_up(&w, "@a:s", "c1", false);
	call_up(&w, "@b:s", "c2", false);
	timeline(&w, ask);
	content = content_sent(&w, "/send/m.room.message/", 1);
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
	in_room(&w, TWO);
	device_event(text, sizeof(text), "m.call.negotiate", "@a:s", "gone",
		"\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\"}");
	to_device(&w, text);
	fake_wait(w.f, "/sendToDevice/m.call.hangup/", 1);
	device_event(text, sizeof(text), "m.call.negotiate", "@x:s", "gone",
		"\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\"}");
	to_device(&w, text);
	settle(&w);
	assert_int_equal(fake_count(w.f, "/m.call.hangup"), 1);
	world_done(&w);
}

static void stops_politely(void **state)
{
	struct world w;

	(void)state;
	in_room(&w, THREE);
	call_up(&w, "@a:s", "c1", false);
	call_up(&w, "@b:s", "c2", true);
	assert_true(bot_ready(w.b));
	bot_stop(w.b, on_stopped, &w);
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
	in_room(&w, TWO);
	call_up(&w, "@a:s", "c1", true);
	fake_add_rule(w.f, &(struct fake_rule){
				   "hangup", FAKE_REPLY, 500, "", NULL, 1000 });
	bot_stop(w.b, on_stopped, &w);
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
	start(&w);
	fake_wait_flag(w.base, &w.exited);
	assert_int_equal(w.code, 3);
	assert_false(bot_ready(w.b));
	world_done(&w);
}

static void resumes(void **state)
{
	struct world w;

	(void)state;
	in_room(&w, TWO);
	bot_free(w.b);
	start(&w);
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
	w.config.matrix.password = NULL;
	w.config.matrix.join_url = (char *)"http://far.example/";
	assert_int_equal(bot_check(&w.config), 2);
	w.config.matrix.homeserver = (char *)"http://127.0.0.1:1";
	w.config.matrix.join_url = NULL;
	assert_int_equal(bot_check(&w.config), 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeline_call),
		cmocka_unit_test(direct_call_v0),
		cmocka_unit_test(to_device_call),
		cmocka_unit_test(odd_control_messages),
		cmocka_unit_test(not_answered),
		cmocka_unit_test(redelivered),
		cmocka_unit_test(early_candidates),
		cmocka_unit_test(second_call_replaces),
		cmocka_unit_test(ceilings),
		cmocka_unit_test(call_flood),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
