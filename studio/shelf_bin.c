#include "studio/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file is shortened before it goes: to free the blocks of hours of video in
 * one call takes long. */
enum {
	SLICE_BYTES = 256 << 20,
	DEPTH_MAX = 4,
	STEPS = 16,
	OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

static const char bin[] = ".deleted-";

int shelf_bin(const struct shelf *s, const char *id)
{
	char name[sizeof(bin) + SHELF_ID];
	int fd = shelf_open(s, id);

	if (fd < 0)
		return fd;
	close(fd);
	snprintf(name, sizeof(name), "%s%s", bin, id);
	return renameat(s->fd, id, s->fd, name) == 0 ? 0 : -errno;
}

/* True: the file is still there, but shorter. */
static bool shorten(int dir, const char *name, const struct stat *st)
{
	bool shorter = false;
	int fd;

	if (!S_ISREG(st->st_mode) || st->st_nlink != 1 ||
		st->st_size <= SLICE_BYTES)
		return false;
	fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		shorter = ftruncate(fd, st->st_size - SLICE_BYTES) == 0;
		close(fd);
	}
	return shorter;
}

/* What one call may do, and what it did. */
struct sweep {
	unsigned steps, done;
};

static bool empty(struct sweep *w, int fd, unsigned depth);

/* True when the entry is gone. */
static bool remove_entry(
	struct sweep *w, int dir, const char *name, unsigned depth)
{
	struct stat st;
	int flag = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (shorten(dir, name, &st)) {
		w->done++;
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		int below =
			depth < DEPTH_MAX ? openat(dir, name, OPEN_DIR) : -1;

		if (below < 0 || !empty(w, below, depth + 1))
			return false;
		flag = AT_REMOVEDIR;
	}
	if (unlinkat(dir, name, flag) != 0)
		return false;
	w->done++;
	return true;
}

/* Removes what is in a directory (fd is closed). True when that was all. */
static bool empty(struct sweep *w, int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	bool all = true;
	struct dirent *e;

	if (!dir) {
		close(fd);
		return false;
	}
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (!w->steps) {
			all = false;
			break;
		}
		w->steps--;
		all &= remove_entry(w, dirfd(dir), e->d_name, depth);
	}
	closedir(dir);
	return all;
}

static bool is_binned(const char *name)
{
	size_t n = sizeof(bin) - 1;

	return strncmp(name, bin, n) == 0 && shelf_id_ok(name + n);
}

bool shelf_sweep(const struct shelf *s)
{
	int copy = openat(s->fd, ".", OPEN_DIR);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct sweep w = { .steps = STEPS };
	struct dirent *e;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while (w.steps && (e = readdir(dir)))
		if (is_binned(e->d_name))
			remove_entry(&w, s->fd, e->d_name, 0);
	closedir(dir);
	return w.done > 0;
}
