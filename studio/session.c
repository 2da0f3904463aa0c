#include "studio/studio_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include "sfu/config.h"
#include "sfu/log.h"

enum {
	START_US = 20000000,   /* to begin; it waits for the call 10 s */
	SILENT_US = 600000000, /* a recorder that was told to stop works on */
	GRACE_MS = 10000
};

struct session *session_find(const struct studio *s, const char *conference)
{
	struct session *n;

	/* One that is to stop is over for the front: the next may begin. */
	LIST_FOREACH(n, &s->sessions, next)
	if (!n->stopping && strcmp(n->entry->conference, conference) == 0)
		return n;
	return NULL;
}

bool session_is_awaited(const struct studio *s, const struct entry *before)
{
	const struct session *n;

	LIST_FOREACH(n, &s->sessions, next)
	if (!n->started && strcmp(n->continues, before->id) == 0)
		return true;
	return false;
}

void session_tell(struct session *n, const cJSON *order)
{
	int err = n->process ? process_send(n->process, order) : 0;

	if (!err)
		return;
	log_warn("recorder_not_told", "id=%s error=%s", n->entry->id,
		log_value(strerror(-err)));
	if (err == -ENOBUFS) /* it has not read for long: it hangs */
		process_end(n->process, GRACE_MS);
}

void session_stop(struct session *n, const char *reason)
{
	cJSON *order;

	if (n->stopping)
		return;
	n->stopping = true;
	n->stopping_us = process_now_us();
	order = cJSON_CreateObject();
	if (cJSON_AddStringToObject(order, "type", "stop") &&
		cJSON_AddStringToObject(order, "reason", reason))
		session_tell(n, order);
	else
		process_end(n->process, GRACE_MS);
	cJSON_Delete(order);
}

void session_say(
	struct session *n, enum studio_event_type type, const char *text)
{
	const struct story story = { .type = type,
		.text = text,
		.hook = type == STUDIO_STARTED   ? "started"
			: type == STUDIO_STOPPED ? "stopped"
						 : NULL };

	news_add(n->studio, n->entry, &story);
}

/* For the day its manifest cannot be read. */
static void note_origin(struct session *n)
{
	const struct entry *e = n->entry;
	cJSON *origin = cJSON_CreateObject();
	int err = -ENOMEM;

	if (cJSON_AddStringToObject(origin, "id", e->id) &&
		cJSON_AddStringToObject(origin, "room", e->room) &&
		cJSON_AddNumberToObject(
			origin, "started_ms", (double)e->started_ms) &&
		(!e->about || cJSON_AddItemReferenceToObject(
				      origin, "about", e->about)))
		err = shelf_write_origin(&n->studio->shelf, e->id, origin);
	cJSON_Delete(origin);
	if (err)
		log_warn("origin_not_written", "id=%s error=%s", e->id,
			log_value(strerror(-err)));
}

static void on_report(void *arg, const cJSON *r)
{
	struct session *n = arg;
	struct studio *s = n->studio;
	const char *type = entry_text(r, "type");

	if (!strcmp(type, "started") && !n->started) {
		n->started = true;
		s->counters.started++;
		keep_refresh(s, n->entry, NULL);
		note_origin(n);
		event_active(s->tick, 0, 0); /* who waited for it may end */
		session_say(n, STUDIO_STARTED, NULL);
	} else if (!strcmp(type, "track")) {
		news_add(s, n->entry,
			&(struct story){ .type = STUDIO_TRACK,
				.hook = "track",
				.file = entry_text(r, "file") });
	} else if (!strcmp(type, "trouble")) {
		s->counters.troubles++;
		log_warn("recording_trouble", "id=%s code=%s", n->entry->id,
			log_value(entry_text(r, "code")));
		session_say(n, STUDIO_TROUBLE, entry_text(r, "message"));
	} else if (!strcmp(type, "recovered")) {
		session_say(n, STUDIO_RECOVERED, entry_text(r, "message"));
	} else if (!strcmp(type, "stopped")) {
		n->stopped = true;
	} else if (!strcmp(type, "failed")) {
		free(n->failure);
		n->failure = strdup(entry_text(r, "message"));
	}
}

static void on_sfu(void *arg, const struct sfu_event *ev)
{
	struct plug *plug = arg;
	struct session *n = plug->session;

	if (ev->type != SFU_EV_LEFT)
		return;
	LIST_REMOVE(plug, next);
	free(plug);
	if (!n)
		return;
	n->plug = NULL;
	log_info("recorder_unplugged", "id=%s reason=%s", n->entry->id,
		sfu_reason_text(ev->reason));
	/* Its own end of the feed: its process's end says more. */
	if (ev->reason == SFU_CLOSED)
		return;
	session_stop(n, ev->reason == SFU_BY_COMMAND    ? "call_ended"
			: ev->reason == SFU_WORKER_DIED ? "crashed"
							: "failed");
}

/* A recorder that hangs says nothing: its manifest gets old. It is not ended
 * for that, the disk may be as slow, and it may have much to write. */
static void watch_manifest(struct session *n, uint64_t now_us)
{
	int64_t ns = shelf_written_ns(&n->studio->shelf, n->entry->id);
	bool stale;

	if (ns != n->manifest_ns || !n->fresh_us)
		n->fresh_us = now_us;
	n->manifest_ns = ns;
	stale = now_us > n->fresh_us + (uint64_t)STALE_S * 1000000;
	if (stale == n->stale)
		return;
	n->stale = stale;
	if (stale) {
		n->studio->counters.troubles++;
		log_warn("recorder_writes_nothing", "id=%s", n->entry->id);
	}
	session_say(n, stale ? STUDIO_TROUBLE : STUDIO_RECOVERED,
		stale ? "Nothing has been written for a minute: the disk or "
			"the recorder hangs. Stop the recording and start it "
			"again if this stays."
		      : "The recorder writes again.");
}

void session_tick(struct session *n, uint64_t now_us)
{
	uint64_t heard = process_heard_us(n->process);

	if (n->started && !n->stopping)
		watch_manifest(n, now_us);

	if (!n->started && now_us - n->begun_us > START_US) {
		log_error("recorder_does_not_begin", "id=%s", n->entry->id);
		process_end(n->process, GRACE_MS);
	} else if (n->stopping && now_us > heard &&
		   now_us - heard > SILENT_US &&
		   now_us - n->stopping_us > SILENT_US) {
		process_end(n->process, GRACE_MS);
	}
}

/* Starting one. */

static cJSON *start_order(const struct entry *entry, const char *directory,
	const cJSON *about, unsigned keyframe_s)
{
	cJSON *order = cJSON_CreateObject();
	cJSON *copy = about ? cJSON_Duplicate(about, 1) : cJSON_CreateObject();

	if (copy && cJSON_AddStringToObject(order, "type", "start") &&
		cJSON_AddStringToObject(order, "id", entry->id) &&
		cJSON_AddStringToObject(order, "directory", directory) &&
		cJSON_AddStringToObject(order, "room", entry->room) &&
		cJSON_AddNumberToObject(order, "keyframe_s", keyframe_s) &&
		cJSON_AddItemToObject(order, "about", copy))
		return order;
	cJSON_Delete(copy);
	cJSON_Delete(order);
	return NULL;
}

static void tell_word(void *arg, const cJSON *order)
{
	session_tell(arg, order);
}

static int give_orders(struct session *n, const cJSON *about)
{
	struct studio *s = n->studio;
	char directory[SHELF_PATH_MAX];
	cJSON *order = NULL;
	int err = shelf_path(
		&s->shelf, n->entry->id, NULL, directory, sizeof(directory));

	if (!err) {
		order = start_order(n->entry, directory, about,
			s->config->recording.keyframe_s);
		err = order ? process_send(n->process, order) : -ENOMEM;
	}
	cJSON_Delete(order);
	if (!err)
		roster_each(&s->roster, n->entry->conference, tell_word, n);
	return err;
}

static int start_process(struct session *n, int feed, int lock)
{
	char name[] = "hearth-record", run[] = "run";
	char *argv[] = { name, run, NULL };
	const struct process_options options = { .name = "recorder",
		.id = n->entry->id,
		.path = n->studio->recorder,
		.argv = argv,
		.env = n->studio->environment,
		.fd3 = feed,
		.fd4 = lock,
		.talks = true };

	return process_new(&n->process, n->studio->base, &options, on_report,
		session_on_end, n);
}

static int plug_in(struct session *n, int fd)
{
	static const struct sfu_plug_options listen = { .listen = true };
	struct studio *s = n->studio;
	struct plug *plug = calloc(1, sizeof(*plug));
	char label[64];
	int err = 0;

	if (!plug) {
		close(fd);
		return -ENOMEM;
	}
	snprintf(label, sizeof(label), "recording:%s", n->entry->id);
	plug->id = sfu_plug(s->sfu, n->entry->conference, label, &listen, fd,
		on_sfu, plug, &err);
	if (!plug->id) {
		free(plug);
		return err;
	}
	plug->session = n;
	n->plug = plug;
	LIST_INSERT_HEAD(&s->plugs, plug, next);
	return 0;
}

static int start(struct session *n, const cJSON *about)
{
	struct studio *s = n->studio;
	int fd[2], lock, err;

	lock = shelf_lock(&s->shelf, n->entry->id);
	if (lock < 0)
		return lock;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0) {
		err = -errno;
		close(lock);
		return err;
	}
	err = start_process(n, fd[1], lock);
	close(fd[1]);
	close(lock);
	if (err) {
		close(fd[0]);
		return err;
	}
	err = plug_in(n, fd[0]);
	return err ? err : give_orders(n, about);
}

static int enlist(struct session *n, const char *conference, const char *room)
{
	struct studio *s = n->studio;
	char id[SHELF_ID + 1];
	int err = shelf_make(&s->shelf, id);

	if (err)
		return err;
	n->entry = entries_add(&s->entries, id, conference, room);
	if (!n->entry) {
		shelf_bin(&s->shelf, id);
		return s->entries.n == ENTRIES_MAX ? -EDQUOT : -ENOMEM;
	}
	n->entry->recording = true;
	return 0;
}

static void explain(const struct studio *s, int err, char ret[STUDIO_ERROR])
{
	const char *what =
		err == -EAGAIN  ? "the forwarding worker is just starting; try "
				  "again in some seconds"
		: err == -EBUSY ? "the call has as many participants as it may"
		: err == -EDQUOT
			? "there are too many recordings on this server; "
			  "delete some"
			: strerror(-err);

	snprintf(ret, STUDIO_ERROR, "The recording could not be started: %s.",
		what);
	log_error("recording_not_started", "error=%s directory=%s",
		log_value(strerror(-err)), log_value(s->shelf.path));
}

int session_new(struct session **ret, struct studio *s, const char *conference,
	const char *room, const cJSON *about, const uint64_t deaths[DEATHS],
	char ret_error[STUDIO_ERROR])
{
	struct session *n = calloc(1, sizeof(*n));
	int err = n ? 0 : -ENOMEM;

	if (n) {
		n->studio = s;
		n->begun_us = process_now_us();
		LIST_INSERT_HEAD(&s->sessions, n, next);
		s->n_sessions++;
		if (deaths)
			memcpy(n->death_us, deaths, sizeof(n->death_us));
		err = enlist(n, conference, room);
		if (!err)
			err = start(n, about);
	}
	if (!err) {
		log_info("recording_starts", "id=%s room=%s", n->entry->id,
			log_pii(room));
		*ret = n;
		return 0;
	}
	explain(s, err, ret_error);
	if (n && n->entry) {
		shelf_bin(&s->shelf, n->entry->id);
		n->process = process_free(n->process);
		entries_remove(&s->entries, n->entry);
		n->entry = NULL;
	}
	if (n)
		session_free(n);
	return err;
}

void session_free(struct session *n)
{
	/* Killed before the feed ends, which would have it finish. */
	process_free(n->process);
	session_leave(n);
	LIST_REMOVE(n, next);
	n->studio->n_sessions--;
	free(n->failure);
	free(n);
}
