/*
 * A child process of the studio: a recorder or one of its jobs, which takes
 * orders and gives reports as JSON lines (record/README.md), or a program of
 * the operator's. It gets none of our file descriptors but those named, runs in
 * a process group of its own, and what it says on stderr goes to the log,
 * bounded. Ends are seen through a pidfd, so nobody's SIGCHLD is needed.
 */
#ifndef HEARTH_STUDIO_PROCESS_H
#define HEARTH_STUDIO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

struct event_base;
struct process;

enum {
	PROCESS_LINE_MAX = 65536,    /* of a report; longer is nonsense */
	PROCESS_ORDERS_MAX = 4 << 20 /* bytes that wait for a child to read */
};

struct process_options {
	const char *name; /* a word for the log; must outlive the process */
	const char *id;   /* of the recording, for the log; copied */
	const char *path; /* of the program */
	char *const *argv, *const *env;
	int fd3, fd4; /* become these numbers; -1: none. They stay the
			 caller's to close */
	bool nice;    /* calls come first: of processor and of memory */
	bool talks;   /* orders on stdin, reports on stdout, and nothing it
			 started outlives it. Else stdin is /dev/null and
			 stdout goes to the log */
};

/* One line of a child that talks. Not to free the process from here. */
typedef void(process_report_h)(void *arg, const cJSON *report);
/* It has ended and all it said was reported; status as of waitpid. The process
 * is freed after the handler returns. */
typedef void(process_end_h)(void *arg, int status);

/* Starts it. Handlers run from the event loop, never from in here. 0 or
 * -errno (-ENOENT, -EACCES: the program cannot be run). */
int process_new(struct process **ret, struct event_base *base,
	const struct process_options *options, process_report_h *report,
	process_end_h *end, void *arg);
/* Kills it if it still runs and waits for that; no handler is called any more.
 * NULL is fine. Returns NULL. */
struct process *process_free(struct process *p);

/* Gives an order (not taken over). 0; -ENOBUFS where it does not read, -EPIPE,
 * -ENOMEM. */
int process_send(struct process *p, const cJSON *order);
/* Asks it to end (SIGTERM), and ends it after grace_ms (SIGKILL). The end
 * handler comes either way. */
void process_end(struct process *p, unsigned grace_ms);
/* When it last said something or began; monotonic. */
uint64_t process_heard_us(const struct process *p);

uint64_t process_now_us(void); /* the monotonic clock of the studio */

/* What a recorder gets of our environment, where secrets may lie: how to load,
 * to find ffmpeg and fonts, to be instrumented. NULL-ended; one allocation, its
 * strings are the environment's own. NULL: no memory. */
char **process_environment(void);

#endif
