/*
 * What goes to each receiver follows its own path: feedback both ways, what is
 * lost sent again, and one bad receiver that nobody else notices.
 */
#include <string.h>
#include "tests/sim/cmocka_sim.h"
#include "sfu/participant.h"
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

static struct sim_seat *join(uint32_t id, const struct sim_link *link)
{
	struct client_config cfg = sim_usual(id);
	cfg.twcc = cfg.rtx = true;
	return sim_join(&s, &cfg, link);
}

static struct participant *participant_of(const struct sim_seat *seat)
{
	return conference_find(seat->conference, seat->id);
}

static void feedback_goes_both_ways(void **state)
{
	(void)state;
	struct sim_seat *seat[3];
	for (unsigned i = 0; i < 3; i++)
		seat[i] = join(i + 1, NULL);
	sim_run(&s, 10 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	assert_int_equal(sim_faults(&s), 0);
	for (unsigned i = 0; i < 3; i++) {
		const struct client *c = seat[i]->client;
		const struct downlink *d = participant_of(seat[i])->down;
		uint64_t sent = c->send[0].packets + c->send[1].packets;
		assert_int_equal(c->count.bad, 0);
		/* Some are on their way, or not yet told of. */
		assert_true(c->count.told <= sent && c->count.told + 60 > sent);
		assert_non_null(d);
		assert_int_equal(d->estimate.bad_feedbacks, 0);
		assert_true(d->estimate.feedbacks > 30);
		assert_in_range(d->estimate.sent.rtt_us, 20000, 300000);
		/* Two others, of 160 kbit/s and 50 each. */
		assert_in_range(d->want_bps, 250000, 600000);
		assert_true(d->estimate.control.bps > d->want_bps);
	}
	struct conference_stats st = sim_stats(&s);
	assert_int_equal(st.downlinks, 3);
	assert_true(st.feedbacks_in > 100 && st.feedbacks_out > 100);
}

/* Who listens only needs no estimate, and who has no feedback gets no numbers.
 */
static void nothing_where_nothing_is_agreed(void **state)
{
	(void)state;
	struct client_config plain = sim_usual(1), sound = sim_usual(2);
	sound.twcc = true;
	plain.video = sound.video = false;
	struct sim_seat *a = sim_join(&s, &plain, NULL);
	struct sim_seat *b = sim_join(&s, &sound, NULL);
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	assert_null(participant_of(a)->down);
	assert_null(participant_of(a)->arrival);
	assert_null(participant_of(b)->down);
	assert_true(b->client->count.feedbacks > 0);
	assert_int_equal(a->client->count.feedbacks, 0);
}

/* Packets of video that never came, of a million. */
static uint64_t unrepaired_ppm(const struct client *c)
{
	uint64_t want = 0, got = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *st = &c->stream[i];
		if (!st->used || !st->started || st->kind != CLIENT_VIDEO)
			continue;
		want += st->receive.highest - st->receive.first_seq + 1;
		got += st->packets;
	}
	assert_true(want > 0);
	return got > want ? 0 : (want - got) * 1000000 / want;
}

static void what_is_lost_comes_by_rtx(void **state)
{
	(void)state;
	const struct sim_link bad = { .delay_us = 20000, .loss_ppm = 100000 };
	struct sim_seat *good = join(1, NULL), *poor = join(2, NULL);
	sim_run(&s, 5 * SIM_S);
	poor->down = poor->up = bad;
	sim_run(&s, 60 * SIM_S);
	const struct client *c = poor->client;
	assert_true(c->count.rtx > 100);
	assert_true(unrepaired_ppm(c) < 10000);
	assert_true(unrepaired_ppm(good->client) < 10000);
	/* What it lost on the way up was sent again by itself. */
	const struct participant *p = participant_of(poor);
	assert_true(p->stats.rtx_in > 100);
	assert_true(p->stats.rtx_out > 100);
	for (unsigned i = 0; i < p->n_tracks; i++)
		if (p->track[i]->kind == SDP_VIDEO)
			assert_true(
				p->track[i]->encoding[0]->receive.recovered >
				100);
	assert_int_equal(sim_faults(&s), 0);
	assert_int_equal(sim_missing(&s), 0);
}

/* Everything is asked for again and again. */
static void a_storm_of_nacks_is_bounded(void **state)
{
	(void)state;
	struct sim_seat *seat[2] = { join(1, NULL), join(2, NULL) };
	sim_run(&s, 5 * SIM_S);
	struct participant *p = participant_of(seat[1]);
	uint64_t out = p->stats.rtp_out, again = p->stats.rtx_out;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t buf[RTCP_PACKET_MAX];
		struct rtcp_build b;
		uint16_t seq[128];
		for (unsigned k = 0; k < p->n_subs; k++) {
			const struct subscription *sub = p->sub[k];
			if (sub->kind != SDP_VIDEO)
				continue;
			uint16_t top = (uint16_t)sub->rewrite.out_highest;
			for (unsigned n = 0; n < 128; n++)
				seq[n] = (uint16_t)(top - 127 + n);
			rtcp_build_init(&b, buf, sizeof(buf));
			rtcp_add_nack(&b, 1, sub->ssrc, seq, 128);
			s.env.out = &s.out;
			participant_rtcp(p, s.now_us, buf, b.len);
		}
		sim_settle(&s);
		sim_run(&s, SIM_S / 100);
	}
	/* Half of what its path carries, in 10 s. */
	uint64_t most = p->down->estimate.control.bps / 2 * 10 / 8 / 600;
	assert_true(p->stats.rtx_out - again > 100);
	assert_true(p->stats.rtx_out - again < most * 12 / 10);
	assert_true(p->stats.rtp_out - out > 10 * 70);
	assert_int_equal(sim_faults(&s), 0);
}

/* What a path of 500 kbit/s gets of 2 Mbit/s while nine others have enough. */
struct scene {
	struct sim_seat *seat[11]; /* 0 publishes, 10 is the poor one */
	struct link path;
	uint64_t plis;                       /* at the publisher */
	uint64_t worst_wait_us, waits[2000]; /* histogram, ms */
	uint64_t looks;
};

static struct scene scene;

static void begin_scene(const struct link_config *cfg)
{
	struct client_config source = sim_usual(1);
	memset(&scene, 0, sizeof(scene));
	source.twcc = source.rtx = true;
	source.fps = 30;
	source.packets_per_frame = 8;
	source.packet_bytes = 1040;
	scene.seat[0] = sim_join(&s, &source, NULL);
	for (unsigned i = 1; i < 11; i++) {
		struct client_config cfg_i = source;
		cfg_i.id = i + 1;
		cfg_i.video = false;
		cfg_i.audio = i == 1; /* one more voice */
		cfg_i.spares = 2;
		scene.seat[i] = sim_join(&s, &cfg_i, NULL);
	}
	if (cfg) {
		assert_true(link_init(&scene.path, cfg, 3, s.now_us));
		sim_set_path(&s, scene.seat[10], &scene.path);
	}
	sim_run(&s, 3 * SIM_S);
}

static void watch_scene(unsigned seconds)
{
	uint64_t before = scene.seat[0]->client->count.plis;
	for (unsigned i = 0; i < seconds * 100; i++) {
		sim_run(&s, SIM_S / 100);
		if (!scene.seat[10]->path)
			continue;
		uint64_t ms = link_wait_us(&scene.path, s.now_us) / 1000;
		scene.waits[ms < 2000 ? ms : 1999]++;
		scene.looks++;
	}
	scene.plis += scene.seat[0]->client->count.plis - before;
}

static void end_scene(void)
{
	sim_set_path(&s, scene.seat[10], NULL);
	link_done(&scene.path);
}

static uint64_t wait_ms(unsigned percent)
{
	uint64_t n = 0;
	for (unsigned ms = 0; ms < 2000; ms++) {
		n += scene.waits[ms];
		if (n * 100 >= scene.looks * percent)
			return ms;
	}
	return 2000;
}

static uint64_t sum_of(
	const struct client *c, enum client_kind kind, bool missing)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *st = &c->stream[i];
		if (!st->used || !st->started || st->kind != kind)
			continue;
		uint64_t want = st->receive.highest - st->receive.first_seq + 1;
		n += missing ? want - st->packets : st->packets;
	}
	return n;
}

static void one_poor_receiver_is_alone(void **state)
{
	(void)state;
	const struct link_config poor = {
		.rate_bps = 500000, .queue_us = 1000000, .delay_us = 20000
	};
	begin_scene(&poor);
	watch_scene(10); /* to settle */
	uint64_t video[11], plis = scene.plis;
	uint64_t sound = sum_of(scene.seat[10]->client, CLIENT_AUDIO, false);
	memset(scene.waits, 0, sizeof(scene.waits));
	scene.looks = 0;
	for (unsigned i = 1; i < 11; i++)
		video[i] = sum_of(scene.seat[i]->client, CLIENT_VIDEO, false);
	watch_scene(60);
	const struct client *c = scene.seat[10]->client;
	print_message("wait p50 %llu p95 %llu max %llu ms; plis %llu; audio "
		      "missing %llu; video %llu of %llu packets\n",
		(unsigned long long)wait_ms(50),
		(unsigned long long)wait_ms(95),
		(unsigned long long)wait_ms(100),
		(unsigned long long)(scene.plis - plis),
		(unsigned long long)sum_of(c, CLIENT_AUDIO, true),
		(unsigned long long)(sum_of(c, CLIENT_VIDEO, false) -
				     video[10]),
		(unsigned long long)(sum_of(scene.seat[2]->client, CLIENT_VIDEO,
					     false) -
				     video[2]));
	assert_true(wait_ms(95) < 200);
	/* Two voices. */
	sound = sum_of(c, CLIENT_AUDIO, false) - sound;
	assert_in_range(sound, 2 * 50 * 60 * 99 / 100, 2 * 50 * 60 + 10);
	/* The others have all of it. */
	for (unsigned i = 1; i < 10; i++) {
		uint64_t got =
			sum_of(scene.seat[i]->client, CLIENT_VIDEO, false);
		assert_true(got - video[i] >= 60 * 30 * 8 * 99 / 100);
	}
	/* Once in 32 s, when it has asked for long. */
	assert_true(scene.plis - plis <= 4);
	assert_int_equal(sim_faults(&s), 0);
	end_scene();
}

static uint64_t video_of_poor(unsigned seconds)
{
	const struct client *c = scene.seat[10]->client;
	uint64_t before = sum_of(c, CLIENT_VIDEO, false);
	watch_scene(seconds);
	return (sum_of(c, CLIENT_VIDEO, false) - before) / seconds;
}

/* 3, 0.5 and 3 Mbit/s again: the whole picture is back soon. */
static void it_comes_back_with_the_path(void **state)
{
	(void)state;
	const struct link_config wide = {
		.rate_bps = 3000000, .queue_us = 1000000, .delay_us = 20000
	};
	struct link_config poor = wide;
	poor.rate_bps = 500000;
	begin_scene(&wide);
	watch_scene(7);
	assert_true(video_of_poor(5) > 235);
	link_set(&scene.path, s.now_us, &poor);
	watch_scene(20);
	assert_true(video_of_poor(10) < 60);
	link_set(&scene.path, s.now_us, &wide);
	watch_scene(15);
	uint64_t got = video_of_poor(10);
	print_message(
		"%llu packets a second of 240\n", (unsigned long long)got);
	assert_true(got > 235);
	assert_int_equal(sim_faults(&s), 0);
	end_scene();
}

/* Two seconds of nothing. */
static void an_outage_is_over_when_it_is_over(void **state)
{
	(void)state;
	const struct link_config wide = {
		.rate_bps = 4000000, .queue_us = 1000000, .delay_us = 20000
	};
	struct link_config cut = wide;
	cut.cut = true;
	begin_scene(&wide);
	watch_scene(10);
	const struct downlink *d = participant_of(scene.seat[10])->down;
	link_set(&scene.path, s.now_us, &cut);
	watch_scene(2);
	assert_int_equal(d->estimate.stalls, 1);
	link_set(&scene.path, s.now_us, &wide);
	watch_scene(5);
	uint64_t got = video_of_poor(5);
	print_message(
		"%llu packets a second of 240\n", (unsigned long long)got);
	assert_true(got > 235);
	assert_int_equal(sim_faults(&s), 0);
	end_scene();
}

/* Who loses sound gets each packet three times, and only then. */
static void sound_that_is_lost_comes_again(void **state)
{
	(void)state;
	const struct sim_link bad = { .delay_us = 20000, .loss_ppm = 150000 };
	struct client_config cfg = sim_usual(1);
	struct sim_seat *seat[3];
	cfg.video = false;
	cfg.twcc = true;
	for (unsigned i = 0; i < 3; i++) {
		cfg.id = i + 1;
		/* The third does not know it. */
		cfg.red = i < 2;
		seat[i] = sim_join(&s, &cfg, NULL);
	}
	sim_run(&s, 5 * SIM_S);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(seat[i]->client->count.red, 0);
	seat[1]->down = seat[2]->down = bad;
	sim_run(&s, 5 * SIM_S);
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		seat[1]->client->stream[i].heard = 0;
	sim_run(&s, 60 * SIM_S);
	assert_int_equal(seat[0]->client->count.red, 0);
	assert_int_equal(seat[2]->client->count.red, 0);
	assert_true(seat[1]->client->count.red > 4000);
	uint64_t want = 0, heard = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *st = &seat[1]->client->stream[i];
		if (!st->used || !st->heard)
			continue;
		want += st->heard_top - st->heard_first + 1;
		heard += st->heard;
	}
	print_message("%llu of %llu heard\n", (unsigned long long)heard,
		(unsigned long long)want);
	assert_true(want > 5900);
	/* 0.34 % are lost three times in a row. */
	assert_true(heard * 1000 >= want * 990);
	assert_int_equal(sim_faults(&s), 0);
	assert_int_equal(sim_missing(&s), 0);
}

/* On two workers: what comes by RTX and RED is made plain where it comes in. */
static void parts_repair_alike(void **state)
{
	(void)state;
	const struct sim_link bad = { .delay_us = 20000, .loss_ppm = 50000 };
	struct client_config cfg = sim_usual(1);
	struct sim_seat *seat[4];
	cfg.red = cfg.rtx = cfg.twcc = true;
	sim_spread(&s, 2);
	for (unsigned i = 0; i < 4; i++) {
		cfg.id = i + 1;
		s.joins_at = i % 2;
		seat[i] = sim_join(&s, &cfg, NULL);
	}
	sim_run(&s, 5 * SIM_S);
	for (unsigned i = 0; i < 4; i++)
		seat[i]->up = seat[i]->down = bad;
	sim_run(&s, 30 * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	assert_int_equal(sim_faults(&s), 0);
	for (unsigned i = 0; i < 4; i++) {
		const struct client *c = seat[i]->client;
		assert_true(c->count.rtx > 50 && c->count.red > 1000);
		assert_true(unrepaired_ppm(c) < 10000);
		assert_true(c->count.feedbacks > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			feedback_goes_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_where_nothing_is_agreed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_lost_comes_by_rtx, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_storm_of_nacks_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_poor_receiver_is_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			it_comes_back_with_the_path, setup, teardown),
		cmocka_unit_test_setup_teardown(
			parts_repair_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sound_that_is_lost_comes_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_outage_is_over_when_it_is_over, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
