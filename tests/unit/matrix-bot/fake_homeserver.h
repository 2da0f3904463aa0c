/*
 * A homeserver on loopback that does what the test tells it: rules change the
 * replies to some paths, syncs are handed out one after the other, and every
 * request is kept. Without a rule it is polite and accepts everything.
 */
#ifndef HEARTH_TESTS_FAKE_HOMESERVER_H
#define HEARTH_TESTS_FAKE_HOMESERVER_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct fake_homeserver;

enum fake_way {
	FAKE_REPLY,
	FAKE_LOSE /* take the request, close the connection */
};

struct fake_rule {
	const char *path; /* part of the path and query */
	enum fake_way way;
	int status;
	const char *body;
	const char *retry_after; /* header or NULL */
	unsigned times;
};

struct fake_request {
	char method[8];
	char *path; /* with query */
	char *body;
};

struct fake_homeserver *fake_new(struct event_base *base);
void fake_free(struct fake_homeserver *f);
const char *fake_url(const struct fake_homeserver *f);
/* Counts down its times, then goes; strings are kept by pointer. */
void fake_add_rule(struct fake_homeserver *f, const struct fake_rule *rule);
/* The next reply to /sync, copied; a waiting long poll gets it at once. Its
 * next_batch is put in: "s1", "s2", … */
void fake_sync(struct fake_homeserver *f, const char *inner);

/* The n-th (from 0) request whose path contains this, or NULL. */
const struct fake_request *fake_find(
	const struct fake_homeserver *f, const char *path, unsigned n);
unsigned fake_count(const struct fake_homeserver *f, const char *path);

/* Runs the loop until there are n such requests; fails the test after 8 s. */
void fake_wait(struct fake_homeserver *f, const char *path, unsigned n);
/* Runs the loop until all replies to /sync are given and the next one is waited
 * for; fails the test after 8 s. */
void fake_drain(struct fake_homeserver *f);
/* Runs the loop until *flag. */
void fake_wait_flag(struct event_base *base, const bool *flag);
/* Runs the loop for so long. */
void fake_run(struct event_base *base, unsigned ms);

#endif
