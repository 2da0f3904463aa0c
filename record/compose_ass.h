/*
 * What is drawn below and over the pictures of one scene, as subtitle files
 * (ASS 4.00+): tiles of people without a picture; rounded corners, names, and a
 * frame around who speaks. libass inside ffmpeg draws it: it finds a font for
 * every script, and shapes and orders what is written from right to left.
 */
#ifndef HEARTH_RECORD_COMPOSE_ASS_H
#define HEARTH_RECORD_COMPOSE_ASS_H

#include <stdio.h>

#include "record/plan.h"

enum {
	ASS_BACKGROUND = 0x101216, /* of the whole, 0xRRGGBB */
	ASS_TILE = 0x1b1e25, /* behind a picture that does not fill its tile
			      */
	ASS_SPEAKS = 0x63d1a4
};

/* What stands below the pictures, and shows where one is missing: tiles with
 * names' initials. Does not move. Errors show in ferror(f). */
void ass_write_under(
	FILE *f, const struct plan_input *in, const struct plan_scene *scene);

/* What lies over them. Times in the file count from the scene's beginning. */
void ass_write_over(
	FILE *f, const struct plan_input *in, const struct plan_scene *scene);

#endif
