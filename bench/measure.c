#include "bench/measure.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static cpu_set_t before;
static bool pinned;

static int read_file(pid_t pid, const char *name, char *ret, size_t size)
{
	char path[360];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fread(ret, 1, size - 1, f);
	fclose(f);
	ret[n] = '\0';
	return n ? 0 : -EIO;
}

/* The fields of /proc/PID/stat behind the name, which may hold blanks. */
static const char *stat_fields(pid_t pid, char *buf, size_t size)
{
	const char *end;

	if (read_file(pid, "stat", buf, size) != 0)
		return NULL;
	end = strrchr(buf, ')');
	return end ? end + 2 : NULL;
}

static bool is_child(pid_t pid, const char *name)
{
	char buf[1024], own[32];
	const char *fields = stat_fields(pid, buf, sizeof(buf));
	int parent = 0;

	snprintf(own, sizeof(own), "(%.15s)", name);
	return fields && strstr(buf, own) &&
	       sscanf(fields, "%*c %d", &parent) == 1 && parent == getpid();
}

unsigned measure_children(const char *name, pid_t *ret, unsigned max)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	unsigned n = 0;

	while (proc && n < max && (d = readdir(proc))) {
		long pid = strtol(d->d_name, NULL, 10);

		if (pid > 0 && is_child((pid_t)pid, name))
			ret[n++] = (pid_t)pid;
	}
	if (proc)
		closedir(proc);
	return n;
}

pid_t measure_child(const char *name)
{
	pid_t pid = 0;

	measure_children(name, &pid, 1);
	return pid;
}

uint64_t measure_rss(pid_t pid)
{
	char buf[128];
	uint64_t pages;

	if (read_file(pid, "statm", buf, sizeof(buf)) != 0 ||
		sscanf(buf, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int measure_cpu(pid_t pid, struct measure_cpu *ret)
{
	char buf[1024];
	const char *fields;
	uint64_t user, kernel, total, waited;
	uint64_t tick_ms = 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	int err = read_file(pid, "schedstat", buf, sizeof(buf));

	if (err)
		return err;
	if (sscanf(buf, "%" SCNu64 " %" SCNu64, &total, &waited) != 2)
		return -EBADMSG;
	fields = stat_fields(pid, buf, sizeof(buf));
	if (!fields || sscanf(fields,
			       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			       "%" SCNu64 " %" SCNu64,
			       &user, &kernel) != 2)
		return -EBADMSG;
	ret->total_ns = total;
	ret->waited_ns = waited;
	ret->user_ms = user * tick_ms;
	ret->kernel_ms = kernel * tick_ms;
	return 0;
}

/* Calls each for every thread of pid until one says an error. */
static int each_thread(
	pid_t pid, int (*each)(pid_t pid, pid_t tid, void *arg), void *arg)
{
	char path[64];
	DIR *threads;
	struct dirent *d;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	if (!threads)
		return -errno;
	while (!err && (d = readdir(threads))) {
		long tid = strtol(d->d_name, NULL, 10);

		if (tid > 0)
			err = each(pid, (pid_t)tid, arg);
	}
	closedir(threads);
	return err;
}

static int add_time(pid_t pid, pid_t tid, void *arg)
{
	char name[64], buf[128];
	uint64_t *sum = arg, ns;

	snprintf(name, sizeof(name), "task/%d/schedstat", (int)tid);
	/* One that just ended is none. */
	if (read_file(pid, name, buf, sizeof(buf)) == 0 &&
		sscanf(buf, "%" SCNu64, &ns) == 1)
		*sum += ns;
	return 0;
}

int measure_threads(pid_t pid, uint64_t *ret_ns)
{
	uint64_t sum = 0;
	int err = each_thread(pid, add_time, &sum);

	if (!err)
		*ret_ns = sum;
	return err;
}

int measure_process(pid_t pid, uint64_t *ret_ns)
{
	struct timespec t;
	clockid_t id;
	int err = clock_getcpuclockid(pid, &id);

	if (err)
		return -err;
	if (clock_gettime(id, &t) != 0)
		return -errno;
	*ret_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	return 0;
}

int measure_busy(int cpu, uint64_t *ret_ns)
{
	uint64_t v[8] = { 0 }, busy = 0;
	char line[512];
	int own, n = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return -errno;
	while (n < 9 && fgets(line, sizeof(line), f)) {
		n = sscanf(line,
			"cpu%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			&own, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
			&v[7]);
		if (n == 9 && own != cpu)
			n = 0;
	}
	fclose(f);
	if (n < 9)
		return -EBADMSG;
	/* All but idle and waiting for disks. */
	for (unsigned i = 0; i < 8; i++)
		busy += i == 3 || i == 4 ? 0 : v[i];
	*ret_ns = busy * 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return 0;
}

static int pin_thread(pid_t pid, pid_t tid, void *arg)
{
	cpu_set_t set;
	const int *cpu = arg;

	(void)pid;
	CPU_ZERO(&set);
	CPU_SET(*cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set) ? -errno : 0;
}

static int pin(pid_t pid, int cpu)
{
	return each_thread(pid, pin_thread, &cpu);
}

int measure_pin(pid_t pid, int ret[2])
{
	int found[2], n = 0, err;

	if (!pinned && sched_getaffinity(0, sizeof(before), &before) != 0)
		return -errno;
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &before))
			found[n++] = i;
	ret[0] = ret[1] = -1;
	if (n < 2)
		return 0;
	err = pin(pid, found[0]);
	if (!err)
		err = pin(getpid(), found[1]);
	if (err)
		return err;
	pinned = true;
	ret[0] = found[0];
	ret[1] = found[1];
	return 0;
}

int measure_pin_to(pid_t pid, unsigned n)
{
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		return -errno;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &mine) && n-- == 0)
			return pin(pid, i);
	return 0;
}

void measure_unpin(void)
{
	if (pinned)
		sched_setaffinity(0, sizeof(before), &before);
	pinned = false;
}
