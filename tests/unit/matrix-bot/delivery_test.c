/* How finished recordings come into their rooms, and go again. */
#include "tape_world.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files that can be uploaded. */
static void make_files(struct world *w, char dir[128])
{
	static const char *const names[] = { "composed.mp4", "thumbnail.jpg" };
	char path[256];

	snprintf(dir, 128, "%s/rec", w->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "bytes of %s", names[i]);
		fclose(f);
	}
}

static void remove_files(const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/composed.mp4", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/thumbnail.jpg", dir);
	unlink(path);
	rmdir(dir);
}

static void uploads_work(struct world *w)
{
	fake_add_rule(w->f,
		&(struct fake_rule){ "filename=composed.mp4", FAKE_REPLY, 200,
			"{\"content_uri\":\"mxc://s/file\"}", NULL, 9 });
	fake_add_rule(w->f,
		&(struct fake_rule){ "filename=thumbnail.jpg", FAKE_REPLY, 200,
			"{\"content_uri\":\"mxc://s/small\"}", NULL, 9 });
}

static void is_delivered(void **state)
{
	struct world w;
	cJSON *content;
	char dir[128];

	(void)state;
	world_recording(&w);
	make_files(&w, dir);
	/* A homeserver of before 1.11, that stumbles once. */
	fake_add_rule(
		w.f, &(struct fake_rule){ "/v1/media/config", FAKE_REPLY, 404,
			     "{\"errcode\":\"M_UNRECOGNIZED\"}", NULL, 1 });
	fake_add_rule(w.f, &(struct fake_rule){ "/v3/config", FAKE_REPLY, 200,
				   "{\"m.upload.size\":5000}", NULL, 1 });
	fake_add_rule(w.f, &(struct fake_rule){ "filename=composed.mp4",
				   FAKE_REPLY, 502, "bad gateway", NULL, 1 });
	uploads_work(&w);
	world_timeline(&w, SAID("@a:s", "!record stop"));
	world_wait_studio(&w, "end:!r:s:command", 1);
	world_expect_control(1, "\"state\":\"stopping\"");
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), dir);
	world_expect_notice(&w, 1,
		"Recording of 12 min stopped by @a:s name. One file to watch "
		"is being made of it.");
	fake_run(w.base, 50);
	fake_studio_emit(STUDIO_PROGRESS, "rec1", NULL, 30, NULL, dir);
	fake_run(w.base, 50);
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	world_expect_notice(&w, 2, "on its way");
	content = world_content_sent(&w, NOTICES, 2);
	assert_string_equal(
		event_string(cJSON_GetObjectItem(content, "m.relates_to"),
			"rel_type"),
		"m.replace");
	cJSON_Delete(content);
	content = world_content_sent(&w, "/hearth.rec1.file", 0);
	assert_string_equal(event_string(content, "msgtype"), "m.video");
	assert_string_equal(event_string(content, "url"), "mxc://s/file");
	assert_string_equal(event_string(cJSON_GetObjectItem(content, "info"),
				    "thumbnail_url"),
		"mxc://s/small");
	cJSON_Delete(content);
	assert_string_equal(fake_find(w.f, "filename=composed.mp4", 1)->body,
		"bytes of composed.mp4");
	assert_string_equal(fake_find(w.f, "filename=thumbnail.jpg", 0)->body,
		"bytes of thumbnail.jpg");
	world_wait_studio(&w,
		"delivered:rec1:{\"way\":\"message\",\"url\":"
		"\"mxc://s/file\",\"events\":[\"$1\"]",
		1);
	world_expect_notice(&w, 4, "in this room now");
	remove_files(dir);
	world_done(&w);
}

static void too_large(void **state)
{
	struct world w;
	char dir[128];
	cJSON *content;

	(void)state;
	world_recording(&w);
	make_files(&w, dir);
	fake_add_rule(w.f, &(struct fake_rule){ "/media/config", FAKE_REPLY,
				   200, "{\"m.upload.size\":20}", NULL, 1 });
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	content = world_content_sent(&w, "/hearth.rec1.link", 0);
	assert_non_null(strstr(event_string(content, "body"),
		"https://meet.s/#/recording/!r:s/rec1"));
	assert_string_equal(event_string(content, "msgtype"), "m.notice");
	assert_string_equal(event_string(cJSON_GetObjectItem(content,
						 "org.hearth.recording"),
				    "id"),
		"rec1");
	cJSON_Delete(content);
	world_wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	assert_int_equal(fake_count(w.f, "/upload"), 0);
	remove_files(dir);
	world_done(&w);
}

static void refused_by_413(void **state)
{
	struct world w;
	char dir[128];

	(void)state;
	world_recording(&w);
	make_files(&w, dir);
	fake_add_rule(w.f, &(struct fake_rule){ "/upload", FAKE_REPLY, 413,
				   "<html>", NULL, 9 });
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	fake_wait(w.f, "/hearth.rec1.link", 1);
	world_wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	/* The files of the next one have vanished. */
	remove_files(dir);
	fake_studio_emit(
		STUDIO_COMPOSED, "rec2", NULL, 0, MANIFEST("rec2", "21"), dir);
	fake_wait(w.f, "/hearth.rec2.link", 1);
	world_done(&w);
}

static void no_delivery_wanted(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	w.config.recording.deliver = false;
	world_start(&w);
	world_timeline(&w, LEVELS THREE);
	fake_wait(w.f, "/sync", 2);
	fake_studio_emit(STUDIO_COMPOSED, "rec1", NULL, 0,
		MANIFEST("rec1", "21"), "/tmp");
	fake_wait(w.f, "/hearth.rec1.link", 1);
	world_wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	assert_int_equal(fake_count(w.f, "/upload"), 0);
	world_done(&w);
}

/* After a start: what was cut off is told, what was not delivered comes. */
static void restart(void **state)
{
	struct world w;
	char dir[128], cut[] = MANIFEST("oldest", "21");
	bool told = false;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	world_wait_studio(&w, "resume:", 1);
	make_files(&w, dir);
	uploads_work(&w);
	fake_studio_emit(
		STUDIO_STOPPED, "old", NULL, 0, MANIFEST_BARE("old"), dir);
	world_expect_notice(&w, 0,
		"Recording of 12 min was interrupted at 2026-11-18 11:18 UTC; "
		"what was recorded before is kept.");
	fake_studio_emit(STUDIO_COMPOSED, "older", NULL, 0,
		MANIFEST("older", "21"), dir);
	fake_wait(w.f, "/hearth.older.file", 1);
	world_wait_studio(&w, "delivered:older:{\"way\":\"message\"", 1);
	world_settle(&w);
	assert_int_equal(fake_studio_count("resume:"), 1);
	/* Its recorder outlived the bot and made it whole. */
	memcpy(strstr(cut, "\"command\""), "\"crashed\"", 9);
	fake_studio_emit(STUDIO_COMPOSED, "oldest", NULL, 0, cut, dir);
	fake_wait(w.f, "/hearth.oldest.file", 1);
	for (unsigned i = 0; i < fake_count(w.f, NOTICES) && !told; i++)
		told = strstr(fake_find(w.f, NOTICES, i)->body,
			       "was interrupted at 2026-11-18 11:18 UTC; what "
			       "was recorded before is kept. The file") != NULL;
	assert_true(told);
	remove_files(dir);
	world_done(&w);
}

/* … before the film is made, which may take long. */
static void restart_while_composing(void **state)
{
	char bare[] = MANIFEST_BARE("rec1");
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	/* Its end was told before. */
	fake_studio_emit(STUDIO_PROGRESS, "rec0", NULL, 10,
		MANIFEST_BARE("rec0"), "/tmp");
	memcpy(strstr(bare, "\"command\""), "\"crashed\"", 9);
	fake_studio_emit(STUDIO_PROGRESS, "rec1", NULL, 20, bare, "/tmp");
	world_expect_notice(&w, 0,
		"was interrupted at 2026-11-18 11:18 UTC; what was recorded "
		"before is kept. One file to watch is being made of it: 20 %.");
	fake_run(w.base, 50);
	fake_studio_emit(
		STUDIO_FAILED, "rec1", "It cannot be.", 0, bare, "/tmp");
	fake_wait(w.f, "/hearth.rec1.link", 1);
	world_wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	world_done(&w);
}

/* Put out of the room: it goes on when the bot is back. */
static void room_is_gone(void **state)
{
	struct world w;
	char dir[128];

	(void)state;
	world_in_room(&w, LEVELS THREE);
	make_files(&w, dir);
	uploads_work(&w);
	fake_sync(w.f, "\"rooms\":{\"leave\":{\"" ROOM "\":{}}}");
	world_settle(&w);
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	fake_run(w.base, 1200);
	assert_int_equal(fake_count(w.f, "/media/"), 0);
	world_timeline(&w, LEVELS THREE);
	fake_wait(w.f, "/hearth.rec1.file", 1);
	remove_files(dir);
	world_done(&w);
}

static void lists_and_deletes(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	fake_studio_shelf("{\"id\":\"rec7\",\"delivered\":{\"events\":["
			  "\"$file\",\"$late\",7]}}");
	world_timeline(&w, SAID("@a:s", "record list"));
	world_expect_notice(&w, 0, "rec7: 2026-11-18 11:06 UTC, 12 min, 34 MB");
	world_expect_notice(&w, 0, "https://meet.s/#/recording/!r:s/rec7");
	world_timeline(&w, SAID("@b:s", "record delete rec7"));
	world_expect_notice(&w, 1, "Only those who moderate");
	world_timeline(&w, SAID("@a:s", "record delete rec8"));
	world_expect_notice(&w, 2, "no such recording");
	assert_int_equal(fake_studio_count("delete:"), 0);
	world_timeline(&w, SAID("@a:s", "record delete last"));
	fake_wait(w.f, "/redact/%24file/", 1);
	fake_wait(w.f, "/redact/%24late/", 1);
	world_expect_notice(&w, 3, "rec7 was deleted by @a:s name");
	world_wait_studio(&w, "delete:!r:s:rec7", 1);
	world_done(&w);
}

/* The link to "rec1" has met this answer, and "rec1" is deleted meanwhile. */
static void delete_under_way(struct world *w, int status, const char *body)
{
	world_new(w);
	w->config.recording.deliver = false;
	world_start(w);
	world_timeline(w, LEVELS THREE);
	fake_wait(w->f, "/sync", 2);
	fake_add_rule(w->f, &(struct fake_rule){ NOTICES, FAKE_REPLY, status,
				    body, NULL, 1 });
	fake_studio_shelf(MANIFEST("rec1", "21"));
	fake_studio_emit(STUDIO_COMPOSED, "rec1", NULL, 0,
		MANIFEST("rec1", "21"), "/tmp");
	fake_wait(w->f, "/hearth.rec1.link", 1);
	fake_run(w->base, 50);
	world_timeline(w, SAID("@a:s", "record delete rec1"));
	world_wait_studio(w, "delete:!r:s:rec1", 1);
}

/* It waits for its turn: it is taken back. */
static void deleted_while_it_waits(void **state)
{
	struct world w;

	(void)state;
	delete_under_way(&w, 429, "{\"retry_after_ms\":300}");
	world_expect_notice(&w, 1, "rec1 was deleted");
	fake_run(w.base, 1200);
	assert_int_equal(fake_count(w.f, "/hearth.rec1.link"), 1);
	assert_int_equal(fake_count(w.f, "/redact/"), 0);
	assert_int_equal(fake_studio_count("delivered:"), 0);
	world_done(&w);
}

/* The homeserver may have it: it is asked again, and what it has goes. */
static void deleted_while_it_is_sent(void **state)
{
	struct world w;

	(void)state;
	delete_under_way(&w, 502, "bad gateway");
	fake_wait(w.f, "/redact/%241/", 1);
	assert_int_equal(fake_count(w.f, "/hearth.rec1.link"), 2);
	fake_run(w.base, 1200);
	assert_int_equal(fake_count(w.f, "/redact/"), 1);
	assert_int_equal(fake_studio_count("delivered:"), 0);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_delivered),
		cmocka_unit_test(too_large),
		cmocka_unit_test(refused_by_413),
		cmocka_unit_test(no_delivery_wanted),
		cmocka_unit_test(restart),
		cmocka_unit_test(restart_while_composing),
		cmocka_unit_test(room_is_gone),
		cmocka_unit_test(lists_and_deletes),
		cmocka_unit_test(deleted_while_it_waits),
		cmocka_unit_test(deleted_while_it_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
