/*
 * A manifest (record/README.md) as the plan's input, and what composing adds to
 * it.
 */
#ifndef HEARTH_RECORD_COMPOSE_MANIFEST_H
#define HEARTH_RECORD_COMPOSE_MANIFEST_H

#include <cjson/cJSON.h>

#include "record/plan.h"

/* The input and the memory behind it; names point into the manifest. */
struct compose_input {
	struct plan_input plan;
	struct plan_person *people;
	struct plan_file *files;
	struct plan_speaker *speakers;
	struct plan_span *spans;
};

/* Fills *ret (compose_input_done frees); root must outlive it. Entries that
 * make no sense are left out, times are cut to the recording's: files that are
 * gone from directory dir, or are not named like ours, are not there. 0;
 * -EBADMSG: no duration or no lists; -ENOMEM. */
int compose_input_read(const cJSON *root, int dir, struct compose_input *ret);
void compose_input_done(struct compose_input *in);

/* Is there any picture, any sound? */
bool compose_has_video(const struct plan_input *in);
bool compose_has_audio(const struct plan_input *in);

/* A file name this recorder gives: letters a-z, digits, '-', one extension. */
bool compose_name_fine(const char *name);

#endif
