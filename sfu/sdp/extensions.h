/*
 * The RTP header extensions we know (RFC 8285), and one peer's ids for them.
 * Private to sfu/sdp.
 */
#ifndef HEARTH_SFU_SDP_EXTENSIONS_H
#define HEARTH_SFU_SDP_EXTENSIONS_H

#include <stdbool.h>
#include "sfu/sdp/negotiate.h"

struct ext_table {
	uint8_t id[EXT_MAX];                   /* 0: none */
	enum sdp_direction direction[EXT_MAX]; /* as the peer sees it */
};

/* The extension of that URI, or EXT_MAX. */
enum negotiate_ext ext_by_uri(const char *uri);
const char *ext_uri(enum negotiate_ext ext);

/* Do we agree to it on m-lines of that kind? */
bool ext_fits(enum negotiate_ext ext, enum sdp_kind kind,
	const struct negotiate_features *features);

/* Who has that id, or EXT_MAX. */
enum negotiate_ext ext_table_find(const struct ext_table *t, unsigned id);

/* Adds what fits the kind and is missing, on ids that used[] leaves free; those
 * are set there. For who never said what it has. */
void ext_defaults(struct ext_table *t, enum sdp_kind kind,
	const struct negotiate_features *features, bool used[256]);

#endif
