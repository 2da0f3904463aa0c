/*
 * Publishers of several streams with temporal layers in each (simulcast): as
 * svc_test.c, of one.
 */
#include "tests/sim/svc_stage.h"

/* About 110 kbit/st.sim, 410 and 1,630, of which half are of T0 and T1. */
static void publish_sizes(enum client_svc svc)
{
	struct client_config cfg = svc_usual(1);
	cfg.svc = svc;
	cfg.simulcast = CLIENT_RIDS;
	cfg.packets_per_frame = 8;
	st.source = sim_join(&st.sim, &cfg, NULL);
}

static void sizes(enum client_svc svc)
{
	static const unsigned lines[] = { 180, 360, 720, 100, 1080, 300 };
	static const unsigned gets[] = { 0, 1, 2, 0, 2, 1 };
	publish_sizes(svc);
	svc_join(0, false);
	svc_join(1, true);
	sim_run(&st.sim, 6 * SIM_S);
	struct client_svc_judge before = *st.viewer[1]->client->judge;
	for (unsigned i = 0; i < 6; i++) {
		svc_view(0, lines[i], true);
		sim_run(&st.sim, 2 * SIM_S);
		assert_shown(0, 2, gets[i], 30);
	}
	/* Begun with the best there was, and once for each wish. */
	assert_in_range(st.viewer[0]->client->judge->switches, 6, 8);
	assert_faultless(0);
	/* Without the largest it is by what descriptors say of their lines that
	 * the two others are known: not by which of them is larger. */
	st.source->client->send[CLIENT_VIDEO].mute = true;
	svc_view(0, 200, true);
	sim_run(&st.sim, 3 * SIM_S);
	assert_shown(0, 2, 1, 30);
	st.source->client->send[CLIENT_VIDEO].mute = false;
	sim_run(&st.sim, 3 * SIM_S);
	/* Who is sent no descriptors gets the same sizes. */
	st.viewer[1]->client->judge->lies = 0;
	assert_faultless(1);
	struct client_svc_judge other = svc_since(1, &before);
	assert_in_range(other.switches, 2, 2);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void sizes_of_av1(void **state)
{
	(void)state;
	sizes(CLIENT_AV1_L1T3);
}

static void sizes_of_h264(void **state)
{
	(void)state;
	sizes(CLIENT_H264_L1T3);
}

/* What does not fit is sent with fewer pictures before it is sent smaller, and
 * neither way of that costs a key frame. */
static void pictures_before_sizes(enum client_svc svc)
{
	publish_sizes(svc);
	svc_join_by(0, 5000);
	svc_join(1, false);
	sim_run(&st.sim, 10 * SIM_S);
	assert_shown(0, 2, 2, 30);
	assert_int_equal(svc_to_and_fro(1300, 2), 0);
	assert_faultless(1);
	assert_int_equal(st.viewer[1]->client->judge->switches, 1);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void pictures_of_av1_before_sizes(void **state)
{
	(void)state;
	pictures_before_sizes(CLIENT_AV1_L1T3);
}

static void pictures_of_h264_before_sizes(void **state)
{
	(void)state;
	pictures_before_sizes(CLIENT_H264_L1T3);
}

static void losses_of_a_size_are_made_good(void **state)
{
	static const struct sim_link lossy = { .delay_us = 10000,
		.loss_ppm = 20000 };
	(void)state;
	for (unsigned svc = CLIENT_AV1_L1T3; svc <= CLIENT_H264_L1T3;
		svc += CLIENT_H264_L1T3 - CLIENT_AV1_L1T3) {
		if (svc != CLIENT_AV1_L1T3)
			svc_begin(21 + svc);
		publish_sizes((enum client_svc)svc);
		svc_join(0, false);
		st.viewer[0]->down = lossy;
		sim_run(&st.sim, 8 * SIM_S);
		svc_view(0, 360, true);
		sim_run(&st.sim, 4 * SIM_S);
		struct client_svc_judge before = *st.viewer[0]->client->judge;
		sim_run(&st.sim, 20 * SIM_S);
		struct client_svc_judge now = svc_since(0, &before);
		svc_tell("lossy", &now);
		assert_true(svc_video(0)->receive.recovered > 5);
		assert_in_range(now.broken + now.undecodable, 0, 12);
		assert_int_equal(now.marks + now.lies, 0);
		assert_true(now.by_spatial[1] > 560);
		assert_int_equal(sim_faults(&st.sim), 0);
		if (svc != CLIENT_H264_L1T3)
			svc_end();
	}
}

/* Who is not sent descriptors gets a size whole. */
static void without_descriptors_a_smaller_size(void **state)
{
	const struct link_config narrow = svc_path_of(1300);
	(void)state;
	publish_sizes(CLIENT_AV1_L1T3);
	svc_join(0, true);
	sim_run(&st.sim, 6 * SIM_S);
	assert_true(link_init(&st.path[0], &narrow, 3, st.sim.now_us));
	sim_set_path(&st.sim, st.viewer[0], &st.path[0]);
	st.has_path[0] = true;
	sim_run(&st.sim, 20 * SIM_S);
	struct client_svc_judge before = *st.viewer[0]->client->judge, now;
	sim_run(&st.sim, 5 * SIM_S);
	now = svc_since(0, &before);
	svc_tell("smaller", &now);
	assert_int_equal(now.broken + now.undecodable, 0);
	assert_int_equal(now.by_spatial[1], now.pictures);
	assert_in_range(now.pictures, 145, 155);
	assert_int_equal(sim_faults(&st.sim), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, svc_setup, svc_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sizes_of_av1),
		CASE(sizes_of_h264),
		CASE(pictures_of_av1_before_sizes),
		CASE(pictures_of_h264_before_sizes),
		CASE(losses_of_a_size_are_made_good),
		CASE(without_descriptors_a_smaller_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
