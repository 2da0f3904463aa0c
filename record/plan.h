/*
 * What a composed recording shows, and when: people, files and speakers of a
 * manifest in, a row of scenes out. A scene is a stretch of time with one
 * layout; its tiles do not overlap and lie inside the picture. Pure: no file,
 * no clock, no text.
 *
 *   plan_make ─> cuts (who comes and goes, pictures that begin, end, are muted)
 *             ─> scenes between them, each as its middle is (plan_layout.c)
 */
#ifndef HEARTH_RECORD_PLAN_H
#define HEARTH_RECORD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_WIDTH = 1280,
	PLAN_HEIGHT = 720,
	PLAN_FRAME_MS = 40,     /* 25 pictures a second */
	PLAN_SHORTEST_MS = 500, /* of a scene; nearer cuts fall together */
	PLAN_HOLD_MS = 2000,    /* a speaker stays large at least that long */
	PLAN_TILES = 25,        /* in a grid */
	PLAN_STRIP = 6,         /* beside something large */
	PLAN_GAP = 12           /* between tiles, pixels */
};

/* All times count from the start of the recording. to_ms is no longer in it. */
struct plan_span {
	int64_t from_ms, to_ms;
};

struct plan_person {
	const char *name, *user_id; /* UTF-8 of strangers; never NULL */
	const struct plan_span *present;
	unsigned n_present;
};

struct plan_file {
	const char *name;
	unsigned person; /* index */
	bool audio, video, screen;
	int64_t from_ms, to_ms;
	int64_t video_from_ms;         /* of its first picture */
	const struct plan_span *muted; /* no picture in these */
	unsigned n_muted;
};

struct plan_speaker {
	unsigned person;
	int64_t from_ms, to_ms;
};

struct plan_input {
	const struct plan_person *people;
	const struct plan_file *files;
	const struct plan_speaker *speakers; /* ascending from_ms */
	unsigned n_people, n_files, n_speakers;
	int64_t duration_ms;
};

enum plan_view { PLAN_GRID, PLAN_SPEAKER };

/* Even numbers, in pixels of the whole. */
struct plan_box {
	uint16_t x, y, w, h;
};

struct plan_tile {
	struct plan_box box;
	int person; /* index; -1: stands for `more` people without a tile */
	int file;   /* index of the file with its picture; -1: a name only */
	unsigned more;
	bool screen, large;
};

struct plan_scene {
	int64_t from_ms, to_ms; /* multiples of PLAN_FRAME_MS */
	unsigned n;             /* tiles; 0: nobody is there */
	struct plan_tile tile[PLAN_TILES];
};

struct plan {
	struct plan_scene *scenes; /* end to end from 0 to at least the duration
				    */
	unsigned n;
};

/* Fills *ret (plan_done frees). 0; -EINVAL without a duration; -ENOMEM. */
int plan_make(
	const struct plan_input *in, enum plan_view view, struct plan *ret);
void plan_done(struct plan *p);

/* Does the file have a picture at t_ms? */
bool plan_file_shows(const struct plan_file *f, int64_t t_ms);

/* Where a thumbnail shows most: the middle of the scene with the most pictures,
 * the longest of them. */
int64_t plan_best_ms(const struct plan *p);

/* --- plan_layout.c: one moment ------------------------------------------- */

/* Arranges what is to be seen at t_ms. speaker: index of who is large in
 * PLAN_SPEAKER, -1: nobody. scratch: room for n_people + n_files tiles. */
void plan_arrange(const struct plan_input *in, enum plan_view view, int speaker,
	int64_t t_ms, struct plan_tile *scratch, struct plan_scene *ret);

/* n boxes of 16:9, as large as they fit, balanced, last row centred. */
void plan_grid(struct plan_box area, unsigned n, struct plan_box *ret);

/* --- plan_speaker.c: who is large ----------------------------------------- */

struct plan_turn {
	int64_t at_ms;
	unsigned person;
};

/* Who is large from when on: no turn is shorter than PLAN_HOLD_MS, and who has
 * fallen silent meanwhile gets none. ret: room for n_speakers. Returns how
 * many. */
unsigned plan_turns(const struct plan_input *in, struct plan_turn *ret);
/* The person whose turn it is at t_ms, of those who are there; -1: nobody. */
int plan_turn_at(const struct plan_input *in, const struct plan_turn *turns,
	unsigned n, int64_t t_ms);
/* Is that person in the call at t_ms? */
bool plan_present(const struct plan_input *in, unsigned person, int64_t t_ms);

#endif
