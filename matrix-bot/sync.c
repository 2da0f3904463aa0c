#include "matrix-bot/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "matrix-bot/client.h"
#include "matrix-bot/event.h"
#include "http/fetch.h"
#include "sfu/log.h"

enum { ODD_WAIT_MS = 5000, SAME_WAIT_MS = 200, SYNC_SLACK_MS = 30000 };

static const char filter[] =
	"{\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]},"
	"\"room\":{\"account_data\":{\"types\":[]},"
	"\"ephemeral\":{\"types\":[]},"
	"\"state\":{\"lazy_load_members\":false,\"types\":[\"m.room.member\","
	"\"m.room.encryption\",\"m.room.tombstone\","
	"\"m.room.create\",\"m.room.power_levels\","
	"\"org.matrix.msc3401.call\"]},"
	"\"timeline\":{\"limit\":50,\"types\":[\"m.call.*\","
	"\"org.matrix.call.*\",\"m.room.member\",\"m.room.encryption\","
	"\"m.room.tombstone\",\"m.room.message\","
	"\"m.room.create\",\"m.room.power_levels\","
	"\"org.matrix.msc3401.call\"]}}}";
static const char gap_filter[] =
	"{\"types\":[\"m.call.*\",\"org.matrix.call.*\",\"m.room.member\"]}";

/* What was cut out of one room's timeline; events are newest first. */
struct gap {
	cJSON *events;
	char *room_id, *from;
	unsigned pages;
};

struct sync {
	struct client *client;
	struct sync_handlers handlers;
	struct event *timer;
	char own_id[EVENT_ID_MAX + 1];
	char *since;
	bool running, first;
	uint64_t last_us;
	cJSON *held; /* a sync that waits for its gaps */
	struct gap *gaps;
	unsigned n_gaps, next_gap;
	struct sync_counters counters;
};

static void gap_fetch(struct sync *s);

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void sync_later(struct sync *s, unsigned ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000 * 1000) };

	event_add(s->timer, &tv);
}

static void gaps_forget(struct sync *s)
{
	for (unsigned i = 0; i < s->n_gaps; i++) {
		cJSON_Delete(s->gaps[i].events);
		free(s->gaps[i].room_id);
		free(s->gaps[i].from);
	}
	free(s->gaps);
	s->gaps = NULL;
	s->n_gaps = s->next_gap = 0;
	cJSON_Delete(s->held);
	s->held = NULL;
}

static const char *find_inviter(const struct sync *s, const cJSON *room)
{
	const cJSON *event;

	cJSON_ArrayForEach(event, get(get(room, "invite_state"), "events"))
	{
		if (strcmp(event_string(event, "type"), "m.room.member") == 0 &&
			strcmp(event_string(event, "state_key"), s->own_id) ==
				0)
			return event_string(event, "sender");
	}
	return "";
}

static void hand_on_gap(struct sync *s, const char *room_id)
{
	const struct sync_handlers *h = &s->handlers;

	for (unsigned i = 0; i < s->n_gaps; i++) {
		const struct gap *g = &s->gaps[i];

		if (strcmp(g->room_id, room_id) != 0)
			continue;
		for (int j = cJSON_GetArraySize(g->events) - 1; j >= 0; j--)
			h->event_h(h->arg, room_id,
				cJSON_GetArrayItem(g->events, j), true,
				!s->first);
	}
}

static void hand_on_room(struct sync *s, const cJSON *room)
{
	const struct sync_handlers *h = &s->handlers;
	const cJSON *event;

	h->joined_h(h->arg, room->string);
	hand_on_gap(s, room->string);
	cJSON_ArrayForEach(event, get(get(room, "state"), "events"))
	{
		h->event_h(h->arg, room->string, event, false, !s->first);
	}
	cJSON_ArrayForEach(event, get(get(room, "timeline"), "events"))
	{
		h->event_h(h->arg, room->string, event, true, !s->first);
	}
}

static void hand_on(struct sync *s, const cJSON *json)
{
	const struct sync_handlers *h = &s->handlers;
	const cJSON *rooms = get(json, "rooms"), *item;

	cJSON_ArrayForEach(item, get(rooms, "leave"))
	{
		h->left_h(h->arg, item->string);
	}
	cJSON_ArrayForEach(item, get(rooms, "invite"))
	{
		h->invited_h(h->arg, item->string, find_inviter(s, item));
	}
	cJSON_ArrayForEach(item, get(rooms, "join"))
	{
		hand_on_room(s, item);
	}
	cJSON_ArrayForEach(item, get(get(json, "to_device"), "events"))
	{
		h->to_device_h(h->arg, item);
	}
	h->settled_h(h->arg);
}

static void sync_process(struct sync *s, const cJSON *json)
{
	const char *next = event_string(json, "next_batch");
	bool same = s->since && strcmp(s->since, next) == 0;
	char *twin = strdup(next);

	hand_on(s, json);
	s->counters.syncs++;
	s->first = false;
	s->last_us = fetch_now_us();
	if (twin) {
		free(s->since);
		s->since = twin;
	}
	s->handlers.position_h(s->handlers.arg, s->since);
	gaps_forget(s);
	if (s->running)
		sync_later(s, same ? SAME_WAIT_MS : 0);
}

static void gap_next(struct sync *s)
{
	if (s->next_gap < s->n_gaps)
		gap_fetch(s);
	else
		sync_process(s, s->held);
}

/* One page. What cannot be had is left out: a lost event is not worth a bot
 * that stands still. */
static void on_gap(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct sync *s = arg;
	struct gap *g = &s->gaps[s->next_gap];
	const cJSON *chunk = get(r->json, "chunk"), *event;
	const char *end = event_string(r->json, "end");

	(void)tag;
	if (r->status == 200) {
		cJSON_ArrayForEach(event, chunk)
		{
			cJSON_AddItemToArray(
				g->events, cJSON_Duplicate(event, true));
		}
	} else {
		log_warn("gap_lost", "room=%s status=%d errcode=%s",
			log_pii(g->room_id), r->status, log_value(r->errcode));
	}
	free(g->from);
	g->from = end[0] ? strdup(end) : NULL;
	g->pages++;
	if (!g->from || cJSON_GetArraySize(chunk) == 0 ||
		g->pages == SYNC_GAP_PAGES_MAX)
		s->next_gap++;
	gap_next(s);
}

static int gap_path(
	char *ret, size_t cap, const struct gap *g, const char *since)
{
	char room[3 * EVENT_ID_MAX + 1], from[1024], to[1024], types[512];
	int n;

	if (client_escape(room, sizeof(room), g->room_id) < 0 ||
		client_escape(from, sizeof(from), g->from) < 0 ||
		client_escape(to, sizeof(to), since) < 0 ||
		client_escape(types, sizeof(types), gap_filter) < 0)
		return -E2BIG;
	n = snprintf(ret, cap,
		"/_matrix/client/v3/rooms/%s/messages?dir=b&limit=100&from=%s"
		"&to=%s&filter=%s",
		room, from, to, types);
	return n < (int)cap ? 0 : -E2BIG;
}

static void gap_fetch(struct sync *s)
{
	char path[CLIENT_PATH_MAX];
	struct client_request q = { .lane = SYNC_LANE, .method = "GET" };

	while (s->next_gap < s->n_gaps) {
		q.path = path;
		q.handler = on_gap;
		q.arg = s;
		q.expires_us = fetch_now_us() + SYNC_GAP_GIVE_UP_MS * 1000ull;
		if (gap_path(path, sizeof(path), &s->gaps[s->next_gap],
			    s->since) == 0 &&
			client_request(s->client, &q) == 0)
			return;
		s->next_gap++;
	}
	sync_process(s, s->held);
}

/* Notes the rooms whose timeline was cut short. True if there is one. */
static bool gaps_find(struct sync *s, const cJSON *json)
{
	const cJSON *join = get(get(json, "rooms"), "join"), *room;
	int n = cJSON_GetArraySize(join);

	if (!s->since || n == 0)
		return false;
	s->gaps = calloc((size_t)n, sizeof(*s->gaps));
	if (!s->gaps)
		return false;
	cJSON_ArrayForEach(room, join)
	{
		const cJSON *timeline = get(room, "timeline");
		const char *from = event_string(timeline, "prev_batch");
		struct gap *g = &s->gaps[s->n_gaps];

		if (!cJSON_IsTrue(get(timeline, "limited")) || !from[0])
			continue;
		g->events = cJSON_CreateArray();
		g->room_id = strdup(room->string);
		g->from = strdup(from);
		s->n_gaps++;
		if (!g->events || !g->room_id || !g->from) {
			gaps_forget(s);
			return false;
		}
	}
	s->counters.gaps += s->n_gaps;
	return s->n_gaps > 0;
}

static void sync_reset(struct sync *s, const struct client_reply *r)
{
	log_warn("sync_reset",
		"what=\"the homeserver does not know the position, starting "
		"anew\" errcode=%s message=%s",
		log_value(r->errcode), log_value(r->message));
	s->counters.resets++;
	free(s->since);
	s->since = NULL;
	s->first = true;
	s->handlers.position_h(s->handlers.arg, NULL);
	sync_later(s, 0);
}

static void on_sync(void *arg, uint64_t tag, const struct client_reply *r)
{
	struct sync *s = arg;

	(void)tag;
	if (!s->running)
		return;
	if (r->status == 400 && s->since) {
		sync_reset(s, r);
	} else if (r->status != 200 ||
		   !event_string(r->json, "next_batch")[0]) {
		s->counters.odd++;
		log_warn("sync_odd", "status=%d errcode=%s", r->status,
			log_value(r->errcode));
		sync_later(s, ODD_WAIT_MS);
	} else if (gaps_find(s, r->json)) {
		s->held = cJSON_Duplicate(r->json, true);
		gap_fetch(s);
	} else {
		sync_process(s, r->json);
	}
}

static void sync_poll(struct sync *s)
{
	char path[CLIENT_PATH_MAX], types[2048], since[1024] = "";
	unsigned wait_ms = s->first ? 0 : SYNC_POLL_MS;
	struct client_request q = { .lane = SYNC_LANE, .method = "GET" };

	client_escape(types, sizeof(types), filter);
	if (s->since && client_escape(since, sizeof(since), s->since) < 0)
		since[0] = '\0';
	snprintf(path, sizeof(path),
		"/_matrix/client/v3/sync?timeout=%u&filter=%s%s%s%s", wait_ms,
		types, s->first ? "&full_state=true" : "",
		since[0] ? "&since=" : "", since);
	q.path = path;
	q.timeout_ms = SYNC_POLL_MS + SYNC_SLACK_MS;
	q.handler = on_sync;
	q.arg = s;
	if (client_request(s->client, &q) < 0)
		sync_later(s, ODD_WAIT_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sync_poll(arg);
}

int sync_new(struct sync **ret, struct event_base *base, struct client *c,
	const struct sync_handlers *h)
{
	struct sync *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->client = c;
	s->handlers = *h;
	s->timer = event_new(base, -1, 0, on_timer, s);
	if (!s->timer) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

struct sync *sync_free(struct sync *s)
{
	if (!s)
		return NULL;
	gaps_forget(s);
	event_free(s->timer);
	free(s->since);
	free(s);
	return NULL;
}

void sync_start(struct sync *s, const char *since, const char *own_user_id)
{
	if (s->running || event_copy_id(s->own_id, own_user_id) < 0)
		return;
	s->running = true;
	s->first = true;
	s->since = since ? strdup(since) : NULL;
	sync_later(s, 0);
}

void sync_stop(struct sync *s)
{
	s->running = false;
	event_del(s->timer);
}

uint64_t sync_last_us(const struct sync *s)
{
	return s->last_us;
}

const struct sync_counters *sync_counted(const struct sync *s)
{
	return &s->counters;
}
