/* Hours of conference in seconds: number spaces wrap, nothing grows. */
#include <malloc.h>
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* Three hours of audio: more than eight times around 2^16. */
static void sequence_numbers_wrap_unnoticed(void **state)
{
	(void)state;
	static struct sim s;
	sim_init(&s, 3);
	const struct sim_link link = {
		.delay_us = 15000, .jitter_us = 30000, .loss_ppm = 2000
	};
	struct client_config cfg = { .audio = true, .audio_ms = 20 };
	for (cfg.id = 1; cfg.id <= 2; cfg.id++)
		sim_join(&s, &cfg, &link);
	sim_run(&s, 60ull * SIM_S);
	size_t before = in_use();
	sim_run(&s, 3 * 3600ull * SIM_S);
	assert_int_equal(sim_missing(&s), 0);
	assert_int_equal(sim_faults(&s), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct client *c = s.seat[i].client;
		const struct client_stream *st = NULL;
		for (unsigned k = 0; k < CLIENT_STREAMS && !st; k++)
			if (c->stream[k].used)
				st = &c->stream[k];
		assert_non_null(st);
		assert_true(st->packets > 530000);
		assert_true(c->send[CLIENT_AUDIO].packets > 8 * 65536);
		/* SRTP never lost its roll-over counter, numbers never jumped.
		 */
		assert_in_range(st->packets * 1000 /
					s.seat[1 - i]
						.client->send[CLIENT_AUDIO]
						.packets,
			990, 1000);
	}
	/* 64 kB of slack for what the allocator and usrsctp keep. */
	assert_in_range(in_use(), 0, before + 65536);
	sim_done(&s);
}

/* A publisher whose video wraps in the middle of a receiver's loss. */
static void video_wraps_under_loss(void **state)
{
	(void)state;
	static struct sim s;
	sim_init(&s, 5);
	const struct sim_link link = { .delay_us = 15000, .loss_ppm = 20000 };
	struct client_config cfg = { .video = true,
		.fps = 30,
		.packets_per_frame = 4,
		.packet_bytes = 100 };
	for (cfg.id = 1; cfg.id <= 2; cfg.id++)
		sim_join(&s, &cfg, &link);
	sim_run(&s, 1200ull * SIM_S);
	assert_true(s.seat[0].client->send[CLIENT_VIDEO].packets > 2 * 65536);
	assert_int_equal(sim_missing(&s), 0);
	assert_int_equal(sim_faults(&s), 0);
	sim_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_numbers_wrap_unnoticed),
		cmocka_unit_test(video_wraps_under_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
