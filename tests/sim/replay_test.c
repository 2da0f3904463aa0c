/*
 * Who begins to see somebody does not wait for a key frame that has come a
 * moment ago: late joiners, tiles that are shown again.
 */
#include "sfu/conference_private.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static struct sim s;
static struct sim_seat *from;

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

/* One publishes, another one sees it, for a while. */
static void begin(unsigned key_delay_us, const struct client_config *more)
{
	struct client_config cfg = more ? *more : sim_usual(1);
	struct client_config other = sim_usual(2);
	cfg.key_delay_us = key_delay_us;
	cfg.twcc = other.twcc = cfg.rtx = other.rtx = true;
	other.video = false;
	other.spares = 1;
	from = sim_join(&s, &cfg, NULL);
	sim_join(&s, &other, NULL);
	sim_run(&s, 6 * SIM_S);
}

static struct sim_seat *join_late(uint32_t id, const struct sim_link *link)
{
	struct client_config cfg = sim_usual(id);
	cfg.twcc = cfg.rtx = true;
	cfg.video = false;
	cfg.spares = 2;
	return sim_join(&s, &cfg, link);
}

/* How long after its keys a seat got the first packet of the picture. */
static uint64_t waited_us(const struct sim_seat *seat)
{
	const struct client_stream *v = sim_video(seat, 1);
	return v->first_us - seat->client->connected_us;
}

static void assert_whole(const struct sim_seat *seat)
{
	const struct client_stream *v = sim_video(seat, 1);
	const struct receive *r = &v->receive;
	assert_int_equal(v->before_key + v->foreign + v->numbering, 0);
	assert_int_equal(r->resets, 0);
	assert_int_equal(r->received, r->highest - r->first_seq + 1);
	assert_int_equal(sim_faults(&s), 0);
}

/* Its encoder would take a second: nobody asks it. */
static void a_late_one_sees_it_at_once(void **state)
{
	(void)state;
	begin(SIM_S, NULL);
	uint64_t plis = from->client->count.plis;
	struct sim_seat *late = join_late(3, NULL);
	sim_run(&s, SIM_S / 20);
	from->client->send[CLIENT_VIDEO].want_key = true;
	sim_run(&s, SIM_S);
	assert_in_range(waited_us(late), 0, 50000);
	sim_run(&s, 4 * SIM_S);
	assert_int_equal(from->client->count.plis, plis);
	assert_int_equal(sim_stats(&s).replays, 1);
	assert_whole(late);
}

/* Nobody has just come: it is asked for while its keys are being made. */
static void what_it_will_see_is_asked_for_before(void **state)
{
	(void)state;
	static const struct sim_link far = { .delay_us = 60000 };
	begin(100000, NULL);
	uint64_t plis = from->client->count.plis;
	struct sim_seat *late = join_late(3, &far);
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(from->client->count.plis, plis + 1);
	assert_int_equal(sim_stats(&s).replays, 1);
	/* It has its keys a round trip before its first picture can be here,
	 * and pictures are 67 ms apart: as if nobody had been asked. */
	assert_in_range(waited_us(late), 0, 200000);
	assert_whole(late);
}

/* Too much for what is known of its path, and asked for instead. */
static void what_is_much_is_not_sent(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(1);
	cfg.fps = 30;
	cfg.packets_per_frame = 10;
	cfg.packet_bytes = 1100;
	begin(100000, &cfg);
	uint64_t plis = from->client->count.plis;
	struct sim_seat *late = join_late(3, NULL);
	from->client->send[CLIENT_VIDEO].want_key = true;
	sim_run(&s, SIM_S / 2);
	assert_int_equal(sim_stats(&s).replays, 0);
	sim_run(&s, 4 * SIM_S);
	assert_true(from->client->count.plis > plis);
	assert_true(sim_video(late, 1)->packets > 600);
	assert_whole(late);
}

/* Off for a moment when it comes: nothing of before is shown as if live. */
static void a_camera_that_is_off_stays_off(void **state)
{
	(void)state;
	begin(0, NULL);
	struct client_send *v = &from->client->send[CLIENT_VIDEO];
	v->want_key = true;
	sim_run(&s, SIM_S / 5);
	v->mute = true;
	sim_run(&s, SIM_S / 5);
	struct sim_seat *late = join_late(3, NULL);
	sim_run(&s, 2 * SIM_S);
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		assert_false(late->client->stream[i].started &&
			     late->client->stream[i].kind == CLIENT_VIDEO);
	v->mute = false;
	sim_run(&s, SIM_S);
	assert_int_equal(sim_stats(&s).replays, 0);
	assert_whole(late);
}

/* Where its publisher loses packets there are holes: what is asked for then
 * comes, and nobody begins with half a picture. */
static void with_holes_it_is_asked_for(void **state)
{
	(void)state;
	static const struct sim_link far = { .delay_us = 60000 };
	struct client_config cfg = sim_usual(1);
	cfg.packets_per_frame = 4;
	begin(50000, &cfg);
	from->up.loss_ppm = 250000;
	sim_run(&s, SIM_S);
	for (uint32_t i = 0; i < 20; i++) {
		struct sim_seat *late = join_late(3 + i, &far);
		sim_run(&s, 3 * SIM_S);
		/* Two requests, or one and what was lost of the picture. */
		assert_in_range(waited_us(late), 0, 1500000);
		assert_int_equal(sim_video(late, 1)->before_key, 0);
	}
	assert_int_equal(sim_faults(&s), 0);
	uint64_t replays = sim_stats(&s).replays;
	print_message("%u of 20\n", (unsigned)replays);
	assert_in_range(replays, 1, 19);
}

/* A browser that is busy with joining reads nothing for a while: what it was
 * sent waits for it, and nothing is taken for a broken path. */
static void who_is_busy_at_first_gets_all(void **state)
{
	(void)state;
	const struct link_config wide = { .rate_bps = 20000000,
		.delay_us = 10000 };
	static const struct link_step still = { 0, 0 };
	const struct link_config busy = {
		.trace = &still, .n_trace = 1, .delay_us = 10000
	};
	struct client_config cfg = sim_usual(1);
	struct link path;
	cfg.fps = 30;
	cfg.packets_per_frame = 4;
	cfg.packet_bytes = 1000;
	begin(60000, &cfg);
	uint64_t plis = from->client->count.plis;
	for (unsigned ms = 200; ms <= 1000; ms += 200) {
		assert_true(link_init(&path, &wide, 3, s.now_us));
		struct sim_seat *late = join_late(3, NULL);
		sim_set_path(&s, late, &path);
		while (!late->client->connected)
			sim_run(&s, 1000);
		link_set(&path, s.now_us, &busy);
		sim_run(&s, ms * 1000);
		link_set(&path, s.now_us, &wide);
		uint64_t woke_us = s.now_us;
		sim_run(&s, 2 * SIM_S);
		const struct client_stream *v = sim_video(late, 1);
		assert_in_range(v->first_us - woke_us, 0, 50000);
		/* All of them, but for the first pictures. */
		assert_true(v->packets + 12 > 240 + 120 * ms / 1000);
		assert_int_equal(from->client->count.plis, ++plis);
		assert_whole(late);
		sim_set_path(&s, late, NULL);
		link_done(&path);
		sim_leave(&s, late);
		sim_run(&s, 2 * SIM_S);
	}
}

static void shown_again(enum client_simulcast how)
{
	struct client_config cfg = sim_usual(1);
	cfg.simulcast = how;
	begin(SIM_S, &cfg);
	struct sim_seat *late = join_late(3, NULL);
	sim_run(&s, 6 * SIM_S);
	uint64_t replays = sim_stats(&s).replays;
	sim_view(&s, late, 0, false);
	sim_run(&s, SIM_S);
	uint64_t packets = sim_video(late, 1)->packets;
	for (unsigned i = CLIENT_VIDEO; i < CLIENT_SENDS; i++)
		client_send_at(from->client, i)->want_key = true;
	sim_run(&s, SIM_S / 4);
	assert_int_equal(sim_video(late, 1)->packets, packets);
	uint64_t plis = from->client->count.plis;
	sim_view(&s, late, 720, true);
	sim_run(&s, SIM_S / 4);
	assert_true(sim_video(late, 1)->packets > packets);
	sim_run(&s, 3 * SIM_S);
	assert_int_equal(from->client->count.plis, plis);
	assert_int_equal(sim_stats(&s).replays, replays + 1);
	assert_whole(late);
}

static void one_size_is_shown_again(void **state)
{
	(void)state;
	shown_again(CLIENT_SINGLE);
}

static void one_of_three_is_shown_again(void **state)
{
	(void)state;
	shown_again(CLIENT_RIDS);
}

/* The best is too much: the next one is there at once, and the best is asked
 * for. */
static void first_the_smaller_one(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(1);
	cfg.simulcast = CLIENT_RIDS;
	cfg.fps = 30;
	cfg.packets_per_frame = 8;
	cfg.packet_bytes = 1100;
	begin(SIM_S / 2, &cfg);
	struct sim_seat *late = join_late(3, NULL);
	for (unsigned i = CLIENT_VIDEO; i < CLIENT_SENDS; i++)
		client_send_at(from->client, i)->want_key = true;
	sim_run(&s, SIM_S / 2);
	assert_in_range(waited_us(late), 0, 50000);
	assert_true(sim_video(late, 1)->height < 720);
	sim_run(&s, 4 * SIM_S);
	assert_int_equal(sim_video(late, 1)->height, 720);
	assert_int_equal(sim_stats(&s).replays, 1);
	assert_whole(late);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_late_one_sees_it_at_once),
		CASE(what_it_will_see_is_asked_for_before),
		CASE(what_is_much_is_not_sent),
		CASE(a_camera_that_is_off_stays_off),
		CASE(with_holes_it_is_asked_for),
		CASE(who_is_busy_at_first_gets_all),
		CASE(one_size_is_shown_again),
		CASE(one_of_three_is_shown_again),
		CASE(first_the_smaller_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
