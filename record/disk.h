/*
 * The disk, in threads of its own: files of one recording are created, written,
 * synced, hashed and completed there, so that whoever reads the feed never
 * waits for a disk. Orders go into a queue whose bytes the owner bounds
 * (disk_queued); what comes of them is told as events, read after disk_fd
 * became readable.
 *
 * Two small reserve files are kept. When the disk is full the first is removed
 * at once, so that what was begun can still be ended in order; when that was
 * not enough, nothing but the manifest is written any more, for which there is
 * the second.
 *
 * All functions belong to one thread, the owner's.
 */
#ifndef HEARTH_RECORD_DISK_H
#define HEARTH_RECORD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	DISK_SYNC_US = 5000000, /* written bytes are synced after this long */
	DISK_RESERVE = 262144,  /* bytes of each reserve file */
	DISK_NAME_MAX = 63,
	DISK_SHA256_MAX = 64, /* hex digits */
};

#define DISK_MANIFEST              "manifest.json"
#define DISK_RESERVE_NAME          ".reserve"
#define DISK_RESERVE_MANIFEST_NAME ".reserve-manifest"

struct disk;

/* The calls that can fail; NULL in disk_new: those of the system. */
struct disk_ops {
	int (*openat)(int dir, const char *name, int flags, mode_t mode);
	ssize_t (*pwrite)(int fd, const void *buf, size_t len, off_t at);
	int (*sync)(int fd);
};

enum disk_event_type {
	DISK_LOW,    /* full: the reserve is gone, end what is open */
	DISK_FAILED, /* err; file: nothing more is written to it and what was
			written whole stays, it still must be closed; file 0:
			the manifest */
	DISK_CLOSED, /* file: bytes, and sha256 of one closed as whole */
	DISK_PROBED, /* err: 0 when the disk can be written again */
};

struct disk_event {
	enum disk_event_type type;
	uint32_t file;
	int err; /* errno */
	uint64_t bytes;
	char sha256[DISK_SHA256_MAX + 1]; /* "": not whole */
};

/* dir: of the recording; stays the caller's and must outlive the disk. 0,
 * -ENOMEM, or -errno of starting the thread. */
int disk_new(struct disk **ret, int dir, const struct disk_ops *ops);
/* Waits until all that was ordered is done. Returns NULL. */
struct disk *disk_free(struct disk *d);

/* Readable while events wait. Stays the disk's. */
int disk_fd(const struct disk *d);
/* False: none waits. */
bool disk_next(struct disk *d, struct disk_event *ret);

/* Bytes that wait to be written. */
uint64_t disk_queued(struct disk *d);

/* A new file; it must not exist. Returns its number, 0: no memory. */
uint32_t disk_open(struct disk *d, const char *name);
/* data is taken over (malloc) in any case. 0, -ENOMEM. */
int disk_write(struct disk *d, uint32_t file, uint64_t offset, uint8_t *data,
	size_t len);
/* Syncs and closes; whole: it is hashed, while nothing else is to be done. 0,
 * -ENOMEM. */
int disk_close(struct disk *d, uint32_t file, bool whole);

/* Replaces the manifest: new file, sync, rename, sync of the directory. text is
 * taken over (malloc); one that still waits is forgotten. */
void disk_manifest(struct disk *d, char *text);
/* Tries to write the reserve files (again); DISK_PROBED follows. */
void disk_probe(struct disk *d);
/* Removes the first reserve file. 0, -ENOMEM. */
int disk_release(struct disk *d);

#endif
