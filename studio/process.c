#include "studio/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include "sfu/log.h"
#include "studio/spawn.h"

enum {
	READ_BYTES = 16384,
	DRAIN_BYTES = 1 << 20, /* of a child that is gone */
	REPORTS_BURST = 3000,
	REPORTS_PER_S = 50,
	LOG_BURST = 40,
	LOG_PER_S = 2,
	POLL_MS = 50
};

/* So many at once, so many per second. */
struct bucket {
	unsigned burst, per_s;
	uint64_t empty_us; /* when it had been empty */
};

struct outlet {
	struct process *p;
	int fd;
	struct event *event;
	struct evbuffer *buf;
	bool reports; /* else for the log */
};

struct process {
	struct event_base *base;
	const char *name;
	char id[64];
	pid_t pid;
	int pidfd;
	struct event *exit, *timer;
	struct bufferevent *orders;
	struct outlet out, err;
	bool talks, killed;
	struct bucket reports, lines;
	unsigned long unsaid; /* lines the log was spared */
	uint64_t heard_us;
	process_report_h *report;
	process_end_h *end;
	void *arg;
};

uint64_t process_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t process_heard_us(const struct process *p)
{
	return p->heard_us;
}

static bool bucket_take(struct bucket *b, uint64_t now_us)
{
	uint64_t one = 1000000 / b->per_s, full = one * b->burst;

	if (b->empty_us + full < now_us)
		b->empty_us = now_us - full;
	if (b->empty_us + one > now_us)
		return false;
	b->empty_us += one;
	return true;
}

static void process_kill(struct process *p, const char *why)
{
	if (p->killed)
		return;
	p->killed = true;
	if (why)
		log_error("child_ended_by_force", "name=%s id=%s why=%s",
			p->name, p->id, log_value(why));
	if (p->pid)
		kill(-p->pid, SIGKILL);
}

static void take_report(struct process *p, const char *line, size_t len)
{
	cJSON *json;

	if (!bucket_take(&p->reports, process_now_us())) {
		process_kill(p, "it talks without end");
		return;
	}
	json = cJSON_ParseWithLength(line, len);
	if (cJSON_IsObject(json))
		p->report(p->arg, json);
	else
		process_kill(p, "it does not speak JSON");
	cJSON_Delete(json);
}

static void take_line(struct process *p, const char *line)
{
	if (bucket_take(&p->lines, process_now_us()))
		log_info("child_says", "name=%s id=%s text=%s", p->name, p->id,
			log_value(line));
	else
		p->unsaid++;
}

static void take_lines(struct outlet *o)
{
	size_t len;
	char *line;

	while (!o->p->killed &&
		(line = evbuffer_readln(o->buf, &len, EVBUFFER_EOL_LF))) {
		o->p->heard_us = process_now_us();
		if (o->reports)
			take_report(o->p, line, len);
		else
			take_line(o->p, line);
		free(line);
	}
	if (evbuffer_get_length(o->buf) < PROCESS_LINE_MAX)
		return;
	if (o->reports)
		process_kill(o->p, "its line has no end");
	evbuffer_drain(o->buf, evbuffer_get_length(o->buf));
}

static void outlet_close(struct outlet *o)
{
	if (o->event)
		event_free(o->event);
	if (o->buf)
		evbuffer_free(o->buf);
	if (o->fd >= 0)
		close(o->fd);
	o->event = NULL;
	o->buf = NULL;
	o->fd = -1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct outlet *o = arg;
	int n = evbuffer_read(o->buf, fd, READ_BYTES);

	(void)what;
	if (n > 0)
		take_lines(o);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		event_del(o->event);
}

static void outlet_drain(struct outlet *o)
{
	for (size_t got = 0; o->buf && got < DRAIN_BYTES;) {
		int n = evbuffer_read(o->buf, o->fd, READ_BYTES);

		if (n <= 0)
			break;
		got += (size_t)n;
		take_lines(o);
	}
}

static int outlet_open(
	struct outlet *o, struct process *p, int fd, bool reports)
{
	o->p = p;
	o->fd = fd;
	o->reports = reports;
	o->buf = evbuffer_new();
	o->event = event_new(p->base, fd, EV_READ | EV_PERSIST, on_readable, o);
	if (!o->buf || !o->event || event_add(o->event, NULL) != 0)
		return -ENOMEM;
	return 0;
}

/* Its number is ours until it is waited for: the group may be ended before. */
static int reap(struct process *p)
{
	int status = EXIT_FAILURE << 8;

	if (p->talks)
		kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	return status;
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;
	siginfo_t info = { 0 };
	int status;

	(void)fd;
	(void)what;
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
			0 &&
		info.si_pid == 0)
		return;
	event_del(p->exit);
	event_del(p->timer);
	status = reap(p);
	outlet_drain(&p->out);
	outlet_drain(&p->err);
	if (p->unsaid)
		log_warn("child_said_too_much", "name=%s id=%s lines=%lu",
			p->name, p->id, p->unsaid);
	p->end(p->arg, status);
	process_free(p);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	process_kill(arg, "it did not end when asked to");
}

static int watch(struct process *p)
{
	const struct timeval poll = { .tv_usec = POLL_MS * 1000 };

	p->timer = evtimer_new(p->base, on_timer, p);
	p->pidfd = pidfd_open(p->pid, 0);
	p->exit = event_new(p->base, p->pidfd,
		(short)(EV_PERSIST | (p->pidfd >= 0 ? EV_READ : 0)),
		on_exit_event, p);
	if (!p->timer || !p->exit)
		return -ENOMEM;
	/* Kernels before 5.3 and some sandboxes have no pidfd. */
	return event_add(p->exit, p->pidfd >= 0 ? NULL : &poll) ? -ENOMEM : 0;
}

static int attach(struct process *p, struct spawned *child)
{
	int err = outlet_open(&p->err, p, child->err, false);
	int out = outlet_open(&p->out, p, child->out, p->talks);

	if (child->in >= 0) {
		p->orders = bufferevent_socket_new(
			p->base, child->in, BEV_OPT_CLOSE_ON_FREE);
		if (!p->orders)
			close(child->in);
		else
			bufferevent_enable(p->orders, EV_WRITE);
	}
	if (err || out || (child->in >= 0 && !p->orders))
		return -ENOMEM;
	return watch(p);
}

int process_new(struct process **ret, struct event_base *base,
	const struct process_options *options, process_report_h *report,
	process_end_h *end, void *arg)
{
	struct process *p = calloc(1, sizeof(*p));
	struct spawned child;
	int err;

	if (!p)
		return -ENOMEM;
	p->base = base;
	p->name = options->name;
	p->talks = options->talks;
	p->report = report;
	p->end = end;
	p->arg = arg;
	p->pidfd = p->out.fd = p->err.fd = -1;
	p->heard_us = process_now_us();
	p->reports = (struct bucket){ REPORTS_BURST, REPORTS_PER_S, 0 };
	p->lines = (struct bucket){ LOG_BURST, LOG_PER_S, 0 };
	snprintf(p->id, sizeof(p->id), "%s", options->id);
	err = spawn(options, &child);
	if (!err) {
		p->pid = child.pid;
		err = attach(p, &child);
	}
	if (err) {
		process_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

struct process *process_free(struct process *p)
{
	if (!p)
		return NULL;
	if (p->pid) {
		kill(-p->pid, SIGKILL);
		reap(p);
	}
	if (p->exit)
		event_free(p->exit);
	if (p->timer)
		event_free(p->timer);
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->orders)
		bufferevent_free(p->orders);
	outlet_close(&p->out);
	outlet_close(&p->err);
	free(p);
	return NULL;
}

int process_send(struct process *p, const cJSON *order)
{
	struct evbuffer *out =
		p->orders ? bufferevent_get_output(p->orders) : NULL;
	char *text;
	int err = 0;

	if (!out)
		return -EPIPE;
	if (evbuffer_get_length(out) > PROCESS_ORDERS_MAX)
		return -ENOBUFS;
	text = cJSON_PrintUnformatted(order);
	if (!text || evbuffer_add(out, text, strlen(text)) != 0 ||
		evbuffer_add(out, "\n", 1) != 0)
		err = -ENOMEM;
	cJSON_free(text);
	return err;
}

void process_end(struct process *p, unsigned grace_ms)
{
	const struct timeval tv = { .tv_sec = (time_t)(grace_ms / 1000),
		.tv_usec = (suseconds_t)(grace_ms % 1000 * 1000) };

	if (p->killed || !p->pid)
		return;
	kill(-p->pid, SIGTERM);
	if (!event_pending(p->timer, EV_TIMEOUT, NULL))
		event_add(p->timer, &tv);
}
