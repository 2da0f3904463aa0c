/* Power levels: what the events say, and what holds without them. */
#include "test.h"
#include <stdio.h>
#include "matrix-bot/room_power.h"

static void put(struct room_power *p, const char *text)
{
	cJSON *json = parse(text);

	room_power_event(p, json);
	cJSON_Delete(json);
}

#define CREATE(version, more)                                                  \
	"{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"@c:s\","  \
	"\"content\":{\"room_version\":\"" version "\"" more "}}"
#define LEVELS(inner)                                                          \
	"{\"type\":\"m.room.power_levels\",\"state_key\":\"\",\"sender\":"     \
	"\"@c:s\",\"content\":{" inner "}}"

static void nothing_known(void **state)
{
	struct room_power p = { 0 };

	(void)state;
	assert_int_equal(room_power_of(&p, "@a:s"), 0);
	assert_int_equal(room_power_to_kick(&p), 50);
	assert_false(room_power_may_record(&p, "moderators", "@a:s"));
	assert_false(room_power_may_record(&p, NULL, "@a:s"));
	assert_true(room_power_may_record(&p, "members", "@a:s"));
	assert_true(room_power_may_record(&p, "0", "@a:s"));
	room_power_done(&p);
}

static void creators(void **state)
{
	static const struct {
		const char *create;
		int64_t creator, other;
	} v[] = {
		{ CREATE("10", ",\"creator\":\"@c:s\""), 100, 0 },
		{ CREATE("11", ""), 100, 0 },
		{ CREATE("11", ",\"additional_creators\":[\"@d:s\"]"), 100, 0 },
		{ CREATE("12", ""), ROOM_POWER_CREATOR, 0 },
		{ CREATE("12", ",\"additional_creators\":[7,\"@d:s\"]"),
			ROOM_POWER_CREATOR, ROOM_POWER_CREATOR },
		{ CREATE("org.matrix.hydra.11", ""), ROOM_POWER_CREATOR, 0 },
		{ CREATE("org.example.13", ""), 100, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct room_power p = { 0 };

		put(&p, v[i].create);
		assert_int_equal(room_power_of(&p, "@c:s"), v[i].creator);
		assert_int_equal(room_power_of(&p, "@d:s"), v[i].other);
		assert_true(room_power_may_record(&p, "", "@c:s"));
		room_power_done(&p);
	}
}

static void levels(void **state)
{
	struct room_power p = { 0 };

	(void)state;
	put(&p, CREATE("11", ""));
	put(&p, LEVELS("\"users\":{\"@m:s\":50,\"@q:s\":\"40\",\"@x:s\":null}"
		       ",\"users_default\":10,\"kick\":40"));
	assert_int_equal(room_power_of(&p, "@m:s"), 50);
	assert_int_equal(room_power_of(&p, "@q:s"), 40);
	assert_int_equal(room_power_of(&p, "@x:s"), 10);
	/* With the event a creator has what it says. */
	assert_int_equal(room_power_of(&p, "@c:s"), 10);
	assert_int_equal(room_power_to_kick(&p), 40);
	assert_true(room_power_may_record(&p, "moderators", "@q:s"));
	assert_false(room_power_may_record(&p, "moderators", "@x:s"));
	assert_false(room_power_may_record(&p, "50", "@q:s"));
	assert_true(room_power_may_record(&p, "50", "@m:s"));
	assert_false(room_power_may_record(&p, "nobody", "@m:s"));
	assert_false(room_power_may_record(&p, "50x", "@m:s"));
	/* The last word counts; redacted, it is empty. */
	put(&p, LEVELS(""));
	assert_int_equal(room_power_of(&p, "@m:s"), 0);
	assert_int_equal(room_power_to_kick(&p), 50);
	room_power_done(&p);
}

static void twelve(void **state)
{
	struct room_power p = { 0 };

	(void)state;
	put(&p, CREATE("12", ""));
	put(&p, LEVELS("\"users\":{\"@m:s\":100},\"kick\":9007199254740991"));
	assert_true(room_power_may_record(&p, "moderators", "@c:s"));
	assert_false(room_power_may_record(&p, "moderators", "@m:s"));
	assert_false(room_power_may_record(&p, "nobody", "@c:s"));
	room_power_done(&p);
}

static void odd_events(void **state)
{
	static const char *const v[] = {
		"{\"type\":\"m.room.power_levels\",\"state_key\":\"x\","
		"\"content\":{\"kick\":0}}",
		"{\"type\":\"m.room.member\",\"state_key\":\"\"}",
		"{\"type\":\"m.room.power_levels\",\"state_key\":\"\"}",
		LEVELS("\"users\":7,\"kick\":{}"),
		LEVELS("\"users\":[\"@a:s\"],\"kick\":\"many\""),
		LEVELS("\"kick\":\"99999999999999999999\""),
		LEVELS("\"kick\":1e300"),
		"{\"type\":\"m.room.create\",\"state_key\":\"\",\"content\":"
		"{\"room_version\":12}}",
	};
	struct room_power p = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		put(&p, v[i]);
		assert_int_equal(room_power_to_kick(&p), 50);
		assert_int_equal(room_power_of(&p, "@a:s"), 0);
	}
	room_power_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(creators),
		cmocka_unit_test(levels),
		cmocka_unit_test(twelve),
		cmocka_unit_test(odd_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
