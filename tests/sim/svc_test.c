/*
 * Publishers of one stream with layers in it, or of several with temporal
 * layers in each (simulcast): each receiver gets those that fit
 * its tile and its path, and can decode all that it gets, at every moment. The
 * client's judge (client_svc.h) does not believe what the descriptors say.
 */
#include <string.h>
#include "sfu/conference_private.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum { VIEWERS = 4 };

static struct sim s;
static struct sim_seat *source, *viewer[VIEWERS];
static struct link path[VIEWERS];
static bool has_path[VIEWERS];

static void begin(uint64_t seed)
{
	static const char *const codecs[] = { "opus", "VP8", "VP9", "AV1",
		"H264", NULL };
	sim_init(&s, seed);
	s.env.codecs = codecs;
	memset(viewer, 0, sizeof(viewer));
	memset(has_path, 0, sizeof(has_path));
}

static void end(void)
{
	for (unsigned i = 0; i < VIEWERS; i++) {
		if (!has_path[i])
			continue;
		sim_set_path(&s, viewer[i], NULL);
		link_done(&path[i]);
	}
	sim_done(&s);
}

static int setup(void **state)
{
	(void)state;
	begin(21);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static struct client_config usual(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.twcc = cfg.rtx = cfg.layered = true;
	cfg.fps = 30;
	cfg.packet_bytes = 760;
	return cfg;
}

static unsigned top_of(enum client_svc svc)
{
	return svc == CLIENT_VP8_L1T3 || svc == CLIENT_AV1_L1T3 ||
			       svc == CLIENT_H264_L1T3
		       ? 0
		       : 2;
}

/* Of three spatial layers: 150 kbit/s, 550 and 2,200, with all headers; of one:
 * 150 kbit/s in T0, 300 in T1, 600. */
static void publish(enum client_svc svc)
{
	struct client_config cfg = usual(1);
	cfg.svc = svc;
	cfg.packets_per_frame = top_of(svc) == 0 ? 3 : 8;
	source = sim_join(&s, &cfg, NULL);
}

static void join(unsigned i, bool undescribed)
{
	struct client_config cfg = usual(i + 2);
	cfg.video = cfg.audio = false;
	cfg.spares = 1;
	cfg.undescribed = undescribed;
	viewer[i] = sim_join(&s, &cfg, NULL);
}

static struct link_config path_of(uint64_t kbps)
{
	return (struct link_config){
		.rate_bps = kbps * 1000, .queue_us = 1000000, .delay_us = 20000
	};
}

static void join_by(unsigned i, uint64_t kbps)
{
	const struct link_config cfg = path_of(kbps);
	join(i, false);
	assert_true(link_init(&path[i], &cfg, 3 + i, s.now_us));
	sim_set_path(&s, viewer[i], &path[i]);
	has_path[i] = true;
}

static struct client_stream *video(unsigned i)
{
	struct client *c = viewer[i]->client;
	for (unsigned k = 0; k < CLIENT_STREAMS; k++)
		if (c->stream[k].used && c->stream[k].kind == CLIENT_VIDEO &&
			c->stream[k].from == 1)
			return &c->stream[k];
	fail_msg("no video at %u", i);
	return NULL;
}

static void view(unsigned i, unsigned lines, bool visible)
{
	conference_view(viewer[i]->conference, s.now_us, viewer[i]->id,
		video(i)->stream, lines, visible);
	sim_settle(&s);
}

/* What it was shown since `from`. */
static struct client_svc_judge since(
	unsigned i, const struct client_svc_judge *from)
{
	struct client_svc_judge j = *viewer[i]->client->judge;
	j.pictures -= from->pictures;
	j.shown -= from->shown;
	for (unsigned k = 0; k < CLIENT_SVC_SPATIAL; k++) {
		j.by_spatial[k] -= from->by_spatial[k];
		j.by_temporal[k] -= from->by_temporal[k];
	}
	j.switches -= from->switches;
	j.broken -= from->broken;
	j.undecodable -= from->undecodable;
	j.marks -= from->marks;
	j.numbering -= from->numbering;
	j.lies -= from->lies;
	return j;
}

static void tell(const char *what, const struct client_svc_judge *j)
{
	print_message("%s: %u of %u shown, spatial %u %u %u, temporal %u %u "
		      "%u, %u switches; broken %u, undecodable %u, marks %u, "
		      "numbering %u, lies %u\n",
		what, (unsigned)j->shown, (unsigned)j->pictures,
		(unsigned)j->by_spatial[0], (unsigned)j->by_spatial[1],
		(unsigned)j->by_spatial[2], (unsigned)j->by_temporal[0],
		(unsigned)j->by_temporal[1], (unsigned)j->by_temporal[2],
		(unsigned)j->switches, (unsigned)j->broken,
		(unsigned)j->undecodable, (unsigned)j->marks,
		(unsigned)j->numbering, (unsigned)j->lies);
}

/* It is shown so many pictures a second, all with that layer on top. */
static void assert_shown(
	unsigned i, unsigned seconds, unsigned spatial, unsigned fps)
{
	struct client_svc_judge before = *viewer[i]->client->judge, now;
	sim_run(&s, (uint64_t)seconds * SIM_S);
	now = since(i, &before);
	tell("shown", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_int_equal(now.by_spatial[spatial], now.pictures);
	assert_in_range(now.pictures, fps * seconds - fps, fps * seconds + fps);
}

static void assert_faultless(unsigned i)
{
	const struct client_svc_judge *j = viewer[i]->client->judge;
	const struct receive *r = &video(i)->receive;
	tell("all", j);
	assert_int_equal(client_svc_faults(j), 0);
	assert_int_equal(r->resets, 0);
	assert_int_equal(r->received, r->highest - r->first_seq + 1);
	assert_int_equal(video(i)->before_key + video(i)->foreign, 0);
}

static void everybody_gets_all(void **state)
{
	(void)state;
	for (unsigned svc = CLIENT_VP8_L1T3; svc <= CLIENT_H264_L1T3; svc++) {
		if (svc != CLIENT_VP8_L1T3)
			begin(21 + svc);
		publish((enum client_svc)svc);
		join(0, false);
		join(1, true);
		sim_run(&s, 5 * SIM_S);
		assert_shown(0, 4, top_of((enum client_svc)svc), 30);
		assert_faultless(0);
		/* Without descriptors AV1 is judged by what else there is. */
		viewer[1]->client->judge->lies = 0;
		assert_faultless(1);
		assert_int_equal(sim_missing(&s), 0);
		assert_int_equal(sim_faults(&s), 0);
		if (svc != CLIENT_H264_L1T3)
			end();
	}
}

static void tiles(enum client_svc svc)
{
	static const unsigned lines[] = { 180, 360, 720, 100, 1080, 300, 90 };
	static const unsigned gets[] = { 0, 1, 2, 0, 2, 1, 0 };
	publish(svc);
	join(0, false);
	join(1, false);
	sim_run(&s, 6 * SIM_S);
	struct client_svc_judge before = *viewer[1]->client->judge;
	uint64_t keys = source->client->send[CLIENT_VIDEO].keyframes;
	for (unsigned i = 0; i < 7; i++) {
		view(0, lines[i], true);
		sim_run(&s, 4 * SIM_S);
		assert_shown(0, 2, gets[i], 30);
	}
	assert_faultless(0);
	struct client_svc_judge other = since(1, &before);
	assert_int_equal(other.switches, 0);
	assert_faultless(1);
	/* For going up, three times; where the lower layer was not with the
	 * receiver, for going down, too. */
	keys = source->client->send[CLIENT_VIDEO].keyframes - keys;
	assert_in_range(keys, 3, 6);
	assert_int_equal(sim_faults(&s), 0);
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
	struct client_svc_judge before = *viewer[i]->client->judge, now;
	sim_run(&s, 10 * SIM_S);
	now = since(i, &before);
	tell("mostly", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_in_range(now.by_spatial[spatial], 270, 310);
}

/* Each behind its own, in kbit/s. */
static void paths(enum client_svc svc, const uint64_t kbps[3])
{
	publish(svc);
	for (unsigned i = 0; i < 3; i++)
		join_by(i, kbps[i]);
	join(3, false);
	sim_run(&s, 20 * SIM_S);
	for (unsigned i = 0; i < 3; i++) {
		assert_mostly(i, i);
		assert_int_equal(video(i)->before_key, 0);
	}
	/* Who has no limit never noticed. */
	assert_faultless(3);
	assert_int_equal(sim_faults(&s), 0);
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
	struct client_svc_judge before = *viewer[i]->client->judge, now;
	sim_run(&s, 10 * SIM_S);
	now = since(i, &before);
	tell("thinned", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_in_range(now.by_temporal[0], 73, 77);
	assert_in_range(now.pictures, least, most);
}

/* With one size, pictures are left out. */
static void temporal(enum client_svc svc)
{
	static const uint64_t kbps[] = { 300, 600, 5000 };
	publish(svc);
	for (unsigned i = 0; i < 3; i++)
		join_by(i, kbps[i]);
	sim_run(&s, 20 * SIM_S);
	assert_thinned(0, 70, 140);
	assert_thinned(1, 140, 200);
	assert_shown(2, 10, 0, 30);
	/* Up, and down. */
	const struct link_config wide = path_of(5000), narrow = path_of(600);
	uint64_t keys = source->client->send[CLIENT_VIDEO].keyframes;
	link_set(&path[0], s.now_us, &wide);
	sim_run(&s, 15 * SIM_S);
	assert_shown(0, 5, 0, 30);
	/* No key frame is needed for that; the path's change may cost one. */
	assert_in_range(
		source->client->send[CLIENT_VIDEO].keyframes, keys, keys + 1);
	link_set(&path[0], s.now_us, &narrow);
	sim_run(&s, 15 * SIM_S);
	assert_thinned(0, 140, 200);
	assert_int_equal(sim_faults(&s), 0);
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
	const struct link_config wide = path_of(5000), narrow = path_of(500);
	publish(svc);
	join_by(0, 5000);
	join(1, false);
	sim_run(&s, 10 * SIM_S);
	assert_shown(0, 2, 2, 30);
	for (unsigned i = 0; i < 2; i++) {
		link_set(&path[0], s.now_us, &narrow);
		sim_run(&s, 15 * SIM_S);
		/* Pictures go first. */
		assert_shown(0, 5, 1, 15);
		link_set(&path[0], s.now_us, &wide);
		sim_run(&s, 20 * SIM_S);
		assert_shown(0, 5, 2, 30);
	}
	assert_faultless(1);
	assert_int_equal(viewer[1]->client->judge->switches, 1);
	assert_int_equal(sim_faults(&s), 0);
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

/* --- several streams with temporal layers
 * ------------------------------------------------------------------------- */

/* About 110 kbit/s, 410 and 1,630, of which half are of T0 and T1. */
static void publish_sizes(enum client_svc svc)
{
	struct client_config cfg = usual(1);
	cfg.svc = svc;
	cfg.simulcast = CLIENT_RIDS;
	cfg.packets_per_frame = 8;
	source = sim_join(&s, &cfg, NULL);
}

static void sizes(enum client_svc svc)
{
	static const unsigned lines[] = { 180, 360, 720, 100, 1080, 300 };
	static const unsigned gets[] = { 0, 1, 2, 0, 2, 1 };
	publish_sizes(svc);
	join(0, false);
	join(1, true);
	sim_run(&s, 6 * SIM_S);
	struct client_svc_judge before = *viewer[1]->client->judge;
	for (unsigned i = 0; i < 6; i++) {
		view(0, lines[i], true);
		sim_run(&s, 2 * SIM_S);
		assert_shown(0, 2, gets[i], 30);
	}
	/* Begun with the best there was, and once for each wish. */
	assert_in_range(viewer[0]->client->judge->switches, 6, 8);
	assert_faultless(0);
	/* Without the largest it is by what descriptors say of their lines that
	 * the two others are known: not by which of them is larger. */
	source->client->send[CLIENT_VIDEO].mute = true;
	view(0, 200, true);
	sim_run(&s, 3 * SIM_S);
	assert_shown(0, 2, 1, 30);
	source->client->send[CLIENT_VIDEO].mute = false;
	sim_run(&s, 3 * SIM_S);
	/* Who is sent no descriptors gets the same sizes. */
	viewer[1]->client->judge->lies = 0;
	assert_faultless(1);
	struct client_svc_judge other = since(1, &before);
	assert_in_range(other.switches, 2, 2);
	assert_int_equal(sim_faults(&s), 0);
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
	const struct link_config wide = path_of(5000), narrow = path_of(1300);
	publish_sizes(svc);
	join_by(0, 5000);
	join(1, false);
	sim_run(&s, 10 * SIM_S);
	assert_shown(0, 2, 2, 30);
	for (unsigned i = 0; i < 2; i++) {
		link_set(&path[0], s.now_us, &narrow);
		sim_run(&s, 15 * SIM_S);
		uint64_t keys = source->client->send[CLIENT_VIDEO].keyframes;
		assert_shown(0, 5, 2, 15);
		link_set(&path[0], s.now_us, &wide);
		sim_run(&s, 20 * SIM_S);
		assert_shown(0, 5, 2, 30);
		assert_int_equal(
			source->client->send[CLIENT_VIDEO].keyframes, keys);
	}
	assert_faultless(1);
	assert_int_equal(viewer[1]->client->judge->switches, 1);
	assert_int_equal(sim_faults(&s), 0);
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
			begin(21 + svc);
		publish_sizes((enum client_svc)svc);
		join(0, false);
		viewer[0]->down = lossy;
		sim_run(&s, 8 * SIM_S);
		view(0, 360, true);
		sim_run(&s, 4 * SIM_S);
		struct client_svc_judge before = *viewer[0]->client->judge;
		sim_run(&s, 20 * SIM_S);
		struct client_svc_judge now = since(0, &before);
		tell("lossy", &now);
		assert_true(video(0)->receive.recovered > 5);
		assert_in_range(now.broken + now.undecodable, 0, 12);
		assert_int_equal(now.marks + now.lies, 0);
		assert_true(now.by_spatial[1] > 560);
		assert_int_equal(sim_faults(&s), 0);
		if (svc != CLIENT_H264_L1T3)
			end();
	}
}

/* Who is not sent descriptors gets a size whole. */
static void without_descriptors_a_smaller_size(void **state)
{
	const struct link_config narrow = path_of(1300);
	(void)state;
	publish_sizes(CLIENT_AV1_L1T3);
	join(0, true);
	sim_run(&s, 6 * SIM_S);
	assert_true(link_init(&path[0], &narrow, 3, s.now_us));
	sim_set_path(&s, viewer[0], &path[0]);
	has_path[0] = true;
	sim_run(&s, 20 * SIM_S);
	struct client_svc_judge before = *viewer[0]->client->judge, now;
	sim_run(&s, 5 * SIM_S);
	now = since(0, &before);
	tell("smaller", &now);
	assert_int_equal(now.broken + now.undecodable, 0);
	assert_int_equal(now.by_spatial[1], now.pictures);
	assert_in_range(now.pictures, 145, 155);
	assert_int_equal(sim_faults(&s), 0);
}

/* Who is not sent descriptors gets all layers, or nothing. */
static void without_descriptors_whole_or_not_at_all(void **state)
{
	(void)state;
	const struct link_config narrow = path_of(1000);
	publish(CLIENT_AV1_L3T3);
	join(0, true);
	sim_run(&s, 6 * SIM_S);
	view(0, 180, true);
	sim_run(&s, 5 * SIM_S);
	struct client_svc_judge *j = viewer[0]->client->judge;
	assert_int_equal(j->by_spatial[2], j->pictures);
	assert_true(j->pictures > 200);
	assert_true(link_init(&path[0], &narrow, 3, s.now_us));
	sim_set_path(&s, viewer[0], &path[0]);
	has_path[0] = true;
	sim_run(&s, 20 * SIM_S);
	uint64_t packets = video(0)->packets;
	sim_run(&s, 3 * SIM_S);
	assert_int_equal(video(0)->packets, packets);
	assert_int_equal(sim_faults(&s), 0);
}

static void hidden_and_back(void **state)
{
	(void)state;
	publish(CLIENT_VP9_L3T3_KEY);
	join(0, false);
	sim_run(&s, 6 * SIM_S);
	for (unsigned i = 0; i < 3; i++) {
		view(0, i % 2 ? 180 : 360, true);
		sim_run(&s, 3 * SIM_S);
		view(0, 0, false);
		sim_run(&s, SIM_S);
		uint64_t packets = video(0)->packets;
		sim_run(&s, 2 * SIM_S);
		assert_int_equal(video(0)->packets, packets);
		view(0, i % 2 ? 360 : 180, true);
		sim_run(&s, 3 * SIM_S);
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
			begin(21 + svc);
		publish((enum client_svc)svc);
		join(0, false);
		viewer[0]->down = lossy;
		sim_run(&s, 8 * SIM_S);
		view(0, 180, true);
		sim_run(&s, 4 * SIM_S);
		struct client_svc_judge before = *viewer[0]->client->judge;
		sim_run(&s, 20 * SIM_S);
		struct client_svc_judge now = since(0, &before);
		tell("lossy", &now);
		assert_true(video(0)->receive.recovered > 5);
		/* Hardly ever one is lost so often that it is given up. */
		assert_in_range(now.broken + now.undecodable, 0, 12);
		assert_true(now.shown > 560);
		assert_int_equal(sim_faults(&s), 0);
		if (svc != CLIENT_H264_L1T3)
			end();
	}
}

static void other_workers_get_all_and_choose(void **state)
{
	(void)state;
	sim_spread(&s, 2);
	publish(CLIENT_AV1_L3T3);
	s.joins_at = 1;
	join(0, false);
	join(1, false);
	sim_run(&s, 6 * SIM_S);
	view(0, 180, true);
	sim_run(&s, 4 * SIM_S);
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
	s.plugs.packet = on_packet;
	s.plugs.event = on_event;
	publish(CLIENT_VP9_L3T3);
	join(0, false);
	sfu_id id = s.next_id++;
	assert_int_equal(
		conference_plug(s.conference, s.now_us, id, "program", &may),
		0);
	conference_offer(
		s.conference, s.now_us, id, offer, strlen(offer), &s.out);
	sim_settle(&s);
	sim_run(&s, 6 * SIM_S);
	view(0, 180, true);
	sim_run(&s, 2 * SIM_S);
	uint64_t packets = program.packets, ends = program.ends;
	uint64_t sent = source->client->send[CLIENT_VIDEO].packets;
	sim_run(&s, 10 * SIM_S);
	sent = source->client->send[CLIENT_VIDEO].packets - sent;
	assert_in_range(program.packets - packets, sent - 11, sent + 11);
	assert_in_range(program.ends - ends, 299, 301);
	assert_int_equal(program.gaps, 0);
	assert_shown(0, 2, 0, 30);
}

/* Nobody's layers are kept where nobody is cut. */
static void what_is_whole_costs_nothing(void **state)
{
	(void)state;
	publish(CLIENT_VP9_L3T3);
	join(0, false);
	sim_run(&s, 6 * SIM_S);
	const struct participant *p =
		conference_find(viewer[0]->conference, viewer[0]->id);
	for (unsigned i = 0; i < p->n_subs; i++)
		assert_null(p->sub[i]->layers);
	view(0, 180, true);
	sim_run(&s, SIM_S);
	bool any = false;
	for (unsigned i = 0; i < p->n_subs; i++)
		any |= p->sub[i]->layers != NULL;
	assert_true(any);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
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
		CASE(sizes_of_av1),
		CASE(sizes_of_h264),
		CASE(pictures_of_av1_before_sizes),
		CASE(pictures_of_h264_before_sizes),
		CASE(losses_of_a_size_are_made_good),
		CASE(without_descriptors_a_smaller_size),
		CASE(without_descriptors_whole_or_not_at_all),
		CASE(hidden_and_back),
		CASE(losses_are_made_good),
		CASE(other_workers_get_all_and_choose),
		CASE(programs_get_all),
		CASE(what_is_whole_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
