/*
 * The studio of studio/studio.h with nobody behind it: commands are kept, the
 * test emits the events.
 */
#ifndef HEARTH_TESTS_FAKE_STUDIO_H
#define HEARTH_TESTS_FAKE_STUDIO_H

#include <stdbool.h>
#include "studio/studio.h"

void fake_studio_reset(void);
/* What the next studio_new and studio_start say. */
void fake_studio_fail_new(const char *error);
void fake_studio_fail_start(int code, const char *error);
/* studio_stop calls its handler at once; else never. */
void fake_studio_hang(bool hang);
/* "start:!r:s:{about}" "end:!r:s:command" "participant:…" …: in order. */
const char *fake_studio_log(void);
unsigned fake_studio_count(const char *part);
/* The id given to the last studio_start. */
const char *fake_studio_id(void);
/* This one runs now: another one's place was taken by it. */
void fake_studio_run(const char *id);
/* An event of the recording id about ROOM; manifest as text, or NULL. */
void fake_studio_emit(enum studio_event_type type, const char *id,
	const char *text, unsigned percent, const char *manifest,
	const char *directory);
/* The recordings on its shelf: one manifest; NULL: none. */
void fake_studio_shelf(const char *manifest);

#endif
