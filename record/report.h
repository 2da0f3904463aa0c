/*
 * Reports on stdout for who waits for them (finish): JSON lines, written at
 * once.
 */
#ifndef HEARTH_RECORD_REPORT_H
#define HEARTH_RECORD_REPORT_H

#include <cjson/cJSON.h>

#include "record/manifest.h"

/* One line; frees it. NULL is fine. */
void report_line(cJSON *line);
/* {"type": type}, to be filled; NULL: no memory. */
cJSON *report_new(const char *type);
/* The `failed` line; returns 1, the exit code. */
int report_failed(const char *message);
/* The `stopped` line of a finished recording in directory. */
cJSON *report_stopped(const char *directory, struct manifest *m);

#endif
