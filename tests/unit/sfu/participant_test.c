/* Incoming RTP, deadlines, leaving. */
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

/* --- whose SSRC --------------------------------------------------------------
 */

static void packet(uint32_t ssrc, uint8_t pt, uint16_t seq, const char *mid)
{
	const struct rtp_ext ext = { .id = 4,
		.len = mid ? (uint8_t)strlen(mid) : 0,
		.data = (const uint8_t *)mid };
	const struct rtp_header h = { .pt = pt,
		.seq = seq,
		.ssrc = ssrc,
		.n_ext = mid ? 1 : 0,
		.ext = &ext };
	static const uint8_t payload[12] = { 0x10 };
	stage_rtp(&st, 0, &h, payload, sizeof(payload));
}

static void an_ssrc_is_known_by_sdp_or_payload_type(void **state)
{
	(void)state;
	const struct track *audio = stage_track(&st, 0, SDP_AUDIO);
	const struct track *video = stage_track(&st, 0, SDP_VIDEO);
	packet(stage_ssrc(0, CLIENT_VIDEO), STAGE_VIDEO_PT, 1, NULL);
	assert_int_equal(video->encoding[0]->ssrc, stage_ssrc(0, CLIENT_VIDEO));
	packet(4711, STAGE_AUDIO_PT, 1, NULL);
	assert_int_equal(audio->encoding[0]->ssrc, 4711);
	assert_int_equal(st.p[0]->n_sources, 2);
	assert_int_equal(stage_drops(&st, 0, DROP_UNKNOWN_SSRC), 0);
}

static void what_nobody_agreed_to_is_dropped(void **state)
{
	(void)state;
	packet(4711, 13, 1, NULL); /* no m-line knows that type */
	assert_int_equal(stage_drops(&st, 0, DROP_UNKNOWN_SSRC), 1);
	/* Named in the SDP, but another kind's payload type. */
	packet(stage_ssrc(0, CLIENT_VIDEO), STAGE_AUDIO_PT, 1, NULL);
	assert_int_equal(stage_drops(&st, 0, DROP_UNKNOWN_PT), 1);
	assert_int_equal(stage_sent(&st, 1), 0);
	assert_int_equal(st.p[0]->stats.rtp_in, 2);
}

static void malformed_packets_are_counted(void **state)
{
	(void)state;
	static const uint8_t bytes[][16] = {
		{ 0x80 },                 /* cut below */
		{ 0x8f, 96 },             /* attack 38: 15 CSRCs */
		{ 0x90, 96, [15] = 200 }, /* attack 39: extension too long */
		{ 0xa0, 96, [15] = 99 },  /* padding too long */
		{ 0x40, 96 },             /* version 1 */
	};
	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		uint8_t copy[16];
		memcpy(copy, bytes[i], 16);
		participant_rtp(st.p[0], st.sim.now_us, st.sim.now_us, copy,
			i == 0 ? 5 : 16);
		assert_int_equal(stage_drops(&st, 0, DROP_MALFORMED), i + 1);
	}
	assert_int_equal(st.sim.out.n, 0);
}

/* Attack 40. */
static void a_thousand_ssrcs_are_bounded(void **state)
{
	(void)state;
	packet(stage_ssrc(0, CLIENT_VIDEO), STAGE_VIDEO_PT, 1, NULL);
	for (uint32_t i = 0; i < 1000; i++)
		packet(100000 + i, STAGE_AUDIO_PT, 1, NULL);
	assert_int_equal(st.p[0]->n_sources, PARTICIPANT_SOURCES);
	assert_int_equal(st.p[0]->n_tracks, 2);
	/* The one that feeds a track is not the one to go. */
	assert_int_equal(st.p[0]->source[0].ssrc, stage_ssrc(0, CLIENT_VIDEO));
	for (uint32_t i = 0; i < 1000; i++)
		packet(200000 + i, 13, 1, NULL);
	assert_int_equal(stage_drops(&st, 0, DROP_UNKNOWN_SSRC), 1000);
	assert_int_equal(st.p[0]->n_sources, PARTICIPANT_SOURCES);
}

/* Attack 42. A mid chooses among the sender's own m-lines only. */
static void a_mid_is_ones_own(void **state)
{
	(void)state;
	const struct track *theirs = stage_track(&st, 1, SDP_AUDIO);
	/* No mid was agreed on: the element under that id says nothing. */
	packet(999, STAGE_AUDIO_PT, 1, "1");
	assert_int_equal(
		stage_track(&st, 0, SDP_AUDIO)->encoding[0]->ssrc, 999);
	assert_false(theirs->encoding[0]->started);
	/* The other's SSRC is just a number here. */
	packet(stage_ssrc(1, CLIENT_AUDIO), STAGE_AUDIO_PT, 1, NULL);
	assert_false(theirs->encoding[0]->started);
	assert_int_equal(stage_track(&st, 0, SDP_AUDIO)->encoding[0]->ssrc,
		stage_ssrc(1, CLIENT_AUDIO));
}

static void duplicates_and_old_ones_stop_here(void **state)
{
	(void)state;
	stage_video(&st, 0, 5000, true);
	stage_video(&st, 0, 5000, true);
	stage_video(&st, 0, 5001, false);
	assert_int_equal(stage_drops(&st, 0, DROP_DUPLICATE), 1);
	assert_int_equal(stage_sent(&st, 1), 2);
}

/* A publisher that begins anew: one stream for the receiver, from a key frame
 * on. */
static void a_new_source_waits_for_its_key_frame(void **state)
{
	(void)state;
	stage_video(&st, 0, 5000, true);
	uint16_t seq = stage_last(&st, 1).seq;
	packet(777, STAGE_VIDEO_PT, 9, NULL); /* a key frame: 0x10 0x00 */
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
	/* Back again, in the middle of a picture. */
	stage_video(&st, 0, 5001, false);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(stage_drops(&st, 1, DROP_NOT_KEYFRAME), 1);
	stage_run(&st, 2 * SIM_S);
	assert_true(st.p[0]->stats.plis_out > 0);
}

static void a_jump_is_a_new_source(void **state)
{
	(void)state;
	stage_video(&st, 0, 100, true);
	uint16_t seq = stage_last(&st, 1).seq;
	stage_video(&st, 0, 30000, true); /* believed at the second */
	assert_int_equal(stage_sent(&st, 1), 1);
	stage_video(&st, 0, 30001, true);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
	/* NACKs work on. */
	stage_video(&st, 0, 30002, false);
	stage_nack(&st, 1, stage_sub(&st, 1, 0, SDP_VIDEO)->ssrc,
		(uint16_t)(seq + 2));
	assert_int_equal(stage_sent(&st, 1), 4);
}

/* --- speaking ----------------------------------------------------------------
 */

static void levels_make_a_speaker(void **state)
{
	(void)state;
	for (uint16_t seq = 0; seq < 40; seq++) {
		stage_audio(&st, 1, seq, 20);
		stage_audio(&st, 0, seq, 110);
		stage_run(&st, 20000);
	}
	assert_int_equal(st.seat[0]->speaker, st.seat[1]->id);
	assert_int_equal(st.seat[1]->speaker, st.seat[1]->id);
	assert_int_equal(st.seat[0]->speakers, 1);
	assert_ptr_equal(conference_shown(st.sim.conference, st.p[0]), st.p[1]);
	/* Nobody is shown oneself. */
	assert_ptr_equal(conference_shown(st.sim.conference, st.p[1]), st.p[0]);
	/* Silence: nobody speaks, and that is said. */
	stage_run(&st, 6 * SIM_S);
	assert_int_equal(st.seat[0]->speaker, 0);
	assert_int_equal(st.seat[0]->speakers, 2);
}

/* --- deadlines and ends
 * -------------------------------------------------------
 */

static void bounds_hold(void)
{
	for (unsigned i = 0; i < st.n; i++) {
		const struct participant *p = st.p[i];
		assert_true(p->deadline_us <= participant_deadline(p));
		assert_true(conference_deadline(st.sim.conference) <=
			    p->deadline_us);
	}
}

static void the_bound_is_never_late(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(3);
	cfg.audio = cfg.data = false;
	for (unsigned step = 0; step < 300; step++) {
		if (step == 100)
			stage_join(&st, &cfg);
		if (step % 3 == 0)
			stage_video(&st, 0, (uint16_t)(step * 2), step == 0);
		if (step % 7 == 0)
			stage_audio(&st, 1, (uint16_t)step, 20);
		bounds_hold();
		stage_run(&st, 5000);
	}
	assert_true(participant_ready(st.p[2]));
}

static void who_joins_and_says_nothing_is_not_kept(void **state)
{
	(void)state;
	const struct sfu_join_options opt = { .renegotiate = true };
	struct conference *c = st.sim.conference;
	assert_int_equal(
		conference_join(c, st.sim.now_us, 99, "mute", &opt), 0);
	assert_true(conference_deadline(c) <= st.sim.now_us + PEER_SETUP_US);
	stage_run(&st, PEER_SETUP_US - 100000);
	assert_non_null(conference_find(c, 99));
	stage_run(&st, 200000);
	assert_null(conference_find(c, 99));
	assert_int_equal(sim_stats(&st.sim).participants, 2);
}

static void leaving_leaves_nothing_behind(void **state)
{
	(void)state;
	struct participant *p = st.p[0];
	stage_video(&st, 0, 1, true);
	participant_leave(p, st.sim.now_us, SFU_CLOSED);
	participant_leave(p, st.sim.now_us, SFU_BY_COMMAND);
	assert_true(p->gone);
	assert_int_equal(p->n_tracks + p->n_subs + p->n_sources, 0);
	assert_null(p->peer.dtls);
	assert_null(p->peer.crypt);
	assert_int_equal(st.p[1]->n_subs, 0);
	assert_true(participant_deadline(p) == UINT64_MAX);
	/* What was under way for the other is sealed or goes with its own key.
	 */
	for (unsigned i = 0; i < st.sim.out.n; i++)
		assert_true(!st.sim.out.v[i].key ||
			    st.sim.out.v[i].key == st.p[1]->peer.crypt);
	stage_run(&st, 20000);
	assert_true(st.seat[0]->left);
	assert_int_equal(st.seat[0]->reason, SFU_CLOSED);
	assert_int_equal(sim_stats(&st.sim).leaves, 1);
}

static void want_of_memory_ends_the_call(void **state)
{
	(void)state;
	participant_starve(st.p[0]);
	assert_int_equal(participant_deadline(st.p[0]), 0);
	stage_run(&st, 1000);
	assert_true(st.seat[0]->left);
	assert_int_equal(st.seat[0]->reason, SFU_FULL);
	assert_false(st.seat[1]->left);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(an_ssrc_is_known_by_sdp_or_payload_type),
		CASE(what_nobody_agreed_to_is_dropped),
		CASE(malformed_packets_are_counted),
		CASE(a_thousand_ssrcs_are_bounded),
		CASE(a_mid_is_ones_own),
		CASE(duplicates_and_old_ones_stop_here),
		CASE(a_new_source_waits_for_its_key_frame),
		CASE(a_jump_is_a_new_source),
		CASE(levels_make_a_speaker),
		CASE(the_bound_is_never_late),
		CASE(who_joins_and_says_nothing_is_not_kept),
		CASE(leaving_leaves_nothing_behind),
		CASE(want_of_memory_ends_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
