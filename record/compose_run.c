#include "record/compose_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 400, NOT_FOUND = 127, READ_SIZE = 4096 };

/* One pipe of the child, cut into lines; the rest of a long one is lost. */
struct pipe_lines {
	int fd;
	size_t len;
	char line[LINE_MAX_BYTES + 1];
};

struct run {
	run_progress_h *progress;
	void *arg;
	bool disk_full;
	char last[LINE_MAX_BYTES + 1];
};

static volatile sig_atomic_t stop_asked;
static volatile pid_t child;

static void on_signal(int number)
{
	stop_asked = number;
	if (child > 0)
		kill(child, SIGKILL);
}

void run_catch_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal };

	sigemptyset(&act.sa_mask);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, NULL);
}

/* Between fork and exec. */
static void become(char *const argv[], int out, int err, pid_t parent,
	const sigset_t *mask)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (getppid() == parent && null >= 0 && dup2(null, 0) == 0 &&
		dup2(out, 1) == 1 && dup2(err, 2) == 2)
		execvp(argv[0], argv);
	_exit(NOT_FOUND);
}

/* The pid is known before a signal can ask for it. */
static int spawn(char *const argv[], int out, int err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(argv, out, err, parent, &before);
	child = pid > 0 ? pid : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -errno : 0;
}

static void hear_progress(struct run *r, const char *line)
{
	static const char key[] = "out_time_us=";
	char *end;
	long long us;

	if (strncmp(line, key, sizeof(key) - 1) != 0)
		return;
	us = strtoll(line + sizeof(key) - 1, &end, 10);
	if (*end == '\0' && us >= 0 && r->progress)
		r->progress(r->arg, us / 1000);
}

static void hear_complaint(struct run *r, const char *line)
{
	if (strstr(line, strerror(ENOSPC)))
		r->disk_full = true;
	/* a home without a cache is not what it failed of */
	if (*line && strncmp(line, "Fontconfig", 10) != 0)
		memcpy(r->last, line, strlen(line) + 1);
}

/* Returns false at the end of the pipe. */
static bool read_lines(struct run *r, struct pipe_lines *p,
	void (*hear)(struct run *r, const char *line))
{
	char buf[READ_SIZE];
	ssize_t n = read(p->fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n' && buf[i] != '\r') {
			if (p->len < LINE_MAX_BYTES)
				p->line[p->len++] = buf[i];
			continue;
		}
		p->line[p->len] = '\0';
		hear(r, p->line);
		p->len = 0;
	}
	if (n == 0 && p->len) {
		p->line[p->len] = '\0';
		hear(r, p->line);
	}
	return n > 0;
}

static void listen_to(struct run *r, int out, int err)
{
	struct pipe_lines lines[2] = { { .fd = out }, { .fd = err } };
	struct pollfd fds[2] = { { .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].fd >= 0 && fds[0].revents &&
			!read_lines(r, &lines[0], hear_progress))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents &&
			!read_lines(r, &lines[1], hear_complaint))
			fds[1].fd = -1;
	}
}

static int await(void)
{
	int status = 0;
	pid_t pid = child;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return status;
}

static int judge(const struct run *r, const char *name, int status,
	char ret_error[RUN_ERROR_MAX])
{
	if (stop_asked) {
		snprintf(ret_error, RUN_ERROR_MAX,
			"Composing was interrupted; the recorded tracks are "
			"kept, start it again.");
		return -EINTR;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
		snprintf(ret_error, RUN_ERROR_MAX,
			"The program %s cannot be run; install it on the "
			"server and compose again.",
			name);
		return -ENOENT;
	}
	if (r->disk_full) {
		snprintf(ret_error, RUN_ERROR_MAX,
			"The disk of recordings is full; make room and compose "
			"again. The recorded tracks are kept.");
		return -ENOSPC;
	}
	if (WIFSIGNALED(status))
		snprintf(ret_error, RUN_ERROR_MAX,
			"%s was ended by signal %d; compose again.", name,
			WTERMSIG(status));
	else
		snprintf(ret_error, RUN_ERROR_MAX,
			"%s failed: %s. The recorded tracks are kept.", name,
			r->last[0] ? r->last : "it did not say why");
	return -EIO;
}

int run_program(char *const argv[], run_progress_h *progress, void *arg,
	char ret_error[RUN_ERROR_MAX])
{
	struct run r = { .progress = progress, .arg = arg };
	int out[2], err[2] = { -1, -1 }, error, status;

	if (stop_asked)
		return judge(&r, argv[0], 0, ret_error);
	if (pipe2(out, O_CLOEXEC) != 0)
		return -errno;
	error = pipe2(err, O_CLOEXEC) != 0 ? -errno : 0;
	if (error == 0)
		error = spawn(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (error < 0) {
		snprintf(ret_error, RUN_ERROR_MAX, "%s cannot be started: %s.",
			argv[0], strerror(-error));
	} else {
		listen_to(&r, out[0], err[0]);
		status = await();
		error = judge(&r, argv[0], status, ret_error);
	}
	close(out[0]);
	close(err[0]);
	return error;
}
