/*
 * What disk.c (the owner's side) and disk_thread.c (the thread) share.
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
	DISK_JOB_PROBE,
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

/* The thread's own. */
struct disk_file {
	TAILQ_ENTRY(disk_file) next;
	uint32_t id;
	int fd;  /* -1: could not be opened */
	int err; /* errno: nothing more is written */
	uint64_t end;
	bool dirty;
	bool closed; /* being hashed */
	struct digest *digest;
};

struct disk {
	int dir;
	struct disk_ops ops;
	pthread_t thread;
	int event_fd;
	uint32_t last_file; /* the owner's */

	/* The thread's. */
	TAILQ_HEAD(, disk_file) files;
	bool reserve;
	unsigned passed;
	uint64_t sync_us; /* when the next sync is due; 0: nothing to sync */

	pthread_mutex_t lock; /* of what stands below */
	pthread_cond_t wake;
	STAILQ_HEAD(, disk_job) jobs;
	STAILQ_HEAD(, disk_note) events;
	uint64_t queued;
	char *manifest;
	bool ending;
};

void *disk_run(void *arg);

#endif
