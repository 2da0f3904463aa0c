#include "matrix-bot/deck_impl.h"

#include <stdio.h>
#include <string.h>
#include "http/fetch.h"
#include "sfu/log.h"

enum {
	LINK_TTL_S = 3600,
	FILES_MAX = 200, /* a to-device message is at most 64 KiB */
	REQUESTS_PER_MINUTE = 30,
	ANSWER_US = 60 * 1000000
};

struct request {
	const char *sender, *request_id, *room, *id, *device;
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Without a device all of them get it; request_id says whose it is. */
static void answer(struct deck *d, const struct request *r, cJSON *content)
{
	char path[CLIENT_PATH_MAX], txn[48];
	cJSON *body = cJSON_CreateObject();
	cJSON *to = cJSON_AddObjectToObject(
		cJSON_AddObjectToObject(body, "messages"), r->sender);
	struct client_request q = { .lane = "links", .method = "PUT" };

	cJSON_AddStringToObject(content, "request_id", r->request_id);
	cJSON_AddItemReferenceToObject(
		to, r->device[0] ? r->device : "*", content);
	client_txn(d->client, txn);
	snprintf(path, sizeof(path),
		"/_matrix/client/v3/sendToDevice/org.hearth.recording.link/%s",
		txn);
	q.path = path;
	q.body = body;
	q.expires_us = fetch_now_us() + ANSWER_US;
	client_request(d->client, &q);
	cJSON_Delete(body);
	cJSON_Delete(content);
}

static void answer_error(struct deck *d, const struct request *r,
	const char *code, const char *message)
{
	cJSON *content = cJSON_CreateObject();
	cJSON *error = cJSON_AddObjectToObject(content, "error");

	cJSON_AddStringToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", message);
	answer(d, r, content);
}

static void add_file(const struct deck *d, cJSON *list, const char *id,
	const cJSON *file, const char *type)
{
	const char *name = event_string(file, "name");
	char url[DECK_LINK_MAX];
	cJSON *item;

	if (studio_link(d->studio, id, name, LINK_TTL_S, url, sizeof(url)) < 0)
		return;
	item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "name", name);
	cJSON_AddStringToObject(item, "mimetype", type);
	cJSON_AddNumberToObject(
		item, "bytes", (double)event_number(file, "bytes"));
	cJSON_AddStringToObject(item, "url", url);
	if (!cJSON_AddItemToArray(list, item))
		cJSON_Delete(item);
}

static bool is_composing(
	const struct deck *d, const char *id, const cJSON *manifest)
{
	const struct deck_parcel *p = deck_parcel(d, id);

	/* Delivered without: it could not be made. */
	return d->config.compose && parcel_has_files(manifest) &&
	       !get(manifest, "composed") && !get(manifest, "delivered") &&
	       (!p || p->parcel.state == PARCEL_MAKING);
}

static void answer_links(
	struct deck *d, const struct request *r, const cJSON *manifest)
{
	cJSON *content = parcel_about(manifest);
	const cJSON *composed = get(manifest, "composed"), *file;
	const cJSON *thumbnail = get(composed, "thumbnail");
	char title[160];
	cJSON *files;
	int n = 0;

	parcel_title(manifest, title, sizeof(title));
	cJSON_AddStringToObject(content, "name", title);
	if (is_composing(d, r->id, manifest))
		cJSON_AddTrueToObject(content, "composing");
	files = cJSON_AddArrayToObject(content, "files");
	if (composed)
		add_file(d, files, r->id, composed,
			event_string(composed, "mimetype"));
	if (thumbnail)
		add_file(d, files, r->id, thumbnail, "image/jpeg");
	cJSON_ArrayForEach(file, get(manifest, "files"))
	{
		if (n++ == FILES_MAX)
			break;
		add_file(d, files, r->id, file, parcel_track_type(file));
	}
	d->counters.links++;
	answer(d, r, content);
}

static void on_request(struct deck *d, const struct request *r)
{
	const struct room *room = hall_find(d->hall, r->room);
	cJSON *manifest;

	if (!room || room->state != ROOM_JOINED || !room_has(room, r->sender)) {
		answer_error(d, r, "forbidden",
			"Only members of that room may see its recordings: "
			"join the room with this account.");
		return;
	}
	manifest =
		d->studio ? studio_manifest(d->studio, r->room, r->id) : NULL;
	if (!manifest)
		answer_error(d, r, "not_found",
			"There is no such recording of that room (any more).");
	else if (strcmp(event_string(manifest, "state"), "recording") == 0)
		answer_error(d, r, "not_ready",
			"This recording is still being made: come back when "
			"it has ended.");
	else
		answer_links(d, r, manifest);
	cJSON_Delete(manifest);
}

bool deck_to_device(struct deck *d, const cJSON *event)
{
	const cJSON *content = get(event, "content");
	const struct request r = { event_string(event, "sender"),
		event_string(content, "request_id"),
		event_string(content, "room_id"),
		event_string(content, "recording_id"),
		event_string(content, "device_id") };
	char id[EVENT_ID_MAX + 1];

	if (strcmp(event_string(event, "type"),
		    "org.hearth.recording.request") != 0)
		return false;
	if (event_copy_id(id, r.sender) < 0 ||
		event_copy_id(id, r.request_id) < 0 ||
		event_copy_id(id, r.room) < 0 || strlen(r.device) > 255 ||
		strlen(r.id) > STUDIO_ID_MAX)
		return true;
	if (!deck_over_rate(d, &d->requests, r.sender, REQUESTS_PER_MINUTE))
		on_request(d, &r);
	return true;
}
