#include "matrix-bot/command.h"

#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 4, BODY_MAX = 512 };

/* The words of a text, at most WORDS_MAX; more than that, or one too long, and
 * it is no command: n is 0. */
struct words {
	unsigned n;
	char v[WORDS_MAX][COMMAND_ARG_MAX + 1];
};

static void split(struct words *w, const char *text)
{
	w->n = 0;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		if (w->n == WORDS_MAX || len > COMMAND_ARG_MAX) {
			w->n = 0;
			return;
		}
		memcpy(w->v[w->n], text, len);
		w->v[w->n++][len] = '\0';
		text += len;
	}
}

static bool is(const struct words *w, unsigned i, const char *word)
{
	return i < w->n && strcasecmp(w->v[i], word) == 0;
}

static bool take_record(struct command *ret, const struct words *w)
{
	if (w->n == 1)
		ret->type = COMMAND_RECORD;
	else if (w->n == 2 && is(w, 1, "start"))
		ret->type = COMMAND_RECORD;
	else if (w->n == 2 && is(w, 1, "stop"))
		ret->type = COMMAND_RECORD_STOP;
	else if (w->n == 2 && is(w, 1, "list"))
		ret->type = COMMAND_RECORD_LIST;
	else if (w->n == 3 && is(w, 1, "delete"))
		ret->type = COMMAND_RECORD_DELETE;
	else
		return false;
	if (w->n == 3)
		memcpy(ret->arg, w->v[2], sizeof(ret->arg));
	return true;
}

/* The commands that need no address. */
static bool take_bare(struct command *ret, const char *text)
{
	struct words w;

	split(&w, text);
	if (is(&w, 0, "record"))
		return take_record(ret, &w);
	if (w.n == 3 && is(&w, 0, "feed") && is(&w, 1, "stop")) {
		ret->type = COMMAND_FEED_STOP;
		memcpy(ret->arg, w.v[2], sizeof(ret->arg));
		return true;
	}
	return false;
}

/* Behind an address everything is for the bot. */
static void take_addressed(struct command *ret, const char *text)
{
	if (take_bare(ret, text))
		return;
	text += strspn(text, " ");
	ret->type =
		strncasecmp(text, "who", 3) == 0 ? COMMAND_WHO : COMMAND_HELP;
}

/* What follows the name if text begins with it, else NULL. */
static const char *after_name(const char *text, const char *name, size_t len)
{
	if (len == 0 || strncasecmp(text, name, len) != 0)
		return NULL;
	text += len;
	if (*text == ':' || *text == ',')
		return text + 1;
	return *text == ' ' || *text == '\0' ? text : NULL;
}

/* "@hearth:example.org: record", "@hearth: record", "hearth: record". */
static const char *after_address(const char *text, const char *own_id)
{
	size_t local = strcspn(own_id, ":");
	const char *rest = after_name(text, own_id, strlen(own_id));

	if (!rest)
		rest = after_name(text, own_id, local);
	/* A bare name is an address with a colon only: people have names. */
	if (!rest && own_id[0] == '@' && local > 1 &&
		strncasecmp(text, own_id + 1, local - 1) == 0 &&
		text[local - 1] == ':')
		rest = text + local;
	return rest;
}

/* A mention by display name, which may be anything, in front or at the end. */
static void take_mention(struct command *ret, const char *text)
{
	const char *colon = strstr(text, ": ");
	size_t n = strcspn(text, " ");

	if (colon && take_bare(ret, colon + 2))
		return;
	if (text[n] && take_bare(ret, text + n))
		return;
	ret->type = COMMAND_HELP;
}

void command_parse(struct command *ret, const char *body, bool mentioned,
	const char *own_id)
{
	const char *rest;

	memset(ret, 0, sizeof(*ret));
	body += strspn(body, " ");
	rest = after_name(body, "!hearth", 7);
	if (!rest)
		rest = after_address(body, own_id);
	if (rest)
		take_addressed(ret, rest);
	else if (strlen(body) > BODY_MAX)
		ret->type = mentioned || strstr(body, own_id) ? COMMAND_HELP
							      : COMMAND_NONE;
	else if (take_bare(ret, *body == '!' ? body + 1 : body))
		return;
	else if (mentioned || strstr(body, own_id))
		take_mention(ret, body);
}
