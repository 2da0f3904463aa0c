#include "studio/programs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include "sfu/log.h"
#include "studio/entry.h"
#include "studio/mailbag.h"
#include "studio/process.h"
#include "studio/shelf.h"

extern char **environ;

enum { VARIABLES = 6, GRACE_MS = 5000 };

struct run {
	TAILQ_ENTRY(run) next;
	struct programs *programs;
	char id[SHELF_ID + 1];
	char name[MAILBAG_NAME + 1]; /* of its file; "": it has none */
	const char *event;           /* in variable[0] */
	char *variable[VARIABLES];
	struct process *process; /* NULL: waits */
	struct event *limit;
};

struct programs {
	struct event_base *base;
	char *path;
	int fd;                 /* of the directory; -1: none */
	TAILQ_HEAD(, run) runs; /* in order */
	struct event *start;
	struct programs_counters counters;
};

static void run_free(struct run *r)
{
	struct programs *p = r->programs;

	TAILQ_REMOVE(&p->runs, r, next);
	if (r->process)
		p->counters.running--;
	else
		p->counters.waiting--;
	process_free(r->process);
	if (r->limit)
		event_free(r->limit);
	for (unsigned i = 0; i < VARIABLES; i++)
		free(r->variable[i]);
	free(r);
}

/* It is over, also for the next start. */
static void run_done(struct run *r)
{
	if (*r->name)
		mailbag_remove(r->programs->fd, r->name);
	run_free(r);
}

static void fail(struct run *r, const char *why, int number)
{
	r->programs->counters.failed++;
	log_warn("hook_failed", "event=%s id=%s why=%s number=%d", r->event,
		r->id, why, number);
}

static void on_end(void *arg, int status)
{
	struct run *r = arg;
	struct programs *p = r->programs;

	r->process = NULL;
	p->counters.running--;
	p->counters.waiting++;
	if (WIFSIGNALED(status))
		fail(r, "signal", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		fail(r, "exit", WEXITSTATUS(status));
	run_done(r);
	event_active(p->start, 0, 0);
}

static void on_report(void *arg, const cJSON *report)
{
	(void)arg;
	(void)report;
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)fd;
	(void)what;
	log_warn("hook_too_long", "event=%s id=%s limit_s=%d", r->event, r->id,
		PROGRAMS_TIME_S);
	process_end(r->process, GRACE_MS);
}

static bool is_ours(const struct run *r, const char *variable)
{
	for (unsigned i = 0; i < VARIABLES; i++)
		if (strncmp(variable, r->variable[i],
			    strcspn(r->variable[i], "=") + 1) == 0)
			return true;
	return false;
}

/* Our own environment, the operator's for it, with what is new. The array is
 * the caller's to free, the strings are not. */
static char **make_environment(const struct run *r)
{
	size_t n = 0, all = 0;
	char **ret;

	while (environ[all])
		all++;
	ret = calloc(all + VARIABLES + 1, sizeof(*ret));
	if (!ret)
		return NULL;
	for (size_t i = 0; i < all; i++)
		if (!is_ours(r, environ[i]))
			ret[n++] = environ[i];
	memcpy(ret + n, r->variable, sizeof(r->variable));
	return ret;
}

static int start(struct run *r)
{
	const struct timeval limit = { .tv_sec = PROGRAMS_TIME_S };
	struct programs *p = r->programs;
	char **env = make_environment(r);
	char *argv[] = { p->path, NULL };
	const struct process_options options = { .name = "hook",
		.id = r->id,
		.path = p->path,
		.argv = argv,
		.env = env,
		.fd3 = -1,
		.fd4 = -1,
		.nice = true };
	int err = -ENOMEM;

	r->limit = event_new(p->base, -1, 0, on_limit, r);
	if (env && r->limit)
		err = process_new(
			&r->process, p->base, &options, on_report, on_end, r);
	free(env);
	if (!err) {
		event_add(r->limit, &limit);
		p->counters.waiting--;
		p->counters.running++;
		p->counters.run++;
	}
	return err;
}

static bool is_its_turn(const struct programs *p, const struct run *r)
{
	const struct run *before;

	TAILQ_FOREACH(before, &p->runs, next)
	{
		if (before == r)
			return true;
		if (strcmp(before->id, r->id) == 0)
			return false;
	}
	return true;
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct programs *p = arg;
	struct run *r, *after;
	int err;

	(void)fd;
	(void)what;
	for (r = TAILQ_FIRST(&p->runs); r; r = after) {
		after = TAILQ_NEXT(r, next);
		if (p->counters.running == PROGRAMS_AT_ONCE)
			return;
		if (r->process || !is_its_turn(p, r))
			continue;
		err = start(r);
		if (err) {
			fail(r, "it_cannot_be_run", -err);
			run_done(r);
			/* The next of this recording stands before `after`. */
			after = TAILQ_FIRST(&p->runs);
		}
	}
}

static int set_variables(struct run *r, const struct hook *h)
{
	const char *const pairs[VARIABLES][2] = {
		{ "HEARTH_EVENT", h->event },
		{ "HEARTH_RECORDING", h->id },
		{ "HEARTH_MANIFEST", h->manifest_path },
		{ "HEARTH_DIRECTORY", h->directory },
		{ "HEARTH_ROOM", h->room },
		{ "HEARTH_FILE", h->file },
	};

	for (unsigned i = 0; i < VARIABLES; i++)
		if (asprintf(&r->variable[i], "%s=%s", pairs[i][0],
			    pairs[i][1]) < 0) {
			r->variable[i] = NULL;
			return -ENOMEM;
		}
	r->event = r->variable[0] + strlen("HEARTH_EVENT=");
	return 0;
}

static char *print_body(const struct hook *h)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (cJSON_AddStringToObject(json, "room", h->room) &&
		cJSON_AddStringToObject(json, "directory", h->directory) &&
		cJSON_AddStringToObject(json, "manifest", h->manifest_path) &&
		cJSON_AddStringToObject(json, "file", h->file))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

static int put(struct run *r, const struct hook *h)
{
	struct mail m = { .created_ms = h->time_ms, .url = r->programs->path };
	char *body = print_body(h);
	int err = body ? mailbag_name(h->time_ms, m.name) : -ENOMEM;

	snprintf(m.event, sizeof(m.event), "%s", h->event);
	snprintf(m.id, sizeof(m.id), "%s", h->id);
	if (!err)
		err = mailbag_put(r->programs->fd, &m, body);
	cJSON_free(body);
	if (!err)
		memcpy(r->name, m.name, sizeof(r->name));
	return err;
}

/* A disk that does not take it: then it waits in memory only. */
static void keep(struct run *r, const struct hook *h)
{
	int err = r->programs->fd < 0 ? 0 : put(r, h);

	if (err)
		log_warn("hook_not_kept", "event=%s id=%s error=%s", h->event,
			h->id, log_value(strerror(-err)));
}

/* NULL: no memory, or too many. */
static struct run *enqueue(struct programs *p, const struct hook *h)
{
	struct run *r = p->counters.waiting < PROGRAMS_WAITING
				? calloc(1, sizeof(*r))
				: NULL;

	if (!r) {
		p->counters.failed++;
		log_warn("hook_failed", "event=%s id=%s why=too_many_wait",
			h->event, h->id);
		return NULL;
	}
	r->programs = p;
	snprintf(r->id, sizeof(r->id), "%s", h->id);
	TAILQ_INSERT_TAIL(&p->runs, r, next);
	p->counters.waiting++;
	if (set_variables(r, h) != 0) {
		p->counters.failed++;
		run_free(r);
		return NULL;
	}
	event_active(p->start, 0, 0);
	return r;
}

void programs_run(struct programs *p, const struct hook *h)
{
	struct run *r = enqueue(p, h);

	if (r)
		keep(r, h);
}

static void take_up(struct programs *p, const struct mail *m)
{
	char *text = mailbag_body(p->fd, m->name);
	cJSON *body = text ? cJSON_Parse(text) : NULL;
	const struct hook h = { .event = m->event,
		.id = m->id,
		.room = entry_text(body, "room"),
		.directory = entry_text(body, "directory"),
		.manifest_path = entry_text(body, "manifest"),
		.file = entry_text(body, "file") };
	struct run *r = *h.directory ? enqueue(p, &h) : NULL;

	if (r)
		memcpy(r->name, m->name, sizeof(r->name));
	else
		mailbag_remove(p->fd, m->name);
	cJSON_Delete(body);
	free(text);
}

static int load(struct programs *p)
{
	struct mail *mails = calloc(PROGRAMS_WAITING, sizeof(*mails));
	int n = mails ? mailbag_list(p->fd, mails, PROGRAMS_WAITING) : -ENOMEM;

	for (int i = 0; i < n; i++) {
		take_up(p, &mails[i]);
		free(mails[i].url);
	}
	free(mails);
	return n < 0 ? n : 0;
}

int programs_new(struct programs **ret, struct event_base *base,
	const char *path, const char *directory)
{
	struct programs *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return -ENOMEM;
	TAILQ_INIT(&p->runs);
	p->base = base;
	p->path = strdup(path);
	p->start = event_new(base, -1, 0, on_start, p);
	p->fd = -1;
	if (!p->path || !p->start) {
		programs_free(p);
		return -ENOMEM;
	}
	p->fd = mailbag_open(directory);
	err = p->fd < 0 ? p->fd : load(p);
	if (err)
		log_error("hooks_not_kept", "directory=%s error=%s",
			log_value(directory), log_value(strerror(-err)));
	*ret = p;
	return 0;
}

struct programs *programs_free(struct programs *p)
{
	struct run *r;

	if (!p)
		return NULL;
	while ((r = TAILQ_FIRST(&p->runs)))
		run_free(r);
	if (p->start)
		event_free(p->start);
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p);
	return NULL;
}

const struct programs_counters *programs_counted(const struct programs *p)
{
	return &p->counters;
}
