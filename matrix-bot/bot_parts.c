#include "matrix-bot/bot_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "http/http.h"
#include "sfu/log.h"

static void on_left(void *arg, const char *room_id)
{
	hall_left(((struct bot *)arg)->hall, room_id);
}

static void on_invited(void *arg, const char *room_id, const char *inviter)
{
	hall_invited(((struct bot *)arg)->hall, room_id, inviter);
}

static void on_joined(void *arg, const char *room_id)
{
	hall_joined(((struct bot *)arg)->hall, room_id);
}

static void on_event(void *arg, const char *room_id, const cJSON *event,
	bool timeline, bool live)
{
	struct bot *b = arg;

	hall_event(b->hall, room_id, event, timeline && live);
	if (live &&
		strcmp(event_string(event, "type"), "m.room.power_levels") == 0)
		deck_powers_changed(b->deck, room_id);
	if (timeline)
		desk_event(b->desk, event, room_id);
}

static void on_to_device(void *arg, const cJSON *event)
{
	struct bot *b = arg;

	/* Logged once: the same sentence about every message helps nobody. */
	if (!b->told_encrypted &&
		strcmp(event_string(event, "type"), "m.room.encrypted") == 0) {
		b->told_encrypted = true;
		log_warn("encrypted_message",
			"what=\"an encrypted to-device message cannot be read: "
			"the bot does not speak Olm yet\" sender=%s",
			log_pii(event_string(event, "sender")));
	}
	if (!deck_to_device(b->deck, event))
		desk_event(b->desk, event, NULL);
}

static void on_settled(void *arg)
{
	struct bot *b = arg;

	desk_settle(b->desk);
	hall_settle(b->hall);
	deck_resume(b->deck);
}

static void on_position(void *arg, const char *next_batch)
{
	struct bot *b = arg;

	if (next_batch && b->store.next_batch &&
		strcmp(next_batch, b->store.next_batch) == 0)
		return;
	if (store_set_next_batch(&b->store, next_batch) < 0 ||
		store_write(&b->store) < 0)
		log_warn("state_unwritable", "path=%s",
			log_value(b->store.path));
}

static void on_member_left(void *arg, const char *room, const char *user)
{
	desk_member_left(((struct bot *)arg)->desk, room, user);
}

static void on_room_gone(void *arg, const char *room)
{
	struct bot *b = arg;

	/* First: it ends for this reason, not with the last of the calls. */
	deck_room_gone(b->deck, room);
	if (b->feed)
		feed_room_ended(b->feed, room);
	desk_room_gone(b->desk, room);
}

static void on_room_encrypted(void *arg, const char *room)
{
	struct bot *b = arg;

	deck_room_encrypted(b->deck, room);
	if (b->feed)
		feed_room_ended(b->feed, room);
	desk_room_encrypted(b->desk, room);
}

static void on_who(void *arg, const char *room, char *ret, size_t cap)
{
	desk_who(((struct bot *)arg)->desk, room, ret, cap);
}

static void stop_program(
	struct bot *b, const char *room, const char *user, const char *name)
{
	char text[256];

	if (!deck_allows(b->deck, room, user) ||
		(b->feed && feed_stop(b->feed, room, name) > 0))
		return;
	snprintf(text, sizeof(text),
		"No program of the name %.64s receives this room's call, and "
		"until it ends none will.",
		name);
	hall_notice(b->hall, room, "feed", text);
}

static void on_command(void *arg, const char *room, const char *user,
	const struct command *command)
{
	struct bot *b = arg;

	if (command->type == COMMAND_FEED_STOP)
		stop_program(b, room, user, command->arg);
	else
		deck_command(b->deck, room, user, command);
}

static void on_news(
	void *arg, enum desk_news what, const struct call *c, bool crashed)
{
	struct bot *b = arg;

	deck_on_news(b->deck, what, c, crashed);
	if (b->feed && what == DESK_GONE)
		feed_people_changed(b->feed, c->room);
}

static bool on_message(
	void *arg, const struct call *c, const char *type, const cJSON *content)
{
	return deck_on_message(((struct bot *)arg)->deck, c, type, content);
}

static void set_join_url(struct bot *b, const struct http *http)
{
	const struct config *c = b->config;
	const char *url = c->matrix.join_url, *listen = c->http.listen;
	unsigned port = http ? http_port(http) : c->http.port;
	bool any = !listen || !listen[0] || strcmp(listen, "0.0.0.0") == 0 ||
		   strcmp(listen, "::") == 0;
	size_t n;

	if (url && url[0]) {
		n = strlen(url);
		snprintf(b->join_url, sizeof(b->join_url), "%s%s", url,
			url[n - 1] == '/' ? "" : "/");
	} else {
		bool v6 = !any && strchr(listen, ':');

		snprintf(b->join_url, sizeof(b->join_url), "http://%s%s%s:%u/",
			v6 ? "[" : "", any ? "localhost" : listen,
			v6 ? "]" : "", port);
	}
}

static int new_client(struct bot *b, const struct client_handlers *handlers)
{
	const struct config *c = b->config;
	const char *device = c->matrix.device_id;
	struct client_config cc = {
		.homeserver = c->matrix.homeserver,
		.user = c->matrix.user,
		.password = c->matrix.password,
		.token = c->matrix.token,
		.device_name = c->matrix.device_name,
	};

	cc.device_id = device && device[0] ? device : b->store.device_id;
	return client_new(&b->client, b->base, &cc, handlers);
}

static int new_rooms(struct bot *b, struct sfu *sfu)
{
	const struct config *c = b->config;
	const struct hall_handlers hall_handlers = { on_member_left,
		on_room_gone, on_room_encrypted, on_who, on_command, b };
	const struct desk_limits limits = { c->limits.participants,
		c->limits.conferences, c->limits.calls_per_minute };
	int r = hall_new(
		&b->hall, b->client, &b->policy, b->join_url, &hall_handlers);

	if (r == 0)
		r = desk_new(&b->desk, b->base, b->client, sfu, b->hall,
			&b->policy, &limits);
	return r;
}

/* Without a studio everything works but recordings, and people are told why. */
static int new_studio(struct bot *b, struct sfu *sfu, struct http *http)
{
	int r = studio_new(&b->studio, b->base, sfu, b->config, http,
		deck_on_studio, b->deck, b->studio_error);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_warn("no_recordings", "what=\"%s\"", b->studio_error);
	deck_set_studio(b->deck, b->studio);
	return 0;
}

static int new_deck(struct bot *b, struct sfu *sfu, struct http *http)
{
	const struct config *c = b->config;
	const char *compose = c->recording.compose;
	const struct deck_config dc = { .who = c->recording.who,
		.deliver = c->recording.deliver,
		.compose = compose && strcmp(compose, "none") != 0,
		.error = b->studio_error };
	int r = deck_new(&b->deck, b->client, b->hall, b->desk, &dc);
	const struct desk_handlers handlers = { on_news, on_message, b };

	if (r < 0)
		return r;
	desk_set_handlers(b->desk, &handlers);
	return new_studio(b, sfu, http);
}

static int new_feed(
	struct bot *b, struct sfu *sfu, char ret_error[BOT_ERROR_MAX])
{
	const struct config *c = b->config;
	const struct feed_config fc = { .base = b->base,
		.client = b->client,
		.hall = b->hall,
		.desk = b->desk,
		.deck = b->deck,
		.sfu = sfu,
		.socket = c->feed.socket,
		.tokens_file = c->feed.tokens_file };

	if (!c->feed.socket || !c->feed.socket[0])
		return 0;
	if (!c->feed.tokens_file || !c->feed.tokens_file[0]) {
		snprintf(ret_error, BOT_ERROR_MAX,
			"feed.tokens_file is missing; give a file with a line "
			"'name token listen' for each program");
		return -EINVAL;
	}
	return feed_new(&b->feed, &fc, ret_error);
}

int bot_make_parts(struct bot *b, struct sfu *sfu, struct http *http,
	const struct client_handlers *client_handlers,
	char ret_error[BOT_ERROR_MAX])
{
	const struct sync_handlers sync_handlers = { on_left, on_invited,
		on_joined, on_event, on_to_device, on_settled, on_position, b };
	int r;

	set_join_url(b, http);
	r = new_client(b, client_handlers);
	if (r == 0)
		r = new_rooms(b, sfu);
	if (r == 0)
		r = new_deck(b, sfu, http);
	if (r == 0)
		r = new_feed(b, sfu, ret_error);
	if (r == 0)
		r = sync_new(&b->sync, b->base, b->client, &sync_handlers);
	return r;
}

void bot_free_parts(struct bot *b)
{
	sync_free(b->sync);
	feed_free(b->feed);
	studio_free(b->studio);
	deck_free(b->deck);
	desk_free(b->desk);
	hall_free(b->hall);
	client_free(b->client);
}
