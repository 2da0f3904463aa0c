/*
 * What a participant costs in memory, once it is connected and silent: the
 * heap before and after all of them leave, their clients gone already. The
 * limits are where it stood: they are there to be lowered.
 */
#include <malloc.h>
#include <stdlib.h>
#include "sfu/demux.h"
#include "sfu/participant.h"
#include "sfu/sdp/negotiation.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum {
	CROWD = 40,
	IDLE_DATA_MAX = 32000,
	IDLE_MAX = 12288,
	SUBSCRIPTION_MAX = 1024,
};

static struct sim s;

/* A sanitizer's heap is its own: mallinfo2 knows nothing of it. */
static bool can_measure(void)
{
	size_t before = mallinfo2().uordblks;
	void *volatile p = malloc(100000);
	bool yes = mallinfo2().uordblks > before;
	free(p);
	return yes;
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void crowd(struct client_config cfg, unsigned publishers)
{
	for (unsigned i = 0; i < CROWD; i++) {
		struct client_config c = cfg;
		c.id = i + 1;
		if (i < publishers)
			c.audio = c.video = true;
		sim_join(&s, &c, NULL);
		sim_run(&s, SIM_S / 10);
	}
	sim_run(&s, 12 * SIM_S);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(s.seat[i].connected, 1);
}

/* Bytes of the server for each of those who are left when the clients of all
 * are gone. */
static size_t measure(void)
{
	sfu_id id[CROWD];
	size_t before, after;
	for (unsigned i = 0; i < CROWD; i++) {
		id[i] = s.seat[i].id;
		/* Its last words would undo what is to be measured. */
		s.seat[i].up.cut = true;
		sim_vanish(&s, &s.seat[i]);
	}
	sim_run(&s, SIM_S / 2);
	before = heap();
	for (unsigned i = 0; i < CROWD; i++)
		conference_leave(
			s.conference, s.now_us, id[i], SFU_BY_COMMAND, &s.out);
	sim_settle(&s);
	sim_run(&s, SIM_S / 2);
	after = heap();
	return (before - after) / CROWD;
}

static size_t idle(bool data, unsigned spares)
{
	struct client_config cfg = {
		.data = data,
		.spares = spares,
		.fps = 15,
		.packets_per_frame = 2,
		.packet_bytes = 600,
		.audio_ms = 20,
	};
	sim_init(&s, 7);
	crowd(cfg, 0);
	size_t each = measure();
	sim_done(&s);
	return each;
}

static void idle_participants_are_small(void **unused)
{
	(void)unused;
	if (!can_measure())
		skip();
	size_t bare = idle(false, 1), data = idle(true, 1),
	       more = idle(true, 9);
	print_message("participant %zu (peer %zu, negotiation %zu, line %zu), "
		      "subscription %zu, demux owner %zu\n",
		sizeof(struct participant), sizeof(struct peer),
		sizeof(struct negotiation), sizeof(struct line),
		sizeof(struct subscription), sizeof(struct demux_owner));
	print_message("idle: %zu bytes, with data %zu, m-line %zu\n", bare,
		data, (more - data) / 16);
	assert_true(bare + sizeof(struct demux_owner) <= IDLE_MAX);
	assert_true(data + sizeof(struct demux_owner) <= IDLE_DATA_MAX);
	assert_true(sizeof(struct subscription) <= SUBSCRIPTION_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_participants_are_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
