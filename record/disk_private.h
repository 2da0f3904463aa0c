/*
 * What disk.c (the owner's side), disk_thread.c (the writer), and disk_keep.c
 * (the keeper) share.
 */
#ifndef HEARTH_RECORD_DISK_PRIVATE_H
#define HEARTH_RECORD_DISK_PRIVATE_H

#include "record/disk.h"

#include <pthread.h>
#include <sys/queue.h>

#include "record/digest.h"

enum disk_job_type {
	DISK_JOB_OPEN,
	DISK_JOB_WRITE,
	DISK_JOB_CLOSE,
	DISK_JOB_RELEASE
};

struct disk_job {
	STAILQ_ENTRY(disk_job) next;
	enum disk_job_type type;
	uint32_t file;
	bool whole;
	char name[DISK_NAME_MAX + 1];
	uint64_t offset;
	uint8_t *data;
	size_t len;
};

struct disk_note {
	STAILQ_ENTRY(disk_note) next;
	struct disk_event event;
};

/* In `files` the writer's, in `closed` the keeper's, who also syncs it there.
 */
struct disk_file {
	TAILQ_ENTRY(disk_file) next;
	uint32_t id;
	int fd;  /* -errno: could not be opened */
	int err; /* errno: nothing more is written; under the lock */
	uint64_t end;
	bool dirty; /* under the lock */
	bool whole; /* is to be hashed */
	struct digest *digest;
};

TAILQ_HEAD(disk_files, disk_file);

/* Two threads, since a sync may take seconds, and what is only written already
 * survives the end of the process: the writer writes, the keeper syncs, hashes,
 * replaces the manifest, and makes the reserve. */
struct disk {
	int dir;
	struct disk_ops ops;
	pthread_t writer, keeper;
	int event_fd;
	uint32_t last_file; /* the owner's */

	pthread_mutex_t lock; /* of what stands below */
	pthread_cond_t wake, keep;
	STAILQ_HEAD(, disk_job) jobs;
	STAILQ_HEAD(, disk_note) events;
	struct disk_files files, closed;
	uint64_t queued;
	char *manifest;
	bool probe;   /* to be made */
	bool reserve; /* it is there */
	bool full;    /* and was not enough */
	bool ending;  /* the owner has no more jobs */
	bool done;    /* the writer neither */
};

/* Both threads. */
void disk_tell(struct disk *d, const struct disk_event *ev);
void disk_fail(struct disk *d, struct disk_file *f, int err);
/* A file of the directory, made if need be: its descriptor, or -errno. */
int disk_create(struct disk *d, const char *name, int flags);
void disk_reserve(struct disk *d, bool there);
bool disk_is_full(int err);
/* 0 or -errno. */
int disk_write_all(
	struct disk *d, int fd, const void *buf, size_t len, uint64_t offset);

void *disk_run(void *arg);
void *disk_keep(void *arg);

#endif
