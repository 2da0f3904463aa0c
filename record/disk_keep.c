#include "record/disk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST_NEW "manifest.json.new"

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* An event for which there is no memory is lost; the owner then finds out by
 * the next one. */
void disk_tell(struct disk *d, const struct disk_event *ev)
{
	struct disk_note *note = malloc(sizeof(*note));
	const uint64_t one = 1;

	if (!note)
		return;
	note->event = *ev;
	pthread_mutex_lock(&d->lock);
	STAILQ_INSERT_TAIL(&d->events, note, next);
	if (write(d->event_fd, &one, sizeof(one)) < 0)
		errno = 0; /* it is readable already */
	pthread_mutex_unlock(&d->lock);
}

void disk_fail(struct disk *d, struct disk_file *f, int err)
{
	const struct disk_event ev = {
		.type = DISK_FAILED, .file = f->id, .err = err
	};
	bool first;

	pthread_mutex_lock(&d->lock);
	first = f->err == 0;
	if (first)
		f->err = err;
	pthread_mutex_unlock(&d->lock);
	if (first)
		disk_tell(d, &ev);
}

static void sync_file(struct disk *d, struct disk_file *f)
{
	if (f->fd >= 0 && d->ops.sync(f->fd) != 0)
		disk_fail(d, f, errno);
}

/* Only the keeper frees files, so that one stays while it is synced. */
static struct disk_file *next_dirty(struct disk *d)
{
	struct disk_file *f;

	pthread_mutex_lock(&d->lock);
	TAILQ_FOREACH(f, &d->files, next)
	{
		if (f->dirty)
			break;
	}
	if (f)
		f->dirty = false;
	pthread_mutex_unlock(&d->lock);
	return f;
}

static void sync_all(struct disk *d)
{
	struct disk_file *f;

	while ((f = next_dirty(d)))
		sync_file(d, f);
}

/* --- Files that are closed --- */

static void free_file(struct disk *d, struct disk_file *f)
{
	pthread_mutex_lock(&d->lock);
	TAILQ_REMOVE(&d->closed, f, next);
	pthread_mutex_unlock(&d->lock);
	digest_free(f->digest);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static void tell_closed(struct disk *d, struct disk_file *f)
{
	struct disk_event ev = { .type = DISK_CLOSED,
		.file = f->id,
		.err = f->err,
		.bytes = f->end };

	if (f->digest && !f->err)
		digest_hex(f->digest, ev.sha256);
	free_file(d, f);
	disk_tell(d, &ev);
}

/* One step of the hash, so that the rest of the work goes on between. */
static void step_closed(struct disk *d, struct disk_file *f)
{
	int err = 0;

	if (!f->digest) {
		sync_file(d, f);
		if (f->whole && !f->err)
			f->digest = digest_new(f->fd);
	}
	if (f->digest)
		err = digest_step(f->digest);
	if (err > 0)
		return;
	if (err < 0)
		disk_fail(d, f, -err);
	tell_closed(d, f);
}

/* --- The manifest --- */

static int write_manifest(struct disk *d, const char *text)
{
	int fd = disk_create(d, MANIFEST_NEW, O_TRUNC);
	int err;

	if (fd < 0)
		return fd;
	err = disk_write_all(d, fd, text, strlen(text), 0);
	if (!err && d->ops.sync(fd) != 0)
		err = -errno;
	close(fd);
	if (!err && renameat(d->dir, MANIFEST_NEW, d->dir, DISK_MANIFEST) != 0)
		err = -errno;
	/* A directory that cannot be synced (some file systems) is no reason
	 * to speak of a lost manifest. */
	if (!err && fsync(d->dir) != 0)
		errno = 0;
	if (err)
		unlinkat(d->dir, MANIFEST_NEW, 0);
	return err;
}

static void do_manifest(struct disk *d, char *text)
{
	struct disk_event ev = { .type = DISK_FAILED };
	int err = write_manifest(d, text);

	if (disk_is_full(-err) &&
		unlinkat(d->dir, DISK_RESERVE_MANIFEST_NAME, 0) == 0)
		err = write_manifest(d, text);
	ev.err = -err;
	if (err)
		disk_tell(d, &ev);
	free(text);
}

/* --- The reserve --- */

static int write_reserve(struct disk *d, int fd)
{
	static const uint8_t zeros[65536];
	int err = 0;

	for (uint64_t at = 0; at < DISK_RESERVE && !err; at += sizeof(zeros))
		err = disk_write_all(d, fd, zeros, sizeof(zeros), at);
	return !err && d->ops.sync(fd) != 0 ? -errno : err;
}

static int make_reserve(struct disk *d, const char *name)
{
	int fd = disk_create(d, name, O_TRUNC);
	int err = fd < 0 ? fd : write_reserve(d, fd);

	if (fd >= 0)
		close(fd);
	if (err)
		unlinkat(d->dir, name, 0);
	return err;
}

static void do_probe(struct disk *d)
{
	struct disk_event ev = { .type = DISK_PROBED };
	int err;

	disk_reserve(d, false); /* it must not help to make itself */
	err = make_reserve(d, DISK_RESERVE_MANIFEST_NAME);
	if (!err)
		err = make_reserve(d, DISK_RESERVE_NAME);
	disk_reserve(d, err == 0);
	ev.err = -err;
	disk_tell(d, &ev);
}

/* --- The keeper --- */

struct work {
	char *manifest;
	bool probe;
	struct disk_file *closed;
};

/* Called with the lock held. */
static void wait_for_work(struct disk *d, uint64_t sync_us)
{
	const struct timespec until = {
		.tv_sec = (time_t)(sync_us / 1000000),
		.tv_nsec = (long)(sync_us % 1000000) * 1000,
	};

	pthread_cond_timedwait(&d->keep, &d->lock, &until);
}

/* False: nothing is left, and nothing will come. */
static bool next_work(struct disk *d, uint64_t sync_us, struct work *ret)
{
	bool more = true;

	pthread_mutex_lock(&d->lock);
	if (!d->manifest && !d->probe && TAILQ_EMPTY(&d->closed)) {
		more = !d->done;
		if (more)
			wait_for_work(d, sync_us);
	}
	*ret = (struct work){ .manifest = d->manifest,
		.probe = d->probe,
		.closed = TAILQ_FIRST(&d->closed) };
	d->manifest = NULL;
	d->probe = false;
	pthread_mutex_unlock(&d->lock);
	return more || ret->manifest || ret->probe || ret->closed;
}

void *disk_keep(void *arg)
{
	struct disk *d = arg;
	uint64_t sync_us = clock_us() + DISK_SYNC_US;
	struct disk_file *f;
	struct work work;

	while (next_work(d, sync_us, &work)) {
		if (work.probe)
			do_probe(d);
		if (work.manifest)
			do_manifest(d, work.manifest);
		if (work.closed)
			step_closed(d, work.closed);
		if (clock_us() >= sync_us) {
			sync_all(d);
			sync_us = clock_us() + DISK_SYNC_US;
		}
	}
	/* Those that nobody closed. */
	sync_all(d);
	while ((f = TAILQ_FIRST(&d->files))) {
		TAILQ_REMOVE(&d->files, f, next);
		TAILQ_INSERT_TAIL(&d->closed, f, next);
		free_file(d, f);
	}
	return NULL;
}
