#include "matrix-bot/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/util.h>
#include "matrix-bot/client_impl.h"
#include "sfu/log.h"

enum { DEFAULT_TIMEOUT_MS = 30000, BACKOFF_MS = 1000, BACKOFF_MAX_MS = 30000 };

const char *client_json_string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

unsigned client_backoff_ms(const struct client *c, unsigned failures)
{
	uint64_t ms = c->backoff_ms;
	uint16_t jitter;

	for (; failures && ms < c->backoff_max_ms; failures--)
		ms *= 2;
	if (ms > c->backoff_max_ms)
		ms = c->backoff_max_ms;
	evutil_secure_rng_get_bytes(&jitter, sizeof(jitter));
	return (unsigned)(ms * 3 / 4 + ms * jitter / 2 / UINT16_MAX);
}

int client_fetch(struct client *c, const char *method, const char *path,
	const char *bearer, const char *body, unsigned timeout_ms,
	fetch_h *handler, void *arg, struct fetch_transfer **ret)
{
	size_t n = strlen(c->homeserver) + strlen(path) + 1;
	struct fetch_request q = { .method = method, .bearer = bearer };
	char *url = malloc(n);
	int r;

	if (!url)
		return -ENOMEM;
	snprintf(url, n, "%s%s", c->homeserver, path);
	q.url = url;
	q.body = body;
	q.timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
	r = fetch_start(c->fetch, &q, handler, arg, ret);
	free(url);
	return r;
}

static void job_free(struct job *j)
{
	free(j->method);
	free(j->path);
	free(j->body);
	free(j->replaces);
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
	job_free(j);
}

static void job_fail(struct lane *l, struct job *j, int error)
{
	struct client_reply r = { .error = error };

	r.errcode = "";
	r.message = "";
	job_finish(l, j, &r);
}

static void lane_free(struct lane *l)
{
	struct job *j;

	TAILQ_REMOVE(&l->client->lanes, l, entry);
	l->client->n_lanes--;
	fetch_cancel(l->wire);
	while ((j = TAILQ_FIRST(&l->jobs))) {
		TAILQ_REMOVE(&l->jobs, j, entry);
		job_free(j);
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
	return client_backoff_ms(c, j->failures);
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
	ms = client_backoff_ms(c, j->failures++);
	log_debug("request_again", "status=%d error=%s in_ms=%llu", r->status,
		log_value(r->error), (unsigned long long)ms);
	lane_wait(l, ms);
	return true;
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
	struct lane *l = arg;
	struct client *c = l->client;
	struct job *j = TAILQ_FIRST(&l->jobs);
	cJSON *json = cJSON_ParseWithLength(r->body, r->len);
	struct client_reply reply = { .status = r->status };

	l->wire = NULL;
	if (!lane_retry(l, j, r, json)) {
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

static bool lane_may_go(const struct lane *l, uint64_t now_us)
{
	const struct job *j = TAILQ_FIRST(&l->jobs);
	const struct client *c = l->client;

	return j && !l->wire && !l->waiting &&
	       !(j->flags & CLIENT_PACED && now_us < c->hold_until_us);
}

static void lane_send(struct lane *l)
{
	struct client *c = l->client;
	struct job *j = TAILQ_FIRST(&l->jobs);
	int r;

	c->counters.requests++;
	l->session = c->session;
	r = client_fetch(c, j->method, j->path, c->token, j->body,
		j->timeout_ms, on_reply, l, &l->wire);
	if (r < 0)
		lane_wait(l, client_backoff_ms(c, j->failures++));
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
			job_fail(l, j, -ETIMEDOUT);
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
			lane_free(l);
		else if (lane_may_go(l, now_us) &&
			 (TAILQ_FIRST(&l->jobs)->flags & flags) == flags)
			lane_send(l);
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

static void on_lane_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lane *l = arg;

	(void)fd;
	(void)what;
	l->waiting = false;
	client_kick(l->client);
}

static void on_hold_timer(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	c->hold_until_us = 0;
	client_kick(c);
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int client_take_config(
	struct client *c, const struct client_config *config)
{
	size_t n;

	if (!config->homeserver || !config->user)
		return -EINVAL;
	c->homeserver = copy(config->homeserver);
	c->user = copy(config->user);
	if (!c->homeserver || !c->user)
		return -ENOMEM;
	n = strlen(c->homeserver);
	while (n && c->homeserver[n - 1] == '/')
		c->homeserver[--n] = '\0';
	c->password = copy(config->password);
	c->config_token = copy(config->token);
	c->device_name = copy(config->device_name);
	if (config->device_id && strlen(config->device_id) <= CLIENT_ID_MAX)
		strcpy(c->device_id, config->device_id);
	c->backoff_ms = config->backoff_ms ? config->backoff_ms : BACKOFF_MS;
	c->backoff_max_ms = config->backoff_max_ms ? config->backoff_max_ms
						   : BACKOFF_MAX_MS;
	return n ? 0 : -EINVAL;
}

int client_new(struct client **ret, struct event_base *base,
	const struct client_config *config, const struct client_handlers *h)
{
	struct client *c = calloc(1, sizeof(*c));
	uint64_t boot;
	int r;

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->handlers = *h;
	TAILQ_INIT(&c->lanes);
	evutil_secure_rng_get_bytes(&boot, sizeof(boot));
	snprintf(c->boot, sizeof(c->boot), "%016llx", (unsigned long long)boot);
	r = client_take_config(c, config);
	if (r == 0)
		r = fetch_new(&c->fetch, base);
	if (r == 0)
		r = client_session_init(c);
	c->hold_timer = event_new(base, -1, 0, on_hold_timer, c);
	if (r < 0 || !c->hold_timer) {
		client_free(c);
		return r < 0 ? r : -ENOMEM;
	}
	*ret = c;
	return 0;
}

struct client *client_free(struct client *c)
{
	struct lane *l;

	if (!c)
		return NULL;
	while ((l = TAILQ_FIRST(&c->lanes)))
		lane_free(l);
	if (c->login)
		fetch_cancel(c->login);
	fetch_free(c->fetch);
	if (c->login_timer)
		event_free(c->login_timer);
	if (c->hold_timer)
		event_free(c->hold_timer);
	free(c->homeserver);
	free(c->user);
	free(c->password);
	free(c->config_token);
	free(c->device_name);
	free(c->token);
	free(c);
	return NULL;
}

static struct lane *lane_find(const struct client *c, const char *name)
{
	struct lane *l;

	if (!name)
		return NULL;
	TAILQ_FOREACH(l, &c->lanes, entry)
	{
		if (l->name && strcmp(l->name, name) == 0)
			return l;
	}
	return NULL;
}

static struct lane *lane_new(struct client *c, const char *name)
{
	struct lane *l;

	if (c->n_lanes >= CLIENT_LANES_MAX)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->client = c;
	TAILQ_INIT(&l->jobs);
	l->name = copy(name);
	l->timer = event_new(c->base, -1, 0, on_lane_timer, l);
	TAILQ_INSERT_TAIL(&c->lanes, l, entry);
	c->n_lanes++;
	if (!l->timer || (name && !l->name)) {
		lane_free(l);
		return NULL;
	}
	return l;
}

static struct job *job_new(const struct client_request *q)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->method = copy(q->method);
	j->path = copy(q->path);
	j->replaces = copy(q->replaces);
	j->body = q->body ? cJSON_PrintUnformatted(q->body) : NULL;
	j->flags = q->flags;
	j->timeout_ms = q->timeout_ms;
	j->expires_us = q->expires_us;
	j->handler = q->handler;
	j->arg = q->arg;
	j->tag = q->tag;
	if (!j->method || !j->path || (q->replaces && !j->replaces) ||
		(q->body && !j->body)) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* Jobs that are not on the wire and carry the word (NULL: all) end here. */
static void lane_supersede(struct lane *l, const char *word)
{
	struct job *j, *next;

	for (j = TAILQ_FIRST(&l->jobs); j; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (l->wire && j == TAILQ_FIRST(&l->jobs))
			continue;
		/* Sent before and unanswered: its id may be taken, and what
		 * it did cannot be known; a retry is the only safe way. */
		if (word && (!j->replaces || strcmp(j->replaces, word) != 0 ||
				    j->failures))
			continue;
		job_fail(l, j, -ECANCELED);
		next = word ? next : TAILQ_FIRST(&l->jobs);
	}
}

int client_request(struct client *c, const struct client_request *q)
{
	struct lane *l = lane_find(c, q->lane);
	struct job *j;

	if (strlen(q->path) > CLIENT_PATH_MAX)
		return -E2BIG;
	if (!l)
		l = lane_new(c, q->lane);
	if (!l)
		return -ENOBUFS;
	if (q->flags & CLIENT_URGENT)
		lane_supersede(l, NULL);
	else if (q->replaces)
		lane_supersede(l, q->replaces);
	if (l->n_jobs >= CLIENT_LANE_MAX)
		return -ENOBUFS;
	j = job_new(q);
	if (!j)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&l->jobs, j, entry);
	l->n_jobs++;
	if (c->state == CLIENT_IN && lane_may_go(l, fetch_now_us()))
		lane_send(l);
	return 0;
}

void client_cancel(struct client *c, const char *lane, const char *word)
{
	struct lane *l = lane_find(c, lane);

	if (l)
		lane_supersede(l, word);
}

unsigned client_pending(const struct client *c, const char *except)
{
	const struct lane *l;
	unsigned n = 0;

	TAILQ_FOREACH(l, &c->lanes, entry)
	{
		if (!except || !l->name || strcmp(l->name, except) != 0)
			n += l->n_jobs;
	}
	return n;
}

bool client_in(const struct client *c)
{
	return c->state == CLIENT_IN;
}

const char *client_homeserver(const struct client *c)
{
	return c->homeserver;
}

const char *client_user_id(const struct client *c)
{
	return c->user_id;
}

const char *client_device_id(const struct client *c)
{
	return c->device_id;
}

const char *client_token(const struct client *c)
{
	return c->token;
}

const struct client_counters *client_counted(const struct client *c)
{
	return &c->counters;
}

void client_txn(struct client *c, char ret[48])
{
	snprintf(ret, 48, "h%s.%llu", c->boot, (unsigned long long)++c->txn);
}

int client_escape(char *ret, size_t cap, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *value; value++) {
		unsigned char ch = (unsigned char)*value;

		if (n + 4 > cap)
			return -E2BIG;
		if (strchr(plain, ch)) {
			ret[n++] = (char)ch;
			continue;
		}
		ret[n++] = '%';
		ret[n++] = hex[ch >> 4];
		ret[n++] = hex[ch & 15];
	}
	if (n >= cap)
		return -E2BIG;
	ret[n] = '\0';
	return 0;
}
