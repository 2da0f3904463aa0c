/* Datagrams of one batch, sealed as a client sent them. */
#include "tests/unit/sfu/stage.h"
#include <stdlib.h>
#include <string.h>
#include "sfu/intake.h"

enum { CAUGHT = 12, DATAGRAM = 1600 };

static struct stage st;
static struct intake in;
static void (*send_quietly)(struct client_out *, const uint8_t *, size_t);

static struct {
	uint8_t buf[CAUGHT][DATAGRAM];
	size_t len[CAUGHT];
	unsigned n;
} caught;

/* Client 0's RTP does not reach the server by itself. */
static void catch_rtp(struct client_out *out, const uint8_t *buf, size_t len)
{
	if (rtp_classify(buf, len) != RTP_KIND_RTP) {
		send_quietly(out, buf, len);
		return;
	}
	if (caught.n == CAUGHT || len > DATAGRAM)
		return;
	memcpy(caught.buf[caught.n], buf, len);
	caught.len[caught.n++] = len;
}

static int setup(void **state)
{
	(void)state;
	memset(&in, 0, sizeof(in));
	memset(&caught, 0, sizeof(caught));
	stage_init(&st, 3);
	send_quietly = st.seat[0]->out.send;
	st.seat[0]->out.send = catch_rtp;
	stage_run(&st, SIM_S);
	assert_int_equal(caught.n, CAUGHT);
	stage_clear(&st);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static bool take(uint8_t *buf, size_t len)
{
	return intake_take(&in, st.sim.now_us, st.sim.now_us, st.p[0],
		(struct sockaddr *)&st.seat[0]->addr, buf, len, &st.sim.out);
}

static void end(void)
{
	intake_end(&in, st.sim.now_us, &st.sim.out);
}

static uint64_t drops(enum conference_drop d)
{
	return stage_drops(&st, 0, d);
}

static void media_waits_for_the_end(void **state)
{
	(void)state;
	uint64_t before = st.p[0]->stats.rtp_in;
	for (unsigned i = 0; i < CAUGHT; i++)
		assert_false(take(caught.buf[i], caught.len[i]));
	assert_int_equal(st.p[0]->stats.rtp_in, before);
	assert_int_equal(st.sim.out.n, 0);
	end();
	assert_int_equal(st.p[0]->stats.rtp_in, before + CAUGHT);
	assert_int_equal(drops(DROP_DUPLICATE), 0);
	assert_true(stage_sent(&st, 1) > 0);
	assert_int_equal(stage_sent(&st, 1), stage_sent(&st, 2));
	end();
	assert_int_equal(st.p[0]->stats.rtp_in, before + CAUGHT);
}

static void a_repeat_in_a_batch_is_a_replay(void **state)
{
	(void)state;
	uint64_t before = st.p[0]->stats.rtp_in;
	uint8_t again[DATAGRAM];
	memcpy(again, caught.buf[0], caught.len[0]);
	take(caught.buf[0], caught.len[0]);
	take(caught.buf[1], caught.len[1]);
	take(again, caught.len[0]);
	end();
	assert_int_equal(st.p[0]->stats.rtp_in, before + 2);
	assert_int_equal(drops(DROP_REPLAY), 1);
}

static void forged_ones_are_counted(void **state)
{
	(void)state;
	uint64_t before = st.p[0]->stats.rtp_in;
	caught.buf[1][caught.len[1] - 1] ^= 1;
	for (unsigned i = 0; i < 3; i++)
		take(caught.buf[i], caught.len[i]);
	caught.buf[3][0] = 0x80;
	take(caught.buf[3], 13);
	end();
	assert_int_equal(st.p[0]->stats.rtp_in, before + 2);
	assert_int_equal(drops(DROP_AUTH), 1);
	assert_int_equal(drops(DROP_MALFORMED), 1);
}

static void from_elsewhere_it_is_not_even_opened(void **state)
{
	(void)state;
	struct sockaddr_in from = st.seat[0]->addr;
	from.sin_port ^= 1;
	intake_take(&in, st.sim.now_us, st.sim.now_us, st.p[0],
		(struct sockaddr *)&from, caught.buf[0], caught.len[0],
		&st.sim.out);
	assert_int_equal(in.n, 0);
	assert_int_equal(drops(DROP_UNKNOWN_SOURCE), 1);
	/* Its number is still to be had by the real one. */
	uint64_t before = st.p[0]->stats.rtp_in;
	take(caught.buf[0], caught.len[0]);
	end();
	assert_int_equal(st.p[0]->stats.rtp_in, before + 1);
}

/* However late we were to read it. */
static void feedback_tells_when_it_came(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(4);
	unsigned told = 0, i;
	cfg.twcc = true;
	i = stage_join(&st, &cfg);
	st.seat[0]->out.send = send_quietly;
	st.seat[i]->out.send = catch_rtp;
	caught.n = 0;
	stage_run(&st, 3 * SIM_S);
	assert_int_equal(caught.n, CAUGHT);
	uint64_t now_us = st.sim.now_us, at_us = now_us - 30000;
	for (unsigned k = 0; k < CAUGHT; k++)
		intake_take(&in, now_us, at_us, st.p[i],
			(struct sockaddr *)&st.seat[i]->addr, caught.buf[k],
			caught.len[k], &st.sim.out);
	end();
	for (unsigned k = 0; k < ARRIVAL_RING; k++)
		told += st.p[i]->arrival->at_us[k] == at_us;
	assert_int_equal(told, CAUGHT);
}

/* Before anything is settled all media before it is known; what it brought for
 * others goes on waiting. */
static void another_kind_finds_all_before_it_handed_over(void **state)
{
	(void)state;
	uint8_t stun[20] = { 0 };
	for (unsigned i = 0; i < 8; i++)
		take(caught.buf[i], caught.len[i]);
	end(); /* both sources have begun */
	stage_clear(&st);
	uint64_t before = st.p[0]->stats.rtp_in, bad = drops(DROP_STUN);
	for (unsigned i = 8; i < 12; i++)
		take(caught.buf[i], caught.len[i]);
	assert_int_equal(in.n, 4);
	assert_false(take(stun, sizeof(stun)));
	assert_int_equal(drops(DROP_STUN), bad + 1);
	assert_int_equal(in.n, 0);
	assert_int_equal(st.p[0]->stats.rtp_in, before + 4);
	assert_int_equal(st.sim.out.n, 0);
	assert_int_equal(fanout_count(st.sim.conference->fanout), 4);
	end();
	assert_int_equal(fanout_count(st.sim.conference->fanout), 0);
	assert_true(stage_sent(&st, 1) > 0);
}

static void who_is_gone_is_not_heard(void **state)
{
	(void)state;
	conference_leave(st.sim.conference, st.sim.now_us, st.p[0]->id,
		SFU_BY_COMMAND, &st.sim.out);
	assert_false(take(caught.buf[0], caught.len[0]));
	assert_int_equal(in.n, 0);
	end();
	sim_settle(&st.sim);
}

/* More than it holds: the first ones are handed over before the end. */
static void a_long_batch_does_not_overflow(void **state)
{
	(void)state;
	uint8_t *copy = calloc(INTAKE_PACKETS + 1, DATAGRAM);
	assert_non_null(copy);
	for (unsigned i = 0; i < INTAKE_PACKETS + 1; i++) {
		memcpy(copy + i * DATAGRAM, caught.buf[0], caught.len[0]);
		take(copy + i * DATAGRAM, caught.len[0]);
	}
	assert_int_equal(in.n, 1);
	end();
	assert_int_equal(drops(DROP_REPLAY), INTAKE_PACKETS);
	free(copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(media_waits_for_the_end),
		TEST(a_repeat_in_a_batch_is_a_replay),
		TEST(forged_ones_are_counted),
		TEST(from_elsewhere_it_is_not_even_opened),
		TEST(feedback_tells_when_it_came),
		TEST(another_kind_finds_all_before_it_handed_over),
		TEST(who_is_gone_is_not_heard),
		TEST(a_long_batch_does_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
