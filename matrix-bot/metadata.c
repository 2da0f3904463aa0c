#include "matrix-bot/metadata.h"

#include <errno.h>
#include <string.h>

static const char stable[] = "sdp_stream_metadata";
static const char unstable[] = "org.matrix.msc3077.sdp_stream_metadata";

static signed char get_flag(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsBool(item))
		return -1;
	return cJSON_IsTrue(item) ? 1 : 0;
}

static bool stream_parse(struct metadata_stream *s, const cJSON *item)
{
	const cJSON *purpose =
		cJSON_GetObjectItemCaseSensitive(item, "purpose");
	size_t n = item->string ? strlen(item->string) : 0;

	if (!cJSON_IsObject(item) || n == 0 || n > SFU_STREAM_MAX)
		return false;
	memcpy(s->id, item->string, n + 1);
	s->purpose = METADATA_OTHER;
	if (cJSON_IsString(purpose)) {
		if (strcmp(purpose->valuestring, "m.usermedia") == 0)
			s->purpose = METADATA_USERMEDIA;
		else if (strcmp(purpose->valuestring, "m.screenshare") == 0)
			s->purpose = METADATA_SCREENSHARE;
	}
	s->audio_muted = get_flag(item, "audio_muted");
	s->video_muted = get_flag(item, "video_muted");
	return true;
}

int metadata_parse(struct metadata *ret, const cJSON *content)
{
	const cJSON *map = cJSON_GetObjectItemCaseSensitive(content, stable);
	const cJSON *item;

	if (!cJSON_IsObject(map))
		map = cJSON_GetObjectItemCaseSensitive(content, unstable);
	if (!cJSON_IsObject(map))
		return -ENOENT;
	ret->n = 0;
	cJSON_ArrayForEach(item, map)
	{
		if (ret->n == METADATA_STREAMS_MAX)
			break;
		if (stream_parse(&ret->v[ret->n], item))
			ret->n++;
	}
	return 0;
}

void metadata_merge(struct metadata *m, const struct metadata *with)
{
	for (unsigned i = 0; i < with->n; i++) {
		struct metadata_stream *s =
			(struct metadata_stream *)metadata_find(
				m, with->v[i].id);

		if (!s && m->n < METADATA_STREAMS_MAX)
			s = &m->v[m->n++];
		if (s)
			*s = with->v[i];
	}
}

const struct metadata_stream *metadata_find(
	const struct metadata *m, const char *id)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].id, id) == 0)
			return &m->v[i];
	}
	return NULL;
}

void metadata_add_entry(cJSON *map, const struct metadata_entry *e)
{
	const struct metadata_stream *s = e->source;
	cJSON *item = cJSON_AddObjectToObject(map, e->id);
	bool screen = s && s->purpose == METADATA_SCREENSHARE;

	cJSON_AddStringToObject(
		item, "purpose", screen ? "m.screenshare" : "m.usermedia");
	cJSON_AddBoolToObject(item, "audio_muted", s && s->audio_muted == 1);
	cJSON_AddBoolToObject(item, "video_muted", s && s->video_muted == 1);
	if (e->user_id)
		cJSON_AddStringToObject(item, "user_id", e->user_id);
	if (e->device_id)
		cJSON_AddStringToObject(item, "device_id", e->device_id);
	if (e->participant)
		cJSON_AddStringToObject(item, "participant", e->participant);
}

void metadata_add_map(cJSON *content, cJSON *map)
{
	cJSON *twin = cJSON_Duplicate(map, true);

	if (!cJSON_AddItemToObject(content, stable, map))
		cJSON_Delete(map);
	if (!cJSON_AddItemToObject(content, unstable, twin))
		cJSON_Delete(twin);
}
