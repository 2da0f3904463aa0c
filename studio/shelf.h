/*
 * The recordings on disk (record/README.md): one directory, in it one directory
 * per recording. Names are checked and no symbolic link is followed, whatever
 * lies there; what is not ours is left alone. Only writing waits for the disk,
 * so that no power cut leaves half a manifest.
 */
#ifndef HEARTH_STUDIO_SHELF_H
#define HEARTH_STUDIO_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

enum {
	SHELF_ID = 25,       /* bytes of an id */
	SHELF_FILE_MAX = 63, /* bytes of a file's name */
	SHELF_PATH_MAX = 4096,
	SHELF_MANIFEST_MAX = 16 << 20 /* as record/manifest.h */
};

struct shelf {
	int fd; /* of the directory; -1: none */
	char path[SHELF_PATH_MAX];
};

/* Opens path, made 0700 with its last parent if missing. 0, -errno. */
int shelf_init(struct shelf *s, const char *path);
void shelf_done(struct shelf *s);
uint64_t shelf_free_bytes(const struct shelf *s); /* UINT64_MAX: unknown */

/* "20261126T110552Z-0badcafe". */
bool shelf_id_ok(const char *id);
/* Names of record/README.md: small letters, digits, '-' and dots, the first one
 * no dot. */
bool shelf_file_ok(const char *name);
/* When a recording of this id began, Unix time in ms; 0: no id, or no date. */
uint64_t shelf_id_ms(const char *id);
/* A new recording's id, by the time and chance, and its directory, 0700. 0,
 * -errno. */
int shelf_make(struct shelf *s, char ret_id[SHELF_ID + 1]);
/* The absolute path of the directory (file NULL) or of a file in it. -E2BIG. */
int shelf_path(const struct shelf *s, const char *id, const char *file,
	char *ret, size_t cap);

/* The directory, open: the caller's to close. -errno; -ENOENT where there is
 * none of this name, or it is no directory, or no id. */
int shelf_open(const struct shelf *s, const char *id);
/* The same and locked, as long as any copy of it is open: processes that work
 * in it hold one, so that two never meet, not even over a restart of the
 * daemon. -EWOULDBLOCK: somebody is at work. */
int shelf_lock(const struct shelf *s, const char *id);
/* A regular file for reading. -ENOENT, -errno. */
int shelf_open_file(const struct shelf *s, const char *id, const char *name,
	uint64_t *ret_size);

/* The manifest. 0; -ENOENT, -EBADMSG (torn, too large, no object), -ENOMEM. */
int shelf_read(const struct shelf *s, const char *id, cJSON **ret);
/* When the manifest was written last, Unix time in ns; 0: there is none. */
int64_t shelf_written_ns(const struct shelf *s, const char *id);
/* In its place, by rename, synced. 0, -errno. */
int shelf_write(const struct shelf *s, const char *id, const cJSON *manifest);
/* The same of origin.json: what a recording is, written once, for one whose
 * manifest cannot be read (record/README.md). */
int shelf_read_origin(const struct shelf *s, const char *id, cJSON **ret);
int shelf_write_origin(
	const struct shelf *s, const char *id, const cJSON *origin);

/* Takes the recording out of sight, at once; shelf_sweep removes the files. 0,
 * -ENOENT, -errno. */
int shelf_bin(const struct shelf *s, const char *id);
/* Removes a little of what was binned, also before a restart; call it again
 * until it returns false: nothing is left, or nothing can be done. */
bool shelf_sweep(const struct shelf *s);

#endif
