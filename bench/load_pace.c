/* A thread that sends frames at their time, however busy the generator's loop
 * is at the moment: what is late leaves in a bunch, and a bunch waits. */
#include "bench/load_private.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 1024, LATE_US = 100 };

struct frame {
	uint64_t due_us;
	int fd;
	unsigned n;
	uint16_t len[LOAD_FRAME];
	uint8_t buf[LOAD_FRAME][LOAD_DATAGRAM];
};

struct load_pace {
	struct frame *v; /* a ring, from the loop to the thread */
	atomic_uint put, got;
	atomic_bool stop;
	atomic_ulong sent, late;
	int wake;
	bool runs;
	pthread_t thread;
};

static void await_time(uint64_t due_us)
{
	struct timespec at = { .tv_sec = (time_t)(due_us / 1000000),
		.tv_nsec = (long)(due_us % 1000000) * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) ==
		EINTR)
		;
}

static void send_frame(const struct frame *f)
{
	struct mmsghdr h[LOAD_FRAME];
	struct iovec iov[LOAD_FRAME];
	unsigned at = 0;

	memset(h, 0, sizeof(h));
	for (unsigned i = 0; i < f->n; i++) {
		iov[i].iov_base = (void *)f->buf[i];
		iov[i].iov_len = f->len[i];
		h[i].msg_hdr.msg_iov = &iov[i];
		h[i].msg_hdr.msg_iovlen = 1;
	}
	while (at < f->n) {
		int n = sendmmsg(f->fd, h + at, f->n - at, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		at += n > 0 ? (unsigned)n : 1;
	}
}

static void send_due(struct load_pace *p)
{
	unsigned got = atomic_load_explicit(&p->got, memory_order_relaxed);

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed) &&
		got != atomic_load_explicit(&p->put, memory_order_acquire)) {
		const struct frame *f = &p->v[got % FRAMES];

		await_time(f->due_us);
		if (load_clock_us() > f->due_us + LATE_US)
			atomic_fetch_add(&p->late, 1);
		atomic_fetch_add(&p->sent, 1);
		send_frame(f);
		atomic_store_explicit(&p->got, ++got, memory_order_release);
	}
}

static void *run(void *arg)
{
	const struct sched_param first = { .sched_priority = 1 };
	struct load_pace *p = arg;
	uint64_t n;

	/* Before the loop, which has the same CPU; without the right to that it
	 * is late at times, and load_late says so. */
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		while (read(p->wake, &n, sizeof(n)) < 0 && errno == EINTR)
			;
		send_due(p);
	}
	return NULL;
}

static void wake(struct load_pace *p)
{
	uint64_t one = 1;

	while (write(p->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

struct load_pace *load_pace_new(void)
{
	struct load_pace *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wake = eventfd(0, EFD_CLOEXEC);
	p->v = calloc(FRAMES, sizeof(*p->v));
	p->runs = p->v && p->wake >= 0 &&
		  pthread_create(&p->thread, NULL, run, p) == 0;
	return p->runs ? p : load_pace_free(p);
}

struct load_pace *load_pace_free(struct load_pace *p)
{
	if (!p)
		return NULL;
	if (p->runs) {
		atomic_store_explicit(&p->stop, true, memory_order_relaxed);
		wake(p);
		pthread_join(p->thread, NULL);
	}
	if (p->wake >= 0)
		close(p->wake);
	free(p->v);
	free(p);
	return NULL;
}

bool load_pace_frame(struct load_pace *p, uint64_t due_us, int fd,
	const struct iovec *v, unsigned n)
{
	unsigned put = atomic_load_explicit(&p->put, memory_order_relaxed);
	struct frame *f = &p->v[put % FRAMES];

	if (n > LOAD_FRAME ||
		put - atomic_load_explicit(&p->got, memory_order_acquire) ==
			FRAMES)
		return false;
	f->due_us = due_us;
	f->fd = fd;
	f->n = n;
	for (unsigned i = 0; i < n; i++) {
		memcpy(f->buf[i], v[i].iov_base, v[i].iov_len);
		f->len[i] = (uint16_t)v[i].iov_len;
	}
	atomic_store_explicit(&p->put, put + 1, memory_order_release);
	wake(p);
	return true;
}

void load_pace_counts(const struct load_pace *p, uint64_t *sent, uint64_t *late)
{
	*sent = atomic_load(&p->sent);
	*late = atomic_load(&p->late);
}
