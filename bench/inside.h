/*
 * What the benchmark and its worker process share beside the seam: a page of
 * memory, through which the benchmark asks for things and the worker tells what
 * it spends its CPU time on.
 *
 * The worker is hearth's. Its program is the benchmark's own file, in which the
 * linker puts functions of inside_wrap.c around some of the edge's
 * (--wrap in CMakeLists.txt): they note which phase the thread is in. That is a
 * branch while it is not asked for; asked for, it is two readings of the
 * thread's CPU clock for each call.
 */
#ifndef HEARTH_BENCH_INSIDE_H
#define HEARTH_BENCH_INSIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum inside_phase {
	INSIDE_RECEIVE, /* recvmmsg, and what is done for each datagram */
	INSIDE_OPEN,    /* authenticating and decrypting RTP that came in */
	INSIDE_ROUTE,   /* all between: whose, to whom, headers, copies */
	INSIDE_SEAL,
	INSIDE_SEND, /* sendmmsg and its preparation */
	INSIDE_REST, /* the loop, timers, reports */
	INSIDE_PHASES
};

struct inside {
	/* The benchmark writes. */
	atomic_bool phases; /* wanted */
	atomic_bool bare;   /* the bare loop shall run, bare.h */
	/* The worker writes. */
	atomic_bool bare_runs;
	atomic_uint bare_receivers;
	_Atomic uint64_t bare_packets; /* forwarded by it */
	_Atomic uint64_t bare_other;   /* came in and was nothing to forward */
	_Atomic uint64_t bare_turns;
	_Atomic uint64_t ns[INSIDE_PHASES];
	_Atomic uint64_t sent; /* datagrams, by hearth's udp_send */
	/* The worker's heap in use, mallinfo2: once asked for by SIGUSR2. */
	_Atomic uint64_t heap_bytes, heap_reads;
};

/* Makes the page, before the first worker is started. 0 or -errno. */
int inside_make(void);
/* In the worker: the page of the parent. 0 or -errno. */
int inside_find(void);
/* The page; NULL: neither was called. */
struct inside *inside_page(void);

/* In the worker: from now on the thread is in that phase; returns the one it
 * was in. */
enum inside_phase inside_enter(enum inside_phase p);
const char *inside_phase_name(enum inside_phase p);

#endif
