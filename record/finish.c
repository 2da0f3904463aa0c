#include "record/finish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "record/digest.h"
#include "record/disk.h"
#include "record/mux.h"
#include "record/remux.h"
#include "record/report.h"

#define REMUX_NAME ".finish.new"

enum { FILES_MAX = 20000, ROOM_MIN = 1 << 20, LOCK_FD = 4 };

struct name { /* p<person>-<purpose>-<n>.<ending> */
	unsigned person;
	char purpose[8];
};

static bool read_name(const char *name, struct name *ret)
{
	char ending[8];
	unsigned n;
	int len = 0;

	if (strlen(name) > DISK_NAME_MAX || strspn(name, "p0123456789") < 2 ||
		sscanf(name, "p%9u-%7[a-z]-%9u.%7[a-z]%n", &ret->person,
			ret->purpose, &n, ending, &len) != 4 ||
		name[len])
		return false;
	return (strcmp(ending, "webm") == 0 || strcmp(ending, "mkv") == 0) &&
	       (strcmp(ret->purpose, "camera") == 0 ||
		       strcmp(ret->purpose, "screen") == 0 ||
		       strcmp(ret->purpose, "other") == 0);
}

static void trouble(struct manifest *m, const char *name, const char *text)
{
	char message[256];

	snprintf(message, sizeof(message), "%s %s", name, text);
	manifest_trouble(m, manifest_get(manifest_root(m), "duration_ms", 0),
		"io_error", message);
}

/* --- One file --- */

static cJSON *track_entry(
	struct manifest *m, cJSON *file, const struct remux_track *t)
{
	cJSON *track;

	cJSON_ArrayForEach(track, manifest_list(file, "tracks"))
	{
		if (strcmp(manifest_text(track, "kind"),
			    t->video ? "video" : "audio") == 0)
			return track;
	}
	return manifest_track(m, file, t->video ? "video" : "audio", t->codec);
}

static bool has_track(const struct remux_found *found, const cJSON *track)
{
	for (unsigned i = 0; i < found->n_tracks; i++)
		if (strcmp(manifest_text(track, "codec"),
			    found->track[i].codec) == 0)
			return true;
	return false;
}

/* Tracks of the manifest of which the file has nothing. */
static void forget_tracks(cJSON *file, const struct remux_found *found)
{
	cJSON *list = manifest_list(file, "tracks");
	cJSON *track = list ? list->child : NULL, *next;

	for (; track; track = next) {
		next = track->next;
		if (!has_track(found, track))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, track));
	}
}

static void note_found(
	struct manifest *m, cJSON *file, const struct remux_found *found)
{
	const int64_t from_ms = manifest_get(
		file, "from_ms", found->from_ms > 0 ? found->from_ms : 0);

	forget_tracks(file, found);
	for (unsigned i = 0; i < found->n_tracks; i++) {
		const struct remux_track *t = &found->track[i];
		cJSON *track = track_entry(m, file, t);

		manifest_set(track, "frames", (int64_t)t->frames);
		if (t->video && !manifest_get(track, "width", 0))
			manifest_size(m, track, from_ms, t->width, t->height);
	}
	manifest_set(file, "from_ms", from_ms);
	manifest_set(file, "to_ms", from_ms + found->end_ms);
}

static int sync_new(int dir)
{
	int fd = openat(dir, REMUX_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err;

	if (fd < 0)
		return -errno;
	err = fchmod(fd, 0600) != 0 || fsync(fd) != 0 ? -errno : 0;
	close(fd);
	return err;
}

/* For a copy of this file, and the manifest after it. */
static bool has_room(int dir, const char *name)
{
	struct statvfs fs;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		fstatvfs(dir, &fs) != 0)
		return true; /* the copy itself will tell */
	return (uint64_t)fs.f_bavail * fs.f_frsize >
	       (uint64_t)st.st_size + ROOM_MIN;
}

/* A whole copy in its place, if the disk has room for it; found in any case. */
static int renew(
	int dir, const char *path, const char *name, struct remux_found *found)
{
	char from[4096], to[4096];
	int err;

	if ((size_t)snprintf(from, sizeof(from), "%s/%s", path, name) >=
			sizeof(from) ||
		(size_t)snprintf(to, sizeof(to), "%s/%s", path, REMUX_NAME) >=
			sizeof(to))
		return -ENAMETOOLONG;
	if (!has_room(dir, name))
		return remux_file(from, NULL, found);
	unlinkat(dir, REMUX_NAME, 0);
	err = remux_file(from, to, found);
	if (!err)
		err = sync_new(dir);
	if (!err && renameat(dir, REMUX_NAME, dir, name) != 0)
		err = -errno;
	if (!err)
		return 0;
	unlinkat(dir, REMUX_NAME, 0);
	return err == -ENODATA ? err : remux_file(from, NULL, found);
}

static int hash(int dir, const char *name, cJSON *file)
{
	char sha256[DIGEST_HEX + 1];
	uint64_t bytes;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd < 0 ? -errno : digest_file(fd, sha256, &bytes);

	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	manifest_set(file, "bytes", (int64_t)bytes);
	manifest_set_text(file, "sha256", sha256);
	return 0;
}

static void set_aside(int dir, const char *name)
{
	char broken[DISK_NAME_MAX + 16];

	snprintf(broken, sizeof(broken), "%s.broken", name);
	if (renameat(dir, name, dir, broken) != 0)
		errno = 0; /* it is gone, then */
}

/* 0; -ENOENT: there is nothing of it, not to be listed; -errno: it could not be
 * read, its entry is as before. */
static int finish_file(
	int dir, const char *path, struct manifest *m, cJSON *file)
{
	const char *name = manifest_text(file, "name");
	struct remux_found found;
	struct name parsed;
	int err;

	if (!read_name(name, &parsed))
		return -ENOENT;
	err = renew(dir, path, name, &found);
	if (err == -ENODATA) {
		set_aside(dir, name);
		trouble(m, name,
			"holds nothing that can be played; it is kept with "
			"the ending .broken.");
		return -ENOENT;
	}
	if (!err)
		err = hash(dir, name, file);
	if (err == -ENOENT)
		trouble(m, name, strerror(ENOENT));
	if (!err)
		note_found(m, file, &found);
	return err;
}

/* --- All of them --- */

static bool is_listed(struct manifest *m, const char *name)
{
	const cJSON *file;

	cJSON_ArrayForEach(file, manifest_list(manifest_root(m), "files"))
	{
		if (strcmp(manifest_text(file, "name"), name) == 0)
			return true;
	}
	return false;
}

static bool has_person(struct manifest *m, unsigned number)
{
	const cJSON *person;

	cJSON_ArrayForEach(
		person, manifest_list(manifest_root(m), "participants"))
	{
		if (manifest_get(person, "number", 0) == number)
			return true;
	}
	return false;
}

/* Files the manifest was not told of in time. */
static void list_strangers(int dir, struct manifest *m)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned n = 0;

	if (!d && fd >= 0)
		close(fd);
	while (d && n < FILES_MAX && (e = readdir(d))) {
		struct name name;

		if (!read_name(e->d_name, &name) || is_listed(m, e->d_name))
			continue;
		n++;
		cJSON_DeleteItemFromObjectCaseSensitive(
			manifest_file(
				m, e->d_name, name.person, name.purpose, "", 0),
			"from_ms");
		if (!has_person(m, name.person))
			manifest_person(m, name.person, "");
	}
	if (d)
		closedir(d);
}

static int64_t longest(struct manifest *m)
{
	int64_t end_ms = 0;
	const cJSON *file;

	cJSON_ArrayForEach(file, manifest_list(manifest_root(m), "files"))
	{
		if (end_ms < manifest_get(file, "to_ms", 0))
			end_ms = manifest_get(file, "to_ms", 0);
	}
	return end_ms;
}

/* A crash comes up to 5 s after the last manifest. */
static void prolong(struct manifest *m, int64_t from_ms, int64_t to_ms)
{
	cJSON *person, *stretch;

	cJSON_ArrayForEach(
		person, manifest_list(manifest_root(m), "participants"))
	{
		cJSON *list = manifest_list(person, "present");

		stretch = list && list->child ? list->child->prev : NULL;
		if (stretch && manifest_get(stretch, "to_ms", -1) == from_ms)
			manifest_set(stretch, "to_ms", to_ms);
	}
}

static void set_duration(struct manifest *m)
{
	const int64_t before = manifest_get(manifest_root(m), "duration_ms", 0),
		      now = longest(m);

	if (before >= now)
		return;
	prolong(m, before, now);
	manifest_duration(m, now);
}

static void clean_up(int dir)
{
	static const char *const left[] = { DISK_RESERVE_NAME, REMUX_NAME,
		"manifest.json.new", "manifest.json.save" };

	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++)
		unlinkat(dir, left[i], 0);
}

/* All that is listed; 0, or the first error that may pass. */
static int finish_listed(int dir, const char *path, struct manifest *m,
	finish_progress_h *progress, void *arg)
{
	cJSON *list = manifest_list(manifest_root(m), "files");
	unsigned n = (unsigned)cJSON_GetArraySize(list), done = 0;
	cJSON *file, *next;
	int err = 0;

	for (file = list ? list->child : NULL; file; file = next) {
		int one = manifest_text(file, "sha256")[0]
				  ? 0
				  : finish_file(dir, path, m, file);

		next = file->next;
		if (one == -ENOENT)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, file));
		else if (one && !err)
			err = one;
		if (progress)
			progress(arg, ++done, n);
	}
	return err;
}

int finish_files(int dir, const char *path, struct manifest *m,
	finish_progress_h *progress, void *arg)
{
	cJSON *root = manifest_root(m);
	int err, saved;

	clean_up(dir);
	list_strangers(dir, m);
	err = finish_listed(dir, path, m, progress, arg);
	set_duration(m);
	if (!manifest_text(root, "stopped_because")[0])
		manifest_set_text(root, "stopped_because", "crashed");
	manifest_set_text(root, "state", err ? "partial" : "finished");
	/* What was kept for this. */
	unlinkat(dir, DISK_RESERVE_MANIFEST_NAME, 0);
	saved = manifest_save(dir, m);
	return err ? err : saved;
}

/* The id is the directory's name and begins with the time. */
static int64_t started_of(const char *id)
{
	struct tm tm = { 0 };
	const char *end = strptime(id, "%Y%m%dT%H%M%SZ", &tm);

	return end ? (int64_t)timegm(&tm) * 1000 : 0;
}

struct manifest *finish_rebuild(int dir, const char *path)
{
	cJSON *origin = manifest_origin(dir);
	char real[4096];
	const char *id = path, *slash;
	struct manifest *m;

	if (realpath(path, real))
		id = real;
	slash = strrchr(id, '/');
	id = slash ? slash + 1 : id;
	m = manifest_new(id, manifest_text(origin, "room"),
		cJSON_GetObjectItemCaseSensitive(origin, "about"),
		manifest_get(origin, "started_ms", started_of(id)));
	cJSON_Delete(origin);
	if (m)
		manifest_trouble(m, 0, "io_error",
			"The manifest was lost; it was made again from the "
			"files, without names.");
	return m;
}

static void on_progress(void *arg, unsigned done, unsigned n)
{
	cJSON *line = report_new("progress");

	(void)arg;
	manifest_set_text(line, "what", "finishing");
	manifest_set(line, "percent", n ? 100 * done / n : 100);
	report_line(line);
}

static int finish_dir(int dir, const char *path)
{
	struct manifest *m = NULL;
	char text[256];
	int err = manifest_load(dir, &m);

	if (err == -ENOENT || err == -EBADMSG) {
		m = finish_rebuild(dir, path);
		err = m ? 0 : -ENOMEM;
	}
	if (err) {
		snprintf(text, sizeof(text),
			"The recording cannot be read: %s.",
			err == -E2BIG ? "its manifest is larger than 16 MB"
				      : strerror(-err));
		return report_failed(text);
	}
	if (strcmp(manifest_text(manifest_root(m), "state"), "finished") != 0 &&
		strcmp(manifest_text(manifest_root(m), "state"), "composed"))
		err = finish_files(dir, path, m, on_progress, NULL);
	if (!err)
		report_line(report_stopped(path, m));
	manifest_free(m);
	if (!err)
		return 0;
	snprintf(text, sizeof(text),
		"The recording could not be completed: %s. It is tried again "
		"at the next start.",
		strerror(-err));
	return report_failed(text);
}

/* The daemon gives a locked one: two locks of one directory exclude each other,
 * also within one process. */
static bool is_given(int dir)
{
	struct stat ours, given;

	return fstat(dir, &ours) == 0 && fstat(LOCK_FD, &given) == 0 &&
	       ours.st_dev == given.st_dev && ours.st_ino == given.st_ino;
}

static int lock(int dir)
{
	if (flock(is_given(dir) ? LOCK_FD : dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return report_failed(errno == EWOULDBLOCK
				     ? "This recording is still being made or "
				       "finished: end it first, or wait."
				     : strerror(errno));
}

int finish_main(int argc, char **argv)
{
	int dir, code;

	if (argc != 2)
		return report_failed("Say: hearth-record finish DIRECTORY");
	mux_quiet();
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return report_failed(strerror(errno));
	code = lock(dir);
	if (!code)
		code = finish_dir(dir, argv[1]);
	close(dir);
	return code;
}
