/* A conference on several workers is one conference to everybody in it. */
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
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

static struct sim_seat *join_at(unsigned part, uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	world.joins_at = part;
	return sim_join(&world, &cfg, NULL);
}

static struct participant *far_in(unsigned part, sfu_id id)
{
	struct participant *p =
		conference_find(world.part[part].conference, id);
	return p && p->far ? p : NULL;
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

/* --- media -------------------------------------------------------------------
 */

static void all_see_and_hear_all(void **state)
{
	(void)state;
	struct sim_seat *seat[6];
	sim_spread(&world, 3);
	for (unsigned i = 0; i < 6; i++)
		seat[i] = join_at(i % 3, i + 1);
	sim_run(&world, 6 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(seat[i]->connected, 1);
		assert_int_equal(seat[i]->refused, 0);
		assert_int_equal(seat[i]->n_streams, 5);
		assert_int_equal(seat[i]->client->count.foreign_ssrc, 0);
		/* Nothing is asked for again that the way between workers did
		 * not lose. */
		assert_int_equal(seat[i]->client->count.nacks_got, 0);
	}
	struct conference_stats st = sim_stats(&world);
	assert_int_equal(st.participants, 6);
	assert_int_equal(st.tracks, 12);
	assert_int_equal(st.subscriptions, 60);
	assert_int_equal(st.joins, 6);
}

/* Names, owners and reports are those of home. */
static void a_far_seat_is_who_it_stands_for(void **state)
{
	(void)state;
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	sim_run(&world, 5 * SIM_S);
	struct participant *far = far_in(1, a->id);
	assert_non_null(far);
	assert_null(far_in(0, a->id));
	assert_string_equal(far->label, "client 1");
	assert_int_equal(far->n_tracks, 2);
	struct participant *home = conference_find(world.conference, a->id);
	for (unsigned i = 0; i < 2; i++) {
		const struct track *x = far->track[i], *y = NULL;
		for (unsigned k = 0; k < 2; k++)
			if (home->track[k]->kind == x->kind)
				y = home->track[k];
		assert_non_null(y);
		assert_string_equal(x->source_stream, y->source_stream);
		assert_string_equal(x->source_track, y->source_track);
		assert_string_equal(x->cname, y->cname);
		assert_int_equal(x->encoding[0]->ssrc, y->encoding[0]->ssrc);
		assert_int_equal(x->encoding[0]->receive.sr_ntp,
			y->encoding[0]->receive.sr_ntp);
		assert_true(x->encoding[0]->receive.sr_ntp != 0);
	}
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (b->client->stream[i].started)
			assert_true(b->client->stream[i].sr_ntp != 0);
}

static void a_late_joiner_sees_within_a_second(void **state)
{
	(void)state;
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1);
	join_at(0, 2);
	sim_run(&world, 10 * SIM_S);
	uint64_t before = a->client->count.plis;
	struct sim_seat *late = join_at(1, 3);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	assert_in_range(first_video_us(late) - late->answered_us, 0, SIM_S);
	assert_true(a->client->count.plis > before);
}

/* The receiver's link loses: its own worker repairs. The publisher's loses: its
 * own worker asks, nobody else does. */
static void what_is_lost_is_mended_at_home(void **state)
{
	(void)state;
	struct sim_link bad = { .delay_us = 10000, .loss_ppm = 50000 };
	struct client_config one = sim_usual(1), two = sim_usual(2);
	sim_spread(&world, 2);
	world.joins_at = 0;
	struct sim_seat *a = sim_join(&world, &one, &bad);
	world.joins_at = 1;
	struct sim_seat *b = sim_join(&world, &two, &bad);
	sim_run(&world, 20 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	struct participant *far = far_in(1, a->id);
	assert_non_null(far);
	assert_int_equal(far->stats.nacks_out, 0);
	assert_true(sim_stats(&world).resent > 0);
	assert_true(a->client->count.nacks_got > 0);
	assert_true(b->client->count.nacks_sent > 0);
	/* All but a few pictures arrive whole. */
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *s = &b->client->stream[i];
		if (s->started && s->kind == CLIENT_VIDEO)
			assert_true(s->packets > 500);
	}
}

static void on_packet(
	struct sim *s, sfu_id id, bool rtcp, const uint8_t *buf, size_t len)
{
	(void)s;
	(void)id;
	(void)rtcp;
	(void)buf;
	(void)len;
}

/* A program: it may stop publishing altogether, and begin anew. */
static void what_ends_at_home_ends_everywhere(void **state)
{
	static const char on[] =
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"m=audio 9 RTP/AVPF 100\r\na=mid:p\r\na=sendonly\r\n"
		"a=rtcp-mux\r\na=msid:music track\r\n"
		"a=rtpmap:100 opus/48000/2\r\na=ssrc:77 cname:band\r\n";
	static const char off[] =
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"m=audio 9 RTP/AVPF 100\r\na=mid:q\r\na=recvonly\r\n"
		"a=rtcp-mux\r\na=rtpmap:100 opus/48000/2\r\n";
	static const struct sfu_plug_options opt = { .publish = true };
	const sfu_id id = 500;
	(void)state;
	world.plugs.packet = on_packet;
	sim_spread(&world, 2);
	struct sim_seat *b = join_at(1, 2);
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(conference_plug(world.conference, world.now_us, id,
				 "band", &opt),
		0);
	for (unsigned round = 0; round < 2; round++) {
		conference_offer(world.conference, world.now_us, id, on,
			strlen(on), &world.out);
		sim_settle(&world);
		sim_run(&world, SIM_S);
		assert_int_equal(far_in(1, id)->n_tracks, 1);
		assert_int_equal(b->n_streams, 1);
		conference_offer(world.conference, world.now_us, id, off,
			strlen(off), &world.out);
		sim_settle(&world);
		sim_run(&world, SIM_S);
		assert_int_equal(far_in(1, id)->n_tracks, 0);
		assert_int_equal(b->n_streams, 0);
	}
}

static void who_leaves_is_gone_everywhere(void **state)
{
	(void)state;
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	join_at(1, 3);
	sim_run(&world, 5 * SIM_S);
	sfu_id id = b->id;
	sim_leave(&world, b);
	sim_run(&world, 2 * SIM_S);
	assert_null(far_in(0, id));
	assert_int_equal(a->n_streams, 1);
	assert_int_equal(client_live(a->client, 2, world.now_us), 0);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_stats(&world).participants, 2);
	assert_int_equal(sim_stats(&world).leaves, 1);
}

static void a_worker_dies_and_the_others_go_on(void **state)
{
	(void)state;
	sim_spread(&world, 3);
	struct sim_seat *a = join_at(0, 1), *c = join_at(2, 3);
	join_at(1, 2);
	sim_run(&world, 5 * SIM_S);
	assert_int_equal(a->n_streams, 2);
	sim_kill_part(&world, 1);
	sim_run(&world, 3 * SIM_S);
	assert_int_equal(a->n_streams, 1);
	assert_int_equal(c->n_streams, 1);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(sim_faults(&world), 0);
	assert_false(a->left || c->left);
}

/* A part that comes later is told all there is; one that is empty ends. */
static void a_part_that_comes_later_is_told_all(void **state)
{
	(void)state;
	struct sim_seat *a = join_at(0, 1);
	join_at(0, 2);
	sim_run(&world, 4 * SIM_S);
	sim_spread(&world, 2);
	struct sim_seat *b = join_at(1, 3);
	sim_run(&world, 4 * SIM_S);
	assert_int_equal(sim_missing(&world), 0);
	assert_int_equal(b->n_streams, 2);
	assert_false(conference_empty(world.part[1].conference));
	sim_leave(&world, b);
	sim_run(&world, SIM_S);
	assert_true(conference_empty(world.part[1].conference));
	assert_false(conference_empty(world.part[0].conference));
	assert_int_equal(a->n_streams, 1);
}

static void a_single_stream_peer_sees_the_other_worker(void **state)
{
	(void)state;
	struct client_config cfg = sim_usual(1);
	cfg.metadata_free = true;
	sim_spread(&world, 2);
	struct sim_seat *old = sim_join(&world, &cfg, NULL);
	struct sim_seat *b = join_at(1, 2);
	sim_run(&world, 6 * SIM_S);
	assert_int_equal(client_live(old->client, 2, world.now_us), 2);
	/* Both workers hear the same and say the same. */
	assert_true(old->speakers > 0 && b->speakers > 0);
	assert_int_equal(old->speaker, b->speaker);
}

/* Nothing goes round: what a part is sent is what the others publish. */
static void frames_cross_once(void **state)
{
	(void)state;
	sim_spread(&world, 3);
	join_at(0, 1);
	join_at(1, 2);
	join_at(2, 3);
	sim_run(&world, 5 * SIM_S);
	uint64_t before = world.part[0].frames;
	sim_run(&world, 10 * SIM_S);
	/* Two others with 50 packets of sound, 30 of video and a report or two
	 * a second each. */
	assert_in_range(world.part[0].frames - before, 1600, 1700);
}

/* --- data messages -----------------------------------------------------------
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

static struct channel *open_channel(
	struct sim_seat *seat, const char *label, const char *protocol)
{
	static const struct assoc_reliability reliable;
	struct channel *ch = channels_open(
		seat->client->channels, label, protocol, &reliable);
	assert_non_null(ch);
	return ch;
}

static void messages_arrive_with_their_sender(void **state)
{
	(void)state;
	struct heard heard[3];
	struct sim_seat *seat[3];
	sim_spread(&world, 2);
	for (unsigned i = 0; i < 3; i++) {
		seat[i] = join_at(i % 2, i + 1);
		attend(seat[i], &heard[i]);
	}
	sim_run(&world, 3 * SIM_S);
	open_channel(seat[1], "chat", SFU_FROM_PROTOCOL);
	struct channel *ch = open_channel(seat[0], "chat", SFU_FROM_PROTOCOL);
	sim_run(&world, SIM_S);
	channels_send(
		seat[0]->client->channels, ch, false, (const uint8_t *)"hi", 2);
	sim_run(&world, SIM_S);
	assert_int_equal(heard[0].n, 0);
	assert_int_equal(heard[1].n, 1);
	assert_string_equal(heard[1].last, "client 1\nhi");
	assert_int_equal(heard[2].n, 1);
	channels_send(
		seat[0]->client->channels, ch, true, (const uint8_t *)"", 0);
	sim_run(&world, SIM_S);
	assert_int_equal(heard[1].n, 2);
	assert_true(heard[1].binary);
}

/* Who publishes nothing is heard as well. */
static void who_only_writes_is_read(void **state)
{
	(void)state;
	struct heard heard;
	struct client_config cfg = sim_usual(1);
	cfg.audio = cfg.video = false;
	sim_spread(&world, 2);
	struct sim_seat *a = sim_join(&world, &cfg, NULL);
	struct sim_seat *b = join_at(1, 2);
	attend(b, &heard);
	sim_run(&world, 3 * SIM_S);
	assert_null(far_in(1, a->id));
	struct channel *ch = open_channel(a, "notes", "");
	channels_send(a->client->channels, ch, false, (const uint8_t *)"x", 1);
	sim_run(&world, SIM_S);
	assert_int_equal(heard.n, 1);
	assert_non_null(far_in(1, a->id));
	assert_int_equal(b->n_streams, 0);
}

static void a_file_arrives_whole(void **state)
{
	(void)state;
	struct heard heard;
	uint8_t *block = calloc(1, 60000);
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	attend(b, &heard);
	sim_run(&world, 3 * SIM_S);
	struct channel *ch = open_channel(a, "file", "");
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(channels_send(a->client->channels, ch, true,
					 block, 60000),
			0);
		sim_run(&world, 100000);
	}
	sim_run(&world, 5 * SIM_S);
	free(block);
	assert_int_equal(heard.n, 40);
	assert_int_equal(heard.bytes, 40 * 60000);
}

static const struct channel *channel_of(
	const struct sim_seat *seat, const char *label)
{
	struct participant *p = conference_find(seat->conference, seat->id);
	return channels_find(p->peer.channels, label);
}

/* What hearth opened to carry a label closes with the last that has it,
 * wherever that one is. */
static void channels_close_with_their_last_owner(void **state)
{
	(void)state;
	struct heard heard;
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	struct sim_seat *c = join_at(0, 3);
	attend(c, &heard);
	sim_run(&world, 3 * SIM_S);
	struct channel *x = open_channel(a, "notes", "");
	struct channel *y = open_channel(b, "notes", "");
	channels_send(b->client->channels, y, false, (const uint8_t *)"y", 1);
	sim_run(&world, SIM_S);
	assert_int_equal(heard.n, 1);
	assert_non_null(channel_of(c, "notes"));
	channels_close(a->client->channels, x);
	sim_run(&world, SIM_S);
	assert_non_null(channel_of(c, "notes"));
	channels_close(b->client->channels, y);
	sim_run(&world, SIM_S);
	assert_null(channel_of(c, "notes"));
}

/* And with who leaves with one open. */
static void channels_close_with_who_leaves(void **state)
{
	(void)state;
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	sim_run(&world, 3 * SIM_S);
	struct channel *x = open_channel(a, "notes", "");
	channels_send(a->client->channels, x, false, (const uint8_t *)"x", 1);
	sim_run(&world, SIM_S);
	assert_non_null(channel_of(b, "notes"));
	sim_leave(&world, a);
	sim_run(&world, SIM_S);
	assert_null(channel_of(b, "notes"));
}

/* A worker that was taken over speaks for the front of nobody. */
static void the_control_channel_is_not_the_other_workers(void **state)
{
	(void)state;
	struct heard heard;
	struct channel ch = { .label = SFU_CONTROL_LABEL };
	uint8_t payload[64];
	sim_spread(&world, 2);
	struct sim_seat *a = join_at(0, 1), *b = join_at(1, 2);
	attend(b, &heard);
	sim_run(&world, 3 * SIM_S);
	open_channel(b, SFU_CONTROL_LABEL, "");
	sim_run(&world, SIM_S);
	int64_t n = relay_message_write(&ch, false, (const uint8_t *)"lie", 3,
		payload, sizeof(payload));
	assert_true(n > 0);
	struct participant *far = far_in(1, a->id);
	conference_relay_input(world.part[1].conference, world.now_us, far,
		&(struct relay_frame){ .type = RELAY_MESSAGE,
			.id = a->id,
			.payload = payload,
			.len = (size_t)n },
		&world.out);
	sim_settle(&world);
	sim_run(&world, SIM_S);
	assert_int_equal(heard.n, 0);
	assert_int_equal(far->peer.drops[DROP_MALFORMED], 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(all_see_and_hear_all),
		CASE(a_far_seat_is_who_it_stands_for),
		CASE(a_late_joiner_sees_within_a_second),
		CASE(what_is_lost_is_mended_at_home),
		CASE(what_ends_at_home_ends_everywhere),
		CASE(who_leaves_is_gone_everywhere),
		CASE(a_worker_dies_and_the_others_go_on),
		CASE(a_part_that_comes_later_is_told_all),
		CASE(a_single_stream_peer_sees_the_other_worker),
		CASE(frames_cross_once),
		CASE(messages_arrive_with_their_sender),
		CASE(who_only_writes_is_read),
		CASE(a_file_arrives_whole),
		CASE(channels_close_with_their_last_owner),
		CASE(channels_close_with_who_leaves),
		CASE(the_control_channel_is_not_the_other_workers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
