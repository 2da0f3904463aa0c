/* Bad networks and sudden ends. */
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static struct sim world;

static int teardown(void **state)
{
	(void)state;
	sim_done(&world);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	sim_init(&world, 11);
	return 0;
}

static struct sim_seat *join_over(uint32_t id, const struct sim_link *link)
{
	struct client_config cfg = sim_usual(id);
	/* Both DTLS roles of ours. */
	cfg.dtls_server = id % 2;
	return sim_join(&world, &cfg, link);
}

static void all_join_under_30_percent_loss(void **state)
{
	(void)state;
	const struct sim_link bad = {
		.delay_us = 40000, .jitter_us = 10000, .loss_ppm = 300000
	};
	for (unsigned i = 0; i < 8; i++)
		join_over(i + 1, &bad);
	sim_run(&world, 20 * SIM_S);
	for (unsigned i = 0; i < 8; i++) {
		assert_false(world.seat[i].left);
		assert_int_equal(world.seat[i].connected, 1);
	}
	/* Once everybody has a key frame, all are live in spite of the loss. */
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
}

static uint64_t lost_for_good(const struct client *c)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (c->stream[i].used)
			n += c->stream[i].receive.given_up;
	return n;
}

static void loss_is_repaired(void **state)
{
	(void)state;
	const struct sim_link lossy = { .delay_us = 20000, .loss_ppm = 50000 };
	join_over(1, NULL);
	struct sim_seat *b = join_over(2, &lossy);
	sim_run(&world, 30 * SIM_S);
	uint64_t got = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (b->client->stream[i].used)
			got += b->client->stream[i].packets;
	assert_true(b->client->count.nacks_sent > 0);
	assert_true(sim_stats(&world).resent > 0);
	/* 5 % lost each way; NACKs bring back all but a trace. */
	assert_true(got > 2000);
	assert_in_range(lost_for_good(b->client) * 1000 / got, 0, 2);
	/* What b publishes is repaired on our side of it. */
	assert_true(sim_stats(&world).nacks_out > 0);
	assert_int_equal(sim_faults(&world), 0);
}

static void reordering_and_duplicates_do_no_harm(void **state)
{
	(void)state;
	const struct sim_link odd = {
		.delay_us = 10000, .jitter_us = 60000, .duplicate_ppm = 100000
	};
	join_over(1, &odd);
	join_over(2, &odd);
	sim_run(&world, 20 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	struct conference_stats st = sim_stats(&world);
	/* libsrtp2 sees a copy before the receiver's window does. */
	assert_true(st.drops[DROP_REPLAY] + st.drops[DROP_DUPLICATE] > 0);
}

static uint64_t newest_us(const struct sim_seat *seat)
{
	uint64_t t = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (seat->client->stream[i].used &&
			seat->client->stream[i].last_us > t)
			t = seat->client->stream[i].last_us;
	return t;
}

static void a_nat_rebinding_costs_one_check(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL);
	join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	sim_rebind(&world, a);
	/* Browsers check a path that changed at once. */
	a->client->check_us = world.now_us;
	uint64_t then = world.now_us;
	sim_run(&world, 200000);
	assert_true(newest_us(a) > then + 50000);
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_false(a->left);
}

static void lost_consent_ends_the_call(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL), *b = join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	b->up.cut = b->down.cut = true;
	sim_run(&world, 25 * SIM_S);
	assert_false(b->left);
	sim_run(&world, 8 * SIM_S);
	assert_true(b->left);
	assert_int_equal(b->reason, SFU_ICE_TIMEOUT);
	assert_int_equal(a->n_streams, 0);
	assert_int_equal(sim_stats(&world).participants, 1);
}

static void an_outage_of_20_s_is_survived(void **state)
{
	(void)state;
	join_over(1, NULL);
	struct sim_seat *b = join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	b->up.cut = b->down.cut = true;
	sim_run(&world, 20 * SIM_S);
	b->up.cut = b->down.cut = false;
	sim_run(&world, 3 * SIM_S);
	assert_false(b->left);
	assert_int_equal(sim_missing(&world), 0);
}

static void who_is_not_heard_is_gone_for_the_others(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL), *b = join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(a->n_streams, 1);
	b->up.cut = b->down.cut = true;
	sim_run(&world, 7 * SIM_S);
	assert_int_equal(a->n_streams, 1);
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(a->n_streams, 0);
	assert_int_equal(b->away, 1);
	assert_false(b->left);
	/* Who comes meanwhile does not get it either. */
	struct sim_seat *c = join_over(3, NULL);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(c->n_streams, 1);
	b->up.cut = b->down.cut = false;
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(b->back, 1);
	assert_int_equal(b->connected, 1);
	assert_int_equal(a->n_streams, 2);
	assert_int_equal(c->n_streams, 2);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(a->away + c->away, 0);
}

static void who_never_connects_is_removed(void **state)
{
	(void)state;
	const struct sim_link none = { .cut = true };
	struct sim_seat *a = join_over(1, &none);
	sim_run(&world, 29 * SIM_S);
	assert_false(a->left);
	sim_run(&world, 2 * SIM_S);
	assert_true(a->left);
	assert_int_equal(a->reason, SFU_ICE_FAILED);
}

static void ice_restarts_without_losing_media(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL);
	join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	sim_ice_restart(&world, a);
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_stats(&world).ice_restarts, 1);
	assert_int_equal(a->refused, 0);
	/* The new credentials are the ones that keep it alive. */
	sim_run(&world, 60 * SIM_S);
	assert_false(a->left);
	assert_int_equal(sim_missing(&world), 0);
}

static void close_notify_is_a_hangup(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL), *b = join_over(2, NULL);
	sim_run(&world, 5 * SIM_S);
	client_close(b->client);
	sim_run(&world, SIM_S);
	assert_true(b->left);
	assert_int_equal(b->reason, SFU_CLOSED);
	assert_int_equal(a->n_streams, 0);
}

static void who_never_answers_our_offers_is_removed(void **state)
{
	(void)state;
	struct sim_seat *a = join_over(1, NULL);
	a->ignore_offers = true;
	sim_run(&world, 2 * SIM_S);
	join_over(2, NULL);
	sim_run(&world, 60 * SIM_S);
	assert_true(a->left);
	assert_int_equal(a->reason, SFU_UNANSWERED);
	assert_int_equal(a->offers, 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(all_join_under_30_percent_loss),
		CASE(loss_is_repaired),
		CASE(reordering_and_duplicates_do_no_harm),
		CASE(a_nat_rebinding_costs_one_check),
		CASE(lost_consent_ends_the_call),
		CASE(an_outage_of_20_s_is_survived),
		CASE(who_is_not_heard_is_gone_for_the_others),
		CASE(who_never_connects_is_removed),
		CASE(ice_restarts_without_losing_media),
		CASE(close_notify_is_a_hangup),
		CASE(who_never_answers_our_offers_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
