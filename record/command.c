#include "record/command.h"

#include <errno.h>
#include <string.h>

#include "record/manifest.h"

static enum command_type type_of(const char *text)
{
	static const char *const names[] = {
		[COMMAND_START] = "start",
		[COMMAND_PARTICIPANT] = "participant",
		[COMMAND_SOURCE] = "source",
		[COMMAND_STOP] = "stop",
	};

	for (unsigned i = 0; i < COMMAND_OTHER; i++)
		if (strcmp(names[i], text) == 0)
			return (enum command_type)i;
	return COMMAND_OTHER;
}

static bool flag(const cJSON *json, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

/* What this type must have. */
static bool is_whole(const struct command *c)
{
	switch (c->type) {
	case COMMAND_START:
		return c->id[0] && c->directory[0];
	case COMMAND_PARTICIPANT:
		return c->label[0];
	case COMMAND_SOURCE:
		return c->label[0] && c->source[0];
	default:
		return true;
	}
}

int command_read(const char *line, size_t len, struct command *ret)
{
	cJSON *json = cJSON_ParseWithLength(line, len);
	int64_t keyframe_s;

	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return -EBADMSG;
	}
	keyframe_s = manifest_get(json, "keyframe_s", 0);
	*ret = (struct command){
		.type = type_of(manifest_text(json, "type")),
		.id = manifest_text(json, "id"),
		.directory = manifest_text(json, "directory"),
		.room = manifest_text(json, "room"),
		.about = cJSON_GetObjectItemCaseSensitive(json, "about"),
		.keyframe_s = keyframe_s > 0 && keyframe_s < 86400
				      ? (unsigned)keyframe_s
				      : 0,
		.label = manifest_text(json, "label"),
		.user_id = manifest_text(json, "user_id"),
		.name = manifest_text(json, "name"),
		.source = manifest_text(json, "source"),
		.purpose = manifest_text(json, "purpose"),
		.audio_muted = flag(json, "audio_muted"),
		.video_muted = flag(json, "video_muted"),
		.reason = manifest_text(json, "reason"),
		.json = json,
	};
	if (is_whole(ret))
		return 0;
	command_done(ret);
	return -EBADMSG;
}

void command_done(struct command *c)
{
	cJSON_Delete(c->json);
	c->json = NULL;
}
