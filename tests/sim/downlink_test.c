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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			feedback_goes_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_where_nothing_is_agreed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
