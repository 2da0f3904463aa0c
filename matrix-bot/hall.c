#include "matrix-bot/hall_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/fetch.h"
#include "sfu/log.h"

enum { JOIN_AGAIN_MS = 3000 };

static struct hall_room *find(const struct hall *h, const char *room_id)
{
	struct hall_room *r;

	TAILQ_FOREACH(r, &h->rooms, entry)
	{
		if (!r->gone && strcmp(r->room.id, room_id) == 0)
			return r;
	}
	return NULL;
}

static struct hall_room *find_or_add(struct hall *h, const char *room_id)
{
	struct hall_room *r = find(h, room_id);
	char id[EVENT_ID_MAX + 1];

	if (r || h->n_rooms == HALL_ROOMS_MAX || event_copy_id(id, room_id) < 0)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	room_init(&r->room, id);
	r->serial = ++h->serial;
	TAILQ_INSERT_TAIL(&h->rooms, r, entry);
	h->n_rooms++;
	return r;
}

static int request(struct hall *h, const char *room_id, const char *path,
	client_h *handler, uint64_t tag)
{
	char lane[EVENT_ID_MAX + 8];
	cJSON *body = cJSON_CreateObject();
	struct client_request q = { .lane = lane, .method = "POST" };
	int r;

	hall_lane(lane, room_id);
	q.path = path;
	q.body = body;
	q.handler = handler;
	q.arg = h;
	q.tag = tag;
	r = client_request(h->client, &q);
	cJSON_Delete(body);
	return r;
}

static struct hall_room *find_serial(const struct hall *h, uint64_t serial)
{
	struct hall_room *r;

	TAILQ_FOREACH(r, &h->rooms, entry)
	{
		if (r->serial == serial)
			return r;
	}
	return NULL;
}

static void on_join(void *arg, uint64_t tag, const struct client_reply *reply)
{
	struct hall *h = arg;
	struct hall_room *r = find_serial(h, tag);

	if (!r || reply->status == 200 || reply->error)
		return;
	log_warn("join_refused", "room=%s status=%d errcode=%s try=%u",
		log_pii(r->room.id), reply->status, log_value(reply->errcode),
		r->tries);
	/* Over federation an invite can arrive before the room can be joined.
	 */
	if (r->room.state == ROOM_INVITED && r->tries < HALL_JOIN_TRIES)
		r->again_us = fetch_now_us() +
			      (uint64_t)r->tries * JOIN_AGAIN_MS * 1000;
}

static void join(struct hall *h, const char *room_id, const char *of_server,
	uint64_t tag)
{
	char path[CLIENT_PATH_MAX], room[3 * EVENT_ID_MAX + 1];
	char server[3 * EVENT_ID_MAX + 1];
	const char *colon = strchr(of_server, ':');

	if (client_escape(room, sizeof(room), room_id) < 0 ||
		client_escape(server, sizeof(server), colon ? colon + 1 : "") <
			0)
		return;
	/* Room ids of version 12 name no server: the inviter's helps. */
	snprintf(path, sizeof(path),
		"/_matrix/client/v3/join/%s?server_name=%s&via=%s", room,
		server, server);
	request(h, room_id, path, on_join, tag);
}

static void leave(struct hall *h, const char *room_id)
{
	char path[CLIENT_PATH_MAX], room[3 * EVENT_ID_MAX + 1];

	if (client_escape(room, sizeof(room), room_id) < 0)
		return;
	snprintf(path, sizeof(path), "/_matrix/client/v3/rooms/%s/leave", room);
	request(h, room_id, path, NULL, 0);
}

static void act(
	struct hall *h, struct hall_room *hr, const struct room_action *a)
{
	const struct hall_handlers *up = &h->handlers;
	struct room *r = &hr->room;

	switch (a->act) {
	case ROOM_JOIN:
		log_info("invited", "room=%s by=%s", log_pii(r->id),
			log_pii(r->inviter));
		hr->tries = 1;
		join(h, r->id, r->inviter, hr->serial);
		break;
	case ROOM_REJECT:
		log_info("invite_denied", "room=%s by=%s", log_pii(r->id),
			log_pii(r->inviter));
		leave(h, r->id);
		break;
	case ROOM_LEAVE:
		log_info("room_empty", "room=%s", log_pii(r->id));
		leave(h, r->id);
		break;
	case ROOM_GREET:
		hall_greet(h, r);
		break;
	case ROOM_ENCRYPTED:
		up->room_encrypted_h(up->arg, r->id);
		hall_tell_encrypted(h, r);
		break;
	case ROOM_MEMBER_LEFT:
		up->member_left_h(up->arg, r->id, a->user);
		break;
	case ROOM_FOLLOW:
		log_info("room_upgraded", "room=%s next=%s", log_pii(r->id),
			log_pii(a->user));
		join(h, a->user, r->id, 0);
		break;
	case ROOM_HELP:
		hall_help(h, r);
		break;
	case ROOM_WHO:
		hall_who(h, r);
		break;
	case ROOM_COMMAND:
		up->command_h(up->arg, r->id, a->user, &a->command);
		break;
	case ROOM_GONE:
		up->room_gone_h(up->arg, r->id);
		break;
	}
}

static void act_all(
	struct hall *h, struct hall_room *r, const struct room_actions *a)
{
	for (unsigned i = 0; i < a->n; i++)
		act(h, r, &a->v[i]);
}

int hall_new(struct hall **ret, struct client *client,
	const struct room_policy *policy, const char *join_url,
	const struct hall_handlers *handlers)
{
	struct hall *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->client = client;
	h->policy = policy;
	h->join_url = join_url;
	h->handlers = *handlers;
	TAILQ_INIT(&h->rooms);
	*ret = h;
	return 0;
}

static void room_free(struct hall *h, struct hall_room *r)
{
	TAILQ_REMOVE(&h->rooms, r, entry);
	h->n_rooms--;
	room_done(&r->room);
	free(r);
}

struct hall *hall_free(struct hall *h)
{
	struct hall_room *r;

	if (!h)
		return NULL;
	while ((r = TAILQ_FIRST(&h->rooms)))
		room_free(h, r);
	free(h);
	return NULL;
}

void hall_left(struct hall *h, const char *room_id)
{
	struct hall_room *r = find(h, room_id);
	struct room_actions a;
	char lane[EVENT_ID_MAX + 8];

	if (!r)
		return;
	/* An invitation that was withdrawn need not be accepted any more. */
	hall_lane(lane, room_id);
	client_cancel(h->client, lane, NULL);
	room_gone(&r->room, &a);
	act_all(h, r, &a);
	r->gone = true;
}

void hall_invited(struct hall *h, const char *room_id, const char *inviter)
{
	struct hall_room *r = find_or_add(h, room_id);
	struct room_actions a;

	if (!r)
		return;
	room_invited(&r->room, h->policy, inviter, &a);
	act_all(h, r, &a);
}

void hall_joined(struct hall *h, const char *room_id)
{
	struct hall_room *r = find_or_add(h, room_id);
	struct room_actions a;

	if (!r)
		return;
	r->again_us = 0;
	room_joined(&r->room, h->policy, &a);
	act_all(h, r, &a);
}

void hall_event(
	struct hall *h, const char *room_id, const cJSON *event, bool live)
{
	struct hall_room *r = find(h, room_id);
	struct room_actions a;

	if (!r)
		return;
	room_event(&r->room, h->policy, event, live, &a);
	act_all(h, r, &a);
}

void hall_settle(struct hall *h)
{
	struct hall_room *r, *next;
	struct room_actions a;

	for (r = TAILQ_FIRST(&h->rooms); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->gone) {
			room_free(h, r);
			continue;
		}
		room_settle(&r->room, h->policy, &a);
		act_all(h, r, &a);
	}
}

void hall_tick(struct hall *h, uint64_t now_us)
{
	struct hall_room *r;

	TAILQ_FOREACH(r, &h->rooms, entry)
	{
		if (!r->again_us || r->again_us > now_us)
			continue;
		r->again_us = 0;
		r->tries++;
		join(h, r->room.id, r->room.inviter, r->serial);
	}
}

const struct room *hall_find(const struct hall *h, const char *room_id)
{
	const struct hall_room *r = find(h, room_id);

	return r ? &r->room : NULL;
}

const struct room *hall_find_conf(
	const struct hall *h, const char *conf_id, const char *user)
{
	struct hall_room *r;

	TAILQ_FOREACH(r, &h->rooms, entry)
	{
		if (!r->gone && room_has_conf(&r->room, conf_id) &&
			room_has(&r->room, user))
			return &r->room;
	}
	return NULL;
}

unsigned hall_count(const struct hall *h)
{
	const struct hall_room *r;
	unsigned n = 0;

	TAILQ_FOREACH(r, &h->rooms, entry)
	{
		n += !r->gone && r->room.state == ROOM_JOINED;
	}
	return n;
}
