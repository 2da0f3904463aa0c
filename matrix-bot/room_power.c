#include "matrix-bot/room_power.h"

#include <stdlib.h>
#include <string.h>
#include "matrix-bot/event.h"

enum { KICK_LEVEL = 50, CREATOR_LEVEL = 100, CREATORS_VERSION = 12 };

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

void room_power_done(struct room_power *p)
{
	cJSON_Delete(p->create);
	cJSON_Delete(p->levels);
	memset(p, 0, sizeof(*p));
}

void room_power_event(struct room_power *p, const cJSON *event)
{
	const char *type = event_string(event, "type");
	bool create = strcmp(type, "m.room.create") == 0;
	cJSON *twin;

	if ((!create && strcmp(type, "m.room.power_levels") != 0) ||
		event_string(event, "state_key")[0])
		return;
	twin = cJSON_Duplicate(create ? event : get(event, "content"), true);
	if (create) {
		cJSON_Delete(p->create);
		p->create = twin;
	} else {
		cJSON_Delete(p->levels);
		p->levels = twin;
	}
}

/* Numbers; rooms below version 10 also know numbers in quotes. */
static bool level_read(const cJSON *item, int64_t *ret)
{
	char *end;
	long long v;

	if (cJSON_IsNumber(item) &&
		item->valuedouble > -(double)ROOM_POWER_CREATOR &&
		item->valuedouble < (double)ROOM_POWER_CREATOR) {
		*ret = (int64_t)item->valuedouble;
		return true;
	}
	if (!cJSON_IsString(item) || !item->valuestring[0])
		return false;
	v = strtoll(item->valuestring, &end, 10);
	if (*end || v < -ROOM_POWER_CREATOR || v >= ROOM_POWER_CREATOR)
		return false;
	*ret = v;
	return true;
}

static bool creators_are_above(const cJSON *content)
{
	const char *version = event_string(content, "room_version");

	return strcmp(version, "org.matrix.hydra.11") == 0 ||
	       strtol(version, NULL, 10) >= CREATORS_VERSION;
}

static bool is_creator(const cJSON *create, const char *user)
{
	const cJSON *content = get(create, "content"), *item;
	const char *named = event_string(content, "creator");

	/* Versions 1 to 10 name it; the sender is the same. */
	if (strcmp(named[0] ? named : event_string(create, "sender"), user) ==
		0)
		return true;
	if (!creators_are_above(content))
		return false;
	cJSON_ArrayForEach(item, get(content, "additional_creators"))
	{
		if (cJSON_IsString(item) &&
			strcmp(item->valuestring, user) == 0)
			return true;
	}
	return false;
}

int64_t room_power_of(const struct room_power *p, const char *user)
{
	bool creator = p->create && is_creator(p->create, user);
	int64_t level = 0;

	if (creator && creators_are_above(get(p->create, "content")))
		return ROOM_POWER_CREATOR;
	if (!p->levels)
		return creator ? CREATOR_LEVEL : 0;
	if (!level_read(get(get(p->levels, "users"), user), &level))
		level_read(get(p->levels, "users_default"), &level);
	return level;
}

int64_t room_power_to_kick(const struct room_power *p)
{
	int64_t level = KICK_LEVEL;

	level_read(get(p->levels, "kick"), &level);
	return level;
}

bool room_power_may_record(
	const struct room_power *p, const char *who, const char *user)
{
	char *end;
	long long level;

	if (!who || !who[0] || strcmp(who, "moderators") == 0)
		return room_power_of(p, user) >= room_power_to_kick(p);
	if (strcmp(who, "members") == 0)
		return true;
	level = strtoll(who, &end, 10);
	/* "nobody", and what the configuration should not have let pass. */
	if (*end || end == who)
		return false;
	return room_power_of(p, user) >= level;
}
