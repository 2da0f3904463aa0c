/* Handshakes whose steps are done elsewhere: here by a desk that works when the
 * test says so. */
#include "tests/sim/cmocka_sim.h"
#include <string.h>
#include "tests/unit/sfu/stage.h"

enum { DESK = 16, MS = 1000 };

struct desk {
	struct errands errands; /* first */
	struct errand all[DESK];
	struct errand *idle[DESK], *todo[DESK], *done[DESK];
	unsigned n_idle, n_todo, n_done;
	unsigned refused, sent;
};

static struct stage st;
static struct desk desk;

static struct errand *take(struct errands *errands)
{
	struct desk *d = (struct desk *)errands;
	if (d->n_idle)
		return d->idle[--d->n_idle];
	d->refused++;
	return NULL;
}

static void send_off(struct errands *errands, struct errand *e)
{
	struct desk *d = (struct desk *)errands;
	d->todo[d->n_todo++] = e;
	d->sent++;
}

/* The thread's part. */
static void work(void)
{
	for (unsigned i = 0; i < desk.n_todo; i++) {
		desk.todo[i]->now_us = st.sim.now_us;
		errand_run(desk.todo[i]);
		desk.done[desk.n_done++] = desk.todo[i];
	}
	desk.n_todo = 0;
}

/* The loop's. */
static void bring_back(void)
{
	for (unsigned i = 0; i < desk.n_done; i++) {
		conference_errand_done(st.sim.conference, st.sim.now_us,
			desk.done[i], &st.sim.out);
		desk.idle[desk.n_idle++] = desk.done[i];
	}
	desk.n_done = 0;
	sim_settle(&st.sim);
}

static void run(uint64_t for_us)
{
	for (uint64_t end = st.sim.now_us + for_us; st.sim.now_us < end;) {
		stage_run(&st, 5 * MS);
		work();
		bring_back();
	}
}

static unsigned join(enum dtls_role ours)
{
	struct client_config cfg = sim_usual(3);
	cfg.dtls_client = ours == DTLS_SERVER;
	return stage_join(&st, &cfg);
}

static const struct peer *peer_of(unsigned i)
{
	return &st.p[i]->peer;
}

/* Until so many errands wait. */
static void run_until(unsigned n_todo)
{
	for (unsigned i = 0; i < 500 && desk.n_todo < n_todo; i++)
		stage_run(&st, 1 * MS);
	assert_true(desk.n_todo >= n_todo);
}

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 2);
	memset(&desk, 0, sizeof(desk));
	desk.errands.take = take;
	desk.errands.send = send_off;
	for (unsigned i = 0; i < DESK; i++)
		desk.idle[desk.n_idle++] = &desk.all[i];
	st.sim.env.errands = &desk.errands;
	return 0;
}

/* As a worker ends: what is out comes home unfinished, then all is freed. */
static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < desk.n_done; i++)
		errand_forget(desk.done[i]);
	for (unsigned i = 0; i < desk.n_todo; i++)
		errand_forget(desk.todo[i]);
	stage_done(&st);
	return 0;
}

static void check_connects(enum dtls_role ours)
{
	unsigned i = join(ours);
	run(600 * MS);
	assert_int_equal(st.seat[i]->connected, 1);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTED);
	/* At home for good. */
	assert_null(peer_of(i)->handshake);
	unsigned sent = desk.sent;
	assert_true(sent >= 2 && sent <= 8);
	run(4 * SIM_S);
	assert_int_equal(desk.sent, sent);
	assert_int_equal(desk.n_idle, DESK);
	assert_int_equal(dtls_is_client(peer_of(i)->dtls), ours == DTLS_CLIENT);
	stage_video(&st, 0, 1, true);
	assert_int_equal(stage_sent(&st, i), 1);
	assert_non_null(peer_of(i)->channels);
	assert_int_equal(sim_stats(&st.sim).dtls_failed, 0);
}

static void it_connects_as_client(void **state)
{
	(void)state;
	check_connects(DTLS_CLIENT);
}

static void it_connects_as_server(void **state)
{
	(void)state;
	check_connects(DTLS_SERVER);
}

static void nothing_is_done_in_place(void **state)
{
	(void)state;
	unsigned i = join(DTLS_SERVER);
	run_until(1);
	/* The client repeats itself; nobody answers. */
	stage_run(&st, 3 * SIM_S);
	assert_true(handshake_is_away(peer_of(i)->handshake));
	assert_int_equal(dtls_state(peer_of(i)->dtls), DTLS_NEW);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTING);
	run(600 * MS);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTED);
}

static void one_participant_has_its_ceiling(void **state)
{
	(void)state;
	uint8_t hello[64] = { 22, 0xfe, 0xfd };
	unsigned i = join(DTLS_SERVER);
	run_until(1);
	for (unsigned k = 0; k < 2 * ERRAND_EACH; k++)
		conference_input(st.sim.conference, st.sim.now_us, st.p[i],
			(const struct sockaddr *)&st.seat[i]->addr, hello,
			sizeof(hello), &st.sim.out);
	assert_int_equal(desk.n_todo, ERRAND_EACH);
	assert_true(stage_drops(&st, i, DROP_DTLS) >= ERRAND_EACH);
	assert_int_equal(desk.refused, 0);
	run(2 * SIM_S);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTED);
}

/* All errands are out: the start is tried again, datagrams are sent again. */
static void it_waits_for_a_free_errand(void **state)
{
	(void)state;
	unsigned i = join(DTLS_CLIENT);
	desk.n_idle = 0;
	stage_run(&st, 300 * MS);
	assert_true(desk.refused >= 2);
	assert_true(desk.refused <= 300 * MS / ERRAND_RETRY_US);
	assert_true(peer_of(i)->want_start);
	assert_int_equal(desk.sent, 0);
	for (unsigned k = 0; k < DESK; k++)
		desk.idle[desk.n_idle++] = &desk.all[k];
	run(600 * MS);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTED);
}

/* Whoever leaves while its session is away takes nothing with it that the
 * thread still uses; what was not begun is not done. */
static void it_may_leave_meanwhile(void **state)
{
	(void)state;
	unsigned i = join(DTLS_SERVER);
	run_until(1);
	conference_leave(st.sim.conference, st.sim.now_us, st.seat[i]->id,
		SFU_BY_COMMAND, &st.sim.out);
	sim_settle(&st.sim);
	work();
	assert_int_equal(desk.done[0]->sent, 0);
	bring_back();
	assert_int_equal(desk.n_idle, DESK);
}

static void it_may_leave_when_the_step_is_done(void **state)
{
	(void)state;
	unsigned i = join(DTLS_SERVER);
	run_until(1);
	work();
	run_until(1); /* sent again: two are out */
	conference_leave(st.sim.conference, st.sim.now_us, st.seat[i]->id,
		SFU_BY_COMMAND, &st.sim.out);
	sim_settle(&st.sim);
	bring_back();
	assert_int_equal(desk.n_idle, DESK - 1);
	work();
	bring_back();
	assert_int_equal(desk.n_idle, DESK);
}

static void it_may_fail(void **state)
{
	(void)state;
	uint8_t alert[15] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };
	unsigned i = join(DTLS_CLIENT);
	run_until(1);
	work();
	bring_back();
	conference_input(st.sim.conference, st.sim.now_us, st.p[i],
		(const struct sockaddr *)&st.seat[i]->addr, alert,
		sizeof(alert), &st.sim.out);
	assert_int_equal(desk.n_todo, 1);
	work();
	bring_back();
	assert_true(st.seat[i]->left);
	assert_int_equal(st.seat[i]->reason, SFU_DTLS_FAILED);
	assert_int_equal(sim_stats(&st.sim).dtls_failed, 1);
}

/* A lost flight is sent again by an errand too. */
static void it_repeats_what_is_lost(void **state)
{
	(void)state;
	unsigned i = join(DTLS_CLIENT);
	run_until(1);
	st.seat[i]->down.cut = true;
	work();
	bring_back(); /* the ClientHello: lost */
	assert_false(handshake_is_away(peer_of(i)->handshake));
	run_until(1);
	assert_int_equal(desk.todo[0]->verb, ERRAND_TICK);
	st.seat[i]->down.cut = false;
	run(600 * MS);
	assert_int_equal(peer_of(i)->state, PEER_CONNECTED);
}

/* More than an errand holds: the rest is lost, and counted. */
static void a_step_sends_only_so_much(void **state)
{
	(void)state;
	uint8_t big[DTLS_DATAGRAM_MAX] = { 0 };
	unsigned i = join(DTLS_SERVER);
	run_until(1);
	struct errand *e = desk.todo[0];
	for (unsigned k = 0; k < 6; k++)
		e->to.send(&e->to, big, sizeof(big));
	assert_int_equal(e->sent, ERRAND_OUT / DTLS_DATAGRAM_MAX);
	assert_int_equal(e->lost, 6 - e->sent);
	e->sent = e->lost = 0;
	e->used = 0;
	for (unsigned k = 0; k < ERRAND_DATAGRAMS + 2; k++)
		e->to.send(&e->to, big, 1);
	assert_int_equal(e->sent, ERRAND_DATAGRAMS);
	assert_int_equal(e->lost, 2);
	e->sent = 0;
	assert_false(errand_send(&desk.errands, e->handshake, ERRAND_INPUT,
		st.sim.now_us, big, ERRAND_IN + 1));
	assert_int_equal(peer_of(i)->handshake->out, desk.n_todo);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(it_connects_as_client),
		CASE(it_connects_as_server),
		CASE(nothing_is_done_in_place),
		CASE(one_participant_has_its_ceiling),
		CASE(it_waits_for_a_free_errand),
		CASE(it_may_leave_meanwhile),
		CASE(it_may_leave_when_the_step_is_done),
		CASE(it_may_fail),
		CASE(it_repeats_what_is_lost),
		CASE(a_step_sends_only_so_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
