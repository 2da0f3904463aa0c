/*
 * The worker's other thread: it does the steps of DTLS handshakes (errand.h),
 * so that media never waits for one. Two rings and two eventfds lie between it
 * and the loop; no lock, and nothing else is shared.
 *
 *   loop --todo--> the thread: errand_run --done--> loop: wake_h, helper_next
 *
 * A joiner need not wait long where others keep all CPUs busy: this is a thread
 * like theirs, which the kernel never leaves alone in the middle of a step for
 * long, as it does with SCHED_IDLE. Nor does media on the CPU it shares with
 * the loop: it is nicer by HELPER_NICE, takes the CPU from nobody when it is
 * woken (SCHED_BATCH), but at the kernel's next tick, gives it to the loop at
 * once (helper_prefer_caller), or, where the kernel does not, between two steps
 * while something waits on a socket (helper_watch).
 *
 * HELPER_ERRANDS are all there are; who wants one more is refused, and DTLS
 * sends again.
 */
#ifndef HEARTH_SFU_WORKER_HELPER_H
#define HEARTH_SFU_WORKER_HELPER_H

#include <stdint.h>
#include "sfu/errand.h"

enum {
	HELPER_ERRANDS = 256, /* a power of two */
	/* Where both want the CPU all the time, five sixths are the loop's.
	 * Nicer, and joins stand still on a busy machine. */
	HELPER_NICE = 7,
};

struct event_base;
struct helper;

/* From the loop: some errands are done. Called again soon if helper_next still
 * has any after it. */
typedef void(helper_wake_h)(void *arg);

/* Starts the thread. 0, -ENOMEM, or what pthread_create and eventfd(2) say. */
int helper_new(struct helper **ret, struct event_base *base,
	helper_wake_h *wake_h, void *arg);

/* Sockets of the loop, which stay open as long as the helper: while there is
 * something to read on one the thread pauses between two steps. Once, before
 * the first errand. 0 or -ENOMEM. */
int helper_watch(struct helper *h, const int *fds, unsigned n);

/* Has the kernel let the calling thread, a loop, take the CPU from its helper
 * as soon as there is something to do. Programs that it starts inherit that. */
void helper_prefer_caller(void);

/* Lets the thread end the step it is at, and forgets all errands: sessions
 * that nobody gave up are at home again. Returns NULL; NULL is fine. */
struct helper *helper_free(struct helper *h);

/* What it lends the core. */
struct errands *helper_errands(struct helper *h);

/* The next that is done, in the order they were sent; NULL: none. Give it back
 * with helper_put. */
struct errand *helper_next(struct helper *h);
void helper_put(struct helper *h, struct errand *e);

unsigned helper_waiting(const struct helper *h); /* under way */
uint64_t helper_refused(const struct helper *h); /* since the start */

#endif
