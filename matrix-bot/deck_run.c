#include "matrix-bot/deck_impl.h"

#include <stdio.h>
#include <string.h>
#include "http/fetch.h"
#include "sfu/log.h"

enum {
	NOTICE_US = 20 * 1000000, /* for the homeserver to take the notice */
	NAMES_MAX = 768
};

static const char *purpose_text(enum metadata_purpose p)
{
	if (p == METADATA_SCREENSHARE)
		return "screen";
	return p == METADATA_USERMEDIA ? "camera" : "other";
}

static void introduce_streams(struct deck *d, const struct call *c)
{
	for (unsigned i = 0; i < c->published.n; i++) {
		const struct metadata_stream *s = &c->published.v[i];

		studio_source(d->studio, c->room, c->label, s->id,
			purpose_text(s->purpose), s->audio_muted == 1,
			s->video_muted == 1);
	}
}

void deck_introduce(struct deck *d, const struct call *c)
{
	const struct deck_tape *t = deck_tape(d, c->room);

	/* Before the start too, but not of calls that nobody records. */
	if (!d->studio || !t || !tape_is_live(&t->tape))
		return;
	studio_participant(d->studio, c->room, c->label, c->user,
		deck_name(d, c->room, c->user));
	introduce_streams(d, c);
}

static void introduce_one(void *arg, const struct call *c)
{
	deck_introduce(arg, c);
}

void deck_introduce_programs(struct deck *d, const char *room)
{
	const struct deck_tape *t = deck_tape(d, room);
	const struct desk_program *p;

	if (!d->studio || !t || !tape_is_live(&t->tape))
		return;
	for (unsigned i = 0; (p = desk_program(d->desk, room, i)); i++)
		if (p->publishes)
			studio_participant(d->studio, room, p->label,
				client_user_id(d->client), p->name);
}

static void told_one(void *arg, const struct call *c)
{
	struct deck_tape *t = arg;

	tape_told(&t->tape, c->user);
}

static void on_posted(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct deck *d = arg;
	struct deck_tape *t;
	struct tape_actions a;
	char why[256];
	bool good = r->status == 200;

	TAILQ_FOREACH(t, &d->tapes, entry)
	{
		if (t->post == tag)
			break;
	}
	if (!t)
		return;
	if (!good) {
		d->counters.unannounced++;
		snprintf(why, sizeof(why), "%.60s %.160s",
			r->errcode[0] ? r->errcode : "the homeserver",
			r->status ? r->message : "does not answer");
		log_warn("recording_unannounced", "status=%d errcode=%s",
			r->status, log_value(r->errcode));
	}
	tape_posted(&t->tape, good ? NULL : why, &a);
	deck_run_tape(d, t, &a);
}

static void post(struct deck *d, struct deck_tape *t)
{
	char names[NAMES_MAX], text[TAPE_SAID_MAX * 2];
	struct hall_message m = { .handler = on_posted, .arg = d };
	struct tape_actions a;
	cJSON *content;
	int r;

	desk_who(d->desk, t->room, names, sizeof(names));
	desk_each(d->desk, t->room, told_one, t);
	tape_notice(&t->tape, names, text, sizeof(text));
	content = hall_content(text);
	t->post = ++d->serial;
	m.content = content;
	m.expires_us = fetch_now_us() + NOTICE_US;
	m.tag = t->post;
	r = hall_send(d->hall, t->room, &m);
	cJSON_Delete(content);
	if (r < 0) {
		d->counters.unannounced++;
		tape_posted(&t->tape, "too much waits to be sent", &a);
		deck_run_tape(d, t, &a);
	}
}

static void open_studio(struct deck *d, struct deck_tape *t)
{
	char id[STUDIO_ID_MAX + 1] = "", error[256] = "";
	cJSON *about = cJSON_CreateObject();
	struct tape_actions a;
	int r;

	desk_each(d->desk, t->room, introduce_one, d);
	deck_introduce_programs(d, t->room);
	cJSON_AddStringToObject(about, "started_by", t->tape.by.user);
	cJSON_AddStringToObject(about, "started_by_name", t->tape.by.name);
	r = studio_start(d->studio, t->room, t->room, about, id, error);
	cJSON_Delete(about);
	tape_opened(&t->tape, fetch_now_us(), id, r, error, &a);
	deck_run_tape(d, t, &a);
}

static void run(
	struct deck *d, struct deck_tape *t, const struct tape_action *a)
{
	switch (a->act) {
	case TAPE_POST:
		post(d, t);
		break;
	case TAPE_OPEN:
		open_studio(d, t);
		break;
	case TAPE_CLOSE:
		studio_end(d->studio, t->room, a->text);
		break;
	case TAPE_SHOW:
		deck_show(d, t->room);
		break;
	case TAPE_TELL:
		hall_notice(d->hall, t->room, NULL, a->text);
		break;
	case TAPE_REFUSE:
		deck_refuse(d, t->room, a->to, "record_failed", a->text);
		break;
	}
}

void deck_run_tape(
	struct deck *d, struct deck_tape *t, const struct tape_actions *a)
{
	for (unsigned i = 0; i < a->n; i++)
		run(d, t, &a->v[i]);
}
