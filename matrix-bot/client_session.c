#include "matrix-bot/client_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "sfu/log.h"

static void session_try(struct client *c);

static void session_later(struct client *c, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	event_add(c->login_timer, &tv);
}

static void session_denied(struct client *c, const char *sentence)
{
	c->state = CLIENT_DENIED;
	c->handlers.denied_h(c->handlers.arg, sentence);
}

static bool session_take_ids(struct client *c, const cJSON *json)
{
	const char *user = client_json_string(json, "user_id");
	const char *device = client_json_string(json, "device_id");

	if (user[0] != '@' || strlen(user) > CLIENT_ID_MAX ||
		strlen(device) > CLIENT_ID_MAX)
		return false;
	snprintf(c->user_id, sizeof(c->user_id), "%s", user);
	if (device[0])
		snprintf(c->device_id, sizeof(c->device_id), "%s", device);
	return true;
}

static void session_in(struct client *c)
{
	c->state = CLIENT_IN;
	c->session++;
	c->login_failures = 0;
	log_info("logged_in", "user=%s device=%s", log_pii(c->user_id),
		log_value(c->device_id));
	c->handlers.session_h(c->handlers.arg);
	client_kick(c);
}

/* A token that is refused falls back to the password, if there is one. */
static void session_token_refused(struct client *c)
{
	free(c->token);
	c->token = NULL;
	if (c->password)
		session_try(c);
	else
		session_denied(c,
			"The homeserver does not accept the access token: put "
			"a new one into matrix.token or matrix.token_file, or "
			"give matrix.password.");
}

static void session_refused(
	struct client *c, const char *errcode, const char *message)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence),
		"The homeserver refused to log in %s (%.64s: %.160s): check "
		"matrix.user and matrix.password.",
		c->user, errcode[0] ? errcode : "no reason", message);
	session_denied(c, sentence);
}

static const char *later_text(const struct fetch_reply *r)
{
	if (r->status == 0)
		return "the homeserver cannot be reached, trying again";
	if (r->status == 429)
		return "the homeserver wants fewer logins, trying again later";
	return "what answers is no homeserver in order, trying again";
}

static void session_retry(struct client *c, const struct fetch_reply *r)
{
	uint64_t ms = client_backoff_ms(c, c->login_failures++);
	cJSON *json = cJSON_ParseWithLength(r->body, r->len);
	const cJSON *after =
		cJSON_GetObjectItemCaseSensitive(json, "retry_after_ms");

	if (r->status == 429) {
		if (r->retry_after_ms)
			ms = r->retry_after_ms;
		if (cJSON_IsNumber(after) && after->valuedouble > 0 &&
			after->valuedouble < 3600e3)
			ms = (uint64_t)after->valuedouble;
	}
	cJSON_Delete(json);
	log_warn("login_later",
		"what=\"%s\" url=%s status=%d error=%s again_ms=%llu",
		later_text(r), log_value(c->homeserver), r->status,
		log_value(r->error), (unsigned long long)ms);
	session_later(c, ms);
}

static void on_login(void *arg, const struct fetch_reply *r)
{
	struct client *c = arg;
	cJSON *json = cJSON_ParseWithLength(r->body, r->len);
	const char *errcode = client_json_string(json, "errcode");
	const char *token = client_json_string(json, "access_token");

	c->login = NULL;
	if (r->status == 200 && token[0] && session_take_ids(c, json)) {
		free(c->token);
		c->token = strdup(token);
		c->counters.logins++;
		session_in(c);
	} else if (r->status >= 400 && r->status < 500 && errcode[0] &&
		   r->status != 429 && r->status != 408) {
		session_refused(c, errcode, client_json_string(json, "error"));
	} else {
		session_retry(c, r);
	}
	cJSON_Delete(json);
}

static void on_whoami(void *arg, const struct fetch_reply *r)
{
	struct client *c = arg;
	cJSON *json = cJSON_ParseWithLength(r->body, r->len);
	const char *errcode = client_json_string(json, "errcode");

	c->login = NULL;
	if (r->status == 200 && session_take_ids(c, json))
		session_in(c);
	else if ((r->status == 401 || r->status == 403) && errcode[0])
		session_token_refused(c);
	else
		session_retry(c, r);
	cJSON_Delete(json);
}

static char *login_body(const struct client *c)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *who = cJSON_AddObjectToObject(body, "identifier");
	char *text;

	cJSON_AddStringToObject(body, "type", "m.login.password");
	cJSON_AddStringToObject(who, "type", "m.id.user");
	cJSON_AddStringToObject(who, "user", c->user);
	cJSON_AddStringToObject(body, "password", c->password);
	if (c->device_id[0])
		cJSON_AddStringToObject(body, "device_id", c->device_id);
	cJSON_AddStringToObject(body, "initial_device_display_name",
		c->device_name ? c->device_name : "hearth");
	text = cJSON_PrintUnformatted(body);
	cJSON_Delete(body);
	return text;
}

static void session_try(struct client *c)
{
	char *body;
	int r;

	if (c->token) {
		r = client_fetch(c, "GET", "/_matrix/client/v3/account/whoami",
			c->token, NULL, 0, on_whoami, c, &c->login);
	} else if (c->password) {
		body = login_body(c);
		r = body ? client_fetch(c, "POST", "/_matrix/client/v3/login",
				   NULL, body, 0, on_login, c, &c->login)
			 : -ENOMEM;
		free(body);
	} else {
		session_denied(c, "No way to log in: give matrix.password, "
				  "matrix.password_file, matrix.token or "
				  "matrix.token_file.");
		return;
	}
	if (r < 0)
		session_later(c, client_backoff_ms(c, c->login_failures++));
}

static void on_login_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_try(arg);
}

int client_session_init(struct client *c)
{
	c->login_timer = event_new(c->base, -1, 0, on_login_timer, c);
	return c->login_timer ? 0 : -ENOMEM;
}

void client_start(struct client *c, const char *saved_token)
{
	if (c->state != CLIENT_IDLE)
		return;
	c->state = CLIENT_LOGGING_IN;
	/* A token of the configuration is the operator's latest word. */
	if (c->config_token)
		saved_token = c->config_token;
	c->token = saved_token ? strdup(saved_token) : NULL;
	session_later(c, 0);
}

void client_session_lost(struct client *c)
{
	if (c->state != CLIENT_IN)
		return;
	log_warn("session_lost", "user=%s", log_pii(c->user_id));
	c->state = CLIENT_LOGGING_IN;
	/* The new token goes to the same device: session ids and to-device
	 * messages under way stay valid. From the timer, since we are in a
	 * handler of a lane. */
	free(c->token);
	c->token = NULL;
	if (c->password)
		session_later(c, 0);
	else
		session_denied(c,
			"The homeserver has revoked the access token: put a "
			"new one into matrix.token or matrix.token_file, or "
			"give matrix.password.");
}
