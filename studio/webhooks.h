/*
 * Hook 2: events of recordings POSTed to URLs, signed (http/sign.h) and
 * repeated until they are taken. What waits is kept on disk, so that a restart
 * goes on with it. studio/README.md has the wire.
 */
#ifndef HEARTH_STUDIO_WEBHOOKS_H
#define HEARTH_STUDIO_WEBHOOKS_H

#include <stdint.h>
#include "studio/programs.h"

struct config_list;
struct event_base;
struct webhooks;

enum {
	WEBHOOKS_WAITING = 1000,
	WEBHOOKS_AT_ONCE = 4,
	WEBHOOKS_BODY_MAX = 16 << 20,
	WEBHOOKS_PAUSE_MAX_S = 600,
	WEBHOOKS_LIFE_S = 86400 /* of one delivery */
};

struct webhooks_counters {
	uint64_t delivered, failed, retries; /* failed: given up */
	unsigned waiting;
};

/* directory: where waiting ones are kept, made 0700; urls and secret must
 * outlive it. Those of earlier runs whose URL is still among urls go on. 0;
 * -ENOMEM; -errno where the directory cannot be used. */
int webhooks_new(struct webhooks **ret, struct event_base *base,
	const char *directory, const struct config_list *urls,
	const char *secret);
struct webhooks *webhooks_free(struct webhooks *w); /* returns NULL */
/* One delivery for each URL. Everything of h is copied. */
void webhooks_post(struct webhooks *w, const struct hook *h);
const struct webhooks_counters *webhooks_counted(const struct webhooks *w);

/* Seconds before try n (from 1) is made again. Pure. */
unsigned webhooks_pause_s(unsigned n);

#endif
