#include "sfu/sfu_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sfu/log.h"

extern char **environ;

enum {
	ENVIRONMENT_MAX = 16,
	LIVED_LONG_US = 60000000,
	BACK_OFF_MS = 250,
	BACK_OFF_MAX_MS = 30000
};

static void on_message(void *arg, const struct wire_message *m);

/* A worker parses what strangers send: of the environment, where secrets may
 * lie, it gets no more than how to load and to be instrumented. */
static void pick_environment(char *ret[ENVIRONMENT_MAX + 1])
{
	static const char *const wanted[] = { "LD_", "ASAN_", "UBSAN_", "LSAN_",
		"TSAN_", "GCOV_", "LLVM_", "TZ=", "LANG=" };
	unsigned n = 0;

	for (char **e = environ; *e && n < ENVIRONMENT_MAX; e++)
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (!strncmp(*e, wanted[i], strlen(wanted[i]))) {
				ret[n++] = *e;
				break;
			}
	ret[n] = NULL;
}

/* Between fork and exec: system calls only, other threads may hold locks. */
static void become_worker(
	int fd, char *const argv[], char *const env[], pid_t parent)
{
	if (fd == WORKER_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, WORKER_FD);
#ifdef SYS_close_range
	syscall(SYS_close_range, (unsigned)WORKER_FD + 1, ~0u, 0);
#endif
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execve("/proc/self/exe", argv, env);
	_exit(127);
}

static int spawn_process(struct child *c)
{
	char number[16], name[] = "hearth", option[] = "--worker";
	char *argv[] = { name, option, number, NULL };
	char *env[ENVIRONMENT_MAX + 1];
	pid_t parent = getpid();
	int fd[2], err;

	snprintf(number, sizeof(number), "%u", c->options.index);
	pick_environment(env);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		return -errno;
	c->pid = fork();
	if (c->pid == 0)
		become_worker(fd[1], argv, env, parent);
	err = -errno;
	close(fd[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(fd[0]);
		return err;
	}
	c->pipe = pipe_new(c->sfu->base, fd[0], on_message, c);
	return c->pipe ? 0 : -ENOMEM;
}

static void on_local_end(void *arg, int code)
{
	(void)arg;
	(void)code;
}

static int spawn_local(struct child *c)
{
	struct pipe *ends[2];
	int err = pipe_pair(c->sfu->base, ends);

	if (err)
		return err;
	pipe_listen(ends[0], on_message, c);
	c->pipe = ends[0];
	return worker_new(
		&c->local, c->sfu->base, ends[1], false, on_local_end, c);
}

/* Takes the process's end note. It may still run: it is ended then. */
static void reap(struct child *c, unsigned patience_ms)
{
	int status = 0;

	if (!c->pid)
		return;
	for (; patience_ms && waitpid(c->pid, &status, WNOHANG) == 0;
		patience_ms--)
		usleep(1000);
	if (!patience_ms) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!c->sfu->stopping)
			log_warn("worker_died",
				"index=%u signal=%d exit=%d participants=%u",
				c->options.index,
				WIFSIGNALED(status) ? WTERMSIG(status) : 0,
				WIFEXITED(status) ? WEXITSTATUS(status) : 0,
				c->n_guests);
	}
	c->pid = 0;
}

static void rest(struct child *c)
{
	uint64_t ms = 0;
	struct timeval tv;

	if (c->deaths > 1)
		ms = c->deaths > 8 ? BACK_OFF_MAX_MS
				   : (uint64_t)BACK_OFF_MS << (c->deaths - 2);
	if (ms > BACK_OFF_MAX_MS)
		ms = BACK_OFF_MAX_MS;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	if (!ms)
		child_start(c);
	else
		event_add(c->restart, &tv);
}

/* The worker is no more, whatever the reason. */
static void died(struct child *c)
{
	struct child_guests guests = TAILQ_HEAD_INITIALIZER(guests);
	struct sfu *s = c->sfu;

	if (s->stopping)
		c->state = CHILD_GONE;
	else
		c->state = CHILD_RESTING;
	c->pipe = pipe_free(c->pipe);
	/* When stopping it may have farewells to send and a report to write;
	 * child_done waits for it. */
	if (!s->stopping)
		reap(c, 0);
	stats_add(&c->before, &c->last, false);
	memset(&c->last, 0, sizeof(c->last));
	c->rooms.n = 0;
	TAILQ_CONCAT(&guests, &c->guests, of_child);
	c->n_guests = c->load = c->fresh = 0;
	c->measured_us = 0;
	if (!s->stopping) {
		c->deaths = sfu_clock_us() - c->born_us > LIVED_LONG_US
				    ? 1
				    : c->deaths + 1;
		c->restarts++;
		/* First: who is told may want to come back at once. */
		rest(c);
	}
	sfu_on_death(c, &guests);
	if (s->stopping)
		sfu_on_gone(s);
}

void child_start(struct child *c)
{
	struct wire_message m = { .type = WIRE_OPTIONS };
	int err = c->sfu->local ? spawn_local(c) : spawn_process(c);

	c->born_us = sfu_clock_us();
	c->asked_us = 0;
	if (!err) {
		m.u.options = c->options;
		err = pipe_send(c->pipe, &m);
	}
	if (!err) {
		c->state = CHILD_STARTING;
		return;
	}
	log_error("worker_not_started", "index=%u error=%s", c->options.index,
		log_value(strerror(-err)));
	c->pipe = pipe_free(c->pipe);
	c->local = worker_free(c->local);
	reap(c, 0);
	c->state = CHILD_RESTING;
	c->deaths = c->deaths < 2 ? 2 : c->deaths + 1;
	rest(c);
}

static void on_message(void *arg, const struct wire_message *m)
{
	struct child *c = arg;

	if (!m) {
		died(c);
		return;
	}
	switch (m->type) {
	case WIRE_HELLO:
		c->state = CHILD_READY;
		c->was_ready = true;
		break;
	case WIRE_SORRY:
		log_error("worker_sorry", "index=%u text=%s", c->options.index,
			log_value(m->u.text.v));
		if (!c->was_ready)
			sfu_on_sorry(c->sfu, m->u.text.v);
		else if (c->pid)
			kill(c->pid, SIGKILL);
		break;
	case WIRE_EVENT:
		sfu_on_event(c, &m->u.event);
		break;
	case WIRE_STATS:
		sfu_measure(c, &m->u.stats);
		c->last = m->u.stats;
		c->asked_us = 0;
		break;
	case WIRE_ROOMS:
		c->rooms = m->u.rooms;
		break;
	case WIRE_BYE:
		/* What it still has to write, it writes before it reads the
		 * end of its pipe. */
		c->state = CHILD_GONE;
		sfu_on_gone(c->sfu);
		break;
	default:
		log_warn("worker_talks_nonsense", "index=%u type=%d",
			c->options.index, (int)m->type);
	}
}

void child_ask(struct child *c)
{
	static const struct wire_message ask = { .type = WIRE_ASK_STATS };
	uint64_t now = sfu_clock_us();

	if (c->state != CHILD_READY)
		return;
	if (!c->asked_us) {
		if (pipe_send(c->pipe, &ask) == 0)
			c->asked_us = now;
	} else if (c->pid && now - c->asked_us > CHILD_SILENT_US) {
		log_error("worker_hangs", "index=%u", c->options.index);
		kill(c->pid, SIGKILL);
	}
}

void child_hang_up(struct child *c)
{
	if (c->restart)
		event_free(c->restart);
	c->restart = NULL;
	c->pipe = pipe_free(c->pipe);
	c->local = worker_free(c->local);
}

void child_done(struct child *c)
{
	reap(c, 150);
}
