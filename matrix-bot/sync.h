/*
 * The /sync loop: long poll, position, gaps. A timeline that was cut short
 * (limited) is filled up from /messages back to the last position before
 * anything of that sync is handed on, so that its owner sees every event once
 * and in order. The first sync of a process asks for the full state, since the
 * position is kept over a restart and the rooms are not.
 *
 * Order within one sync: rooms left, invitations, then for each joined room:
 * its gap, its state, its timeline; then to-device messages; then settled_h.
 */
#ifndef HEARTH_MATRIX_BOT_SYNC_H
#define HEARTH_MATRIX_BOT_SYNC_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

struct client;
struct event_base;
struct sync;

enum {
	SYNC_POLL_MS = 30000,
	SYNC_GAP_PAGES_MAX = 5, /* of 100 events, per room */
	SYNC_GAP_GIVE_UP_MS = 20000,
};

/* The name of the lane (client.h) that sync requests stand in. */
#define SYNC_LANE "sync"

struct sync_handlers {
	void (*left_h)(void *arg, const char *room_id);
	void (*invited_h)(void *arg, const char *room_id, const char *inviter);
	void (*joined_h)(void *arg, const char *room_id);
	/* timeline: not from the state section. live: not of the first sync. */
	void (*event_h)(void *arg, const char *room_id, const cJSON *event,
		bool timeline, bool live);
	void (*to_device_h)(void *arg, const cJSON *event);
	void (*settled_h)(void *arg);
	/* Everything up to here has been handed on. NULL: start anew. */
	void (*position_h)(void *arg, const char *next_batch);
	void *arg;
};

/* 0 or -ENOMEM. */
int sync_new(struct sync **ret, struct event_base *base, struct client *c,
	const struct sync_handlers *h);
struct sync *sync_free(struct sync *s); /* returns NULL; before client_free */

/* Begins; since may be NULL. A second call while it runs does nothing. */
void sync_start(struct sync *s, const char *since, const char *own_user_id);
void sync_stop(struct sync *s);

/* When the last sync was processed, monotonic; 0: none yet. */
uint64_t sync_last_us(const struct sync *s);

struct sync_counters {
	uint64_t syncs, gaps, resets, odd;
};
const struct sync_counters *sync_counted(const struct sync *s);

#endif
