#include "test.h"
#include "matrix-bot/command.h"

static void table(void **state)
{
	static const struct {
		const char *body;
		bool mentioned;
		enum command_type want;
		const char *arg;
	} v[] = {
		{ "!hearth who", false, COMMAND_WHO, "" },
		{ "!hearth whoever", false, COMMAND_WHO, "" },
		{ "!hearth", false, COMMAND_HELP, "" },
		{ "  !hearth help", false, COMMAND_HELP, "" },
		{ "!hearthrug", false, COMMAND_NONE, "" },
		{ "record", false, COMMAND_RECORD, "" },
		{ "Record ", false, COMMAND_RECORD, "" },
		{ "!record", false, COMMAND_RECORD, "" },
		{ "record start", false, COMMAND_RECORD, "" },
		{ "!hearth record", false, COMMAND_RECORD, "" },
		{ "@hearth: record", false, COMMAND_RECORD, "" },
		{ "@hearth record stop", false, COMMAND_RECORD_STOP, "" },
		{ "hearth: record stop", false, COMMAND_RECORD_STOP, "" },
		{ "@hearth:s: record list", false, COMMAND_RECORD_LIST, "" },
		{ "@hearth:s record list", false, COMMAND_RECORD_LIST, "" },
		{ "The Bot: record", true, COMMAND_RECORD, "" },
		{ "Bot record", true, COMMAND_RECORD, "" },
		{ "The Bot: what?", true, COMMAND_HELP, "" },
		{ "I like @hearth:s a lot", false, COMMAND_HELP, "" },
		{ "record stop", false, COMMAND_RECORD_STOP, "" },
		{ "record  list", false, COMMAND_RECORD_LIST, "" },
		{ "record delete last", false, COMMAND_RECORD_DELETE, "last" },
		{ "!record delete 20261126T110552Z-0badcafe", false,
			COMMAND_RECORD_DELETE, "20261126T110552Z-0badcafe" },
		{ "feed stop subtitles", false, COMMAND_FEED_STOP,
			"subtitles" },
		{ "!hearth feed stop x", false, COMMAND_FEED_STOP, "x" },
		/* Talk. */
		{ "record this please", false, COMMAND_NONE, "" },
		{ "record delete", false, COMMAND_NONE, "" },
		{ "records", false, COMMAND_NONE, "" },
		{ "hearth record", false, COMMAND_NONE, "" },
		{ "a record", false, COMMAND_NONE, "" },
		{ "record\nstop", false, COMMAND_NONE, "" },
		{ "feed stop", false, COMMAND_NONE, "" },
		{ "", false, COMMAND_NONE, "" },
		{ "!hearth record this please", false, COMMAND_HELP, "" },
	};
	struct command c;

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		command_parse(&c, v[i].body, v[i].mentioned, "@hearth:s");
		if (c.type != v[i].want || strcmp(c.arg, v[i].arg) != 0)
			fail_msg("\"%s\": %d \"%s\"", v[i].body, c.type, c.arg);
	}
}

static void long_ones(void **state)
{
	char body[4096];
	struct command c;

	(void)state;
	memset(body, 'x', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	command_parse(&c, body, false, "@hearth:s");
	assert_int_equal(c.type, COMMAND_NONE);
	command_parse(&c, body, true, "@hearth:s");
	assert_int_equal(c.type, COMMAND_HELP);
	memcpy(body, "record delete ", 14);
	command_parse(&c, body, false, "@hearth:s");
	assert_int_equal(c.type, COMMAND_NONE);
	body[14 + COMMAND_ARG_MAX] = '\0';
	command_parse(&c, body, false, "@hearth:s");
	assert_int_equal(c.type, COMMAND_RECORD_DELETE);
	assert_int_equal(strlen(c.arg), COMMAND_ARG_MAX);
	body[14 + COMMAND_ARG_MAX] = 'x';
	body[15 + COMMAND_ARG_MAX] = '\0';
	command_parse(&c, body, false, "@hearth:s");
	assert_int_equal(c.type, COMMAND_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
