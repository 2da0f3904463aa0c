#include "matrix-bot/feed_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "http/fetch.h"
#include "matrix-bot/client.h"
#include "matrix-bot/deck.h"
#include "matrix-bot/desk.h"
#include "matrix-bot/hall.h"
#include "sfu/log.h"

enum {
	ALIAS_US = 5 * 1000000,
	NOTICE_US = 20 * 1000000,
	TEXT_MAX = 512,
	WORD_MAX = 32
};

static struct feed_conn *by_serial(const struct feed *f, uint64_t serial)
{
	struct feed_conn *c;

	TAILQ_FOREACH(c, &f->conns, entry)
	{
		if (c->serial == serial)
			return c;
	}
	return NULL;
}

/* NULL: it may come in. */
static const char *why_not(const struct feed_conn *c)
{
	const struct feed *f = c->feed;
	const struct room *room = hall_find(f->config.hall, c->room);

	if (!room || room->state != ROOM_JOINED)
		return "hearth is not in that room: invite it first.";
	if (room->encrypted)
		return "That room is encrypted: hearth cannot tell it of a "
		       "program in a way that all can read.";
	if (desk_people(f->config.desk, c->room) == 0)
		return "Nobody is calling in that room.";
	if (feed_is_barred(f, c->room, c->name))
		return "That room has stopped this program: come again in its "
		       "next call.";
	return NULL;
}

static void tell_gone(const struct feed_conn *c)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
		"The program %s does not receive this call any more.", c->name);
	hall_notice(c->feed->config.hall, c->room, NULL, text);
}

static void on_sfu(void *arg, const struct sfu_event *ev)
{
	struct feed *f = arg;
	struct feed_conn *c;
	char room[EVENT_ID_MAX + 1];

	if (ev->type != SFU_EV_LEFT)
		return;
	TAILQ_FOREACH(c, &f->conns, entry)
	{
		if (c->sfu == ev->participant)
			break;
	}
	if (!c)
		return;
	log_info("feed_left", "name=%s reason=%s", log_value(c->name),
		sfu_reason_text(ev->reason));
	tell_gone(c);
	memcpy(room, c->room, sizeof(room));
	desk_program_remove(f->config.desk, c->sfu);
	feed_conn_free(c);
	deck_programs_changed(f->config.deck, room);
}

static bool say_ok(const struct feed_conn *c)
{
	static const char ok[] = "{\"ok\":true}\n";
	ssize_t n =
		send(c->fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)sizeof(ok) - 1;
}

static void plug(struct feed_conn *c)
{
	struct feed *f = c->feed;
	struct desk_program p = { .publishes = c->publish };
	const struct sfu_plug_options opt = { .listen = true,
		.publish = c->publish };
	int fd = c->fd, error = 0;

	snprintf(p.label, sizeof(p.label), "%s feed:%s:%llu",
		client_user_id(f->config.client), c->name,
		(unsigned long long)c->serial);
	memcpy(p.room, c->room, sizeof(p.room));
	snprintf(p.name, sizeof(p.name), "%s", c->name);
	/* The line first: frames follow it. */
	if (!say_ok(c)) {
		tell_gone(c);
		feed_conn_free(c);
		return;
	}
	c->fd = -1; /* the SFU's, also if it fails */
	c->sfu = sfu_plug(
		f->config.sfu, c->room, p.label, &opt, fd, on_sfu, f, &error);
	if (!c->sfu) {
		log_warn("feed_refused", "name=%s error=%s", log_value(c->name),
			strerror(-error));
		f->counters.refused++;
		tell_gone(c);
		feed_conn_free(c);
		return;
	}
	c->state = FEED_IN;
	f->counters.entered++;
	p.id = c->sfu;
	if (desk_program_add(f->config.desk, &p) < 0)
		log_warn("feed_unlisted", "name=%s", log_value(c->name));
	log_info("feed_entered", "name=%s room=%s", log_value(c->name),
		log_pii(c->room));
	deck_programs_changed(f->config.deck, c->room);
}

static void on_noticed(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct feed *f = arg;
	struct feed_conn *c = by_serial(f, tag);
	bool told = !r->error && r->status == 200;
	const char *why;
	char text[TEXT_MAX];

	if (!c)
		return;
	why = why_not(c);
	if (why && told)
		tell_gone(c);
	if (why) {
		feed_refuse(c, why);
	} else if (!told) {
		snprintf(text, sizeof(text),
			"The room could not be told of it (%.60s %.200s).",
			r->errcode[0] ? r->errcode : "the homeserver",
			r->status ? r->message : "does not answer");
		feed_refuse(c, text);
	} else {
		plug(c);
	}
}

static void word_of(char ret[WORD_MAX], const struct feed_conn *c)
{
	snprintf(ret, WORD_MAX, "feed %llu", (unsigned long long)c->serial);
}

static void announce(struct feed_conn *c)
{
	struct feed *f = c->feed;
	struct hall_message m = { .handler = on_noticed, .arg = f };
	const char *why = why_not(c);
	char text[TEXT_MAX], word[WORD_MAX];
	cJSON *content;
	int r;

	if (!why && feed_over_rate(f, c->room, c->name))
		why = "This program comes into that room too often: at most 3 "
		      "times a minute.";
	if (why) {
		feed_refuse(c, why);
		return;
	}
	snprintf(text, sizeof(text),
		"The program %s on my machine receives this call now%s. Say "
		"\"feed stop %s\" to end that.",
		c->name, c->publish ? ", and may speak and show in it" : "",
		c->name);
	content = hall_content(text);
	word_of(word, c);
	c->state = FEED_NOTICING;
	m.word = word;
	m.content = content;
	m.expires_us = fetch_now_us() + NOTICE_US;
	m.tag = c->serial;
	r = hall_send(f->config.hall, c->room, &m);
	cJSON_Delete(content);
	if (r < 0)
		feed_refuse(c, "Too much waits to be said in that room: try "
			       "again in a minute.");
}

static void on_alias(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct feed *f = arg;
	struct feed_conn *c = by_serial(f, tag);

	if (!c)
		return;
	if (r->error || r->status != 200 ||
		event_copy_id(c->room, event_string(r->json, "room_id")) < 0)
		feed_refuse(c, "The homeserver does not know that alias.");
	else
		announce(c);
}

static void resolve(struct feed_conn *c)
{
	struct feed *f = c->feed;
	char path[CLIENT_PATH_MAX], alias[3 * EVENT_ID_MAX + 1];
	struct client_request q = { .method = "GET", .path = path };

	c->state = FEED_RESOLVING;
	q.expires_us = fetch_now_us() + ALIAS_US;
	q.handler = on_alias;
	q.arg = f;
	q.tag = c->serial;
	if (client_escape(alias, sizeof(alias), c->room) < 0) {
		feed_refuse(c, "That alias is too long.");
		return;
	}
	snprintf(path, sizeof(path), "/_matrix/client/v3/directory/room/%s",
		alias);
	if (client_request(f->config.client, &q) < 0)
		feed_refuse(c, "hearth is busy: try again in a minute.");
}

void feed_line(struct feed_conn *c)
{
	struct feed *f = c->feed;
	char error[FEED_ERROR_MAX];
	const struct feed_token *t = NULL;
	struct feed_tokens tokens;
	struct feed_ask ask;

	if (feed_ask_parse(&ask, c->line, c->len) < 0) {
		feed_refuse(c, "That is not a line of JSON with a token and a "
			       "room (!… or #…).");
		return;
	}
	memcpy(c->room, ask.room, sizeof(c->room));
	/* Each time, so that a token is taken back by editing the file. */
	if (feed_tokens_load(&tokens, f->config.tokens_file, error) < 0)
		log_error("feed_tokens", "what=\"%s\"", error);
	else
		t = feed_tokens_find(&tokens, ask.token);
	if (t) {
		memcpy(c->name, t->name, sizeof(c->name));
		c->publish = t->publish;
	}
	feed_tokens_forget(&tokens);
	explicit_bzero(&ask, sizeof(ask));
	explicit_bzero(c->line, sizeof(c->line));
	if (!t)
		feed_refuse(c, "No program has this token: it must stand in "
			       "feed.tokens_file.");
	else if (c->room[0] == '#')
		resolve(c);
	else
		announce(c);
}

/* Those about to come in, too: their notice is taken back, or they are refused
 * when it is answered. Who waits for an alias is, when its room is known. */
static unsigned end(struct feed *f, const char *room, const char *name)
{
	struct feed_conn *c, *next;
	char word[WORD_MAX];
	unsigned n = 0;

	for (c = TAILQ_FIRST(&f->conns); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->state < FEED_NOTICING || strcmp(c->room, room) != 0 ||
			(name && strcmp(c->name, name) != 0))
			continue;
		n++;
		if (c->state == FEED_IN) {
			sfu_leave(f->config.sfu, c->sfu);
			continue;
		}
		word_of(word, c);
		hall_cancel(f->config.hall, room, word);
	}
	return n;
}

void feed_people_changed(struct feed *f, const char *room)
{
	if (desk_people(f->config.desk, room) > 0)
		return;
	end(f, room, NULL);
	feed_unbar(f, room);
}

void feed_room_ended(struct feed *f, const char *room)
{
	end(f, room, NULL);
	feed_unbar(f, room);
}

unsigned feed_stop(struct feed *f, const char *room, const char *name)
{
	if (desk_people(f->config.desk, room) > 0)
		feed_bar(f, room, name);
	return end(f, room, name);
}
