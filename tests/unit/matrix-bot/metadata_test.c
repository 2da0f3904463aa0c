#include "test.h"
#include <errno.h>
#include <stdio.h>
#include "matrix-bot/event.h"
#include "matrix-bot/metadata.h"

static void parses(const char *text, struct metadata *m, int want)
{
	cJSON *json = parse(text);

	assert_int_equal(metadata_parse(m, json), want);
	cJSON_Delete(json);
}

static void both_keys(void **state)
{
	struct metadata m;

	(void)state;
	parses("{\"sdp_stream_metadata\":{\"a\":{}}}", &m, 0);
	assert_string_equal(m.v[0].id, "a");
	assert_int_equal(m.v[0].purpose, METADATA_OTHER);
	parses("{\"org.matrix.msc3077.sdp_stream_metadata\":{\"b\":{}}}", &m,
		0);
	assert_string_equal(m.v[0].id, "b");
	parses("{\"sdp_stream_metadata\":{\"a\":{}},"
	       "\"org.matrix.msc3077.sdp_stream_metadata\":{\"b\":{}}}",
		&m, 0);
	assert_string_equal(m.v[0].id, "a");
	parses("{\"sdp_stream_metadata\":7}", &m, -ENOENT);
	parses("{}", &m, -ENOENT);
}

static void odd_entries(void **state)
{
	struct metadata m;

	(void)state;
	parses("{\"sdp_stream_metadata\":{\"\":{},\"a\":7,\"b\":null,"
	       "\"c\":{\"purpose\":\"m.usermedia\",\"audio_muted\":\"no\","
	       "\"video_muted\":false}}}",
		&m, 0);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.v[0].id, "c");
	assert_int_equal(m.v[0].audio_muted, -1);
	assert_int_equal(m.v[0].video_muted, 0);
}

static void bounded(void **state)
{
	struct metadata m;
	cJSON *json = cJSON_CreateObject();
	cJSON *map = cJSON_AddObjectToObject(json, "sdp_stream_metadata");

	(void)state;
	for (int i = 0; i < 100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "s%d", i);
		cJSON_AddObjectToObject(map, id);
	}
	assert_int_equal(metadata_parse(&m, json), 0);
	assert_int_equal(m.n, METADATA_STREAMS_MAX);
	cJSON_Delete(json);
}

static void merges(void **state)
{
	struct metadata m, with;

	(void)state;
	parses("{\"sdp_stream_metadata\":{\"a\":{\"audio_muted\":false},"
	       "\"b\":{}}}",
		&m, 0);
	parses("{\"sdp_stream_metadata\":{\"a\":{\"audio_muted\":true},"
	       "\"c\":{}}}",
		&with, 0);
	metadata_merge(&m, &with);
	assert_int_equal(m.n, 3);
	assert_int_equal(metadata_find(&m, "a")->audio_muted, 1);
	assert_non_null(metadata_find(&m, "c"));
	assert_null(metadata_find(&m, "d"));
}

static void writes_both(void **state)
{
	struct metadata_stream s = {
		.id = "x", .purpose = METADATA_SCREENSHARE, .video_muted = 1
	};
	struct metadata_entry e = { .id = "mine",
		.source = &s,
		.user_id = "@a:s",
		.participant = "@a:s D" };
	cJSON *content = cJSON_CreateObject(), *map = cJSON_CreateObject();
	const cJSON *item;

	(void)state;
	metadata_add_entry(map, &e);
	metadata_add_map(content, map);
	assert_int_equal(cJSON_GetArraySize(content), 2);
	cJSON_ArrayForEach(map, content)
	{
		item = cJSON_GetObjectItem(map, "mine");
		assert_string_equal(
			event_string(item, "purpose"), "m.screenshare");
		assert_true(
			cJSON_IsTrue(cJSON_GetObjectItem(item, "video_muted")));
		assert_true(cJSON_IsFalse(
			cJSON_GetObjectItem(item, "audio_muted")));
		assert_string_equal(
			event_string(item, "participant"), "@a:s D");
		assert_null(cJSON_GetObjectItem(item, "device_id"));
	}
	cJSON_Delete(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_keys),
		cmocka_unit_test(odd_entries),
		cmocka_unit_test(bounded),
		cmocka_unit_test(merges),
		cmocka_unit_test(writes_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
