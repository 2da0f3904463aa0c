#include "matrix-bot/bot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include "http/http.h"
#include "matrix-bot/bot_impl.h"
#include "http/fetch.h"
#include "sfu/log.h"

enum {
	READY_US = 120 * 1000000,
	STOP_US = 1200 * 1000,
	STOP_RECORDING_US = 3200 * 1000, /* files are made whole meanwhile */
	STOP_POLL_MS = 20,
	DENIED_GRACE_US = 300 * 1000000,
	EXIT_DENIED = 3
};

static void set_policy(struct bot *b)
{
	const struct config_list *allow = &b->config->matrix.allow;
	const char *own_id = client_user_id(b->client);
	const char *colon = strchr(own_id, ':');

	snprintf(b->own_id, sizeof(b->own_id), "%s", own_id);
	snprintf(b->own_server, sizeof(b->own_server), "*%s",
		colon ? colon : "");
	b->own_glob[0] = b->own_server;
	b->policy.allow =
		allow->n ? (const char *const *)allow->v : b->own_glob;
	b->policy.n_allow = allow->n ? allow->n : 1;
}

static void on_session(void *arg)
{
	struct bot *b = arg;
	const char *device = client_device_id(b->client);
	/* A configured token is not ours to keep. */
	const char *token =
		b->config->matrix.token ? NULL : client_token(b->client);

	b->denied_us = 0;
	store_set_session(&b->store, device[0] ? device : NULL, token);
	if (store_write(&b->store) < 0)
		log_warn("state_unwritable", "path=%s",
			log_value(b->store.path));
	if (b->own_id[0])
		return;
	set_policy(b);
	sync_start(b->sync, b->store.next_batch, b->own_id);
}

static void on_denied(void *arg, const char *sentence)
{
	struct bot *b = arg;
	struct timeval now = { 0, 0 };

	log_error("login_denied", "what=\"%s\"", sentence);
	b->denied_us = fetch_now_us();
	/* Calls that run keep their media for a while; see on_tick. */
	if (desk_count(b->desk) == 0)
		event_add(b->exit_timer, &now);
}

static void on_exit_timer(evutil_socket_t fd, short what, void *arg)
{
	struct bot *b = arg;
	bot_exit_h *exit_h = b->exit_h;

	(void)fd;
	(void)what;
	b->exit_h = NULL;
	if (exit_h)
		exit_h(b->arg, EXIT_DENIED);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct bot *b = arg;
	uint64_t now_us = fetch_now_us();

	(void)fd;
	(void)what;
	hall_tick(b->hall, now_us);
	desk_tick(b->desk);
	deck_tick(b->deck);
	if (b->denied_us && (desk_count(b->desk) == 0 ||
				    now_us - b->denied_us > DENIED_GRACE_US))
		on_exit_timer(-1, 0, b);
}

static void on_stop_poll(evutil_socket_t fd, short what, void *arg)
{
	struct bot *b = arg;
	struct timeval again = { 0, STOP_POLL_MS * 1000 };
	unsigned left = client_pending(b->client, SYNC_LANE);
	void (*done_h)(void *) = b->stopped_h;

	(void)fd;
	(void)what;
	if (fetch_now_us() < b->stop_by_us &&
		(!b->studio_stopped || (left && client_in(b->client)))) {
		event_add(b->stop_timer, &again);
		return;
	}
	if (left)
		log_warn("stop_unsent", "requests=%u", left);
	b->stopped_h = NULL;
	if (done_h)
		done_h(b->stopped_arg);
}

static void on_config_json(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	struct bot *b = arg;
	cJSON *json = cJSON_CreateObject();
	char *text;

	(void)req;
	if (b->own_id[0]) {
		cJSON_AddStringToObject(
			json, "homeserver", client_homeserver(b->client));
		cJSON_AddStringToObject(json, "bot_user_id", b->own_id);
		cJSON_AddStringToObject(
			json, "bot_device_id", client_device_id(b->client));
		cJSON_AddStringToObject(json, "version", HEARTH_VERSION);
	} else {
		reply->status = 503;
		cJSON_AddStringToObject(json, "error",
			"hearth is not logged in to its homeserver yet");
	}
	reply->content_type = "application/json";
	text = cJSON_PrintUnformatted(json);
	if (text)
		evbuffer_add(reply->body, text, strlen(text));
	cJSON_free(text);
	cJSON_Delete(json);
}

static int new_timers(struct bot *b)
{
	struct timeval second = { 1, 0 };

	b->tick_timer = event_new(b->base, -1, EV_PERSIST, on_tick, b);
	b->exit_timer = event_new(b->base, -1, 0, on_exit_timer, b);
	b->stop_timer = event_new(b->base, -1, 0, on_stop_poll, b);
	if (!b->tick_timer || !b->exit_timer || !b->stop_timer)
		return -ENOMEM;
	event_add(b->tick_timer, &second);
	return 0;
}

int bot_new(struct bot **ret, struct event_base *base, struct sfu *sfu,
	const struct config *config, struct http *http, bot_exit_h *exit_h,
	void *arg, char ret_error[BOT_ERROR_MAX])
{
	struct bot *b = calloc(1, sizeof(*b));
	const struct client_handlers client_handlers = { on_session, on_denied,
		b };
	int r;

	ret_error[0] = '\0';
	if (!b)
		return -ENOMEM;
	b->base = base;
	b->config = config;
	b->exit_h = exit_h;
	b->arg = arg;
	b->policy.own_id = b->own_id;
	b->policy.leave_when_empty = config->matrix.leave_when_empty;
	r = config->matrix.homeserver && config->matrix.user
		    ? store_init(&b->store, config->state_dir,
			      config->matrix.homeserver, config->matrix.user)
		    : -EINVAL;
	if (r == 0)
		r = bot_make_parts(b, sfu, http, &client_handlers, ret_error);
	if (r == 0)
		r = new_timers(b);
	if (r == 0 && http) {
		http_allow_connect(http, client_homeserver(b->client));
		r = http_route(http, "/config.json", false, on_config_json, b);
	}
	if (r < 0) {
		bot_free(b);
		return r;
	}
	client_start(b->client, b->store.token);
	*ret = b;
	return 0;
}

static void on_studio_stopped(void *arg)
{
	((struct bot *)arg)->studio_stopped = true;
}

void bot_stop(struct bot *b, void (*done_h)(void *arg), void *arg)
{
	struct timeval now = { 0, 0 };
	bool recording = deck_stop(b->deck);

	b->stopped_h = done_h;
	b->stopped_arg = arg;
	b->stop_by_us =
		fetch_now_us() + (recording ? STOP_RECORDING_US : STOP_US);
	sync_stop(b->sync);
	b->studio_stopped = !b->studio;
	if (b->studio)
		studio_stop(b->studio, on_studio_stopped, b);
	desk_hang_up(b->desk);
	event_add(b->stop_timer, &now);
}

static void timer_free(struct event *e)
{
	if (e)
		event_free(e);
}

struct bot *bot_free(struct bot *b)
{
	if (!b)
		return NULL;
	timer_free(b->tick_timer);
	timer_free(b->exit_timer);
	timer_free(b->stop_timer);
	bot_free_parts(b);
	store_done(&b->store);
	free(b);
	return NULL;
}

bool bot_ready(const struct bot *b)
{
	uint64_t last_us = sync_last_us(b->sync);

	return client_in(b->client) && last_us &&
	       fetch_now_us() - last_us < READY_US;
}
