/*
 * Completes a recording: files without their end get it, each gets its
 * checksum, the manifest its last state. For what a crash left, and for the end
 * of a recording whose disk had failed.
 */
#ifndef HEARTH_RECORD_FINISH_H
#define HEARTH_RECORD_FINISH_H

#include "record/manifest.h"

/* done of n files. */
typedef void(finish_progress_h)(void *arg, unsigned done, unsigned n);

/* dir, path: the recording's directory, both ways. Files in the manifest that
 * have a checksum are left alone. Where there is no room for a new copy a file
 * stays as it is. progress may be NULL. 0; -errno when a file could not be read
 * now: its entry stays as it is, the state is "partial", to be finished again;
 * or when the manifest could not be written. */
int finish_files(int dir, const char *path, struct manifest *m,
	finish_progress_h *progress, void *arg);

/* Manifest for a directory that has none that can be read, with what
 * origin.json says; finish_files adds its files. NULL: no memory. */
struct manifest *finish_rebuild(int dir, const char *path);

/* `hearth-record finish DIRECTORY`: exit code. Descriptor 4 may be that
 * directory, locked (flock) for us; else it is locked here, and refused while
 * somebody else works in it. */
int finish_main(int argc, char **argv);

#endif
