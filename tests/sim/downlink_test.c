/*
 * What goes to each receiver follows its own path: feedback both ways, what is
 * lost sent again, and one bad receiver that nobody else notices.
 */
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
		/* Two others, of 150 kbit/s and 40 each. */
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
			assert_true(p->track[i]->receive.recovered > 100);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
