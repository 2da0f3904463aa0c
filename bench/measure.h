/* What Linux tells about a process's CPU time, and where it may run. */
#ifndef HEARTH_BENCH_MEASURE_H
#define HEARTH_BENCH_MEASURE_H

#include <stdint.h>
#include <sys/types.h>

struct measure_cpu {
	uint64_t total_ns;           /* exact */
	uint64_t waited_ns;          /* it could have run, but others did */
	uint64_t user_ms, kernel_ms; /* of which; sampled, 10 ms steps */
};

/* The child of this process with that name (at most 15 characters), 0: none. */
pid_t measure_child(const char *name);

/* All of them, at most max; how many. */
unsigned measure_children(const char *name, pid_t *ret, unsigned max);

/* Resident memory, bytes; 0: not told. */
uint64_t measure_rss(pid_t pid);

/* CPU time of the first thread since its start. 0 or -errno. */
int measure_cpu(pid_t pid, struct measure_cpu *ret);

/* CPU time of all threads that run now, in nanoseconds. 0 or -errno. */
int measure_threads(pid_t pid, uint64_t *ret_ns);

/* CPU time of all threads of the process, also of those that have ended, in
 * nanoseconds. 0 or -errno. */
int measure_process(pid_t pid, uint64_t *ret_ns);

/* Time in which CPU number cpu was not idle, in nanoseconds (10 ms steps). 0 or
 * -errno. */
int measure_busy(int cpu, uint64_t *ret_ns);

/* Puts pid, all its threads, on the first CPU this process may use and this
 * process on the second. *ret: their numbers, -1 where there is one CPU alone
 * and nothing was changed. 0 or -errno. */
int measure_pin(pid_t pid, int ret[2]);

/* Puts pid on the n-th CPU this process may use; nothing where there is none. 0
 * or -errno. */
int measure_pin_to(pid_t pid, unsigned n);

/* Gives this process back the CPUs it had before measure_pin. */
void measure_unpin(void);

#endif
