/*
 * The last word about each participant and source of each conference, so that a
 * recorder that starts later, or again, is told all of it. Pure. What is not
 * being recorded is forgotten when there is too much of it, the oldest first.
 */
#ifndef HEARTH_STUDIO_ROSTER_H
#define HEARTH_STUDIO_ROSTER_H

#include <stdbool.h>
#include <sys/queue.h>
#include <cjson/cJSON.h>

enum { ROSTER_CONFERENCES = 512, ROSTER_WORDS = 2048 };

struct roster_conference;

struct roster {
	TAILQ_HEAD(roster_conferences, roster_conference)
	all; /* last spoken of first */
	unsigned n;
};

/* False: this one may be forgotten. */
typedef bool(roster_held_h)(void *arg, const char *conference);
typedef void(roster_word_h)(void *arg, const cJSON *order);

void roster_init(struct roster *r);
void roster_done(struct roster *r);

/* Keeps an order "participant" or "source" (record/README.md), which replaces
 * one of the same type, label and source; takes it over. 0; -ENOMEM, -ENOSPC
 * where a conference has too many words (it is freed). */
int roster_put(struct roster *r, const char *conference, cJSON *order,
	roster_held_h *held, void *arg);
/* All words of a conference, in the order they came first. */
void roster_each(const struct roster *r, const char *conference,
	roster_word_h *h, void *arg);

#endif
