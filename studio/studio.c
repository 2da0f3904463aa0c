#include "studio/studio_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include "sfu/config.h"
#include "sfu/log.h"

enum { STOP_S = 3 };

static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_stop_timer(evutil_socket_t fd, short what, void *arg);

/* Making and ending. */

static int make_events(struct studio *s)
{
	const struct timeval second = { .tv_sec = 1 };

	s->tell = event_new(s->base, -1, 0, news_on_tell, s);
	s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	s->scan_timer = event_new(s->base, -1, 0, keep_on_scan, s);
	s->sweep_timer = event_new(s->base, -1, 0, keep_on_sweep, s);
	s->stop_timer = event_new(s->base, -1, 0, on_stop_timer, s);
	if (!s->tell || !s->tick || !s->scan_timer || !s->sweep_timer ||
		!s->stop_timer)
		return -ENOMEM;
	return event_add(s->tick, &second) ? -ENOMEM : 0;
}

/* Beside our own executable, where `make install` puts it as well. */
static char *default_recorder(void)
{
	char exe[SHELF_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash, *ret = NULL;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	if (asprintf(&ret, "%s/hearth-record", exe) < 0)
		return NULL;
	return ret;
}

static int find_recorder(struct studio *s)
{
	const char *given = s->config->recording.recorder;

	s->recorder = given && *given ? strdup(given) : default_recorder();
	s->environment = process_environment();
	if (!s->recorder || !s->environment)
		return -ENOMEM;
	if (access(s->recorder, X_OK) == 0)
		return 0;
	snprintf(s->error, sizeof(s->error),
		"Recording is not possible: the recorder program %.100s cannot "
		"be run (%s). Set recording.recorder in hearth.yaml.",
		s->recorder, strerror(errno));
	return errno == EACCES ? -EACCES : -ENOENT;
}

static int find_directory(struct studio *s)
{
	char path[SHELF_PATH_MAX];
	const char *given = s->config->recording.directory;
	int err;

	if (given && *given)
		snprintf(path, sizeof(path), "%s", given);
	else
		snprintf(path, sizeof(path), "%s/recordings",
			s->config->state_dir);
	err = shelf_init(&s->shelf, path);
	if (!err && access(s->shelf.path, R_OK | W_OK | X_OK) != 0)
		err = -errno;
	if (err)
		snprintf(s->error, sizeof(s->error),
			"Recording is not possible: the directory %.100s "
			"cannot "
			"be used (%s). Set recording.directory in hearth.yaml, "
			"or its owner and mode.",
			path, strerror(-err));
	return err;
}

static int find_hooks(struct studio *s)
{
	const struct config *c = s->config;
	char path[SHELF_PATH_MAX];
	int err = 0;

	snprintf(path, sizeof(path), "%s/hook-programs", c->state_dir);
	if (c->recording.program && *c->recording.program)
		err = programs_new(
			&s->programs, s->base, c->recording.program, path);
	if (err || !c->recording.webhooks.n)
		return err;
	snprintf(path, sizeof(path), "%s/hooks", c->state_dir);
	err = webhooks_new(&s->webhooks, s->base, path, &c->recording.webhooks,
		c->recording.webhook_secret);
	if (err && err != -ENOMEM) {
		/* Recordings without them are better than none. */
		log_error("webhooks_off", "directory=%s error=%s",
			log_value(path), log_value(strerror(-err)));
		err = 0;
	}
	return err;
}

static int set_up(struct studio *s, struct http *http)
{
	int err = make_events(s), unusable;

	if (err)
		return err;
	unusable = find_directory(s);
	if (!unusable)
		unusable = find_recorder(s);
	if (unusable == -ENOMEM)
		return unusable;
	if (s->shelf.fd >= 0) {
		err = find_hooks(s);
		/* Links that cannot be made are refused one by one. */
		if (!err && link_init(s, http) == -ENOMEM)
			err = -ENOMEM;
	}
	return err ? err : unusable;
}

int studio_new(struct studio **ret, struct event_base *base, struct sfu *sfu,
	const struct config *config, struct http *http, studio_event_h *handler,
	void *arg, char ret_error[256])
{
	struct studio *s = calloc(1, sizeof(*s));
	int err;

	ret_error[0] = '\0';
	if (!s)
		return -ENOMEM;
	s->base = base;
	s->sfu = sfu;
	s->config = config;
	s->handler = handler;
	s->arg = arg;
	s->shelf.fd = -1;
	entries_init(&s->entries);
	roster_init(&s->roster);
	LIST_INIT(&s->sessions);
	LIST_INIT(&s->plugs);
	TAILQ_INIT(&s->jobs);
	TAILQ_INIT(&s->news);
	err = set_up(s, http);
	if (err == -ENOMEM) {
		studio_free(s);
		return err;
	}
	if (err)
		log_error("recording_off", "why=%s", log_value(s->error));
	snprintf(ret_error, STUDIO_ERROR, "%s", s->error);
	*ret = s;
	return err;
}

struct studio *studio_free(struct studio *s)
{
	struct session *n;
	struct plug *p;

	if (!s)
		return NULL;
	while ((n = LIST_FIRST(&s->sessions)))
		session_free(n);
	while ((p = LIST_FIRST(&s->plugs))) {
		LIST_REMOVE(p, next);
		free(p);
	}
	jobs_drop(s);
	news_drop(s);
	programs_free(s->programs);
	webhooks_free(s->webhooks);
	entries_done(&s->entries);
	roster_done(&s->roster);
	struct event *events[] = { s->tell, s->tick, s->scan_timer,
		s->sweep_timer, s->stop_timer };
	for (unsigned i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i])
			event_free(events[i]);
	shelf_done(&s->shelf);
	free(s->found);
	free(s->recorder);
	free(s->environment);
	free(s);
	return NULL;
}

void studio_resume(struct studio *s)
{
	int err;

	if (s->resumed || s->shelf.fd < 0)
		return;
	s->resumed = true;
	err = keep_scan(s);
	if (err)
		log_error("recordings_not_read", "directory=%s error=%s",
			log_value(s->shelf.path), log_value(strerror(-err)));
}

static void end_stop(struct studio *s)
{
	void (*done)(void *arg) = s->done;

	if (!done)
		return;
	s->done = NULL;
	event_del(s->stop_timer);
	done(s->done_arg);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_stop(arg);
}

void studio_stop(struct studio *s, void (*done_h)(void *arg), void *arg)
{
	const struct timeval limit = { .tv_sec = STOP_S };
	struct session *n;

	s->stopping = true;
	s->done = done_h;
	s->done_arg = arg;
	LIST_FOREACH(n, &s->sessions, next)
	session_stop(n, "call_ended");
	jobs_end(s);
	event_add(s->stop_timer, &limit);
	event_active(s->tick, 0, 0);
}

static bool has_programs(const struct studio *s)
{
	const struct programs_counters *c =
		s->programs ? programs_counted(s->programs) : NULL;

	return c && c->waiting + c->running > 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_usec = 50000 };
	struct studio *s = arg;
	uint64_t now_us = process_now_us();
	struct session *n;

	(void)fd;
	(void)what;
	LIST_FOREACH(n, &s->sessions, next)
	session_tick(n, now_us);
	jobs_tick(s, now_us);
	keep_tick(s, now_us);
	if (!s->stopping || !s->done)
		return;
	if (!s->n_sessions && !s->jobs_running && TAILQ_EMPTY(&s->news) &&
		!has_programs(s))
		end_stop(s);
	else
		event_add(s->tick, &soon);
}

/* Commands. */

static int may_start(
	struct studio *s, const char *conference, char ret_error[STUDIO_ERROR])
{
	if (*s->error) {
		snprintf(ret_error, STUDIO_ERROR, "%s", s->error);
		return -ENODEV;
	}
	if (session_find(s, conference)) {
		snprintf(ret_error, STUDIO_ERROR,
			"This call is being recorded already.");
		return -EBUSY;
	}
	if (s->stopping || s->n_sessions >= s->config->recording.at_once) {
		snprintf(ret_error, STUDIO_ERROR,
			"As many calls as this server may record at once are "
			"being recorded: wait until one of them ends.");
		return -EMFILE;
	}
	if (shelf_free_bytes(&s->shelf) < STUDIO_SPACE_MIN) {
		snprintf(ret_error, STUDIO_ERROR,
			"The disk for recordings is full: delete old ones "
			"first.");
		return -ENOSPC;
	}
	return 0;
}

int studio_start(struct studio *s, const char *conference, const char *room,
	const cJSON *about, char ret_id[STUDIO_ID_MAX + 1], char ret_error[256])
{
	struct session *n;
	int err = may_start(s, conference, ret_error);

	if (!err)
		err = session_new(
			&n, s, conference, room, about, NULL, ret_error);
	if (!err)
		memcpy(ret_id, n->entry->id, SHELF_ID + 1);
	return err;
}

int studio_end(struct studio *s, const char *conference, const char *reason)
{
	struct session *n = session_find(s, conference);

	if (!n)
		return -ENOENT;
	session_stop(n, reason);
	return 0;
}

const char *studio_running(const struct studio *s, const char *conference)
{
	const struct session *n = session_find(s, conference);

	return n ? n->entry->id : NULL;
}

static bool is_held(void *arg, const char *conference)
{
	return session_find(arg, conference) != NULL;
}

/* Takes the order over; NULL: there was no memory for it. */
static void pass_on(struct studio *s, const char *conference, cJSON *order)
{
	struct session *n = session_find(s, conference);

	if (!order) {
		s->counters.lost++;
		return;
	}
	if (n)
		session_tell(n, order);
	if (roster_put(&s->roster, conference, order, is_held, s) != 0)
		s->counters.lost++;
}

void studio_participant(struct studio *s, const char *conference,
	const char *label, const char *user_id, const char *name)
{
	cJSON *order = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(order, "type", "participant") ||
		!cJSON_AddStringToObject(order, "label", label) ||
		!cJSON_AddStringToObject(
			order, "user_id", user_id ? user_id : "") ||
		!cJSON_AddStringToObject(order, "name", name ? name : "")) {
		cJSON_Delete(order);
		order = NULL;
	}
	pass_on(s, conference, order);
}

void studio_source(struct studio *s, const char *conference, const char *label,
	const char *source, const char *purpose, bool audio_muted,
	bool video_muted)
{
	cJSON *order = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(order, "type", "source") ||
		!cJSON_AddStringToObject(order, "label", label) ||
		!cJSON_AddStringToObject(order, "source", source) ||
		!cJSON_AddStringToObject(order, "purpose", purpose) ||
		!cJSON_AddBoolToObject(order, "audio_muted", audio_muted) ||
		!cJSON_AddBoolToObject(order, "video_muted", video_muted)) {
		cJSON_Delete(order);
		order = NULL;
	}
	pass_on(s, conference, order);
}

static void fill_entry(struct studio_entry *ret, const struct entry *entry)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->id, entry->id, sizeof(entry->id));
	ret->started_ms = entry->started_ms;
	ret->duration_ms = entry->duration_ms;
	ret->bytes = entry->bytes;
	snprintf(ret->state, sizeof(ret->state), "%s", entry_state_text(entry));
	ret->about = entry->about ? cJSON_Duplicate(entry->about, 1) : NULL;
}

unsigned studio_list(struct studio *s, const char *room,
	struct studio_entry *ret, unsigned n)
{
	const struct entry *entry;
	unsigned found = 0;

	TAILQ_FOREACH(entry, &s->entries.all, next)
	{
		if (found == n)
			break;
		if (strcmp(entry->room, room) == 0)
			fill_entry(&ret[found++], entry);
	}
	return found;
}

int studio_delete(struct studio *s, const char *room, const char *id)
{
	return keep_delete(s, room, id);
}

cJSON *studio_manifest(struct studio *s, const char *room, const char *id)
{
	cJSON *manifest = NULL;

	if (shelf_read(&s->shelf, id, &manifest) != 0)
		return NULL;
	if (strcmp(entry_text(manifest, "room"), room) == 0)
		return manifest;
	cJSON_Delete(manifest);
	return NULL;
}
