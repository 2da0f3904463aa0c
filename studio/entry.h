/*
 * What the studio knows of each recording on disk without looking: small facts
 * of the manifests, newest first. Pure.
 */
#ifndef HEARTH_STUDIO_ENTRY_H
#define HEARTH_STUDIO_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <cjson/cJSON.h>
#include "studio/shelf.h"

enum { ENTRIES_MAX = 20000, ABOUT_MAX = 16384 };

enum entry_state {
	ENTRY_RECORDING, /* also: cut off */
	ENTRY_PARTIAL,
	ENTRY_FINISHED,
	ENTRY_COMPOSED
};

/* The last of the hooks' two great events that was handed over. */
enum entry_told { ENTRY_TOLD_NOTHING, ENTRY_TOLD_STOPPED, ENTRY_TOLD_COMPOSED };

struct entry {
	TAILQ_ENTRY(entry) next;
	char id[SHELF_ID + 1];
	char *room, *conference; /* never NULL */
	cJSON *about;            /* or NULL */
	enum entry_state state;
	uint64_t started_ms, ended_ms, duration_ms, bytes;
	unsigned n_files, compose_attempts;
	enum entry_told hooks_told;
	bool delivered;
	bool recording;    /* a process of ours writes it */
	unsigned jobs;     /* waiting or at work */
	cJSON *to_deliver; /* word of a delivery that waits for a job */
	bool to_note;      /* so do other facts */
	uint64_t ready_us; /* since when it waits to be delivered; monotonic */
};

struct entries {
	TAILQ_HEAD(entry_list, entry) all; /* newest first */
	unsigned n;
};

void entries_init(struct entries *e);
void entries_done(struct entries *e);
struct entry *entries_find(const struct entries *e, const char *id);
/* The one of this id, made if need be; conference and room (copied) count for a
 * new one. NULL: no memory, or too many. */
struct entry *entries_add(struct entries *e, const char *id,
	const char *conference, const char *room);
void entries_remove(struct entries *e, struct entry *entry);

/* Takes over what the manifest says; the studio's own facts only where they go
 * further. 0, -ENOMEM (all as before). */
int entry_read(struct entry *entry, const cJSON *manifest);
const char *entry_state_text(const struct entry *entry);
/* The other way: the studio's own facts (compose_attempts, hooks_told) into the
 * manifest. 0, -ENOMEM. */
int entry_write(const struct entry *entry, cJSON *manifest);

/* A number of a manifest that fits; else 0. */
uint64_t entry_number(const cJSON *object, const char *key);
/* A text of a JSON object; else "". */
const char *entry_text(const cJSON *object, const char *key);

#endif
