#include "matrix-bot/client_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/util.h>
#include "sfu/log.h"

enum { DEFAULT_TIMEOUT_MS = 30000 };

static unsigned backoff(uint64_t ms, unsigned failures, uint64_t max_ms)
{
	uint16_t jitter;

	for (; failures && ms < max_ms; failures--)
		ms *= 2;
	if (ms > max_ms)
		ms = max_ms;
	evutil_secure_rng_get_bytes(&jitter, sizeof(jitter));
	return (unsigned)(ms * 3 / 4 + ms * jitter / 2 / UINT16_MAX);
}

unsigned client_backoff_ms(const struct client *c, unsigned failures)
{
	return backoff(c->backoff_ms, failures, c->backoff_max_ms);
}

static unsigned job_backoff_ms(const struct client *c, const struct job *j)
{
	return backoff(c->backoff_ms, j->failures,
		j->flags & CLIENT_PATIENT ? CLIENT_PATIENT_MS
					  : c->backoff_max_ms);
}

char *client_url(const struct client *c, const char *path)
{
	size_t n = strlen(c->homeserver) + strlen(path) + 1;
	char *url = malloc(n);

	if (url)
		snprintf(url, n, "%s%s", c->homeserver, path);
	return url;
}

int client_fetch(struct client *c, const char *method, const char *path,
	const char *bearer, const char *body, unsigned timeout_ms,
	fetch_h *handler, void *arg, struct fetch_transfer **ret)
{
	struct fetch_request q = { .method = method, .bearer = bearer };
	char *url = client_url(c, path);
	int r;

	if (!url)
		return -ENOMEM;
	q.url = url;
	q.body = body;
	q.timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
	r = fetch_start(c->fetch, &q, handler, arg, ret);
	free(url);
	return r;
}

void client_job_free(struct job *j)
{
	free(j->method);
	free(j->path);
	free(j->body);
	free(j->replaces);
	free(j->body_path);
	free(j->content_type);
	free(j);
}

/* The job leaves its lane before the handler runs, which may add others. */
static void job_finish(
	struct lane *l, struct job *j, const struct client_reply *r)
{
	TAILQ_REMOVE(&l->jobs, j, entry);
	l->n_jobs--;
	if (j->handler)
		j->handler(j->arg, j->tag, r);
	client_job_free(j);
}

void client_job_fail(struct lane *l, struct job *j, int error)
{
	struct client_reply r = { .error = error };

	r.errcode = "";
	r.message = "";
	job_finish(l, j, &r);
}

void client_lane_free(struct lane *l)
{
	struct job *j;

	TAILQ_REMOVE(&l->client->lanes, l, entry);
	l->client->n_lanes--;
	fetch_cancel(l->wire);
	while ((j = TAILQ_FIRST(&l->jobs))) {
		TAILQ_REMOVE(&l->jobs, j, entry);
		client_job_free(j);
	}
	if (l->timer)
		event_free(l->timer);
	free(l->name);
	free(l);
}

static void lane_wait(struct lane *l, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	l->waiting = true;
	event_add(l->timer, &tv);
}

static uint64_t limited_ms(struct client *c, const struct job *j,
	const struct fetch_reply *r, const cJSON *json)
{
	const cJSON *after =
		cJSON_GetObjectItemCaseSensitive(json, "retry_after_ms");

	if (cJSON_IsNumber(after) && after->valuedouble >= 0 &&
		after->valuedouble < 3600e3)
		return (uint64_t)after->valuedouble;
	if (r->retry_after_ms)
		return r->retry_after_ms;
	return job_backoff_ms(c, j);
}

static void hold_paced(struct client *c, uint64_t ms)
{
	uint64_t until_us = fetch_now_us() + ms * 1000;
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	if (until_us < c->hold_until_us)
		return;
	c->hold_until_us = until_us;
	event_add(c->hold_timer, &tv);
}

/* True if the job is to be sent again: the lane waits. */
static bool lane_retry(struct lane *l, struct job *j,
	const struct fetch_reply *r, const cJSON *json)
{
	struct client *c = l->client;
	const char *errcode = client_json_string(json, "errcode");
	uint64_t ms;

	if (r->status == 429) {
		ms = limited_ms(c, j, r, json);
		c->counters.limited++;
		j->failures++;
		if (j->flags & CLIENT_PACED)
			hold_paced(c, ms);
		else
			lane_wait(l, ms);
		return true;
	}
	if (r->status == 401 && strcmp(errcode, "M_UNKNOWN_TOKEN") == 0) {
		if (l->session == c->session)
			client_session_lost(c);
		return true;
	}
	if (r->status != 0 && r->status != 408 && r->status < 500 &&
		!(r->status < 300 && !json) && r->status >= 200)
		return false;
	c->counters.retries++;
	j->unsure = true;
	ms = job_backoff_ms(c, j);
	if (++j->failures == 1)
		log_warn("request_failed",
			"what=\"the homeserver does not answer well, trying "
			"again\" status=%d error=%s again_ms=%llu",
			r->status, log_value(r->error), (unsigned long long)ms);
	lane_wait(l, ms);
	return true;
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
	struct lane *l = arg;
	struct client *c = l->client;
	struct job *j = TAILQ_FIRST(&l->jobs), *next;
	cJSON *json = cJSON_ParseWithLength(r->body, r->len);
	struct client_reply reply = { .status = r->status };

	l->wire = NULL;
	next = TAILQ_NEXT(j, entry);
	if (lane_retry(l, j, r, json)) {
		/* What it was about has ended meanwhile. */
		if (next && next->flags & CLIENT_URGENT)
			client_job_fail(l, j, -ECANCELED);
	} else {
		reply.errcode = client_json_string(json, "errcode");
		reply.message = client_json_string(json, "error");
		reply.json = json;
		if (r->status >= 300)
			c->counters.failures++;
		job_finish(l, j, &reply);
	}
	cJSON_Delete(json);
	client_kick(c);
}

bool client_lane_may_go(const struct lane *l, uint64_t now_us)
{
	const struct job *j = TAILQ_FIRST(&l->jobs);
	const struct client *c = l->client;

	return j && !l->wire && !l->waiting &&
	       !(j->flags & CLIENT_PACED && now_us < c->hold_until_us);
}

/* No bound on the whole: only one that stands still is cut off. */
static int send_file(struct lane *l, const struct job *j)
{
	struct client *c = l->client;
	struct fetch_request q = { .method = j->method,
		.bearer = c->token,
		.body_path = j->body_path,
		.content_type = j->content_type,
		.low_speed_s = CLIENT_STALLED_S };
	char *url = client_url(c, j->path);
	int r = -ENOMEM;

	q.url = url;
	q.timeout_ms = j->timeout_ms;
	if (url)
		r = fetch_start(c->fetch, &q, on_reply, l, &l->wire);
	free(url);
	return r;
}

void client_lane_send(struct lane *l)
{
	struct client *c = l->client;
	struct job *j = TAILQ_FIRST(&l->jobs);
	int r;

	c->counters.requests++;
	l->session = c->session;
	if (j->body_path)
		r = send_file(l, j);
	else
		r = client_fetch(c, j->method, j->path, c->token, j->body,
			j->timeout_ms, on_reply, l, &l->wire);
	if (r == -ENOENT || r == -EACCES) {
		/* The file is gone, no waiting helps; told from the loop. */
		j->expires_us = 1;
		lane_wait(l, 0);
	} else if (r < 0) {
		lane_wait(l, job_backoff_ms(c, j));
		j->failures++;
	}
}

static void expire_jobs(struct client *c, uint64_t now_us)
{
	struct lane *l;
	struct job *j, *next;

	TAILQ_FOREACH(l, &c->lanes, entry)
	{
		for (j = TAILQ_FIRST(&l->jobs); j; j = next) {
			next = TAILQ_NEXT(j, entry);
			if (!j->expires_us || j->expires_us > now_us)
				continue;
			if (j == TAILQ_FIRST(&l->jobs) && l->wire)
				continue;
			client_job_fail(l, j, -ETIMEDOUT);
			/* The handler may have changed this lane. */
			next = TAILQ_FIRST(&l->jobs);
		}
	}
}

static void kick_flagged(struct client *c, unsigned flags, uint64_t now_us)
{
	struct lane *l, *next;

	for (l = TAILQ_FIRST(&c->lanes); l; l = next) {
		next = TAILQ_NEXT(l, entry);
		if (!TAILQ_FIRST(&l->jobs) && !l->wire && !l->waiting)
			client_lane_free(l);
		else if (client_lane_may_go(l, now_us) &&
			 (TAILQ_FIRST(&l->jobs)->flags & flags) == flags)
			client_lane_send(l);
	}
}

void client_kick(struct client *c)
{
	uint64_t now_us = fetch_now_us();

	expire_jobs(c, now_us);
	if (c->state != CLIENT_IN)
		return;
	/* A hangup frees people; it goes before anything else that waited. */
	kick_flagged(c, CLIENT_URGENT, now_us);
	kick_flagged(c, 0, now_us);
}

void client_on_lane_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lane *l = arg;

	(void)fd;
	(void)what;
	l->waiting = false;
	client_kick(l->client);
}

void client_on_hold_timer(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	c->hold_until_us = 0;
	client_kick(c);
}
