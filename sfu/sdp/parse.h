/*
 * What parse.c and attribute.c share. Private to sfu/sdp.
 */
#ifndef HEARTH_SFU_SDP_PARSE_H
#define HEARTH_SFU_SDP_PARSE_H

#include <stdbool.h>
#include "sfu/sdp/arena.h"
#include "sfu/sdp/sdp.h"

enum {
	/* Lists longer than this are cut: nobody real sends them, and nothing
	 * an m-line says may cost more than its text. */
	PARSE_FB_MAX = 16,
	PARSE_EXT_MAX = 64,
	PARSE_SSRC_MAX = 256,
	PARSE_GROUP_MAX = 64,
	PARSE_RID_MAX = 16,
	PARSE_CANDIDATE_MAX = 128,
	PARSE_BUNDLE_MAX = SDP_MEDIA_MAX
};

struct parse {
	struct arena *arena;
	struct sdp *sdp;
	struct sdp_media session; /* what session-level lines say of all */
	struct sdp_media *media;  /* the m-line being read; NULL above them */
	bool no_memory;
};

/* Cuts the next word off *cursor at blanks; NULL at the end. In place. */
char *parse_word(char **cursor);

/* A decimal number of at most max that fills the whole word. */
bool parse_number(const char *word, unsigned long max, unsigned long *ret);

/* Takes in one "a=" line: name, and value ("" where it has none). Lines that
 * make no sense are skipped. Sets no_memory. */
void parse_attribute(struct parse *p, const char *name, char *value);

/* Once an m-line is complete. */
void parse_media_end(struct parse *p, struct sdp_media *m);

#endif
