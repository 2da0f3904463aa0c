#include "tests/unit/sfu/stage.h"
#include <string.h>

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

static void nothing_before_a_key_frame(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	assert_non_null(s);
	assert_true(s->active && s->waiting);
	for (uint16_t seq = 10; seq < 15; seq++)
		stage_video(&st, 0, seq, false);
	assert_int_equal(stage_sent(&st, 1), 0);
	assert_int_equal(stage_drops(&st, 1, DROP_NOT_KEYFRAME), 5);
	/* … which is asked for. */
	assert_true(
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->pli_wanted_us !=
		0);
	stage_video(&st, 0, 15, true);
	assert_int_equal(stage_sent(&st, 1), 1);
	assert_false(s->waiting);
	stage_video(&st, 0, 16, false);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->pli_wanted_us, 0);
}

static void sound_passes_at_once(void **state)
{
	(void)state;
	stage_audio(&st, 0, 500, 30);
	assert_int_equal(stage_sent(&st, 1), 1);
	struct rtp_packet pkt = stage_last(&st, 1);
	assert_int_equal(pkt.ssrc, stage_sub(&st, 1, 0, SDP_AUDIO)->ssrc);
	assert_int_not_equal(pkt.ssrc, stage_ssrc(0, CLIENT_AUDIO));
}

static void numbers_and_times_are_one_stream(void **state)
{
	(void)state;
	/* The publisher begins just before its numbers wrap. */
	stage_video(&st, 0, 65534, true);
	struct rtp_packet first = stage_last(&st, 1);
	assert_true(first.seq < 0x8000);
	uint16_t seq = first.seq;
	uint32_t ts = first.ts;
	for (unsigned i = 1; i < 6; i++) {
		stage_video(&st, 0, (uint16_t)(65534 + i), false);
		struct rtp_packet pkt = stage_last(&st, 1);
		assert_int_equal(pkt.seq, (uint16_t)(seq + i));
		/* stage_video's timestamps wrap with the number. */
		uint32_t in = (uint32_t)(uint16_t)(65534 + i) * 3000u;
		assert_int_equal(pkt.ts - ts, in - 65534u * 3000u);
	}
}

static void probes_leave_no_hole(void **state)
{
	(void)state;
	stage_video(&st, 0, 1, true);
	uint16_t seq = stage_last(&st, 1).seq;
	const struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.seq = 2,
		.ts = 3000,
		.ssrc = stage_ssrc(0, CLIENT_VIDEO) };
	stage_rtp(&st, 0, &h, NULL, 0); /* attack 47: no payload at all */
	assert_int_equal(stage_sent(&st, 1), 1);
	stage_video(&st, 0, 3, false);
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
}

static void payload_types_are_the_receivers(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	s->pt_map[subscription_pt_at(STAGE_VIDEO_PT)] = 120;
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_last(&st, 1).pt, 120);
}

static void each_payload_type_has_a_place(void **state)
{
	bool taken[SUBSCRIPTION_PTS] = { false };
	(void)state;
	for (unsigned pt = 0; pt < 256; pt++) {
		unsigned at = subscription_pt_at((uint8_t)pt);
		bool usable = (pt >= 35 && pt < 64) || (pt >= 96 && pt < 128);
		assert_true(at < SUBSCRIPTION_PTS);
		assert_int_equal(at < SUBSCRIPTION_PTS - 1, usable);
		assert_false(usable && taken[at]);
		taken[at] = true;
	}
}

static void no_codec_that_was_not_accepted(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	uint16_t seq = stage_last(&st, 1).seq;
	memset(s->pt_map, SUBSCRIPTION_NO_PT, sizeof(s->pt_map));
	stage_video(&st, 0, 2, true);
	assert_int_equal(stage_sent(&st, 1), 1);
	assert_int_equal(stage_drops(&st, 1, DROP_CODEC), 1);
	/* Nor as a retransmission: it was never sent. */
	stage_nack(&st, 1, s->ssrc, (uint16_t)(seq + 1));
	assert_int_equal(stage_sent(&st, 1), 1);
	/* What comes after is the next number. */
	s->pt_map[subscription_pt_at(STAGE_VIDEO_PT)] = 96;
	stage_video(&st, 0, 3, false);
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
}

static void extensions_are_the_receivers(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_AUDIO);
	assert_int_equal(s->ext_map[1], 1); /* both sides: audio level */
	s->ext_map[1] = 9;
	const uint8_t level = 40, other = 7;
	const struct rtp_ext ext[] = { { .id = 5, .len = 1, .data = &other },
		{ .id = 1, .len = 1, .data = &level } };
	const struct rtp_header h = { .pt = STAGE_AUDIO_PT,
		.seq = 1,
		.ssrc = stage_ssrc(0, CLIENT_AUDIO),
		.n_ext = 2,
		.ext = ext };
	stage_rtp(&st, 0, &h, (const uint8_t *)"x", 1);
	struct rtp_packet pkt = stage_last(&st, 1);
	/* The one that the receiver knows, under its number; no other. */
	assert_int_equal(pkt.n_ext, 1);
	assert_int_equal(pkt.ext[0].id, 9);
	assert_int_equal(pkt.ext[0].data[0], 40);
	assert_int_equal(pkt.payload_len, 1);
}

static void the_longest_packet_fits(void **state)
{
	(void)state;
	static uint8_t payload[RTP_PACKET_MAX - RTP_HEADER_LEN] = { 0x10 };
	struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.seq = 1,
		.ssrc = stage_ssrc(0, CLIENT_VIDEO) };
	static const size_t len[] = { 1200, 1388, sizeof(payload) };
	for (unsigned i = 0; i < 3; i++) {
		stage_rtp(&st, 0, &h, payload, len[i]);
		assert_int_equal(stage_sent(&st, 1), i + 1);
		assert_int_equal(stage_last(&st, 1).payload_len, len[i]);
		h.seq++;
	}
	assert_int_equal(stage_drops(&st, 1, DROP_TOO_LONG), 0);
}

static void a_nack_brings_the_same_bytes(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	uint8_t copy[64];
	stage_video(&st, 0, 1, true);
	struct rtp_packet pkt = stage_last(&st, 1);
	size_t len = pkt.len;
	memcpy(copy, pkt.buf, len);
	stage_video(&st, 0, 2, false);
	stage_nack(&st, 1, s->ssrc, pkt.seq);
	assert_int_equal(stage_sent(&st, 1), 3);
	pkt = stage_last(&st, 1);
	assert_int_equal(pkt.len, len);
	assert_memory_equal(pkt.buf, copy, len);
	assert_int_equal(s->send.nack_hits, 1);
	assert_int_equal(st.p[1]->stats.resent, 1);
	/* Never sent, long ago, or nonsense. */
	stage_nack(&st, 1, s->ssrc, (uint16_t)(pkt.seq + 100));
	stage_nack(&st, 1, s->ssrc, (uint16_t)(pkt.seq - 1));
	assert_int_equal(stage_sent(&st, 1), 3);
}

static void a_nack_storm_has_a_budget(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	static uint8_t payload[1000] = { 0x10 };
	struct rtp_header h = { .pt = STAGE_VIDEO_PT,
		.ssrc = stage_ssrc(0, CLIENT_VIDEO) };
	for (h.seq = 0; h.seq < 100; h.seq++)
		stage_rtp(&st, 0, &h, payload, sizeof(payload));
	uint16_t last = stage_last(&st, 1).seq;
	/* Attack 49: 65536 numbers at one moment. */
	uint64_t sent = st.p[1]->stats.rtp_out_bytes;
	for (unsigned i = 0; i < 65536; i++) {
		stage_nack(&st, 1, s->ssrc, (uint16_t)(last - i % 100));
		stage_clear(&st);
	}
	uint64_t burst = st.sim.env.limits.resend_bps / 8 / 4; /* 250 ms */
	uint64_t extra = st.p[1]->stats.rtp_out_bytes - sent;
	assert_true(extra > burst / 2);
	assert_true(extra <= burst + 1100);
}

/* Turns to ask for a key frame: later and later, and sooner when it was quiet.
 */
static void who_asks_often_waits_longer(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	uint64_t now_us = st.sim.now_us, gap_us = SUBSCRIPTION_ASK_US;
	/* Not where there is nobody else who would notice. */
	for (unsigned i = 0; i < 4; i++) {
		assert_true(subscription_asks(s, now_us));
		assert_false(subscription_asks(s, now_us + gap_us - 1));
		now_us += gap_us;
	}
	struct client_config third = sim_usual(3);
	stage_join(&st, &third);
	stage_run(&st, 2 * SIM_S);
	assert_int_equal(s->track->n_subs, 2);
	now_us = st.sim.now_us + 10 * SUBSCRIPTION_QUIET_US;
	for (unsigned i = 0; i < 8; i++) {
		assert_true(subscription_asks(s, now_us));
		assert_false(subscription_asks(s, now_us + gap_us - 1));
		now_us += gap_us;
		if (i < SUBSCRIPTION_ASKS_MAX)
			gap_us *= 2;
	}
	now_us += 2 * SUBSCRIPTION_QUIET_US;
	assert_true(subscription_asks(s, now_us));
	assert_true(subscription_asks(s, now_us + gap_us / 4));
}

/* What waited too long is not asked for at once, so that its publisher does not
 * notice; any key frame will do. */
static void stale_is_patient(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	struct track *t = stage_track(&st, 0, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	uint16_t seq = stage_last(&st, 1).seq;
	subscription_stale(s, st.sim.now_us);
	stage_video(&st, 0, 2, false);
	assert_int_equal(stage_sent(&st, 1), 1);
	assert_int_equal(t->encoding[0]->pli_wanted_us, 0);
	s->ask_us = st.sim.now_us;
	stage_video(&st, 0, 3, false);
	assert_true(t->encoding[0]->pli_wanted_us != 0);
	stage_video(&st, 0, 4, true);
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
}

static void redundancy_begins_and_ends(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_AUDIO);
	struct subscription *video = stage_sub(&st, 1, 0, SDP_VIDEO);
	s->send.fraction_lost = SUBSCRIPTION_RED_ON - 1;
	subscription_reported(s);
	assert_false(s->red);
	s->send.fraction_lost = SUBSCRIPTION_RED_ON;
	subscription_reported(s);
	assert_true(s->red);
	s->send.fraction_lost = SUBSCRIPTION_RED_OFF + 1;
	subscription_reported(s);
	assert_true(s->red);
	/* This receiver does not know it. */
	stage_audio(&st, 0, 500, 30);
	assert_int_equal(stage_last(&st, 1).pt, STAGE_AUDIO_PT);
	assert_int_equal(st.p[1]->stats.red_out, 0);
	s->send.fraction_lost = SUBSCRIPTION_RED_OFF;
	subscription_reported(s);
	assert_false(s->red);
	video->send.fraction_lost = 255;
	subscription_reported(video);
	assert_false(video->red);
}

/* Another text under the same number would give both away. */
static void what_was_redundant_is_not_sent_again(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_AUDIO);
	stage_audio(&st, 0, 500, 30);
	uint16_t seq = stage_last(&st, 1).seq;
	stage_nack(&st, 1, s->ssrc, seq);
	assert_int_equal(stage_sent(&st, 1), 2);
	s->was_red = true;
	stage_nack(&st, 1, s->ssrc, seq);
	assert_int_equal(stage_sent(&st, 1), 2);
}

static void who_turned_receiving_off_gets_nothing(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, 1), 1);
	subscription_update(s, st.sim.now_us, false);
	assert_false(s->active);
	stage_video(&st, 0, 2, false);
	assert_int_equal(stage_sent(&st, 1), 1);
	/* On again, after a while: not before a key frame. */
	st.sim.now_us += 2 * SIM_S;
	subscription_update(s, st.sim.now_us, true);
	assert_true(s->active && s->waiting);
	stage_video(&st, 0, 3, false);
	assert_int_equal(stage_sent(&st, 1), 1);
	stage_video(&st, 0, 4, true);
	assert_int_equal(stage_sent(&st, 1), 2);
}

static void another_track_continues_the_stream(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	struct track *own = stage_track(&st, 0, SDP_VIDEO);
	struct track *other = stage_track(&st, 1, SDP_VIDEO);
	stage_video(&st, 0, 1, true);
	struct rtp_packet before = stage_last(&st, 1);
	uint16_t seq = before.seq;
	uint32_t ts = before.ts;
	assert_int_equal(subscription_retarget(s, other, st.sim.now_us), 0);
	assert_int_equal(own->n_subs, 0);
	assert_true(s->waiting);
	/* The other publisher's numbers may be the very same; a NACK for what
	 * went out before must not bring its packets under the old number. */
	stage_video(&st, 1, 1, false);
	stage_nack(&st, 1, s->ssrc, seq);
	assert_int_equal(stage_sent(&st, 1), 1);
	st.sim.now_us += 100000;
	stage_video(&st, 1, 2, true);
	struct rtp_packet after = stage_last(&st, 1);
	assert_int_equal(after.seq, (uint16_t)(seq + 1));
	assert_in_range(after.ts - ts, 8900, 9100); /* 100 ms of 90 kHz */
	stage_nack(&st, 1, s->ssrc, seq);
	/* 1 before, its own echo to client 0, and the key frame. */
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(subscription_retarget(s, own, st.sim.now_us), 0);
	assert_int_equal(subscription_retarget(s, own, st.sim.now_us), 0);
	assert_int_equal(own->n_subs, 1);
}

static void a_lost_line_is_not_its_own(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	assert_true(subscription_holds_line(s));
	negotiation_unsend(st.p[1]->negotiation, s->transceiver);
	assert_false(subscription_holds_line(s));
	subscription_update(s, st.sim.now_us, true);
	assert_false(s->active);
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, 1), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(nothing_before_a_key_frame),
		CASE(sound_passes_at_once),
		CASE(numbers_and_times_are_one_stream),
		CASE(probes_leave_no_hole),
		CASE(payload_types_are_the_receivers),
		cmocka_unit_test(each_payload_type_has_a_place),
		CASE(no_codec_that_was_not_accepted),
		CASE(extensions_are_the_receivers),
		CASE(the_longest_packet_fits),
		CASE(a_nack_brings_the_same_bytes),
		CASE(a_nack_storm_has_a_budget),
		CASE(who_asks_often_waits_longer),
		CASE(stale_is_patient),
		CASE(redundancy_begins_and_ends),
		CASE(what_was_redundant_is_not_sent_again),
		CASE(who_turned_receiving_off_gets_nothing),
		CASE(another_track_continues_the_stream),
		CASE(a_lost_line_is_not_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
