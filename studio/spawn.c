#include "studio/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "sfu/log.h"
#include "studio/process.h"

extern char **environ;

enum { ABOVE = 5, NICE = 10, PIPES = 3, OOM_PATH = 64 };

/* theirs[i] becomes file descriptor i. */
struct pipes {
	int ours[PIPES], theirs[PIPES];
};

char **process_environment(void)
{
	static const char *const wanted[] = { "LD_", "ASAN_", "UBSAN_", "LSAN_",
		"TSAN_", "GCOV_", "LLVM_", "TZ=", "LANG=", "LC_",
		"PATH=", "HOME=", "TMPDIR=", "FONTCONFIG_", "XDG_CACHE_HOME=" };
	size_t n = 0, all = 0;
	char **ret;

	while (environ[all])
		all++;
	ret = calloc(all + 1, sizeof(*ret));
	for (size_t e = 0; ret && e < all; e++)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (!strncmp(
				    environ[e], wanted[i], strlen(wanted[i]))) {
				ret[n++] = environ[e];
				break;
			}
	return ret;
}

static void pipes_close(int fd[PIPES])
{
	for (unsigned i = 0; i < PIPES; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

/* Out of the way of the numbers the child is given. */
static int lift(int fd)
{
	int high;

	if (fd < 0 || fd >= ABOVE)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
	close(fd);
	return high;
}

static int open_one(struct pipes *p, unsigned i)
{
	int fd[2], ours;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return -errno;
	ours = i == 0 ? 1 : 0; /* who reads, who writes */
	p->ours[i] = lift(fd[ours]);
	p->theirs[i] = lift(fd[!ours]);
	if (p->ours[i] < 0 || p->theirs[i] < 0)
		return -EMFILE;
	return fcntl(p->ours[i], F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

static int pipes_open(struct pipes *p, bool talks)
{
	int err = 0;

	for (unsigned i = 0; i < PIPES; i++)
		p->ours[i] = p->theirs[i] = -1;
	if (talks)
		err = open_one(p, 0);
	else
		p->theirs[0] = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
	for (unsigned i = 1; i < PIPES && !err; i++)
		err = open_one(p, i);
	if (!err && p->theirs[0] < 0)
		err = -EMFILE;
	return err;
}

static int set_files(
	posix_spawn_file_actions_t *a, const struct pipes *p, const int fd[2])
{
	int err = 0;

	for (int i = 0; i < PIPES && !err; i++)
		err = posix_spawn_file_actions_adddup2(a, p->theirs[i], i);
	if (!err && fd[0] < 0 && fd[1] < 0)
		return posix_spawn_file_actions_addclosefrom_np(a, PIPES);
	for (int i = 0; i < 2 && !err; i++)
		if (fd[i] >= 0)
			err = posix_spawn_file_actions_adddup2(a, fd[i], 3 + i);
		else
			err = posix_spawn_file_actions_addopen(
				a, 3 + i, "/dev/null", O_RDWR, 0);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(a, ABOVE);
	return err;
}

static int set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setsigmask(a, &none);
	/* We ignore SIGPIPE; a program expects it. */
	if (!err)
		err = posix_spawnattr_setsigdefault(a, &all);
	if (!err)
		err = posix_spawnattr_setpgroup(a, 0);
	if (!err)
		err = posix_spawnattr_setflags(
			a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				   POSIX_SPAWN_SETPGROUP);
	return err;
}

/* Where memory runs out it ends, not the calls; what it starts inherits that
 * (proc_pid_oom_score_adj(5)). */
static int give_way(pid_t pid)
{
	static const char most[] = "1000";
	char path[OOM_PATH];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%ld/oom_score_adj", (long)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, most, sizeof(most) - 1) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* A sandbox that forbids it forbids it each time: one line says it. */
static void be_nice(pid_t pid)
{
	static bool warned;
	int err = setpriority(PRIO_PGRP, (id_t)pid, NICE) == 0 ? 0 : -errno;
	int gives = give_way(pid);

	/* A child that is gone already needs neither. */
	if (warned || ((!err || err == -ESRCH) &&
			      (!gives || gives == -ENOENT || gives == -ESRCH)))
		return;
	warned = true;
	log_warn("children_not_nice", "priority=%s oom_score_adj=%s effect=%s",
		log_value(err ? strerror(-err) : "set"),
		log_value(gives ? strerror(-gives) : "set"),
		log_value("composing competes with the calls"));
}

/* posix_spawn and its kin give positive errors. */
static int start(const struct process_options *o, const struct pipes *p,
	const int fd[2], pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return -err;
	err = posix_spawnattr_init(&attributes);
	if (!err) {
		err = set_files(&files, p, fd);
		if (!err)
			err = set_attributes(&attributes);
		if (!err)
			err = posix_spawn(ret, o->path, &files, &attributes,
				o->argv, o->env);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	if (!err && o->nice)
		be_nice(*ret);
	return -err;
}

/* A copy above the numbers of the child; the original stays the caller's. */
static int copy_above(int fd, int *ret)
{
	*ret = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
	return fd >= 0 && *ret < 0 ? -errno : 0;
}

/* Who ignores SIGCHLD, and a parent may have left us so, is not told how a
 * child ended. */
static void hear_of_ends(void)
{
	struct sigaction now;

	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

int spawn(const struct process_options *options, struct spawned *ret)
{
	struct pipes p;
	int fd[2] = { -1, -1 };
	int err = pipes_open(&p, options->talks);

	if (!err)
		err = copy_above(options->fd3, &fd[0]);
	if (!err)
		err = copy_above(options->fd4, &fd[1]);
	hear_of_ends();
	if (!err)
		err = start(options, &p, fd, &ret->pid);
	pipes_close(p.theirs);
	for (unsigned i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	if (err) {
		pipes_close(p.ours);
		return err;
	}
	ret->in = p.ours[0];
	ret->out = p.ours[1];
	ret->err = p.ours[2];
	return 0;
}
