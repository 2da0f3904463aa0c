/*
 * The daemon's side of recordings, for any front: starts a recorder process per
 * recording (record/README.md), plugs it into the conference, finishes what a
 * crash left, composes within a number of jobs, runs the hooks (a program,
 * signed webhooks), serves files by signed links, and keeps the retention rule.
 * Knows no Matrix: rooms and people are the front's words.
 *
 *   studio_start ──> EV_STARTED ─> EV_TRACK* ─> EV_STOPPED ─> EV_PROGRESS*
 *        │                │                         └─> EV_COMPOSED, or
 * EV_FAILED └─> EV_FAILED    └─> EV_TROUBLE / EV_RECOVERED
 *
 * Events come from the event loop, never from inside a command. After a start
 * of the daemon, recordings that were cut off come as EV_STOPPED, those not
 * delivered yet as EV_COMPOSED (after three attempts: without a composed file),
 * once the front calls studio_resume; their conference is then the room.
 *
 * A recorder that dies is replaced while the conference goes on: EV_TROUBLE of
 * the recording that was cut off, then within 2 s EV_STARTED of another one
 * with an id of its own (studio_running gives it at once), whose manifest has
 * about.continues, the id of the one before; after that, at some time,
 * EV_STOPPED of the one before, stopped_because "crashed". Where the other one
 * cannot begin: EV_FAILED of it, EV_TROUBLE of the one before, which says that
 * the recording is over after all, and EV_STOPPED of that, in this order;
 * studio_running gives none from the first of them on. After the third time
 * within a minute it is not replaced: EV_TROUBLE says so, EV_STOPPED comes. The
 * same two where the worker of the conference dies, without replacement: the
 * front's to start.
 *
 * EV_STOPPED and EV_COMPOSED come of recordings without any file as well
 * (manifest: files is empty): nobody published.
 */
#ifndef HEARTH_STUDIO_STUDIO_H
#define HEARTH_STUDIO_STUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

struct config;
struct evbuffer;
struct event_base;
struct http;
struct sfu;
struct studio;

enum { STUDIO_ID_MAX = 32, STUDIO_NAME_MAX = 64, STUDIO_LIST_MAX = 64 };

enum studio_event_type {
	STUDIO_STARTED,
	STUDIO_TRACK,
	STUDIO_TROUBLE, /* text: a sentence for people; recording may go on */
	STUDIO_RECOVERED,
	STUDIO_STOPPED,
	STUDIO_PROGRESS, /* percent of composing; at most once in 5 s */
	STUDIO_COMPOSED, /* also where composing is switched off: then without a
			    composed file, see manifest */
	STUDIO_FAILED,   /* text; nothing more comes of this recording now; what
			    was written is kept */
	STUDIO_DELETED
};

struct studio_event {
	enum studio_event_type type;
	const char *id;         /* of the recording */
	const char *conference; /* as given to studio_start */
	const char *text;
	unsigned percent;
	const cJSON *manifest; /* as in record/README.md; NULL where there is
				  none yet */
	const char *directory; /* of the recording's files */
};
typedef void(studio_event_h)(void *arg, const struct studio_event *ev);

/* All pointers must outlive the studio; http may be NULL (no links). Looks at
 * recording.directory, makes it 0700 if it is missing. 0; -ENOMEM; or -errno
 * with a sentence in ret_error (256 bytes) where the directory or the recorder
 * program cannot be used: *ret is set then, too, studio_start refuses with that
 * sentence, and the daemon runs. */
int studio_new(struct studio **ret, struct event_base *base, struct sfu *sfu,
	const struct config *config, struct http *http, studio_event_h *handler,
	void *arg, char ret_error[256]);
/* Kills; what was written is finished at the next start. No turn of the event
 * loop between this and sfu_free and http_free. Returns NULL; NULL is fine. */
struct studio *studio_free(struct studio *s);
void studio_resume(struct studio *s);
/* Ends all recordings politely; done_h when their files are whole and the hook
 * programs have ended, or after 3 s. */
void studio_stop(struct studio *s, void (*done_h)(void *arg), void *arg);

/* Starts to record a conference that has participants; about: the front's own,
 * kept in the manifest (copied). ret_id gets the id. 0; -EBUSY (this conference
 * is being recorded), -ENOSPC (less than 256 MB free), -EMFILE (too many at
 * once), -errno; ret_error says why in a sentence for people. */
int studio_start(struct studio *s, const char *conference, const char *room,
	const cJSON *about, char ret_id[STUDIO_ID_MAX + 1],
	char ret_error[256]);
/* The end of it: reason as stopped_because. -ENOENT. */
int studio_end(struct studio *s, const char *conference, const char *reason);
/* The recording of a conference that runs now; NULL: none. */
const char *studio_running(const struct studio *s, const char *conference);

/* Who and what that is; any time, also before the start: the last word about
 * each label and source of a conference being recorded is passed on. */
void studio_participant(struct studio *s, const char *conference,
	const char *label, const char *user_id, const char *name);
void studio_source(struct studio *s, const char *conference, const char *label,
	const char *source, const char *purpose, bool audio_muted,
	bool video_muted);

/* Recordings of a room on disk, newest first; returns how many (at most n). */
struct studio_entry {
	char id[STUDIO_ID_MAX + 1];
	uint64_t started_ms, duration_ms, bytes;
	char state[16];
	cJSON *about; /* the caller frees each */
};
unsigned studio_list(struct studio *s, const char *room,
	struct studio_entry *ret, unsigned n);
/* Removes all files of it; the hook hears `deleted`. -ENOENT; -EBUSY while it
 * is being recorded or composed. room: must be the recording's. */
int studio_delete(struct studio *s, const char *room, const char *id);
/* The manifest, the caller's to free; NULL: none. */
cJSON *studio_manifest(struct studio *s, const char *room, const char *id);

/* A path of this server with query under which file of the recording may be
 * fetched (GET, HEAD, byte ranges) for ttl_s seconds:
 * "/recordings/<id>/<file>?expires=…&signature=…". -ENOENT, -EINVAL. */
int studio_link(struct studio *s, const char *id, const char *file,
	unsigned ttl_s, char *ret, size_t cap);

/* The front has posted it: kept in the manifest (`delivered`: the object,
 * copied), and the hook hears `delivered`. */
int studio_delivered(struct studio *s, const char *id, const cJSON *delivered);

void studio_metrics(const struct studio *s, struct evbuffer *out);

#endif
