/*
 * What is said to the bot in a room: "record", "!record stop", "@hearth: record
 * list", "!hearth who". Pure: a message's text in, a command out.
 *
 * Words without an address are a command only if they are the whole message, so
 * that talk about records starts none.
 */
#ifndef HEARTH_MATRIX_BOT_COMMAND_H
#define HEARTH_MATRIX_BOT_COMMAND_H

#include <stdbool.h>

enum { COMMAND_ARG_MAX = 64 };

enum command_type {
	COMMAND_NONE, /* not said to the bot */
	COMMAND_HELP, /* said to the bot, and not understood, or "help" */
	COMMAND_WHO,
	COMMAND_RECORD,
	COMMAND_RECORD_STOP,
	COMMAND_RECORD_LIST,
	COMMAND_RECORD_DELETE, /* arg: an id or "last" */
	COMMAND_FEED_STOP      /* arg: the program's name */
};

struct command {
	enum command_type type;
	char arg[COMMAND_ARG_MAX + 1];
};

/* body: of an m.text message. mentioned: the event names the bot in its
 * m.mentions. own_id: the bot's user id. */
void command_parse(struct command *ret, const char *body, bool mentioned,
	const char *own_id);

#endif
