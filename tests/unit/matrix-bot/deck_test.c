/* Recordings: the whole bot between a scripted homeserver, SFU and studio. */
#include "tape_world.h"
#include <errno.h>
#include <stdio.h>

static void starts_after_the_notice(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	world_expect_control(1,
		"{\"type\":\"org.hearth.recording\",\"content\":{"
		"\"state\":\"off\",\"may_control\":true,\"feeds\":"
		"[]}}");
	/* The homeserver takes its time. */
	fake_add_rule(w.f,
		&(struct fake_rule){ NOTICES, FAKE_REPLY, 500, "", NULL, 1 });
	world_timeline(&w, SAID("@a:s", "record"));
	fake_wait(w.f, NOTICES, 1);
	fake_run(w.base, 300);
	assert_int_equal(fake_studio_count("start:"), 0);
	world_expect_control(
		1, "\"state\":\"starting\",\"started_by\":\"@a:s\"");
	world_wait_studio(&w, "start:", 1);
	assert_int_equal(fake_count(w.f, NOTICES), 2);
	world_expect_notice(&w, 1, "@a:s name records this call");
	world_expect_notice(&w, 1, "In the call: @a:s name.");
	assert_non_null(strstr(fake_studio_log(),
		"participant:@a:s DEV:@a:s|@a:s name\n"
		"source:@a:s DEV:cam|camera|1|0\n"
		"start:!r:s:{\"started_by\":\"@a:s\",\"started_by_name\":"
		"\"@a:s name\"}\n"));
	fake_studio_emit(STUDIO_STARTED, "rec1", NULL, 0,
		"{\"started_ms\":1795000000000}", "/tmp");
	world_expect_control(1,
		"\"state\":\"on\",\"id\":\"rec1\",\"started_by\":\"@a:s\","
		"\"started_by_name\":\"@a:s name\",\"since_ms\":1795000000000,"
		"\"may_control\":true");
	world_done(&w);
}

static void not_without_a_notice(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	fake_add_rule(w.f,
		&(struct fake_rule){ NOTICES, FAKE_REPLY, 403,
			"{\"errcode\":\"M_FORBIDDEN\",\"error\":\"muted\"}",
			NULL, 9 });
	fake_sfu_say(1, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	fake_wait(w.f, NOTICES, 1);
	fake_run(w.base, 100);
	assert_int_equal(fake_studio_count("start:"), 0);
	world_expect_control(1, "\"code\":\"record_failed\"");
	world_expect_control(1, "M_FORBIDDEN muted");
	assert_non_null(strstr(
		strstr(fake_sfu_messages(1), "starting"), "\"state\":\"off\""));
	world_done(&w);
}

static void who_may(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	world_call_up(&w, "@b:s", "c2", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 2 });
	world_expect_control(2, "\"may_control\":false");
	fake_sfu_say(2, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	world_expect_control(2,
		"\"code\":\"record_forbidden\",\"message\":\"Only "
		"those who moderate this room");
	world_expect_control(2, "power level 50, and yours is 0");
	world_timeline(&w, SAID("@b:s", "record"));
	world_expect_notice(
		&w, 0, "@b:s name: Only those who moderate this room");
	world_timeline(&w, SAID("@x:s", "record")); /* no member */
	world_settle(&w);
	assert_int_equal(fake_count(w.f, NOTICES), 1);
	world_done(&w);
}

static void who_may_by_level(void **state)
{
	static const struct {
		const char *who, *words;
	} v[] = { { "60", "power level 60 may do that here, and yours is 50" },
		{ "nobody", "switched off on this server" } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct world w;

		world_new(&w);
		w.config.recording.who = (char *)v[i].who;
		world_start(&w);
		world_timeline(&w, LEVELS THREE);
		fake_wait(w.f, "/sync", 2);
		world_timeline(&w, SAID("@a:s", "record"));
		world_expect_notice(&w, 0, v[i].words);
		world_done(&w);
	}
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
	world_expect_control(1, "This room is encrypted");
	assert_int_equal(fake_studio_count("start:"), 0);
	world_done(&w);
}

static void encrypted_meanwhile(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	world_timeline(&w, "{\"type\":\"m.room.encryption\",\"state_key\":"
			   "\"\",\"content\":{}}");
	world_wait_studio(&w, "end:!r:s:command", 1);
	world_done(&w);
}

static void nobody_is_there(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	world_timeline(&w, SAID("@a:s", "record"));
	world_expect_notice(&w, 0, "Nobody is in the call");
	world_timeline(&w, SAID("@a:s", "record stop"));
	world_expect_notice(&w, 1, "not being recorded");
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
	world_expect_notice(&w, 0, "recording.directory: cannot be written.");
	world_timeline(&w, SAID("@a:s", "record list"));
	world_expect_notice(&w, 1, "There is no recording");
	world_timeline(&w, SAID("@a:s", "record delete last"));
	world_expect_notice(&w, 2, "no such recording");
	world_done(&w);
}

static void cannot_start(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	fake_studio_fail_start(-ENOSPC, "Less than 256 MB are free.");
	fake_sfu_say(1, "{\"type\":\"org.hearth.record\",\"content\":{"
			"\"action\":\"start\"}}");
	world_expect_notice(&w, 1, "not being recorded: Less than 256 MB");
	world_expect_control(1, "Less than 256 MB");
	world_done(&w);
}

static void people_come_and_go(void **state)
{
	char text[1024];
	struct world w;

	(void)state;
	world_recording(&w);
	world_call_up(&w, "@b:s", "c2", true);
	assert_int_equal(
		fake_studio_count("participant:@b:s DEV:@b:s|@b:s name"), 1);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CONNECTED, .participant = 2 });
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 2 });
	world_expect_control(2, "\"state\":\"on\",\"id\":\"rec1\"");
	world_expect_notice(
		&w, 1, "@b:s name joined; this call is being recorded.");
	fake_sfu_say(2,
		"{\"type\":\"m.call.sdp_stream_metadata_changed\",\"content\":"
		"{\"sdp_stream_metadata\":{\"scr\":{\"purpose\":"
		"\"m.screenshare\"},\"lab\":{\"purpose\":\"org.lab\"}}}}");
	assert_int_equal(
		fake_studio_count("source:@b:s DEV:scr|screen|0|0"), 1);
	assert_int_equal(fake_studio_count("source:@b:s DEV:lab|other|0|0"), 1);
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@a:s", "c1", "");
	world_to_device(&w, text);
	world_wait_sfu(&w, "leave:1", 1);
	assert_int_equal(fake_studio_count("end:"), 0);
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@b:s", "c2", "");
	world_to_device(&w, text);
	world_wait_studio(&w, "end:!r:s:call_ended", 1);
	world_done(&w);
}

static void trouble(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "The disk is full.", 0, NULL, "/tmp");
	world_expect_notice(&w, 1, "The disk is full. The call goes on.");
	world_expect_control(1, "\"state\":\"trouble\"");
	world_expect_control(1, "\"message\":\"The disk is full.\"");
	fake_studio_emit(STUDIO_RECOVERED, "rec1", NULL, 0, NULL, "/tmp");
	world_expect_notice(&w, 2, "in order again");
	world_done(&w);
}

/* The studio replaces a recorder that died. */
static void recorder_dies(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	fake_studio_run("rec2");
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "The recorder died.", 0, NULL, "/tmp");
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), "/tmp");
	fake_studio_emit(STUDIO_STARTED, "rec2", NULL, 0,
		"{\"started_ms\":1795000009000}", "/tmp");
	world_expect_notice(&w, 1, "The recorder died.");
	world_expect_notice(&w, 2, "Recording of 12 min was interrupted");
	world_expect_notice(&w, 3, "being recorded again");
	world_expect_control(1, "\"state\":\"on\",\"id\":\"rec2\"");
	assert_int_equal(fake_studio_count("end:"), 0);
	world_done(&w);
}

/* … and the files of the one that died cannot be finished. */
static void replaced_and_unfinished(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	fake_studio_run("rec2");
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "The recorder died.", 0, NULL, "/tmp");
	fake_studio_emit(STUDIO_FAILED, "rec1",
		"The recording could not be finished.", 0, NULL, "/tmp");
	fake_studio_emit(STUDIO_STARTED, "rec2", NULL, 0,
		"{\"started_ms\":1795000009000}", "/tmp");
	world_expect_notice(&w, 1, "The recorder died.");
	world_expect_notice(
		&w, 2, "Recording rec1: The recording could not be finished.");
	world_expect_notice(&w, 3, "being recorded again");
	world_expect_control(1, "\"state\":\"on\",\"id\":\"rec2\"");
	assert_int_equal(fake_studio_count("end:"), 0);
	world_done(&w);
}

/* … and the one in its place dies before it has begun. */
static void replacement_unborn(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	fake_studio_run("rec2");
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "The recorder died.", 0, NULL, "/tmp");
	fake_studio_run("");
	fake_studio_emit(STUDIO_FAILED, "rec2",
		"The recorder ended before it could begin.", 0, NULL, "/tmp");
	fake_studio_emit(
		STUDIO_TROUBLE, "rec1", "It is over.", 0, NULL, "/tmp");
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), "/tmp");
	world_expect_notice(&w, 1, "The recorder died.");
	world_expect_notice(&w, 2,
		"not being recorded any more: The recorder ended before");
	world_expect_notice(&w, 3, "Recording of 12 min was interrupted");
	world_done(&w);
}

/* After a restart: whose files cannot be finished is told, once. */
static void fails_after_restart(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	for (unsigned i = 0; i < 2; i++)
		fake_studio_emit(STUDIO_FAILED, "old",
			"The recording could not be finished.", 0, NULL,
			"/tmp");
	world_expect_notice(
		&w, 0, "Recording old: The recording could not be finished.");
	fake_run(w.base, 100);
	assert_int_equal(fake_count(w.f, NOTICES), 1);
	world_done(&w);
}

/* Whatever the studio says: nothing goes on that nobody was told of. */
static void unasked(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	fake_studio_emit(STUDIO_STARTED, "rec9", NULL, 0, NULL, "/tmp");
	assert_int_equal(fake_studio_count("end:!r:s:command"), 1);
	world_done(&w);
}

static void powers_change(void **state)
{
	struct world w;

	(void)state;
	world_in_call(&w);
	world_timeline(&w, "{\"type\":\"m.room.power_levels\",\"state_key\":"
			   "\"\",\"sender\":\"@a:s\",\"content\":{}}");
	world_settle(&w);
	world_expect_control(1, "\"may_control\":false");
	world_done(&w);
}

/* A worker dies: everybody calls again, and it goes on after a notice. */
static void worker_dies(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
	fake_sfu_emit(&(struct sfu_event){ .type = SFU_EV_LEFT,
		.participant = 1,
		.reason = SFU_WORKER_DIED });
	assert_int_equal(fake_studio_count("end:"), 0);
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), "/tmp");
	world_expect_notice(&w, 1, "was interrupted at 2026-11-18 11:18 UTC");
	fake_run(w.base, 50);
	world_call_up(&w, "@a:s", "c9", true);
	world_expect_notice(&w, 2, "interrupted by a fault and goes on now");
	world_wait_studio(&w, "start:", 2);
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
	assert_int_equal(cJSON_GetArraySize(files), 3);
	assert_null(cJSON_GetObjectItem(content, "composing"));
	one = cJSON_GetArrayItem(files, 0);
	assert_string_equal(event_string(one, "url"),
		"/recordings/rec7/composed.mp4?expires=3600");
	assert_string_equal(event_string(one, "mimetype"), "video/mp4");
	one = cJSON_GetArrayItem(files, 1);
	assert_string_equal(event_string(one, "url"),
		"/recordings/rec7/thumbnail.jpg?expires=3600");
	assert_string_equal(event_string(one, "mimetype"), "image/jpeg");
	one = cJSON_GetArrayItem(files, 2);
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

/* Is the n-th answer about "rec1" that its film is being made? */
static bool is_composing(struct world *w, unsigned n)
{
	cJSON *content;
	bool is;

	ask_link(w, "@a:s", ROOM, "rec1");
	content = world_content_sent(
		w, "/sendToDevice/org.hearth.recording.link/", n);
	is = cJSON_IsTrue(cJSON_GetObjectItem(content, "composing"));
	assert_non_null(cJSON_GetObjectItem(content, "files"));
	cJSON_Delete(content);
	return is;
}

static void links_while_composing(void **state)
{
	struct world w;

	(void)state;
	world_in_room(&w, LEVELS THREE);
	/* After a restart, too. */
	fake_studio_shelf(MANIFEST_BARE("rec1"));
	assert_true(is_composing(&w, 0));
	fake_studio_emit(
		STUDIO_STOPPED, "rec1", NULL, 0, MANIFEST_BARE("rec1"), "/tmp");
	assert_true(is_composing(&w, 1));
	fake_studio_emit(STUDIO_FAILED, "rec1", "It cannot be.", 0,
		MANIFEST_BARE("rec1"), "/tmp");
	assert_false(is_composing(&w, 2));
	world_wait_studio(&w, "delivered:rec1:", 1);
	fake_studio_shelf(
		MANIFEST_HEAD("rec1", "0", MANIFEST_TRACK) ","
							   "\"delivered\":{}}");
	assert_false(is_composing(&w, 3));
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
	fake_wait(w.f, NOTICES, 12);
	fake_wait(w.f, "hearth.recording.link", 30);
	world_settle(&w);
	fake_run(w.base, 100);
	assert_int_equal(fake_count(w.f, NOTICES), 12);
	assert_int_equal(fake_count(w.f, "hearth.recording.link"), 30);
	world_done(&w);
}

static void stops(void **state)
{
	struct world w;

	(void)state;
	world_recording(&w);
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
	world_recording(&w);
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
		cmocka_unit_test(who_may_by_level),
		cmocka_unit_test(encrypted),
		cmocka_unit_test(encrypted_meanwhile),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(studio_is_broken),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(people_come_and_go),
		cmocka_unit_test(trouble),
		cmocka_unit_test(recorder_dies),
		cmocka_unit_test(replaced_and_unfinished),
		cmocka_unit_test(replacement_unborn),
		cmocka_unit_test(fails_after_restart),
		cmocka_unit_test(unasked),
		cmocka_unit_test(powers_change),
		cmocka_unit_test(worker_dies),
		cmocka_unit_test(links),
		cmocka_unit_test(links_while_composing),
		cmocka_unit_test(floods),
		cmocka_unit_test(stops),
		cmocka_unit_test(stops_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
