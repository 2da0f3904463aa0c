/* One room's recording: what is done, in which order, and what is said. */
#include "test.h"
#include <errno.h>
#include <stdio.h>
#include "matrix-bot/tape.h"
#include "matrix-bot/tape_text.h"

enum { S = 1000000 };

static const struct tape_asker ann = { "@a:s", "Ann", "" };
static const struct tape_asker bob = { "@b:s", "Bob", "@b:s DEV" };
static struct tape_actions a;

static void expect(const enum tape_act *want, unsigned n)
{
	assert_int_equal(a.n, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(a.v[i].act, want[i]);
}
#define EXPECT(...)                                                            \
	do {                                                                   \
		const enum tape_act want_[] = { __VA_ARGS__ };                 \
		expect(want_, COUNT(want_));                                   \
	} while (0)
#define SAYS(i, words) assert_non_null(strstr(a.v[i].text, words))

static void opened(struct tape *t)
{
	tape_init(t);
	tape_start(t, &ann, &a);
	tape_told(t, "@a:s");
	tape_posted(t, NULL, &a);
	tape_opened(t, 1 * S, "rec1", 0, "", &a);
}

static void on(struct tape *t)
{
	opened(t);
	tape_started(t, 1795000000000, "rec1", &a);
	assert_int_equal(t->state, TAPE_ON);
}

static void main_path(void **state)
{
	struct tape t;
	char text[TAPE_TEXT_MAX];

	(void)state;
	tape_init(&t);
	assert_string_equal(tape_state_text(&t), "off");
	tape_start(&t, &ann, &a);
	EXPECT(TAPE_SHOW, TAPE_POST);
	assert_string_equal(tape_state_text(&t), "starting");
	tape_notice(&t, "Ann, Bob", text, sizeof(text));
	assert_non_null(strstr(text, "Ann records this call"));
	assert_non_null(strstr(text, "In the call: Ann, Bob."));
	/* Only now. */
	tape_posted(&t, NULL, &a);
	EXPECT(TAPE_SHOW, TAPE_OPEN);
	tape_opened(&t, 1 * S, "rec1", 0, "", &a);
	assert_int_equal(a.n, 0);
	assert_string_equal(tape_state_text(&t), "starting");
	tape_started(&t, 1795000000000, "rec1", &a);
	EXPECT(TAPE_SHOW);
	assert_string_equal(tape_state_text(&t), "on");
	assert_true(t.since_ms == 1795000000000);
	tape_stop(&t, &bob, &a);
	EXPECT(TAPE_SHOW, TAPE_CLOSE);
	assert_string_equal(a.v[1].text, "command");
	assert_string_equal(tape_state_text(&t), "stopping");
	tape_end_text(&t, "rec1", text, sizeof(text));
	assert_string_equal(text, "stopped by Bob");
	/* Whatever comes now changes nothing. */
	tape_stop(&t, &ann, &a);
	assert_int_equal(a.n, 0);
	tape_people(&t, 2 * S, 0, true, &a);
	assert_int_equal(a.n, 0);
	tape_stopped(&t, "rec0", &a);
	assert_int_equal(a.n, 0);
	tape_stopped(&t, "rec1", &a);
	EXPECT(TAPE_SHOW);
	assert_string_equal(tape_state_text(&t), "off");
	tape_done(&t);
}

static void not_posted(void **state)
{
	struct tape t;

	(void)state;
	tape_init(&t);
	tape_start(&t, &bob, &a);
	tape_posted(&t, "M_FORBIDDEN no", &a);
	EXPECT(TAPE_REFUSE, TAPE_SHOW);
	SAYS(0, "M_FORBIDDEN no");
	assert_string_equal(a.v[0].to->user, "@b:s");
	assert_int_equal(t.state, TAPE_OFF);
	/* A late answer is none. */
	tape_posted(&t, NULL, &a);
	assert_int_equal(a.n, 0);
	tape_done(&t);
}

static void stopped_before_the_notice(void **state)
{
	static const enum tape_end whys[] = { TAPE_CALL_ENDED, TAPE_ENCRYPTED,
		TAPE_ROOM_GONE, TAPE_SHUTDOWN };

	(void)state;
	for (size_t i = 0; i <= COUNT(whys); i++) {
		struct tape t;

		tape_init(&t);
		tape_start(&t, &ann, &a);
		if (i == COUNT(whys))
			tape_stop(&t, &ann, &a);
		else
			tape_end(&t, whys[i], &a);
		assert_int_equal(a.n, 0);
		tape_posted(&t, NULL, &a);
		EXPECT(TAPE_TELL, TAPE_SHOW);
		SAYS(0, "nothing was recorded");
		assert_int_equal(t.state, TAPE_OFF);
		tape_done(&t);
	}
}

static void refusals(void **state)
{
	struct tape t;

	(void)state;
	tape_init(&t);
	tape_stop(&t, &bob, &a);
	EXPECT(TAPE_REFUSE);
	assert_ptr_equal(a.v[0].to, &bob);
	tape_done(&t);
	on(&t);
	tape_start(&t, &bob, &a);
	EXPECT(TAPE_REFUSE);
	SAYS(0, "already");
	tape_stop(&t, &ann, &a);
	tape_start(&t, &bob, &a);
	EXPECT(TAPE_REFUSE);
	assert_int_equal(t.state, TAPE_STOPPING);
	tape_done(&t);
}

static void studio_cannot(void **state)
{
	struct tape t;

	(void)state;
	tape_init(&t);
	tape_start(&t, &bob, &a);
	tape_posted(&t, NULL, &a);
	tape_opened(&t, 1 * S, "", -ENOSPC, "The disk is full.", &a);
	EXPECT(TAPE_TELL, TAPE_REFUSE, TAPE_SHOW);
	SAYS(0, "not being recorded: The disk is full.");
	assert_int_equal(t.state, TAPE_OFF);
	tape_done(&t);
	opened(&t);
	tape_failed(&t, "rec1", "The recorder died.", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	SAYS(0, "The recorder died.");
	tape_done(&t);
}

static void ends(void **state)
{
	static const struct {
		enum tape_end why;
		const char *because, *words;
	} v[] = { { TAPE_CALL_ENDED, "call_ended", "ended with the call" },
		{ TAPE_ENCRYPTED, "command", "encryption" },
		{ TAPE_ROOM_GONE, "call_ended", "leave this room" },
		{ TAPE_SHUTDOWN, "call_ended", "being stopped" } };
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct tape t;

		on(&t);
		if (v[i].why == TAPE_CALL_ENDED)
			tape_people(&t, 2 * S, 0, false, &a);
		else
			tape_end(&t, v[i].why, &a);
		EXPECT(TAPE_SHOW, TAPE_CLOSE);
		assert_string_equal(a.v[1].text, v[i].because);
		tape_end_text(&t, "rec1", text, sizeof(text));
		assert_non_null(strstr(text, v[i].words));
		tape_done(&t);
	}
}

static void trouble(void **state)
{
	struct tape t;

	(void)state;
	on(&t);
	tape_trouble(&t, 10 * S, "other", "x", &a);
	assert_int_equal(a.n, 0);
	tape_trouble(&t, 10 * S, "rec1", "The disk is full.", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	SAYS(0, "The disk is full.");
	assert_string_equal(tape_state_text(&t), "trouble");
	assert_string_equal(t.message, "The disk is full.");
	tape_recovered(&t, "rec1", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	assert_string_equal(t.message, "");
	/* Again and again: shown, but not said each time. */
	tape_trouble(&t, 20 * S, "rec1", "The disk is full.", &a);
	EXPECT(TAPE_SHOW);
	tape_recovered(&t, "rec1", &a);
	EXPECT(TAPE_SHOW);
	tape_trouble(&t, 71 * S, "rec1", "The disk is full.", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	/* From trouble it can be stopped. */
	tape_stop(&t, &ann, &a);
	EXPECT(TAPE_SHOW, TAPE_CLOSE);
	tape_done(&t);
}

/* The studio replaces a recorder that died. */
static void replaced(void **state)
{
	struct tape t;
	char text[256];

	(void)state;
	on(&t);
	tape_trouble(&t, 10 * S, "rec1", "The recorder died.", &a);
	tape_started(&t, 1795000009000, "rec2", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	assert_string_equal(t.id, "rec2");
	assert_int_equal(t.state, TAPE_ON);
	assert_false(tape_end_text(&t, "rec1", text, sizeof(text)));
	assert_false(tape_end_text(&t, "rec2", text, sizeof(text)));
	tape_stopped(&t, "rec1", &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(t.state, TAPE_ON);
	/* Not any more, the next time: the room was told that it goes on. */
	tape_trouble(&t, 20 * S, "rec2", "It died too often.", &a);
	EXPECT(TAPE_SHOW);
	tape_stopped(&t, "rec2", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	SAYS(0, "not being recorded any more");
	assert_int_equal(t.state, TAPE_OFF);
	tape_done(&t);
}

/* The one that was cut off is whole before the other one has begun. */
static void replaced_before_it_begins(void **state)
{
	struct tape t;

	(void)state;
	on(&t);
	tape_trouble(&t, 10 * S, "rec1", "The recorder died.", &a);
	tape_replaced(&t, "rec2");
	tape_stopped(&t, "rec1", &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(t.state, TAPE_TROUBLE);
	tape_started(&t, 1795000009000, "rec2", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	assert_int_equal(t.state, TAPE_ON);
	assert_string_equal(t.id, "rec2");
	tape_done(&t);
	tape_init(&t);
	tape_replaced(&t, "rec2");
	assert_string_equal(t.id, "");
	tape_done(&t);
}

static void stopped_while_replaced(void **state)
{
	struct tape t;

	(void)state;
	on(&t);
	tape_trouble(&t, 10 * S, "rec1", "The recorder died.", &a);
	tape_stop(&t, &ann, &a);
	tape_started(&t, 1795000009000, "rec2", &a);
	assert_int_equal(a.v[a.n - 1].act, TAPE_CLOSE);
	assert_int_equal(t.state, TAPE_STOPPING);
	tape_stopped(&t, "rec2", &a);
	assert_int_equal(t.state, TAPE_OFF);
	tape_done(&t);
}

static void worker_dies(void **state)
{
	struct tape t;
	char text[TAPE_TEXT_MAX];

	(void)state;
	on(&t);
	tape_people(&t, 10 * S, 0, true, &a);
	EXPECT(TAPE_SHOW);
	assert_int_equal(t.state, TAPE_WAITING);
	tape_stopped(&t, "rec1", &a);
	assert_int_equal(a.n, 0);
	tape_tick(&t, 69 * S, &a);
	assert_int_equal(a.n, 0);
	/* The first one is back: a notice first, as ever. */
	tape_people(&t, 12 * S, 1, false, &a);
	EXPECT(TAPE_SHOW, TAPE_POST);
	tape_notice(&t, "Bob", text, sizeof(text));
	assert_non_null(strstr(text, "interrupted by a fault and goes on"));
	assert_non_null(strstr(text, "started by Ann"));
	tape_posted(&t, NULL, &a);
	EXPECT(TAPE_SHOW, TAPE_OPEN);
	/* The old one is not closed yet. */
	tape_opened(&t, 12 * S, "", -EBUSY, "busy", &a);
	assert_int_equal(a.n, 0);
	tape_tick(&t, 12 * S + 1, &a);
	assert_int_equal(a.n, 0);
	tape_tick(&t, 14 * S, &a);
	EXPECT(TAPE_OPEN);
	tape_opened(&t, 14 * S, "rec2", 0, "", &a);
	tape_started(&t, 1795000014000, "rec2", &a);
	EXPECT(TAPE_SHOW);
	assert_int_equal(t.state, TAPE_ON);
	tape_done(&t);
}

static void waits_in_vain(void **state)
{
	struct tape t;

	(void)state;
	on(&t);
	tape_people(&t, 10 * S, 0, true, &a);
	tape_tick(&t, 71 * S, &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	SAYS(0, "Nobody came back");
	assert_int_equal(t.state, TAPE_OFF);
	tape_people(&t, 72 * S, 1, false, &a);
	assert_int_equal(a.n, 0);
	tape_done(&t);

	/* Busy for too long. */
	on(&t);
	tape_people(&t, 10 * S, 0, true, &a);
	tape_people(&t, 11 * S, 1, false, &a);
	tape_posted(&t, NULL, &a);
	tape_opened(&t, 11 * S, "", -EBUSY, "busy", &a);
	tape_tick(&t, 12 * S, &a);
	tape_opened(&t, 32 * S, "", -EBUSY, "busy", &a);
	EXPECT(TAPE_TELL, TAPE_SHOW);
	assert_int_equal(t.state, TAPE_OFF);
	tape_done(&t);

	/* Stopped while it waits. */
	on(&t);
	tape_people(&t, 10 * S, 0, true, &a);
	tape_stop(&t, &ann, &a);
	EXPECT(TAPE_SHOW);
	assert_int_equal(t.state, TAPE_OFF);
	tape_done(&t);
}

static void joiners(void **state)
{
	struct tape t;
	char user[16];

	(void)state;
	on(&t);
	tape_joined(&t, "@a:s", "Ann"); /* named in the notice */
	tape_tick(&t, 5 * S, &a);
	assert_int_equal(a.n, 0);
	tape_joined(&t, "@b:s", "Bob");
	tape_tick(&t, 5 * S, &a);
	EXPECT(TAPE_TELL);
	assert_string_equal(
		a.v[0].text, "Bob joined; this call is being recorded.");
	tape_joined(&t, "@b:s", "Bob"); /* once is enough */
	tape_joined(&t, "@c:s", "Cem");
	tape_joined(&t, "@d:s", "Dag");
	tape_tick(&t, 14 * S, &a);
	assert_int_equal(a.n, 0);
	tape_tick(&t, 15 * S, &a);
	EXPECT(TAPE_TELL);
	SAYS(0, "Cem, Dag joined");
	for (unsigned i = 0; i < 200; i++) {
		snprintf(user, sizeof(user), "@u%u:s", i);
		tape_joined(&t, user, "Somebody");
	}
	tape_tick(&t, 30 * S, &a);
	EXPECT(TAPE_TELL);
	SAYS(0, " more joined");
	tape_done(&t);
	tape_init(&t);
	tape_joined(&t, "@b:s", "Bob");
	tape_tick(&t, 5 * S, &a);
	assert_int_equal(a.n, 0);
	tape_done(&t);
}

static void texts(void **state)
{
	static const struct {
		uint64_t ms;
		const char *want;
	} v[] = { { 0, "0 s" }, { 59999, "59 s" }, { 60000, "1 min" },
		{ 3599000, "59 min" }, { 3600000, "1 h 0 min" },
		{ 7500000, "2 h 5 min" } };
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		tape_text_duration(text, sizeof(text), v[i].ms);
		assert_string_equal(text, v[i].want);
	}
	tape_text_when(text, sizeof(text), 1795000000000);
	assert_string_equal(text, "2026-11-18 11:06 UTC");
	tape_text_size(text, sizeof(text), 1);
	assert_string_equal(text, "1 kB");
	tape_text_size(text, sizeof(text), 34567890);
	assert_string_equal(text, "34 MB");
	tape_text_size(text, sizeof(text), 1250000000);
	assert_string_equal(text, "1.2 GB");
}

/* Any order of anything: it never opens without a notice. */
static void at_random(void **state)
{
	uint32_t seed = 7;
	struct tape t;
	bool noticed = false;

	(void)state;
	tape_init(&t);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t now_us = (uint64_t)i * 300000;

		seed = seed * 1664525 + 1013904223;
		a.n = 0;
		switch (seed >> 28) {
		case 0:
			tape_start(&t, &ann, &a);
			break;
		case 1:
			if (seed & 0x10000)
				tape_stop(&t, &bob, &a);
			break;
		case 2:
		case 3:
		case 4:
			noticed = noticed || t.state == TAPE_ASKED;
			tape_posted(&t, seed & 0x70000 ? NULL : "no", &a);
			break;
		case 5:
		case 6:
			tape_started(&t, 1, "rec1", &a);
			break;
		case 7:
			tape_trouble(&t, now_us, "rec1", "x", &a);
			break;
		case 8:
			tape_recovered(&t, "rec1", &a);
			break;
		case 9:
			tape_stopped(&t, "rec1", &a);
			break;
		case 10:
			tape_people(
				&t, now_us, seed >> 16 & 1, seed & 0x20000, &a);
			break;
		case 11:
			tape_joined(&t, "@x:s", "X");
			break;
		case 12:
			if (!(seed & 0xf0000))
				tape_failed(&t, "rec1", "x", &a);
			break;
		default:
			tape_tick(&t, now_us, &a);
		}
		for (unsigned j = 0; j < a.n; j++) {
			if (a.v[j].act == TAPE_POST)
				noticed = false;
			if (a.v[j].act != TAPE_OPEN)
				continue;
			assert_true(noticed);
			tape_opened(&t, now_us, "rec1",
				seed & 0x8000 ? 0 : -EBUSY, "busy", &a);
			break;
		}
	}
	tape_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_path),
		cmocka_unit_test(not_posted),
		cmocka_unit_test(stopped_before_the_notice),
		cmocka_unit_test(refusals),
		cmocka_unit_test(studio_cannot),
		cmocka_unit_test(ends),
		cmocka_unit_test(trouble),
		cmocka_unit_test(replaced),
		cmocka_unit_test(replaced_before_it_begins),
		cmocka_unit_test(stopped_while_replaced),
		cmocka_unit_test(worker_dies),
		cmocka_unit_test(waits_in_vain),
		cmocka_unit_test(joiners),
		cmocka_unit_test(texts),
		cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
