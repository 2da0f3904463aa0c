#include "matrix-bot/deck_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/fetch.h"
#include "sfu/log.h"

enum { CONFIG_US = 60 * 1000000, WORD_MAX = 96 };

struct deck_parcel *deck_parcel(const struct deck *d, const char *id)
{
	struct deck_parcel *p;

	TAILQ_FOREACH(p, &d->parcels, entry)
	{
		if (!p->dropped && strcmp(p->parcel.id, id) == 0)
			return p;
	}
	return NULL;
}

struct deck_parcel *deck_parcel_get(
	struct deck *d, const struct studio_event *ev)
{
	struct deck_parcel *p = deck_parcel(d, ev->id);
	const char *room = event_string(ev->manifest, "room");

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->directory = strdup(ev->directory ? ev->directory : "");
	if (!p->directory) {
		free(p);
		return NULL;
	}
	parcel_init(&p->parcel, ev->id, room[0] ? room : ev->conference);
	p->serial = ++d->serial;
	snprintf(p->lane, sizeof(p->lane), "recording %s", ev->id);
	TAILQ_INSERT_TAIL(&d->parcels, p, entry);
	return p;
}

static struct deck_parcel *by_serial(const struct deck *d, uint64_t serial)
{
	struct deck_parcel *p;

	TAILQ_FOREACH(p, &d->parcels, entry)
	{
		if (!p->dropped && p->serial == serial)
			return p;
	}
	return NULL;
}

/* Whose answer that is; NULL: nobody's any more. What came into the room while
 * its recording was deleted goes again. */
static struct deck_parcel *answered(
	struct deck *d, uint64_t serial, const struct client_reply *r)
{
	const char *event = event_string(r->json, "event_id");
	struct deck_parcel *p;

	TAILQ_FOREACH(p, &d->parcels, entry)
	{
		if (p->serial == serial)
			break;
	}
	if (!p)
		return NULL;
	p->sends--;
	if (!p->dropped)
		return p;
	if (r->status == 200 && event[0])
		hall_redact(d->hall, p->parcel.room, event, DECK_DELETED);
	return NULL;
}

static struct parcel_reply reply_of(
	const struct client_reply *r, const char *key)
{
	return (struct parcel_reply){ .status = r->error ? 0 : r->status,
		.errcode = r->errcode,
		.message = r->message,
		.result = event_string(r->json, key) };
}

static void on_status(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck_parcel *p = by_serial(arg, tag);

	if (p)
		parcel_status(&p->parcel, event_string(r->json, "event_id"));
}

/* An edit (m.replace, Client-Server API, event replacements). */
static cJSON *edit_of(const char *event_id, const char *text)
{
	char said[TAPE_SAID_MAX + 4];
	cJSON *content, *relation, *fresh;

	snprintf(said, sizeof(said), "* %s", text);
	content = hall_content(said);
	fresh = cJSON_AddObjectToObject(content, "m.new_content");
	cJSON_AddStringToObject(fresh, "msgtype", "m.notice");
	cJSON_AddStringToObject(fresh, "body", text);
	cJSON_AddObjectToObject(fresh, "m.mentions");
	relation = cJSON_AddObjectToObject(content, "m.relates_to");
	cJSON_AddStringToObject(relation, "rel_type", "m.replace");
	cJSON_AddStringToObject(relation, "event_id", event_id);
	return content;
}

static void word_of(
	char ret[WORD_MAX], const struct deck_parcel *p, const char *what)
{
	snprintf(ret, WORD_MAX, "hearth.%s.%s", p->parcel.id, what);
}

/* Takes content. handler: on_status, or calls answered(); false: it is not
 * called. What is sent twice over a restart the homeserver tells by the
 * transaction id; the status is new each time. */
static bool send_message(struct deck *d, struct deck_parcel *p, cJSON *content,
	const char *what, client_h *handler)
{
	struct hall_message m = { .handler = handler, .arg = d };
	bool status = handler == on_status;
	char word[WORD_MAX];
	int r;

	word_of(word, p, what);
	m.txn = status ? NULL : word;
	m.word = word;
	m.content = content;
	m.tag = p->serial;
	r = hall_send(d->hall, p->parcel.room, &m);
	cJSON_Delete(content);
	p->sends += r == 0 && !status;
	return r == 0;
}

static void say_status(
	struct deck *d, struct deck_parcel *p, const char *text, bool edit)
{
	cJSON *content = edit ? edit_of(p->parcel.status_event, text)
			      : hall_content(text);

	if (!send_message(d, p, content, "status", on_status))
		parcel_status(&p->parcel, "");
}

static void take_sent(
	struct deck *d, struct deck_parcel *p, const struct parcel_reply *r)
{
	struct parcel_actions a;

	parcel_sent(&p->parcel, r, &a);
	if (p->parcel.state == PARCEL_DONE && !p->parcel.event[0]) {
		d->counters.undelivered++;
		log_warn("recording_undelivered", "id=%s status=%d errcode=%s",
			log_value(p->parcel.id), r->status,
			log_value(r->errcode));
	}
	deck_run_parcel(d, p, &a);
}

static void on_sent(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck_parcel *p = answered(arg, tag, r);
	struct parcel_reply reply = reply_of(r, "event_id");

	if (p)
		take_sent(arg, p, &reply);
}

static void send_last(
	struct deck *d, struct deck_parcel *p, cJSON *content, const char *what)
{
	const struct parcel_reply none = { 0, "", "", "" };

	if (!send_message(d, p, content, what, on_sent))
		take_sent(d, p, &none);
}

static cJSON *link_of(
	const struct deck *d, const struct deck_parcel *p, const char *why)
{
	char text[2 * TAPE_SAID_MAX + DECK_LINK_MAX], title[160];
	char link[DECK_LINK_MAX];
	cJSON *content;

	parcel_title(p->parcel.manifest, title, sizeof(title));
	hall_recording_link(
		d->hall, p->parcel.room, p->parcel.id, link, sizeof(link));
	snprintf(text, sizeof(text), "%s. %s %s", title, why, link);
	content = hall_content(text);
	cJSON_AddItemToObject(content, "org.hearth.recording",
		parcel_about(p->parcel.manifest));
	return content;
}

static void on_late(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck_parcel *p = answered(arg, tag, r);

	if (p)
		parcel_late(&p->parcel, event_string(r->json, "event_id"));
}

static void on_limit(void *arg, uint64_t tag, const struct client_reply *r);

/* 0 or -errno. older: as servers before Matrix 1.11 have it. */
static int ask_limit(struct deck *d, struct deck_parcel *p, bool older)
{
	struct client_request q = { .lane = p->lane, .method = "GET" };

	q.path = older ? "/_matrix/media/v3/config"
		       : "/_matrix/client/v1/media/config";
	q.expires_us = fetch_now_us() + CONFIG_US;
	q.handler = on_limit;
	q.arg = d;
	q.tag = p->serial << 1 | older;
	return client_request(d->client, &q);
}

static void take_limit(struct deck *d, struct deck_parcel *p, uint64_t bytes)
{
	struct parcel_actions a;

	parcel_limit(&p->parcel, bytes, &a);
	deck_run_parcel(d, p, &a);
}

static void on_limit(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck *d = arg;
	struct deck_parcel *p = by_serial(d, tag >> 1);

	if (!p)
		return;
	if (!(tag & 1) && r->status >= 400 && r->status < 500 &&
		ask_limit(d, p, true) == 0)
		return;
	/* What it does not say is found out by trying. */
	take_limit(d, p,
		r->status == 200 ? event_number(r->json, "m.upload.size") : 0);
}

static void take_upload(
	struct deck *d, struct deck_parcel *p, const struct parcel_reply *r)
{
	struct parcel_actions a;

	if (r->status != 200)
		log_warn("recording_not_uploaded", "id=%s status=%d errcode=%s",
			log_value(p->parcel.id), r->status,
			log_value(r->errcode));
	parcel_uploaded(&p->parcel, r, &a);
	deck_run_parcel(d, p, &a);
}

static void on_upload(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck_parcel *p = by_serial(arg, tag);
	struct parcel_reply reply = reply_of(r, "content_uri");

	if (p)
		take_upload(arg, p, &reply);
}

static void upload(struct deck *d, struct deck_parcel *p)
{
	const struct parcel_reply none = { 0, "", "", "" };
	struct client_request q = { .lane = p->lane, .method = "POST" };
	char path[CLIENT_PATH_MAX], file[DECK_PATH_MAX], escaped[256];
	const char *name = parcel_file(&p->parcel, &q.content_type);

	if (!name || client_escape(escaped, sizeof(escaped), name) < 0 ||
		snprintf(file, sizeof(file), "%s/%s", p->directory, name) >=
			(int)sizeof(file)) {
		take_upload(d, p, &none);
		return;
	}
	snprintf(path, sizeof(path), "/_matrix/media/v3/upload?filename=%s",
		escaped);
	q.path = path;
	q.body_path = file;
	q.flags = CLIENT_PATIENT;
	q.expires_us = p->parcel.give_up_us;
	q.handler = on_upload;
	q.arg = d;
	q.tag = p->serial;
	if (client_request(d->client, &q) < 0)
		take_upload(d, p, &none);
}

static void keep(struct deck *d, struct deck_parcel *p)
{
	cJSON *delivered = parcel_delivered(&p->parcel);
	int r;

	cJSON_AddNumberToObject(delivered, "at_ms", (double)deck_unix_ms());
	r = studio_delivered(d->studio, p->parcel.id, delivered);
	if (r < 0)
		log_warn("recording_delivery_forgotten", "id=%s error=%s",
			log_value(p->parcel.id), strerror(-r));
	if (p->parcel.linked)
		d->counters.linked++;
	else if (p->parcel.event[0])
		d->counters.delivered++;
	log_info("recording_delivered", "id=%s way=%s", log_value(p->parcel.id),
		event_string(delivered, "way"));
	cJSON_Delete(delivered);
}

static void run(
	struct deck *d, struct deck_parcel *p, const struct parcel_action *a)
{
	switch (a->act) {
	case PARCEL_POST:
	case PARCEL_EDIT:
		say_status(d, p, a->text, a->act == PARCEL_EDIT);
		break;
	case PARCEL_ASK:
		if (ask_limit(d, p, false) < 0)
			take_limit(d, p, 0);
		break;
	case PARCEL_UPLOAD:
		upload(d, p);
		break;
	case PARCEL_SEND:
		send_last(d, p, parcel_message(&p->parcel), "file");
		break;
	case PARCEL_SEND_LINK:
		send_last(d, p, link_of(d, p, a->text), "link");
		break;
	case PARCEL_SEND_LATE:
		send_message(d, p, link_of(d, p, a->text), "late", on_late);
		break;
	case PARCEL_KEEP:
		keep(d, p);
		break;
	}
}

void deck_run_parcel(
	struct deck *d, struct deck_parcel *p, const struct parcel_actions *a)
{
	for (unsigned i = 0; i < a->n; i++)
		run(d, p, &a->v[i]);
}

static bool is_on_the_way(const struct deck_parcel *p)
{
	return !p->dropped && p->parcel.state > PARCEL_QUEUED &&
	       p->parcel.state < PARCEL_DONE;
}

/* A room the bot was put out of: when it is back, it goes on. */
static bool is_reachable(const struct deck *d, const struct deck_parcel *p)
{
	const struct room *r = hall_find(d->hall, p->parcel.room);

	return r && r->state == ROOM_JOINED;
}

void deck_parcel_drop(struct deck *d, struct deck_parcel *p)
{
	static const char *const words[] = { "status", "file", "link", "late" };
	const struct parcel *parcel = &p->parcel;
	char word[WORD_MAX];

	p->dropped = true;
	client_drop(d->client, p->lane);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		word_of(word, p, words[i]);
		hall_cancel(d->hall, parcel->room, word);
	}
	/* The manifest has it once all is delivered. */
	if (parcel->state != PARCEL_DONE && parcel->late_event[0])
		hall_redact(d->hall, parcel->room, parcel->late_event,
			DECK_DELETED);
}

static void drop(struct deck *d, struct deck_parcel *p)
{
	TAILQ_REMOVE(&d->parcels, p, entry);
	client_drop(d->client, p->lane);
	parcel_done(&p->parcel);
	free(p->directory);
	free(p);
}

void deck_pump(struct deck *d)
{
	uint64_t now_us = fetch_now_us();
	struct deck_parcel *p, *next;
	struct parcel_actions a;
	unsigned n = 0;

	TAILQ_FOREACH(p, &d->parcels, entry)
	{
		n += is_on_the_way(p);
	}
	for (p = TAILQ_FIRST(&d->parcels); p; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->dropped ? p->sends == 0 : parcel_is_over(&p->parcel)) {
			drop(d, p);
			continue;
		}
		if (p->dropped)
			continue;
		if (p->parcel.state == PARCEL_QUEUED && n < DECK_AT_ONCE &&
			is_reachable(d, p)) {
			parcel_go(&p->parcel, &a);
			n += is_on_the_way(p);
			deck_run_parcel(d, p, &a);
		}
		parcel_tick(&p->parcel, now_us, &a);
		deck_run_parcel(d, p, &a);
	}
}
