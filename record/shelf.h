/*
 * What all files of one recording share: where they are written, the manifest
 * they stand in, the clock they count from, and the troubles of the disk.
 */
#ifndef HEARTH_RECORD_SHELF_H
#define HEARTH_RECORD_SHELF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <cjson/cJSON.h>

#include "record/disk.h"
#include "record/manifest.h"

/* A file given to the disk and not told closed yet. */
struct shelf_file {
	TAILQ_ENTRY(shelf_file) next;
	uint32_t id;
	cJSON *json;
	bool failed;
};

struct shelf {
	struct disk *disk;         /* not owned */
	struct manifest *manifest; /* not owned */
	int64_t zero_us; /* the recording's start on the feed's clock */
	int64_t started_ms;
	uint64_t queue_max; /* bytes waiting for the disk; beyond: slow */
	bool blocked;       /* the disk fails: nothing is written */
	bool slow;          /* it is behind: frames are dropped */
	bool unfinished;    /* a file was closed that is not whole */
	uint64_t bytes;     /* of files closed */
	unsigned files;
	TAILQ_HEAD(, shelf_file) open;
	/* A file has begun: its entry of the manifest. */
	void (*began)(void *arg, const cJSON *file);
	void *arg;
};

void shelf_init(struct shelf *s, struct disk *disk, struct manifest *manifest);
void shelf_done(struct shelf *s);

/* Time of the feed's clock in ms since the start; never negative. */
int64_t shelf_ms(const struct shelf *s, int64_t time_us);

/* A new file on disk. NULL: no memory. */
struct shelf_file *shelf_open(struct shelf *s, const char *name, cJSON *json);
/* Nothing more is written; f lives until shelf_closed. whole: its end and index
 * were written. */
void shelf_close(struct shelf *s, struct shelf_file *f, bool whole);

/* The disk's words about a file. */
void shelf_failed(struct shelf *s, const struct disk_event *ev);
void shelf_closed(struct shelf *s, const struct disk_event *ev);

#endif
