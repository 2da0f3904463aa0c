#include "test.h"
#include <stdio.h>
#include "matrix-bot/room.h"

static const char *const globs[] = { "*:s", "@vip:*" };
static const struct room_policy policy = { "@bot:s", globs, 2, true };

static void put(
	struct room *r, const char *text, bool live, struct room_actions *a)
{
	cJSON *json = parse(text);

	room_event(r, &policy, json, live, a);
	cJSON_Delete(json);
}

static void member(struct room *r, const char *user, const char *membership,
	struct room_actions *a)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"type\":\"m.room.member\",\"state_key\":\"%s\",\"sender\":"
		"\"%s\",\"content\":{\"membership\":\"%s\",\"displayname\":"
		"\"Name of %s\"}}",
		user, user, membership, user);
	put(r, text, true, a);
}

static void say(struct room *r, const char *sender, const char *body,
	unsigned age_ms, struct room_actions *a)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"type\":\"m.room.message\",\"sender\":\"%s\",\"content\":{"
		"\"msgtype\":\"m.text\",\"body\":\"%s\"},\"unsigned\":{"
		"\"age\":%u}}",
		sender, body, age_ms);
	put(r, text, true, a);
}

static void joined_with(struct room *r, const char *const *users)
{
	struct room_actions a;

	room_init(r, "!r:s");
	room_invited(r, &policy, "@a:s", &a);
	room_joined(r, &policy, &a);
	for (; *users; users++)
		member(r, *users, "join", &a);
	room_settle(r, &policy, &a);
}

static void glob_table(void **state)
{
	static const struct {
		const char *glob, *text;
		bool want;
	} v[] = { { "*", "", true }, { "*:s", "@a:s", true },
		{ "*:s", "@a:ss", false }, { "@?:s", "@a:s", true },
		{ "@?:s", "@ab:s", false }, { "a*b*c", "axxbyybzc", true },
		{ "a*b*c", "axxbyyb", false }, { "", "x", false },
		{ "**a", "bba", true } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++)
		assert_int_equal(room_glob(v[i].glob, v[i].text), v[i].want);
}

static void invites(void **state)
{
	static const struct {
		const char *inviter;
		enum room_act want;
	} v[] = { { "@a:s", ROOM_JOIN }, { "@a:evil", ROOM_REJECT },
		{ "@vip:evil", ROOM_JOIN }, { "", ROOM_REJECT },
		{ "@a b:s", ROOM_REJECT } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct room r;
		struct room_actions a;

		room_init(&r, "!r:s");
		room_invited(&r, &policy, v[i].inviter, &a);
		assert_int_equal(a.n, 1);
		assert_int_equal(a.v[0].act, v[i].want);
		room_invited(&r, &policy, v[i].inviter, &a);
		assert_int_equal(a.n, 0);
		room_done(&r);
	}
}

static void greets_once(void **state)
{
	struct room r;
	struct room_actions a;

	(void)state;
	room_init(&r, "!r:s");
	room_invited(&r, &policy, "@a:s", &a);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 0);
	room_joined(&r, &policy, &a);
	member(&r, "@a:s", "join", &a);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, ROOM_GREET);
	room_joined(&r, &policy, &a);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 0);
	room_done(&r);
	/* A room we are in from before a restart is not greeted. */
	room_init(&r, "!r:s");
	room_joined(&r, &policy, &a);
	member(&r, "@a:s", "join", &a);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 0);
	room_done(&r);
}

static void leaves_when_empty(void **state)
{
	const char *const users[] = { "@a:s", "@b:s", NULL };
	struct room_policy stays = policy;
	struct room r;
	struct room_actions a;

	(void)state;
	stays.leave_when_empty = false;
	joined_with(&r, users);
	member(&r, "@a:s", "leave", &a);
	assert_int_equal(a.v[0].act, ROOM_MEMBER_LEFT);
	assert_string_equal(r.n_members == 1 ? "one" : "other", "one");
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 0);
	member(&r, "@b:s", "ban", &a);
	assert_int_equal(a.v[0].act, ROOM_MEMBER_LEFT);
	room_settle(&r, &stays, &a);
	assert_int_equal(a.n, 0);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, ROOM_LEAVE);
	room_settle(&r, &policy, &a);
	assert_int_equal(a.n, 0);
	room_gone(&r, &a);
	assert_int_equal(a.v[0].act, ROOM_GONE);
	room_gone(&r, &a);
	assert_int_equal(a.n, 0);
	room_done(&r);
}

static void who_may_call(void **state)
{
	const char *const two[] = { "@a:s", NULL };
	const char *const three[] = { "@a:s", "@b:s", NULL };
	const struct {
		const char *const *users, *user;
		bool to_device;
		const char *invitee;
		enum room_verdict want;
	} v[] = {
		{ two, "@a:s", false, "", ROOM_MAY },
		{ three, "@a:s", false, "", ROOM_NOT_FOR_US },
		{ three, "@a:s", false, "@bot:s", ROOM_MAY },
		{ three, "@a:s", false, "@b:s", ROOM_NOT_FOR_US },
		{ three, "@a:s", true, "", ROOM_MAY },
		{ three, "@x:s", true, "", ROOM_NOT_MEMBER },
		{ two, "@x:s", false, "@bot:s", ROOM_NOT_MEMBER },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct room r;

		joined_with(&r, v[i].users);
		assert_int_equal(room_may_call(&r, &policy, v[i].user,
					 v[i].to_device, v[i].invitee),
			v[i].want);
		room_done(&r);
	}
}

static void encryption(void **state)
{
	const char *const users[] = { "@a:s", NULL };
	const char *text = "{\"type\":\"m.room.encryption\",\"state_key\":"
			   "\"\",\"content\":{}}";
	struct room r;
	struct room_actions a;

	(void)state;
	joined_with(&r, users);
	put(&r, text, true, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, ROOM_ENCRYPTED);
	put(&r, text, true, &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(room_may_call(&r, &policy, "@a:s", false, "@bot:s"),
		ROOM_CLOSED);
	assert_int_equal(
		room_may_call(&r, &policy, "@a:s", true, ""), ROOM_MAY);
	room_done(&r);
}

static void tombstone(void **state)
{
	const char *const users[] = { "@a:s", NULL };
	const char *text =
		"{\"type\":\"m.room.tombstone\",\"state_key\":\"\",\"sender\":"
		"\"@a:s\",\"content\":{\"replacement_room\":\"!new\"}}";
	struct room r;
	struct room_actions a;

	(void)state;
	joined_with(&r, users);
	put(&r, text, true, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, ROOM_FOLLOW);
	assert_string_equal(a.v[0].user, "!new");
	assert_int_equal(
		room_may_call(&r, &policy, "@a:s", true, ""), ROOM_CLOSED);
	room_done(&r);
}

static void commands(void **state)
{
	static const struct {
		const char *sender, *body;
		unsigned age_ms;
		int want;
	} v[] = {
		{ "@a:s", "!hearth help", 0, ROOM_HELP },
		{ "@a:s", "  !hearth", 0, ROOM_HELP },
		{ "@a:s", "!hearth who", 0, ROOM_WHO },
		{ "@a:s", "!hearthstone", 0, -1 },
		{ "@a:s", "@bot:s: hello?", 0, ROOM_HELP },
		{ "@a:s", "hello", 0, -1 },
		{ "@x:s", "!hearth help", 0, -1 },
		{ "@a:s", "!hearth help", 600000, -1 },
	};
	const char *const users[] = { "@a:s", NULL };
	struct room r;

	(void)state;
	joined_with(&r, users);
	for (size_t i = 0; i < COUNT(v); i++) {
		struct room_actions a;

		say(&r, v[i].sender, v[i].body, v[i].age_ms, &a);
		assert_int_equal(a.n, v[i].want >= 0);
		if (v[i].want >= 0)
			assert_int_equal(a.v[0].act, v[i].want);
	}
	room_done(&r);
}

static void names_and_confs(void **state)
{
	const char *const users[] = { "@a:s", NULL };
	struct room_actions a;
	struct room r;
	char text[128];

	(void)state;
	joined_with(&r, users);
	assert_string_equal(room_name_of(&r, "@a:s"), "Name of @a:s");
	assert_null(room_name_of(&r, "@x:s"));
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text),
			"{\"type\":\"org.matrix.msc3401.call\",\"state_key\":"
			"\"conf%d\",\"content\":{}}",
			i);
		put(&r, text, true, &a);
	}
	assert_true(room_has_conf(&r, "conf0"));
	assert_int_equal(r.n_confs, ROOM_CONFS_MAX);
	room_done(&r);
}

static void recording_commands(void **state)
{
	static const char *const users[] = { "@a:s", NULL };
	struct room_actions a;
	struct room r;

	(void)state;
	joined_with(&r, users);
	say(&r, "@a:s", "record delete last", 0, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].act, ROOM_COMMAND);
	assert_int_equal(a.v[0].command.type, COMMAND_RECORD_DELETE);
	assert_string_equal(a.v[0].command.arg, "last");
	say(&r, "@x:s", "record", 0, &a); /* no member */
	assert_int_equal(a.n, 0);
	say(&r, "@a:s", "record", ROOM_COMMAND_AGE_MS + 1, &a);
	assert_int_equal(a.n, 0);
	say(&r, "@a:s", "on record", 0, &a);
	assert_int_equal(a.n, 0);
	room_done(&r);
}

static void powers(void **state)
{
	static const char *const users[] = { "@a:s", NULL };
	struct room_actions a;
	struct room r;

	(void)state;
	joined_with(&r, users);
	assert_false(room_power_may_record(&r.power, NULL, "@a:s"));
	put(&r,
		"{\"type\":\"m.room.power_levels\",\"state_key\":\"\","
		"\"content\":{\"users\":{\"@a:s\":50}}}",
		false, &a);
	assert_true(room_power_may_record(&r.power, NULL, "@a:s"));
	/* Not a state event: anybody can say that. */
	put(&r, "{\"type\":\"m.room.power_levels\",\"content\":{\"users\":{}}}",
		true, &a);
	assert_true(room_power_may_record(&r.power, NULL, "@a:s"));
	room_done(&r);
}

/* What people call themselves makes no lines of its own in a notice. */
static void names_are_one_line(void **state)
{
	struct room_actions a;
	struct room r;

	(void)state;
	room_init(&r, "!r:s");
	put(&r,
		"{\"type\":\"m.room.member\",\"state_key\":\"@a:s\","
		"\"content\":{\"membership\":\"join\",\"displayname\":"
		"\"A\\nB\\u007fC\"}}",
		true, &a);
	assert_string_equal(room_name_of(&r, "@a:s"), "A B C");
	room_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_table),
		cmocka_unit_test(invites),
		cmocka_unit_test(greets_once),
		cmocka_unit_test(leaves_when_empty),
		cmocka_unit_test(who_may_call),
		cmocka_unit_test(encryption),
		cmocka_unit_test(tombstone),
		cmocka_unit_test(commands),
		cmocka_unit_test(names_and_confs),
		cmocka_unit_test(recording_commands),
		cmocka_unit_test(powers),
		cmocka_unit_test(names_are_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
