/*
 * Synthetic recordings for the tests of composing: made by ffmpeg's own
 * sources, composed by the real program, looked at through ffmpeg.
 */
#ifndef HEARTH_TESTS_COMPOSE_FILM_H
#define HEARTH_TESTS_COMPOSE_FILM_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

enum { FILM_W = 320, FILM_H = 180 };

/* Runs a program with the words of a line, cut at blanks unless quoted by ', in
 * directory dir. Returns its exit code, -1: a signal; its stdout in *ret_out
 * (NUL behind it, the caller's) where not NULL. */
int film_run(
	const char *dir, const char *line, char **ret_out, size_t *ret_len);
/* Starts it; ret_fd: its stdout. */
pid_t film_start(const char *dir, const char *line, int *ret_fd);

/* dir/name.webm: VP8 of a lavfi source (NULL: none) and Opus of another. */
void film_make(const char *dir, const char *name, const char *video,
	const char *sound, double seconds);
/* dir/name with that text. */
void film_touch(
	const char *dir, const char *name, const char *text, mode_t mode);
/* dir/manifest.json; quotes are written as '. */
void film_manifest(const char *dir, const char *text);
cJSON *film_manifest_read(const char *dir);
bool film_exists(const char *dir, const char *name);

/* Runs hearth-record compose; returns the exit code and what it reported, one
 * array entry a line (the caller's). */
int film_compose(const char *dir, const char *options, cJSON **ret_lines);
/* The last line's text member. */
const char *film_last(const cJSON *lines, const char *key);

/* 0xRRGGBB of the composed picture at that time and place. */
uint32_t film_pixel(const char *dir, double at_s, unsigned x, unsigned y);
/* Is it about that colour? */
bool film_like(uint32_t a, uint32_t b);

/* Brightness 0 to 255 of a FILM_W x FILM_H copy of each frame: frames[i * W * H
 * ...]; the caller's. */
uint8_t *film_frames(const char *dir, size_t *ret_n);
/* Times (ms) at which a sound begins after 50 ms of silence, at most n; returns
 * how many. */
unsigned film_beeps(const char *dir, const char *name, int *ret_ms, unsigned n);
/* Mono at 48 kHz; the caller's. */
int16_t *film_sound(const char *dir, const char *name, size_t *ret_n);

#endif
