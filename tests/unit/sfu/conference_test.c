/* Joining, leaving, events and counters. */
#include "tests/sim/cmocka_sim.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

static struct stage st;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static const struct sfu_join_options many = { .renegotiate = true };

static void names_have_a_length(void **state)
{
	(void)state;
	char name[SFU_NAME_MAX + 2];
	memset(name, 'x', sizeof(name));
	name[SFU_NAME_MAX + 1] = 0;
	assert_null(conference_new(&st.sim.env, name));
	name[SFU_NAME_MAX] = 0;
	struct conference *c = conference_new(&st.sim.env, name);
	assert_non_null(c);
	assert_string_equal(conference_name(c), name);
	assert_true(conference_empty(c));
	assert_true(conference_deadline(c) == UINT64_MAX);
	assert_null(conference_free(c));
	assert_null(conference_free(NULL));
}

static void who_may_join(void **state)
{
	(void)state;
	char longest[SFU_LABEL_MAX + 2];
	struct conference *c = st.sim.conference;
	memset(longest, 'x', sizeof(longest));
	longest[SFU_LABEL_MAX + 1] = 0;
	st.sim.env.limits.participants = 4;
	const struct {
		sfu_id id;
		const char *label;
		int expected;
	} t[] = {
		{ 50, longest, -E2BIG },
		{ 50, longest + 1, 0 },
		{ 50, "again", -EINVAL },
		{ 51, "two\nlines", -EINVAL },
		{ 51, "", 0 },
		{ 52, "one too many", -EBUSY },
	};
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(conference_join(c, st.sim.now_us, t[i].id,
					 t[i].label, &many),
			t[i].expected);
	assert_int_equal(sim_stats(&st.sim).participants, 4);
	/* Whoever leaves makes room once swept. */
	conference_leave(c, st.sim.now_us, 51, SFU_BY_COMMAND, &st.sim.out);
	assert_null(conference_find(c, 51));
	conference_sweep(c);
	assert_int_equal(
		conference_join(c, st.sim.now_us, 52, "now", &many), 0);
}

static void nobody_is_nobody(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	struct sfu_event ev;
	uint64_t now = st.sim.now_us;
	conference_offer(c, now, 77, "v=0", 3, &st.sim.out);
	conference_answer(c, now, 77, "v=0", 3, &st.sim.out);
	conference_candidate(c, now, 77, "");
	conference_message(
		c, now, 77, true, (const uint8_t *)"", 0, &st.sim.out);
	conference_leave(c, now, 77, SFU_BY_COMMAND, &st.sim.out);
	assert_false(conference_next_event(c, &ev));
	assert_int_equal(st.sim.out.n, 0);
}

static void an_unknown_offer_is_refused_then_left(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	struct sfu_event ev;
	assert_int_equal(conference_join(c, st.sim.now_us, 9, "x", &many), 0);
	conference_offer(c, st.sim.now_us, 9, "garbage", 7, &st.sim.out);
	assert_true(conference_next_event(c, &ev));
	assert_int_equal(ev.type, SFU_EV_REFUSED);
	assert_int_equal(ev.participant, 9);
	assert_int_equal(ev.code, -EBADMSG);
	assert_true(strlen(ev.text) > 0);
	assert_true(conference_next_event(c, &ev));
	assert_int_equal(ev.type, SFU_EV_LEFT);
	assert_int_equal(ev.participant, 9);
	assert_int_equal(ev.reason, SFU_REFUSED);
	assert_false(conference_next_event(c, &ev));
}

static void left_is_said_once_and_last(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	struct sfu_event ev;
	sfu_id id = st.seat[0]->id;
	struct participant *p = st.p[0];
	uint64_t now = st.sim.now_us;
	for (unsigned i = 0; i < 3; i++)
		conference_leave(c, now, id, SFU_BY_COMMAND, &st.sim.out);
	/* Neither packets nor time bring a gone one back. */
	uint8_t buf[64] = { 0x80, 96 };
	assert_false(conference_input(c, now, p,
		(struct sockaddr *)&st.seat[0]->addr, buf, sizeof(buf),
		&st.sim.out));
	conference_tick(c, now + SIM_S, &st.sim.out);
	conference_channels(c, now + SIM_S, &st.sim.out);
	unsigned left = 0;
	while (conference_next_event(c, &ev)) {
		if (ev.participant != id)
			continue;
		assert_int_equal(left, 0);
		left += ev.type == SFU_EV_LEFT;
	}
	assert_int_equal(left, 1);
	st.sim.out.flush(&st.sim.out);
	conference_sweep(c);
	conference_sweep(c);
	assert_false(conference_next_event(c, &ev));
}

static void events_are_copies_in_order(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	struct sfu_stream stream = { .id = "s", .owner = 3, .video = true };
	char sdp[] = "v=0", text[] = "why";
	uint8_t data[] = { 1, 0, 2 };
	struct sfu_event ev;
	conference_emit(c, &(struct sfu_event){ .type = SFU_EV_ANSWER,
				   .participant = 1,
				   .sdp = sdp,
				   .streams = &stream,
				   .n_streams = 1 });
	conference_emit(c, &(struct sfu_event){ .type = SFU_EV_MESSAGE,
				   .participant = 1,
				   .binary = true,
				   .data = data,
				   .len = 3 });
	conference_emit(c, &(struct sfu_event){ .type = SFU_EV_REFUSED,
				   .participant = 1,
				   .code = -5,
				   .text = text });
	memset(sdp, 'x', 3);
	memset(text, 'x', 3);
	memset(data, 9, 3);
	memset(&stream, 9, sizeof(stream));
	assert_true(conference_next_event(c, &ev));
	assert_string_equal(ev.sdp, "v=0");
	assert_string_equal(ev.streams[0].id, "s");
	assert_int_equal(ev.streams[0].owner, 3);
	assert_true(conference_next_event(c, &ev));
	assert_int_equal(ev.len, 3);
	assert_int_equal(ev.data[2], 2);
	assert_null(ev.sdp);
	assert_true(conference_next_event(c, &ev));
	assert_string_equal(ev.text, "why");
	assert_false(conference_next_event(c, &ev));
}

static void messages_cannot_fill_the_queue(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	struct sfu_event ev;
	unsigned messages = 0, others = 0;
	for (unsigned i = 0; i < CONFERENCE_EVENTS + 10; i++)
		conference_emit(c, &(struct sfu_event){ .type = SFU_EV_MESSAGE,
					   .participant = st.seat[0]->id });
	conference_emit(c, &(struct sfu_event){ .type = SFU_EV_CONNECTED,
				   .participant = st.seat[0]->id });
	while (conference_next_event(c, &ev)) {
		messages += ev.type == SFU_EV_MESSAGE;
		others += ev.type == SFU_EV_CONNECTED;
	}
	assert_int_equal(messages, CONFERENCE_EVENTS);
	assert_int_equal(others, 1);
}

static void counters_outlive_who_counted(void **state)
{
	(void)state;
	stage_video(&st, 0, 1, true);
	stage_audio(&st, 0, 1, 30);
	stage_pli(&st, 1, stage_sub(&st, 1, 0, SDP_VIDEO)->ssrc);
	uint8_t junk[4] = { 0xff };
	size_t len = 4;
	peer_input(&st.p[0]->peer, st.sim.now_us,
		(struct sockaddr *)&st.seat[0]->addr, junk, &len);
	struct conference_stats a = sim_stats(&st.sim);
	assert_int_equal(a.participants, 2);
	assert_int_equal(a.tracks, 4);
	assert_int_equal(a.subscriptions, 4);
	assert_int_equal(a.rtp_in, 2);
	assert_int_equal(a.rtp_out, 2);
	assert_true(a.rtp_out_bytes > 40);
	assert_int_equal(a.plis_in, 1);
	assert_int_equal(a.drops[DROP_CLASS], 1);
	for (unsigned i = 0; i < 2; i++)
		conference_leave(st.sim.conference, st.sim.now_us,
			st.seat[i]->id, SFU_BY_COMMAND, &st.sim.out);
	struct conference_stats b = sim_stats(&st.sim);
	conference_sweep(st.sim.conference);
	struct conference_stats d = sim_stats(&st.sim);
	assert_memory_equal(&b, &d, sizeof(b));
	assert_int_equal(d.participants + d.tracks + d.subscriptions, 0);
	assert_int_equal(d.leaves, 2);
	assert_int_equal(d.joins, 2);
	assert_int_equal(d.rtp_in, 2);
	assert_int_equal(d.rtp_out, 2);
	assert_int_equal(d.drops[DROP_CLASS], 1);
	/* Added to what is there: a worker sums its conferences. */
	conference_stats(st.sim.conference, &d);
	assert_int_equal(d.joins, 4);
	assert_int_equal(d.rtp_in_bytes, 2 * b.rtp_in_bytes);
}

static void every_drop_has_its_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CONFERENCE_DROPS; i++) {
		const char *name =
			conference_drop_text((enum conference_drop)i);
		assert_non_null(name);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name,
				conference_drop_text((enum conference_drop)k));
	}
	assert_string_equal(conference_drop_text(CONFERENCE_DROPS), "none");
	_Static_assert(CONFERENCE_DROPS <= 32, "drops[] of the statistics");
}

static void ufrags_for_the_demultiplexer(void **state)
{
	(void)state;
	char now[32];
	assert_null(participant_ufrag(st.p[0], 1));
	assert_null(participant_ufrag(st.p[0], 2));
	strcpy(now, participant_ufrag(st.p[0], 0));
	assert_int_equal(strlen(now), ICE_UFRAG_LEN);
	sim_ice_restart(&st.sim, st.seat[0]);
	stage_run(&st, 60000);
	assert_string_not_equal(participant_ufrag(st.p[0], 0), now);
	assert_string_equal(participant_ufrag(st.p[0], 1), now);
}

static void a_conference_may_be_freed_at_any_time(void **state)
{
	(void)state;
	/* Half joined, half connected, with events waiting: teardown frees. */
	struct client_config cfg = sim_usual(3);
	stage_join(&st, &cfg);
	stage_run(&st, 70000);
	stage_video(&st, 0, 1, true);
	conference_leave(st.sim.conference, st.sim.now_us, st.seat[1]->id,
		SFU_BY_COMMAND, &st.sim.out);
	assert_false(conference_empty(st.sim.conference));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(names_have_a_length),
		CASE(who_may_join),
		CASE(nobody_is_nobody),
		CASE(an_unknown_offer_is_refused_then_left),
		CASE(left_is_said_once_and_last),
		CASE(events_are_copies_in_order),
		CASE(messages_cannot_fill_the_queue),
		CASE(counters_outlive_who_counted),
		CASE(every_drop_has_its_name),
		CASE(ufrags_for_the_demultiplexer),
		CASE(a_conference_may_be_freed_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
