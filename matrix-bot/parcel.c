#include "matrix-bot/parcel.h"

#include <stdio.h>
#include <string.h>
#include "matrix-bot/tape_text.h"

enum { SECOND_US = 1000000, MS_US = 1000 };

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static struct parcel_action *add(
	struct parcel_actions *a, enum parcel_act act, const char *text)
{
	struct parcel_action *v;

	/* The size covers every input; the last slot takes what does not. */
	v = &a->v[a->n < PARCEL_ACTIONS_MAX ? a->n++ : PARCEL_ACTIONS_MAX - 1];
	v->act = act;
	snprintf(v->text, sizeof(v->text), "%s", text);
	return v;
}

void parcel_init(struct parcel *p, const char *id, const char *room)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->id, sizeof(p->id), "%s", id);
	snprintf(p->room, sizeof(p->room), "%s", room);
}

void parcel_done(struct parcel *p)
{
	cJSON_Delete(p->manifest);
	p->manifest = NULL;
}

static void take_manifest(struct parcel *p, const cJSON *manifest)
{
	cJSON *twin = manifest ? cJSON_Duplicate(manifest, true) : NULL;

	if (!twin)
		return;
	cJSON_Delete(p->manifest);
	p->manifest = twin;
}

/* The status notice shall say: how it ended, and this. */
static void say(struct parcel *p, bool urgent, const char *what)
{
	if (!p->ended[0])
		return;
	snprintf(p->status, sizeof(p->status), "%s %s", p->ended, what);
	p->status_due = true;
	p->status_urgent = p->status_urgent || urgent;
}

void parcel_ended(
	struct parcel *p, const char *how, const cJSON *manifest, bool compose)
{
	char length[32];

	take_manifest(p, manifest);
	tape_text_duration(
		length, sizeof(length), event_number(manifest, "duration_ms"));
	snprintf(
		p->ended, sizeof(p->ended), "Recording of %s %s.", length, how);
	if (!parcel_has_files(manifest))
		say(p, true,
			"Nobody sent sound or picture in that time: there is "
			"nothing to keep.");
	else if (compose)
		say(p, true, "One file to watch is being made of it.");
	else
		say(p, true, "");
}

void parcel_progress(struct parcel *p, unsigned percent)
{
	char text[128];

	if (p->state != PARCEL_MAKING)
		return;
	snprintf(text, sizeof(text),
		"One file to watch is being made of it: %u %%.",
		percent > 100 ? 100 : percent);
	say(p, false, text);
}

void parcel_failed(struct parcel *p, uint64_t now_us, const char *text)
{
	char said[TAPE_SAID_MAX / 2];

	if (p->state != PARCEL_MAKING)
		return;
	snprintf(said, sizeof(said),
		"No file to watch could be made of it: %.300s What was "
		"recorded is kept.",
		text);
	say(p, true, said);
	p->state = PARCEL_QUEUED;
	p->begun_us = now_us;
}

void parcel_composed(struct parcel *p, uint64_t now_us, uint64_t unix_ms,
	const cJSON *manifest, bool deliver)
{
	uint64_t ended_ms = event_number(manifest, "ended_ms");
	uint64_t left_us = PARCEL_KEEP_ON_S * (uint64_t)SECOND_US, gone_us = 0;
	bool whole = get(manifest, "composed") != NULL;

	if (p->state != PARCEL_MAKING)
		return;
	take_manifest(p, manifest);
	p->state = PARCEL_QUEUED;
	p->begun_us = now_us;
	if (!parcel_has_files(manifest))
		return;
	/* A day counts from the end, over restarts; an hour is always left. */
	if (ended_ms && ended_ms < unix_ms)
		gone_us = (unix_ms - ended_ms) * MS_US;
	left_us = gone_us + 3600ull * SECOND_US < left_us ? left_us - gone_us
							  : 3600ull * SECOND_US;
	p->give_up_us = now_us + left_us;
	p->post = whole && deliver;
	if (whole)
		say(p, true,
			deliver ? "The file to watch is ready and on its way "
				  "into this room."
				: "The file to watch is ready.");
}

static void link_instead(
	struct parcel *p, const char *why, struct parcel_actions *ret)
{
	p->state = PARCEL_LINK;
	p->linked = true;
	add(ret, PARCEL_SEND_LINK, why);
}

void parcel_go(struct parcel *p, struct parcel_actions *ret)
{
	ret->n = 0;
	if (p->state != PARCEL_QUEUED)
		return;
	if (!parcel_has_files(p->manifest)) {
		/* Kept as delivered, else it would come again at each start. */
		p->state = PARCEL_DONE;
		add(ret, PARCEL_KEEP, "");
	} else if (p->post) {
		p->state = PARCEL_ASKING;
		add(ret, PARCEL_ASK, "");
	} else {
		link_instead(
			p, "It can be seen here by members of this room:", ret);
	}
}

static void upload_next(struct parcel *p, struct parcel_actions *ret)
{
	if (p->state == PARCEL_THUMBNAIL && !parcel_file(p, NULL))
		p->state = PARCEL_FILE;
	if (p->state == PARCEL_FILE && !parcel_file(p, NULL))
		link_instead(
			p, "It can be seen here by members of this room:", ret);
	else
		add(ret, PARCEL_UPLOAD, "");
}

static void too_large(
	struct parcel *p, uint64_t limit, struct parcel_actions *ret)
{
	char text[TAPE_SAID_MAX], size[32], most[32], takes[64] = "";

	tape_text_size(size, sizeof(size), parcel_file_bytes(p));
	tape_text_size(most, sizeof(most), limit);
	if (limit)
		snprintf(takes, sizeof(takes), " (at most %s)", most);
	snprintf(text, sizeof(text),
		"It has %s, more than this homeserver takes%s. It can be seen "
		"here by members of this room:",
		size, takes);
	link_instead(p, text, ret);
}

void parcel_limit(struct parcel *p, uint64_t bytes, struct parcel_actions *ret)
{
	ret->n = 0;
	if (p->state != PARCEL_ASKING)
		return;
	if (bytes && parcel_file_bytes(p) > bytes) {
		too_large(p, bytes, ret);
		return;
	}
	p->state = PARCEL_THUMBNAIL;
	upload_next(p, ret);
}

static void not_taken(struct parcel *p, const struct parcel_reply *r,
	struct parcel_actions *ret)
{
	char text[TAPE_SAID_MAX];

	if (r->status == 413 || strcmp(r->errcode, "M_TOO_LARGE") == 0) {
		too_large(p, 0, ret);
		return;
	}
	if (r->status == 0)
		snprintf(text, sizeof(text),
			"The homeserver did not take it for a whole day. It "
			"can be seen here by members of this room:");
	else
		snprintf(text, sizeof(text),
			"The homeserver does not take it (%.64s %.200s). It "
			"can be seen here by members of this room:",
			r->errcode[0] ? r->errcode : "refused", r->message);
	link_instead(p, text, ret);
}

void parcel_uploaded(struct parcel *p, const struct parcel_reply *r,
	struct parcel_actions *ret)
{
	bool good = r->status == 200 && strncmp(r->result, "mxc://", 6) == 0 &&
		    strlen(r->result) <= PARCEL_URI_MAX;

	ret->n = 0;
	if (p->state == PARCEL_THUMBNAIL) {
		/* Better without a picture than not at all. */
		if (good)
			snprintf(p->thumbnail, sizeof(p->thumbnail), "%s",
				r->result);
		p->state = PARCEL_FILE;
		upload_next(p, ret);
	} else if (p->state == PARCEL_FILE && !good) {
		not_taken(p, r, ret);
	} else if (p->state == PARCEL_FILE) {
		snprintf(p->file, sizeof(p->file), "%s", r->result);
		p->state = PARCEL_MESSAGE;
		add(ret, PARCEL_SEND, "");
	}
}

void parcel_sent(struct parcel *p, const struct parcel_reply *r,
	struct parcel_actions *ret)
{
	bool good = r->status == 200 && r->result[0];

	ret->n = 0;
	if (p->state == PARCEL_MESSAGE && !good) {
		not_taken(p, r, ret);
		return;
	}
	if (p->state != PARCEL_MESSAGE && p->state != PARCEL_LINK)
		return;
	/* A link nobody could be told comes again at the next start. */
	if (good) {
		event_copy_id(p->event, r->result);
		say(p, true,
			p->state == PARCEL_MESSAGE
				? "The file to watch is in this room now."
				: "A link to it is in this room now.");
		add(ret, PARCEL_KEEP, "");
	}
	p->state = PARCEL_DONE;
}

void parcel_late(struct parcel *p, const char *event_id)
{
	event_copy_id(p->late_event, event_id);
}

void parcel_status(struct parcel *p, const char *event_id)
{
	p->status_sending = false;
	if (!p->status_event[0])
		event_copy_id(p->status_event, event_id);
}

static void tick_status(
	struct parcel *p, uint64_t now_us, struct parcel_actions *ret)
{
	bool edit = p->status_event[0] != '\0';

	if (!p->status_due || p->status_sending)
		return;
	if (edit && !p->status_urgent &&
		now_us - p->status_us < PARCEL_EDIT_GAP_S * (uint64_t)SECOND_US)
		return;
	p->status_due = p->status_urgent = false;
	p->status_sending = true;
	p->status_us = now_us;
	add(ret, edit ? PARCEL_EDIT : PARCEL_POST, p->status);
}

void parcel_tick(struct parcel *p, uint64_t now_us, struct parcel_actions *ret)
{
	ret->n = 0;
	tick_status(p, now_us, ret);
	if ((p->state == PARCEL_ASKING || p->state == PARCEL_THUMBNAIL ||
		    p->state == PARCEL_FILE) &&
		!p->late_told &&
		now_us - p->begun_us >= PARCEL_LATE_S * (uint64_t)SECOND_US) {
		p->late_told = true;
		add(ret, PARCEL_SEND_LATE,
			"The recording takes long to upload; that goes on. "
			"Meanwhile it can be seen here by members of this "
			"room:");
	}
}

bool parcel_is_over(const struct parcel *p)
{
	return p->state == PARCEL_DONE && !p->status_due && !p->status_sending;
}
