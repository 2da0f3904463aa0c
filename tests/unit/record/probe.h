/*
 * What a player finds in a file: packets and decoded frames, by libavformat and
 * libavcodec.
 */
#ifndef HEARTH_TESTS_RECORD_PROBE_H
#define HEARTH_TESTS_RECORD_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct probe_track {
	bool there;
	unsigned packets, decoded, errors;
	int64_t first_ms, last_ms, longest_ms; /* between two packets */
	int width, height;
	char codec[16];
};

struct probe {
	struct probe_track audio, video;
	int64_t duration_ms; /* as the header says; -1: nothing */
	bool seekable;       /* a seek to the middle comes there */
	char format[32], doctype[16];
};

/* Asserts that it opens. */
void probe_file(const char *dir, const char *name, struct probe *ret);
/* False: cannot be opened or holds nothing. */
bool probe_try(const char *dir, const char *name, struct probe *ret);

#endif
