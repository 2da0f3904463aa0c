#include "bot_world.h"
#include <stdio.h>
#include <unistd.h>

static void on_end(void *arg, int code)
{
	struct world *w = arg;

	w->exited = true;
	w->code = code;
}

void world_on_stopped(void *arg)
{
	((struct world *)arg)->stopped = true;
}

void world_new(struct world *w)
{
	memset(w, 0, sizeof(*w));
	fake_sfu_reset();
	fake_studio_reset();
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
	w->config.recording.deliver = true;
	w->config.recording.compose = (char *)"grid";
	w->config.state_dir = w->dir;
}

void world_start(struct world *w)
{
	char error[BOT_ERROR_MAX];

	assert_int_equal(bot_new(&w->b, w->base, NULL, &w->config, NULL, on_end,
				 w, error),
		0);
	assert_string_equal(error, "");
}

void world_done(struct world *w)
{
	char path[96];

	bot_free(w->b);
	fake_free(w->f);
	event_base_free(w->base);
	snprintf(path, sizeof(path), "%s/matrix.json", w->dir);
	unlink(path);
	rmdir(w->dir);
}

/* A sync whose one room has these timeline events. */
void world_timeline(struct world *w, const char *events)
{
	char *text = malloc(strlen(events) + 256);

	sprintf(text,
		"\"rooms\":{\"join\":{\"" ROOM "\":{\"timeline\":{\"events\":["
		"%s]}}}}",
		events);
	fake_sync(w->f, text);
	free(text);
}

void world_to_device(struct world *w, const char *events)
{
	char *text = malloc(strlen(events) + 64);

	sprintf(text, "\"to_device\":{\"events\":[%s]}", events);
	fake_sync(w->f, text);
	free(text);
}

/* Logged in, in a room with the bot and these. */
void world_in_room(struct world *w, const char *members)
{
	world_new(w);
	world_start(w);
	world_timeline(w, members);
	fake_wait(w->f, "/sync", 2);
}

/* A room event of a caller; party is user's. */
void world_event(char *ret, size_t cap, const char *type, const char *user,
	const char *call_id, const char *more)
{
	snprintf(ret, cap,
		"{\"type\":\"%s\",\"sender\":\"%s\",\"content\":{\"version\":"
		"\"1\",\"call_id\":\"%s\",\"party_id\":\"PARTY\",\"lifetime\":"
		"60000%s%s}}",
		type, user, call_id, more[0] ? "," : "", more);
}

/* The same to-device, of our own client on device DEV. */
void world_device_event(char *ret, size_t cap, const char *type,
	const char *user, const char *call_id, const char *more)
{
	snprintf(ret, cap,
		"{\"type\":\"%s\",\"sender\":\"%s\",\"content\":{\"version\":"
		"\"1\",\"call_id\":\"%s\",\"party_id\":\"DEV\",\"device_id\":"
		"\"DEV\",\"conf_id\":\"" ROOM "\",\"room_id\":\"" ROOM "\","
		"\"sender_session_id\":\"SESS\",\"lifetime\":60000%s%s}}",
		type, user, call_id, more[0] ? "," : "", more);
}

/* Runs until the SFU has seen n of these. */
void world_wait_sfu(struct world *w, const char *part, unsigned n)
{
	for (int i = 0; i < 1000 && fake_sfu_count(part) < n; i++)
		fake_run(w->base, 5);
	if (fake_sfu_count(part) != n)
		fail_msg("%u of %s in:\n%s", fake_sfu_count(part), part,
			fake_sfu_log());
}

/* Runs until the bot has processed as many syncs as were given, and more. */
void world_settle(struct world *w)
{
	fake_sync(w->f, "");
	fake_drain(w->f);
	fake_run(w->base, 20);
}

cJSON *world_content_sent(struct world *w, const char *type, unsigned n)
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

void world_assert_stream(const cJSON *content, const char *id,
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

void world_call_up(
	struct world *w, const char *user, const char *call_id, bool by_device)
{
	char text[1024];
	unsigned n = fake_sfu_count("join:");
	sfu_id id = n + 1;

	if (by_device)
		world_device_event(text, sizeof(text), "m.call.invite", user,
			call_id, "\"org.hearth.client\":1," OFFER);
	else
		world_event(text, sizeof(text), "m.call.invite", user, call_id,
			"\"invitee\":\"@bot:s\"," OFFER);
	if (by_device)
		world_to_device(w, text);
	else
		world_timeline(w, text);
	world_wait_sfu(w, "join:", n + 1);
	fake_sfu_emit_sdp(id, SFU_EV_ANSWER, "v=0 answer", NULL, 0);
}
