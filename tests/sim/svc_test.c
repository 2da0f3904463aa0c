/*
 * Publishers of one stream with layers in it: each receiver gets those that fit
 * its tile and its path, and can decode all that it gets, at every moment. The
 * client's judge (client_svc.h) does not believe what the descriptors say.
 */
#include <string.h>
#include "tests/sim/svc_stage.h"

static void everybody_gets_all(void **state)
{
	(void)state;
	for (unsigned svc = CLIENT_VP8_L1T3; svc <= CLIENT_H264_L1T3; svc++) {
		if (svc != CLIENT_VP8_L1T3)
			svc_begin(21 + svc);
		svc_publish((enum client_svc)svc);
		svc_join(0, false);
		svc_join(1, true);
		sim_run(&st.sim, 5 * SIM_S);
		assert_shown(0, 4, svc_top_of((enum client_svc)svc), 30);
		assert_faultless(0);
		/* Without descriptors AV1 is judged by what else there is. */
		st.viewer[1]->client->judge->lies = 0;
		assert_faultless(1);
		assert_int_equal(sim_missing(&st.sim), 0);
		assert_int_equal(sim_faults(&st.sim), 0);
		if (svc != CLIENT_H264_L1T3)
			svc_end();
	}
}

static void tiles(enum client_svc svc)
{
	static const unsigned lines[] = { 180, 360, 720, 100, 1080, 300, 90 };
	static const unsigned gets[] = { 0, 1, 2, 0, 2, 1, 0 };
	svc_publish(svc);
	svc_join(0, false);
	svc_join(1, false);
	sim_run(&st.sim, 6 * SIM_S);
	struct client_svc_judge before = *st.viewer[1]->client->judge;
	uint64_t keys = st.source->client->send[CLIENT_VIDEO].keyframes;
	for (unsigned i = 0; i < 7; i++) {
		svc_view(0, lines[i], true);
		sim_run(&st.sim, 4 * SIM_S);
		assert_shown(0, 2, gets[i], 30);
	}
	assert_faultless(0);
	struct client_svc_judge other = svc_since(1, &before);
	assert_int_equal(other.switches, 0);
	assert_faultless(1);
	/* For going up, three times; where the lower layer was not with the
	 * receiver, for going down, too. */
	keys = st.source->client->send[CLIENT_VIDEO].keyframes - keys;
	assert_in_range(keys, 3, 6);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void tiles_of_vp9(void **state)
{
	(void)state;
	tiles(CLIENT_VP9_L3T3);
}

static void tiles_of_vp9_key(void **state)
{
	(void)state;
	tiles(CLIENT_VP9_L3T3_KEY);
}

static void tiles_of_av1(void **state)
{
	(void)state;
	tiles(CLIENT_AV1_L3T3);
}

static void tiles_of_av1_key(void **state)
{
	(void)state;
	tiles(CLIENT_AV1_L3T3_KEY);
}

/* That layer on top nine times of ten at least: it may try the next. */
static void assert_mostly(unsigned i, unsigned spatial)
{
	struct client_svc_judge before = *st.viewer[i]->client->judge, now;
	sim_run(&st.sim, 10 * SIM_S);
	now = svc_since(i, &before);
	svc_tell("mostly", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_in_range(now.by_spatial[spatial], 270, 310);
}

/* Each behind its own, in kbit/st.sim. */
static void paths(enum client_svc svc, const uint64_t kbps[3])
{
	svc_publish(svc);
	for (unsigned i = 0; i < 3; i++)
		svc_join_by(i, kbps[i]);
	svc_join(3, false);
	sim_run(&st.sim, 20 * SIM_S);
	for (unsigned i = 0; i < 3; i++) {
		assert_mostly(i, i);
		assert_int_equal(svc_video(i)->before_key, 0);
	}
	/* Who has no limit never noticed. */
	assert_faultless(3);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static const uint64_t usual_paths[] = { 300, 1000, 5000 };

static void paths_of_vp9(void **state)
{
	(void)state;
	paths(CLIENT_VP9_L3T3, usual_paths);
}

static void paths_of_vp9_key(void **state)
{
	(void)state;
	paths(CLIENT_VP9_L3T3_KEY, usual_paths);
}

static void paths_of_av1(void **state)
{
	(void)state;
	paths(CLIENT_AV1_L3T3, usual_paths);
}

/* It has no use for the layers below, so each costs less. */
static void paths_of_av1_key(void **state)
{
	(void)state;
	static const uint64_t kbps[] = { 220, 800, 5000 };
	paths(CLIENT_AV1_L3T3_KEY, kbps);
}

/* Every picture of layer 0 and so many in all of 300: now and then it hopes for
 * more than its path carries. */
static void assert_thinned(unsigned i, unsigned least, unsigned most)
{
	struct client_svc_judge before = *st.viewer[i]->client->judge, now;
	sim_run(&st.sim, 10 * SIM_S);
	now = svc_since(i, &before);
	svc_tell("thinned", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_in_range(now.by_temporal[0], 73, 77);
	assert_in_range(now.pictures, least, most);
}

/* With one size, pictures are left out. */
static void temporal(enum client_svc svc)
{
	static const uint64_t kbps[] = { 300, 600, 5000 };
	svc_publish(svc);
	for (unsigned i = 0; i < 3; i++)
		svc_join_by(i, kbps[i]);
	sim_run(&st.sim, 20 * SIM_S);
	assert_thinned(0, 70, 140);
	assert_thinned(1, 140, 200);
	assert_shown(2, 10, 0, 30);
	/* Up, and down. */
	const struct link_config wide = svc_path_of(5000),
				 narrow = svc_path_of(600);
	uint64_t keys = st.source->client->send[CLIENT_VIDEO].keyframes;
	link_set(&st.path[0], st.sim.now_us, &wide);
	sim_run(&st.sim, 15 * SIM_S);
	assert_shown(0, 5, 0, 30);
	/* No key frame is needed for that; the path's change may cost one. */
	assert_in_range(st.source->client->send[CLIENT_VIDEO].keyframes, keys,
		keys + 1);
	link_set(&st.path[0], st.sim.now_us, &narrow);
	sim_run(&st.sim, 15 * SIM_S);
	assert_thinned(0, 140, 200);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void temporal_layers_of_vp8(void **state)
{
	(void)state;
	temporal(CLIENT_VP8_L1T3);
}

static void temporal_layers_of_av1(void **state)
{
	(void)state;
	temporal(CLIENT_AV1_L1T3);
}

static void temporal_layers_of_h264(void **state)
{
	(void)state;
	temporal(CLIENT_H264_L1T3);
}

/* There and back, on one path; the other receiver is not asked for anything. */
static void path_changes(enum client_svc svc)
{
	svc_publish(svc);
	svc_join_by(0, 5000);
	svc_join(1, false);
	sim_run(&st.sim, 10 * SIM_S);
	assert_shown(0, 2, 2, 30);
	/* Pictures go first. */
	svc_to_and_fro(500, 1);
	assert_faultless(1);
	assert_int_equal(st.viewer[1]->client->judge->switches, 1);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void a_path_changes_under_vp9(void **state)
{
	(void)state;
	path_changes(CLIENT_VP9_L3T3_KEY);
}

static void a_path_changes_under_av1(void **state)
{
	(void)state;
	path_changes(CLIENT_AV1_L3T3);
}

/* Who is not sent descriptors gets all layers, or nothing. */
static void without_descriptors_whole_or_not_at_all(void **state)
{
	(void)state;
	const struct link_config narrow = svc_path_of(1000);
	svc_publish(CLIENT_AV1_L3T3);
	svc_join(0, true);
	sim_run(&st.sim, 6 * SIM_S);
	svc_view(0, 180, true);
	sim_run(&st.sim, 5 * SIM_S);
	struct client_svc_judge *j = st.viewer[0]->client->judge;
	assert_int_equal(j->by_spatial[2], j->pictures);
	assert_true(j->pictures > 200);
	assert_true(link_init(&st.path[0], &narrow, 3, st.sim.now_us));
	sim_set_path(&st.sim, st.viewer[0], &st.path[0]);
	st.has_path[0] = true;
	sim_run(&st.sim, 20 * SIM_S);
	uint64_t packets = svc_video(0)->packets;
	sim_run(&st.sim, 3 * SIM_S);
	assert_int_equal(svc_video(0)->packets, packets);
	assert_int_equal(sim_faults(&st.sim), 0);
}

static void hidden_and_back(void **state)
{
	(void)state;
	svc_publish(CLIENT_VP9_L3T3_KEY);
	svc_join(0, false);
	sim_run(&st.sim, 6 * SIM_S);
	for (unsigned i = 0; i < 3; i++) {
		svc_view(0, i % 2 ? 180 : 360, true);
		sim_run(&st.sim, 3 * SIM_S);
		svc_view(0, 0, false);
		sim_run(&st.sim, SIM_S);
		uint64_t packets = svc_video(0)->packets;
		sim_run(&st.sim, 2 * SIM_S);
		assert_int_equal(svc_video(0)->packets, packets);
		svc_view(0, i % 2 ? 360 : 180, true);
		sim_run(&st.sim, 3 * SIM_S);
		assert_shown(0, 2, i % 2, 30);
	}
	assert_faultless(0);
}

/* What is lost comes again, cut down or not, and is the same then. */
static void losses_are_made_good(void **state)
{
	static const struct sim_link lossy = { .delay_us = 10000,
		.loss_ppm = 20000 };
	(void)state;
	for (unsigned svc = CLIENT_VP8_L1T3; svc <= CLIENT_H264_L1T3; svc++) {
		if (svc != CLIENT_VP8_L1T3)
			svc_begin(21 + svc);
		svc_publish((enum client_svc)svc);
		svc_join(0, false);
		st.viewer[0]->down = lossy;
		sim_run(&st.sim, 8 * SIM_S);
		svc_view(0, 180, true);
		sim_run(&st.sim, 4 * SIM_S);
		struct client_svc_judge before = *st.viewer[0]->client->judge;
		sim_run(&st.sim, 20 * SIM_S);
		struct client_svc_judge now = svc_since(0, &before);
		svc_tell("lossy", &now);
		assert_true(svc_video(0)->receive.recovered > 5);
		/* Hardly ever one is lost so often that it is given up. */
		assert_in_range(now.broken + now.undecodable, 0, 12);
		assert_true(now.shown > 560);
		assert_int_equal(sim_faults(&st.sim), 0);
		if (svc != CLIENT_H264_L1T3)
			svc_end();
	}
}

static void other_workers_get_all_and_choose(void **state)
{
	(void)state;
	sim_spread(&st.sim, 2);
	svc_publish(CLIENT_AV1_L3T3);
	st.sim.joins_at = 1;
	svc_join(0, false);
	svc_join(1, false);
	sim_run(&st.sim, 6 * SIM_S);
	svc_view(0, 180, true);
	sim_run(&st.sim, 4 * SIM_S);
	assert_shown(0, 3, 0, 30);
	assert_shown(1, 3, 2, 30);
	assert_faultless(0);
	assert_faultless(1);
}

/* What a program hears of video: packets, and how many markers. */
static struct {
	uint64_t packets, ends;
	uint16_t last;
	uint64_t gaps;
} program;

static void on_packet(
	struct sim *sim, sfu_id id, bool rtcp, const uint8_t *buf, size_t len)
{
	uint16_t seq = (uint16_t)(buf[2] << 8 | buf[3]);
	(void)sim;
	(void)id;
	(void)len;
	if (rtcp || (buf[1] & 0x7f) != 101)
		return;
	program.gaps += program.packets && seq != (uint16_t)(program.last + 1);
	program.last = seq;
	program.packets++;
	program.ends += buf[1] >> 7;
}

static void on_event(struct sim *sim, const struct sfu_event *ev)
{
	(void)sim;
	(void)ev;
}

/* A recorder gets everything, whatever others are cut down to. */
static void programs_get_all(void **state)
{
	static const char offer[] =
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"a=group:BUNDLE v\r\n"
		"m=video 9 RTP/AVPF 101\r\na=mid:v\r\na=recvonly\r\n"
		"a=rtcp-mux\r\na=rtpmap:101 VP9/90000\r\n"
		"a=rtcp-fb:101 nack pli\r\n";
	const struct sfu_plug_options may = { .listen = true };
	(void)state;
	memset(&program, 0, sizeof(program));
	st.sim.plugs.packet = on_packet;
	st.sim.plugs.event = on_event;
	svc_publish(CLIENT_VP9_L3T3);
	svc_join(0, false);
	sfu_id id = st.sim.next_id++;
	assert_int_equal(conference_plug(st.sim.conference, st.sim.now_us, id,
				 "program", &may),
		0);
	conference_offer(st.sim.conference, st.sim.now_us, id, offer,
		strlen(offer), &st.sim.out);
	sim_settle(&st.sim);
	sim_run(&st.sim, 6 * SIM_S);
	svc_view(0, 180, true);
	sim_run(&st.sim, 2 * SIM_S);
	uint64_t packets = program.packets, ends = program.ends;
	uint64_t sent = st.source->client->send[CLIENT_VIDEO].packets;
	sim_run(&st.sim, 10 * SIM_S);
	sent = st.source->client->send[CLIENT_VIDEO].packets - sent;
	assert_in_range(program.packets - packets, sent - 11, sent + 11);
	assert_in_range(program.ends - ends, 299, 301);
	assert_int_equal(program.gaps, 0);
	assert_shown(0, 2, 0, 30);
}

/* Nobody's layers are kept where nobody is cut. */
static void what_is_whole_costs_nothing(void **state)
{
	(void)state;
	svc_publish(CLIENT_VP9_L3T3);
	svc_join(0, false);
	sim_run(&st.sim, 6 * SIM_S);
	const struct participant *p =
		conference_find(st.viewer[0]->conference, st.viewer[0]->id);
	for (unsigned i = 0; i < p->n_subs; i++)
		assert_null(p->sub[i]->layers);
	svc_view(0, 180, true);
	sim_run(&st.sim, SIM_S);
	bool any = false;
	for (unsigned i = 0; i < p->n_subs; i++)
		any |= p->sub[i]->layers != NULL;
	assert_true(any);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, svc_setup, svc_teardown)
	const struct CMUnitTest tests[] = {
		CASE(everybody_gets_all),
		CASE(tiles_of_vp9),
		CASE(tiles_of_vp9_key),
		CASE(tiles_of_av1),
		CASE(tiles_of_av1_key),
		CASE(paths_of_vp9),
		CASE(paths_of_vp9_key),
		CASE(paths_of_av1),
		CASE(paths_of_av1_key),
		CASE(temporal_layers_of_vp8),
		CASE(temporal_layers_of_av1),
		CASE(temporal_layers_of_h264),
		CASE(a_path_changes_under_vp9),
		CASE(a_path_changes_under_av1),
		CASE(without_descriptors_whole_or_not_at_all),
		CASE(hidden_and_back),
		CASE(losses_are_made_good),
		CASE(other_workers_get_all_and_choose),
		CASE(programs_get_all),
		CASE(what_is_whole_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
