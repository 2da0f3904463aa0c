/*
 * A session (record/session.h) in a directory of its own, fed by a stage.
 */
#ifndef HEARTH_TESTS_RECORD_ROOM_H
#define HEARTH_TESTS_RECORD_ROOM_H

#include "stage.h"

#include "../rtp/check.h"
#include "record/manifest.h"
#include "record/session.h"

#define ANN "@ann:example.org A"
#define BOB "@bob:example.org B"

struct room {
	char dir[64];
	int fd;
	struct session *session;
	struct stage *stage;
	struct session_config config;
	unsigned plis, tracks, troubles, recovered;
	char code[32]; /* of the last trouble */
	uint64_t free; /* bytes the session is told are free */
	struct manifest *manifest;
	bool unfinished;
};

/* config may be set before. */
void room_open(struct room *r);
/* Stops, waits for the disk, finishes. */
void room_end(struct room *r);
/* Lets the disk do what was ordered, and the session hear of it. */
void room_settle(struct room *r);
void room_close(struct room *r);

cJSON *room_item(const struct room *r, const char *list, int i);
int room_count(const struct room *r, const char *list);
cJSON *room_track(cJSON *file, const char *kind); /* NULL: none */
/* Of each file: it is there, plays, and is what the manifest says. */
void room_check_files(const struct room *r);

#endif
