/*
 * sdp_stream_metadata (VoIP v1, MSC3077): what each msid stream is. Both keys
 * are read and both are written, since clients know one or the other.
 */
#ifndef HEARTH_MATRIX_BOT_METADATA_H
#define HEARTH_MATRIX_BOT_METADATA_H

#include <cjson/cJSON.h>
#include "sfu/sfu.h"

enum { METADATA_STREAMS_MAX = 32 }; /* of one publisher; more are ignored */

enum metadata_purpose {
	METADATA_USERMEDIA,
	METADATA_SCREENSHARE,
	METADATA_OTHER /* a purpose we do not know: listed as usermedia */
};

struct metadata_stream {
	char id[SFU_STREAM_MAX + 1];
	enum metadata_purpose purpose;
	signed char audio_muted, video_muted; /* 0, 1; -1 not said */
};

struct metadata {
	unsigned n;
	struct metadata_stream v[METADATA_STREAMS_MAX];
};

/* Reads the map of an event's content, the stable key first. 0; -ENOENT neither
 * key is there. Entries that are no objects or have too long names are left
 * out. */
int metadata_parse(struct metadata *ret, const cJSON *content);
/* with's streams are added or replace those of the same id. */
void metadata_merge(struct metadata *m, const struct metadata *with);
/* NULL: not listed. */
const struct metadata_stream *metadata_find(
	const struct metadata *m, const char *id);

/* One stream as a participant is told of it. */
struct metadata_entry {
	const char *id;                       /* in that participant's SDP */
	const struct metadata_stream *source; /* the publisher's, or NULL */
	const char *user_id, *device_id, *participant; /* or NULL */
};
/* Adds one stream to the map object. */
void metadata_add_entry(cJSON *map, const struct metadata_entry *e);
/* Puts the map under both keys; takes ownership of map. */
void metadata_add_map(cJSON *content, cJSON *map);

#endif
