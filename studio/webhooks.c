#include "studio/webhooks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include "http/fetch.h"
#include "http/sign.h"
#include "sfu/config.h"
#include "sfu/log.h"
#include "studio/mailbag.h"
#include "studio/process.h"

enum { TIMEOUT_MS = 30000, HEADERS = 4, HEADER_BYTES = 160 };

struct delivery {
	TAILQ_ENTRY(delivery) next;
	struct webhooks *webhooks;
	struct mail mail;
	char *body; /* only where the disk would not take it */
	unsigned tries;
	uint64_t due_us;
	struct fetch_transfer *transfer; /* at work */
};

struct webhooks {
	struct event_base *base;
	struct fetch *fetch;
	const struct config_list *urls;
	const char *secret;
	int fd;
	TAILQ_HEAD(, delivery) all; /* oldest first */
	unsigned running;
	struct event *timer;
	struct webhooks_counters counters;
};

static void start_due(struct webhooks *w);

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

unsigned webhooks_pause_s(unsigned n)
{
	unsigned s = n < 11 ? 1u << (n ? n - 1 : 0) : WEBHOOKS_PAUSE_MAX_S;

	return s < WEBHOOKS_PAUSE_MAX_S ? s : WEBHOOKS_PAUSE_MAX_S;
}

static void delivery_free(struct delivery *d)
{
	if (d->transfer)
		d->webhooks->running--;
	fetch_cancel(d->transfer);
	TAILQ_REMOVE(&d->webhooks->all, d, next);
	d->webhooks->counters.waiting--;
	free(d->mail.url);
	free(d->body);
	free(d);
}

static void delivery_done(struct delivery *d)
{
	mailbag_remove(d->webhooks->fd, d->mail.name);
	delivery_free(d);
}

static void give_up(struct delivery *d, const char *why)
{
	d->webhooks->counters.failed++;
	log_warn("webhook_given_up", "event=%s id=%s delivery=%s why=%s",
		d->mail.event, d->mail.id, d->mail.name, why);
	delivery_done(d);
}

static void try_later(struct delivery *d, const struct fetch_reply *r)
{
	uint64_t pause_us = (uint64_t)webhooks_pause_s(d->tries) * 1000000;

	if (wall_ms() - d->mail.created_ms > (uint64_t)WEBHOOKS_LIFE_S * 1000) {
		give_up(d, "nobody_took_it_in_time");
		return;
	}
	if (r && r->retry_after_ms * 1000 > pause_us)
		pause_us = r->retry_after_ms * 1000;
	if (pause_us > (uint64_t)WEBHOOKS_PAUSE_MAX_S * 1000000)
		pause_us = (uint64_t)WEBHOOKS_PAUSE_MAX_S * 1000000;
	d->webhooks->counters.retries++;
	d->due_us = process_now_us() + pause_us;
	log_info("webhook_waits",
		"event=%s id=%s delivery=%s status=%d pause_s=%" PRIu64
		" error=%s",
		d->mail.event, d->mail.id, d->mail.name, r ? r->status : 0,
		pause_us / 1000000, log_value(r ? r->error : "not sent"));
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
	struct delivery *d = arg;
	struct webhooks *w = d->webhooks;

	d->transfer = NULL;
	w->running--;
	if (r->status >= 200 && r->status < 300) {
		w->counters.delivered++;
		delivery_done(d);
	} else if (r->status == 410) {
		give_up(d, "the_receiver_said_gone");
	} else {
		try_later(d, r);
	}
	start_due(w);
}

static int send_mail(struct delivery *d, const char *body)
{
	char header[HEADERS][HEADER_BYTES], stamp[24];
	char signature[SIGN_HEX + 1];
	const char *headers[HEADERS + 1] = { header[0], header[1], header[2],
		header[3], NULL };
	const struct fetch_request q = { .method = "POST",
		.url = d->mail.url,
		.body = body,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS };
	const char *secret = d->webhooks->secret;
	int err;

	snprintf(stamp, sizeof(stamp), "%" PRIu64, wall_ms() / 1000);
	const struct sign_part part[] = { { stamp, strlen(stamp) }, { ".", 1 },
		{ body, strlen(body) } };
	err = sign_hex(secret, strlen(secret), part,
		sizeof(part) / sizeof(*part), signature);
	if (err)
		return err;
	snprintf(header[0], HEADER_BYTES, "Hearth-Event: %s", d->mail.event);
	snprintf(header[1], HEADER_BYTES, "Hearth-Delivery: %s", d->mail.name);
	snprintf(header[2], HEADER_BYTES, "Hearth-Timestamp: %s", stamp);
	snprintf(header[3], HEADER_BYTES, "Hearth-Signature: sha256=%s",
		signature);
	return fetch_start(d->webhooks->fetch, &q, on_reply, d, &d->transfer);
}

/* False: it is gone. */
static bool start(struct delivery *d)
{
	char *kept =
		d->body ? NULL : mailbag_body(d->webhooks->fd, d->mail.name);
	const char *body = d->body ? d->body : kept;
	int err;

	d->tries++;
	if (!body) {
		give_up(d, "its_file_is_gone");
		return false;
	}
	err = send_mail(d, body);
	free(kept);
	if (err == -EINVAL) {
		give_up(d, "its_url_is_none");
		return false;
	}
	if (err) {
		try_later(d, NULL);
		return true;
	}
	d->webhooks->running++;
	return true;
}

/* In order, for each recording and receiver. */
static bool is_its_turn(const struct webhooks *w, const struct delivery *d)
{
	const struct delivery *before;

	TAILQ_FOREACH(before, &w->all, next)
	{
		if (before == d)
			return true;
		if (strcmp(before->mail.id, d->mail.id) == 0 &&
			strcmp(before->mail.url, d->mail.url) == 0)
			return false;
	}
	return true;
}

static void wake_in(struct webhooks *w, uint64_t us)
{
	const struct timeval tv = { .tv_sec = (time_t)(us / 1000000),
		.tv_usec = (suseconds_t)(us % 1000000) };

	event_add(w->timer, &tv);
}

static void start_due(struct webhooks *w)
{
	uint64_t now = process_now_us(), next = UINT64_MAX;
	struct delivery *d, *after;

	for (d = TAILQ_FIRST(&w->all); d; d = after) {
		after = TAILQ_NEXT(d, next);
		if (w->running == WEBHOOKS_AT_ONCE)
			return; /* whose end comes back here */
		if (d->transfer)
			continue;
		if (d->due_us > now)
			next = d->due_us < next ? d->due_us : next;
		else if (is_its_turn(w, d) && !start(d))
			next = now; /* who waited for it may begin */
	}
	if (next != UINT64_MAX)
		wake_in(w, next > now ? next - now : 1000);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_due(arg);
}

/* Takes m->url over, also on failure. */
static struct delivery *enqueue(struct webhooks *w, const struct mail *m)
{
	struct delivery *d = w->counters.waiting < WEBHOOKS_WAITING
				     ? calloc(1, sizeof(*d))
				     : NULL;

	if (!d) {
		w->counters.failed++;
		log_warn("webhook_given_up", "event=%s id=%s why=too_many_wait",
			m->event, m->id);
		free(m->url);
		return NULL;
	}
	d->webhooks = w;
	d->mail = *m;
	TAILQ_INSERT_TAIL(&w->all, d, next);
	w->counters.waiting++;
	return d;
}

static char *print_body(const struct hook *h)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;
	bool good =
		cJSON_AddStringToObject(json, "event", h->event) &&
		cJSON_AddStringToObject(json, "id", h->id) &&
		cJSON_AddStringToObject(json, "room", h->room) &&
		cJSON_AddNumberToObject(json, "time_ms", (double)h->time_ms);

	if (good && *h->file)
		good = cJSON_AddStringToObject(json, "file", h->file) != NULL;
	if (good)
		good = h->manifest ? cJSON_AddItemReferenceToObject(json,
					     "manifest", (cJSON *)h->manifest)
				   : cJSON_AddNullToObject(json, "manifest") !=
					     NULL;
	if (good)
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (text && strlen(text) > WEBHOOKS_BODY_MAX) {
		cJSON_free(text);
		return NULL;
	}
	return text;
}

static void post_one(struct webhooks *w, const struct hook *h, const char *url,
	const char *body)
{
	struct mail m = { .created_ms = wall_ms() };
	struct delivery *d;
	int err = mailbag_name(m.created_ms, m.name);

	snprintf(m.event, sizeof(m.event), "%s", h->event);
	snprintf(m.id, sizeof(m.id), "%s", h->id);
	m.url = err ? NULL : strdup(url);
	if (!m.url) {
		w->counters.failed++;
		return;
	}
	d = enqueue(w, &m);
	if (!d)
		return;
	err = mailbag_put(w->fd, &d->mail, body);
	if (err) {
		log_warn("webhook_not_kept", "event=%s id=%s error=%s",
			h->event, h->id, log_value(strerror(-err)));
		d->body = strdup(body);
	}
}

void webhooks_post(struct webhooks *w, const struct hook *h)
{
	char *body = print_body(h);

	if (!body) {
		w->counters.failed++;
		return;
	}
	for (unsigned i = 0; i < w->urls->n; i++)
		post_one(w, h, w->urls->v[i], body);
	cJSON_free(body);
	wake_in(w, 0);
}

static bool is_wanted(const struct webhooks *w, const char *url)
{
	for (unsigned i = 0; i < w->urls->n; i++)
		if (strcmp(w->urls->v[i], url) == 0)
			return true;
	return false;
}

static int load(struct webhooks *w)
{
	struct mail *mails = calloc(WEBHOOKS_WAITING, sizeof(*mails));
	int n = mails ? mailbag_list(w->fd, mails, WEBHOOKS_WAITING) : -ENOMEM;

	for (int i = 0; i < n; i++) {
		if (is_wanted(w, mails[i].url)) {
			enqueue(w, &mails[i]);
			continue;
		}
		mailbag_remove(w->fd, mails[i].name);
		free(mails[i].url);
	}
	free(mails);
	if (n > 0)
		wake_in(w, 0);
	return n < 0 ? n : 0;
}

int webhooks_new(struct webhooks **ret, struct event_base *base,
	const char *directory, const struct config_list *urls,
	const char *secret)
{
	struct webhooks *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	TAILQ_INIT(&w->all);
	w->base = base;
	w->urls = urls;
	w->secret = secret;
	w->fd = -1;
	w->timer = event_new(base, -1, 0, on_timer, w);
	if (w->timer)
		err = fetch_new(&w->fetch, base);
	if (!err) {
		w->fd = mailbag_open(directory);
		err = w->fd < 0 ? w->fd : load(w);
	}
	if (err) {
		webhooks_free(w);
		return err;
	}
	*ret = w;
	return 0;
}

struct webhooks *webhooks_free(struct webhooks *w)
{
	struct delivery *d;

	if (!w)
		return NULL;
	while ((d = TAILQ_FIRST(&w->all)))
		delivery_free(d);
	fetch_free(w->fetch);
	if (w->timer)
		event_free(w->timer);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}

const struct webhooks_counters *webhooks_counted(const struct webhooks *w)
{
	return &w->counters;
}
