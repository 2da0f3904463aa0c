#include "record/disk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool disk_is_full(int err)
{
	return err == ENOSPC || err == EDQUOT;
}

/* The room kept for this moment. */
static bool give_reserve(struct disk *d)
{
	const struct disk_event ev = { .type = DISK_LOW, .err = ENOSPC };
	bool had;

	pthread_mutex_lock(&d->lock);
	had = d->reserve;
	d->reserve = false;
	pthread_mutex_unlock(&d->lock);
	if (!had)
		return false;
	unlinkat(d->dir, DISK_RESERVE_NAME, 0);
	disk_tell(d, &ev);
	return true;
}

int disk_write_all(
	struct disk *d, int fd, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = d->ops.pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && disk_is_full(errno) && give_reserve(d))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int disk_create(struct disk *d, const char *name, int flags)
{
	int fd;

	do
		fd = d->ops.openat(d->dir, name,
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags,
			0600);
	while (fd < 0 &&
		(errno == EINTR || (disk_is_full(errno) && give_reserve(d))));
	return fd < 0 ? -errno : fd;
}

static void do_open(struct disk *d, const struct disk_job *job)
{
	const struct disk_event ev = {
		.type = DISK_FAILED, .file = job->file, .err = ENOMEM
	};
	struct disk_file *f = calloc(1, sizeof(*f));

	if (!f) {
		disk_tell(d, &ev);
		return;
	}
	f->id = job->file;
	f->fd = disk_create(d, job->name, O_EXCL);
	pthread_mutex_lock(&d->lock);
	TAILQ_INSERT_TAIL(&d->files, f, next);
	pthread_mutex_unlock(&d->lock);
	if (f->fd < 0)
		disk_fail(d, f, -f->fd);
}

static int error_of(struct disk *d, const struct disk_file *f)
{
	int err;

	pthread_mutex_lock(&d->lock);
	err = f->err ? f->err : d->full ? ENOSPC : 0;
	pthread_mutex_unlock(&d->lock);
	return err;
}

/* What is left is the manifest's. */
static void note_full(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->full = true;
	pthread_mutex_unlock(&d->lock);
}

static void do_write(struct disk *d, const struct disk_job *job)
{
	struct disk_file *f = find(d, job->file);
	int err;

	if (!f)
		return;
	err = -error_of(d, f);
	if (!err)
		err = disk_write_all(
			d, f->fd, job->data, job->len, job->offset);
	if (disk_is_full(-err))
		note_full(d);
	/* Half a cluster is of no use to anybody. */
	if (err && f->fd >= 0 && job->offset == f->end &&
		ftruncate(f->fd, (off_t)f->end) != 0)
		err = -errno;
	if (err) {
		disk_fail(d, f, -err);
		return;
	}
	pthread_mutex_lock(&d->lock);
	if (f->end < job->offset + job->len)
		f->end = job->offset + job->len;
	f->dirty = true;
	pthread_mutex_unlock(&d->lock);
}

/* The rest is the keeper's. */
static void do_close(struct disk *d, const struct disk_job *job)
{
	struct disk_file *f = find(d, job->file);

	if (!f)
		return;
	pthread_mutex_lock(&d->lock);
	TAILQ_REMOVE(&d->files, f, next);
	f->whole = job->whole;
	TAILQ_INSERT_TAIL(&d->closed, f, next);
	pthread_cond_signal(&d->keep);
	pthread_mutex_unlock(&d->lock);
}

void disk_reserve(struct disk *d, bool there)
{
	pthread_mutex_lock(&d->lock);
	d->reserve = there;
	d->full = d->full && !there;
	pthread_mutex_unlock(&d->lock);
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
	case DISK_JOB_RELEASE:
		disk_reserve(d, false);
		unlinkat(d->dir, DISK_RESERVE_NAME, 0);
		break;
	}
}

/* NULL: the end. */
static struct disk_job *next_job(struct disk *d)
{
	struct disk_job *job;

	pthread_mutex_lock(&d->lock);
	while (!(job = STAILQ_FIRST(&d->jobs)) && !d->ending)
		pthread_cond_wait(&d->wake, &d->lock);
	if (job)
		STAILQ_REMOVE_HEAD(&d->jobs, next);
	pthread_mutex_unlock(&d->lock);
	return job;
}

void *disk_run(void *arg)
{
	struct disk *d = arg;
	struct disk_job *job;

	while ((job = next_job(d))) {
		do_job(d, job);
		/* Bytes count as waiting until they are written. */
		pthread_mutex_lock(&d->lock);
		d->queued -= job->len;
		pthread_mutex_unlock(&d->lock);
		free(job->data);
		free(job);
	}
	pthread_mutex_lock(&d->lock);
	d->done = true;
	pthread_cond_signal(&d->keep);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}
