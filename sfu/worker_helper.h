/*
 * The worker's other threads: they do the steps of DTLS handshakes (errand.h),
 * so that media never waits for one. A ring, a list and eventfds lie between
 * them and the loop; no lock, and nothing else is shared.
 *
 *   loop --todo--> a thread: errand_run --done--> loop: wake_h, helper_next
 *
 * Where the loop is not busy, the prompt one does them all. It is no nicer than
 * others: those may keep the CPUs busy, and a step that was begun by a thread
 * that has to wait for them stands still in the middle, where nobody else can
 * end it.
 *
 * Where the loop is busy, the patient one does, which has the CPU where nobody
 * else wants it (SCHED_IDLE): if it shares one with the loop, the loop takes it
 * back at once. What has waited for HELPER_PATIENCE_US, since no CPU is ever
 * free, is the prompt one's. What one session has sent meanwhile waits for what
 * it sent before.
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
	/* Of the patient one, where there is no SCHED_IDLE for it. */
	HELPER_NICE = 7,
	/* A handshake is two or three errands: beside a busy loop, without a
	 * free CPU, it takes that much longer. */
	HELPER_PATIENCE_US = 200000,
	/* A loop that runs more of the time is busy. */
	HELPER_BUSY_PERCENT = 50,
	HELPER_LOOK_US = 50000, /* how often it is looked for such */
};

struct event_base;
struct helper;

/* From the loop: some errands are done. Called again soon if helper_next still
 * has any after it. */
typedef void(helper_wake_h)(void *arg);

/* Starts the threads. 0, -ENOMEM, or what pthread_create and eventfd(2) say. */
int helper_new(struct helper **ret, struct event_base *base,
	helper_wake_h *wake_h, void *arg);

/* Has the kernel let the calling thread, a loop, take the CPU from helpers as
 * soon as there is something to do. Programs that it starts inherit that. */
void helper_prefer_caller(void);

/* Lets the threads end the step they are at, and forgets all errands: sessions
 * that nobody gave up are at home again. Returns NULL; NULL is fine. */
struct helper *helper_free(struct helper *h);

/* What it lends the core. */
struct errands *helper_errands(struct helper *h);

/* The next that is done, in the order they were sent; NULL: none. Give it back
 * with helper_put. */
struct errand *helper_next(struct helper *h);
void helper_put(struct helper *h, struct errand *e);

unsigned helper_waiting(const struct helper *h); /* under way */
/* Steps that the prompt one had to take beside a busy loop. */
uint64_t helper_late(const struct helper *h);
uint64_t helper_refused(const struct helper *h); /* since the start */

#endif
