/*
 * One finished recording on its way into its room: what is told of it by one
 * notice that is edited, and its delivery. Pure: events and the clock in,
 * actions out.
 *
 *   MAKING ──composed──> QUEUED ──go──> ASKING ──limit──> THUMBNAIL ──> FILE
 *            or failed      │ only a link  │ too large      413, 4xx,     │
 *                           │              │           a day is over ┐    │
 *                           └───> LINK <───┴─────────────────────────┤    │
 *                                  │                        MESSAGE <┴────┘
 *                                  └────> DONE <──────────────┘
 */
#ifndef HEARTH_MATRIX_BOT_PARCEL_H
#define HEARTH_MATRIX_BOT_PARCEL_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include "matrix-bot/event.h"
#include "matrix-bot/tape.h"

enum {
	PARCEL_EDIT_GAP_S = 15,   /* between two edits that tell of progress */
	PARCEL_KEEP_ON_S = 86400, /* uploading is tried for so long */
	PARCEL_LATE_S = 600, /* then the room hears of the link meanwhile */
	PARCEL_URI_MAX = 511,
	PARCEL_ACTIONS_MAX = 4
};

enum parcel_state {
	PARCEL_MAKING, /* files are finished, composed */
	PARCEL_QUEUED,
	PARCEL_ASKING, /* how much does the homeserver take? */
	PARCEL_THUMBNAIL,
	PARCEL_FILE,
	PARCEL_MESSAGE,
	PARCEL_LINK,
	PARCEL_DONE
};

enum parcel_act {
	PARCEL_POST,      /* text: the status notice; then parcel_status */
	PARCEL_EDIT,      /* text: it says this now; then parcel_status */
	PARCEL_ASK,       /* m.upload.size; then parcel_limit */
	PARCEL_UPLOAD,    /* p->state says what; then parcel_uploaded */
	PARCEL_SEND,      /* the m.video or m.audio; then parcel_sent */
	PARCEL_SEND_LINK, /* text before the link; then parcel_sent */
	PARCEL_SEND_LATE, /* the same, but delivery goes on; parcel_late */
	PARCEL_KEEP       /* studio_delivered(parcel_delivered()) */
};
struct parcel_action {
	enum parcel_act act;
	char text[TAPE_SAID_MAX];
};
struct parcel_actions {
	unsigned n;
	struct parcel_action v[PARCEL_ACTIONS_MAX];
};

/* What the homeserver said to one request. */
struct parcel_reply {
	int status; /* HTTP; 0: none came in all the time there was */
	const char *errcode, *message;
	const char *result; /* content_uri or event_id, or "" */
};

struct parcel {
	enum parcel_state state;
	char id[TAPE_ID_MAX + 1];
	char room[EVENT_ID_MAX + 1];
	cJSON *manifest;   /* as last told; or NULL */
	uint64_t begun_us; /* delivery; 0: not yet */
	uint64_t give_up_us;
	bool post;   /* the file itself, not a link alone */
	bool linked; /* a link it is, after all */
	bool late_told;
	char thumbnail[PARCEL_URI_MAX + 1], file[PARCEL_URI_MAX + 1];
	/* The notice that is edited. */
	char status[TAPE_SAID_MAX]; /* what it should say; "" nothing */
	bool status_due, status_urgent, status_sending;
	uint64_t status_us; /* last sent */
	char status_event[EVENT_ID_MAX + 1];
	char late_event[EVENT_ID_MAX + 1], event[EVENT_ID_MAX + 1];
	char ended[TAPE_SAID_MAX / 2]; /* first half of the status */
};

void parcel_init(struct parcel *p, const char *id, const char *room);
void parcel_done(struct parcel *p);

/* Each that has ret fills it with what is to be done, in this order. */

/* The recording has ended; how: "stopped by Ann". manifest may be NULL. */
void parcel_ended(
	struct parcel *p, const char *how, const cJSON *manifest, bool compose);
void parcel_progress(struct parcel *p, unsigned percent);
/* No file to watch could be made: a link to the tracks it will be. */
void parcel_failed(struct parcel *p, uint64_t now_us, const char *text);
/* Ready to go; unix_ms: now. deliver: post the file, not only a link. */
void parcel_composed(struct parcel *p, uint64_t now_us, uint64_t unix_ms,
	const cJSON *manifest, bool deliver);
/* It is its turn. */
void parcel_go(struct parcel *p, struct parcel_actions *ret);
/* 0: the homeserver does not say. */
void parcel_limit(struct parcel *p, uint64_t bytes, struct parcel_actions *ret);
void parcel_uploaded(struct parcel *p, const struct parcel_reply *r,
	struct parcel_actions *ret);
void parcel_sent(struct parcel *p, const struct parcel_reply *r,
	struct parcel_actions *ret);
void parcel_late(struct parcel *p, const char *event_id);
/* The status notice was taken (event_id), or not (""). */
void parcel_status(struct parcel *p, const char *event_id);
/* About once a second, and after each of the above. */
void parcel_tick(struct parcel *p, uint64_t now_us, struct parcel_actions *ret);
/* Nothing more will come of it. */
bool parcel_is_over(const struct parcel *p);

/* --- parcel_content.c: manifests (record/README.md) to Matrix content ------
 */

/* The file to upload in this state: name in the recording's directory and type;
 * NULL: there is none. */
const char *parcel_file(const struct parcel *p, const char **ret_type);
uint64_t parcel_file_bytes(const struct parcel *p);
/* "Recording of 2026-11-26 11:05 UTC, 12 min". */
void parcel_title(const cJSON *manifest, char *ret, size_t cap);
/* The extra key org.hearth.recording. */
cJSON *parcel_about(const cJSON *manifest);
/* Content of the m.video or m.audio message. */
cJSON *parcel_message(const struct parcel *p);
/* What the manifest keeps of the delivery, for `record delete`. */
cJSON *parcel_delivered(const struct parcel *p);
/* Is there any file of it at all? */
bool parcel_has_files(const cJSON *manifest);
/* MIME type of a recording's file by what the manifest says of it. */
const char *parcel_track_type(const cJSON *file);

#endif
