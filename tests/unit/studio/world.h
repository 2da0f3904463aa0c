/*
 * A studio for tests: a directory of its own, fake recorders
 * (fake_record.py), a fake seam, and what the front was told.
 */
#ifndef HEARTH_TESTS_STUDIO_WORLD_H
#define HEARTH_TESTS_STUDIO_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <event2/event.h>
#include "sfu/config.h"
#include "studio/studio.h"
#include "tests/unit/studio/fake_sfu.h"

enum { WORLD_PATIENCE_MS = 60000 };

struct world {
	char directory[64]; /* a temporary one; state and recordings in it */
	char recordings[96], recorder[512], compose[16], program[512];
	char *url[4];
	struct config config;
	struct event_base *base;
	struct http *http; /* or NULL; the test's to make */
	struct studio *studio;
	char told[65536]; /* "started <id>\n", with text, percent or
			     stopped_because behind it */
	char last_id[STUDIO_ID_MAX + 1], last_text[512];
	cJSON *last_manifest;
	char id[STUDIO_ID_MAX + 1], error[256];
	/* Called in the front's handler where set. */
	void (*on_event)(struct world *w, const struct studio_event *ev);
};

void world_open(struct world *w); /* no studio yet */
void world_close(struct world *w);
/* studio_new with the directory as it is, after another one or the first. */
void world_start(struct world *w);
/* As a kill would end it: no polite word. */
void world_kill(struct world *w);
/* Starts a recording of conference "!room" with about {"do": what}; w->id. */
void world_record(struct world *w, const char *what);
/* Runs the loop until the front was told a line that begins so; fails after
 * some seconds. */
void world_wait(struct world *w, const char *line);
/* Runs it until the condition holds; fails after very long: machines are busy.
 */
#define world_until(w, condition)                                              \
	do {                                                                   \
		unsigned ms_ = 0;                                              \
                                                                               \
		while (!(condition)) {                                         \
			if ((ms_ += 5) > WORLD_PATIENCE_MS)                    \
				fail_msg("never: %s", #condition);             \
			world_turn(w, 5);                                      \
		}                                                              \
	} while (0)
unsigned world_lines(const struct world *w, const char *beginning);
unsigned world_count(const struct world *w, const char *part);
void world_turn(struct world *w, unsigned ms);
/* What the file of the recording has, static; "" where it is not. */
const char *world_read(struct world *w, const char *id, const char *name);
void world_write(struct world *w, const char *id, const char *name,
	const char *text); /* id "": in the recordings' directory */
bool world_exists(struct world *w, const char *id, const char *name);
/* A recording on disk as if from earlier, with this manifest. */
void world_put(struct world *w, const char *id, const char *manifest);

#endif
