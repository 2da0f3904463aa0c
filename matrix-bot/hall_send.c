#include "matrix-bot/hall_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "sfu/log.h"

void hall_lane(char ret[EVENT_ID_MAX + 8], const char *room_id)
{
	snprintf(ret, EVENT_ID_MAX + 8, "room %s", room_id);
}

static void on_notice(void *arg, uint64_t tag, const struct client_reply *reply)
{
	(void)arg;
	(void)tag;
	if (reply->status >= 300)
		log_warn("notice_refused", "status=%d errcode=%s",
			reply->status, log_value(reply->errcode));
}

int hall_send(struct hall *h, const char *room_id, const struct hall_message *m)
{
	char path[CLIENT_PATH_MAX], room[3 * EVENT_ID_MAX + 1];
	char lane[EVENT_ID_MAX + 8], txn[48];
	struct client_request q = { .lane = lane, .method = "PUT" };

	if (strlen(room_id) > EVENT_ID_MAX ||
		client_escape(room, sizeof(room), room_id) < 0)
		return -E2BIG;
	if (!m->txn)
		client_txn(h->client, txn);
	snprintf(path, sizeof(path),
		"/_matrix/client/v3/rooms/%s/send/m.room.message/%s", room,
		m->txn ? m->txn : txn);
	hall_lane(lane, room_id);
	q.replaces = m->word;
	q.path = path;
	q.body = m->content;
	q.flags = CLIENT_PACED;
	q.expires_us = m->expires_us;
	q.handler = m->handler ? m->handler : on_notice;
	q.arg = m->handler ? m->arg : h;
	q.tag = m->tag;
	return client_request(h->client, &q);
}

void hall_cancel(struct hall *h, const char *room_id, const char *word)
{
	char lane[EVENT_ID_MAX + 8];

	hall_lane(lane, room_id);
	client_cancel(h->client, lane, word);
}

cJSON *hall_content(const char *text)
{
	cJSON *content = cJSON_CreateObject();

	cJSON_AddStringToObject(content, "msgtype", "m.notice");
	cJSON_AddStringToObject(content, "body", text);
	/* Names in it must ring nobody. */
	cJSON_AddObjectToObject(content, "m.mentions");
	return content;
}

void hall_notice(
	struct hall *h, const char *room_id, const char *word, const char *text)
{
	struct hall_message m = { .word = word };
	cJSON *content = hall_content(text);

	m.content = content;
	hall_send(h, room_id, &m);
	cJSON_Delete(content);
}

void hall_redact(struct hall *h, const char *room_id, const char *event_id,
	const char *reason)
{
	char path[CLIENT_PATH_MAX], room[3 * EVENT_ID_MAX + 1];
	char event[3 * EVENT_ID_MAX + 1], lane[EVENT_ID_MAX + 8], txn[48];
	struct client_request q = { .lane = lane, .method = "PUT" };
	cJSON *body;

	if (strlen(room_id) > EVENT_ID_MAX ||
		client_escape(room, sizeof(room), room_id) < 0 ||
		client_escape(event, sizeof(event), event_id) < 0)
		return;
	body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "reason", reason);
	client_txn(h->client, txn);
	snprintf(path, sizeof(path), "/_matrix/client/v3/rooms/%s/redact/%s/%s",
		room, event, txn);
	hall_lane(lane, room_id);
	q.path = path;
	q.body = body;
	q.flags = CLIENT_PACED;
	q.handler = on_notice;
	q.arg = h;
	client_request(h->client, &q);
	cJSON_Delete(body);
}

/* A room id in a fragment: what needs no escape there stays readable. */
static void fragment(char *id, size_t cap, const char *room_id)
{
	static const char plain[] = "!:#.-_~$/";
	size_t n = 0;

	for (; *room_id && n + 4 < cap; room_id++) {
		char one[2] = { *room_id, '\0' };

		if (strchr(plain, *room_id))
			id[n++] = *room_id;
		else if (client_escape(id + n, cap - n, one) == 0)
			n += strlen(id + n);
	}
	id[n] = '\0';
}

void hall_link(const struct hall *h, const char *room_id, char *ret, size_t cap)
{
	char id[3 * EVENT_ID_MAX + 1];

	fragment(id, sizeof(id), room_id);
	snprintf(ret, cap, "%s#/room/%s", h->join_url, id);
}

void hall_recording_link(const struct hall *h, const char *room_id,
	const char *recording, char *ret, size_t cap)
{
	char id[3 * EVENT_ID_MAX + 1];

	fragment(id, sizeof(id), room_id);
	snprintf(ret, cap, "%s#/recording/%s/%s", h->join_url, id, recording);
}
