#include "sfu/config_schema.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *field(struct config *c, const struct config_key *key)
{
	return (char *)c + key->offset;
}

static int wrong(char ret_why[128], const char *why)
{
	snprintf(ret_why, 128, "%s", why);
	return -EINVAL;
}

static bool is_url(const char *s)
{
	size_t scheme = strncasecmp(s, "https://", 8) == 0  ? 8
			: strncasecmp(s, "http://", 7) == 0 ? 7
							    : 0;

	if (!scheme || strcspn(s + scheme, "/?#") == 0)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f ||
			strchr("\"'<>\\", *s))
			return false;
	return true;
}

static bool is_address(const char *s)
{
	struct in6_addr a;

	return inet_pton(AF_INET, s, &a) == 1 ||
	       inet_pton(AF_INET6, s, &a) == 1;
}

static bool is_level(const char *s)
{
	return strcmp(s, "error") == 0 || strcmp(s, "warn") == 0 ||
	       strcmp(s, "info") == 0 || strcmp(s, "debug") == 0;
}

static bool is_who(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (digits > 0 && digits <= 3 && !s[digits])
		return strtoul(s, NULL, 10) <= 100;
	return strcmp(s, "moderators") == 0 || strcmp(s, "members") == 0 ||
	       strcmp(s, "nobody") == 0;
}

static bool is_compose(const char *s)
{
	return strcmp(s, "grid") == 0 || strcmp(s, "speaker") == 0 ||
	       strcmp(s, "none") == 0;
}

static int check_form(enum config_form form, const char *s, char ret_why[128])
{
	if (strlen(s) > CONFIG_TEXT_MAX)
		return wrong(ret_why, "is longer than 1024 bytes");
	if (s[strcspn(s, "\r\n")])
		return wrong(ret_why, "must be one line");
	if (form == FORM_LEVEL && !is_level(s))
		return wrong(ret_why, "must be error, warn, info or debug");
	if (form == FORM_WHO && !is_who(s))
		return wrong(ret_why, "must be moderators, members, nobody, "
				      "or a power level from 0 to 100");
	if (form == FORM_COMPOSE && !is_compose(s))
		return wrong(ret_why, "must be grid, speaker or none");
	if (!*s)
		return 0;
	if (form == FORM_URL && !is_url(s))
		return wrong(ret_why,
			"must be a URL that starts with http:// or https://");
	if (form == FORM_ADDRESS && !is_address(s))
		return wrong(
			ret_why, "must be an IPv4 or IPv6 address, not a name");
	return 0;
}

static int set_text(struct config *c, const struct config_key *key,
	const char *text, char ret_why[128])
{
	char **at = field(c, key), *copy;

	if (check_form(key->form, text, ret_why) < 0)
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static int set_number(struct config *c, const struct config_key *key,
	const char *text, char ret_why[128])
{
	uint64_t value = 0;
	bool fine = *text != '\0' && strlen(text) < 19;

	for (const char *p = text; fine && *p; p++) {
		fine = *p >= '0' && *p <= '9';
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (!fine || value < key->min || value > key->max) {
		snprintf(ret_why, 128, "must be a number from %llu to %llu",
			(unsigned long long)key->min,
			(unsigned long long)key->max);
		return -EINVAL;
	}
	if (key->type == CONFIG_UINT)
		*(unsigned *)field(c, key) = (unsigned)value;
	else
		*(uint64_t *)field(c, key) = value;
	return 0;
}

static int set_bool(struct config *c, const struct config_key *key,
	const char *text, char ret_why[128])
{
	bool yes = strcasecmp(text, "true") == 0;

	if (!yes && strcasecmp(text, "false") != 0)
		return wrong(ret_why, "must be true or false");
	*(bool *)field(c, key) = yes;
	return 0;
}

static void list_free(struct config_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct config_list){ 0 };
}

int config_set_list(struct config *c, const struct config_key *key,
	char *const *items, unsigned n, char ret_why[128])
{
	struct config_list list = { 0 }, *at = field(c, key);

	if (n > CONFIG_LIST)
		return wrong(ret_why, "has more than 16 items");
	if (n && !(list.v = calloc(n, sizeof(*list.v))))
		return -ENOMEM;
	for (; list.n < n; list.n++) {
		const char *item = items[list.n] ? items[list.n] : "";
		int err = *item ? check_form(key->form, item, ret_why)
				: wrong(ret_why, "has an empty item");

		if (err == 0 && !(list.v[list.n] = strdup(item)))
			err = -ENOMEM;
		if (err < 0) {
			list_free(&list);
			return err;
		}
	}
	list_free(at);
	*at = list;
	return 0;
}

/* Defaults of lists are written with blanks between the items. */
static int set_words(struct config *c, const struct config_key *key,
	const char *text, char ret_why[128])
{
	char *items[CONFIG_LIST], *save = NULL, *copy = strdup(text);
	unsigned n = 0;
	int err;

	if (!copy)
		return -ENOMEM;
	for (char *word = strtok_r(copy, " ", &save); word && n < CONFIG_LIST;
		word = strtok_r(NULL, " ", &save))
		items[n++] = word;
	err = config_set_list(c, key, items, n, ret_why);
	free(copy);
	return err;
}

int config_set(struct config *c, const struct config_key *key, const char *text,
	char ret_why[128])
{
	switch (key->type) {
	case CONFIG_TEXT:
		return set_text(c, key, text, ret_why);
	case CONFIG_UINT:
	case CONFIG_U64:
		return set_number(c, key, text, ret_why);
	case CONFIG_BOOL:
		return set_bool(c, key, text, ret_why);
	case CONFIG_LIST_OF:
		return set_words(c, key, text, ret_why);
	}
	return -EINVAL;
}

void config_done(struct config *c)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *key = &config_schema[i];

		if (key->type == CONFIG_TEXT)
			free(*(char **)field(c, key));
		else if (key->type == CONFIG_LIST_OF)
			list_free(field(c, key));
	}
	memset(c, 0, sizeof(*c));
}

static const struct config_key *name_key(const char *section, const char *name)
{
	return &config_schema[config_schema_find(section, name)];
}

static const struct config_key *check_recording(
	const struct config *c, char ret_why[128])
{
	unsigned ways = !!*c->recording.webhook_secret +
			!!*c->recording.webhook_secret_file;

	if (ways > 1) {
		wrong(ret_why, "give one of webhook_secret and "
			       "webhook_secret_file, not both");
		return name_key("recording", "webhook_secret");
	}
	if (c->recording.webhooks.n && !ways) {
		wrong(ret_why, "need a secret to be signed with; set "
			       "webhook_secret_file or webhook_secret");
		return name_key("recording", "webhooks");
	}
	if (*c->feed.socket && !*c->feed.tokens_file) {
		wrong(ret_why, "needs feed.tokens_file, which says who may "
			       "come in");
		return name_key("feed", "socket");
	}
	return NULL;
}

const struct config_key *config_check_whole(
	const struct config *c, char ret_why[128])
{
	unsigned ways = !!*c->matrix.password + !!*c->matrix.password_file +
			!!*c->matrix.token + !!*c->matrix.token_file;
	unsigned last = c->media.workers ? c->media.workers - 1 : 0;

	if (!*c->matrix.homeserver) {
		wrong(ret_why, "is missing; write the homeserver's URL, for "
			       "instance https://matrix.example.org");
		return name_key("matrix", "homeserver");
	}
	if (!*c->matrix.user) {
		wrong(ret_why, "is missing; write the bot's user id, for "
			       "instance @hearth:example.org");
		return name_key("matrix", "user");
	}
	if (ways != 1) {
		wrong(ret_why, "give exactly one of password, password_file, "
			       "token and token_file");
		return name_key("matrix", "password");
	}
	if (c->media.port && c->media.port + last > 65535) {
		wrong(ret_why, "leaves no port for the last worker; "
			       "port + workers must stay below 65537");
		return name_key("media", "port");
	}
	if (c->media.listen.n == 0) {
		wrong(ret_why, "is empty; write 0.0.0.0 to listen everywhere");
		return name_key("media", "listen");
	}
	if (!*c->http.listen) {
		wrong(ret_why, "is empty; write 127.0.0.1");
		return name_key("http", "listen");
	}
	return check_recording(c, ret_why);
}
