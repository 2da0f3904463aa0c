#include "studio/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST "manifest.json"
#define ORIGIN   "origin.json"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int make_parent(const char *path)
{
	char parent[SHELF_PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	return mkdir(parent, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

int shelf_init(struct shelf *s, const char *path)
{
	size_t n = strlen(path);
	int err;

	s->fd = -1;
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(s->path) - 128)
		return -EINVAL;
	memcpy(s->path, path, n);
	s->path[n] = '\0';
	if (mkdir(s->path, 0700) != 0 && errno == ENOENT) {
		err = make_parent(s->path);
		if (err)
			return err;
		mkdir(s->path, 0700);
	}
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

void shelf_done(struct shelf *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

uint64_t shelf_free_bytes(const struct shelf *s)
{
	struct statvfs fs;

	if (fstatvfs(s->fd, &fs) != 0)
		return UINT64_MAX;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

bool shelf_id_ok(const char *id)
{
	static const char form[] = "########T######Z-xxxxxxxx";

	for (unsigned i = 0; i < SHELF_ID; i++) {
		bool digit = id[i] >= '0' && id[i] <= '9';
		bool good = form[i] == '#' ? digit
			    : form[i] == 'x'
				    ? digit || (id[i] >= 'a' && id[i] <= 'f')
				    : id[i] == form[i];

		if (!good)
			return false;
	}
	return id[SHELF_ID] == '\0';
}

uint64_t shelf_id_ms(const char *id)
{
	struct tm tm = { 0 };
	time_t at;

	if (!shelf_id_ok(id) || !strptime(id, "%Y%m%dT%H%M%SZ", &tm))
		return 0;
	at = timegm(&tm);
	return at > 0 ? (uint64_t)at * 1000 : 0;
}

bool shelf_file_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return n > 0 && n <= SHELF_FILE_MAX && name[n] == '\0' &&
	       name[0] != '.';
}

int shelf_make(struct shelf *s, char ret_id[SHELF_ID + 1])
{
	time_t now = time(NULL);
	char stamp[sizeof("20261126T110552Z")];
	uint32_t chance;
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
		!strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		return -EOVERFLOW;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -EAGAIN;
	snprintf(ret_id, SHELF_ID + 1, "%s-%08x", stamp, chance);
	return mkdirat(s->fd, ret_id, 0700) == 0 ? 0 : -errno;
}

int shelf_path(const struct shelf *s, const char *id, const char *file,
	char *ret, size_t cap)
{
	int n = snprintf(ret, cap, "%s/%s%s%s", s->path, id, file ? "/" : "",
		file ? file : "");

	return n < 0 || (size_t)n >= cap ? -E2BIG : 0;
}

int shelf_open(const struct shelf *s, const char *id)
{
	int fd;

	if (!shelf_id_ok(id))
		return -ENOENT;
	fd = openat(s->fd, id, OPEN_DIR);
	if (fd >= 0)
		return fd;
	return errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno;
}

int shelf_lock(const struct shelf *s, const char *id)
{
	int fd = shelf_open(s, id), err;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* O_NONBLOCK: a pipe of that name must not hold us up. */
static int open_regular(int dir, const char *name, uint64_t *ret_size)
{
	int fd = openat(
		dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -ENOENT : -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOENT;
	}
	*ret_size = (uint64_t)st.st_size;
	return fd;
}

int shelf_open_file(const struct shelf *s, const char *id, const char *name,
	uint64_t *ret_size)
{
	int dir, fd;

	if (!shelf_file_ok(name))
		return -ENOENT;
	dir = shelf_open(s, id);
	if (dir < 0)
		return dir;
	fd = open_regular(dir, name, ret_size);
	close(dir);
	return fd;
}

static int read_whole(int fd, char *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		got += (size_t)n;
	}
	return 0;
}

static int read_json(
	const struct shelf *s, const char *id, const char *name, cJSON **ret)
{
	uint64_t size;
	int fd = shelf_open_file(s, id, name, &size);
	cJSON *json = NULL;
	char *text;
	int err;

	if (fd < 0)
		return fd;
	if (size > SHELF_MANIFEST_MAX) {
		close(fd);
		return -EBADMSG;
	}
	text = malloc(size + 1);
	err = text ? read_whole(fd, text, size) : -ENOMEM;
	close(fd);
	if (!err) {
		json = cJSON_ParseWithLength(text, size);
		if (!cJSON_IsObject(json))
			err = -EBADMSG;
	}
	free(text);
	if (err)
		cJSON_Delete(json);
	else
		*ret = json;
	return err;
}

int shelf_read(const struct shelf *s, const char *id, cJSON **ret)
{
	return read_json(s, id, MANIFEST, ret);
}

int shelf_read_origin(const struct shelf *s, const char *id, cJSON **ret)
{
	return read_json(s, id, ORIGIN, ret);
}

int64_t shelf_written_ns(const struct shelf *s, const char *id)
{
	char path[SHELF_ID + sizeof("/manifest.json")];
	struct stat st;

	if (!shelf_id_ok(id))
		return 0;
	snprintf(path, sizeof(path), "%s/manifest.json", id);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static int write_whole(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

static int write_synced(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = write_whole(fd, text);
	if (!err && fsync(fd) != 0)
		err = -errno;
	if (close(fd) != 0 && !err)
		err = -errno;
	return err;
}

static int replace(int dir, const char *name, const char *text)
{
	static const char temp[] = ".new.studio";
	int err;

	unlinkat(dir, temp, 0);
	err = write_synced(dir, temp, text);
	if (!err && renameat(dir, temp, dir, name) != 0)
		err = -errno;
	if (err) {
		unlinkat(dir, temp, 0);
		return err;
	}
	/* Some file systems cannot; the file is whole either way. */
	return fsync(dir) == 0 || errno == EINVAL ? 0 : -errno;
}

static int write_json(const struct shelf *s, const char *id, const char *name,
	const cJSON *json)
{
	int dir = shelf_open(s, id), err;
	char *text;

	if (dir < 0)
		return dir;
	text = cJSON_Print(json);
	err = text ? replace(dir, name, text) : -ENOMEM;
	cJSON_free(text);
	close(dir);
	return err;
}

int shelf_write(const struct shelf *s, const char *id, const cJSON *manifest)
{
	return write_json(s, id, MANIFEST, manifest);
}

int shelf_write_origin(
	const struct shelf *s, const char *id, const cJSON *origin)
{
	return write_json(s, id, ORIGIN, origin);
}
