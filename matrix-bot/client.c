#include "matrix-bot/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/util.h>
#include "matrix-bot/client_impl.h"

enum { BACKOFF_MS = 1000, BACKOFF_MAX_MS = 30000 };

const char *client_json_string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
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
		snprintf(c->device_id, sizeof(c->device_id), "%s",
			config->device_id);
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
	c->hold_timer = event_new(base, -1, 0, client_on_hold_timer, c);
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
		client_lane_free(l);
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
	l->timer = event_new(c->base, -1, 0, client_on_lane_timer, l);
	TAILQ_INSERT_TAIL(&c->lanes, l, entry);
	c->n_lanes++;
	if (!l->timer || (name && !l->name)) {
		client_lane_free(l);
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
	j->body_path = copy(q->body_path);
	j->content_type = copy(q->content_type);
	j->flags = q->flags;
	j->timeout_ms = q->timeout_ms;
	j->expires_us = q->expires_us;
	j->handler = q->handler;
	j->arg = q->arg;
	j->tag = q->tag;
	if (!j->method || !j->path || (q->replaces && !j->replaces) ||
		(q->body && !j->body) || (q->body_path && !j->body_path) ||
		(q->content_type && !j->content_type)) {
		client_job_free(j);
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
		/* What it did cannot be known; a retry is the only safe way.
		 */
		if (word && (!j->replaces || strcmp(j->replaces, word) != 0 ||
				    j->unsure))
			continue;
		client_job_fail(l, j, -ECANCELED);
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
	if (c->state == CLIENT_IN && client_lane_may_go(l, fetch_now_us()))
		client_lane_send(l);
	return 0;
}

void client_cancel(struct client *c, const char *lane, const char *word)
{
	struct lane *l = lane_find(c, lane);

	if (l)
		lane_supersede(l, word);
}

void client_drop(struct client *c, const char *lane)
{
	struct lane *l = lane_find(c, lane);

	if (l)
		client_lane_free(l);
}

unsigned client_pending(const struct client *c, const char *except)
{
	const struct lane *l;
	const struct job *j;
	unsigned n = 0;

	TAILQ_FOREACH(l, &c->lanes, entry)
	{
		if (except && l->name && strcmp(l->name, except) == 0)
			continue;
		TAILQ_FOREACH(j, &l->jobs, entry)
		{
			n += !j->body_path;
		}
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
