#include "studio/studio_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include "sfu/config.h"
#include "sfu/log.h"

enum {
	SCAN_AT_ONCE = 8, /* manifests per turn */
	SCAN_PAUSE_US = 5000,
	SWEEP_PAUSE_US = 20000,
	DELETE_AT_ONCE = 32,
	COMPOSE_ATTEMPTS = 3,
	PATIENCE_DAYS = 7, /* for what was not delivered */
	QUIET_DAYS = 400   /* without any recording: the clock is wrong */
};

#define RETENTION_US 3600000000u
#define DAY_MS       86400000u
#define DAY_US       86400000000u

int keep_refresh(struct studio *s, struct entry *entry, cJSON **ret)
{
	cJSON *manifest = NULL;
	int err = shelf_read(&s->shelf, entry->id, &manifest);

	if (!err)
		err = entry_read(entry, manifest);
	if (!err && ret)
		*ret = manifest;
	else
		cJSON_Delete(manifest);
	return err;
}

static int put_delivered(cJSON *manifest, const cJSON *delivered)
{
	cJSON *copy = cJSON_Duplicate(delivered, 1);

	if (!copy)
		return -ENOMEM;
	cJSON_DeleteItemFromObjectCaseSensitive(manifest, "delivered");
	if (cJSON_AddItemToObject(manifest, "delivered", copy))
		return 0;
	cJSON_Delete(copy);
	return -ENOMEM;
}

int keep_write(struct studio *s, struct entry *entry)
{
	cJSON *manifest = NULL;
	int err = shelf_read(&s->shelf, entry->id, &manifest);

	if (!err)
		err = entry_write(entry, manifest);
	if (!err && entry->to_deliver)
		err = put_delivered(manifest, entry->to_deliver);
	if (!err)
		err = shelf_write(&s->shelf, entry->id, manifest);
	cJSON_Delete(manifest);
	if (err)
		return err;
	entry->to_note = false;
	if (!entry->to_deliver)
		return 0;
	cJSON_Delete(entry->to_deliver);
	entry->to_deliver = NULL;
	entry->delivered = true;
	news_add(s, entry,
		&(struct story){ .type = STUDIO_COMPOSED,
			.hook = "delivered",
			.hooks_only = true });
	return 0;
}

/* While nobody else works on the recording; else once our own process has
 * ended. */
static int write_alone(struct studio *s, struct entry *entry)
{
	int lock, err;

	/* One that just starts has not locked it yet, and must find it free. */
	entry->to_note = true;
	if (entry->recording || jobs_at_work(s, entry))
		return 0;
	lock = shelf_lock(&s->shelf, entry->id);
	if (lock == -EWOULDBLOCK && entry->jobs)
		return 0;
	if (lock < 0)
		return lock;
	err = keep_write(s, entry);
	close(lock);
	return err;
}

void keep_note(struct studio *s, struct entry *entry)
{
	int err = write_alone(s, entry);

	if (err)
		log_error("recording_not_noted", "id=%s error=%s", entry->id,
			log_value(strerror(-err)));
}

void keep_settle(struct studio *s, struct entry *entry)
{
	entry->ready_us = process_now_us();
	if (entry->to_note || entry->to_deliver)
		keep_note(s, entry);
}

int studio_delivered(struct studio *s, const char *id, const cJSON *delivered)
{
	struct entry *entry = entries_find(&s->entries, id);
	cJSON *copy;
	int err;

	if (!entry)
		return -ENOENT;
	copy = cJSON_Duplicate(delivered, 1);
	if (!copy)
		return -ENOMEM;
	cJSON_Delete(entry->to_deliver);
	entry->to_deliver = copy;
	err = write_alone(s, entry);
	if (err) {
		cJSON_Delete(entry->to_deliver);
		entry->to_deliver = NULL;
	}
	return err;
}

/* Deleting. */

static void sweep_soon(struct studio *s)
{
	const struct timeval pause = { .tv_usec = SWEEP_PAUSE_US };

	event_add(s->sweep_timer, &pause);
}

void keep_on_sweep(int fd, short what, void *arg)
{
	struct studio *s = arg;

	(void)fd;
	(void)what;
	if (shelf_sweep(&s->shelf))
		sweep_soon(s);
}

static int bin(struct studio *s, struct entry *entry)
{
	int lock = shelf_lock(&s->shelf, entry->id), err;

	if (lock < 0)
		return lock == -EWOULDBLOCK ? -EBUSY : lock;
	/* While the manifest can still be read. */
	news_add(s, entry,
		&(struct story){ .type = STUDIO_DELETED, .hook = "deleted" });
	err = shelf_bin(&s->shelf, entry->id);
	close(lock);
	if (err) {
		news_take_back(s);
		return err;
	}
	log_info("recording_deleted", "id=%s", entry->id);
	s->counters.deleted++;
	entries_remove(&s->entries, entry);
	sweep_soon(s);
	return 0;
}

int keep_delete(struct studio *s, const char *room, const char *id)
{
	struct entry *entry = entries_find(&s->entries, id);
	int err;

	if (!entry || (room && strcmp(entry->room, room) != 0))
		return -ENOENT;
	if (entry->recording)
		return -EBUSY;
	err = jobs_cancel(s, entry);
	return err ? err : bin(s, entry);
}

/* A room that cannot be reached for weeks shall not lose what it never saw. */
static bool is_awaited(
	const struct studio *s, const struct entry *entry, uint64_t now_us)
{
	return s->config->recording.deliver && !entry->delivered &&
	       now_us < entry->ready_us + (uint64_t)PATIENCE_DAYS * DAY_US;
}

static bool is_old(const struct studio *s, const struct entry *entry,
	uint64_t before_ms, uint64_t now_us)
{
	uint64_t at = entry->ended_ms ? entry->ended_ms : entry->started_ms;

	return at && at < before_ms && !entry->recording && !entry->jobs &&
	       !is_awaited(s, entry, now_us);
}

/* True: there are more. */
static bool retire(struct studio *s, uint64_t before_ms, uint64_t now_us)
{
	struct entry *entry, *before;
	unsigned n = 0;

	for (entry = TAILQ_LAST(&s->entries.all, entry_list); entry;
		entry = before) {
		before = TAILQ_PREV(entry, entry_list, next);
		if (!is_old(s, entry, before_ms, now_us))
			continue;
		if (n == DELETE_AT_ONCE)
			return true;
		if (keep_delete(s, NULL, entry->id) == 0)
			n++;
	}
	return false;
}

/* A clock that jumps years ahead must not delete everything. */
static bool is_plausible(const struct studio *s, uint64_t now_ms)
{
	const struct entry *newest = TAILQ_FIRST(&s->entries.all);
	uint64_t at = newest ? shelf_id_ms(newest->id) : now_ms;

	if (now_ms >= at && now_ms - at <= (uint64_t)QUIET_DAYS * DAY_MS)
		return true;
	log_warn("nothing_deleted_by_age", "newest=%s why=%s days=%d do=%s",
		newest->id,
		log_value("the clock is far from the newest recording"),
		QUIET_DAYS,
		log_value("check the clock, or delete recordings by hand"));
	return false;
}

void keep_tick(struct studio *s, uint64_t now_us)
{
	uint64_t keep_ms = (uint64_t)s->config->recording.keep_days * DAY_MS;
	uint64_t now_ms = (uint64_t)time(NULL) * 1000;

	if (!s->resumed || s->found || !keep_ms || s->stopping ||
		now_ms < keep_ms ||
		(s->kept_us && now_us - s->kept_us < RETENTION_US))
		return;
	s->kept_us = now_us;
	if (is_plausible(s, now_ms) && retire(s, now_ms - keep_ms, now_us))
		s->kept_us = 0;
}

/* The start-up scan. */

static bool is_to_be_composed(const struct studio *s, const struct entry *entry)
{
	return entry->state == ENTRY_FINISHED && entry->n_files > 0 &&
	       !entry->delivered &&
	       entry->compose_attempts < COMPOSE_ATTEMPTS &&
	       strcmp(s->config->recording.compose, "none") != 0;
}

static void resume(struct studio *s, struct entry *entry, const cJSON *manifest)
{
	bool owed = entry->hooks_told < ENTRY_TOLD_COMPOSED;

	if (entry->state < ENTRY_FINISHED) {
		jobs_add(s, entry, JOB_FINISH);
		return;
	}
	if (entry->hooks_told < ENTRY_TOLD_STOPPED)
		news_add(s, entry,
			&(struct story){ .type = STUDIO_STOPPED,
				.hook = "stopped",
				.hooks_only = true });
	if (is_to_be_composed(s, entry))
		jobs_add(s, entry, JOB_COMPOSE);
	else if (owed || !entry->delivered)
		news_composed(s, entry, manifest, owed, entry->delivered);
}

/* What is known of one whose manifest cannot be read, until it is finished: its
 * room can see it and delete it. */
static int read_origin(struct studio *s, struct entry *entry)
{
	cJSON *origin = NULL;
	int err;

	entry->state = ENTRY_PARTIAL;
	err = shelf_read_origin(&s->shelf, entry->id, &origin);
	if (!err)
		err = entry_read(entry, origin);
	cJSON_Delete(origin);
	return err;
}

static void scan_one(struct studio *s, const char *id)
{
	struct entry *entry;
	cJSON *manifest = NULL;
	int err, fd;

	if (entries_find(&s->entries, id))
		return; /* begun after this start */
	fd = shelf_open(&s->shelf, id);
	if (fd < 0)
		return; /* a file or a link of that name: not ours */
	close(fd);
	err = shelf_read(&s->shelf, id, &manifest);
	if (err == -ENOENT && unlinkat(s->shelf.fd, id, AT_REMOVEDIR) == 0)
		return; /* a start that came to nothing */
	if (!err && !*entry_text(manifest, "state")) {
		cJSON_Delete(manifest);
		return;
	}
	entry = err && err != -ENOENT && err != -EBADMSG
			? NULL
			: entries_add(&s->entries, id, "", "");
	if (entry && !err)
		err = entry_read(entry, manifest);
	else if (entry && read_origin(s, entry) != 0)
		log_warn("recording_without_origin", "id=%s", id);
	if (entry)
		entry->ready_us = process_now_us();
	if (entry)
		resume(s, entry, manifest);
	else
		log_warn("recording_unreadable", "id=%s error=%s", id,
			log_value(strerror(-err)));
	cJSON_Delete(manifest);
}

void keep_on_scan(int fd, short what, void *arg)
{
	const struct timeval pause = { .tv_usec = SCAN_PAUSE_US };
	struct studio *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SCAN_AT_ONCE && s->n_found; i++)
		scan_one(s, s->found[--s->n_found]);
	if (s->n_found) {
		event_add(s->scan_timer, &pause);
		return;
	}
	free(s->found);
	s->found = NULL;
	log_info("recordings_known", "n=%u", s->entries.n);
	event_active(s->tick, 0, 0);
}

/* Newest first; they are taken from the end. */
static int by_id(const void *a, const void *b)
{
	return strcmp(b, a);
}

static int note_name(struct studio *s, unsigned *cap, const char *name)
{
	void *more;

	if (s->n_found == *cap) {
		more = realloc(
			s->found, (*cap ? *cap * 2 : 64) * sizeof(*s->found));
		if (!more)
			return -ENOMEM;
		s->found = more;
		*cap = *cap ? *cap * 2 : 64;
	}
	memcpy(s->found[s->n_found++], name, SHELF_ID + 1);
	return 0;
}

/* Of too many the newest: readdir gives them in no order. */
static unsigned keep_newest(struct studio *s)
{
	unsigned more = 0;

	if (s->n_found)
		qsort(s->found, s->n_found, sizeof(*s->found), by_id);
	if (s->n_found > ENTRIES_MAX) {
		more = s->n_found - ENTRIES_MAX;
		s->n_found = ENTRIES_MAX;
	}
	return more;
}

static int read_names(struct studio *s, DIR *dir)
{
	unsigned cap = 0, left_out = 0;
	struct dirent *e;
	int err = 0;

	while (!err && (e = readdir(dir))) {
		if (!shelf_id_ok(e->d_name))
			continue;
		err = note_name(s, &cap, e->d_name);
		if (s->n_found == 2 * ENTRIES_MAX)
			left_out += keep_newest(s);
	}
	left_out += keep_newest(s);
	if (left_out)
		log_warn("too_many_recordings", "known=%u left_out=%u do=%s",
			s->n_found, left_out,
			log_value("delete old ones and restart hearth"));
	return err;
}

int keep_scan(struct studio *s)
{
	int fd = openat(s->shelf.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int err;

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	err = read_names(s, dir);
	closedir(dir);
	sweep_soon(s);
	event_active(s->scan_timer, 0, 0);
	return err;
}
