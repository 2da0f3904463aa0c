#include "matrix-bot/parcel.h"

#include <stdio.h>
#include <string.h>
#include "matrix-bot/tape_text.h"

/* An event is at most 64 KiB. */
enum { PEOPLE_MAX = 100 };

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static double number(const cJSON *object, const char *key)
{
	return (double)event_number(object, key);
}

static const char *string(const cJSON *object, const char *key)
{
	return event_string(object, key);
}

/* The manifest is our own recorder's; still, a path is never taken from it. */
static const char *plain_name(const cJSON *object)
{
	const char *name = string(object, "name");

	return name[0] && name[0] != '.' && !strchr(name, '/') ? name : NULL;
}

const char *parcel_file(const struct parcel *p, const char **ret_type)
{
	const cJSON *composed = get(p->manifest, "composed");
	const char *type = string(composed, "mimetype");

	if (p->state == PARCEL_THUMBNAIL) {
		composed = get(composed, "thumbnail");
		type = "image/jpeg";
	}
	if (ret_type)
		*ret_type = type[0] ? type : "application/octet-stream";
	return plain_name(composed);
}

uint64_t parcel_file_bytes(const struct parcel *p)
{
	return event_number(get(p->manifest, "composed"), "bytes");
}

void parcel_title(const cJSON *manifest, char *ret, size_t cap)
{
	char when[64], length[32];

	tape_text_when(
		when, sizeof(when), event_number(manifest, "started_ms"));
	tape_text_duration(
		length, sizeof(length), event_number(manifest, "duration_ms"));
	snprintf(ret, cap, "Recording of %s, %s", when, length);
}

static void add_people(cJSON *about, const cJSON *manifest)
{
	cJSON *list = cJSON_AddArrayToObject(about, "participants");
	const cJSON *item;
	unsigned n = 0;

	cJSON_ArrayForEach(item, get(manifest, "participants"))
	{
		cJSON *one;

		if (n++ == PEOPLE_MAX)
			break;
		one = cJSON_CreateObject();
		cJSON_AddStringToObject(
			one, "user_id", string(item, "user_id"));
		cJSON_AddStringToObject(one, "name", string(item, "name"));
		if (!cJSON_AddItemToArray(list, one))
			cJSON_Delete(one);
	}
}

cJSON *parcel_about(const cJSON *manifest)
{
	cJSON *about = cJSON_CreateObject();

	cJSON_AddStringToObject(about, "id", string(manifest, "id"));
	cJSON_AddNumberToObject(
		about, "started_ms", number(manifest, "started_ms"));
	cJSON_AddNumberToObject(
		about, "duration_ms", number(manifest, "duration_ms"));
	cJSON_AddStringToObject(about, "started_by",
		string(get(manifest, "about"), "started_by"));
	add_people(about, manifest);
	return about;
}

static void add_info(cJSON *content, const struct parcel *p, bool video)
{
	const cJSON *composed = get(p->manifest, "composed");
	const cJSON *small = get(composed, "thumbnail");
	cJSON *info = cJSON_AddObjectToObject(content, "info"), *of;

	cJSON_AddStringToObject(info, "mimetype", string(composed, "mimetype"));
	cJSON_AddNumberToObject(info, "size", number(composed, "bytes"));
	cJSON_AddNumberToObject(
		info, "duration", number(composed, "duration_ms"));
	if (!video)
		return;
	cJSON_AddNumberToObject(info, "w", number(composed, "width"));
	cJSON_AddNumberToObject(info, "h", number(composed, "height"));
	if (!p->thumbnail[0])
		return;
	cJSON_AddStringToObject(info, "thumbnail_url", p->thumbnail);
	of = cJSON_AddObjectToObject(info, "thumbnail_info");
	cJSON_AddStringToObject(of, "mimetype", "image/jpeg");
	cJSON_AddNumberToObject(of, "w", number(small, "width"));
	cJSON_AddNumberToObject(of, "h", number(small, "height"));
	cJSON_AddNumberToObject(of, "size", number(small, "bytes"));
}

cJSON *parcel_message(const struct parcel *p)
{
	const cJSON *composed = get(p->manifest, "composed");
	bool video = strncmp(string(composed, "mimetype"), "video/", 6) == 0;
	const char *name = plain_name(composed);
	const char *dot = name ? strrchr(name, '.') : NULL;
	cJSON *content = cJSON_CreateObject();
	char title[160], file[192];

	parcel_title(p->manifest, title, sizeof(title));
	snprintf(file, sizeof(file), "%s%.16s", title, dot ? dot : "");
	cJSON_AddStringToObject(
		content, "msgtype", video ? "m.video" : "m.audio");
	cJSON_AddStringToObject(content, "body", file);
	cJSON_AddStringToObject(content, "filename", file);
	cJSON_AddStringToObject(content, "url", p->file);
	add_info(content, p, video);
	cJSON_AddObjectToObject(content, "m.mentions");
	cJSON_AddItemToObject(
		content, "org.hearth.recording", parcel_about(p->manifest));
	return content;
}

static void add_event(cJSON *list, const char *id)
{
	if (id[0])
		cJSON_AddItemToArray(list, cJSON_CreateString(id));
}

cJSON *parcel_delivered(const struct parcel *p)
{
	cJSON *delivered = cJSON_CreateObject(), *events;

	cJSON_AddStringToObject(delivered, "way",
		!p->event[0] ? "nothing"
		: p->linked  ? "link"
			     : "message");
	if (p->file[0])
		cJSON_AddStringToObject(delivered, "url", p->file);
	events = cJSON_AddArrayToObject(delivered, "events");
	add_event(events, p->event);
	add_event(events, p->late_event);
	return delivered;
}

bool parcel_has_files(const cJSON *manifest)
{
	return cJSON_GetArraySize(get(manifest, "files")) > 0;
}

const char *parcel_track_type(const cJSON *file)
{
	const char *name = string(file, "name");
	size_t n = strlen(name);
	bool webm = n > 5 && strcmp(name + n - 5, ".webm") == 0;
	const cJSON *track;

	cJSON_ArrayForEach(track, get(file, "tracks"))
	{
		if (strcmp(string(track, "kind"), "video") == 0)
			return webm ? "video/webm" : "video/x-matroska";
	}
	return webm ? "audio/webm" : "audio/x-matroska";
}
