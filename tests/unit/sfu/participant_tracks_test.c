/* What comes and goes with the receive halves of a negotiation. */
#include "tests/sim/cmocka_sim.h"
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

static struct stage st;
static struct conference *c;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 2);
	c = st.sim.conference;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

/* Client 0's offer with each `old` replaced by one of the same length. */
static void offer_with(const char *old, const char *new)
{
	char *text = client_offer(st.seat[0]->client, false), *at = text;
	assert_int_equal(strlen(old), strlen(new));
	while (*old && (at = strstr(at, old)))
		memcpy(at, new, strlen(new));
	conference_offer(c, st.sim.now_us, st.seat[0]->id, text, strlen(text),
		&st.sim.out);
	free(text);
	stage_run(&st, SIM_S);
}

static void a_stream_keeps_together(void **state)
{
	(void)state;
	const struct track *a = stage_track(&st, 0, SDP_AUDIO);
	const struct track *v = stage_track(&st, 0, SDP_VIDEO);
	assert_string_equal(a->source_stream, "cam1");
	assert_string_equal(v->source_stream, "cam1");
	assert_string_equal(a->stream, v->stream);
	assert_string_not_equal(a->track, v->track);
	assert_string_equal(a->cname, v->cname);
	assert_string_not_equal(
		a->stream, stage_track(&st, 1, SDP_AUDIO)->stream);
	assert_ptr_equal(v->codec_of_pt[STAGE_VIDEO_PT], &codec_vp8);
}

static void the_same_offer_again_changes_nothing(void **state)
{
	(void)state;
	const struct track *v = stage_track(&st, 0, SDP_VIDEO);
	uint64_t offers = st.seat[1]->offers;
	offer_with("", "");
	assert_ptr_equal(stage_track(&st, 0, SDP_VIDEO), v);
	assert_int_equal(st.seat[1]->offers, offers);
}

/* To a browser another stream is another track, and only so it says so. */
static void a_renamed_stream_is_another(void **state)
{
	(void)state;
	char before[SFU_STREAM_MAX + 1];
	strcpy(before, stage_track(&st, 0, SDP_VIDEO)->stream);
	offer_with("a=msid:cam1", "a=msid:scr1");
	assert_int_equal(st.p[0]->n_tracks, 2);
	const struct track *v = stage_track(&st, 0, SDP_VIDEO);
	assert_string_equal(v->source_stream, "scr1");
	assert_string_not_equal(v->stream, before);
	assert_true(stage_sub(&st, 1, 0, SDP_VIDEO)->active);
	assert_true(stage_sub(&st, 1, 0, SDP_AUDIO)->active);
	assert_int_equal(st.p[1]->n_subs, 2);
}

static void who_holds_publishes_nothing(void **state)
{
	(void)state;
	offer_with("a=sendrecv", "a=recvonly");
	assert_int_equal(st.p[0]->n_tracks, 0);
	assert_int_equal(st.p[1]->n_subs, 0);
	assert_int_equal(st.seat[1]->n_streams, 0);
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, 1), 0);
	assert_int_equal(stage_drops(&st, 0, DROP_UNKNOWN_SSRC), 1);
	offer_with("", "");
	assert_int_equal(st.p[0]->n_tracks, 2);
	assert_true(stage_sub(&st, 1, 0, SDP_VIDEO)->active);
}

static void receives(uint32_t ssrc, uint16_t seq, uint64_t expected)
{
	struct client *client = st.seat[0]->client;
	uint8_t buf[256];
	const struct rtp_header h = {
		.pt = STAGE_VIDEO_PT, .seq = seq, .ssrc = ssrc
	};
	size_t len = rtp_write_header(buf, &h) + 20;
	memset(buf + RTP_HEADER_LEN, 0x10, 20);
	assert_int_equal(crypt_seal_rtp(client->crypt, buf, &len), 0);
	conference_input(c, st.sim.now_us, st.p[0],
		(struct sockaddr *)&st.seat[0]->addr, buf, len, &st.sim.out);
	st.sim.env.out = &st.sim.out;
	assert_int_equal(st.p[0]->stats.rtp_in, expected);
}

/* SRTP's roll-over counter is not in the packet: after 65536 packets and a hold
 * the same SSRC must still be understood. */
static void hold_does_not_lose_the_counter(void **state)
{
	(void)state;
	/* Not the one the client itself sends under: it goes on counting. */
	const uint32_t ssrc = 998;
	receives(ssrc, 65530, 1);
	receives(ssrc, 5, 2); /* one circle on */
	offer_with("a=sendrecv", "a=recvonly");
	assert_int_equal(st.p[0]->n_tracks, 0);
	offer_with("", "");
	receives(ssrc, 6, 3);
	assert_int_equal(stage_drops(&st, 0, DROP_AUTH), 0);
	assert_int_equal(
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->ssrc, ssrc);
	/* Nor does a source that was another's for a while. */
	receives(999, 1, 4);
	receives(ssrc, 7, 5);
	assert_int_equal(stage_drops(&st, 0, DROP_AUTH), 0);
}

static void tracks_have_a_ceiling(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(3);
	st.sim.env.limits.tracks = 1;
	unsigned i = stage_join(&st, &cfg);
	stage_run(&st, 2 * SIM_S);
	assert_int_equal(st.p[i]->n_tracks, 1);
	assert_false(st.seat[i]->left);
	assert_int_equal(st.p[0]->n_subs, 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_stream_keeps_together),
		CASE(the_same_offer_again_changes_nothing),
		CASE(a_renamed_stream_is_another),
		CASE(who_holds_publishes_nothing),
		CASE(hold_does_not_lose_the_counter),
		CASE(tracks_have_a_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
