/* Several packets of one batch: what differs from one at a time is the order in
 * which they leave, and nothing else. */
#include "tests/unit/sfu/stage.h"

static struct stage st;

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 4);
	stage_video(&st, 0, 1, true);
	stage_clear(&st);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

/* The source numbers of what goes to client i, in the order they will leave. */
static unsigned order_of(unsigned i, uint8_t ret[STAGE_HELD])
{
	struct rtp_packet pkt;
	unsigned n = 0;
	for (unsigned k = 0; k < st.sim.out.n; k++) {
		const struct packet *p = &st.sim.out.v[k];
		if (p->key != st.p[i]->peer.crypt || p->rtcp)
			continue;
		assert_int_equal(rtp_parse(&pkt, p->data, p->len), 0);
		ret[n++] = pkt.payload[2]; /* stage_video's */
	}
	return n;
}

static void receiver_by_receiver(void **state)
{
	(void)state;
	st.hold = true;
	for (uint16_t seq = 2; seq < 6; seq++)
		stage_video(&st, 0, seq, false);
	assert_int_equal(st.sim.out.n, 0);
	assert_int_equal(fanout_count(st.sim.conference->fanout), 4);
	stage_let_go(&st);
	assert_int_equal(fanout_count(st.sim.conference->fanout), 0);
	assert_int_equal(st.sim.out.n, 12);
	assert_int_equal(st.sim.out.n_targets, 3);
	for (unsigned k = 1; k < 12; k++)
		assert_int_equal(st.sim.out.v[k].key == st.sim.out.v[k - 1].key,
			k % 4 != 0);
	for (unsigned i = 1; i < 4; i++) {
		uint8_t seq[STAGE_HELD];
		assert_int_equal(order_of(i, seq), 4);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(seq[k], 2 + k);
	}
}

/* Two sources at once: no packet of one is taken for the other's. */
static void tracks_do_not_mix(void **state)
{
	(void)state;
	stage_video(&st, 1, 50, true);
	stage_clear(&st);
	st.hold = true;
	for (uint16_t k = 0; k < 3; k++) {
		stage_video(&st, 0, (uint16_t)(2 + k), false);
		stage_video(&st, 1, (uint16_t)(51 + k), false);
	}
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 0), 3);
	assert_int_equal(stage_sent(&st, 1), 3);
	assert_int_equal(stage_sent(&st, 2), 6);
	uint8_t seq[STAGE_HELD];
	assert_int_equal(order_of(2, seq), 6);
	for (uint8_t k = 0; k < 3; k++) {
		assert_int_equal(seq[k], 2 + k);
		assert_int_equal(seq[3 + k], 51 + k);
	}
}

static unsigned flushed, split;

/* A receiver of this batch must have all of it here. */
static void count(struct outbox *out)
{
	flushed += out->n;
	for (unsigned i = 0; i < out->n_targets; i++) {
		unsigned n = 0;
		for (unsigned k = out->target[i].first; k != OUTBOX_NONE;
			k = out->v[k].next)
			n++;
		split += n != 20;
	}
	out->n = 0;
}

/* Where the outbox is full the break is between two receivers. */
static void a_flush_does_not_part_a_receivers(void **state)
{
	(void)state;
	void (*real)(struct outbox *) = st.sim.out.flush;
	flushed = split = 0;
	st.sim.out.flush = count;
	for (uint16_t round = 0; round < 10; round++) {
		st.hold = true;
		for (uint16_t k = 0; k < 20; k++)
			stage_video(
				&st, 0, (uint16_t)(2 + 20 * round + k), false);
		stage_let_go(&st);
		/* Rounds join in the outbox; here each is to be seen alone. */
		for (unsigned i = 0; i < 4; i++)
			st.p[i]->peer.flow.batch = 0;
	}
	assert_true(flushed >= 2 * (OUTBOX_PACKETS - 20));
	count(&st.sim.out);
	assert_int_equal(flushed, 10 * 20 * 3);
	assert_int_equal(split, 0);
	st.sim.out.flush = real;
}

/* More than waits at most: what came first goes first. */
static void too_many_wait_no_longer(void **state)
{
	(void)state;
	st.hold = true;
	for (uint16_t k = 0; k < FANOUT_PACKETS + 2; k++)
		stage_video(&st, 0, (uint16_t)(2 + k), false);
	assert_int_equal(fanout_count(st.sim.conference->fanout), 2);
	assert_int_equal(stage_sent(&st, 1), FANOUT_PACKETS);
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 1), FANOUT_PACKETS + 2);
}

static void the_gate_opens_within_a_batch(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	struct track *t = stage_track(&st, 0, SDP_VIDEO);
	s->waiting = true;
	st.hold = true;
	stage_video(&st, 0, 2, false);
	stage_video(&st, 0, 3, true);
	stage_video(&st, 0, 4, false);
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(stage_sent(&st, 2), 3);
	assert_int_equal(stage_drops(&st, 1, DROP_NOT_KEYFRAME), 1);
	/* It has begun: nothing is to be asked for. */
	assert_int_equal(t->encoding[0]->pli_wanted_us, 0);
}

static void who_waits_on_is_remembered(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	struct track *t = stage_track(&st, 0, SDP_VIDEO);
	s->waiting = true;
	s->floor = t->encoding[0]->seq_base + t->encoding[0]->receive.highest +
		   1; /* the key frame */
	st.hold = true;
	stage_video(&st, 0, 2, true);
	stage_video(&st, 0, 3, false);
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 1), 0);
	assert_true(t->encoding[0]->pli_wanted_us != 0);
}

/* What was gathered belongs to the source before. */
static void a_source_changes_within_a_batch(void **state)
{
	(void)state;
	const uint8_t payload[12] = { 0x10, 0x01, 9 };
	const struct rtp_header h = {
		.pt = STAGE_VIDEO_PT, .seq = 700, .ssrc = 0x1234
	}; /* the only track of that payload type */
	st.hold = true;
	stage_video(&st, 0, 2, false);
	stage_video(&st, 0, 3, false);
	stage_rtp(&st, 0, &h, payload, sizeof(payload));
	assert_int_equal(stage_sent(&st, 1), 2);
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_true(stage_sub(&st, 1, 0, SDP_VIDEO)->waiting);
}

/* Whoever goes in the middle of a batch has had what came before. */
static void who_leaves_within_a_batch(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	st.hold = true;
	stage_video(&st, 0, 2, false);
	conference_leave(
		c, st.sim.now_us, st.p[1]->id, SFU_BY_COMMAND, &st.sim.out);
	assert_int_equal(fanout_count(c->fanout), 0);
	st.sim.env.out = &st.sim.out;
	assert_int_equal(st.p[2]->stats.rtp_out, 2);
	stage_video(&st, 0, 3, false);
	conference_leave(
		c, st.sim.now_us, st.p[0]->id, SFU_BY_COMMAND, &st.sim.out);
	assert_int_equal(fanout_count(c->fanout), 0);
	st.sim.env.out = &st.sim.out;
	stage_let_go(&st);
	assert_int_equal(st.p[2]->stats.rtp_out, 3);
	sim_settle(&st.sim);
}

/* A NACK between the packets of a batch is answered out of what went out. */
static void a_nack_within_a_batch(void **state)
{
	(void)state;
	struct subscription *s = stage_sub(&st, 1, 0, SDP_VIDEO);
	stage_video(&st, 0, 2, false);
	uint16_t seq = stage_last(&st, 1).seq;
	stage_clear(&st);
	st.hold = true;
	stage_video(&st, 0, 3, false);
	stage_nack(&st, 1, s->ssrc, seq);
	stage_nack(&st, 1, s->ssrc, (uint16_t)(seq + 1)); /* not yet */
	assert_int_equal(stage_sent(&st, 1), 1);
	stage_let_go(&st);
	assert_int_equal(stage_sent(&st, 1), 2);
	assert_int_equal(stage_last(&st, 1).seq, (uint16_t)(seq + 1));
}

/* Elements no receiver is sent are gone before the fan-out; the others come
 * under the receiver's number. */
static void extensions_pass_as_agreed(void **state)
{
	(void)state;
	const struct negotiation *from = st.p[0]->negotiation;
	const uint8_t level = 20;
	const struct rtp_ext ext[] = {
		{ .id = 9, .len = 1, .data = &level },
		{ .id = negotiation_ext(from, EXT_AUDIO_LEVEL),
			.len = 1,
			.data = &level },
	};
	const uint8_t payload[8] = { 1 };
	const struct rtp_header h = { .pt = STAGE_AUDIO_PT,
		.ssrc = stage_ssrc(0, CLIENT_AUDIO),
		.n_ext = 2,
		.ext = ext };
	assert_true(ext[1].id && ext[1].id != 9);
	stage_rtp(&st, 0, &h, payload, sizeof(payload));
	struct rtp_packet pkt = stage_last(&st, 1);
	uint8_t to = negotiation_ext(st.p[1]->negotiation, EXT_AUDIO_LEVEL);
	assert_int_equal(pkt.n_ext, 1);
	assert_int_equal(pkt.ext[0].id, to);
	assert_int_equal(pkt.ext[0].data[0], level);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(receiver_by_receiver),
		TEST(tracks_do_not_mix),
		TEST(a_flush_does_not_part_a_receivers),
		TEST(too_many_wait_no_longer),
		TEST(the_gate_opens_within_a_batch),
		TEST(who_waits_on_is_remembered),
		TEST(a_source_changes_within_a_batch),
		TEST(who_leaves_within_a_batch),
		TEST(a_nack_within_a_batch),
		TEST(extensions_pass_as_agreed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
