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
 * stays as it is. progress may be NULL. 0, or -errno when the manifest could
 * not be written. */
int finish_files(int dir, const char *path, struct manifest *m,
	finish_progress_h *progress, void *arg);

/* Manifest for a directory that has none that can be read; finish_files adds
 * its files. NULL: no memory. */
struct manifest *finish_rebuild(const char *path);

/* `hearth-record finish DIRECTORY`: exit code. */
int finish_main(int argc, char **argv);

#endif
