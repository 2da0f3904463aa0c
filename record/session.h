/*
 * A recording while people talk: frames of the feed in, files out. Holds the
 * takes of all streams, the people, the manifest, and knows what to do when the
 * disk fails. No socket and no clock: the time is the feed's, in microseconds.
 */
#ifndef HEARTH_RECORD_SESSION_H
#define HEARTH_RECORD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "feed/frame.h"
#include "record/disk.h"

enum {
	SESSION_QUEUE_MAX = 64 << 20,  /* bytes waiting for the disk */
	SESSION_SAVE_US = 5000000,     /* the manifest, at least this often */
	SESSION_RETRY_US = 5000000,    /* after a failure of the disk */
	SESSION_KEYFRAME_US = 1000000, /* key frame wishes of one stream */
};

struct session;

struct session_hooks {
	/* To hearth: a frame of this type; text or one RTCP packet. */
	void (*send)(void *arg, enum feed_type type, const void *payload,
		size_t len);
	/* To the daemon; line is the hook's to free by cJSON_Delete. */
	void (*report)(void *arg, cJSON *line);
	/* Bytes free for the recording: asked before writing again. */
	uint64_t (*room)(void *arg);
	void *arg;
};

struct session_config {
	const char *id, *room;
	const cJSON *about;
	unsigned keyframe_s;
	uint64_t queue_max;         /* 0: SESSION_QUEUE_MAX */
	const struct disk_ops *ops; /* NULL: the system's */
};

/* dir: of the recording, stays the caller's. wall_us: Unix time when the feed's
 * clock is zero_us. 0, -errno. */
int session_new(struct session **ret, int dir, const struct session_config *c,
	uint64_t zero_us, uint64_t wall_us, const struct session_hooks *hooks);
/* Waits for the disk. Returns NULL. */
struct session *session_free(struct session *s);

/* A frame that hearth sent; HELLO and BYE are the caller's business. */
void session_frame(struct session *s, const struct feed_frame *f);
/* Call at least each 50 ms. */
void session_tick(struct session *s, uint64_t now_us);

/* The front's words, 0 or -errno. */
int session_who(struct session *s, const char *label, const char *user_id,
	const char *name);
int session_source(struct session *s, const char *label, const char *source,
	const char *purpose, bool audio_muted, bool video_muted,
	uint64_t now_us);

/* Readable when session_disk should be called. */
int session_fd(const struct session *s);
void session_disk(struct session *s, uint64_t now_us);

/* Ends all takes and files. reason: as stopped_because. */
void session_stop(struct session *s, const char *reason, uint64_t now_us);
/* After session_stop: files the disk has not closed yet. */
unsigned session_open_files(const struct session *s);
/* What was recorded; hands over the manifest (the caller's) and frees the
 * session once the disk has done all. *ret_unfinished: some files lack their
 * end. */
struct manifest *session_finish(struct session *s, bool *ret_unfinished);

#endif
