#include "test.h"
#include <errno.h>
#include <stdio.h>
#include "matrix-bot/event.h"

#define INVITE_SDP "\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\"}"

struct row {
	const char *what, *type, *content;
	bool to_device;
	int want;
};

/* clang-format off */
static const struct row rows[] = {
	{ "invite", "m.call.invite", "\"call_id\":\"c\"," INVITE_SDP, false, 0 },
	{ "no call id", "m.call.invite", INVITE_SDP, false, -EINVAL },
	{ "redacted", "m.call.hangup", "", false, -EINVAL },
	{ "other type", "m.room.message", "\"body\":\"x\"", false, -ENOENT },
	{ "pong in a room", "m.call.pong", "\"call_id\":\"c\"", false, -ENOENT },
	{ "no offer", "m.call.invite", "\"call_id\":\"c\"", false, -EINVAL },
	{ "offer is a string", "m.call.invite",
		"\"call_id\":\"c\",\"offer\":\"v=0\"", false, -EINVAL },
	{ "sdp is a number", "m.call.invite",
		"\"call_id\":\"c\",\"offer\":{\"sdp\":7}", false, -EINVAL },
	{ "call id with newline", "m.call.hangup",
		"\"call_id\":\"a\\nb\"", false, -EINVAL },
	{ "party with space", "m.call.hangup",
		"\"call_id\":\"c\",\"party_id\":\"a b\"", false, -EINVAL },
	{ "device with newline", "m.call.hangup",
		"\"call_id\":\"c\",\"device_id\":\"D\\n@x:y Z\"", true, -EINVAL },
	{ "number as call id", "m.call.hangup", "\"call_id\":5", false, -EINVAL },
	{ "candidates no array", "m.call.candidates",
		"\"call_id\":\"c\",\"candidates\":{}", false, -EINVAL },
	{ "candidates", "m.call.candidates",
		"\"call_id\":\"c\",\"candidates\":[7,{},{\"candidate\":\"\"}]",
		false, 0 },
	{ "negotiate rollback", "m.call.negotiate",
		"\"call_id\":\"c\",\"description\":{\"type\":\"rollback\","
		"\"sdp\":\"x\"}", false, -EINVAL },
	{ "negotiate answer", "m.call.negotiate",
		"\"call_id\":\"c\",\"description\":{\"type\":\"answer\","
		"\"sdp\":\"x\"}", false, 0 },
	{ "metadata without map", "m.call.sdp_stream_metadata_changed",
		"\"call_id\":\"c\"", false, -EINVAL },
	{ "unstable metadata type",
		"org.matrix.call.sdp_stream_metadata_changed",
		"\"call_id\":\"c\",\"org.matrix.msc3077.sdp_stream_metadata\":{}",
		false, 0 },
};
/* clang-format on */

static cJSON *make(const char *type, const char *content)
{
	char text[4096];

	snprintf(text, sizeof(text),
		"{\"type\":\"%s\",\"sender\":\"@a:s\",\"content\":{%s},"
		"\"unsigned\":{\"age\":1234}}",
		type, content);
	return parse(text);
}

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call_event e;
		cJSON *json = make(rows[i].type, rows[i].content);
		int r = event_parse(
			&e, json, rows[i].to_device ? NULL : "!r:s");

		if (r != rows[i].want)
			fail_msg("%s: %d", rows[i].what, r);
		cJSON_Delete(json);
	}
}

static void invite_fields(void **state)
{
	struct call_event e;
	cJSON *json = make("m.call.invite",
		"\"call_id\":\"c\",\"party_id\":\"P\",\"version\":\"1\","
		"\"lifetime\":60000,\"conf_id\":\"!r:s\",\"room_id\":\"!r:s\","
		"\"device_id\":\"D\",\"sender_session_id\":\"S\","
		"\"dest_session_id\":\"sfu\",\"org.matrix.msgid\":\"m\","
		"\"org.hearth.client\":1,\"invitee\":\"@bot:s\","
		"\"sdp_stream_metadata\":{\"s1\":{\"purpose\":"
		"\"m.screenshare\",\"audio_muted\":true}}," INVITE_SDP);

	(void)state;
	assert_int_equal(event_parse(&e, json, NULL), 0);
	assert_true(e.to_device);
	assert_string_equal(e.sender, "@a:s");
	assert_string_equal(e.room_id, "!r:s");
	assert_string_equal(e.conf_id, "!r:s");
	assert_string_equal(e.device_id, "D");
	assert_string_equal(e.party_id, "P");
	assert_string_equal(e.sender_session_id, "S");
	assert_string_equal(e.dest_session_id, "sfu");
	assert_string_equal(e.message_id, "m");
	assert_string_equal(e.invitee, "@bot:s");
	assert_string_equal(e.sdp, "v=0");
	assert_true(e.hearth_client);
	assert_int_equal(e.age_ms, 1234);
	assert_int_equal(e.lifetime_ms, 60000);
	assert_int_equal(e.version, 1);
	assert_int_equal(e.metadata.n, 1);
	assert_int_equal(e.metadata.v[0].purpose, METADATA_SCREENSHARE);
	assert_int_equal(e.metadata.v[0].audio_muted, 1);
	assert_int_equal(e.metadata.v[0].video_muted, -1);
	cJSON_Delete(json);
}

/* The integer 0 is version 0; all else is "1" (VoIP v1). */
static void versions(void **state)
{
	static const struct {
		const char *text;
		int want;
	} v[] = { { "0", 0 }, { "0.0", 0 }, { "1", 1 }, { "\"1\"", 1 },
		{ "\"0\"", 1 }, { "\"2\"", 1 }, { "null", 1 }, { "{}", 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_event e;
		char content[64];
		cJSON *json;

		snprintf(content, sizeof(content),
			"\"call_id\":\"c\",\"version\":%s", v[i].text);
		json = make("m.call.hangup", content);
		assert_int_equal(event_parse(&e, json, "!r:s"), 0);
		assert_int_equal(e.version, v[i].want);
		cJSON_Delete(json);
	}
}

static void lifetimes(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} v[] = { { "-1", 0 }, { "\"x\"", EVENT_LIFETIME_MS }, { "5", 5 },
		{ "1e300", EVENT_LIFETIME_MAX_MS } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_event e;
		char content[64];
		cJSON *json;

		snprintf(content, sizeof(content),
			"\"call_id\":\"c\",\"lifetime\":%s", v[i].text);
		json = make("m.call.hangup", content);
		assert_int_equal(event_parse(&e, json, "!r:s"), 0);
		assert_int_equal(e.lifetime_ms, v[i].want);
		cJSON_Delete(json);
	}
}

static cJSON *long_event(const char *key, size_t n)
{
	cJSON *json = make("m.call.invite", "\"call_id\":\"c\"," INVITE_SDP);
	cJSON *content = cJSON_GetObjectItem(json, "content");
	char *text = malloc(n + 1);

	memset(text, 'x', n);
	text[n] = '\0';
	if (strcmp(key, "sdp") == 0)
		content = cJSON_GetObjectItem(content, "offer");
	cJSON_DeleteItemFromObject(content, key);
	cJSON_AddStringToObject(content, key, text);
	free(text);
	return json;
}

static void bounds(void **state)
{
	static const struct {
		const char *key;
		size_t n;
		int want;
	} v[] = { { "call_id", 255, 0 }, { "call_id", 256, -E2BIG },
		{ "device_id", 256, -E2BIG }, { "sdp", EVENT_SDP_MAX, 0 },
		{ "sdp", EVENT_SDP_MAX + 1, -E2BIG } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_event e;
		cJSON *json = long_event(v[i].key, v[i].n);

		assert_int_equal(event_parse(&e, json, NULL), v[i].want);
		cJSON_Delete(json);
	}
}

static void many_candidates(void **state)
{
	struct call_event e;
	cJSON *json = make(
		"m.call.candidates", "\"call_id\":\"c\",\"candidates\":[]");
	cJSON *list = cJSON_GetObjectItem(
		cJSON_GetObjectItem(json, "content"), "candidates");

	(void)state;
	for (int i = 0; i < 200; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "candidate", "candidate:1");
		cJSON_AddItemToArray(list, item);
	}
	assert_int_equal(event_parse(&e, json, "!r:s"), 0);
	assert_int_equal(e.n_candidates, EVENT_CANDIDATES_MAX);
	cJSON_Delete(json);
}

static void bad_senders(void **state)
{
	static const char *const v[] = { "", "a:s", "@a b:s", "@a\\n:s" };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_event e;
		char text[256];
		cJSON *json;

		snprintf(text, sizeof(text),
			"{\"type\":\"m.call.hangup\",\"sender\":\"%s\","
			"\"content\":{\"call_id\":\"c\"}}",
			v[i]);
		json = parse(text);
		assert_int_equal(event_parse(&e, json, "!r:s"), -EINVAL);
		cJSON_Delete(json);
	}
}

static void control(void **state)
{
	struct call_event e;
	cJSON *json = parse("{\"description\":{\"type\":\"offer\","
			    "\"sdp\":\"v=0\"}}");

	(void)state;
	assert_int_equal(event_parse_control(&e, "m.call.negotiate", json), 0);
	assert_true(e.sdp_offer);
	assert_int_equal(event_parse_control(&e, "m.call.pong", NULL), 0);
	assert_int_equal(e.type, EVENT_PONG);
	assert_int_equal(event_parse_control(&e, "x", json), -ENOENT);
	assert_int_equal(
		event_parse_control(&e, "m.call.negotiate", NULL), -EINVAL);
	cJSON_Delete(json);
}

static void contents(void **state)
{
	cJSON *v0 = event_content(0, "c", "p"),
	      *v1 = event_content(1, "c", "p");

	(void)state;
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(v0, "version")));
	assert_null(cJSON_GetObjectItem(v0, "party_id"));
	assert_string_equal(event_string(v1, "version"), "1");
	assert_string_equal(event_string(v1, "party_id"), "p");
	cJSON_Delete(v0);
	cJSON_Delete(v1);
}

static void numbers(void **state)
{
	static const struct {
		const char *json;
		uint64_t want;
	} v[] = { { "{\"n\":7}", 7 }, { "{\"n\":7.9}", 7 }, { "{\"n\":-1}", 0 },
		{ "{\"n\":\"7\"}", 0 }, { "{}", 0 }, { "[]", 0 },
		{ "{\"n\":9007199254740991}", 9007199254740991 },
		{ "{\"n\":9007199254740992}", 0 }, { "{\"n\":1e300}", 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		cJSON *json = parse(v[i].json);

		assert_true(event_number(json, "n") == v[i].want);
		cJSON_Delete(json);
	}
	assert_true(event_number(NULL, "n") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(invite_fields),
		cmocka_unit_test(versions),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(bounds),
		cmocka_unit_test(many_candidates),
		cmocka_unit_test(bad_senders),
		cmocka_unit_test(control),
		cmocka_unit_test(contents),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
