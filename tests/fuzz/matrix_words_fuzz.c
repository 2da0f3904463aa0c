/*
 * What is said to the bot beside events: commands, the door of local programs,
 * and manifests, by the first byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "matrix-bot/command.h"
#include "matrix-bot/feed_words.h"
#include "matrix-bot/parcel.h"
#include "sfu/sfu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_command(const char *text)
{
	struct command c;

	command_parse(&c, text, false, "@hearth:s");
	if (c.type == COMMAND_NONE && strncmp(text, "!hearth ", 8) == 0)
		abort();
	command_parse(&c, text, true, "@hearth:s");
	if (c.type == COMMAND_NONE || strlen(c.arg) > COMMAND_ARG_MAX)
		abort();
}

static void run_tokens(const char *text)
{
	static struct feed_tokens t;
	char error[FEED_ERROR_MAX];

	if (feed_tokens_parse(&t, text, error) < 0)
		return;
	for (unsigned i = 0; i < t.n; i++) {
		if (!feed_tokens_find(&t, t.v[i].token))
			abort();
	}
}

static void run_ask(const char *text, size_t len)
{
	struct feed_ask ask;

	if (feed_ask_parse(&ask, text, len) == 0 &&
		(!ask.token[0] || !strchr("!#", ask.room[0])))
		abort();
}

static void answer(struct parcel *p, struct parcel_actions *a)
{
	const struct parcel_reply good = { 200, "", "", "mxc://s/1" };

	if (p->state == PARCEL_ASKING)
		parcel_limit(p, 1 << 20, a);
	else if (p->state == PARCEL_THUMBNAIL || p->state == PARCEL_FILE)
		parcel_uploaded(p, &good, a);
	else
		parcel_sent(p, &good, a);
}

static void run_manifest(const char *text, size_t len)
{
	cJSON *json = cJSON_ParseWithLength(text, len), *made;
	static struct parcel_actions a;
	static struct parcel p;
	unsigned steps = 0;

	if (!json)
		return;
	parcel_init(&p, "id", "!r:s");
	parcel_ended(&p, "stopped by Ann", json, true);
	parcel_composed(&p, 1, 1795000000000, json, true);
	parcel_tick(&p, 2, &a);
	parcel_go(&p, &a);
	while (p.state != PARCEL_DONE) {
		const char *name = parcel_file(&p, NULL);

		if ((name && strchr(name, '/')) || steps++ > 8)
			abort();
		answer(&p, &a);
	}
	made = parcel_message(&p);
	cJSON_Delete(made);
	made = parcel_delivered(&p);
	cJSON_Delete(made);
	parcel_done(&p);
	cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'c')
		run_command(text);
	else if (data[0] == 't')
		run_tokens(text);
	else if (data[0] == 'a')
		run_ask(text, size - 1);
	else
		run_manifest(text, size - 1);
	free(text);
	return 0;
}
