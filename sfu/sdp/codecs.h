/*
 * Codecs two ends can agree on: reading them from an m-line, comparing them,
 * and what is said of them in a text. Private to sfu/sdp.
 */
#ifndef HEARTH_SFU_SDP_CODECS_H
#define HEARTH_SFU_SDP_CODECS_H

#include <stdbool.h>
#include "sfu/sdp/negotiate.h"

/* The codecs of one kind in a peer's number space, best first is not implied:
 * the order is that of arrival. */
struct codec_table {
	/* Heap: n in use, perhaps more in store; they stay where they are. */
	struct negotiate_codec *codec[NEGOTIATE_CODECS];
	unsigned n;
};

/* Stores room for so many more entries, as far as the table goes. 0, -ENOMEM.
 */
int codec_table_reserve(struct codec_table *t, unsigned more);
void codec_table_done(struct codec_table *t);

/* One of ours by name, clock and channels? accepted: names, NULL ends. Returns
 * its rank in that list (0: liked best), or -1. */
int codec_rank(
	const char *const *accepted, const char *name, enum sdp_kind kind);

/* Takes a codec of an m-line over if we accept it. The fmtp keeps what we would
 * answer with (RFC 7587 section 7, RFC 6184 section 8.2.2, ...). False: no. */
bool codec_read(struct negotiate_codec *ret, const struct sdp_codec *c,
	enum sdp_kind kind, const char *const *accepted);

/* Of the same encoding: name, clock and channels. What one payload type may
 * mean within a session is that much. */
bool codec_same_format(
	const struct negotiate_codec *a, const struct negotiate_codec *b);

/* Index in the table by payload type, or -1. */
int codec_table_find(const struct codec_table *t, unsigned pt);

/* Sets the entry of that payload type, new or not; rtx and red that an m-line
 * before had are kept where c has none. Index, or -1: full, or no
 * memory where there was no room in store. */
int codec_table_put(struct codec_table *t, const struct negotiate_codec *c);
/* Frees the place of an entry; the list stays as it is. */
void codec_forget(struct negotiate_codec *c);

/* Any of list[] equal to c? */
bool codec_in(const struct negotiate_codec *c,
	const struct negotiate_codec *const *list, unsigned n);

/* Orders by rank in accepted, otherwise as they stand. */
void codec_sort(const struct negotiate_codec **list, unsigned n,
	enum sdp_kind kind, const char *const *accepted);

/* How many codec_defaults would put, at most. */
unsigned codec_defaults_count(enum sdp_kind kind, const char *const *accepted);

/* What we offer of a kind to who never said what it has. used[pt] marks payload
 * types that mean something else already; taken ones are set there. */
void codec_defaults(struct codec_table *t, enum sdp_kind kind,
	const char *const *accepted, const struct negotiate_features *features,
	bool used[128]);

#endif
