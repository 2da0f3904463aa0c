#include "matrix-bot/desk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/fetch.h"
#include "sfu/log.h"

enum {
	HANGUP_EXPIRES_MS = 120000,
	NEGOTIATE_LIFETIME_MS = 60000,
	/* A homeserver takes 65,536 bytes; the rest is for what goes around. */
	MATRIX_MAX = 60000,
	TEXT_MAX = 1536,
	LINK_MAX = 1024
};

/* What a reply to a request is about, in the low bits of its tag. */
enum sent { SENT_OTHER, SENT_ANSWER, SENT_SDP };

static uint64_t tag_of(const struct desk_call *dc, enum sent what)
{
	return dc->serial << 2 | what;
}

static void too_large(struct desk *d, struct desk_call *dc)
{
	struct call_actions a = { .n = 0 };
	char text[TEXT_MAX], link[LINK_MAX];

	d->counters.too_large++;
	hall_link(d->hall, dc->call.room, link, sizeof(link));
	snprintf(text, sizeof(text),
		"This call has become too large for a message of this room, so "
		"I had to hang up on one of you. A call from this page has no "
		"such limit: %s",
		link);
	hall_notice(d->hall, dc->call.room, "too_large", text);
	call_end(&dc->call, "unknown_error", &a);
	desk_run(d, dc, &a);
}

static void on_sent(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct desk *d = arg;
	struct desk_call *dc = desk_by_serial(d, tag >> 2);
	enum sent what = (enum sent)(tag & 3);
	struct call_actions a = { .n = 0 };

	/* Superseded: whoever did it knows. */
	if (r->error == -ECANCELED || (r->status >= 200 && r->status < 300))
		return;
	d->counters.unsent++;
	log_warn("unsent", "status=%d errcode=%s message=%s expired=%d",
		r->status, log_value(r->errcode), log_value(r->message),
		r->error == -ETIMEDOUT);
	if (!dc || dc->call.state == CALL_ENDED || what == SENT_OTHER)
		return;
	if (r->status == 413) {
		too_large(d, dc);
	} else if (what == SENT_ANSWER) {
		/* Without an answer there is no call: too late, or we may
		 * not send into this room. */
		call_end(&dc->call, NULL, &a);
		desk_run(d, dc, &a);
	}
	desk_sweep(d);
}

static int room_path(char ret[CLIENT_PATH_MAX], const char *room_id,
	const char *type, const char *txn)
{
	char room[3 * EVENT_ID_MAX + 1];
	int r = client_escape(room, sizeof(room), room_id);

	if (r == 0)
		snprintf(ret, CLIENT_PATH_MAX,
			"/_matrix/client/v3/rooms/%s/send/%s/%s", room, type,
			txn);
	return r;
}

static cJSON *to_device_body(
	const char *user, const char *device, const cJSON *content)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *messages = cJSON_AddObjectToObject(body, "messages");
	cJSON *devices = cJSON_AddObjectToObject(messages, user);
	cJSON *twin = cJSON_Duplicate(content, true);

	if (!cJSON_AddItemToObject(devices, device, twin))
		cJSON_Delete(twin);
	return body;
}

/* The fields of MSC3401 that a to-device message has on top. */
static void add_device_fields(const struct desk *d, cJSON *content,
	const char *conf, const char *session)
{
	cJSON_AddStringToObject(content, "conf_id", conf);
	cJSON_AddStringToObject(
		content, "device_id", client_device_id(d->client));
	cJSON_AddStringToObject(content, "sender_session_id", d->session);
	if (session[0])
		cJSON_AddStringToObject(content, "dest_session_id", session);
}

/* A caller waits half a minute for its answer. What a homeserver has not taken
 * by then is sent again, under the same transaction id. */
enum { SEND_TIMEOUT_MS = 8000 };

struct sending {
	enum sent what;
	const char *type, *replaces;
	unsigned flags;
	uint64_t expires_us;
};

static void send_matrix(struct desk *d, struct desk_call *dc,
	const struct sending *s, cJSON *content)
{
	const struct call *c = &dc->call;
	char path[CLIENT_PATH_MAX], txn[48];
	cJSON *body = NULL;
	struct client_request q = { .lane = dc->lane, .method = "PUT" };
	int r = 0;

	client_txn(d->client, txn);
	q.path = path;
	q.replaces = s->replaces;
	q.flags = s->flags;
	q.timeout_ms = SEND_TIMEOUT_MS;
	q.expires_us = s->expires_us;
	q.handler = on_sent;
	q.arg = d;
	q.tag = tag_of(dc, s->what);
	if (c->to_device) {
		add_device_fields(
			d, content, c->conf[0] ? c->conf : c->room, c->session);
		body = to_device_body(c->user, c->device, content);
		snprintf(path, sizeof(path),
			"/_matrix/client/v3/sendToDevice/%s/%s", s->type, txn);
		q.body = body;
	} else {
		q.flags |= CLIENT_PACED;
		q.body = content;
		r = room_path(path, c->room, s->type, txn);
	}
	if (r == 0)
		r = client_request(d->client, &q);
	if (r < 0) {
		d->counters.unsent++;
		log_warn("unsent", "error=%s", strerror(-r));
	}
	cJSON_Delete(body);
}

static cJSON *content_of(const struct desk *d, const struct call *c)
{
	return event_content(c->version, c->call_id, d->session);
}

/* True if it went: the control channel is open and takes it. */
bool desk_send_control(struct desk *d, const struct desk_call *dc,
	const char *type, const cJSON *content)
{
	cJSON *json = cJSON_CreateObject();
	char *text;
	int r = -ENOMEM;

	cJSON_AddStringToObject(json, "type", type);
	cJSON_AddItemReferenceToObject(json, "content", (cJSON *)content);
	text = cJSON_PrintUnformatted(json);
	if (text && dc->call.control && dc->call.sfu)
		r = sfu_message(
			d->sfu, dc->call.sfu, false, text, strlen(text));
	cJSON_free(text);
	cJSON_Delete(json);
	return r == 0;
}

/* Every stream of the last SDP, whether its publisher described it or not: a
 * client drops a feed that is not listed. */
static void add_metadata(
	const struct desk *d, const struct call *c, cJSON *content)
{
	cJSON *map = cJSON_CreateObject();

	for (unsigned i = 0; i < c->n_streams; i++) {
		const struct sfu_stream *s = &c->streams[i];
		const struct desk_call *owner = desk_by_sfu(d, s->owner);
		const struct desk_program *program =
			desk_program_by_sfu(d, s->owner);
		struct metadata_entry e = { .id = s->id };

		if (owner) {
			const struct call *o = &owner->call;

			e.source = metadata_find(&o->published, s->source);
			e.user_id = o->user;
			e.device_id = call_device(o);
			e.participant = o->label;
		} else if (program) {
			e.user_id = d->policy->own_id;
			e.participant = program->label;
		}
		metadata_add_entry(map, &e);
	}
	metadata_add_map(content, map);
}

static void send_answer(struct desk *d, struct desk_call *dc, const char *sdp)
{
	const struct call *c = &dc->call;
	cJSON *content = content_of(d, c), *can;
	const struct sending s = { .what = SENT_ANSWER,
		.type = "m.call.answer",
		.expires_us = c->expires_us };

	event_add_sdp(content, "answer", "answer", sdp);
	if (c->renegotiate)
		add_metadata(d, c, content);
	if (c->version != 0) {
		can = cJSON_AddObjectToObject(content, "capabilities");
		cJSON_AddFalseToObject(can, "m.call.transferee");
		cJSON_AddFalseToObject(can, "m.call.dtmf");
	}
	send_matrix(d, dc, &s, content);
	cJSON_Delete(content);
}

/* Our candidates are all in the SDP; the specification wants the end told. Not
 * to our own client, which knows, and not to those (Nheko) that read it as one.
 */
static void send_end_of_candidates(struct desk *d, struct desk_call *dc)
{
	const struct call *c = &dc->call;
	const struct sending s = { .type = "m.call.candidates",
		.expires_us = c->expires_us };
	cJSON *content, *list, *end;

	if (c->hearth || !c->renegotiate)
		return;
	content = content_of(d, c);
	list = cJSON_AddArrayToObject(content, "candidates");
	end = cJSON_CreateObject();
	cJSON_AddStringToObject(end, "candidate", "");
	cJSON_AddNumberToObject(end, "sdpMLineIndex", 0);
	if (!cJSON_AddItemToArray(list, end))
		cJSON_Delete(end);
	send_matrix(d, dc, &s, content);
	cJSON_Delete(content);
}

static bool is_too_large(const cJSON *content)
{
	char *text = cJSON_PrintUnformatted(content);
	bool large = text && strlen(text) > MATRIX_MAX;

	cJSON_free(text);
	return large;
}

void desk_forget_waiting(struct desk_call *dc)
{
	free(dc->waiting);
	dc->waiting = NULL;
}

/* True: it will go when the channel opens, or went on it. */
static bool spared_matrix(struct desk *d, struct desk_call *dc, bool offer,
	const char *sdp, const char *type, const cJSON *content)
{
	const struct call *c = &dc->call;

	/* Nobody else opens one. */
	if (!c->hearth || !is_too_large(content))
		return false;
	/* An answer to a restart: the old way may carry it yet. */
	if (c->control)
		return !offer && desk_send_control(d, dc, type, content);
	dc->waiting = strdup(sdp);
	dc->waiting_act = offer ? CALL_SEND_OFFER : CALL_SEND_NEGOTIATED;
	d->counters.waited += dc->waiting != NULL;
	return dc->waiting != NULL;
}

static void send_negotiate(
	struct desk *d, struct desk_call *dc, const char *type, const char *sdp)
{
	const struct call *c = &dc->call;
	bool offer = strcmp(type, "offer") == 0;
	cJSON *content = content_of(d, c);
	struct sending s = { .what = SENT_SDP, .type = "m.call.negotiate" };

	s.replaces = offer ? "offer" : NULL;
	s.expires_us = fetch_now_us() + NEGOTIATE_LIFETIME_MS * 1000ull;
	event_add_sdp(content, "description", type, sdp);
	cJSON_AddNumberToObject(content, "lifetime", NEGOTIATE_LIFETIME_MS);
	add_metadata(d, c, content);
	/* Who restarts ICE has lost the way of the channel, which may still
	 * look open from here: the answer goes as the offer came. */
	if (((!offer && dc->by_matrix) ||
		    !desk_send_control(d, dc, s.type, content)) &&
		!spared_matrix(d, dc, offer, sdp, s.type, content))
		send_matrix(d, dc, &s, content);
	cJSON_Delete(content);
}

void desk_send_waiting(struct desk *d, struct desk_call *dc)
{
	char *sdp = dc->waiting;

	dc->waiting = NULL;
	if (sdp)
		desk_send_sdp(d, dc, dc->waiting_act, sdp);
	free(sdp);
}

void desk_send_sdp(struct desk *d, struct desk_call *dc, enum call_act act,
	const char *sdp)
{
	/* Each says all: of two that wait the older one is nobody's. */
	desk_forget_waiting(dc);
	if (act == CALL_SEND_ANSWER) {
		send_answer(d, dc, sdp);
		send_end_of_candidates(d, dc);
	} else {
		send_negotiate(d, dc,
			act == CALL_SEND_OFFER ? "offer" : "answer", sdp);
	}
}

void desk_send_end(struct desk *d, struct desk_call *dc, enum call_act act,
	const char *reason)
{
	const struct call *c = &dc->call;
	cJSON *content = content_of(d, c);
	struct sending s = { .flags = CLIENT_URGENT };

	s.type = act == CALL_SEND_REJECT ? "m.call.reject" : "m.call.hangup";
	s.expires_us = fetch_now_us() + HANGUP_EXPIRES_MS * 1000ull;
	cJSON_AddStringToObject(content, "reason", reason);
	/* The channel is the quick way, but it may be what has died. */
	desk_send_control(d, dc, s.type, content);
	send_matrix(d, dc, &s, content);
	cJSON_Delete(content);
}

void desk_send_metadata(struct desk *d, struct desk_call *dc)
{
	const struct call *c = &dc->call;
	const struct sending s = {
		.type = event_type_text(EVENT_METADATA),
		.replaces = "metadata",
	};
	cJSON *content;

	if (!c->renegotiate || !c->sfu ||
		(c->state != CALL_ANSWERED && c->state != CALL_UP))
		return;
	content = content_of(d, c);
	add_metadata(d, c, content);
	/* Our own client gets the whole map when its channel opens. By Matrix
	 * it might come after that, and undo what is newer. */
	if (!desk_send_control(d, dc, s.type, content) && !c->hearth)
		send_matrix(d, dc, &s, content);
	cJSON_Delete(content);
}

static void add_participant(
	const struct desk *d, cJSON *list, const struct call *c, bool you)
{
	const struct room *room = hall_find(d->hall, c->room);
	const char *name = room ? room_name_of(room, c->user) : NULL;
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "id", c->label);
	cJSON_AddStringToObject(item, "user_id", c->user);
	cJSON_AddStringToObject(item, "device_id", call_device(c));
	cJSON_AddStringToObject(item, "display_name", name ? name : c->user);
	cJSON_AddBoolToObject(item, "you", you);
	if (!cJSON_AddItemToArray(list, item))
		cJSON_Delete(item);
}

static void add_programs(const struct desk *d, cJSON *list, const char *room)
{
	const struct desk_program *p;

	for (unsigned i = 0; (p = desk_program(d, room, i)); i++) {
		cJSON *item;

		if (!p->publishes)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "id", p->label);
		cJSON_AddStringToObject(item, "user_id", d->policy->own_id);
		cJSON_AddStringToObject(item, "display_name", p->name);
		cJSON_AddTrueToObject(item, "program");
		cJSON_AddFalseToObject(item, "you");
		if (!cJSON_AddItemToArray(list, item))
			cJSON_Delete(item);
	}
}

void desk_send_roster(struct desk *d, struct desk_call *dc)
{
	struct desk_call *other;
	cJSON *content, *list;

	if (!dc->call.control)
		return;
	content = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(content, "participants");
	TAILQ_FOREACH(other, &d->calls, entry)
	{
		if (desk_is_in(other, dc->call.room) &&
			(!other->away || other == dc))
			add_participant(d, list, &other->call, other == dc);
	}
	add_programs(d, list, dc->call.room);
	desk_send_control(d, dc, "org.hearth.participants", content);
	cJSON_Delete(content);
}

void desk_send_speaker(struct desk *d, struct desk_call *dc, sfu_id who)
{
	const struct desk_call *speaker = desk_by_sfu(d, who);
	const struct desk_program *program = desk_program_by_sfu(d, who);
	cJSON *content = cJSON_CreateObject();

	if (speaker)
		cJSON_AddStringToObject(content, "id", speaker->call.label);
	else if (program)
		cJSON_AddStringToObject(content, "id", program->label);
	else
		cJSON_AddNullToObject(content, "id");
	desk_send_control(d, dc, "org.hearth.speaker", content);
	cJSON_Delete(content);
}

void desk_send_error(struct desk *d, struct desk_call *dc, const char *text)
{
	cJSON *content = cJSON_CreateObject();

	cJSON_AddStringToObject(content, "code", "refused");
	cJSON_AddStringToObject(content, "message",
		text && text[0] ? text : "The server could not accept that.");
	desk_send_control(d, dc, "org.hearth.error", content);
	cJSON_Delete(content);
}

void desk_send_ping(struct desk *d, struct desk_call *dc, const char *type)
{
	cJSON *content = cJSON_CreateObject();

	desk_send_control(d, dc, type, content);
	cJSON_Delete(content);
}

void desk_send_stray_hangup(struct desk *d, const struct call_event *e)
{
	char path[CLIENT_PATH_MAX], txn[48];
	cJSON *content = event_content(e->version, e->call_id, d->session);
	cJSON *body;
	struct client_request q = { .method = "PUT", .path = path };

	cJSON_AddStringToObject(content, "reason", "unknown_error");
	add_device_fields(d, content, e->conf_id[0] ? e->conf_id : e->room_id,
		e->sender_session_id);
	body = to_device_body(e->sender, e->device_id, content);
	client_txn(d->client, txn);
	snprintf(path, sizeof(path),
		"/_matrix/client/v3/sendToDevice/m.call.hangup/%s", txn);
	q.body = body;
	/* One lane for all of them: a flood of strays is cut off there. */
	q.lane = "stray";
	q.expires_us = fetch_now_us() + HANGUP_EXPIRES_MS * 1000ull;
	client_request(d->client, &q);
	cJSON_Delete(body);
	cJSON_Delete(content);
}
