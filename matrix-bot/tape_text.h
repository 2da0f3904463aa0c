/*
 * What is said in a room about its recordings, in plain words. Pure.
 */
#ifndef HEARTH_MATRIX_BOT_TAPE_TEXT_H
#define HEARTH_MATRIX_BOT_TAPE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TAPE_TEXT_MAX = 2048 };

/* "45 s", "12 min", "1 h 5 min". */
void tape_text_duration(char *ret, size_t cap, uint64_t ms);
/* "2026-11-26 11:05 UTC", of Unix time. */
void tape_text_when(char *ret, size_t cap, uint64_t unix_ms);
/* "740 kB", "35 MB", "1.2 GB". */
void tape_text_size(char *ret, size_t cap, uint64_t bytes);

#endif
