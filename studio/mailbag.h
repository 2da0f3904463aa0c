/*
 * Hooks that wait on disk: a directory with one file for each, its head in one
 * line of JSON, then the body: of a webhook as it is sent, of a program what it
 * is told. Internal to studio/webhooks.c and studio/programs.c.
 */
#ifndef HEARTH_STUDIO_MAILBAG_H
#define HEARTH_STUDIO_MAILBAG_H

#include <stdint.h>

enum { MAILBAG_NAME = 32, MAILBAG_EVENT = 16, MAILBAG_ID = 32 };

struct mail {
	char name[MAILBAG_NAME + 1]; /* of its file; also its delivery id; they
					sort by age */
	char event[MAILBAG_EVENT], id[MAILBAG_ID];
	uint64_t created_ms;
	char *url; /* heap; a program's path */
};

/* Opens the directory, made 0700 with its parent if missing. The fd, -errno. */
int mailbag_open(const char *path);
/* A name for one more: by time, number and chance. 0, -EAGAIN. */
int mailbag_name(uint64_t created_ms, char ret[MAILBAG_NAME + 1]);
/* Writes it, 0600, whole or not at all. 0, -errno. */
int mailbag_put(int fd, const struct mail *m, const char *body);
/* The body, heap; NULL: it is not there any more, or no memory. */
char *mailbag_body(int fd, const char *name);
void mailbag_remove(int fd, const char *name);
/* All that wait, oldest first, at most cap; foreign files are left alone, torn
 * ones removed. The heads' url is the caller's to free. How many, or -errno. */
int mailbag_list(int fd, struct mail *ret, unsigned cap);

#endif
