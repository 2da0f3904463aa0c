#include "record/disk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PASSED_MAX = 256 }; /* jobs done before a manifest that waits */

#define MANIFEST_NEW "manifest.json.new"

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* An event for which there is no memory is lost; the owner then finds out by
 * the next one. */
static void tell(struct disk *d, const struct disk_event *ev)
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

static struct disk_file *find(struct disk *d, uint32_t id)
{
	struct disk_file *f;

	TAILQ_FOREACH(f, &d->files, next)
	{
		if (f->id == id)
			return f;
	}
	return NULL;
}

static void fail(struct disk *d, struct disk_file *f, int err)
{
	const struct disk_event ev = {
		.type = DISK_FAILED, .file = f->id, .err = err
	};

	if (f->err)
		return;
	f->err = err;
	tell(d, &ev);
}

static bool is_full(int err)
{
	return err == ENOSPC || err == EDQUOT;
}

/* The room kept for this moment. */
static bool give_reserve(struct disk *d)
{
	const struct disk_event ev = { .type = DISK_LOW, .err = ENOSPC };

	if (!d->reserve)
		return false;
	d->reserve = false;
	unlinkat(d->dir, DISK_RESERVE_NAME, 0);
	tell(d, &ev);
	return true;
}

static int write_all(
	struct disk *d, int fd, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = d->ops.pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && is_full(errno) && give_reserve(d))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int create(struct disk *d, const char *name, int flags)
{
	int fd;

	do
		fd = d->ops.openat(d->dir, name,
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags,
			0600);
	while (fd < 0 &&
		(errno == EINTR || (is_full(errno) && give_reserve(d))));
	return fd < 0 ? -errno : fd;
}

static void do_open(struct disk *d, const struct disk_job *job)
{
	struct disk_file *f = calloc(1, sizeof(*f));
	const struct disk_event ev = {
		.type = DISK_FAILED, .file = job->file, .err = ENOMEM
	};

	if (!f) {
		tell(d, &ev);
		return;
	}
	f->id = job->file;
	f->fd = create(d, job->name, O_EXCL);
	TAILQ_INSERT_TAIL(&d->files, f, next);
	if (f->fd < 0)
		fail(d, f, -f->fd);
}

static void do_write(struct disk *d, const struct disk_job *job)
{
	struct disk_file *f = find(d, job->file);
	int err;

	if (!f || f->err)
		return;
	err = write_all(d, f->fd, job->data, job->len, job->offset);
	/* Half a cluster is of no use to anybody. */
	if (err && job->offset == f->end && ftruncate(f->fd, (off_t)f->end))
		err = -errno;
	if (err) {
		fail(d, f, -err);
		return;
	}
	if (f->end < job->offset + job->len)
		f->end = job->offset + job->len;
	f->dirty = true;
	if (!d->sync_us)
		d->sync_us = clock_us() + DISK_SYNC_US;
}

static void sync_file(struct disk *d, struct disk_file *f)
{
	if (!f->dirty || f->fd < 0)
		return;
	f->dirty = false;
	if (d->ops.sync(f->fd) != 0)
		fail(d, f, errno);
}

static void sync_all(struct disk *d)
{
	struct disk_file *f;

	d->sync_us = 0;
	TAILQ_FOREACH(f, &d->files, next)
	{
		sync_file(d, f);
	}
}

static void drop(struct disk *d, struct disk_file *f)
{
	TAILQ_REMOVE(&d->files, f, next);
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
	drop(d, f);
	tell(d, &ev);
}

static void do_close(struct disk *d, const struct disk_job *job)
{
	struct disk_file *f = find(d, job->file);

	if (!f)
		return;
	sync_file(d, f);
	if (job->whole && !f->err)
		f->digest = digest_new(f->fd);
	f->closed = true;
	if (!f->digest)
		tell_closed(d, f);
}

static void hash_step(struct disk *d, struct disk_file *f)
{
	int err = digest_step(f->digest);

	if (err > 0)
		return;
	if (err < 0)
		fail(d, f, -err);
	tell_closed(d, f);
}

static int write_reserve(struct disk *d, int fd)
{
	static const uint8_t zeros[65536];
	int err = 0;

	for (uint64_t at = 0; at < DISK_RESERVE && !err; at += sizeof(zeros))
		err = write_all(d, fd, zeros, sizeof(zeros), at);
	return !err && d->ops.sync(fd) != 0 ? -errno : err;
}

static void do_probe(struct disk *d)
{
	struct disk_event ev = { .type = DISK_PROBED };
	int fd, err;

	d->reserve = false; /* it must not help to make itself */
	fd = create(d, DISK_RESERVE_NAME, O_TRUNC);
	err = fd < 0 ? fd : write_reserve(d, fd);
	if (fd >= 0)
		close(fd);
	if (err)
		unlinkat(d->dir, DISK_RESERVE_NAME, 0);
	d->reserve = err == 0;
	ev.err = -err;
	tell(d, &ev);
}

static int write_manifest(struct disk *d, const char *text)
{
	int fd = create(d, MANIFEST_NEW, O_TRUNC);
	int err;

	if (fd < 0)
		return fd;
	err = write_all(d, fd, text, strlen(text), 0);
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
	const int err = write_manifest(d, text);
	const struct disk_event ev = { .type = DISK_FAILED, .err = -err };

	if (err)
		tell(d, &ev);
	free(text);
}

static void do_job(struct disk *d, struct disk_job *job)
{
	switch (job->type) {
	case DISK_JOB_OPEN:
		do_open(d, job);
		break;
	case DISK_JOB_WRITE:
		do_write(d, job);
		break;
	case DISK_JOB_CLOSE:
		do_close(d, job);
		break;
	case DISK_JOB_PROBE:
		do_probe(d);
		break;
	case DISK_JOB_RELEASE:
		d->reserve = false;
		unlinkat(d->dir, DISK_RESERVE_NAME, 0);
		break;
	}
}

static struct disk_file *hashing(struct disk *d)
{
	struct disk_file *f;

	TAILQ_FOREACH(f, &d->files, next)
	{
		if (f->closed)
			return f;
	}
	return NULL;
}

/* Called and returns with the lock held. */
static void wait_for_work(struct disk *d)
{
	struct timespec until = {
		.tv_sec = (time_t)(d->sync_us / 1000000),
		.tv_nsec = (long)(d->sync_us % 1000000) * 1000,
	};

	if (d->sync_us)
		pthread_cond_timedwait(&d->wake, &d->lock, &until);
	else
		pthread_cond_wait(&d->wake, &d->lock);
}

/* What is to be done next; false: the end. Bytes count as waiting until they
 * are written. */
static bool next_work(struct disk *d, struct disk_job **job, char **manifest)
{
	bool more = true;

	pthread_mutex_lock(&d->lock);
	if (STAILQ_EMPTY(&d->jobs) && !d->manifest && !hashing(d)) {
		more = !d->ending;
		if (more)
			wait_for_work(d);
	}
	*job = STAILQ_FIRST(&d->jobs);
	if (*job)
		STAILQ_REMOVE_HEAD(&d->jobs, next);
	/* After the writes it speaks of, unless these never end. */
	*manifest = NULL;
	if (STAILQ_EMPTY(&d->jobs) || ++d->passed >= PASSED_MAX) {
		*manifest = d->manifest;
		d->manifest = NULL;
		d->passed = 0;
	}
	pthread_mutex_unlock(&d->lock);
	return more || *job || *manifest;
}

static void finish_job(struct disk *d, struct disk_job *job)
{
	do_job(d, job);
	pthread_mutex_lock(&d->lock);
	d->queued -= job->len;
	pthread_mutex_unlock(&d->lock);
	free(job->data);
	free(job);
}

void *disk_run(void *arg)
{
	struct disk *d = arg;
	struct disk_job *job;
	char *manifest;

	while (next_work(d, &job, &manifest)) {
		struct disk_file *f = hashing(d);

		if (job)
			finish_job(d, job);
		if (manifest)
			do_manifest(d, manifest);
		if (!job && !manifest && f)
			hash_step(d, f);
		if (d->sync_us && clock_us() >= d->sync_us)
			sync_all(d);
	}
	for (struct disk_file *f; (f = TAILQ_FIRST(&d->files));) {
		sync_file(d, f);
		drop(d, f);
	}
	return NULL;
}
