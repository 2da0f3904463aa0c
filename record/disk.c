#include "record/disk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int open_at(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags, mode);
}

static const struct disk_ops system_ops = {
	.openat = open_at,
	.pwrite = pwrite,
	.sync = fdatasync,
};

static void init_locks(struct disk *d)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &attr);
	pthread_cond_init(&d->keep, &attr);
	pthread_condattr_destroy(&attr);
}

static void done_locks(struct disk *d)
{
	pthread_cond_destroy(&d->keep);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
}

/* Both threads end. */
static void end_threads(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->writer, NULL);
}

static int start_threads(struct disk *d)
{
	int err = pthread_create(&d->writer, NULL, disk_run, d);

	if (err)
		return -err;
	err = pthread_create(&d->keeper, NULL, disk_keep, d);
	if (err)
		end_threads(d);
	return -err;
}

int disk_new(struct disk **ret, int dir, const struct disk_ops *ops)
{
	struct disk *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->dir = dir;
	d->ops = ops ? *ops : system_ops;
	STAILQ_INIT(&d->jobs);
	STAILQ_INIT(&d->events);
	TAILQ_INIT(&d->files);
	TAILQ_INIT(&d->closed);
	init_locks(d);
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = d->event_fd < 0 ? -errno : start_threads(d);
	if (err) {
		if (d->event_fd >= 0)
			close(d->event_fd);
		done_locks(d);
		free(d);
		return err;
	}
	*ret = d;
	return 0;
}

struct disk *disk_free(struct disk *d)
{
	struct disk_note *note;

	if (!d)
		return NULL;
	end_threads(d);
	pthread_join(d->keeper, NULL);
	while ((note = STAILQ_FIRST(&d->events))) {
		STAILQ_REMOVE_HEAD(&d->events, next);
		free(note);
	}
	done_locks(d);
	close(d->event_fd);
	free(d->manifest);
	free(d);
	return NULL;
}

int disk_fd(const struct disk *d)
{
	return d->event_fd;
}

bool disk_next(struct disk *d, struct disk_event *ret)
{
	struct disk_note *note;
	uint64_t count;

	pthread_mutex_lock(&d->lock);
	note = STAILQ_FIRST(&d->events);
	if (note)
		STAILQ_REMOVE_HEAD(&d->events, next);
	else if (read(d->event_fd, &count, sizeof(count)) < 0)
		count = 0; /* EAGAIN: nothing was told meanwhile */
	pthread_mutex_unlock(&d->lock);
	if (!note)
		return false;
	*ret = note->event;
	free(note);
	return true;
}

uint64_t disk_queued(struct disk *d)
{
	uint64_t queued;

	pthread_mutex_lock(&d->lock);
	queued = d->queued;
	pthread_mutex_unlock(&d->lock);
	return queued;
}

static void push(struct disk *d, struct disk_job *job)
{
	pthread_mutex_lock(&d->lock);
	STAILQ_INSERT_TAIL(&d->jobs, job, next);
	d->queued += job->len;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

static int order(
	struct disk *d, enum disk_job_type type, uint32_t file, bool whole)
{
	struct disk_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->type = type;
	job->file = file;
	job->whole = whole;
	push(d, job);
	return 0;
}

uint32_t disk_open(struct disk *d, const char *name)
{
	struct disk_job *job = calloc(1, sizeof(*job));

	if (!job)
		return 0;
	job->type = DISK_JOB_OPEN;
	job->file = ++d->last_file;
	snprintf(job->name, sizeof(job->name), "%s", name);
	push(d, job); /* it is the writer's from here on */
	return d->last_file;
}

int disk_write(struct disk *d, uint32_t file, uint64_t offset, uint8_t *data,
	size_t len)
{
	struct disk_job *job = calloc(1, sizeof(*job));

	if (!job) {
		free(data);
		return -ENOMEM;
	}
	job->type = DISK_JOB_WRITE;
	job->file = file;
	job->offset = offset;
	job->data = data;
	job->len = len;
	push(d, job);
	return 0;
}

int disk_close(struct disk *d, uint32_t file, bool whole)
{
	return order(d, DISK_JOB_CLOSE, file, whole);
}

void disk_manifest(struct disk *d, char *text)
{
	pthread_mutex_lock(&d->lock);
	free(d->manifest);
	d->manifest = text;
	pthread_cond_signal(&d->keep);
	pthread_mutex_unlock(&d->lock);
}

void disk_probe(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->probe = true;
	pthread_cond_signal(&d->keep);
	pthread_mutex_unlock(&d->lock);
}

int disk_release(struct disk *d)
{
	return order(d, DISK_JOB_RELEASE, 0, false);
}
