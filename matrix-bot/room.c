#include "matrix-bot/room.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128 };

struct member {
	char *user_id; /* key: first */
	char *name;    /* or NULL */
};

bool room_glob(const char *glob, const char *text)
{
	const char *star = NULL, *mark = NULL;

	while (*text) {
		if (*glob == '*') {
			star = glob++;
			mark = text;
		} else if (*glob == '?' || *glob == *text) {
			glob++;
			text++;
		} else if (star) {
			glob = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

bool room_allows(const struct room_policy *p, const char *user)
{
	for (unsigned i = 0; i < p->n_allow; i++) {
		if (room_glob(p->allow[i], user))
			return true;
	}
	return false;
}

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(x->user_id, y->user_id);
}

static void member_free(void *arg)
{
	struct member *m = arg;

	free(m->user_id);
	free(m->name);
	free(m);
}

static struct member *member_find(const struct room *r, const char *user)
{
	struct member key = { .user_id = (char *)user };
	void *node = tfind(&key, &r->members, member_compare);

	return node ? *(struct member **)node : NULL;
}

static struct member *member_add(struct room *r, const char *user)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->user_id = strdup(user);
	if (!m->user_id || !tsearch(m, &r->members, member_compare)) {
		member_free(m);
		return NULL;
	}
	r->n_members++;
	return m;
}

static bool member_remove(struct room *r, const char *user)
{
	struct member *m = member_find(r, user);

	if (!m)
		return false;
	tdelete(m, &r->members, member_compare);
	member_free(m);
	r->n_members--;
	return true;
}

static void member_set_name(struct member *m, const char *name)
{
	size_t n = strlen(name);

	/* Not in the middle of a UTF-8 character. */
	if (n > NAME_MAX_BYTES) {
		n = NAME_MAX_BYTES;
		while (n && ((unsigned char)name[n] & 0xc0) == 0x80)
			n--;
	}
	free(m->name);
	m->name = n ? strndup(name, n) : NULL;
	/* A name stands in notices: it must not make lines of its own. */
	for (char *p = m->name; p && *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
}

static void add(struct room_actions *a, enum room_act act, const char *user)
{
	if (a->n < ROOM_ACTIONS_MAX)
		a->v[a->n++] = (struct room_action){ .act = act, .user = user };
}

void room_init(struct room *r, const char *id)
{
	memset(r, 0, sizeof(*r));
	strncpy(r->id, id, EVENT_ID_MAX);
}

static void forget_members(struct room *r)
{
	tdestroy(r->members, member_free);
	r->members = NULL;
	r->n_members = 0;
}

void room_done(struct room *r)
{
	forget_members(r);
	room_power_done(&r->power);
}

void room_invited(struct room *r, const struct room_policy *p,
	const char *inviter, struct room_actions *ret)
{
	ret->n = 0;
	if (r->state == ROOM_INVITED)
		return;
	r->state = ROOM_INVITED;
	r->leaving = false;
	if (event_copy_id(r->inviter, inviter) == 0 && room_allows(p, inviter))
		add(ret, ROOM_JOIN, NULL);
	else
		add(ret, ROOM_REJECT, NULL);
}

void room_joined(
	struct room *r, const struct room_policy *p, struct room_actions *ret)
{
	(void)p;
	ret->n = 0;
	r->greet = r->greet || r->state == ROOM_INVITED;
	if (r->state != ROOM_JOINED)
		r->leaving = false;
	r->state = ROOM_JOINED;
}

void room_gone(struct room *r, struct room_actions *ret)
{
	ret->n = 0;
	if (r->state == ROOM_JOINED)
		add(ret, ROOM_GONE, NULL);
	forget_members(r);
	r->state = ROOM_LEFT;
	r->greet = false;
	r->leaving = false;
}

static void on_member(struct room *r, const struct room_policy *p,
	const cJSON *event, struct room_actions *ret)
{
	const cJSON *content =
		cJSON_GetObjectItemCaseSensitive(event, "content");
	const char *user = event_string(event, "state_key");
	char id[EVENT_ID_MAX + 1];
	struct member *m;

	if (strcmp(user, p->own_id) == 0 || event_copy_id(id, user) < 0)
		return;
	if (strcmp(event_string(content, "membership"), "join") != 0) {
		if (member_remove(r, user))
			add(ret, ROOM_MEMBER_LEFT, user);
		return;
	}
	m = member_find(r, user);
	if (!m)
		m = member_add(r, user);
	if (m)
		member_set_name(m, event_string(content, "displayname"));
}

static void on_tombstone(struct room *r, const struct room_policy *p,
	const cJSON *event, bool live, struct room_actions *ret)
{
	const char *next =
		event_string(cJSON_GetObjectItemCaseSensitive(event, "content"),
			"replacement_room");

	if (r->tombstone)
		return;
	r->tombstone = true;
	if (event_copy_id(r->replacement, next) < 0)
		return;
	if (live && room_allows(p, event_string(event, "sender")))
		add(ret, ROOM_FOLLOW, r->replacement);
}

static void on_group_call(struct room *r, const cJSON *event)
{
	const char *conf = event_string(event, "state_key");

	if (room_has_conf(r, conf) || r->n_confs == ROOM_CONFS_MAX)
		return;
	if (event_copy_id(r->confs[r->n_confs], conf) == 0)
		r->n_confs++;
}

static bool is_mentioned(const cJSON *content, const char *own_id)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(content, "m.mentions"),
		"user_ids");
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item) &&
			strcmp(item->valuestring, own_id) == 0)
			return true;
	}
	return false;
}

static void on_message(struct room *r, const struct room_policy *p,
	const cJSON *event, struct room_actions *ret)
{
	const cJSON *content =
		cJSON_GetObjectItemCaseSensitive(event, "content");
	const char *sender = event_string(event, "sender");
	struct command c;

	if (!room_has(r, sender) || event_age_ms(event) > ROOM_COMMAND_AGE_MS ||
		strcmp(event_string(content, "msgtype"), "m.text") != 0)
		return;
	command_parse(&c, event_string(content, "body"),
		is_mentioned(content, p->own_id), p->own_id);
	if (c.type == COMMAND_NONE)
		return;
	add(ret,
		c.type == COMMAND_HELP  ? ROOM_HELP
		: c.type == COMMAND_WHO ? ROOM_WHO
					: ROOM_COMMAND,
		sender);
	ret->v[ret->n - 1].command = c;
}

void room_event(struct room *r, const struct room_policy *p, const cJSON *event,
	bool live, struct room_actions *ret)
{
	const char *type = event_string(event, "type");
	bool state = cJSON_IsString(
		cJSON_GetObjectItemCaseSensitive(event, "state_key"));

	ret->n = 0;
	if (state)
		room_power_event(&r->power, event);
	if (state && strcmp(type, "m.room.member") == 0) {
		on_member(r, p, event, ret);
	} else if (state && strcmp(type, "m.room.encryption") == 0) {
		if (!r->encrypted && live && !r->greet)
			add(ret, ROOM_ENCRYPTED, NULL);
		/* For good: the event cannot be taken back. */
		r->encrypted = true;
	} else if (state && strcmp(type, "m.room.tombstone") == 0) {
		on_tombstone(r, p, event, live, ret);
	} else if (state && strcmp(type, "org.matrix.msc3401.call") == 0) {
		on_group_call(r, event);
	} else if (!state && live && strcmp(type, "m.room.message") == 0) {
		on_message(r, p, event, ret);
	}
}

void room_settle(
	struct room *r, const struct room_policy *p, struct room_actions *ret)
{
	ret->n = 0;
	if (r->state != ROOM_JOINED || r->leaving)
		return;
	if (r->n_members == 0 && p->leave_when_empty) {
		r->leaving = true;
		add(ret, ROOM_LEAVE, NULL);
	} else if (r->greet) {
		r->greet = false;
		add(ret, ROOM_GREET, NULL);
	}
}

enum room_verdict room_may_call(const struct room *r,
	const struct room_policy *p, const char *user, bool to_device,
	const char *invitee)
{
	if (r->state == ROOM_INVITED)
		return ROOM_NOT_YET;
	if (r->state != ROOM_JOINED || !room_has(r, user))
		return ROOM_NOT_MEMBER;
	if (r->tombstone || (r->encrypted && !to_device))
		return ROOM_CLOSED;
	if (to_device || strcmp(invitee, p->own_id) == 0)
		return ROOM_MAY;
	if (!invitee[0] && r->n_members == 1)
		return ROOM_MAY;
	return ROOM_NOT_FOR_US;
}

bool room_has(const struct room *r, const char *user)
{
	return member_find(r, user) != NULL;
}

const char *room_name_of(const struct room *r, const char *user)
{
	const struct member *m = member_find(r, user);

	return m ? m->name : NULL;
}

bool room_has_conf(const struct room *r, const char *conf_id)
{
	for (unsigned i = 0; i < r->n_confs; i++) {
		if (strcmp(r->confs[i], conf_id) == 0)
			return true;
	}
	return false;
}
