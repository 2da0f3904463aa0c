/*
 * The studio from inside. studio.c has the commands; session.c a recording that
 * runs, session_end.c how one ends; jobs.c finishing and composing; news.c what
 * the front and the hooks are told; keep.c the start-up scan, retention and
 * deleting; link.c the links.
 */
#ifndef HEARTH_STUDIO_STUDIO_IMPL_H
#define HEARTH_STUDIO_STUDIO_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "sfu/sfu.h"
#include "studio/entry.h"
#include "studio/process.h"
#include "studio/programs.h"
#include "studio/roster.h"
#include "studio/shelf.h"
#include "studio/studio.h"
#include "studio/webhooks.h"

struct event;

enum {
	STUDIO_SPACE_MIN = 256 << 20, /* free bytes before a start */
	STUDIO_ERROR = 256,
	LINK_KEY = 32,
	STALE_S = 60, /* recorders write the manifest every 5 s */
	DEATHS = 3    /* within a minute; see studio.h */
};

struct studio_counters {
	uint64_t started, finished, troubles, deaths, composed, jobs_failed,
		deleted, lost; /* lost: events there was no memory for */
};

/* The recorder's seat in the conference, as the forwarding unit knows it: it
 * stays until SFU_EV_LEFT, also when its session is no more. */
struct plug {
	LIST_ENTRY(plug) next;
	struct session *session; /* or NULL */
	sfu_id id;
};

/* A recording that runs. */
struct session {
	LIST_ENTRY(session) next;
	struct studio *studio;
	struct entry *entry;
	char continues[SHELF_ID + 1]; /* the one it takes the place of; or "" */
	struct process *process;
	struct plug *plug; /* NULL: not in the conference any more */
	bool started, stopping, stopped;
	uint64_t begun_us, stopping_us;
	int64_t manifest_ns; /* when the manifest was written last, wall */
	uint64_t fresh_us;   /* when that was seen to change */
	bool stale;          /* the front knows that nothing is written */
	char *failure;       /* what the recorder said last of why */
	uint64_t death_us[DEATHS];
};

struct job;
struct news;

struct studio {
	struct event_base *base;
	struct sfu *sfu;
	const struct config *config;
	studio_event_h *handler;
	void *arg;
	char error[STUDIO_ERROR]; /* why there can be no recording; or "" */
	char *recorder;           /* path of the program */
	char **environment;
	struct shelf shelf;
	struct entries entries;
	struct roster roster;
	LIST_HEAD(, session) sessions;
	unsigned n_sessions;
	LIST_HEAD(, plug) plugs;
	TAILQ_HEAD(, job) jobs;
	unsigned jobs_running, jobs_waiting;
	TAILQ_HEAD(news_list, news) news;
	struct event *tell, *tick, *scan_timer, *sweep_timer, *stop_timer;
	struct programs *programs; /* or NULL */
	struct webhooks *webhooks; /* or NULL */
	/* The scan: names still to be read. */
	char (*found)[SHELF_ID + 1];
	unsigned n_found;
	uint64_t kept_us; /* when retention was looked at */
	bool resumed, stopping, links;
	void (*done)(void *arg);
	void *done_arg;
	uint8_t link_key[LINK_KEY];
	struct studio_counters counters;
};

/* --- news.c --- */

struct story {
	enum studio_event_type type;
	const char *text;
	unsigned percent;
	const char *hook; /* event of the hooks; NULL: none */
	const char *file; /* of the recording, for the hooks; or NULL */
	bool hooks_only;
};
/* Remembers it, with the manifest of this moment; told from the event loop. */
void news_add(
	struct studio *s, const struct entry *entry, const struct story *story);
/* It is composed (manifest: as what), or will not be (NULL, or without). */
void news_composed(struct studio *s, const struct entry *entry,
	const cJSON *manifest, bool hook, bool hooks_only);
void news_take_back(struct studio *s); /* the last one added */
void news_drop(struct studio *s);      /* all, untold */
void news_on_tell(int fd, short what, void *arg);

/* --- session.c --- */

/* deaths: of the session it takes the place of; or NULL. 0 and *ret; or -errno
 * with a sentence in ret_error. */
int session_new(struct session **ret, struct studio *s, const char *conference,
	const char *room, const cJSON *about, const uint64_t deaths[DEATHS],
	char ret_error[STUDIO_ERROR]);
struct session *session_find(const struct studio *s, const char *conference);
/* True: whether another one takes the place of this one is not known yet. */
bool session_is_awaited(const struct studio *s, const struct entry *before);
/* Tells the recorder to stop; the rest comes by itself. */
void session_stop(struct session *session, const char *reason);
void session_tell(struct session *session, const cJSON *order);
void session_tick(struct session *session, uint64_t now_us);
void session_free(struct session *session); /* kills */
void session_say(
	struct session *session, enum studio_event_type type, const char *text);
void session_leave(struct session *session); /* the conference */
/* Of its process (process_end_h): arg is the session, which is freed. */
void session_on_end(void *arg, int status);

/* --- jobs.c --- */

enum job_kind { JOB_FINISH, JOB_COMPOSE };
void jobs_add(struct studio *s, struct entry *entry, enum job_kind kind);
/* What is next for a recording that is whole: composing, or the word that there
 * will be none. */
void jobs_follow(struct studio *s, struct entry *entry);
void jobs_tick(struct studio *s, uint64_t now_us); /* starts and watches */
bool jobs_at_work(const struct studio *s, const struct entry *entry);
/* Takes the waiting ones of it out. -EBUSY: one is at work. */
int jobs_cancel(struct studio *s, struct entry *entry);
void jobs_end(struct studio *s);  /* asks all to end; their state is on disk */
void jobs_drop(struct studio *s); /* kills */

/* --- keep.c --- */

/* Reads the manifest again. 0, -errno of shelf_read, -ENOMEM. ret may be NULL;
 * else it is the caller's. */
int keep_refresh(struct studio *s, struct entry *entry, cJSON **ret);
/* Writes what is known of it beside its manifest into that, and `to_deliver`.
 * The caller holds its lock. 0, -errno. */
int keep_write(struct studio *s, struct entry *entry);
/* The same, with the lock; where our own process holds that, keep_settle does
 * it. What cannot be written is logged. */
void keep_note(struct studio *s, struct entry *entry);
/* Writes what waited for the processes of a recording to end. */
void keep_settle(struct studio *s, struct entry *entry);
/* See studio_delete; room NULL: any. */
int keep_delete(struct studio *s, const char *room, const char *id);
void keep_tick(struct studio *s, uint64_t now_us);
void keep_on_scan(int fd, short what, void *arg);
void keep_on_sweep(int fd, short what, void *arg);
int keep_scan(struct studio *s); /* begins; 0, -errno */

/* --- link.c --- */

/* The key of the links, from state_dir or made there. 0, -errno. */
int link_init(struct studio *s, struct http *http);
/* True when a manifest lists this file. */
bool link_listed(const cJSON *manifest, const char *file);

#endif
