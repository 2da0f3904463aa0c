/*
 * Who is in the recording. A person is a label of the feed; it keeps its number
 * when it leaves and comes back. A seat is one stay of it (an owner id of the
 * feed) with the clock of its device and a reel for each of its sources.
 */
#ifndef HEARTH_RECORD_PEOPLE_H
#define HEARTH_RECORD_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "record/reel.h"
#include "record/shelf.h"
#include "record/streams.h"
#include "record/take.h"

enum {
	PEOPLE_MAX = 4096,         /* labels ever told */
	PEOPLE_SOURCES_MAX = 8192, /* sources ever told */
	PEOPLE_USER_MAX = 512,
};

struct person {
	TAILQ_ENTRY(person) next;
	unsigned number; /* 0: never had a stream */
	char *label, *user_id, *name;
	unsigned seats;
	cJSON *json, *present; /* present: the open stretch */
	struct reel_numbers numbers;
};

struct source { /* of a seat */
	TAILQ_ENTRY(source) next;
	char id[STREAM_TEXT_MAX + 1];
	unsigned tracks;
	struct reel *reel;
};

struct seat {
	TAILQ_ENTRY(seat) next;
	struct person *person;
	uint32_t owner;
	struct take_clock *clock;
	TAILQ_HEAD(, source) sources;
};

/* What the front said about a source. */
struct told;

struct people {
	struct shelf *shelf;
	TAILQ_HEAD(, person) persons;
	TAILQ_HEAD(, seat) seats;
	STAILQ_HEAD(, told) told;
	unsigned n_persons, n_told, numbers;
};

void people_init(struct people *p, struct shelf *shelf);
void people_done(struct people *p);

/* The front's words; 0, -ENOMEM, -E2BIG (ceiling). */
int people_who(struct people *p, const char *label, const char *user_id,
	const char *name);
int people_source(struct people *p, const char *label, const char *source,
	const char *purpose, bool audio_muted, bool video_muted,
	int64_t now_us);

/* The seat and source of a stream that begins; made where they are missing, the
 * person is then present. Each call counts one track. 0, -ENOMEM, -E2BIG. */
int people_enter(struct people *p, const struct stream *s, int64_t now_us,
	struct seat **ret_seat, struct source **ret_source);
/* One track less; the last one ends the source and its file, the last source
 * the seat. */
void people_leave(struct people *p, struct seat *seat, struct source *source,
	int64_t now_us);

/* 0: no such owner at present. */
unsigned people_number(const struct people *p, uint32_t owner);
bool people_present(const struct people *p, unsigned number);
void people_tick(struct people *p, uint64_t now_us);
/* Open stretches last until now. */
void people_prolong(struct people *p, int64_t now_us);
/* All files are ended as they are. */
void people_drop(struct people *p);
/* user_id of a person by its number; "" where unknown. */
const char *people_user(const struct people *p, unsigned number);

#endif
