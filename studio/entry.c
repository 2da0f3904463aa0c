#include "studio/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = { "recording", "partial", "finished",
	"composed" };

static const char *const told[] = { "", "stopped", "composed" };

uint64_t entry_number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	/* Above 2^53 a double is no count. */
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
		item->valuedouble > 9007199254740992.0)
		return 0;
	return (uint64_t)item->valuedouble;
}

const char *entry_text(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

const char *entry_state_text(const struct entry *entry)
{
	return states[entry->state];
}

void entries_init(struct entries *e)
{
	TAILQ_INIT(&e->all);
	e->n = 0;
}

static void entry_free(struct entry *entry)
{
	free(entry->room);
	free(entry->conference);
	cJSON_Delete(entry->about);
	cJSON_Delete(entry->to_deliver);
	free(entry);
}

void entries_remove(struct entries *e, struct entry *entry)
{
	TAILQ_REMOVE(&e->all, entry, next);
	e->n--;
	entry_free(entry);
}

void entries_done(struct entries *e)
{
	struct entry *entry;

	while ((entry = TAILQ_FIRST(&e->all)))
		entries_remove(e, entry);
}

struct entry *entries_find(const struct entries *e, const char *id)
{
	struct entry *entry;

	TAILQ_FOREACH(entry, &e->all, next)
	if (strcmp(entry->id, id) <= 0)
		return strcmp(entry->id, id) == 0 ? entry : NULL;
	return NULL;
}

/* An id begins with its time: the order of ids is that of time. */
static void insert(struct entries *e, struct entry *entry)
{
	struct entry *at;

	TAILQ_FOREACH(at, &e->all, next)
	if (strcmp(at->id, entry->id) < 0) {
		TAILQ_INSERT_BEFORE(at, entry, next);
		return;
	}
	TAILQ_INSERT_TAIL(&e->all, entry, next);
}

struct entry *entries_add(struct entries *e, const char *id,
	const char *conference, const char *room)
{
	struct entry *entry = entries_find(e, id);

	if (entry || e->n == ENTRIES_MAX || !shelf_id_ok(id))
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->id, id, SHELF_ID + 1);
	entry->room = strdup(room);
	entry->conference = strdup(conference);
	if (!entry->room || !entry->conference) {
		entry_free(entry);
		return NULL;
	}
	insert(e, entry);
	e->n++;
	return entry;
}

static int replace(char **text, const char *with)
{
	char *twin;

	if (strcmp(*text, with) == 0)
		return 0;
	twin = strdup(with);
	if (!twin)
		return -ENOMEM;
	free(*text);
	*text = twin;
	return 0;
}

static void read_about(struct entry *entry, const cJSON *about)
{
	char *text =
		cJSON_IsObject(about) ? cJSON_PrintUnformatted(about) : NULL;

	cJSON_Delete(entry->about);
	entry->about =
		text && strlen(text) <= ABOUT_MAX ? cJSON_Parse(text) : NULL;
	cJSON_free(text);
}

static void read_files(struct entry *entry, const cJSON *manifest)
{
	const cJSON *composed =
		cJSON_GetObjectItemCaseSensitive(manifest, "composed");
	const cJSON *file;

	entry->bytes = entry_number(composed, "bytes");
	entry->n_files = 0;
	cJSON_ArrayForEach(
		file, cJSON_GetObjectItemCaseSensitive(manifest, "files"))
	{
		entry->bytes += entry_number(file, "bytes");
		entry->n_files++;
	}
}

static void read_told(struct entry *entry, const cJSON *manifest)
{
	const char *text = entry_text(manifest, "hooks_told");

	/* What was delivered had been told of, before this was written down. */
	if (entry->delivered)
		entry->hooks_told = ENTRY_TOLD_COMPOSED;
	for (unsigned i = entry->hooks_told + 1u;
		i < sizeof(told) / sizeof(*told); i++)
		if (strcmp(text, told[i]) == 0)
			entry->hooks_told = (enum entry_told)i;
}

int entry_write(const struct entry *entry, cJSON *manifest)
{
	cJSON_DeleteItemFromObjectCaseSensitive(manifest, "compose_attempts");
	cJSON_DeleteItemFromObjectCaseSensitive(manifest, "hooks_told");
	if (entry->compose_attempts &&
		!cJSON_AddNumberToObject(
			manifest, "compose_attempts", entry->compose_attempts))
		return -ENOMEM;
	if (entry->hooks_told && !cJSON_AddStringToObject(manifest,
					 "hooks_told", told[entry->hooks_told]))
		return -ENOMEM;
	return 0;
}

int entry_read(struct entry *entry, const cJSON *manifest)
{
	const char *state = entry_text(manifest, "state");
	const char *room = entry_text(manifest, "room");
	uint64_t attempts;

	if (*room && replace(&entry->room, room) != 0)
		return -ENOMEM;
	/* Of a daemon before this one; see studio.h. */
	if (!*entry->conference && replace(&entry->conference, room) != 0)
		return -ENOMEM;
	entry->state = ENTRY_PARTIAL;
	for (unsigned i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (strcmp(state, states[i]) == 0)
			entry->state = (enum entry_state)i;
	entry->started_ms = entry_number(manifest, "started_ms");
	entry->ended_ms = entry_number(manifest, "ended_ms");
	entry->duration_ms = entry_number(manifest, "duration_ms");
	attempts = entry_number(manifest, "compose_attempts");
	if (entry->compose_attempts < attempts)
		entry->compose_attempts = (unsigned)attempts;
	entry->delivered =
		cJSON_HasObjectItem(manifest, "delivered") ? true : false;
	read_told(entry, manifest);
	read_about(entry, cJSON_GetObjectItemCaseSensitive(manifest, "about"));
	read_files(entry, manifest);
	return 0;
}
