/*
 * `hearth-record compose DIRECTORY [--layout grid|speaker]`: makes composed.mp4
 * and thumbnail.jpg of a finished recording, or composed.m4a where nobody had a
 * picture, and notes it in the manifest. The tracks stay as they are.
 *
 *   manifest ─> plan ─> one run of ffmpeg per scene, one for all sound
 *            ─> joined without encoding again ─> thumbnail ─> manifest
 *
 * Reports are JSON lines on stdout (record/README.md). What is half done lies
 * in DIRECTORY/.compose and is removed at the end, and at the next start.
 */
#ifndef HEARTH_RECORD_COMPOSE_H
#define HEARTH_RECORD_COMPOSE_H

/* argv[0] is "compose". Returns the exit code: 0, or 1 after a `failed`. */
int compose_main(int argc, char **argv);

#endif
