#include "sfu/layers.h"
#include <string.h>
#include "tests/sim/cmocka_sim.h"

enum { S = 1000000 };

/* Two encodings whose clocks and numbers have nothing in common. */
struct fixture {
	struct track *t;
	struct layers *l;
	struct rewrite r;
	uint64_t now_us;
};

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	assert_int_equal(track_new(&f.t, NULL, 0, SDP_VIDEO, 16), 0);
	assert_true(track_open_encoding(f.t, 1));
	for (unsigned i = 0; i < 2; i++)
		encoding_begin(f.t->encoding[i], i + 1, 90000, true);
	f.l = layers_new(true);
	assert_non_null(f.l);
	rewrite_init(&f.r, 90000, 100, 5000);
	f.now_us = S;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	layers_free(f.l);
	track_free(f.t);
	return 0;
}

static struct track_packet packet(
	uint8_t encoding, uint64_t seq, uint32_t ts, uint16_t picture, bool key)
{
	struct track_packet p = {
		.encoding = encoding, .seq = seq, .codec = &codec_vp8
	};
	p.view.ts = ts;
	p.layer = (struct layer_info){ .start = true,
		.key = key,
		.gapless = true,
		.picture_id_at = 2,
		.picture_id_len = 2,
		.picture_id = picture };
	return p;
}

static enum layer_verdict judge(const struct track_packet *p)
{
	return layers_judge(f.l, &f.r, f.now_us, f.t, p);
}

static void sends(const struct track_packet *p, uint16_t *seq, uint32_t *ts)
{
	assert_true(
		rewrite_packet(&f.r, f.now_us, p->seq, p->view.ts, seq, ts));
}

/* Sender reports tell which times are one, whenever packets arrive. */
static void times_go_on_by_sender_reports(void **state)
{
	(void)state;
	uint16_t seq;
	uint32_t first, ts;
	const uint64_t ntp = 100ull << 32;
	receive_sr(&f.t->encoding[0]->receive, S, ntp, 90000);
	receive_sr(&f.t->encoding[1]->receive, S, ntp, 777777);
	layer_choice_aim(&f.l->choice, f.now_us, 0, LAYER_TEMPORAL_MAX - 1);
	struct track_packet a = packet(0, 10, 90000, 50, true);
	assert_int_equal(judge(&a), LAYER_SWITCH);
	sends(&a, &seq, &first);
	layer_choice_aim(&f.l->choice, f.now_us, 1, LAYER_TEMPORAL_MAX - 1);
	/* Taken a tenth of a second later; the network held it up. */
	f.now_us += 350000;
	struct track_packet b = packet(1, 900, 777777 + 9000, 7000, true);
	assert_int_equal(judge(&b), LAYER_SWITCH);
	sends(&b, &seq, &ts);
	assert_int_equal(seq, 101);
	assert_int_equal(ts - first, 9000);
}

static void without_reports_time_is_that_of_arrival(void **state)
{
	(void)state;
	uint16_t seq;
	uint32_t first, ts;
	layer_choice_aim(&f.l->choice, f.now_us, 0, LAYER_TEMPORAL_MAX - 1);
	struct track_packet a = packet(0, 10, 90000, 50, true);
	assert_int_equal(judge(&a), LAYER_SWITCH);
	sends(&a, &seq, &first);
	layer_choice_aim(&f.l->choice, f.now_us, 1, LAYER_TEMPORAL_MAX - 1);
	f.now_us += 350000;
	struct track_packet b = packet(1, 900, 777777, 7000, true);
	assert_int_equal(judge(&b), LAYER_SWITCH);
	sends(&b, &seq, &ts);
	assert_int_equal(ts - first, 31500);
}

static void pictures_go_on(void **state)
{
	(void)state;
	uint8_t payload[40] = { 0x90, 0x80, 0x80, 50, 9 };
	uint8_t head[LAYERS_HEAD];
	struct rtp_packet pkt = { .payload = payload,
		.payload_len = sizeof(payload) };
	layer_choice_aim(&f.l->choice, f.now_us, 0, LAYER_TEMPORAL_MAX - 1);
	struct track_packet a = packet(0, 10, 90000, 50, true);
	assert_int_equal(judge(&a), LAYER_SWITCH);
	assert_true(layers_patch(f.l, &a.layer, &pkt, head));
	assert_memory_equal(head, payload, sizeof(head));
	layer_choice_aim(&f.l->choice, f.now_us, 1, LAYER_TEMPORAL_MAX - 1);
	struct track_packet b = packet(1, 900, 777777, 7000, true);
	assert_int_equal(judge(&b), LAYER_SWITCH);
	payload[2] = 0x80 | 7000 >> 8;
	payload[3] = 7000 & 0xff;
	/* A short one is not read beyond its end. */
	pkt.payload_len = 5;
	memset(head, 0xee, sizeof(head));
	assert_true(layers_patch(f.l, &b.layer, &pkt, head));
	assert_int_equal(head[2], 0x80);
	assert_int_equal(head[3], 51);
	assert_int_equal(head[5], 0xee);
	/* The packet is shared by all who are sent it. */
	assert_int_equal(payload[3], 7000 & 0xff);
}

static void nothing_of_before_the_floor(void **state)
{
	(void)state;
	layer_choice_aim(&f.l->choice, f.now_us, 0, LAYER_TEMPORAL_MAX - 1);
	f.l->floor[0] = 10;
	struct track_packet old = packet(0, 10, 90000, 50, true);
	struct track_packet new = packet(0, 11, 93000, 51, true);
	assert_int_equal(judge(&old), LAYER_IGNORE);
	assert_int_equal(judge(&new), LAYER_SWITCH);
}

static void a_new_source_begins_with_a_key_picture(void **state)
{
	(void)state;
	layer_choice_aim(&f.l->choice, f.now_us, 0, LAYER_TEMPORAL_MAX - 1);
	struct track_packet a = packet(0, 10, 90000, 50, true);
	assert_int_equal(judge(&a), LAYER_SWITCH);
	layers_restart(f.l, f.now_us);
	struct track_packet b = packet(0, 11, 93000, 51, false);
	assert_int_equal(judge(&b), LAYER_IGNORE);
	assert_true(layer_choice_ask(&f.l->choice, f.now_us));
	struct track_packet c = packet(0, 12, 96000, 52, true);
	assert_int_equal(judge(&c), LAYER_SWITCH);
}

int main(void)
{
#define CASE(x) cmocka_unit_test_setup_teardown(x, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(times_go_on_by_sender_reports),
		CASE(without_reports_time_is_that_of_arrival),
		CASE(pictures_go_on),
		CASE(nothing_of_before_the_floor),
		CASE(a_new_source_begins_with_a_key_picture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
