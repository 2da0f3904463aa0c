/*
 * The worker's second thread: it does the steps of DTLS handshakes (errand.h),
 * so that media never waits for one. Two rings and two eventfds lie between it
 * and the loop; no lock, and nothing else is shared.
 *
 *   loop --todo--> thread: errand_run --done--> loop: wake_h, helper_next
 *
 * It is nicer than the loop by HELPER_NICE, for machines where both share a
 * CPU. HELPER_ERRANDS are all there are; who wants one more is refused, and
 * DTLS sends again.
 */
#ifndef HEARTH_SFU_WORKER_HELPER_H
#define HEARTH_SFU_WORKER_HELPER_H

#include <stdint.h>
#include "sfu/errand.h"

enum {
	HELPER_ERRANDS = 256, /* a power of two */
	/* Where both want the CPU all the time, five sixths are the loop's.
	 * Much more, and joins stand still on a busy machine. */
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

/* Has the kernel let the calling thread, a loop, take the CPU from helpers as
 * soon as there is something to do. Programs that it starts inherit that. */
void helper_prefer_caller(void);

/* Lets the thread end the step it is at, and forgets all errands: sessions that
 * nobody gave up are at home again. Returns NULL; NULL is fine. */
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
