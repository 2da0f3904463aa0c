#include "sfu/worker_helper.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Linux (6.12 and later) lets a thread with short slices take the CPU at once
 * from one with long ones, which is else not disturbed for milliseconds. 0.1 ms
 * is the least there is. */
enum { LOOP_SLICE_NS = 100000 };

/* Not even then while the loop has had more than its part of late, and the
 * kernel looks again after milliseconds. So the thread gets out of the way by
 * itself: a pause is as short as can be, for the loop has the CPU then. */
enum {
	PAUSE_EACH_US = 100,
	PAUSE_NS = 20000,
	/* With so many behind it a step goes on: where the loop is never idle
	 * each pause is long, and joins would stand still. */
	PAUSE_WAITING = 4,
};

/* From one thread to another. It holds all errands there are: never full. */
struct ring {
	_Atomic(struct errand *) v[HELPER_ERRANDS];
	atomic_uint put, got;
};

struct helper {
	struct errands errands; /* first */
	struct ring todo, done;
	pthread_t thread;
	bool runs;
	int todo_fd, done_fd; /* wake the thread, the loop */
	atomic_bool stop;
	struct pollfd *watched; /* sockets of the loop */
	unsigned n_watched;
	uint64_t
		paused_us; /* the thread's: it began, or looked, at that time */
	struct event *event;
	helper_wake_h *wake_h;
	void *arg;
	/* The loop's alone: those that rest, the last used first, so that a
	 * quiet worker touches the memory of few. */
	struct errand *all, *idle[HELPER_ERRANDS];
	unsigned n_idle, n_used;
	uint64_t refused;
};

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void ring_push(struct ring *r, struct errand *e)
{
	unsigned put = atomic_load_explicit(&r->put, memory_order_relaxed);

	atomic_store_explicit(
		&r->v[put % HELPER_ERRANDS], e, memory_order_relaxed);
	atomic_store_explicit(&r->put, put + 1, memory_order_release);
}

static unsigned ring_len(const struct ring *r)
{
	return atomic_load_explicit(&r->put, memory_order_acquire) -
	       atomic_load_explicit(&r->got, memory_order_relaxed);
}

static bool ring_empty(const struct ring *r)
{
	return ring_len(r) == 0;
}

/* The oldest; NULL: there is none. */
static struct errand *ring_pop(struct ring *r)
{
	unsigned got = atomic_load_explicit(&r->got, memory_order_relaxed);
	struct errand *e;

	if (ring_empty(r))
		return NULL;
	e = atomic_load_explicit(
		&r->v[got % HELPER_ERRANDS], memory_order_relaxed);
	/* Whoever puts reads it not: all there are have room. */
	atomic_store_explicit(&r->got, got + 1, memory_order_relaxed);
	return e;
}

/* An eventfd counts: it can be full only after 2^64 of these. */
static void wake(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void await(int fd)
{
	uint64_t n;

	while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

/* The thread. */

static void run(struct helper *h, struct errand *e)
{
	/* The queue may have been long, and the timers of DTLS begin with what
	 * is sent now. */
	e->now_us = h->paused_us = clock_us();
	errand_run(e);
	ring_push(&h->done, e);
	wake(h->done_fd);
}

/* What waits on a socket waits for the loop to get a CPU, most often this one.
 */
static void on_pause(struct dtls_out *to)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct helper *h = (struct helper *)((struct errand *)to)->from;

	if (clock_us() - h->paused_us < PAUSE_EACH_US ||
		ring_len(&h->todo) >= PAUSE_WAITING)
		return;
	if (poll(h->watched, h->n_watched, 0) > 0)
		nanosleep(&pause, NULL);
	h->paused_us = clock_us();
}

static bool ends(const struct helper *h)
{
	return atomic_load_explicit(&h->stop, memory_order_relaxed);
}

/* What sched_setattr(2) takes; libc has no name for it. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* Of the calling thread: that policy, nicer by that much, with slices of that
 * length (0: the kernel's own). Where somebody chose a real-time policy for it,
 * that is kept. The kernel may not know of it, or not allow it: no harm. */
static void set_rank(uint32_t policy, int nicer, uint64_t slice_ns)
{
	struct attr a = { 0 };

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 ||
		a.policy != SCHED_OTHER)
		return;
	a.size = sizeof(a);
	a.policy = policy;
	a.nice = a.nice + nicer < 19 ? a.nice + nicer : 19;
	a.runtime_ns = slice_ns;
	a.deadline_ns = a.period_ns = 0;
	/* A sandbox may allow the one and not the other. Of the calling thread
	 * alone, on Linux. */
	if (syscall(SYS_sched_setattr, 0, &a, 0) != 0 && nicer)
		setpriority(PRIO_PROCESS, 0, a.nice);
}

void helper_prefer_caller(void)
{
	set_rank(SCHED_OTHER, 0, LOOP_SLICE_NS);
}

static void *run_thread(void *arg)
{
	struct helper *h = arg;
	struct errand *e;

	prctl(PR_SET_NAME, "hearth-dtls");
	set_rank(SCHED_BATCH, HELPER_NICE, 0);
	/* Or the kernel makes 70 us of a pause. */
	prctl(PR_SET_TIMERSLACK, 1);
	while (!ends(h)) {
		await(h->todo_fd);
		while (!ends(h) && (e = ring_pop(&h->todo)))
			run(h, e);
	}
	return NULL;
}

/* The loop. */

static struct errand *take(struct errands *errands)
{
	struct helper *h = (struct helper *)errands;

	if (h->n_idle)
		return h->idle[--h->n_idle];
	if (h->n_used < HELPER_ERRANDS)
		return &h->all[h->n_used++];
	h->refused++;
	return NULL;
}

static void dispatch(struct errands *errands, struct errand *e)
{
	struct helper *h = (struct helper *)errands;

	ring_push(&h->todo, e);
	wake(h->todo_fd);
}

struct errand *helper_next(struct helper *h)
{
	return ring_pop(&h->done);
}

void helper_put(struct helper *h, struct errand *e)
{
	assert(h->n_idle < HELPER_ERRANDS);
	e->handshake = NULL;
	h->idle[h->n_idle++] = e;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct helper *h = arg;

	(void)what;
	await(fd);
	h->wake_h(h->arg);
	if (!ring_empty(&h->done))
		wake(fd);
}

/* Signals are for the loop. */
static int start_thread(struct helper *h)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&h->thread, NULL, run_thread, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	h->runs = err == 0;
	return -err;
}

static int start(struct helper *h, struct event_base *base)
{
	h->todo_fd = eventfd(0, EFD_CLOEXEC);
	h->done_fd = eventfd(0, EFD_CLOEXEC);
	if (h->todo_fd < 0 || h->done_fd < 0)
		return -errno;
	/* Untouched it is no memory yet. */
	h->all = calloc(HELPER_ERRANDS, sizeof(*h->all));
	h->event =
		event_new(base, h->done_fd, EV_READ | EV_PERSIST, on_done, h);
	if (!h->all || !h->event || event_add(h->event, NULL) != 0)
		return -ENOMEM;
	return start_thread(h);
}

int helper_new(struct helper **ret, struct event_base *base,
	helper_wake_h *wake_h, void *arg)
{
	struct helper *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->errands.take = take;
	h->errands.send = dispatch;
	h->errands.pause = on_pause;
	h->todo_fd = h->done_fd = -1;
	h->wake_h = wake_h;
	h->arg = arg;
	err = start(h, base);
	if (err)
		helper_free(h);
	else
		*ret = h;
	return err;
}

int helper_watch(struct helper *h, const int *fds, unsigned n)
{
	struct pollfd *v = calloc(n, sizeof(*v));

	assert(!h->watched && !h->n_used);
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	h->watched = v;
	h->n_watched = n;
	return 0;
}

static void stop(struct helper *h)
{
	if (h->runs) {
		atomic_store_explicit(&h->stop, true, memory_order_relaxed);
		wake(h->todo_fd);
		pthread_join(h->thread, NULL);
	}
	/* The join came before: all errands are this thread's now. */
	for (unsigned i = 0; i < h->n_used; i++)
		if (h->all[i].handshake)
			errand_forget(&h->all[i]);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct helper *helper_free(struct helper *h)
{
	if (!h)
		return NULL;
	stop(h);
	if (h->event)
		event_free(h->event);
	close_fd(h->todo_fd);
	close_fd(h->done_fd);
	free(h->all);
	free(h->watched);
	free(h);
	return NULL;
}

struct errands *helper_errands(struct helper *h)
{
	return &h->errands;
}

unsigned helper_waiting(const struct helper *h)
{
	return h->n_used - h->n_idle;
}

uint64_t helper_refused(const struct helper *h)
{
	return h->refused;
}
