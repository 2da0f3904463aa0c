/* Who begins to see a track begins with what has just been. */
#include "tests/unit/sfu/stage.h"
#include <string.h>

enum { FRAME_US = 33333, FRAME_TICKS = 3000 };

static struct stage st;
static struct subscription *s;
static struct encoding *e;
static uint32_t ts;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 2);
	s = stage_sub(&st, 1, 0, SDP_VIDEO);
	e = stage_track(&st, 0, SDP_VIDEO)->encoding[0];
	ts = 0xffff0000;
	subscription_update(s, st.sim.now_us, false);
	assert_false(s->active);
	e->pli_wanted_us = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static void packet(uint16_t seq, bool first, bool key, size_t len)
{
	uint8_t payload[1000] = { first ? 0x10 : 0, key ? 0x00 : 0x01 };
	const struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.seq = seq,
		.ts = ts,
		.ssrc = stage_ssrc(0, CLIENT_VIDEO) };
	stage_rtp(&st, 0, &h, payload, len);
}

/* A picture of two packets; the time of the next has come. */
static uint16_t picture(uint16_t seq, bool key)
{
	packet(seq++, true, key, 20);
	packet(seq++, false, key, 20);
	st.sim.now_us += FRAME_US;
	ts += FRAME_TICKS;
	return seq;
}

static uint16_t pictures(uint16_t seq, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		seq = picture(seq, i == 0);
	return seq;
}

static void activate(void)
{
	subscription_update(s, st.sim.now_us, true);
	assert_true(s->active && s->waiting);
}

static struct rtp_packet nth(unsigned n)
{
	struct rtp_packet pkt;
	for (unsigned k = 0; k < st.sim.out.n; k++) {
		const struct packet *out = &st.sim.out.v[k];
		if (out->rtcp || out->key != st.p[1]->peer.crypt || n--)
			continue;
		assert_int_equal(rtp_parse(&pkt, out->data, out->len), 0);
		return pkt;
	}
	fail_msg("it was not sent");
	return pkt;
}

static void all_of_it_is_sent(void **state)
{
	(void)state;
	/* The numbers wrap within it, and so do the times. */
	uint16_t seq = pictures(65530, 10);
	activate();
	assert_int_equal(e->pli_wanted_us, 0);
	assert_int_equal(stage_sent(&st, 1), 0);
	picture(seq, false);
	assert_int_equal(stage_sent(&st, 1), 22);
	assert_int_equal(st.p[1]->stats.replays, 1);
	assert_int_equal(e->pli_wanted_us, 0);
	assert_false(s->waiting);
	struct rtp_packet first = nth(0), before = first;
	for (unsigned i = 1; i < 22; i++) {
		struct rtp_packet pkt = nth(i);
		assert_int_equal(pkt.seq, (uint16_t)(first.seq + i));
		if (i % 2 == 0)
			assert_in_range(pkt.ts - before.ts,
				FRAME_TICKS / REWRITE_HURRY,
				FRAME_TICKS / REWRITE_HURRY + 1);
		else
			assert_int_equal(pkt.ts, before.ts);
		before = pkt;
	}
	/* From here on it is as far apart as ever. */
	stage_clear(&st);
	picture((uint16_t)(seq + 2), false);
	assert_int_equal(nth(0).ts - before.ts, FRAME_TICKS);
	assert_int_equal(nth(0).seq, (uint16_t)(before.seq + 1));
}

static void it_is_sent_again_as_it_was(void **state)
{
	(void)state;
	uint8_t copy[64];
	uint16_t seq = pictures(7, 5);
	activate();
	picture(seq, false);
	struct rtp_packet pkt = nth(4);
	size_t len = pkt.len;
	memcpy(copy, pkt.buf, len);
	picture((uint16_t)(seq + 2), false);
	stage_nack(&st, 1, s->ssrc, pkt.seq);
	pkt = stage_last(&st, 1);
	assert_int_equal(pkt.len, len);
	assert_memory_equal(pkt.buf, copy, len);
}

/* A still picture: no packet comes that could bring it about. */
static void it_need_not_wait_for_a_packet(void **state)
{
	(void)state;
	pictures(7, 2);
	activate();
	assert_true(st.p[1]->replay_us <= st.sim.now_us + SUBSCRIPTION_SOON_US);
	assert_true(participant_deadline(st.p[1]) <= st.p[1]->replay_us);
	participant_replay(st.p[1], st.sim.now_us + SUBSCRIPTION_SOON_US);
	assert_int_equal(stage_sent(&st, 1), 4);
	assert_int_equal(e->pli_wanted_us, 0);
	assert_true(st.p[1]->replay_us == UINT64_MAX);
}

static void assert_asks(uint16_t seq)
{
	activate();
	assert_int_not_equal(e->pli_wanted_us, 0);
	picture(seq, false);
	assert_int_equal(stage_sent(&st, 1), 0);
	assert_int_equal(st.p[1]->stats.replays, 0);
}

static void not_with_a_hole(void **state)
{
	(void)state;
	uint16_t seq = pictures(7, 5);
	uint32_t hole_ts = ts;
	packet((uint16_t)(seq + 1), false, false, 20);
	ts += FRAME_TICKS;
	assert_asks((uint16_t)(seq + 2));
	/* It is filled: then there is nothing to wait for. */
	ts = hole_ts;
	packet(seq, true, false, 20);
	assert_int_equal(stage_sent(&st, 1), 14);
	assert_false(s->waiting);
	assert_int_equal(st.p[1]->stats.replays, 1);
}

static void not_of_long_ago(void **state)
{
	(void)state;
	uint16_t seq = pictures(7, 1);
	while (st.sim.now_us - e->key_us <= SUBSCRIPTION_PAST_US)
		seq = picture(seq, false);
	assert_asks(seq);
}

/* A camera that was switched off. */
static void not_if_nothing_comes_any_more(void **state)
{
	(void)state;
	uint16_t seq = pictures(7, 3);
	st.sim.now_us += SUBSCRIPTION_STILL_US;
	assert_asks(seq);
}

static void not_more_than_so_much(void **state)
{
	(void)state;
	uint16_t seq = 7;
	assert_null(st.p[1]->down);
	packet(seq++, true, true, 1000);
	for (unsigned i = 0; i < SUBSCRIPTION_PAST_BYTES / 1000; i++) {
		ts += 90;
		packet(seq++, true, false, 1000);
	}
	activate();
	assert_int_not_equal(e->pli_wanted_us, 0);
	packet(seq, true, false, 1000);
	assert_int_equal(stage_sent(&st, 1), 0);
}

static void not_of_another_source(void **state)
{
	(void)state;
	pictures(7, 3);
	const uint8_t payload[] = { 0x10, 0x01, 0 };
	const struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.seq = 400,
		.ts = ts,
		.ssrc = stage_ssrc(0, CLIENT_VIDEO) };
	/* Its numbers begin anew: a jump that is believed. */
	struct rtp_header far = h;
	far.seq = 40000;
	stage_rtp(&st, 0, &far, payload, sizeof(payload));
	far.seq++;
	stage_rtp(&st, 0, &far, payload, sizeof(payload));
	assert_int_equal(e->key_us, 0);
	assert_asks(40002);
}

/* What was too much a moment ago is not tried at once again. */
static void not_after_it_was_too_much(void **state)
{
	(void)state;
	uint16_t seq = pictures(7, 3);
	activate();
	seq = picture(seq, false);
	subscription_stale(s, st.sim.now_us);
	stage_clear(&st);
	picture(seq, false);
	assert_int_equal(stage_sent(&st, 1), 0);
}

static void after_a_pause(void **state)
{
	(void)state;
	const struct allocate_layer none = { -1, 0 }, best = { 0, 0 };
	uint16_t seq = pictures(7, 2);
	activate();
	seq = picture(seq, false);
	uint16_t out = stage_last(&st, 1).seq;
	uint32_t out_ts = stage_last(&st, 1).ts;
	subscription_aim(s, st.sim.now_us, none);
	seq = pictures(seq, 3);
	assert_int_equal(stage_last(&st, 1).seq, out);
	stage_clear(&st);
	e->pli_wanted_us = 0;
	subscription_aim(s, st.sim.now_us, best);
	assert_int_equal(e->pli_wanted_us, 0);
	picture(seq, false);
	assert_int_equal(stage_sent(&st, 1), 8);
	assert_int_equal(nth(0).seq, (uint16_t)(out + 1));
	assert_true((int32_t)(nth(0).ts - out_ts) > 0);
	/* The pause was of four pictures. */
	assert_in_range(nth(7).ts - out_ts, 3 * FRAME_TICKS, 5 * FRAME_TICKS);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(all_of_it_is_sent),
		CASE(it_is_sent_again_as_it_was),
		CASE(it_need_not_wait_for_a_packet),
		CASE(not_with_a_hole),
		CASE(not_of_long_ago),
		CASE(not_if_nothing_comes_any_more),
		CASE(not_more_than_so_much),
		CASE(not_of_another_source),
		CASE(not_after_it_was_too_much),
		CASE(after_a_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
