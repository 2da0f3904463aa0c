#include "matrix-bot/deck_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "matrix-bot/tape_text.h"
#include "sfu/log.h"

enum { LISTED_MAX = 10, TEXT_MAX = 8192, COMMANDS_PER_MINUTE = 12 };

void deck_refuse(struct deck *d, const char *room, const struct tape_asker *to,
	const char *code, const char *text)
{
	const struct call *c = NULL;
	cJSON *content;
	char said[TAPE_SAID_MAX + 512];

	d->counters.refused++;
	if (to->label[0])
		c = desk_find(d->desk, room, to->label);
	if (!c) {
		snprintf(said, sizeof(said), "%s: %s", to->name, text);
		hall_notice(d->hall, room, NULL, said);
		return;
	}
	content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "code", code);
	cJSON_AddStringToObject(content, "message", text);
	desk_say(d->desk, c, "org.hearth.error", content);
	cJSON_Delete(content);
}

bool deck_may(const struct deck *d, const char *room, const char *user)
{
	const struct room *r = hall_find(d->hall, room);

	return r && r->state == ROOM_JOINED && room_has(r, user) &&
	       room_power_may_record(&r->power, d->config.who, user);
}

static void forbidden_text(const struct deck *d, const char *room,
	const char *user, char *ret, size_t cap)
{
	const struct room *r = hall_find(d->hall, room);
	const char *who = d->config.who;
	bool number = who && who[0] && strspn(who, "0123456789") == strlen(who);

	if (who && strcmp(who, "nobody") == 0)
		snprintf(ret, cap,
			"Recording is switched off on this server "
			"(recording.who in hearth.yaml).");
	else if (r && number)
		snprintf(ret, cap,
			"Only those with power level %s may do that here, and "
			"yours is %lld. Ask one of them.",
			who, (long long)room_power_of(&r->power, user));
	else if (r)
		snprintf(ret, cap,
			"Only those who moderate this room may do that: it "
			"takes power level %lld, and yours is %lld. Ask one "
			"of them.",
			(long long)room_power_to_kick(&r->power),
			(long long)room_power_of(&r->power, user));
	else
		snprintf(ret, cap, "I am not in that room.");
}

/* True: may. Else it was said why not. */
static bool is_allowed(
	struct deck *d, const char *room, const struct tape_asker *by)
{
	char text[512];

	if (deck_may(d, room, by->user))
		return true;
	forbidden_text(d, room, by->user, text, sizeof(text));
	deck_refuse(d, room, by, "record_forbidden", text);
	return false;
}

/* NULL: it can begin. */
static const char *why_not(const struct deck *d, const char *room)
{
	const struct room *r = hall_find(d->hall, room);

	if (!d->studio)
		return d->config.error && d->config.error[0]
			       ? d->config.error
			       : "Recording is not set up on this server.";
	if (!r || r->state != ROOM_JOINED)
		return "I am not in this room.";
	if (r->encrypted)
		return "This room is encrypted, and I cannot write into it "
		       "what everybody here can read. A recording that is not "
		       "told to all is none I make: use a room without "
		       "encryption for that.";
	if (desk_people(d->desk, room) == 0)
		return "Nobody is in the call of this room: there is nothing "
		       "to record. Join it first.";
	return NULL;
}

static void start(struct deck *d, const char *room, const struct tape_asker *by)
{
	const char *why = why_not(d, room);
	struct deck_tape *t = why ? NULL : deck_tape_get(d, room);
	struct tape_actions a;

	d->counters.asked++;
	if (!t) {
		deck_refuse(d, room, by, "record_failed",
			why ? why : "The server is out of memory.");
		return;
	}
	tape_start(&t->tape, by, &a);
	deck_run_tape(d, t, &a);
}

static void stop(struct deck *d, const char *room, const struct tape_asker *by)
{
	struct deck_tape *t = deck_tape(d, room);
	struct tape_actions a;

	if (!t) {
		deck_refuse(d, room, by, "record_failed",
			"This call is not being recorded.");
		return;
	}
	tape_stop(&t->tape, by, &a);
	deck_run_tape(d, t, &a);
}

static const char *state_text(const char *state)
{
	if (strcmp(state, "recording") == 0)
		return "being recorded";
	if (strcmp(state, "composed") == 0)
		return "with a file to watch";
	return "tracks only";
}

static size_t list_one(struct deck *d, const char *room,
	const struct studio_entry *e, char *ret, size_t cap)
{
	char when[64], length[32], size[32], link[DECK_LINK_MAX];
	int n;

	tape_text_when(when, sizeof(when), e->started_ms);
	tape_text_duration(length, sizeof(length), e->duration_ms);
	tape_text_size(size, sizeof(size), e->bytes);
	hall_recording_link(d->hall, room, e->id, link, sizeof(link));
	n = snprintf(ret, cap, "\n%s: %s, %s, %s, %s\n%s", e->id, when, length,
		size, state_text(e->state), link);
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

static void list(struct deck *d, const char *room, const struct tape_asker *by)
{
	struct studio_entry v[STUDIO_LIST_MAX];
	char text[TEXT_MAX];
	unsigned n = 0;
	size_t at;

	if (d->studio)
		n = studio_list(d->studio, room, v, STUDIO_LIST_MAX);
	if (n == 0) {
		deck_refuse(d, room, by, "record_failed",
			"There is no recording of this room.");
		return;
	}
	at = (size_t)snprintf(text, sizeof(text),
		n > LISTED_MAX ? "The newest recordings of this room:"
			       : "The recordings of this room:");
	for (unsigned i = 0; i < n; i++) {
		if (i < LISTED_MAX)
			at += list_one(
				d, room, &v[i], text + at, sizeof(text) - at);
		cJSON_Delete(v[i].about);
	}
	hall_notice(d->hall, room, "record list", text);
}

/* The newest that is not being made at this moment. */
static void find_last(
	struct deck *d, const char *room, char ret[STUDIO_ID_MAX + 1])
{
	const char *running = studio_running(d->studio, room);
	struct studio_entry v[STUDIO_LIST_MAX];
	unsigned n = studio_list(d->studio, room, v, STUDIO_LIST_MAX);

	ret[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (!ret[0] && (!running || strcmp(running, v[i].id) != 0))
			memcpy(ret, v[i].id, sizeof(v[i].id));
		cJSON_Delete(v[i].about);
	}
}

static void redact(struct deck *d, const char *room, const cJSON *manifest)
{
	const cJSON *event;

	cJSON_ArrayForEach(event,
		cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(manifest, "delivered"),
			"events"))
	{
		if (cJSON_IsString(event))
			hall_redact(d->hall, room, event->valuestring,
				DECK_DELETED);
	}
}

static void discard(struct deck *d, const char *room, const char *which,
	const struct tape_asker *by)
{
	char id[STUDIO_ID_MAX + 1], text[256];
	struct deck_parcel *p;
	cJSON *manifest;
	int r = -ENOENT;

	snprintf(id, sizeof(id), "%.*s", STUDIO_ID_MAX, which);
	if (d->studio && strcasecmp(which, "last") == 0)
		find_last(d, room, id);
	manifest = d->studio && id[0] ? studio_manifest(d->studio, room, id)
				      : NULL;
	if (manifest)
		r = studio_delete(d->studio, room, id);
	if (r == 0) {
		log_info("recording_deleted", "id=%s", log_value(id));
		redact(d, room, manifest);
		p = deck_parcel(d, id);
		if (p)
			deck_parcel_drop(d, p);
		snprintf(text, sizeof(text),
			"The recording %s was deleted by %.160s.", id,
			by->name);
		hall_notice(d->hall, room, NULL, text);
	} else {
		snprintf(text, sizeof(text),
			r == -ENOENT  ? "There is no such recording of this "
					"room: \"record list\" tells which "
					"there are."
			: r == -EBUSY ? "That recording is still being made: "
					"try again when it is finished."
				      : "That recording could not be deleted "
					"as a whole; the server's log says "
					"why.");
		deck_refuse(d, room, by, "record_failed", text);
	}
	cJSON_Delete(manifest);
}

static void asker_init(struct tape_asker *a, const struct deck *d,
	const char *room, const char *user, const char *label)
{
	snprintf(a->user, sizeof(a->user), "%s", user);
	snprintf(a->name, sizeof(a->name), "%s", deck_name(d, room, user));
	snprintf(a->label, sizeof(a->label), "%s", label);
}

bool deck_allows(struct deck *d, const char *room, const char *user)
{
	struct tape_asker by;

	/* Silence is the answer to a flood. */
	if (deck_over_rate(d, &d->commands, user, COMMANDS_PER_MINUTE))
		return false;
	asker_init(&by, d, room, user, "");
	return is_allowed(d, room, &by);
}

void deck_command(struct deck *d, const char *room, const char *user,
	const struct command *command)
{
	struct tape_asker by;

	if (!deck_allows(d, room, user))
		return;
	asker_init(&by, d, room, user, "");
	if (command->type == COMMAND_RECORD)
		start(d, room, &by);
	else if (command->type == COMMAND_RECORD_STOP)
		stop(d, room, &by);
	else if (command->type == COMMAND_RECORD_LIST)
		list(d, room, &by);
	else if (command->type == COMMAND_RECORD_DELETE)
		discard(d, room, command->arg, &by);
}

bool deck_on_message(
	void *arg, const struct call *c, const char *type, const cJSON *content)
{
	struct deck *d = arg;
	const char *action = event_string(content, "action");
	struct tape_asker by;

	if (strcmp(type, "org.hearth.record") != 0)
		return false;
	if (deck_over_rate(d, &d->commands, c->user, COMMANDS_PER_MINUTE))
		return true;
	asker_init(&by, d, c->room, c->user, c->label);
	if (!is_allowed(d, c->room, &by))
		return true;
	if (strcmp(action, "start") == 0)
		start(d, c->room, &by);
	else if (strcmp(action, "stop") == 0)
		stop(d, c->room, &by);
	else
		return false;
	return true;
}
