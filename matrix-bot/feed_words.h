/*
 * The words by which a local program gets into a call (feed/README.md): the
 * tokens file and the first line of a connection. Pure but for reading the
 * file.
 */
#ifndef HEARTH_MATRIX_BOT_FEED_WORDS_H
#define HEARTH_MATRIX_BOT_FEED_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include "matrix-bot/event.h"

enum {
	FEED_NAME_MAX = 64,
	FEED_TOKEN_MAX = 255,
	FEED_TOKENS_MAX = 64,
	FEED_TOKENS_FILE_MAX = 65536,
	FEED_LINE_MAX = 2048, /* with its newline */
	FEED_ERROR_MAX = 256  /* as BOT_ERROR_MAX */
};

struct feed_token {
	char name[FEED_NAME_MAX + 1];
	char token[FEED_TOKEN_MAX + 1];
	bool publish; /* else it may only listen */
};
struct feed_tokens {
	unsigned n;
	struct feed_token v[FEED_TOKENS_MAX];
};

/* Lines "name token listen" or "name token publish"; empty ones and those that
 * begin with # are nothing. Names are letters, digits and "._-". 0, or -EINVAL
 * with which line is wrong and how in ret_error. */
int feed_tokens_parse(struct feed_tokens *ret, const char *text,
	char ret_error[FEED_ERROR_MAX]);
/* The same of a file, which nobody else may read: 0, -EINVAL, -EACCES (it may
 * be read by others, is somebody else's, or no file), -errno; a sentence in
 * ret_error. Never waits. */
int feed_tokens_load(struct feed_tokens *ret, const char *path,
	char ret_error[FEED_ERROR_MAX]);
/* Whose token that is; NULL: nobody's. Takes as long whether it is or not. */
const struct feed_token *feed_tokens_find(
	const struct feed_tokens *t, const char *token);
void feed_tokens_forget(struct feed_tokens *t); /* wipes it */

/* What a program asks for. room: an id (!…) or an alias (#…). */
struct feed_ask {
	char token[FEED_TOKEN_MAX + 1];
	char room[EVENT_ID_MAX + 1];
};
/* Reads the line, without its newline. 0, -EINVAL. */
int feed_ask_parse(struct feed_ask *ret, const char *line, size_t len);

#endif
