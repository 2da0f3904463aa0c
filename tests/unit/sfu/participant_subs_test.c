/* Who gets what: holding, refusing, and the one stream of old clients. */
#include "tests/sim/cmocka_sim.h"
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

static struct stage st;
static struct conference *c;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 2);
	c = st.sim.conference;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static void offer_with(unsigned i, const char *old, const char *new)
{
	char *text = client_offer(st.seat[i]->client, false), *at = text;
	while (*old && (at = strstr(at, old)))
		memcpy(at, new, strlen(new));
	conference_offer(c, st.sim.now_us, st.seat[i]->id, text, strlen(text),
		&st.sim.out);
	free(text);
	stage_run(&st, SIM_S);
}

static void everybody_gets_everybody_else_once(void **state)
{
	(void)state;
	for (uint32_t id = 3; id < 6; id++) {
		struct client_config cfg = sim_usual(id);
		stage_join(&st, &cfg);
	}
	stage_run(&st, 3 * SIM_S);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(st.p[i]->n_subs, 8);
		for (unsigned k = 0; k < 5; k++) {
			assert_int_equal(
				stage_sub(&st, i, k, SDP_VIDEO) != NULL,
				i != k);
		}
		for (unsigned k = 0; k < 8; k++) {
			struct subscription *s = st.p[i]->sub[k];
			assert_true(s->active);
			assert_ptr_equal(
				participant_sub_by_ssrc(st.p[i], s->ssrc), s);
		}
	}
	assert_null(participant_sub_by_ssrc(st.p[0], 0));
}

/* The peer turns its receiving off: nothing is sent to it, and it sends on. */
static void who_holds_gets_nothing(void **state)
{
	(void)state;
	offer_with(0, "a=sendrecv", "a=sendonly");
	assert_false(stage_sub(&st, 0, 1, SDP_VIDEO)->active);
	stage_video(&st, 1, 1, true);
	stage_audio(&st, 1, 1, 30);
	assert_int_equal(stage_sent(&st, 0), 0);
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, 1), 1);
	uint64_t wishes = st.p[1]->stats.plis_out;
	stage_run(&st, 2 * SIM_S);
	offer_with(0, "", "");
	assert_true(stage_sub(&st, 0, 1, SDP_VIDEO)->active);
	/* Back again: it needs a key frame, and that is asked for. */
	stage_video(&st, 1, 2, false);
	assert_int_equal(stage_sent(&st, 0), 0);
	assert_true(st.p[1]->stats.plis_out > wishes);
	stage_video(&st, 1, 3, true);
	assert_int_equal(stage_sent(&st, 0), 1);
}

static char *negotiate_and_refuse(unsigned i, const char *offer)
{
	char *text = client_negotiate(st.seat[i]->client, st.sim.now_us, offer);
	assert_non_null(text);
	/* The last m-line is not wanted: its port becomes 0. */
	char *last = text, *at = text;
	while ((at = strstr(at, "m=video 9 ")))
		last = at++;
	assert_true(last != text);
	last[8] = '0';
	/* … and leaves the BUNDLE group, whose last mid it is. */
	char *end = strstr(strstr(text, "a=group:BUNDLE"), "\r\n");
	while (end[-1] != ' ')
		*--end = ' ';
	return text;
}

static struct subscription *first_of(unsigned i, unsigned of)
{
	return stage_sub(&st, i, of, SDP_VIDEO);
}

/* An m-line refused for good is used again for something else: what was meant
 * for it stays away, also when it ends. */
static void a_refused_line_is_given_up(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(3);
	struct sfu_event ev;
	st.seat[0]->ignore_offers = true;
	cfg.audio = false;
	unsigned i = stage_join(&st, &cfg);
	stage_run(&st, 20000);
	char *text = client_offer(st.seat[i]->client, false);
	conference_offer(c, st.sim.now_us, st.seat[i]->id, text, strlen(text),
		&st.sim.out);
	free(text);
	conference_tick(
		c, st.sim.now_us + PARTICIPANT_COALESCE_US, &st.sim.out);
	text = NULL;
	while (conference_next_event(c, &ev))
		if (ev.type == SFU_EV_OFFER && ev.participant == st.seat[0]->id)
			text = negotiate_and_refuse(0, ev.sdp);
	assert_non_null(text);
	conference_answer(c, st.sim.now_us, st.seat[0]->id, text, strlen(text),
		&st.sim.out);
	free(text);
	struct subscription *s = first_of(0, i);
	assert_non_null(s);
	assert_false(s->active);
	assert_false(subscription_holds_line(s));
	/* It is not offered again and again. */
	uint64_t offers = st.seat[0]->offers;
	stage_run(&st, 2 * SIM_S);
	assert_int_equal(st.seat[0]->offers, offers);
	assert_int_equal(st.seat[0]->refused, 0);
	stage_video(&st, i, 1, true);
	assert_int_equal(stage_sent(&st, 0), 0);
	/* Its end takes nothing else along. */
	conference_leave(
		c, st.sim.now_us, st.seat[i]->id, SFU_BY_COMMAND, &st.sim.out);
	stage_run(&st, SIM_S);
	assert_int_equal(st.p[0]->n_subs, 2);
	assert_true(first_of(0, 1)->active);
}

/* --- one stream for old clients
 * -----------------------------------------------
 */

static unsigned old_client(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.metadata_free = true;
	unsigned i = stage_join(&st, &cfg);
	stage_run(&st, 2 * SIM_S);
	return i;
}

static void talk(unsigned who, unsigned ms)
{
	static uint16_t seq;
	for (unsigned k = 0; k < ms / 20; k++) {
		stage_audio(&st, who, seq++, 10);
		stage_run(&st, 20000);
	}
}

static void an_old_client_follows_who_speaks(void **state)
{
	(void)state;
	unsigned old = old_client(3);
	assert_int_equal(st.p[old]->n_subs, 2);
	talk(0, 1000);
	for (unsigned k = 0; k < 2; k++) {
		assert_true(st.p[old]->sub[k]->switched);
		assert_ptr_equal(st.p[old]->sub[k]->track->owner, st.p[0]);
	}
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, old), 1);
	uint32_t ssrc = stage_last(&st, old).ssrc;
	uint16_t seq = stage_last(&st, old).seq;
	talk(1, 3000);
	assert_ptr_equal(st.p[old]->sub[0]->track->owner, st.p[1]);
	/* One stream goes on: same SSRC, next number, from a key frame. */
	stage_video(&st, 1, 500, false);
	assert_int_equal(stage_sent(&st, old), 0);
	stage_video(&st, 1, 501, true);
	assert_int_equal(stage_last(&st, old).ssrc, ssrc);
	assert_int_equal(stage_last(&st, old).seq, (uint16_t)(seq + 1));
	/* And never an offer. */
	assert_int_equal(st.seat[old]->offers, 0);
	assert_true(participant_offer_deadline(st.p[old]) == UINT64_MAX);
}

static void an_old_client_alone_sees_nobody_then_somebody(void **state)
{
	(void)state;
	unsigned old = old_client(3);
	for (unsigned i = 0; i < 2; i++)
		conference_leave(c, st.sim.now_us, st.seat[i]->id,
			SFU_BY_COMMAND, &st.sim.out);
	stage_run(&st, SIM_S);
	assert_int_equal(st.p[old]->n_subs, 2);
	for (unsigned k = 0; k < 2; k++) {
		assert_null(st.p[old]->sub[k]->track);
		assert_false(st.p[old]->sub[k]->active);
	}
	struct client_config cfg = sim_usual(4);
	unsigned i = stage_join(&st, &cfg);
	stage_run(&st, 2 * SIM_S);
	stage_video(&st, i, 1, true);
	assert_int_equal(stage_sent(&st, old), 1);
	/* The newcomer sees the old one too. */
	stage_video(&st, old, 1, true);
	assert_int_equal(stage_sent(&st, i), 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(everybody_gets_everybody_else_once),
		CASE(who_holds_gets_nothing),
		CASE(a_refused_line_is_given_up),
		CASE(an_old_client_follows_who_speaks),
		CASE(an_old_client_alone_sees_nobody_then_somebody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
