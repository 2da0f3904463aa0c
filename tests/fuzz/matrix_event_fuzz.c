/*
 * One JSON text as a room event, a to-device message and a control message;
 * through the room and, if it is one, through the whole of a call.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "matrix-bot/call.h"
#include "matrix-bot/room.h"
#include "sfu/sfu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The seam is not behind this target. */
const char *sfu_reason_text(enum sfu_reason r)
{
	(void)r;
	return "";
}

static void run_call(const struct call_event *e)
{
	static const char *const parties[] = { "us", "" };
	struct call_actions a;
	struct call c;

	if (e->type != EVENT_INVITE || call_init(&c, e, "!r:s", 1) < 0)
		return;
	call_input(&c, e, parties[0], &a);
	call_settle(&c, 2, &a);
	call_control(&c, e, &a);
	a.n = 0;
	call_end(&c, "unknown_error", &a);
	call_done(&c);
}

static void run_room(const cJSON *event)
{
	static const char *const allow[] = { "*:s" };
	const struct room_policy policy = { "@bot:s", allow, 1, true };
	struct room_actions a;
	struct room r;

	room_init(&r, "!r:s");
	room_invited(&r, &policy, event_string(event, "sender"), &a);
	room_joined(&r, &policy, &a);
	room_event(&r, &policy, event, true, &a);
	room_event(&r, &policy, event, true, &a);
	room_settle(&r, &policy, &a);
	room_power_may_record(&r.power, "moderators", "@a:s");
	room_power_may_record(&r.power, "50", event_string(event, "sender"));
	room_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct call_event e;
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);

	if (!json)
		return 0;
	if (event_parse(&e, json, "!r:s") == 0)
		run_call(&e);
	if (event_parse(&e, json, NULL) == 0)
		run_call(&e);
	event_parse_control(&e, event_string(json, "type"),
		cJSON_GetObjectItemCaseSensitive(json, "content"));
	run_room(json);
	cJSON_Delete(json);
	return 0;
}
