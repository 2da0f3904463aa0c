/*
 * A text that grows up to a ceiling. Private to sfu/sdp.
 */
#ifndef HEARTH_SFU_SDP_TEXT_H
#define HEARTH_SFU_SDP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* ends with NUL once anything was added */
	size_t len, size, max;
	bool failed; /* out of memory, or longer than max */
};

void text_init(struct text *t, size_t max);

/* Appends, as printf does. After a failure nothing more is taken. */
void text_add(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The string, the caller's to free; NULL where anything failed. */
char *text_take(struct text *t);

#endif
