/*
 * The daemon's orders on stdin (record/README.md): one JSON object per line.
 */
#ifndef HEARTH_RECORD_COMMAND_H
#define HEARTH_RECORD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <cjson/cJSON.h>

enum { COMMAND_LINE_MAX = 262144 };

enum command_type {
	COMMAND_START,
	COMMAND_PARTICIPANT,
	COMMAND_SOURCE,
	COMMAND_STOP,
	COMMAND_OTHER /* of a newer daemon: to be ignored */
};

/* Strings are never NULL and point into json. */
struct command {
	enum command_type type;
	const char *id, *directory, *room; /* start */
	const cJSON *about;                /* NULL: none */
	unsigned keyframe_s;
	const char *label, *user_id, *name; /* participant; label: source too */
	const char *source, *purpose;       /* source */
	bool audio_muted, video_muted;
	const char *reason; /* stop */
	cJSON *json;
};

/* 0; -EBADMSG: not such a line. *ret then needs command_done. */
int command_read(const char *line, size_t len, struct command *ret);
void command_done(struct command *c);

#endif
