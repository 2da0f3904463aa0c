/*
 * posix_spawn with the house's rules: no file descriptor of ours but those
 * named, signals as a program expects them, a process group of its own.
 * Internal to studio/process.c.
 */
#ifndef HEARTH_STUDIO_SPAWN_H
#define HEARTH_STUDIO_SPAWN_H

#include <sys/types.h>

struct process_options;

struct spawned {
	pid_t pid;        /* and process group */
	int in, out, err; /* our ends, not blocking, close-on-exec; in is -1
			     where stdin is /dev/null */
};

/* Starts options->path. 0, and *ret is the caller's to close and to wait for;
 * -errno, then nothing is left open. */
int spawn(const struct process_options *options, struct spawned *ret);

#endif
