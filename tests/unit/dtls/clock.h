/*
 * The clock usrsctp reads: clock.c defines gettimeofday for the whole test
 * program, so that its time is the test's.
 */
#ifndef HEARTH_TESTS_DTLS_CLOCK_H
#define HEARTH_TESTS_DTLS_CLOCK_H

#include <stdint.h>

extern uint64_t clock_now_us;

#endif
