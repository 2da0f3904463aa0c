#include "matrix-bot/tape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_US = 1000000 };

static struct tape_action *add(struct tape_actions *a, enum tape_act act)
{
	struct tape_action *v;

	/* The size covers every input; the last slot takes what does not. */
	v = &a->v[a->n < TAPE_ACTIONS_MAX ? a->n++ : TAPE_ACTIONS_MAX - 1];
	v->act = act;
	v->text[0] = '\0';
	v->to = NULL;
	return v;
}

static void add_text(
	struct tape_actions *a, enum tape_act act, const char *text)
{
	snprintf(add(a, act)->text, TAPE_SAID_MAX, "%s", text);
}

static void refuse(
	struct tape_actions *a, const struct tape_asker *to, const char *text)
{
	struct tape_action *v = add(a, TAPE_REFUSE);

	snprintf(v->text, sizeof(v->text), "%s", text);
	v->to = to;
}

static void forget_told(struct tape *t)
{
	while (t->n_told)
		free(t->told[--t->n_told]);
	free(t->told);
	t->told = NULL;
}

void tape_init(struct tape *t)
{
	memset(t, 0, sizeof(*t));
}

void tape_done(struct tape *t)
{
	forget_told(t);
}

bool tape_is_live(const struct tape *t)
{
	return t->state != TAPE_OFF && t->state != TAPE_WAITING;
}

const char *tape_state_text(const struct tape *t)
{
	switch (t->state) {
	case TAPE_ASKED:
	case TAPE_OPENING:
		return "starting";
	case TAPE_ON:
		return "on";
	case TAPE_TROUBLE:
		return "trouble";
	case TAPE_STOPPING:
		return "stopping";
	case TAPE_OFF:
	case TAPE_WAITING:
		break;
	}
	return "off";
}

static void set_state(
	struct tape *t, enum tape_state state, struct tape_actions *ret)
{
	t->state = state;
	if (state != TAPE_TROUBLE)
		t->message[0] = '\0';
	if (state == TAPE_OFF) {
		t->id[0] = '\0';
		t->since_ms = 0;
		t->again = false;
		t->end = TAPE_NOT_ENDED;
		t->n_joined = t->n_more = 0;
		t->trouble_told = false;
		forget_told(t);
	}
	add(ret, TAPE_SHOW);
}

static void ask(struct tape *t, struct tape_actions *ret)
{
	t->end = TAPE_NOT_ENDED;
	t->end_name[0] = '\0';
	t->id[0] = '\0';
	t->since_ms = 0;
	t->n_joined = t->n_more = 0;
	t->joined_us = 0;
	t->give_up_us = 0;
	t->due_us = 0;
	t->trouble_us = 0;
	t->trouble_told = false;
	forget_told(t);
	set_state(t, TAPE_ASKED, ret);
	add(ret, TAPE_POST);
}

void tape_start(
	struct tape *t, const struct tape_asker *by, struct tape_actions *ret)
{
	ret->n = 0;
	if (t->state == TAPE_STOPPING) {
		refuse(ret, by,
			"The recording before is just being finished: say that "
			"again in a moment.");
	} else if (tape_is_live(t)) {
		refuse(ret, by, "This call is being recorded already.");
	} else {
		t->by = *by;
		t->again = false;
		ask(t, ret);
	}
}

/* What the studio, and so the manifest, is told. */
static const char *because(enum tape_end why)
{
	return why == TAPE_CALL_ENDED || why == TAPE_ROOM_GONE ||
			       why == TAPE_SHUTDOWN
		       ? "call_ended"
		       : "command";
}

static void end_now(struct tape *t, enum tape_end why, const char *name,
	struct tape_actions *ret)
{
	t->end = why;
	snprintf(t->end_name, sizeof(t->end_name), "%s", name);
	if (t->state == TAPE_WAITING) {
		set_state(t, TAPE_OFF, ret);
		return;
	}
	/* The notice is on its way: tape_posted sees that it has ended. So does
	 * tape_opened where the studio was busy. */
	if (t->state == TAPE_ASKED || !t->id[0])
		return;
	set_state(t, TAPE_STOPPING, ret);
	add_text(ret, TAPE_CLOSE, because(why));
}

void tape_stop(
	struct tape *t, const struct tape_asker *by, struct tape_actions *ret)
{
	ret->n = 0;
	if (t->state == TAPE_OFF)
		refuse(ret, by, "This call is not being recorded.");
	else if (t->state != TAPE_STOPPING && t->end == TAPE_NOT_ENDED)
		end_now(t, TAPE_BY_PERSON, by->name, ret);
}

void tape_end(struct tape *t, enum tape_end why, struct tape_actions *ret)
{
	ret->n = 0;
	if (t->state != TAPE_OFF && t->state != TAPE_STOPPING &&
		t->end == TAPE_NOT_ENDED)
		end_now(t, why, "", ret);
}

static void never_began(struct tape *t, struct tape_actions *ret)
{
	add_text(ret, TAPE_TELL,
		"The recording ended before it began: nothing was recorded.");
	set_state(t, TAPE_OFF, ret);
}

void tape_posted(struct tape *t, const char *why, struct tape_actions *ret)
{
	char text[TAPE_SAID_MAX];

	ret->n = 0;
	if (t->state != TAPE_ASKED)
		return;
	if (why) {
		snprintf(text, sizeof(text),
			"Nothing is recorded, because I could not tell the "
			"room of it (%.200s). A recording that not everybody "
			"knows of is none I make.",
			why);
		refuse(ret, &t->by, text);
		set_state(t, TAPE_OFF, ret);
	} else if (t->end != TAPE_NOT_ENDED) {
		never_began(t, ret);
	} else {
		set_state(t, TAPE_OPENING, ret);
		add(ret, TAPE_OPEN);
	}
}

void tape_opened(struct tape *t, uint64_t now_us, const char *id, int code,
	const char *error, struct tape_actions *ret)
{
	char text[TAPE_SAID_MAX];

	ret->n = 0;
	if (t->state != TAPE_OPENING)
		return;
	if (code == 0) {
		snprintf(t->id, sizeof(t->id), "%s", id);
		t->due_us = 0;
		return;
	}
	if (!t->give_up_us)
		t->give_up_us = now_us + TAPE_BUSY_S * (uint64_t)SECOND_US;
	/* The one that was cut off is still being closed. */
	if (code == -EBUSY && t->again && now_us < t->give_up_us) {
		t->due_us = now_us + SECOND_US;
		return;
	}
	snprintf(text, sizeof(text), "This call is not being recorded: %.500s",
		error);
	add_text(ret, TAPE_TELL, text);
	if (t->by.label[0])
		refuse(ret, &t->by, text);
	set_state(t, TAPE_OFF, ret);
}

void tape_started(struct tape *t, uint64_t unix_ms, const char *id,
	struct tape_actions *ret)
{
	bool other = strcmp(t->id, id) != 0, again = t->since_ms != 0;

	ret->n = 0;
	if (!tape_is_live(t) || t->state == TAPE_ASKED)
		return;
	/* The studio has put another recorder in the place of one that died. */
	snprintf(t->id, sizeof(t->id), "%s", id);
	if (again && t->trouble_told)
		add_text(ret, TAPE_TELL,
			"This call is being recorded again, in a recording of "
			"its own.");
	t->trouble_told = false;
	t->since_ms = unix_ms;
	if (t->state != TAPE_STOPPING)
		set_state(t, TAPE_ON, ret);
	else if (other) /* it has not heard of the end */
		add_text(ret, TAPE_CLOSE, because(t->end));
}

void tape_replaced(struct tape *t, const char *id)
{
	if (tape_is_live(t) && t->state != TAPE_ASKED)
		snprintf(t->id, sizeof(t->id), "%s", id);
}

void tape_trouble(struct tape *t, uint64_t now_us, const char *id,
	const char *text, struct tape_actions *ret)
{
	char said[TAPE_SAID_MAX];

	ret->n = 0;
	if ((t->state != TAPE_OPENING && t->state != TAPE_ON &&
		    t->state != TAPE_TROUBLE) ||
		strcmp(t->id, id) != 0)
		return;
	snprintf(said, sizeof(said),
		"The recording is in trouble: %.500s The call goes on.", text);
	if (!t->trouble_us ||
		now_us - t->trouble_us >=
			TAPE_TROUBLE_GAP_S * (uint64_t)SECOND_US) {
		t->trouble_us = now_us;
		t->trouble_told = true;
		add_text(ret, TAPE_TELL, said);
	}
	set_state(t, TAPE_TROUBLE, ret);
	snprintf(t->message, sizeof(t->message), "%s", text);
}

void tape_recovered(struct tape *t, const char *id, struct tape_actions *ret)
{
	ret->n = 0;
	if (t->state != TAPE_TROUBLE || strcmp(t->id, id) != 0)
		return;
	if (t->trouble_told)
		add_text(ret, TAPE_TELL,
			"The recording is in order again; what was missed in "
			"between is missing in it.");
	t->trouble_told = false;
	set_state(t, TAPE_ON, ret);
}

void tape_stopped(struct tape *t, const char *id, struct tape_actions *ret)
{
	ret->n = 0;
	if (strcmp(t->id, id) != 0 || t->state == TAPE_OFF)
		return;
	if (t->state == TAPE_WAITING) {
		t->id[0] = '\0';
	} else if (t->state != TAPE_ASKED) {
		/* Of a trouble before it was said that it goes on. */
		if (t->end == TAPE_NOT_ENDED)
			add_text(ret, TAPE_TELL,
				"This call is not being recorded any more. Say "
				"\"record\" to start another recording.");
		set_state(t, TAPE_OFF, ret);
	}
}

void tape_failed(struct tape *t, const char *id, const char *text,
	struct tape_actions *ret)
{
	char said[TAPE_SAID_MAX];

	ret->n = 0;
	if (strcmp(t->id, id) != 0 || !tape_is_live(t))
		return;
	snprintf(said, sizeof(said),
		"This call is not being recorded any more: %.500s What was "
		"written before is kept.",
		text);
	add_text(ret, TAPE_TELL, said);
	if (t->by.label[0] && t->state == TAPE_OPENING)
		refuse(ret, &t->by, said);
	set_state(t, TAPE_OFF, ret);
}

void tape_people(struct tape *t, uint64_t now_us, unsigned n, bool crashed,
	struct tape_actions *ret)
{
	ret->n = 0;
	if (n > 0) {
		if (t->state == TAPE_WAITING) {
			t->again = true;
			ask(t, ret);
		}
	} else if (crashed && tape_is_live(t) && t->state != TAPE_STOPPING &&
		   t->end == TAPE_NOT_ENDED) {
		t->due_us = now_us + TAPE_WAIT_S * (uint64_t)SECOND_US;
		set_state(t, TAPE_WAITING, ret);
	} else if (t->state != TAPE_WAITING) {
		tape_end(t, TAPE_CALL_ENDED, ret);
	}
}

static bool is_told(const struct tape *t, const char *user)
{
	for (unsigned i = 0; i < t->n_told; i++) {
		if (strcmp(t->told[i], user) == 0)
			return true;
	}
	return false;
}

void tape_told(struct tape *t, const char *user)
{
	char **v;

	if (is_told(t, user) || t->n_told == TAPE_TOLD_MAX)
		return;
	v = realloc(t->told, (t->n_told + 1) * sizeof(*v));
	if (!v)
		return;
	t->told = v;
	v[t->n_told] = strdup(user);
	t->n_told += v[t->n_told] != NULL;
}

void tape_joined(struct tape *t, const char *user, const char *name)
{
	size_t n;

	if (!tape_is_live(t) || is_told(t, user))
		return;
	tape_told(t, user);
	if (t->n_joined == 0)
		t->joined[0] = '\0';
	n = strlen(t->joined);
	if (n + strlen(name) + 3 > sizeof(t->joined)) {
		t->n_more++;
		return;
	}
	snprintf(t->joined + n, sizeof(t->joined) - n, "%s%s",
		t->n_joined ? ", " : "", name);
	t->n_joined++;
}

static void tell_joined(
	struct tape *t, uint64_t now_us, struct tape_actions *ret)
{
	char text[TAPE_SAID_MAX], more[32] = "";

	if (t->n_more)
		snprintf(more, sizeof(more), " and %u more", t->n_more);
	snprintf(text, sizeof(text),
		"%s%s joined; this call is being recorded.", t->joined, more);
	add_text(ret, TAPE_TELL, text);
	t->n_joined = t->n_more = 0;
	t->joined_us = now_us;
}

void tape_tick(struct tape *t, uint64_t now_us, struct tape_actions *ret)
{
	ret->n = 0;
	if (t->state == TAPE_WAITING && now_us >= t->due_us) {
		add_text(ret, TAPE_TELL,
			"Nobody came back to the call: it is not being "
			"recorded any more.");
		set_state(t, TAPE_OFF, ret);
	} else if (t->state == TAPE_OPENING && t->due_us && t->end) {
		never_began(t, ret);
	} else if (t->state == TAPE_OPENING && t->due_us &&
		   now_us >= t->due_us) {
		t->due_us = 0;
		add(ret, TAPE_OPEN);
	} else if ((t->state == TAPE_ON || t->state == TAPE_TROUBLE) &&
		   t->n_joined &&
		   (!t->joined_us ||
			   now_us - t->joined_us >=
				   TAPE_JOINED_GAP_S * (uint64_t)SECOND_US)) {
		tell_joined(t, now_us, ret);
	}
}

void tape_notice(
	const struct tape *t, const char *people, char *ret, size_t cap)
{
	char names[TAPE_SAID_MAX];

	snprintf(names, sizeof(names), "%s", people);
	if (t->again)
		snprintf(ret, cap,
			"The recording was interrupted by a fault and goes on "
			"now, in a recording of its own. It was started by %s. "
			"In the call: %s. Whoever joins is recorded, too. Say "
			"\"record stop\" to end it.",
			t->by.name, names);
	else
		snprintf(ret, cap,
			"%s records this call from now on: everything that is "
			"said and shown. In the call: %s. Whoever joins is "
			"recorded, too. Say \"record stop\" to end it.",
			t->by.name, names);
}

bool tape_end_text(const struct tape *t, const char *id, char *ret, size_t cap)
{
	if (strcmp(t->id, id) != 0)
		return false;
	switch (t->end) {
	case TAPE_NOT_ENDED:
		return false;
	case TAPE_BY_PERSON:
		snprintf(ret, cap, "stopped by %s", t->end_name);
		break;
	case TAPE_CALL_ENDED:
		snprintf(ret, cap, "ended with the call");
		break;
	case TAPE_ROOM_GONE:
		snprintf(ret, cap, "ended because I had to leave this room");
		break;
	case TAPE_ENCRYPTED:
		snprintf(ret, cap,
			"ended because encryption was switched on here");
		break;
	case TAPE_SHUTDOWN:
		snprintf(ret, cap, "ended because I am being stopped");
		break;
	}
	return true;
}
