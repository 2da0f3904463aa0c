/*
 * Names of strangers made fit to be drawn: one line, no control or direction
 * characters, no towers of accents, cut to a width, and with no meaning to the
 * subtitle renderer (ASS). Pure.
 */
#ifndef HEARTH_RECORD_COMPOSE_TEXT_H
#define HEARTH_RECORD_COMPOSE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_LABEL_MAX = 512, TEXT_INITIAL_MAX = 16 };

/* The name as ASS text, about at most width_px wide in a font of font_px
 * (ascent and descent together), ending in … where it was cut. Returns its
 * bytes; 0: nothing of it can be seen. Bytes that are no UTF-8 are left out. */
size_t text_label(const char *name, unsigned width_px, unsigned font_px,
	char ret[TEXT_LABEL_MAX]);

/* Its first letter or digit, in capitals, as ASS text; else its first visible
 * character; "?" where there is none. */
void text_initial(const char *name, char ret[TEXT_INITIAL_MAX]);

/* The part of @local:server that people know each other by. */
void text_local(const char *user_id, char *ret, size_t cap);

/* A calm colour, 0xRRGGBB; people whose indices are near have different ones.
 */
uint32_t text_colour(unsigned person);

#endif
