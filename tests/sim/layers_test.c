/*
 * Publishers that send their picture in three sizes, and who gets which of
 * them: every change of encoding is seamless to its receiver, and to nobody
 * else a change at all.
 */
#include "sfu/conference_private.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static struct sim s;

static int setup(void **state)
{
	(void)state;
	sim_init(&s, 11);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_done(&s);
	return 0;
}

static struct sim_seat *join(uint32_t id, enum client_simulcast simulcast,
	const struct sim_link *link)
{
	struct client_config cfg = sim_usual(id);
	cfg.video = simulcast != CLIENT_SINGLE;
	cfg.simulcast = simulcast;
	cfg.spares = 1;
	return sim_join(&s, &cfg, link);
}

/* Nothing is missing, and nothing is out of order: on clean links. */
static void assert_seamless(const struct sim_seat *seat)
{
	const struct client_stream *v = sim_video(seat, 1);
	const struct receive *r = &v->receive;
	assert_int_equal(v->numbering, 0);
	assert_int_equal(r->resets, 0);
	assert_int_equal(r->received, r->highest - r->first_seq + 1);
	assert_int_equal(v->before_key + v->foreign, 0);
}

static void everybody_gets_the_best(enum client_simulcast how)
{
	struct sim_seat *seat[3];
	for (uint32_t i = 0; i < 3; i++)
		seat[i] = join(i + 1, i ? CLIENT_SINGLE : how, NULL);
	sim_run(&s, 6 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(sim_video(seat[i], 1)->height, 720);
		assert_seamless(seat[i]);
	}
	assert_int_equal(sim_faults(&s), 0);
}

static void the_best_by_rid(void **state)
{
	(void)state;
	everybody_gets_the_best(CLIENT_RIDS);
}

static void the_best_by_group(void **state)
{
	(void)state;
	everybody_gets_the_best(CLIENT_SIM_GROUP);
}

static void each_gets_what_it_shows(void **state)
{
	(void)state;
	static const unsigned lines[] = { 180, 360, 720, 100, 1080, 300 };
	static const unsigned gets[] = { 180, 360, 720, 180, 720, 360 };
	struct sim_seat *from = join(1, CLIENT_RIDS, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, NULL);
	struct sim_seat *b = join(3, CLIENT_SINGLE, NULL);
	sim_run(&s, 6 * SIM_S);
	uint64_t changes = sim_video(a, 1)->heights;
	uint64_t others = sim_video(b, 1)->heights;
	for (unsigned i = 0; i < 6; i++) {
		sim_view(&s, a, lines[i], true);
		sim_run(&s, 2 * SIM_S);
		assert_int_equal(sim_video(a, 1)->height, gets[i]);
		assert_int_equal(sim_video(b, 1)->height, 720);
	}
	/* Once for each wish, and never back and forth. */
	assert_int_equal(sim_video(a, 1)->heights, changes + 6);
	assert_int_equal(sim_video(b, 1)->heights, others);
	assert_seamless(a);
	assert_seamless(b);
	/* Key frames were asked for where somebody waited. */
	assert_in_range(from->client->lower[0].keyframes, 2, 4);
	assert_int_equal(sim_faults(&s), 0);
}

static void what_is_hidden_is_not_sent(void **state)
{
	(void)state;
	join(1, CLIENT_RIDS, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, NULL);
	sim_run(&s, 6 * SIM_S);
	sim_view(&s, a, 0, false);
	sim_run(&s, SIM_S);
	uint64_t packets = sim_video(a, 1)->packets;
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(sim_video(a, 1)->packets, packets);
	sim_view(&s, a, 180, true);
	sim_run(&s, 2 * SIM_S);
	assert_true(sim_video(a, 1)->packets > packets + 20);
	assert_int_equal(sim_video(a, 1)->height, 180);
	assert_seamless(a);
}

/* A camera without encodings is paused and comes back, too. */
static void one_size_is_paused_as_well(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(1);
	sim_join(&s, &cfg, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, NULL);
	sim_run(&s, 6 * SIM_S);
	sim_view(&s, a, 0, false);
	sim_run(&s, SIM_S);
	uint64_t packets = sim_video(a, 1)->packets;
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(sim_video(a, 1)->packets, packets);
	sim_view(&s, a, 0, true);
	sim_run(&s, 2 * SIM_S);
	assert_true(sim_video(a, 1)->packets > packets + 20);
	assert_seamless(a);
}

static void encodings_come_and_go(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, NULL);
	sim_run(&s, 6 * SIM_S);
	for (unsigned i = 0; i < 3; i++) {
		from->client->send[CLIENT_VIDEO].mute = true;
		sim_run(&s, 3 * SIM_S);
		assert_int_equal(sim_video(a, 1)->height, 360);
		from->client->lower[1].mute = true;
		sim_run(&s, 3 * SIM_S);
		assert_int_equal(sim_video(a, 1)->height, 180);
		from->client->lower[1].mute = false;
		from->client->send[CLIENT_VIDEO].mute = false;
		sim_run(&s, 3 * SIM_S);
		assert_int_equal(sim_video(a, 1)->height, 720);
	}
	assert_seamless(a);
	assert_int_equal(sim_faults(&s), 0);
}

/* What is lost comes again, of whichever encoding it was. */
static void losses_are_made_good_over_switches(void **state)
{
	(void)state;
	static const struct sim_link link = { .delay_us = 10000,
		.loss_ppm = 20000 };
	join(1, CLIENT_RIDS, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, &link);
	sim_run(&s, 8 * SIM_S);
	for (unsigned i = 0; i < 10; i++) {
		sim_view(&s, a, i % 2 ? 720 : 180, true);
		sim_run(&s, 3 * SIM_S);
		assert_int_equal(sim_video(a, 1)->height, i % 2 ? 720 : 180);
	}
	const struct receive *r = &sim_video(a, 1)->receive;
	assert_true(r->recovered > 5);
	/* What was lost right before a switch cannot be had any more. */
	assert_in_range(r->given_up, 0, 3);
	assert_int_equal(sim_faults(&s), 0);
}

/* Nobody watches: nothing is asked for. */
static void what_nobody_watches_is_not_asked_for(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS, NULL);
	struct sim_seat *a = join(2, CLIENT_SINGLE, NULL);
	sim_run(&s, 6 * SIM_S);
	sim_view(&s, a, 180, true);
	sim_run(&s, 3 * SIM_S);
	uint64_t h = from->client->lower[1].keyframes;
	uint64_t f = from->client->send[CLIENT_VIDEO].keyframes;
	for (unsigned i = 0; i < 4; i++) {
		join(3 + i, CLIENT_SINGLE, NULL);
		sim_run(&s, SIM_S);
		sim_view(&s, a, 180, true);
	}
	sim_run(&s, 3 * SIM_S);
	assert_int_equal(from->client->lower[1].keyframes, h);
	/* The new ones begin with the best. */
	assert_true(from->client->send[CLIENT_VIDEO].keyframes > f);
}

static void other_workers_choose_for_themselves(void **state)
{
	(void)state;
	for (unsigned how = CLIENT_RIDS; how <= CLIENT_SIM_GROUP; how++) {
		struct sim_seat *seat[3];
		if (how != CLIENT_RIDS)
			sim_init(&s, 12);
		sim_spread(&s, 2);
		for (unsigned i = 0; i < 3; i++) {
			s.joins_at = i > 0;
			seat[i] = join(i + 1,
				i ? CLIENT_SINGLE : (enum client_simulcast)how,
				NULL);
		}
		sim_run(&s, 6 * SIM_S);
		sim_view(&s, seat[1], 180, true);
		sim_run(&s, 2 * SIM_S);
		assert_int_equal(sim_video(seat[1], 1)->height, 180);
		assert_int_equal(sim_video(seat[2], 1)->height, 720);
		assert_seamless(seat[1]);
		assert_seamless(seat[2]);
		if (how == CLIENT_RIDS)
			sim_done(&s);
	}
}

static unsigned heard(const struct sim_seat *seat, enum client_kind kind)
{
	unsigned n = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *v = &seat->client->stream[i];
		n += v->used && v->kind == kind && v->started &&
		     s.now_us - v->last_us < SIM_S / 2;
	}
	return n;
}

/* In a big room some are sent only; who listens for all, gets all. */
static void only_so_many_are_sent(void **state)
{
	(void)state;
	s.env.limits.last_n = 2;
	s.env.limits.audio_n = 3;
	struct sim_seat *seat[6];
	for (uint32_t i = 0; i < 6; i++) {
		struct client_config cfg = sim_usual(i + 1);
		cfg.spares = 5;
		seat[i] = sim_join(&s, &cfg, NULL);
	}
	sim_run(&s, 8 * SIM_S);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(heard(seat[i], CLIENT_VIDEO), 2);
		assert_int_equal(heard(seat[i], CLIENT_AUDIO), 3);
	}
	s.env.limits.last_n = s.env.limits.audio_n = 0;
	for (unsigned i = 0; i < 6; i++)
		sim_reoffer(&s, seat[i]);
	sim_run(&s, 4 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	assert_int_equal(sim_faults(&s), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_best_by_rid),
		CASE(the_best_by_group),
		CASE(each_gets_what_it_shows),
		CASE(what_is_hidden_is_not_sent),
		CASE(one_size_is_paused_as_well),
		CASE(encodings_come_and_go),
		CASE(losses_are_made_good_over_switches),
		CASE(what_nobody_watches_is_not_asked_for),
		CASE(only_so_many_are_sent),
		CASE(other_workers_choose_for_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
