/* A finished recording on its way into its room. */
#include "test.h"
#include <stdio.h>
#include "manifests.h"
#include "matrix-bot/parcel.h"

#define ENDED_MS 1795000720000ull
#define S        1000000ull

static struct parcel p;
static struct parcel_actions a;

static void take(const char *manifest, bool deliver, uint64_t unix_ms)
{
	cJSON *json = parse(manifest);

	parcel_composed(&p, 100 * S, unix_ms, json, deliver);
	cJSON_Delete(json);
}

static void begin(const char *manifest, bool deliver)
{
	parcel_init(&p, "rec1", "!r:s");
	take(manifest, deliver, ENDED_MS + 1000);
	parcel_go(&p, &a);
}

static void reply_as(void (*to)(struct parcel *, const struct parcel_reply *,
			     struct parcel_actions *),
	int status, const char *errcode, const char *result)
{
	const struct parcel_reply r = { status, errcode, "the words", result };

	to(&p, &r, &a);
}

static void expect(enum parcel_act act, enum parcel_state state)
{
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, act);
	assert_int_equal(p.state, state);
}

static cJSON *delivered(void)
{
	cJSON *json = parcel_delivered(&p);

	parcel_done(&p);
	return json;
}

static void is_posted(void **state)
{
	cJSON *json;
	const char *type;

	(void)state;
	begin(MANIFEST("rec1", "1000"), true);
	expect(PARCEL_ASK, PARCEL_ASKING);
	parcel_limit(&p, 1000, &a);
	expect(PARCEL_UPLOAD, PARCEL_THUMBNAIL);
	assert_string_equal(parcel_file(&p, &type), "thumbnail.jpg");
	assert_string_equal(type, "image/jpeg");
	reply_as(parcel_uploaded, 200, "", "mxc://s/thumb");
	expect(PARCEL_UPLOAD, PARCEL_FILE);
	assert_string_equal(parcel_file(&p, &type), "composed.mp4");
	assert_string_equal(type, "video/mp4");
	reply_as(parcel_uploaded, 200, "", "mxc://s/file");
	expect(PARCEL_SEND, PARCEL_MESSAGE);
	json = parcel_message(&p);
	assert_string_equal(event_string(json, "msgtype"), "m.video");
	assert_string_equal(event_string(json, "url"), "mxc://s/file");
	assert_string_equal(event_string(json, "body"),
		"Recording of 2026-11-18 11:06 UTC, 12 min.mp4");
	assert_string_equal(event_string(cJSON_GetObjectItem(json, "info"),
				    "thumbnail_url"),
		"mxc://s/thumb");
	assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(
				 cJSON_GetObjectItem(json, "info"), "w")),
		1280);
	assert_string_equal(
		event_string(cJSON_GetObjectItem(json, "org.hearth.recording"),
			"started_by"),
		"@a:s");
	cJSON_Delete(json);
	reply_as(parcel_sent, 200, "", "$file");
	expect(PARCEL_KEEP, PARCEL_DONE);
	assert_true(parcel_is_over(&p));
	json = delivered();
	assert_string_equal(event_string(json, "way"), "message");
	assert_string_equal(event_string(json, "url"), "mxc://s/file");
	assert_int_equal(
		cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")), 1);
	cJSON_Delete(json);
}

static void is_too_large(void **state)
{
	static const struct {
		int status;
		const char *errcode, *words;
	} v[] = { { 413, "", "more than this homeserver takes" },
		{ 400, "M_TOO_LARGE", "more than this homeserver takes" },
		{ 403, "M_FORBIDDEN", "does not take it (M_FORBIDDEN" },
		{ 0, "", "for a whole day" }, { 200, "", "does not take it" } };
	cJSON *json;

	(void)state;
	begin(MANIFEST("rec1", "1001"), true);
	parcel_limit(&p, 1000, &a);
	expect(PARCEL_SEND_LINK, PARCEL_LINK);
	assert_non_null(strstr(a.v[0].text, "It has 2 kB"));
	assert_non_null(strstr(a.v[0].text, "at most 1 kB"));
	reply_as(parcel_sent, 200, "", "$link");
	expect(PARCEL_KEEP, PARCEL_DONE);
	json = delivered();
	assert_string_equal(event_string(json, "way"), "link");
	cJSON_Delete(json);

	for (size_t i = 0; i < COUNT(v); i++) {
		begin(MANIFEST("rec1", "1001"), true);
		parcel_limit(&p, 0, &a);
		/* No thumbnail is no reason. */
		reply_as(parcel_uploaded, v[i].status, v[i].errcode, "");
		expect(PARCEL_UPLOAD, PARCEL_FILE);
		reply_as(parcel_uploaded, v[i].status, v[i].errcode, "http:");
		expect(PARCEL_SEND_LINK, PARCEL_LINK);
		assert_non_null(strstr(a.v[0].text, v[i].words));
		parcel_done(&p);
	}
}

/* The file is up, but the room does not take the message. */
static void message_refused(void **state)
{
	(void)state;
	begin(MANIFEST("rec1", "10"), true);
	parcel_limit(&p, 0, &a);
	reply_as(parcel_uploaded, 200, "", "mxc://s/t");
	reply_as(parcel_uploaded, 200, "", "mxc://s/f");
	reply_as(parcel_sent, 403, "M_FORBIDDEN", "");
	expect(PARCEL_SEND_LINK, PARCEL_LINK);
	reply_as(parcel_sent, 403, "M_FORBIDDEN", "");
	/* Not kept as delivered: it comes again at the next start. */
	assert_int_equal(a.n, 0);
	assert_int_equal(p.state, PARCEL_DONE);
	parcel_done(&p);
}

static void only_links(void **state)
{
	cJSON *json;

	(void)state;
	begin(MANIFEST("rec1", "10"), false);
	expect(PARCEL_SEND_LINK, PARCEL_LINK);
	parcel_done(&p);
	begin(MANIFEST_BARE("rec1"), true);
	expect(PARCEL_SEND_LINK, PARCEL_LINK);
	parcel_go(&p, &a);
	assert_int_equal(a.n, 0);
	parcel_done(&p);
	begin(MANIFEST_EMPTY("rec1"), true);
	expect(PARCEL_KEEP, PARCEL_DONE);
	json = delivered();
	assert_string_equal(event_string(json, "way"), "nothing");
	cJSON_Delete(json);
}

static void ended(const char *how, const char *manifest)
{
	cJSON *json = parse(manifest);

	parcel_init(&p, "rec1", "!r:s");
	parcel_ended(&p, how, json, true);
	cJSON_Delete(json);
}

static void status(enum parcel_act act, const char *words)
{
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, act);
	assert_non_null(strstr(a.v[0].text, words));
}

static void one_notice(void **state)
{
	(void)state;
	ended("stopped by Ann", MANIFEST_BARE("rec1"));
	parcel_tick(&p, 10 * S, &a);
	status(PARCEL_POST, "Recording of 12 min stopped by Ann.");
	/* Unanswered: nothing to edit yet. */
	parcel_progress(&p, 10);
	parcel_tick(&p, 30 * S, &a);
	assert_int_equal(a.n, 0);
	parcel_status(&p, "$status");
	parcel_tick(&p, 30 * S, &a);
	status(PARCEL_EDIT, "10 %");
	parcel_status(&p, "$edit");
	assert_string_equal(p.status_event, "$status");
	/* At most every 15 s. */
	parcel_progress(&p, 20);
	parcel_tick(&p, 44 * S, &a);
	assert_int_equal(a.n, 0);
	parcel_progress(&p, 30);
	parcel_tick(&p, 45 * S, &a);
	status(PARCEL_EDIT, "30 %");
	parcel_status(&p, "$edit2");
	/* The end of it at once. */
	take(MANIFEST("rec1", "10"), true, ENDED_MS);
	parcel_tick(&p, 46 * S, &a);
	status(PARCEL_EDIT, "on its way");
	parcel_status(&p, "$edit3");
	parcel_progress(&p, 40);
	parcel_tick(&p, 90 * S, &a);
	assert_int_equal(a.n, 0);
	parcel_done(&p);
}

static void status_not_taken(void **state)
{
	(void)state;
	ended("stopped by Ann", MANIFEST_BARE("rec1"));
	parcel_tick(&p, 10 * S, &a);
	parcel_status(&p, "");
	parcel_progress(&p, 50);
	parcel_tick(&p, 11 * S, &a);
	status(PARCEL_POST, "50 %");
	parcel_done(&p);
	ended("ended with the call", MANIFEST_EMPTY("rec1"));
	parcel_tick(&p, 10 * S, &a);
	status(PARCEL_POST, "Nobody sent sound or picture");
	parcel_done(&p);
}

static void composing_fails(void **state)
{
	(void)state;
	ended("stopped by Ann", MANIFEST_BARE("rec1"));
	parcel_failed(&p, 50 * S, "ffmpeg ended with 1.");
	parcel_tick(&p, 50 * S, &a);
	status(PARCEL_POST, "ffmpeg ended with 1.");
	parcel_go(&p, &a);
	expect(PARCEL_SEND_LINK, PARCEL_LINK);
	reply_as(parcel_sent, 200, "", "$link");
	expect(PARCEL_KEEP, PARCEL_DONE);
	assert_false(parcel_is_over(&p));
	parcel_status(&p, "$status");
	parcel_tick(&p, 51 * S, &a);
	status(PARCEL_EDIT, "A link to it");
	parcel_status(&p, "$edit");
	assert_true(parcel_is_over(&p));
	parcel_done(&p);
}

static void late(void **state)
{
	cJSON *json;

	(void)state;
	begin(MANIFEST("rec1", "10"), true);
	parcel_limit(&p, 0, &a);
	parcel_tick(&p, (100 + PARCEL_LATE_S - 1) * S, &a);
	assert_int_equal(a.n, 0);
	parcel_tick(&p, (100 + PARCEL_LATE_S) * S, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, PARCEL_SEND_LATE);
	parcel_tick(&p, (200 + PARCEL_LATE_S) * S, &a);
	assert_int_equal(a.n, 0);
	parcel_late(&p, "$late");
	reply_as(parcel_uploaded, 200, "", "mxc://s/t");
	reply_as(parcel_uploaded, 200, "", "mxc://s/f");
	reply_as(parcel_sent, 200, "", "$file");
	json = delivered();
	assert_int_equal(
		cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")), 2);
	cJSON_Delete(json);
}

/* A day counts from the end of the recording, over restarts. */
static void gives_up(void **state)
{
	static const struct {
		uint64_t age_s, left_s;
	} v[] = { { 0, 86400 }, { 40000, 46400 }, { 86000, 3600 },
		{ 1000000, 3600 } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		parcel_init(&p, "rec1", "!r:s");
		take(MANIFEST("rec1", "10"), true,
			ENDED_MS + v[i].age_s * 1000);
		assert_true(p.give_up_us == (100 + v[i].left_s) * S);
		parcel_done(&p);
	}
}

/* Not a manifest of ours: no path comes out of it, nothing falls over. */
static void odd_manifests(void **state)
{
	static const char *const v[] = { "{}", "[]", "{\"files\":[{}]}",
		"{\"files\":[1],\"composed\":7}",
		"{\"files\":[1],\"composed\":{\"name\":\"../x\"}}",
		"{\"files\":[1],\"composed\":{\"name\":\"a/b\",\"bytes\":-1,"
		"\"thumbnail\":{\"name\":\".hidden\"}}}" };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		cJSON *json;

		begin(v[i], true);
		if (p.state == PARCEL_ASKING)
			parcel_limit(&p, 0, &a);
		assert_null(parcel_file(&p, NULL));
		assert_int_not_equal(p.state, PARCEL_FILE);
		json = parcel_message(&p);
		cJSON_Delete(json);
		parcel_done(&p);
	}
}

static void track_types(void **state)
{
	static const struct {
		const char *file, *want;
	} v[] = { { MANIFEST_TRACK, "video/webm" },
		{ "{\"name\":\"p1-other-1.webm\",\"tracks\":[{\"kind\":"
		  "\"audio\"}]}",
			"audio/webm" },
		{ "{\"name\":\"p1.mkv\",\"tracks\":[{\"kind\":\"video\"}]}",
			"video/x-matroska" },
		{ "{}", "audio/x-matroska" } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		cJSON *json = parse(v[i].file);

		assert_string_equal(parcel_track_type(json), v[i].want);
		cJSON_Delete(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_posted),
		cmocka_unit_test(is_too_large),
		cmocka_unit_test(message_refused),
		cmocka_unit_test(only_links),
		cmocka_unit_test(one_notice),
		cmocka_unit_test(status_not_taken),
		cmocka_unit_test(composing_fails),
		cmocka_unit_test(late),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(odd_manifests),
		cmocka_unit_test(track_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
