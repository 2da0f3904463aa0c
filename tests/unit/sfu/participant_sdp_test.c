/* Offers and answers: when, and what of them is told. */
#include "tests/sim/cmocka_sim.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

static struct stage st;
static struct conference *c;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 1);
	c = st.sim.conference;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static unsigned join(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	return stage_join(&st, &cfg);
}

/* The next event of one type for client i; others are skipped. */
static bool next_event(
	unsigned i, enum sfu_event_type type, struct sfu_event *ret)
{
	while (conference_next_event(c, ret))
		if (ret->participant == st.seat[i]->id && ret->type == type)
			return true;
	return false;
}

static void changes_are_gathered(void **state)
{
	(void)state;
	uint64_t before = st.seat[0]->offers;
	/* Three come within a moment: one offer tells of all. */
	for (uint32_t id = 2; id < 5; id++)
		join(id);
	stage_run(&st, SIM_S);
	assert_int_equal(st.seat[0]->offers - before, 1);
	assert_int_equal(st.seat[0]->n_streams, 3);
	/* One comes and goes again at once: nothing to tell in the end. */
	before = st.seat[0]->offers;
	unsigned i = join(9);
	stage_run(&st, 60000); /* its offer has arrived */
	assert_int_equal(st.p[0]->n_subs, 8);
	conference_leave(
		c, st.sim.now_us, st.seat[i]->id, SFU_BY_COMMAND, &st.sim.out);
	stage_run(&st, SIM_S);
	assert_int_equal(st.seat[0]->offers, before);
	assert_int_equal(st.p[0]->n_subs, 6);
}

static void no_offer_before_the_transport_is_up(void **state)
{
	(void)state;
	struct sim_link cut = { .cut = true };
	struct client_config cfg = sim_usual(2);
	struct sim_seat *late = sim_join(&st.sim, &cfg, &cut);
	stage_run(&st, 200000);
	unsigned third = join(3);
	stage_run(&st, 5 * SIM_S);
	assert_int_equal(late->answers, 1);
	assert_int_equal(late->offers, 0);
	assert_true(st.seat[third]->connected);
	late->up = late->down = (struct sim_link){ .delay_us = 10000 };
	stage_run(&st, 5 * SIM_S);
	assert_int_equal(late->connected, 1);
	assert_int_equal(late->offers, 1);
}

static void a_late_bad_offer_changes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "v=0", "garbage\r\n" };
	struct sfu_event ev;
	unsigned i = join(2);
	st.seat[0]->ignore_offers = true;
	stage_run(&st, SIM_S);
	struct participant *p = st.p[0];
	assert_true(p->offered_us != 0);
	for (unsigned k = 0; k < 3; k++) {
		conference_offer(c, st.sim.now_us, p->id, bad[k],
			strlen(bad[k]), &st.sim.out);
		assert_true(next_event(0, SFU_EV_REFUSED, &ev));
		assert_true(ev.code < 0);
		assert_false(p->gone);
		/* Ours crossed it and is made again, soon. */
		assert_int_equal(p->offered_us, 0);
		assert_true(p->deadline_us <=
			    st.sim.now_us + PARTICIPANT_COALESCE_US);
	}
	assert_int_equal(p->n_tracks, 2);
	assert_true(stage_sub(&st, i, 0, SDP_VIDEO)->active);
}

static void unanswered_offers_end_the_call(void **state)
{
	(void)state;
	st.seat[0]->ignore_offers = true;
	join(2);
	stage_run(&st, SIM_S);
	for (unsigned k = 1; k <= PARTICIPANT_OFFERS; k++) {
		assert_int_equal(st.seat[0]->offers, k);
		assert_non_null(st.p[0]);
		stage_run(&st, PARTICIPANT_ANSWER_US);
	}
	assert_true(st.seat[0]->left);
	assert_int_equal(st.seat[0]->reason, SFU_UNANSWERED);
}

static void an_answer_to_nothing_is_refused(void **state)
{
	(void)state;
	struct sfu_event ev;
	conference_answer(c, st.sim.now_us, st.p[0]->id, "v=0", 3, &st.sim.out);
	assert_true(next_event(0, SFU_EV_REFUSED, &ev));
	assert_int_equal(ev.code, -EALREADY);
	assert_false(st.p[0]->gone);
}

/* Attack 70. Ours is out when theirs comes: ours is taken back and made anew.
 */
static void glare_is_ours_to_lose(void **state)
{
	(void)state;
	struct sfu_event ev;
	unsigned i = join(2);
	st.seat[0]->ignore_offers = true;
	stage_run(&st, 300000);
	struct participant *p = st.p[0];
	assert_true(p->offered_us != 0);
	st.seat[0]->ignore_offers = false;
	char *text = client_offer(st.seat[0]->client, false);
	conference_offer(
		c, st.sim.now_us, p->id, text, strlen(text), &st.sim.out);
	free(text);
	assert_int_equal(p->offered_us, 0);
	assert_true(next_event(0, SFU_EV_ANSWER, &ev));
	client_answer(st.seat[0]->client, st.sim.now_us, ev.sdp);
	assert_int_equal(negotiation_state(p->negotiation), NEGOTIATE_STABLE);
	stage_run(&st, SIM_S);
	assert_int_equal(p->offered_us, 0);
	assert_int_equal(p->offers_unanswered, 0);
	assert_true(stage_sub(&st, 0, i, SDP_VIDEO)->active);
	assert_false(negotiation_needed(p->negotiation));
}

static void another_certificate_ends_the_call(void **state)
{
	(void)state;
	struct sfu_event ev;
	char *text = client_offer(st.seat[0]->client, true), *at = text;
	while ((at = strstr(at, "a=fingerprint:sha-256 "))) {
		at += strlen("a=fingerprint:sha-256 ");
		*at = *at == 'A' ? 'B' : 'A';
	}
	conference_offer(
		c, st.sim.now_us, st.p[0]->id, text, strlen(text), &st.sim.out);
	free(text);
	assert_true(next_event(0, SFU_EV_REFUSED, &ev));
	assert_int_equal(ev.code, -EINVAL);
	assert_true(next_event(0, SFU_EV_LEFT, &ev));
	assert_int_equal(ev.reason, SFU_REFUSED);
}

static void streams_are_told_as_the_sdp_names_them(void **state)
{
	(void)state;
	struct sfu_event ev;
	unsigned i = join(2);
	st.seat[0]->ignore_offers = true;
	stage_run(&st, 20000); /* not even its offer is here */
	struct participant *p = st.p[0];
	sfu_id two = st.seat[i]->id;
	char *text = client_offer(st.seat[i]->client, false);
	conference_offer(
		c, st.sim.now_us, two, text, strlen(text), &st.sim.out);
	free(text);
	/* The newcomer's answer has the first one's stream … */
	assert_true(next_event(i, SFU_EV_ANSWER, &ev));
	assert_int_equal(ev.n_streams, 1);
	assert_int_equal(ev.streams[0].owner, p->id);
	assert_string_equal(ev.streams[0].source, "cam1");
	assert_true(ev.streams[0].audio && ev.streams[0].video);
	assert_non_null(strstr(ev.sdp, ev.streams[0].id));
	/* … and the first one's next offer has the newcomer's. */
	conference_tick(
		c, st.sim.now_us + PARTICIPANT_COALESCE_US, &st.sim.out);
	assert_true(next_event(0, SFU_EV_OFFER, &ev));
	assert_int_equal(ev.n_streams, 1);
	assert_int_equal(ev.streams[0].owner, two);
	assert_string_equal(ev.streams[0].source, "cam2");
	assert_non_null(strstr(ev.sdp, ev.streams[0].id));
	assert_null(strstr(ev.sdp, "cam2")); /* opaque, unique names */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(changes_are_gathered),
		CASE(no_offer_before_the_transport_is_up),
		CASE(a_late_bad_offer_changes_nothing),
		CASE(unanswered_offers_end_the_call),
		CASE(an_answer_to_nothing_is_refused),
		CASE(glare_is_ours_to_lose),
		CASE(another_certificate_ends_the_call),
		CASE(streams_are_told_as_the_sdp_names_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
