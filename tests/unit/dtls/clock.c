#include "clock.h"

#include <stddef.h>
#include <sys/time.h>

uint64_t clock_now_us = 1000000;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = (time_t)(clock_now_us / 1000000);
	tv->tv_usec = (suseconds_t)(clock_now_us % 1000000);
	return 0;
}
