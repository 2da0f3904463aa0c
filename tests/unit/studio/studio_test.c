/* The commands and events of studio.h, with a recorder that behaves. */
#include "tests/unit/studio/world.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>

static int set_up(void **state)
{
	static struct world w;

	world_open(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	world_close(*state);
	return 0;
}

static const char *number(const char *key, const cJSON *object)
{
	static char text[32];

	snprintf(text, sizeof(text), "%g",
		cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(object, key)));
	return text;
}

static void test_life_of_a_recording(void **state)
{
	struct world *w = *state;
	const char *at;
	struct stat st;
	char path[256];

	world_start(w);
	world_record(w, "track");
	assert_string_equal(studio_running(w->studio, "!room"), w->id);
	assert_null(studio_running(w->studio, "!other"));
	assert_string_equal(w->told, "");
	world_wait(w, "started ");
	world_wait(w, "track ");
	assert_int_equal(studio_end(w->studio, "!room", "command"), 0);
	assert_null(studio_running(w->studio, "!room"));
	world_wait(w, "stopped ");
	world_wait(w, "composed ");
	assert_string_equal(w->last_id, w->id);
	assert_non_null(
		cJSON_GetObjectItemCaseSensitive(w->last_manifest, "composed"));
	/* In order, each once. */
	at = strstr(w->told, "started ");
	assert_ptr_equal(at, w->told);
	at = strstr(at, "\ntrack ");
	assert_non_null(at);
	at = strstr(at, "\nstopped ");
	assert_non_null(at);
	assert_memory_equal(at + 9 + strlen(w->id), " command", 8);
	assert_non_null(strstr(at, "\ncomposed "));
	assert_int_equal(world_count(w, "\n"), 5); /* one progress */
	assert_string_equal(
		world_read(w, w->id, "composing.txt"), "grid nice 10\n");
	snprintf(path, sizeof(path), "%s/%s", w->recordings, w->id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(w->recordings, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_recorder_hears_the_feed(void **state)
{
	struct world *w = *state;
	sfu_id id;

	world_start(w);
	world_record(w, "");
	world_wait(w, "started ");
	id = fake_sfu_last();
	assert_memory_equal(fake_sfu_label(id), "recording:", 10);
	assert_int_equal(write(fake_sfu_fd(id), "frames", 6), 6);
	world_until(w, *world_read(w, w->id, "feed.txt"));
	assert_string_equal(world_read(w, w->id, "feed.txt"), "frames\n");
	studio_end(w->studio, "!room", "call_ended");
	world_wait(w, "stopped ");
	world_turn(w, 20);
	assert_false(fake_sfu_present(id));
}

static void test_words_before_and_after_the_start(void **state)
{
	struct world *w = *state;
	const char *orders;

	world_start(w);
	studio_participant(
		w->studio, "!room", "ann", "@ann:example.org", "Anna");
	studio_participant(
		w->studio, "!room", "ann", "@ann:example.org", "Ann \"\n");
	studio_participant(w->studio, "!else", "eve", "@eve:x", "Eve");
	studio_source(w->studio, "!room", "ann", "s1", "camera", false, true);
	world_record(w, "");
	studio_participant(w->studio, "!room", "bob", NULL, NULL);
	world_wait(w, "started ");
	studio_source(w->studio, "!room", "ann", "s1", "camera", true, true);
	studio_end(w->studio, "!room", "command");
	world_wait(w, "stopped ");
	orders = world_read(w, w->id, "orders.txt");
	assert_null(strstr(orders, "Anna"));
	assert_null(strstr(orders, "eve"));
	assert_non_null(strstr(orders,
		"{\"type\":\"participant\",\"label\":\"ann\",\"user_id\":"
		"\"@ann:example.org\",\"name\":\"Ann \\\"\\n\"}\n"
		"{\"type\":\"source\",\"label\":\"ann\",\"source\":\"s1\","
		"\"purpose\":\"camera\",\"audio_muted\":false,"
		"\"video_muted\":true}\n"
		"{\"type\":\"participant\",\"label\":\"bob\",\"user_id\":\"\","
		"\"name\":\"\"}\n"
		"{\"type\":\"source\",\"label\":\"ann\",\"source\":\"s1\","
		"\"purpose\":\"camera\",\"audio_muted\":true,"
		"\"video_muted\":true}\n"
		"{\"type\":\"stop\",\"reason\":\"command\"}\n"));
}

static void test_refusals(void **state)
{
	struct world *w = *state;
	char id[STUDIO_ID_MAX + 1] = "untouched";

	w->config.recording.at_once = 1;
	world_start(w);
	assert_int_equal(studio_end(w->studio, "!room", "command"), -ENOENT);
	world_record(w, "");
	assert_int_equal(
		studio_start(w->studio, "!room", "!r", NULL, id, w->error),
		-EBUSY);
	assert_non_null(strstr(w->error, "already"));
	assert_int_equal(
		studio_start(w->studio, "!two", "!r", NULL, id, w->error),
		-EMFILE);
	assert_true(*w->error);
	assert_string_equal(id, "untouched");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "stopped ");
	world_turn(w, 20);
	fake_sfu_fail(-EAGAIN);
	assert_int_equal(
		studio_start(w->studio, "!two", "!r", NULL, id, w->error),
		-EAGAIN);
	assert_non_null(strstr(w->error, "try again"));
	assert_null(studio_running(w->studio, "!two"));
	fake_sfu_fail(0);
	assert_int_equal(
		studio_start(w->studio, "!two", "!r", NULL, id, w->error), 0);
	assert_int_equal(world_count(w, "failed"), 0);
}

static void test_unusable(void **state)
{
	struct world *w = *state;
	char id[STUDIO_ID_MAX + 1];
	struct studio *s = NULL;

	strcpy(w->recorder, "/nonexistent/hearth-record");
	assert_int_equal(studio_new(&s, w->base, NULL, &w->config, NULL, NULL,
				 NULL, w->error),
		-ENOENT);
	assert_non_null(strstr(w->error, "recording.recorder"));
	memset(w->error, 0, sizeof(w->error));
	assert_int_equal(
		studio_start(s, "!r", "!r", NULL, id, w->error), -ENODEV);
	assert_non_null(strstr(w->error, "recording.recorder"));
	studio_free(s);

	strcpy(w->recordings, "/proc/recordings");
	assert_true(studio_new(&s, w->base, NULL, &w->config, NULL, NULL, NULL,
			    w->error) < 0);
	assert_non_null(strstr(w->error, "recording.directory"));
	studio_resume(s);
	assert_int_equal(studio_list(s, "!r", NULL, 0), 0);
	studio_free(s);
}

static void test_list_manifest_delete(void **state)
{
	struct world *w = *state;
	struct studio_entry list[3];
	char first[STUDIO_ID_MAX + 1];
	cJSON *manifest;

	world_start(w);
	for (int i = 0; i < 2; i++) {
		world_record(w, "track");
		if (i == 0)
			strcpy(first, w->id);
		world_wait(w, "track ");
		assert_int_equal(
			studio_delete(w->studio, "!room:example.org", w->id),
			-EBUSY);
		studio_end(w->studio, "!room", "command");
		world_wait(w, "composed ");
		w->told[0] = '\0';
		world_turn(w, 1000); /* another second, another id */
	}
	assert_int_equal(
		studio_list(w->studio, "!room:example.org", list, 3), 2);
	assert_string_equal(list[0].id, w->id);
	assert_string_equal(list[1].id, first);
	assert_string_equal(list[0].state, "composed");
	assert_int_equal(list[0].duration_ms, 1000);
	assert_int_equal(list[0].bytes, 27);
	assert_true(list[0].started_ms > 0);
	assert_non_null(cJSON_GetObjectItemCaseSensitive(list[0].about, "do"));
	cJSON_Delete(list[0].about);
	cJSON_Delete(list[1].about);
	assert_int_equal(studio_list(w->studio, "!other", list, 3), 0);

	manifest = studio_manifest(w->studio, "!room:example.org", first);
	assert_string_equal(number("duration_ms", manifest), "1000");
	cJSON_Delete(manifest);
	assert_null(studio_manifest(w->studio, "!other", first));
	assert_null(studio_manifest(w->studio, "!other", "../../etc"));

	assert_int_equal(studio_delete(w->studio, "!other", first), -ENOENT);
	assert_int_equal(studio_delete(w->studio, "!room:example.org", "../.."),
		-ENOENT);
	assert_true(world_exists(w, first, "composed.mp4"));
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", first), 0);
	assert_string_equal(w->told, "");
	world_wait(w, "deleted ");
	assert_string_equal(w->last_id, first);
	assert_false(world_exists(w, first, ""));
	assert_int_equal(
		studio_delete(w->studio, "!room:example.org", first), -ENOENT);
	assert_int_equal(
		studio_list(w->studio, "!room:example.org", list, 3), 1);
	cJSON_Delete(list[0].about);
	/* Not only out of sight. */
	char path[64];
	snprintf(path, sizeof(path), ".deleted-%s", first);
	world_until(w, !world_exists(w, path, ""));
}

static void test_compose_none(void **state)
{
	struct world *w = *state;

	strcpy(w->compose, "none");
	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "composed ");
	assert_null(
		cJSON_GetObjectItemCaseSensitive(w->last_manifest, "composed"));
	assert_false(world_exists(w, w->id, "composing.txt"));
}

static void test_nothing_recorded_is_not_composed(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_record(w, "");
	world_wait(w, "started ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "composed ");
	assert_false(world_exists(w, w->id, "composing.txt"));
}

static void test_delivered(void **state)
{
	struct world *w = *state;
	cJSON *word = cJSON_Parse("{\"event_id\": \"$1\"}"), *manifest;
	const cJSON *delivered;

	world_start(w);
	assert_int_equal(studio_delivered(w->studio, "nothing", word), -ENOENT);
	world_record(w, "track");
	world_wait(w, "track ");
	/* Its recorder writes the manifest: it waits. */
	assert_int_equal(studio_delivered(w->studio, w->id, word), 0);
	studio_end(w->studio, "!room", "command");
	world_wait(w, "stopped ");
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	delivered = cJSON_GetObjectItemCaseSensitive(manifest, "delivered");
	assert_true(cJSON_Compare(delivered, word, 1));
	cJSON_Delete(manifest);
	world_wait(w, "composed ");
	cJSON_SetValuestring(
		cJSON_GetObjectItemCaseSensitive(word, "event_id"), "$2");
	assert_int_equal(studio_delivered(w->studio, w->id, word), 0);
	manifest = studio_manifest(w->studio, "!room:example.org", w->id);
	delivered = cJSON_GetObjectItemCaseSensitive(manifest, "delivered");
	assert_true(cJSON_Compare(delivered, word, 1));
	assert_non_null(cJSON_GetObjectItemCaseSensitive(manifest, "composed"));
	cJSON_Delete(manifest);
	cJSON_Delete(word);
}

static void start_another(struct world *w, const struct studio_event *ev)
{
	char id[STUDIO_ID_MAX + 1];

	if (ev->type == STUDIO_STOPPED && !studio_running(w->studio, "!next"))
		assert_int_equal(studio_start(w->studio, "!next", "!r", NULL,
					 id, w->error),
			0);
	if (ev->type == STUDIO_COMPOSED)
		assert_int_equal(
			studio_delete(w->studio, "!room:example.org", ev->id),
			0);
}

static void test_commands_from_the_handler(void **state)
{
	struct world *w = *state;

	w->on_event = start_another;
	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_end(w->studio, "!room", "command");
	world_wait(w, "deleted ");
	assert_non_null(studio_running(w->studio, "!next"));
}

static void on_done(void *arg)
{
	*(bool *)arg = true;
}

static void test_stop(void **state)
{
	struct world *w = *state;
	bool done = false;

	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_stop(w->studio, on_done, &done);
	assert_false(done);
	world_until(w, done);
	assert_int_equal(world_lines(w, "stopped "), 1);
	assert_int_equal(
		studio_start(w->studio, "!2", "!r", NULL, w->id, w->error),
		-EMFILE);
}

static void test_stop_with_nothing_to_do(void **state)
{
	struct world *w = *state;
	bool done = false;

	world_start(w);
	studio_stop(w->studio, on_done, &done);
	assert_false(done);
	world_turn(w, 100);
	assert_true(done);
}

static void test_stop_does_not_wait_for_ever(void **state)
{
	struct world *w = *state;
	bool done = false;

	world_start(w);
	world_record(w, "stubborn");
	world_wait(w, "started ");
	studio_stop(w->studio, on_done, &done);
	world_turn(w, 2500);
	assert_false(done);
	world_turn(w, 1000);
	assert_true(done);
}

static void test_metrics(void **state)
{
	struct world *w = *state;
	struct evbuffer *out = evbuffer_new();
	const char *text;

	world_start(w);
	world_record(w, "track");
	world_wait(w, "track ");
	studio_metrics(w->studio, out);
	text = (const char *)evbuffer_pullup(out, -1);
	evbuffer_add(out, "", 1);
	text = (const char *)evbuffer_pullup(out, -1);
	assert_non_null(strstr(text, "\nhearth_recordings_running 1\n"));
	assert_non_null(strstr(text, "\nhearth_recordings_started_total 1\n"));
	assert_non_null(strstr(text, "# TYPE hearth_webhooks_waiting gauge\n"));
	assert_null(strstr(text, "room"));
	evbuffer_free(out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_life_of_a_recording),
		T(test_recorder_hears_the_feed),
		T(test_words_before_and_after_the_start),
		T(test_refusals),
		T(test_unusable),
		T(test_list_manifest_delete),
		T(test_compose_none),
		T(test_nothing_recorded_is_not_composed),
		T(test_delivered),
		T(test_commands_from_the_handler),
		T(test_stop),
		T(test_stop_with_nothing_to_do),
		T(test_stop_does_not_wait_for_ever),
		T(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
