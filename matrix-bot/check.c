/* bot_check: one question to the homeserver after the other, in plain words. */
#include "matrix-bot/bot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cjson/cJSON.h>
#include <event2/event.h>
#include "matrix-bot/event.h"
#include "matrix-bot/feed_words.h"
#include "http/fetch.h"

enum { CHECK_TIMEOUT_MS = 15000, CLOCK_LIMIT_S = 30, URL_MAX = 1024 };

struct check {
	const struct config *config;
	struct event_base *base;
	struct fetch *fetch;
	int problems;
	/* The last reply. */
	bool done;
	int status;
	int64_t date_s;
	cJSON *json;
	char error[256];
};

#define good(...)                                                              \
	(fputs("ok       ", stdout), printf(__VA_ARGS__), putchar('\n'))

static void problem(struct check *k, const char *what, const char *detail,
	const char *change)
{
	printf("PROBLEM  %s%s%s. %s\n", what, detail[0] ? ": " : "", detail,
		change);
	k->problems++;
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
	struct check *k = arg;

	k->done = true;
	k->status = r->status;
	k->date_s = r->date_s;
	snprintf(k->error, sizeof(k->error), "%s", r->error);
	k->json = cJSON_ParseWithLength(r->body, r->len);
}

static void ask(struct check *k, const char *method, const char *path,
	const char *bearer, const char *body)
{
	const char *server = k->config->matrix.homeserver;
	char url[URL_MAX];
	size_t n = strlen(server);
	struct fetch_request q = { .method = method,
		.url = url,
		.bearer = bearer,
		.body = body,
		.timeout_ms = CHECK_TIMEOUT_MS };
	int r;

	while (n && server[n - 1] == '/')
		n--;
	cJSON_Delete(k->json);
	k->json = NULL;
	k->done = false;
	k->status = 0;
	k->date_s = -1;
	snprintf(url, sizeof(url), "%.*s%s", (int)n, server, path);
	r = fetch_start(k->fetch, &q, on_reply, k, NULL);
	if (r < 0) {
		snprintf(k->error, sizeof(k->error), "%s", strerror(-r));
		return;
	}
	while (!k->done)
		event_base_loop(k->base, EVLOOP_ONCE);
}

static void check_clock(struct check *k)
{
	int64_t off_s = k->date_s - (int64_t)time(NULL);
	char detail[64];

	if (k->date_s < 0)
		return;
	if (off_s <= CLOCK_LIMIT_S && off_s >= -CLOCK_LIMIT_S) {
		good("The clocks of this machine and the homeserver agree.");
		return;
	}
	snprintf(detail, sizeof(detail), "%lld seconds apart",
		(long long)(off_s < 0 ? -off_s : off_s));
	problem(k, "The clocks of this machine and the homeserver differ",
		detail, "Set this machine's clock, for instance with NTP.");
}

/* False: there is nobody to ask further. */
static bool check_versions(struct check *k)
{
	const cJSON *list;
	char detail[320];

	ask(k, "GET", "/_matrix/client/versions", NULL, NULL);
	if (k->status == 0) {
		problem(k, "The homeserver cannot be reached", k->error,
			"Check matrix.homeserver, and that it is running.");
		return false;
	}
	list = cJSON_GetObjectItemCaseSensitive(k->json, "versions");
	if (k->status != 200 || !cJSON_IsArray(list)) {
		snprintf(detail, sizeof(detail), "HTTP status %d", k->status);
		problem(k, "There is no Matrix homeserver at that address",
			detail,
			"Set matrix.homeserver to the base URL of its "
			"Client-Server API.");
		return false;
	}
	list = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
	good("The homeserver %s answers; its newest version is %s.",
		k->config->matrix.homeserver,
		cJSON_IsString(list) ? list->valuestring : "not told");
	check_clock(k);
	return true;
}

static void say_who(struct check *k)
{
	char user[EVENT_ID_MAX + 1];

	if (event_copy_id(user, event_string(k->json, "user_id")) == 0)
		good("The login is right: the bot is %s.", user);
	else
		problem(k, "The homeserver does not say who the bot is", "",
			"Look into its log.");
}

static void say_refused(struct check *k, const char *change)
{
	char detail[320];

	if (k->status == 429)
		change = "Too many logins of late: wait a minute.";
	else if (k->status == 0 || k->status >= 500)
		change = "The homeserver is in trouble: look into its log.";
	snprintf(detail, sizeof(detail), "HTTP status %d, %.64s: %.160s",
		k->status, event_string(k->json, "errcode"),
		event_string(k->json, "error"));
	problem(k, "The login failed", detail, change);
}

static void check_token(struct check *k, const char *token)
{
	ask(k, "GET", "/_matrix/client/v3/account/whoami", token, NULL);
	if (k->status == 200)
		say_who(k);
	else
		say_refused(k, "Put a valid token into matrix.token or "
			       "matrix.token_file.");
}

/* On a device of its own, which goes again: a login to the bot's device would
 * take the token from a bot that is running. */
static void check_password(struct check *k)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *who = cJSON_AddObjectToObject(body, "identifier");
	char *text, *token;

	cJSON_AddStringToObject(body, "type", "m.login.password");
	cJSON_AddStringToObject(who, "type", "m.id.user");
	cJSON_AddStringToObject(who, "user", k->config->matrix.user);
	cJSON_AddStringToObject(body, "password", k->config->matrix.password);
	cJSON_AddStringToObject(
		body, "initial_device_display_name", "hearth check");
	text = cJSON_PrintUnformatted(body);
	ask(k, "POST", "/_matrix/client/v3/login", NULL, text);
	cJSON_free(text);
	cJSON_Delete(body);
	if (k->status != 200) {
		say_refused(k, "Check matrix.user and matrix.password.");
		return;
	}
	say_who(k);
	token = strdup(event_string(k->json, "access_token"));
	if (token)
		ask(k, "POST", "/_matrix/client/v3/logout", token, "{}");
	free(token);
}

static void check_login(struct check *k)
{
	const char *token = k->config->matrix.token;

	if (token && token[0])
		check_token(k, token);
	else if (k->config->matrix.password && k->config->matrix.password[0])
		check_password(k);
	else
		problem(k, "There is no way to log in", "",
			"Give matrix.password, matrix.password_file, "
			"matrix.token or matrix.token_file.");
}

/* Only peers on the same machine or network reach these. */
static bool is_private(const struct in_addr *a)
{
	uint32_t v = ntohl(a->s_addr);

	return v >> 24 == 10 || v >> 24 == 127 || v >> 20 == 0xac1 ||
	       v >> 16 == 0xc0a8 || v >> 16 == 0xa9fe || v >> 22 == 0x191;
}

static void check_address(struct check *k, const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		if (v4.s_addr == 0)
			problem(k, "media.advertise has no address", text,
				"Write the address clients reach.");
		else if (is_private(&v4))
			good("Media is advertised at %s: for this machine or "
			     "network only.",
				text);
		else
			good("Media is advertised at %s.", text);
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		good("Media is advertised at %s.", text);
	} else {
		problem(k, "media.advertise has something that is no address",
			text, "Write IPv4 or IPv6 addresses, not names.");
	}
}

static void check_media(struct check *k)
{
	const struct config_list *list = &k->config->media.advertise;

	for (unsigned i = 0; i < list->n; i++)
		check_address(k, list->v[i]);
	if (list->n == 0)
		good("Media is advertised at this machine's own addresses; "
		     "behind NAT, put the outer one into media.advertise.");
}

static void check_join_url(struct check *k)
{
	const char *url = k->config->matrix.join_url;

	if (!url || !url[0])
		good("Rooms get a link to this machine's own web server; set "
		     "matrix.join_url when people come from elsewhere.");
	else if (strncmp(url, "https://", 8) != 0 &&
		 strncmp(url, "http://localhost", 16) != 0 &&
		 strncmp(url, "http://127.", 11) != 0)
		problem(k, "Browsers give no camera to the page", url,
			"Set matrix.join_url to an https:// address of a "
			"reverse proxy.");
	else
		good("Rooms get a link to %s.", url);
}

static void check_feed(struct check *k)
{
	const char *path = k->config->feed.tokens_file;
	char error[FEED_ERROR_MAX];
	struct feed_tokens tokens;
	int r;

	if (!k->config->feed.socket || !k->config->feed.socket[0])
		return;
	r = feed_tokens_load(&tokens, path ? path : "", error);
	if (r < 0)
		problem(k, "Local programs cannot come in", error,
			"Mend that, or set feed.socket to \"\".");
	else
		good("Local programs may come in by %s: %u tokens in %s.",
			k->config->feed.socket, tokens.n, path);
	feed_tokens_forget(&tokens);
}

int bot_check(const struct config *config)
{
	struct check k = { .config = config };
	int r = -ENOMEM;

	if (!config->matrix.homeserver || !config->matrix.user) {
		problem(&k, "matrix.homeserver or matrix.user is missing", "",
			"Both are required.");
		return k.problems;
	}
	k.base = event_base_new();
	if (k.base)
		r = fetch_new(&k.fetch, k.base);
	if (r == 0) {
		if (check_versions(&k))
			check_login(&k);
		check_media(&k);
		check_join_url(&k);
		check_feed(&k);
	} else {
		problem(&k, "The check itself failed", strerror(-r), "");
	}
	cJSON_Delete(k.json);
	fetch_free(k.fetch);
	if (k.base)
		event_base_free(k.base);
	return k.problems;
}
