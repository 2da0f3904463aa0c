#include "sfu/worker_helper.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
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

enum { BUSY_EVERY_US = 100000 }; /* between two looks at the loop's share */

/* From the loop to both threads. It holds all errands there are: never full. An
 * entry is a session's errands, by `next`. */
struct ring {
	struct {
		_Atomic(struct errand *) first;
		atomic_ullong sent_us;
	} v[HELPER_ERRANDS];
	atomic_uint put, got;
};

struct thread {
	pthread_t id;
	bool runs;
	int fd; /* wakes it */
};

struct helper {
	struct errands errands; /* first */
	struct ring todo;
	_Atomic(struct errand *) done; /* the last one first */
	struct thread prompt, patient;
	int done_fd;
	atomic_bool stop;
	atomic_ullong n_late;
	atomic_bool busy;              /* the loop is: HELPER_BUSY_PERCENT */
	uint64_t seen_us, seen_cpu_us; /* when that was looked at */
	struct event *event, *look;
	bool looks;
	helper_wake_h *wake_h;
	void *arg;
	/* The loop's alone: what came back, in order; and those that rest, the
	 * last used first, so that a quiet worker touches the memory of few. */
	struct errand *back;
	struct errand *all, *idle[HELPER_ERRANDS];
	unsigned n_idle, n_used;
	uint64_t refused;
};

static uint64_t read_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

static void ring_push(struct ring *r, struct errand *first)
{
	unsigned put = atomic_load_explicit(&r->put, memory_order_relaxed);
	unsigned at = put % HELPER_ERRANDS;

	atomic_store_explicit(&r->v[at].first, first, memory_order_relaxed);
	atomic_store_explicit(
		&r->v[at].sent_us, clock_us(), memory_order_relaxed);
	atomic_store_explicit(&r->put, put + 1, memory_order_release);
}

/* The oldest, if it was sent at before_us or earlier; NULL: there is none. */
static struct errand *ring_pop(struct ring *r, uint64_t before_us)
{
	unsigned got = atomic_load_explicit(&r->got, memory_order_acquire);
	struct errand *e;

	do {
		unsigned at = got % HELPER_ERRANDS;

		if (got == atomic_load_explicit(&r->put, memory_order_acquire))
			return NULL;
		e = atomic_load_explicit(&r->v[at].first, memory_order_relaxed);
		if (atomic_load_explicit(&r->v[at].sent_us,
			    memory_order_relaxed) > before_us)
			return NULL;
		/* Where the other thread was faster, what was read may be
		 * anything. */
	} while (!atomic_compare_exchange_weak_explicit(&r->got, &got, got + 1,
		memory_order_acq_rel, memory_order_acquire));
	return e;
}

/* For the loop: since when the oldest waits; UINT64_MAX: there is none. */
static uint64_t ring_oldest(struct ring *r)
{
	unsigned got = atomic_load_explicit(&r->got, memory_order_relaxed);

	if (got == atomic_load_explicit(&r->put, memory_order_relaxed))
		return UINT64_MAX;
	return atomic_load_explicit(
		&r->v[got % HELPER_ERRANDS].sent_us, memory_order_relaxed);
}

/* Only the loop takes from it, and takes all: nothing can come between. */
static void done_push(struct helper *h, struct errand *e)
{
	struct errand *last =
		atomic_load_explicit(&h->done, memory_order_relaxed);

	do
		e->next = last;
	while (!atomic_compare_exchange_weak_explicit(&h->done, &last, e,
		memory_order_release, memory_order_relaxed));
}

static void done_take(struct helper *h)
{
	struct errand *e =
		atomic_exchange_explicit(&h->done, NULL, memory_order_acquire);

	while (e) {
		struct errand *before = e->next;

		e->next = h->back;
		h->back = e;
		e = before;
	}
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

/* The threads. */

static bool is_busy(struct helper *h)
{
	return atomic_load_explicit(&h->busy, memory_order_relaxed);
}

static void run_all(struct helper *h, struct errand *e)
{
	while (e) {
		struct errand *next = e->next;

		/* The queue may have been long, and the timers of DTLS begin
		 * with what is sent now. */
		e->now_us = clock_us();
		errand_run(e);
		done_push(h, e);
		wake(h->done_fd);
		/* A loop that was woken meanwhile may have to wait for the
		 * kernel's next tick, which is up to 4 ms away, else. Where
		 * others want the CPU as well, it costs a whole round. */
		if (is_busy(h))
			sched_yield();
		e = next;
	}
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
 * that is kept. The kernel may not know of it, or not allow it: false, and no
 * harm. */
static bool set_rank(uint32_t policy, int nicer, uint64_t slice_ns)
{
	struct attr a = { 0 };

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 ||
		a.policy != SCHED_OTHER)
		return true;
	a.size = sizeof(a);
	a.policy = policy;
	a.nice = a.nice + nicer < 19 ? a.nice + nicer : 19;
	a.runtime_ns = slice_ns;
	a.deadline_ns = a.period_ns = 0;
	/* A sandbox may allow the one and not the other. Of the calling thread
	 * alone, on Linux. */
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0)
		return true;
	if (nicer)
		setpriority(PRIO_PROCESS, 0, a.nice);
	return false;
}

void helper_prefer_caller(void)
{
	set_rank(SCHED_OTHER, 0, LOOP_SLICE_NS);
}

static void *run_patient(void *arg)
{
	struct helper *h = arg;
	struct errand *e;

	prctl(PR_SET_NAME, "hearth-dtls-idle");
	if (!set_rank(SCHED_IDLE, 0, 0))
		set_rank(SCHED_OTHER, HELPER_NICE, 0);
	while (!ends(h)) {
		await(h->patient.fd);
		/* What is left when it is not any more is the other's. */
		while (!ends(h) && is_busy(h) &&
			(e = ring_pop(&h->todo, UINT64_MAX)))
			run_all(h, e);
	}
	return NULL;
}

/* The next that the prompt thread may have. */
static struct errand *pop_prompt(struct helper *h)
{
	bool busy = is_busy(h);
	struct errand *e = ring_pop(
		&h->todo, busy ? clock_us() - HELPER_PATIENCE_US : UINT64_MAX);

	if (e && busy)
		atomic_fetch_add(&h->n_late, 1);
	return e;
}

static void *run_prompt(void *arg)
{
	struct helper *h = arg;
	struct errand *e;

	prctl(PR_SET_NAME, "hearth-dtls");
	while (!ends(h)) {
		await(h->prompt.fd);
		while (!ends(h) && (e = pop_prompt(h)))
			run_all(h, e);
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

static void look_again(struct helper *h)
{
	static const struct timeval every = { .tv_usec = HELPER_LOOK_US };

	if (!h->looks)
		h->looks = evtimer_add(h->look, &every) == 0;
}

/* How much of the time since the last look has this thread, the loop, run? */
static void judge_loop(struct helper *h)
{
	uint64_t now_us = clock_us(), cpu_us;

	if (h->seen_us && now_us < h->seen_us + BUSY_EVERY_US)
		return;
	cpu_us = read_us(CLOCK_THREAD_CPUTIME_ID);
	if (h->seen_us)
		atomic_store_explicit(&h->busy,
			(cpu_us - h->seen_cpu_us) * 100 >
				(now_us - h->seen_us) * HELPER_BUSY_PERCENT,
			memory_order_relaxed);
	h->seen_us = now_us;
	h->seen_cpu_us = cpu_us;
}

/* While something waits to be begun. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct helper *h = arg;
	uint64_t since_us = ring_oldest(&h->todo);

	(void)fd;
	(void)what;
	h->looks = false;
	if (since_us == UINT64_MAX)
		return;
	judge_loop(h);
	if (!is_busy(h) || since_us + HELPER_PATIENCE_US <= clock_us())
		wake(h->prompt.fd);
	look_again(h);
}

/* All that waits at the session. */
static void hand_over(struct helper *h, struct handshake *s)
{
	for (const struct errand *e = s->first; e; e = e->next)
		s->at_work++;
	ring_push(&h->todo, s->first);
	s->first = s->last = NULL;
	judge_loop(h);
	wake(is_busy(h) ? h->patient.fd : h->prompt.fd);
	look_again(h);
}

static void dispatch(struct errands *errands, struct errand *e)
{
	struct helper *h = (struct helper *)errands;
	struct handshake *s = e->handshake;

	e->next = NULL;
	if (s->last)
		s->last->next = e;
	else
		s->first = e;
	s->last = e;
	if (!s->at_work)
		hand_over(h, s);
}

struct errand *helper_next(struct helper *h)
{
	struct errand *e;

	if (!h->back)
		done_take(h);
	e = h->back;
	if (!e)
		return NULL;
	h->back = e->next;
	if (!--e->handshake->at_work && e->handshake->first)
		hand_over(h, e->handshake);
	return e;
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
	if (h->back || atomic_load_explicit(&h->done, memory_order_relaxed))
		wake(fd);
}

/* Signals are for the loop. */
static int start_thread(
	struct helper *h, struct thread *t, void *(*run)(void *arg))
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->id, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->runs = err == 0;
	return -err;
}

static int start(struct helper *h, struct event_base *base)
{
	int err;

	h->patient.fd = eventfd(0, EFD_CLOEXEC);
	h->prompt.fd = eventfd(0, EFD_CLOEXEC);
	h->done_fd = eventfd(0, EFD_CLOEXEC);
	if (h->patient.fd < 0 || h->prompt.fd < 0 || h->done_fd < 0)
		return -errno;
	/* Untouched it is no memory yet. */
	h->all = calloc(HELPER_ERRANDS, sizeof(*h->all));
	h->event =
		event_new(base, h->done_fd, EV_READ | EV_PERSIST, on_done, h);
	h->look = evtimer_new(base, on_look, h);
	if (!h->all || !h->event || !h->look || event_add(h->event, NULL) != 0)
		return -ENOMEM;
	err = start_thread(h, &h->patient, run_patient);
	return err ? err : start_thread(h, &h->prompt, run_prompt);
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
	h->patient.fd = h->prompt.fd = h->done_fd = -1;
	h->wake_h = wake_h;
	h->arg = arg;
	err = start(h, base);
	if (err)
		helper_free(h);
	else
		*ret = h;
	return err;
}

static void stop_thread(struct thread *t)
{
	if (!t->runs)
		return;
	wake(t->fd);
	pthread_join(t->id, NULL);
}

static void stop(struct helper *h)
{
	atomic_store_explicit(&h->stop, true, memory_order_relaxed);
	stop_thread(&h->patient);
	stop_thread(&h->prompt);
	/* The joins came before: all errands are this thread's now. */
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
	if (h->look)
		event_free(h->look);
	close_fd(h->patient.fd);
	close_fd(h->prompt.fd);
	close_fd(h->done_fd);
	free(h->all);
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

uint64_t helper_late(const struct helper *h)
{
	return atomic_load(&h->n_late);
}

uint64_t helper_refused(const struct helper *h)
{
	return h->refused;
}
