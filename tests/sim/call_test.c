/* A plain call: who joins sees and hears, who leaves is gone, messages arrive.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static struct sim world;

static int setup(void **state)
{
	(void)state;
	sim_init(&world, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_done(&world);
	return 0;
}

static struct sim_seat *join(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	return sim_join(&world, &cfg, NULL);
}

static void three_see_and_hear_each_other(void **state)
{
	(void)state;
	struct sim_seat *seat[3];
	for (unsigned i = 0; i < 3; i++)
		seat[i] = join(i + 1);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(seat[i]->connected, 1);
		assert_int_equal(seat[i]->refused, 0);
		/* Two others, one stream each with audio and video. */
		assert_int_equal(seat[i]->n_streams, 2);
		/* Joins within 50 ms of each other cost few renegotiations. */
		assert_in_range(seat[i]->offers, 0, 3);
		assert_int_equal(seat[i]->client->count.foreign_ssrc, 0);
	}
	struct conference_stats st = sim_stats(&world);
	assert_int_equal(st.participants, 3);
	assert_int_equal(st.tracks, 6);
	assert_int_equal(st.subscriptions, 12);
}

static uint64_t first_video_us(const struct sim_seat *seat)
{
	uint64_t first = UINT64_MAX;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *s = &seat->client->stream[i];
		if (s->used && s->started && s->kind == CLIENT_VIDEO &&
			s->first_us < first)
			first = s->first_us;
	}
	return first;
}

static void a_late_joiner_sees_within_a_second(void **state)
{
	(void)state;
	join(1);
	join(2);
	sim_run(&world, 10 * SIM_S);
	struct sim_seat *late = join(3);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	assert_in_range(first_video_us(late) - late->answered_us, 0, SIM_S);
}

static void who_leaves_is_gone(void **state)
{
	(void)state;
	struct sim_seat *a = join(1), *b = join(2);
	join(3);
	sim_run(&world, 5 * SIM_S);
	sim_leave(&world, b);
	sim_run(&world, 2 * SIM_S);
	assert_int_equal(a->n_streams, 1);
	assert_int_equal(client_live(a->client, 2, world.now_us), 0);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_stats(&world).participants, 2);
	assert_int_equal(sim_stats(&world).leaves, 1);
}

/* A slot that was given up is used again, and the m-lines do not grow. */
static void coming_and_going_does_not_grow_the_sdp(void **state)
{
	(void)state;
	struct sim_seat *a = join(1);
	sim_run(&world, 2 * SIM_S);
	for (unsigned i = 0; i < 10; i++) {
		struct sim_seat *b = join(2 + i);
		sim_run(&world, 3 * SIM_S);
		assert_int_equal(
			client_live(a->client, 2 + i, world.now_us), 2);
		sim_leave(&world, b);
		sim_run(&world, SIM_S);
	}
	assert_in_range(a->client->n_media, 3, 5);
	assert_int_equal(sim_faults(&world), 0);
}

static void a_single_stream_peer_follows_the_speaker(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(1);
	cfg.metadata_free = true;
	struct sim_seat *old = sim_join(&world, &cfg, NULL);
	join(2);
	join(3);
	sim_run(&world, 6 * SIM_S);
	assert_int_equal(old->offers, 0);
	assert_int_equal(old->client->n_media, 3);
	assert_int_equal(client_live(old->client, 2, world.now_us) +
				 client_live(old->client, 3, world.now_us),
		2);
	assert_true(old->speakers > 0);
}

/* --- data messages ----------------------------------------------------------
 */

struct heard {
	unsigned n;
	size_t bytes;
	bool binary;
	char last[64];
};

static void hear(struct client *c, const struct channel *ch, bool binary,
	const uint8_t *data, size_t len)
{
	struct heard *h = c->user;
	(void)ch;
	h->n++;
	h->bytes += len;
	h->binary = binary;
	memset(h->last, 0, sizeof(h->last));
	memcpy(h->last, data, len < 63 ? len : 63);
}

static void attend(struct sim_seat *seat, struct heard *h)
{
	memset(h, 0, sizeof(*h));
	seat->client->user = h;
	seat->client->on_message = hear;
}

static const struct assoc_reliability reliable;

static struct channel *open_channel(
	struct sim_seat *seat, const char *label, const char *protocol)
{
	struct channel *ch = channels_open(
		seat->client->channels, label, protocol, &reliable);
	assert_non_null(ch);
	return ch;
}

static void a_codec_added_later_reaches_the_others(void **state)
{
	(void)state;
	/* m-lines of our making, which so far have the publisher's codec. */
	struct client_config listens = { .id = 2, .data = true, .h264 = true };
	struct sim_seat *a = join(1), *b = sim_join(&world, &listens, NULL);
	struct sim_seat *c = join(3); /* has VP8 alone */
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_video(b, 1)->pt, 96);
	uint64_t offers = b->offers, offers_c = c->offers;
	a->client->cfg.h264 = true;
	sim_reoffer(&world, a);
	sim_run(&world, 2 * SIM_S);
	assert_int_equal(b->offers, offers + 1);
	assert_int_equal(c->offers, offers_c); /* it cannot take it */
	a->client->cfg.sends_h264 = true;
	a->client->send[CLIENT_VIDEO].want_key = true;
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(sim_video(b, 1)->pt, CLIENT_H264_PT);
	assert_true(sim_video(b, 1)->last_us + CLIENT_LIVE_US > world.now_us);
	assert_int_equal(sim_video(c, 1)->pt, 96);
	assert_true(sim_video(c, 1)->last_us + CLIENT_LIVE_US < world.now_us);
	assert_true(sim_stats(&world).drops[DROP_CODEC] > 0);
	assert_int_equal(sim_faults(&world), 0);
	/* And nothing more is said of it. */
	assert_int_equal(b->offers, offers + 1);
}

static void messages_reach_all_others(void **state)
{
	(void)state;
	struct heard heard[3];
	struct sim_seat *seat[3];
	for (unsigned i = 0; i < 3; i++) {
		seat[i] = join(i + 1);
		attend(seat[i], &heard[i]);
	}
	sim_run(&world, 3 * SIM_S);
	struct channel *ch = open_channel(seat[0], "notes", "");
	channels_send(seat[0]->client->channels, ch, false,
		(const uint8_t *)"gr\xc3\xbc\xc3\x9f dich", 11);
	sim_run(&world, SIM_S);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(heard[i].n, 1);
		assert_false(heard[i].binary);
		assert_string_equal(heard[i].last, "gr\xc3\xbc\xc3\x9f dich");
	}
	assert_int_equal(heard[0].n, 0);
	channels_send(
		seat[0]->client->channels, ch, true, (const uint8_t *)"", 0);
	sim_run(&world, SIM_S);
	assert_int_equal(heard[1].n, 2);
	assert_true(heard[1].binary);
	assert_int_equal(heard[1].bytes, 11);
}

static void our_own_client_learns_the_sender(void **state)
{
	(void)state;
	struct heard heard[2];
	struct sim_seat *a = join(1), *b = join(2);
	attend(a, &heard[0]);
	attend(b, &heard[1]);
	sim_run(&world, 3 * SIM_S);
	open_channel(b, "chat", SFU_FROM_PROTOCOL);
	struct channel *ch = open_channel(a, "chat", SFU_FROM_PROTOCOL);
	sim_run(&world, SIM_S);
	channels_send(a->client->channels, ch, false, (const uint8_t *)"hi", 2);
	sim_run(&world, SIM_S);
	assert_int_equal(heard[1].n, 1);
	assert_string_equal(heard[1].last, "client 1\nhi");
}

static void a_slow_receiver_hurts_nobody(void **state)
{
	(void)state;
	struct heard heard[3];
	struct sim_seat *seat[3];
	uint8_t *block = calloc(1, 60000);
	for (unsigned i = 0; i < 3; i++) {
		seat[i] = join(i + 1);
		attend(seat[i], &heard[i]);
	}
	sim_run(&world, 3 * SIM_S);
	struct channel *ch = open_channel(seat[0], "file", "");
	/* Its link is cut: nothing it is sent is ever acknowledged. */
	seat[2]->up.cut = seat[2]->down.cut = true;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(channels_send(seat[0]->client->channels, ch,
					 true, block, 60000),
			0);
		sim_run(&world, 100000);
	}
	sim_run(&world, 2 * SIM_S);
	free(block);
	assert_int_equal(heard[1].n, 200);
	assert_true(sim_stats(&world).channel_overflows > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(three_see_and_hear_each_other),
		CASE(a_late_joiner_sees_within_a_second),
		CASE(who_leaves_is_gone),
		CASE(coming_and_going_does_not_grow_the_sdp),
		CASE(a_single_stream_peer_follows_the_speaker),
		CASE(a_codec_added_later_reaches_the_others),
		CASE(messages_reach_all_others),
		CASE(our_own_client_learns_the_sender),
		CASE(a_slow_receiver_hurts_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
