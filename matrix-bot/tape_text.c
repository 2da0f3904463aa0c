#include "matrix-bot/tape_text.h"

#include <stdio.h>
#include <time.h>

enum { SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600 };

void tape_text_duration(char *ret, size_t cap, uint64_t ms)
{
	unsigned long long s = ms / SECOND_MS;

	if (s < MINUTE_S)
		snprintf(ret, cap, "%llu s", s);
	else if (s < HOUR_S)
		snprintf(ret, cap, "%llu min", s / MINUTE_S);
	else
		snprintf(ret, cap, "%llu h %llu min", s / HOUR_S,
			s % HOUR_S / MINUTE_S);
}

void tape_text_when(char *ret, size_t cap, uint64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / SECOND_MS);
	struct tm tm;

	if (!gmtime_r(&s, &tm) ||
		strftime(ret, cap, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(ret, cap, "an unknown time");
}

void tape_text_size(char *ret, size_t cap, uint64_t bytes)
{
	if (bytes < 1000 * 1000)
		snprintf(ret, cap, "%llu kB",
			(unsigned long long)(bytes + 999) / 1000);
	else if (bytes < 1000 * 1000 * 1000)
		snprintf(ret, cap, "%llu MB",
			(unsigned long long)bytes / 1000000);
	else
		snprintf(ret, cap, "%llu.%llu GB",
			(unsigned long long)bytes / 1000000000,
			(unsigned long long)bytes / 100000000 % 10);
}
