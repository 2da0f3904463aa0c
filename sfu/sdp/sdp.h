/*
 * SDP (RFC 8866) as WebRTC uses it (RFC 8829): text <-> struct. Reads what
 * Chromium, Firefox, Safari, GStreamer and Nheko really send; everything is
 * bounded; nothing here knows a peer or a conference.
 *
 * A struct sdp owns its strings and arrays (one arena); sdp_free frees all.
 */
#ifndef HEARTH_SFU_SDP_SDP_H
#define HEARTH_SFU_SDP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SDP_TEXT_MAX = 524288, /* longest text parsed */
	SDP_MEDIA_MAX = 256,   /* m-lines */
	SDP_CODECS_MAX = 128,  /* payload types of an m-line */
	SDP_LINES_MAX = 16384,
	SDP_ERROR_MAX = 128
};

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_fb {
	const char *value; /* "nack", "nack pli", "goog-remb", … */
};

struct sdp_codec {
	uint8_t pt;
	const char *name; /* rtpmap name; static table for payload types < 96 */
	uint32_t clock_hz;
	unsigned channels; /* 1 where not given */
	const char *fmtp;  /* whole value, "" where absent */
	unsigned n_fb;
	struct sdp_fb *fb;
};

struct sdp_extmap {
	uint8_t id;
	enum sdp_direction direction;
	const char *uri;
};
struct sdp_ssrc {
	uint32_t ssrc;
	const char *cname;
	const char *msid;
};
struct sdp_ssrc_group {
	const char *semantics;
	unsigned n;
	uint32_t ssrc[8];
};
struct sdp_rid {
	const char *id;
	bool send;
};

struct sdp_media {
	enum sdp_kind kind;
	const char *kind_text, *protocol;
	const char *formats; /* the rest of the m-line, as it stands */
	uint16_t port;       /* 0: rejected */
	const char *mid;     /* "" where absent */
	enum sdp_direction direction;
	bool rtcp_mux, rtcp_rsize, bundle_only;
	/* ICE and DTLS, session-level values folded in. */
	const char *ufrag, *pwd, *fingerprint_hash, *fingerprint;
	enum sdp_setup setup;
	bool ice_lite, end_of_candidates;
	unsigned n_codecs;
	struct sdp_codec *codec;
	unsigned n_ext;
	struct sdp_extmap *ext;
	unsigned n_ssrc;
	struct sdp_ssrc *ssrc;
	unsigned n_groups;
	struct sdp_ssrc_group *group;
	unsigned n_rids;
	struct sdp_rid *rid;
	const char *simulcast; /* value, or NULL */
	bool slides;           /* a=content (RFC 4796) has them */
	/* a=msid, or the ssrc-level one (Plan B style); "" for none. "-" as a
	 * stream id means streamless. */
	const char *stream_id, *track_id;
	/* Each "candidate:...", without "a=". At most 128. */
	unsigned n_candidates;
	const char **candidate;
	uint16_t sctp_port; /* application; 0: not given */
	uint32_t max_message_size;
	bool max_message_size_given; /* absent is not 0, which is "any" */
};

struct sdp {
	uint64_t session_id, session_version;
	unsigned n_bundle;
	const char **bundle; /* mids of the first BUNDLE group */
	bool extmap_allow_mixed;
	unsigned n_media;
	struct sdp_media *media;
	void *arena; /* private */
};

/* Parses text of len bytes (CRLF or LF). 0 and *ret, the caller's to free; or
 * -EBADMSG, -E2BIG, -ENOMEM with one English sentence in ret_error. Unknown
 * lines are skipped. */
int sdp_parse(const char *text, size_t len, struct sdp **ret,
	char ret_error[SDP_ERROR_MAX]);
struct sdp *sdp_free(struct sdp *); /* returns NULL */

#endif
