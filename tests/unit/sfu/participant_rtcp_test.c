#include "tests/unit/sfu/stage.h"
#include <string.h>

static struct stage st;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static void feedback(unsigned i)
{
	participant_feedback(st.p[i], st.sim.now_us);
}

static void reports_now(unsigned i)
{
	st.p[i]->report_us = st.sim.now_us;
	feedback(i);
}

static void publishers_are_reported_to(void **state)
{
	(void)state;
	struct rtcp_item item;
	stage_video(&st, 0, 1, true);
	stage_video(&st, 0, 3, false);
	stage_audio(&st, 0, 1, 30);
	stage_clear(&st);
	reports_now(0);
	assert_int_equal(stage_rtcp(&st, 0, RTCP_RR, &item), 1);
	assert_int_equal(item.n_blocks, 2);
	unsigned lost = 0;
	for (unsigned i = 0; i < 2; i++)
		if (item.block[i].ssrc == stage_ssrc(0, CLIENT_VIDEO))
			lost = (unsigned)item.block[i].lost;
	assert_int_equal(lost, 1);
	/* The ceiling for its one video track. */
	assert_int_equal(stage_rtcp(&st, 0, RTCP_REMB, &item), 1);
	assert_in_range(item.remb_bps,
		st.sim.env.limits.video_max_bps * 99 / 100,
		st.sim.env.limits.video_max_bps);
	/* Not again before its time. */
	stage_clear(&st);
	feedback(0);
	assert_int_equal(stage_rtcp(&st, 0, RTCP_RR, NULL), 0);
}

static void who_publishes_nothing_is_told_so(void **state)
{
	(void)state;
	struct rtcp_item item;
	reports_now(1);
	assert_int_equal(stage_rtcp(&st, 1, RTCP_RR, &item), 1);
	assert_int_equal(item.n_blocks, 0);
	assert_int_equal(stage_rtcp(&st, 1, RTCP_REMB, NULL), 0);
}

static void holes_are_asked_for(void **state)
{
	(void)state;
	struct rtcp_item item;
	stage_video(&st, 0, 1, true);
	stage_video(&st, 0, 4, false);
	feedback(0);
	assert_int_equal(stage_rtcp(&st, 0, RTCP_NACK, NULL), 0);
	st.sim.now_us += RECEIVE_NACK_WAIT_US;
	feedback(0);
	assert_int_equal(stage_rtcp(&st, 0, RTCP_NACK, &item), 1);
	assert_int_equal(item.media, stage_ssrc(0, CLIENT_VIDEO));
	assert_int_equal(item.n_nack, 2);
	assert_int_equal(item.nack[0], 2);
	assert_int_equal(item.nack[1], 3);
	assert_int_equal(st.p[0]->stats.nacks_out, 1);
	/* Sound was not agreed to be repaired. */
	stage_audio(&st, 0, 1, 30);
	stage_audio(&st, 0, 9, 30);
	st.sim.now_us += RECEIVE_NACK_WAIT_US;
	stage_clear(&st);
	feedback(0);
	if (stage_rtcp(&st, 0, RTCP_NACK, &item))
		assert_int_equal(item.media, stage_ssrc(0, CLIENT_VIDEO));
}

/* Attack 50, with every participant there may be asking all the time. */
static void a_flood_of_plis_is_one(void **state)
{
	(void)state;
	while (st.n < STAGE_SEATS) {
		struct client_config cfg = sim_usual(st.n + 1);
		cfg.audio = cfg.video = false;
		stage_join(&st, &cfg);
	}
	stage_run(&st, 3 * SIM_S);
	stage_video(&st, 0, 1, true);
	uint64_t begin = st.sim.now_us, before = st.p[0]->stats.plis_out;
	uint16_t seq = 2;
	while (st.sim.now_us < begin + 5 * SIM_S) {
		/* 14 receivers ask 100 times a second and the publisher does
		 * what it is asked. */
		for (unsigned i = 1; i < st.n - 1; i++)
			stage_pli(
				&st, i, stage_sub(&st, i, 0, SDP_VIDEO)->ssrc);
		stage_run(&st, 10000);
		stage_video(&st, 0, seq++, true);
		stage_clear(&st);
	}
	uint64_t asked = st.p[0]->stats.plis_out - before;
	/* At 0, 0.5, 1.5 and 3.5 s. */
	assert_int_equal(asked, 4);
	assert_int_equal(st.p[1]->stats.plis_in, 500);
	/* Who has not asked before is heard at once. */
	unsigned last = st.n - 1;
	stage_pli(&st, last, stage_sub(&st, last, 0, SDP_VIDEO)->ssrc);
	stage_run(&st, 10000);
	assert_int_equal(st.p[0]->stats.plis_out - before, asked + 1);
}

static void feedback_about_others_streams_is_ignored(void **state)
{
	(void)state;
	stage_video(&st, 0, 1, true);
	struct track *t = stage_track(&st, 0, SDP_VIDEO);
	const uint32_t foreign[] = {
		stage_sub(&st, 2, 0, SDP_VIDEO)->ssrc, /* another's leg */
		stage_ssrc(0, CLIENT_VIDEO),           /* the publisher's own */
		0, 0xffffffff
	};
	uint16_t seq = stage_last(&st, 1).seq;
	stage_clear(&st);
	encoding_keyframe_seen(t->encoding[0]);
	for (unsigned i = 0; i < 4; i++) {
		stage_pli(&st, 1, foreign[i]);
		stage_nack(&st, 1, foreign[i], seq);
	}
	assert_int_equal(t->encoding[0]->pli_wanted_us, 0);
	assert_int_equal(st.sim.out.n, 0);
	assert_int_equal(st.p[1]->stats.plis_in + st.p[1]->stats.nacks_in, 0);
	/* Its own leg is another matter, unless nothing may go there. */
	struct subscription *own = stage_sub(&st, 1, 0, SDP_VIDEO);
	own->active = false;
	stage_pli(&st, 1, own->ssrc);
	assert_int_equal(t->encoding[0]->pli_wanted_us, 0);
	own->active = true;
	stage_pli(&st, 1, own->ssrc);
	assert_true(t->encoding[0]->pli_wanted_us != 0);
}

static void lies_are_dropped_whole(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[12];
		size_t len;
	} t[] = {
		{ { 0 }, 0 },
		{ { 0x80, 201 }, 2 },
		{ { 0x80, 201, 0, 9, 0, 0, 0, 1 }, 8 }, /* attack 48 */
		{ { 0x9f, 201, 0, 1, 0, 0, 0, 1 }, 8 }, /* 31 blocks */
		{ { 0x40, 201, 0, 1, 0, 0, 0, 1 }, 8 }, /* version 1 */
		{ { 0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0 }, 11 },
	};
	unsigned n = sizeof(t) / sizeof(t[0]);
	for (unsigned i = 0; i < n; i++)
		participant_rtcp(st.p[1], st.sim.now_us, t[i].bytes, t[i].len);
	assert_int_equal(stage_drops(&st, 1, DROP_RTCP), n);
	assert_int_equal(st.p[1]->stats.rtcp_in, n);
}

static void sender_report(
	unsigned i, enum client_kind kind, uint64_t ntp, uint32_t ts)
{
	uint8_t buf[64];
	struct rtcp_build b;
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_true(
		rtcp_add_sr(&b, stage_ssrc(i, kind), ntp, ts, 1, 1, NULL, 0));
	participant_rtcp(st.p[i], st.sim.now_us, buf, b.len);
}

static void sr_of(uint32_t ssrc, struct rtcp_item *ret)
{
	for (unsigned k = 0; k < st.sim.out.n; k++) {
		const struct packet *out = &st.sim.out.v[k];
		struct rtcp_walk walk;
		if (!out->rtcp || rtcp_walk_init(&walk, out->data, out->len))
			continue;
		while (rtcp_next(&walk, ret))
			if (ret->type == RTCP_SR && ret->sender == ssrc)
				return;
	}
	fail_msg("no report of %u", ssrc);
}

/* What the publisher captured at one moment is of one moment at the receiver:
 * its two reports, carried to the same time, map to the same wall clock. */
static void sound_and_picture_stay_in_step(void **state)
{
	(void)state;
	const uint64_t ntp = (uint64_t)3900000000u << 32;
	/* stage_video and stage_audio: ts is seq * 3000 and seq * 960. Both
	 * packets below were captured at ntp. */
	stage_video(&st, 0, 50, true);
	uint32_t video_ts = stage_last(&st, 1).ts;
	stage_audio(&st, 0, 70, 30);
	uint32_t audio_ts = stage_last(&st, 1).ts;
	stage_clear(&st);
	reports_now(1);
	/* The publisher has told nothing yet: nothing is invented. */
	assert_int_equal(stage_rtcp(&st, 1, RTCP_SR, NULL), 0);
	sender_report(0, CLIENT_VIDEO, ntp, 50 * 3000);
	st.sim.now_us += 300000;
	sender_report(0, CLIENT_AUDIO, ntp + ((uint64_t)3 << 32) / 10,
		70 * 960 + 14400);
	st.sim.now_us += 200000;
	stage_clear(&st);
	reports_now(1);
	struct rtcp_item v, a;
	sr_of(stage_sub(&st, 1, 0, SDP_VIDEO)->ssrc, &v);
	sr_of(stage_sub(&st, 1, 0, SDP_AUDIO)->ssrc, &a);
	/* Both half a second after ntp, in their own clocks. */
	assert_in_range(
		v.ntp - ntp, (1ull << 31) - 100000, (1ull << 31) + 100000);
	assert_in_range(
		a.ntp - ntp, (1ull << 31) - 100000, (1ull << 31) + 100000);
	assert_in_range(v.rtp_ts - video_ts, 44995, 45005);
	assert_in_range(a.rtp_ts - audio_ts, 23995, 24005);
	assert_int_equal(v.packets, 1);
	assert_int_equal(v.octets, 12);
}

static void a_foreign_report_is_nobodys(void **state)
{
	(void)state;
	stage_video(&st, 0, 1, true);
	/* Client 1 speaks of client 0's SSRC. */
	uint8_t buf[64];
	struct rtcp_build b;
	rtcp_build_init(&b, buf, sizeof(buf));
	rtcp_add_sr(&b, stage_ssrc(0, CLIENT_VIDEO), 77, 1, 1, 1, NULL, 0);
	participant_rtcp(st.p[1], st.sim.now_us, buf, b.len);
	assert_int_equal(
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->receive.sr_ntp, 0);
}

static void the_round_trip_is_learned(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	sender_report(0, CLIENT_VIDEO, (uint64_t)3900000000u << 32, 3000);
	stage_clear(&st);
	reports_now(1);
	struct rtcp_item sr;
	sr_of(s->ssrc, &sr);
	st.sim.now_us += 80000;
	struct rtcp_block block = {
		.ssrc = s->ssrc, .lsr = rtcp_ntp_mid(sr.ntp), .fraction_lost = 9
	};
	uint8_t buf[64];
	struct rtcp_build b;
	rtcp_build_init(&b, buf, sizeof(buf));
	assert_true(rtcp_add_rr(&b, 1, &block, 1));
	participant_rtcp(st.p[1], st.sim.now_us, buf, b.len);
	assert_in_range(s->send.rtt_us, 79000, 81000);
	assert_int_equal(s->send.fraction_lost, 9);
	assert_int_equal(
		stage_track(&st, 1, SDP_VIDEO)->encoding[0]->receive.rtt_us,
		s->send.rtt_us);
}

static void fir_where_there_is_no_pli(void **state)
{
	(void)state;
	struct rtcp_item item;
	struct track *t = stage_track(&st, 0, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	for (unsigned i = 0; i < 2; i++) {
		t->fir = true;
		encoding_want_keyframe(t->encoding[0], st.sim.now_us);
		stage_clear(&st);
		feedback(0);
		assert_int_equal(stage_rtcp(&st, 0, RTCP_PLI, NULL), 0);
		assert_int_equal(stage_rtcp(&st, 0, RTCP_FIR, &item), 1);
		assert_int_equal(item.media, stage_ssrc(0, CLIENT_VIDEO));
		assert_int_equal(item.fir_seq, i); /* a new one each time */
		encoding_keyframe_seen(t->encoding[0]);
		st.sim.now_us += ENCODING_PLI_US;
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(publishers_are_reported_to),
		CASE(who_publishes_nothing_is_told_so),
		CASE(holes_are_asked_for),
		CASE(a_flood_of_plis_is_one),
		CASE(feedback_about_others_streams_is_ignored),
		CASE(lies_are_dropped_whole),
		CASE(sound_and_picture_stay_in_step),
		CASE(a_foreign_report_is_nobodys),
		CASE(the_round_trip_is_learned),
		CASE(fir_where_there_is_no_pli),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
