#include "matrix-bot/hall_impl.h"

#include <stdio.h>

enum { TEXT_MAX = 2048, LINK_MAX = 1024 };

void hall_greet(struct hall *h, const struct room *r)
{
	char text[TEXT_MAX], link[LINK_MAX];

	hall_link(h, r->id, link, sizeof(link));
	snprintf(text, sizeof(text),
		"Hello, I am hearth, a conference server. Join this room's "
		"call here: %s%s",
		link,
		r->encrypted
			? "\nThis room is encrypted, and I cannot read its "
			  "messages yet: calls from that page work, commands "
			  "and calls from other clients do not. For those, "
			  "invite me into a room without encryption."
			: "\nSay \"!hearth help\" to learn more.");
	hall_notice(h, r->id, "greet", text);
}

void hall_tell_encrypted(struct hall *h, const struct room *r)
{
	hall_notice(h, r->id, "encrypted",
		"This room is encrypted now, and I cannot read its messages "
		"yet: calls from my own page go on, commands and calls from "
		"other clients do not work here. For those, invite me into a "
		"room without encryption.");
}

void hall_help(struct hall *h, const struct room *r)
{
	char text[TEXT_MAX], link[LINK_MAX];

	hall_link(h, r->id, link, sizeof(link));
	snprintf(text, sizeof(text),
		"I connect everybody in this room who calls me.\n"
		"Join with a browser: %s\n"
		"Or start a call to me from a Matrix client with 1:1 calls, in "
		"a room with just the two of us.\n"
		"\"!hearth who\" tells who is in the call. I leave when the "
		"last person has left the room.\n"
		"\"record\" records the call, after a notice to everybody; "
		"\"record stop\" ends that. \"record list\" tells what there "
		"is, \"record delete last\" (or an id of that list) removes "
		"it.\n"
		"\"feed stop <name>\" ends what a program on my machine hears "
		"of the call.",
		link);
	hall_notice(h, r->id, "help", text);
}

void hall_who(struct hall *h, const struct room *r)
{
	char text[TEXT_MAX], names[TEXT_MAX - 64];

	names[0] = '\0';
	h->handlers.who_h(h->handlers.arg, r->id, names, sizeof(names));
	if (names[0])
		snprintf(text, sizeof(text), "In the call: %s.", names);
	else
		snprintf(text, sizeof(text), "Nobody is in the call.");
	hall_notice(h, r->id, "who", text);
}
