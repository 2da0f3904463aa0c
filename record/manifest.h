/*
 * The manifest of a recording (record/README.md) while it is made: a JSON tree
 * with a function for each thing that may happen. Lists have ceilings: beyond
 * them the last entry grows. All times are ms since the start of the recording.
 *
 * Objects handed out belong to the manifest and live as long as it. Where
 * memory runs out an entry is missing; nothing else happens.
 */
#ifndef HEARTH_RECORD_MANIFEST_H
#define HEARTH_RECORD_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

enum {
	MANIFEST_LIST_MAX = 20000, /* entries of a list */
	MANIFEST_FILE_MAX = 1000,  /* gaps, mutes, sizes of one file */
	/* Bytes of a manifest that is read, here and by studio/shelf.h; and
	 * those that entries may take, so that it never grows that large. */
	MANIFEST_TEXT_MAX = 16 << 20,
	MANIFEST_BUDGET = 12 << 20,
};

#define MANIFEST_ORIGIN "origin.json"

struct manifest;

/* about: copied; NULL for none. NULL: no memory. */
struct manifest *manifest_new(const char *id, const char *room,
	const cJSON *about, int64_t started_ms);
/* Takes root over. NULL (root freed): not a manifest, or no memory. */
struct manifest *manifest_adopt(cJSON *root);
struct manifest *manifest_free(struct manifest *m); /* returns NULL */
cJSON *manifest_root(struct manifest *m);

void manifest_set(cJSON *object, const char *key, int64_t value);
void manifest_set_text(cJSON *object, const char *key, const char *value);
/* fallback where there is no such number. */
int64_t manifest_get(const cJSON *object, const char *key, int64_t fallback);
const char *manifest_text(const cJSON *object, const char *key);
/* Member `key`, an array; made where it is missing. */
cJSON *manifest_list(cJSON *object, const char *key);

cJSON *manifest_person(struct manifest *m, unsigned number, const char *label);
/* A stretch of time {from_ms, to_ms} in the list `key` of object. */
cJSON *manifest_stretch(struct manifest *m, cJSON *object, const char *key,
	int64_t from_ms, int64_t to_ms);
cJSON *manifest_file(struct manifest *m, const char *name, unsigned person,
	const char *purpose, const char *source, int64_t from_ms);
cJSON *manifest_track(
	struct manifest *m, cJSON *file, const char *kind, const char *codec);
void manifest_size(struct manifest *m, cJSON *track, int64_t at_ms,
	unsigned width, unsigned height);
/* Gaps of a kind that touch become one. */
void manifest_gap(struct manifest *m, cJSON *file, const char *kind,
	int64_t from_ms, int64_t to_ms, unsigned packets);
/* Returns the stretch, to be prolonged while it lasts. */
cJSON *manifest_mute(
	struct manifest *m, cJSON *file, const char *kind, int64_t from_ms);
void manifest_codec_change(struct manifest *m, unsigned person, int64_t at_ms,
	const char *kind, const char *from, const char *to);
/* person 0: nobody speaks. */
void manifest_speaker(struct manifest *m, unsigned person, int64_t at_ms);
unsigned manifest_speaking(const struct manifest *m); /* 0: nobody */
void manifest_trouble(struct manifest *m, int64_t at_ms, const char *code,
	const char *message);
/* ended_ms, duration_ms, and the last speaker's end. */
void manifest_duration(struct manifest *m, int64_t duration_ms);

/* The text, the caller's to free; NULL: no memory. */
char *manifest_print(const struct manifest *m);

/* manifest.json of dir. 0; -ENOENT; -EBADMSG: torn; -E2BIG; -errno. */
int manifest_load(int dir, struct manifest **ret);
/* What else stands in dir of what this recording is, written by the daemon at
 * its start: {"id", "room", "started_ms", "about"}. The caller's; NULL: none
 * that can be read. */
cJSON *manifest_origin(int dir);
/* At once, safely against crashes. 0 or -errno. */
int manifest_save(int dir, const struct manifest *m);

#endif
