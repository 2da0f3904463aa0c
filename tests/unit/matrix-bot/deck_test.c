/* Recordings: the whole bot between a scripted homeserver, SFU and studio. */
#include "bot_world.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "manifests.h"

#define LEVELS                                                                 \
	"{\"type\":\"m.room.power_levels\",\"state_key\":\"\",\"sender\":"     \
	"\"@a:s\",\"content\":{\"users\":{\"@a:s\":50}}},"
#define SAID(user, text)                                                       \
	"{\"type\":\"m.room.message\",\"sender\":\"" user "\",\"content\":{"   \
	"\"msgtype\":\"m.text\",\"body\":\"" text "\"}}"
#define NOTICES "/send/m.room.message/"

/* Ann, who may, and Bob are in the room; Ann is in the call, by our client. */
static void in_call(struct world *w)
{
	world_in_room(w, LEVELS THREE);
	world_call_up(w, "@a:s", "c1", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
}

static void wait_studio(struct world *w, const char *part, unsigned n)
{
	for (int i = 0; i < 1000 && fake_studio_count(part) < n; i++)
		fake_run(w->base, 5);
	if (fake_studio_count(part) != n)
		fail_msg("%u of %s in:\n%s", fake_studio_count(part), part,
			fake_studio_log());
}

/* The body of the n-th notice in the room; the caller frees. */
static char *notice(struct world *w, unsigned n)
{
	cJSON *json = world_content_sent(w, NOTICES, n);
	const cJSON *fresh = cJSON_GetObjectItem(json, "m.new_content");
	char *text = strdup(event_string(fresh ? fresh : json, "body"));

	cJSON_Delete(json);
	return text;
}

static void expect_notice(struct world *w, unsigned n, const char *words)
{
	char *text = notice(w, n);

	if (!strstr(text, words))
		fail_msg("notice %u: \"%s\" without \"%s\"", n, text, words);
	free(text);
}

static void expect_control(sfu_id id, const char *words)
{
	if (!strstr(fake_sfu_messages(id), words))
		fail_msg("no %s in:\n%s", words, fake_sfu_messages(id));
}

static void recording(struct world *w)
{
	in_call(w);
	world_timeline(w, SAID("@a:s", "record"));
	wait_studio(w, "start:", 1);
	fake_studio_emit(STUDIO_STARTED, "rec1", NULL, 0,
		"{\"started_ms\":1795000000000}", "/tmp");
}

static void starts_after_the_notice(void **state)
{
	struct world w;

	(void)state;
	in_call(&w);
	expect_control(1, "{\"type\":\"org.hearth.recording\",\"content\":{"
			  "\"state\":\"off\",\"may_control\":true,\"feeds\":"
			  "[]}}");
	/* The homeserver takes its time. */
	fake_add_rule(w.f,
		&(struct fake_rule){ NOTICES, FAKE_REPLY, 500, "", NULL, 1 });
	world_timeline(&w, SAID("@a:s", "record"));
	fake_wait(w.f, NOTICES, 1);
	fake_run(w.base, 300);
	assert_int_equal(fake_studio_count("start:"), 0);
	expect_control(1, "\"state\":\"starting\",\"started_by\":\"@a:s\"");
	wait_studio(&w, "start:", 1);
	assert_int_equal(fake_count(w.f, NOTICES), 2);
	expect_notice(&w, 1, "@a:s name records this call");
	expect_notice(&w, 1, "In the call: @a:s name.");
	assert_non_null(strstr(fake_studio_log(),
		"participant:@a:s DEV:@a:s|@a:s name\n"
		"source:@a:s DEV:cam|camera|1|0\n"
		"start:!r:s:{\"started_by\":\"@a:s\",\"started_by_name\":"
		"\"@a:s name\"}\n"));
	fake_studio_emit(STUDIO_STARTED, "rec1", NULL, 0,
		"{\"started_ms\":1795000000000}", "/tmp");
	expect_control(1,
		"\"state\":\"on\",\"id\":\"rec1\",\"started_by\":\"@a:s\","
		"\"started_by_name\":\"@a:s name\",\"since_ms\":1795000000000,"
		"\"may_control\":true");
	world_done(&w);
}

static void not_without_a_notice(void **state)
{
	struct world w;

	(void)state;
	in_call(&w);
	fake_add_rule(w.f,
		&(struct fake_rule){ NOTICES, FAKE_REPLY, 403,
			"{\"errcode\":\"M_FORBIDDEN\",\"error\":\"muted\"}",
			NULL, 9 });
	fake_sfu_say(1, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	fake_wait(w.f, NOTICES, 1);
	fake_run(w.base, 100);
	assert_int_equal(fake_studio_count("start:"), 0);
	expect_control(1, "\"code\":\"record_failed\"");
	expect_control(1, "M_FORBIDDEN muted");
	assert_non_null(strstr(
		strstr(fake_sfu_messages(1), "starting"), "\"state\":\"off\""));
	world_done(&w);
}

static void who_may(void **state)
{
	struct world w;

	(void)state;
	in_call(&w);
	world_call_up(&w, "@b:s", "c2", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 2 });
	expect_control(2, "\"may_control\":false");
	fake_sfu_say(2, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	expect_control(2, "\"code\":\"record_forbidden\",\"message\":\"Only "
			  "who moderates this room");
	expect_control(2, "power level 50, yours is 0");
	world_timeline(&w, SAID("@b:s", "record"));
	expect_notice(&w, 0, "@b:s name: Only who moderates this room");
	world_timeline(&w, SAID("@x:s", "record")); /* no member */
	world_settle(&w);
	assert_int_equal(fake_count(w.f, NOTICES), 1);
	world_done(&w);
}

static void encrypted(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS TWO ",{\"type\":\"m.room.encryption\","
				     "\"state_key\":\"\",\"content\":{}}");
	world_call_up(&w, "@a:s", "c1", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
	fake_sfu_say(1, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	expect_control(1, "This room is encrypted");
	assert_int_equal(fake_studio_count("start:"), 0);
	world_done(&w);
}

static void encrypted_meanwhile(void **state)
{
	struct world w;

	(void)state;
	recording(&w);
	world_timeline(&w, "{\"type\":\"m.room.encryption\",\"state_key\":"
			   "\"\",\"content\":{}}");
	wait_studio(&w, "end:!r:s:command", 1);
	world_done(&w);
}

static void nobody_is_there(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	world_timeline(&w, SAID("@a:s", "record"));
	expect_notice(&w, 0, "Nobody is in the call");
	world_timeline(&w, SAID("@a:s", "record stop"));
	expect_notice(&w, 1, "not being recorded");
	world_done(&w);
}

static void studio_is_broken(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	fake_studio_fail_new("recording.directory: cannot be written.");
	world_start(&w);
	world_timeline(&w, LEVELS THREE);
	fake_wait(w.f, "/sync", 2);
	world_call_up(&w, "@a:s", "c1", true);
	world_timeline(&w, SAID("@a:s", "record"));
	expect_notice(&w, 0, "recording.directory: cannot be written.");
	world_timeline(&w, SAID("@a:s", "record list"));
	expect_notice(&w, 1, "There is no recording");
	world_timeline(&w, SAID("@a:s", "record delete last"));
	expect_notice(&w, 2, "no such recording");
	world_done(&w);
}

static void cannot_start(void **state)
{
	struct world w;

	(void)state;
	in_call(&w);
	fake_studio_fail_start(-ENOSPC, "Less than 256 MB are free.");
	fake_sfu_say(1, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	expect_notice(&w, 1, "not being recorded: Less than 256 MB");
	expect_control(1, "Less than 256 MB");
	world_done(&w);
}

static void people_come_and_go(void **state)
{
	char text[1024];
	struct world w;

	(void)state;
	recording(&w);
	world_call_up(&w, "@b:s", "c2", true);
	assert_int_equal(
		fake_studio_count("participant:@b:s DEV:@b:s|@b:s name"), 1);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CONNECTED, .participant = 2 });
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 2 });
	expect_control(2, "\"state\":\"on\",\"id\":\"rec1\"");
	expect_notice(&w, 1, "@b:s name joined; this call is being recorded.");
	fake_sfu_say(2,
		"{\"type\":\"m.call.sdp_stream_metadata_changed\",\"content\":"
		"{\"sdp_stream_metadata\":{\"scr\":{\"purpose\":"
		"\"m.screenshare\"}}}}");
	assert_int_equal(
		fake_studio_count("source:@b:s DEV:scr|screen|0|0"), 1);
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@a:s", "c1", "");
	world_to_device(&w, text);
	world_wait_sfu(&w, "leave:1", 1);
	assert_int_equal(fake_studio_count("end:"), 0);
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@b:s", "c2", "");
	world_to_device(&w, text);
	wait_studio(&w, "end:!r:s:call_ended", 1);
	world_done(&w);
}

static void trouble(void **state)
{
	struct world w;

	(void)state;
	recording(&w);
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "The disk is full.", 0, NULL, "/tmp");
	expect_notice(&w, 1, "The disk is full. The call goes on.");
	expect_control(1, "\"state\":\"trouble\"");
	expect_control(1, "\"message\":\"The disk is full.\"");
	fake_studio_emit(STUDIO_RECOVERED, "rec1", NULL, 0, NULL, "/tmp");
	expect_notice(&w, 2, "in order again");
	world_done(&w);
}

/* A worker dies: everybody calls again, and it goes on after a notice. */
static void worker_dies(void **state)
{
	struct world w;

	(void)state;
	recording(&w);
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_WORKER_DIED });
	assert_int_equal(fake_studio_count("end:"), 0);
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), "/tmp");
	expect_notice(&w, 1, "was interrupted at 2026-11-18 11:18 UTC");
	fake_run(w.base, 50);
	world_call_up(&w, "@a:s", "c9", true);
	expect_notice(&w, 2, "interrupted by a fault and goes on now");
	wait_studio(&w, "start:", 2);
	world_done(&w);
}

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
	recording(&w);
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
	wait_studio(&w, "end:!r:s:command", 1);
	expect_control(1, "\"state\":\"stopping\"");
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), dir);
	expect_notice(&w, 1,
		"Recording of 12 min stopped by @a:s name. One file to watch "
		"is being made of it.");
	fake_run(w.base, 50);
	fake_studio_emit(STUDIO_PROGRESS, "rec1", NULL, 30, NULL, dir);
	fake_run(w.base, 50);
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	expect_notice(&w, 2, "on its way");
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
	wait_studio(&w,
		"delivered:rec1:{\"way\":\"message\",\"url\":"
		"\"mxc://s/file\",\"events\":[\"$1\"]",
		1);
	expect_notice(&w, 4, "in this room now");
	remove_files(dir);
	world_done(&w);
}

static void too_large(void **state)
{
	struct world w;
	char dir[128];
	cJSON *content;

	(void)state;
	recording(&w);
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
	wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	assert_int_equal(fake_count(w.f, "/upload"), 0);
	remove_files(dir);
	world_done(&w);
}

static void refused_by_413(void **state)
{
	struct world w;
	char dir[128];

	(void)state;
	recording(&w);
	make_files(&w, dir);
	fake_add_rule(w.f, &(struct fake_rule){ "/upload", FAKE_REPLY, 413,
				   "<html>", NULL, 9 });
	fake_studio_emit(
		STUDIO_COMPOSED, "rec1", NULL, 0, MANIFEST("rec1", "21"), dir);
	fake_wait(w.f, "/hearth.rec1.link", 1);
	wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
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
	wait_studio(&w, "delivered:rec1:{\"way\":\"link\"", 1);
	assert_int_equal(fake_count(w.f, "/upload"), 0);
	world_done(&w);
}

/* After a start: what was cut off is told, what was not delivered comes. */
static void restart(void **state)
{
	struct world w;
	char dir[128];

	(void)state;
	world_in_room(&w, LEVELS THREE);
	wait_studio(&w, "resume:", 1);
	make_files(&w, dir);
	uploads_work(&w);
	fake_studio_emit(
		STUDIO_STOPPED, "old", NULL, 0, MANIFEST_BARE("old"), dir);
	expect_notice(&w, 0,
		"Recording of 12 min was interrupted at 2026-11-18 11:18 UTC; "
		"what was recorded before is kept.");
	fake_studio_emit(STUDIO_COMPOSED, "older", NULL, 0,
		MANIFEST("older", "21"), dir);
	fake_wait(w.f, "/hearth.older.file", 1);
	wait_studio(&w, "delivered:older:{\"way\":\"message\"", 1);
	world_settle(&w);
	assert_int_equal(fake_studio_count("resume:"), 1);
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
	expect_notice(&w, 0, "rec7: 2026-11-18 11:06 UTC, 12 min, 34 MB");
	expect_notice(&w, 0, "https://meet.s/#/recording/!r:s/rec7");
	world_timeline(&w, SAID("@b:s", "record delete rec7"));
	expect_notice(&w, 1, "Only who moderates");
	world_timeline(&w, SAID("@a:s", "record delete rec8"));
	expect_notice(&w, 2, "no such recording");
	assert_int_equal(fake_studio_count("delete:"), 0);
	world_timeline(&w, SAID("@a:s", "record delete last"));
	fake_wait(w.f, "/redact/%24file/", 1);
	fake_wait(w.f, "/redact/%24late/", 1);
	expect_notice(&w, 3, "rec7 was deleted by @a:s name");
	wait_studio(&w, "delete:!r:s:rec7", 1);
	world_done(&w);
}

static void ask_link(
	struct world *w, const char *user, const char *room, const char *id)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"type\":\"org.hearth.recording.request\",\"sender\":\"%s\","
		"\"content\":{\"request_id\":\"q1\",\"room_id\":\"%s\","
		"\"recording_id\":\"%s\"}}",
		user, room, id);
	world_to_device(w, text);
}

static void links(void **state)
{
	static const struct {
		const char *user, *room, *id, *code;
	} v[] = { { "@x:s", ROOM, "rec7", "forbidden" },
		{ "@a:s", "!other:s", "rec7", "forbidden" },
		{ "@a:s", ROOM, "rec8", "not_found" } };
	const char *path = "/sendToDevice/org.hearth.recording.link/";
	const cJSON *files, *one;
	struct world w;
	cJSON *content;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	fake_studio_shelf(MANIFEST("rec7", "21"));
	ask_link(&w, "@b:s", ROOM, "rec7");
	content = world_content_sent(&w, path, 0);
	assert_non_null(
		strstr(fake_find(w.f, path, 0)->body, "{\"@b:s\":{\"*\":"));
	assert_string_equal(event_string(content, "request_id"), "q1");
	files = cJSON_GetObjectItem(content, "files");
	assert_int_equal(cJSON_GetArraySize(files), 2);
	one = cJSON_GetArrayItem(files, 0);
	assert_string_equal(event_string(one, "url"),
		"/recordings/rec7/composed.mp4?expires=3600");
	assert_string_equal(event_string(one, "mimetype"), "video/mp4");
	one = cJSON_GetArrayItem(files, 1);
	assert_string_equal(event_string(one, "mimetype"), "video/webm");
	cJSON_Delete(content);
	for (size_t i = 0; i < COUNT(v); i++) {
		ask_link(&w, v[i].user, v[i].room, v[i].id);
		content = world_content_sent(&w, path, (unsigned)i + 1);
		assert_string_equal(
			event_string(
				cJSON_GetObjectItem(content, "error"), "code"),
			v[i].code);
		assert_null(cJSON_GetObjectItem(content, "files"));
		cJSON_Delete(content);
	}
	world_done(&w);
}

static void floods(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	for (unsigned i = 0; i < 20; i++)
		world_timeline(&w, SAID("@b:s", "record"));
	for (unsigned i = 0; i < 40; i++)
		ask_link(&w, "@a:s", ROOM, "none");
	world_settle(&w);
	fake_run(w.base, 300);
	assert_int_equal(fake_count(w.f, NOTICES), 12);
	assert_int_equal(fake_count(w.f, "hearth.recording.link"), 30);
	world_done(&w);
}

static void stops(void **state)
{
	struct world w;

	(void)state;
	recording(&w);
	bot_stop(w.b, world_on_stopped, &w);
	assert_non_null(strstr(fake_studio_log(), "end:!r:s:call_ended\n"
						  "stop:\n"));
	fake_wait_flag(w.base, &w.stopped);
	world_done(&w);
}

/* Files that are not whole after 3 s are finished at the next start. */
static void stops_in_time(void **state)
{
	struct world w;

	(void)state;
	recording(&w);
	fake_studio_hang(true);
	bot_stop(w.b, world_on_stopped, &w);
	fake_run(w.base, 2500);
	assert_false(w.stopped);
	fake_run(w.base, 900);
	assert_true(w.stopped);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_after_the_notice),
		cmocka_unit_test(not_without_a_notice),
		cmocka_unit_test(who_may),
		cmocka_unit_test(encrypted),
		cmocka_unit_test(encrypted_meanwhile),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(studio_is_broken),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(people_come_and_go),
		cmocka_unit_test(trouble),
		cmocka_unit_test(worker_dies),
		cmocka_unit_test(is_delivered),
		cmocka_unit_test(too_large),
		cmocka_unit_test(refused_by_413),
		cmocka_unit_test(no_delivery_wanted),
		cmocka_unit_test(restart),
		cmocka_unit_test(lists_and_deletes),
		cmocka_unit_test(links),
		cmocka_unit_test(floods),
		cmocka_unit_test(stops),
		cmocka_unit_test(stops_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
