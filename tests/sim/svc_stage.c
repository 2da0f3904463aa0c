#include "tests/sim/svc_stage.h"
#include <string.h>

struct svc_stage st;

void svc_begin(uint64_t seed)
{
	static const char *const codecs[] = { "opus", "VP8", "VP9", "AV1",
		"H264", NULL };
	sim_init(&st.sim, seed);
	st.sim.env.codecs = codecs;
	memset(st.viewer, 0, sizeof(st.viewer));
	memset(st.has_path, 0, sizeof(st.has_path));
}

void svc_end(void)
{
	for (unsigned i = 0; i < VIEWERS; i++) {
		if (!st.has_path[i])
			continue;
		sim_set_path(&st.sim, st.viewer[i], NULL);
		link_done(&st.path[i]);
	}
	sim_done(&st.sim);
}

int svc_setup(void **state)
{
	(void)state;
	svc_begin(21);
	return 0;
}

int svc_teardown(void **state)
{
	(void)state;
	svc_end();
	return 0;
}

struct client_config svc_usual(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.twcc = cfg.rtx = cfg.layered = true;
	cfg.fps = 30;
	cfg.packet_bytes = 760;
	return cfg;
}

unsigned svc_top_of(enum client_svc svc)
{
	return svc == CLIENT_VP8_L1T3 || svc == CLIENT_AV1_L1T3 ||
			       svc == CLIENT_H264_L1T3
		       ? 0
		       : 2;
}

/* Of three spatial layers: 150 kbit/st.sim, 550 and 2,200, with all headers; of
 * one: 150 kbit/s in T0, 300 in T1, 600. */
void svc_publish(enum client_svc svc)
{
	struct client_config cfg = svc_usual(1);
	cfg.svc = svc;
	cfg.packets_per_frame = svc_top_of(svc) == 0 ? 3 : 8;
	st.source = sim_join(&st.sim, &cfg, NULL);
}

void svc_join(unsigned i, bool undescribed)
{
	struct client_config cfg = svc_usual(i + 2);
	cfg.video = cfg.audio = false;
	cfg.spares = 1;
	cfg.undescribed = undescribed;
	st.viewer[i] = sim_join(&st.sim, &cfg, NULL);
}

struct link_config svc_path_of(uint64_t kbps)
{
	return (struct link_config){
		.rate_bps = kbps * 1000, .queue_us = 1000000, .delay_us = 20000
	};
}

void svc_join_by(unsigned i, uint64_t kbps)
{
	const struct link_config cfg = svc_path_of(kbps);
	svc_join(i, false);
	assert_true(link_init(&st.path[i], &cfg, 3 + i, st.sim.now_us));
	sim_set_path(&st.sim, st.viewer[i], &st.path[i]);
	st.has_path[i] = true;
}

struct client_stream *svc_video(unsigned i)
{
	struct client *c = st.viewer[i]->client;
	for (unsigned k = 0; k < CLIENT_STREAMS; k++)
		if (c->stream[k].used && c->stream[k].kind == CLIENT_VIDEO &&
			c->stream[k].from == 1)
			return &c->stream[k];
	fail_msg("no video at %u", i);
	return NULL;
}

void svc_view(unsigned i, unsigned lines, bool visible)
{
	conference_view(st.viewer[i]->conference, st.sim.now_us,
		st.viewer[i]->id, svc_video(i)->stream, lines, visible);
	sim_settle(&st.sim);
}

/* What it was shown since `from`. */
struct client_svc_judge svc_since(
	unsigned i, const struct client_svc_judge *from)
{
	struct client_svc_judge j = *st.viewer[i]->client->judge;
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

void svc_tell(const char *what, const struct client_svc_judge *j)
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
void assert_shown(unsigned i, unsigned seconds, unsigned spatial, unsigned fps)
{
	struct client_svc_judge before = *st.viewer[i]->client->judge, now;
	sim_run(&st.sim, (uint64_t)seconds * SIM_S);
	now = svc_since(i, &before);
	svc_tell("shown", &now);
	assert_int_equal(client_svc_faults(&now), 0);
	assert_int_equal(now.by_spatial[spatial], now.pictures);
	assert_in_range(now.pictures, fps * seconds - fps, fps * seconds + fps);
}

void assert_faultless(unsigned i)
{
	const struct client_svc_judge *j = st.viewer[i]->client->judge;
	const struct receive *r = &svc_video(i)->receive;
	svc_tell("all", j);
	assert_int_equal(client_svc_faults(j), 0);
	assert_int_equal(r->resets, 0);
	assert_int_equal(r->received, r->highest - r->first_seq + 1);
	assert_int_equal(svc_video(i)->before_key + svc_video(i)->foreign, 0);
}

uint64_t svc_to_and_fro(uint64_t narrow_kbps, unsigned narrow_spatial)
{
	const struct link_config wide = svc_path_of(5000);
	const struct link_config narrow = svc_path_of(narrow_kbps);
	const uint64_t *keys = &st.source->client->send[CLIENT_VIDEO].keyframes;
	uint64_t made = 0;
	for (unsigned i = 0; i < 2; i++) {
		link_set(&st.path[0], st.sim.now_us, &narrow);
		sim_run(&st.sim, 15 * SIM_S);
		made -= *keys;
		assert_shown(0, 5, narrow_spatial, 15);
		link_set(&st.path[0], st.sim.now_us, &wide);
		sim_run(&st.sim, 20 * SIM_S);
		assert_shown(0, 5, 2, 30);
		made += *keys;
	}
	return made;
}
