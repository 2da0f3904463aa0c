#include "tests/sim/cmocka_sim.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/message.h"
#include "tests/unit/sfu/stage.h"

static struct stage st;

struct heard {
	unsigned n;
	size_t len;
	bool binary;
	char label[CHANNEL_LABEL_MAX + 1], last[128];
};
static struct heard heard[STAGE_SEATS];

static void on_message(struct client *client, const struct channel *ch,
	bool binary, const uint8_t *data, size_t len)
{
	struct heard *h = client->user;
	h->n++;
	h->len = len;
	h->binary = binary;
	strcpy(h->label, ch->label);
	memset(h->last, 0, sizeof(h->last));
	memcpy(h->last, data, len < 127 ? len : 127);
}

static int setup(void **state)
{
	(void)state;
	stage_init(&st, 3);
	memset(heard, 0, sizeof(heard));
	for (unsigned i = 0; i < 3; i++) {
		st.seat[i]->client->user = &heard[i];
		st.seat[i]->client->on_message = on_message;
		assert_true(channels_is_up(st.p[i]->peer.channels));
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static struct channels *of(unsigned i)
{
	return st.seat[i]->client->channels;
}

static struct channel *open_as(
	unsigned i, const char *label, const char *protocol)
{
	static const struct assoc_reliability reliable;
	struct channel *ch = channels_open(of(i), label, protocol, &reliable);
	assert_non_null(ch);
	stage_run(&st, 200000);
	return ch;
}

static void say(unsigned i, struct channel *ch, bool binary, const char *text)
{
	assert_int_equal(channels_send(of(i), ch, binary, (const uint8_t *)text,
				 strlen(text)),
		0);
	stage_run(&st, 300000);
}

static void all_others_and_only_they(void **state)
{
	(void)state;
	static const struct {
		bool binary;
		const char *text;
	} t[] = { { false, "text" }, { true, "binary" }, { false, "" },
		{ true, "" } };
	struct channel *ch = open_as(1, "notes", "");
	for (unsigned k = 0; k < 4; k++) {
		say(1, ch, t[k].binary, t[k].text);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(heard[i].n, i == 1 ? 0 : k + 1);
			if (i == 1)
				continue;
			assert_string_equal(heard[i].last, t[k].text);
			assert_int_equal(heard[i].len, strlen(t[k].text));
			assert_int_equal(heard[i].binary, t[k].binary);
			assert_string_equal(heard[i].label, "notes");
		}
	}
	assert_int_equal(sim_stats(&st.sim).messages_in, 4);
	assert_int_equal(sim_stats(&st.sim).messages_out, 8);
}

/* One label, three channels; whoever opened with the protocol learns who. */
static void the_sender_is_told_to_who_asks(void **state)
{
	(void)state;
	struct channel *a = open_as(0, "chat", SFU_FROM_PROTOCOL);
	struct channel *b = open_as(1, "chat", "");
	open_as(2, "other", SFU_FROM_PROTOCOL);
	say(0, a, false, "hi");
	assert_string_equal(heard[1].last, "hi");
	/* Client 2 has no such channel, but opened one with the protocol. */
	assert_string_equal(heard[2].last, "client 1\nhi");
	say(1, b, true, "yo");
	assert_string_equal(heard[0].last, "client 2\nyo");
	assert_true(heard[0].binary);
	assert_string_equal(heard[2].last, "client 2\nyo");
	say(1, b, false, "");
	assert_string_equal(heard[0].last, "client 2\n");
}

static void the_control_label_is_the_fronts(void **state)
{
	(void)state;
	struct sfu_event ev;
	struct conference *c = st.sim.conference;
	uint8_t data[4] = "ping";
	assert_int_equal(
		participant_control(st.p[0], false, data, 4), -ENOTCONN);
	struct channel *ch = open_as(0, SFU_CONTROL_LABEL, "");
	assert_true(st.p[0]->control_open);
	assert_int_equal(participant_control(st.p[0], false, data, 4), 0);
	stage_run(&st, 300000);
	assert_string_equal(heard[0].last, "ping");
	/* Up: an event and no fan-out. */
	message_route(st.p[0], st.sim.now_us,
		channels_find(st.p[0]->peer.channels, SFU_CONTROL_LABEL), true,
		data, 4);
	assert_true(conference_next_event(c, &ev));
	assert_int_equal(ev.type, SFU_EV_MESSAGE);
	assert_int_equal(ev.participant, st.p[0]->id);
	assert_int_equal(ev.len, 4);
	assert_true(ev.binary);
	say(0, ch, false, "more");
	assert_int_equal(heard[1].n + heard[2].n, 0);
	/* Closed: said once. */
	channels_close(of(0), ch);
	stage_run(&st, SIM_S);
	assert_false(st.p[0]->control_open);
}

static void a_long_control_message_is_dropped(void **state)
{
	(void)state;
	struct sfu_event ev;
	uint8_t *big = calloc(1, SFU_CONTROL_MAX + 1);
	open_as(0, SFU_CONTROL_LABEL, "");
	const struct channel *ch =
		channels_find(st.p[0]->peer.channels, SFU_CONTROL_LABEL);
	message_route(
		st.p[0], st.sim.now_us, ch, true, big, SFU_CONTROL_MAX + 1);
	assert_false(conference_next_event(st.sim.conference, &ev));
	assert_int_equal(st.p[0]->stats.channel_overflows, 1);
	message_route(st.p[0], st.sim.now_us, ch, true, big, SFU_CONTROL_MAX);
	assert_true(conference_next_event(st.sim.conference, &ev));
	free(big);
}

static void the_largest_message_arrives(void **state)
{
	(void)state;
	size_t len = ASSOC_MESSAGE_MAX - 1024; /* what our SDP allows */
	uint8_t *big = calloc(1, len);
	open_as(2, "file", SFU_FROM_PROTOCOL);
	struct channel *ch = open_as(0, "file", "");
	channels_set_max(of(0), 0);
	assert_int_equal(channels_send(of(0), ch, true, big, len), 0);
	stage_run(&st, 5 * SIM_S);
	assert_int_equal(heard[1].len, len);
	assert_int_equal(heard[2].len, len + strlen("client 1\n"));
	free(big);
}

static unsigned server_channels(unsigned i)
{
	unsigned n = 0;
	while (channels_at(st.p[i]->peer.channels, n))
		n++;
	return n;
}

static void what_was_opened_for_a_label_goes_with_it(void **state)
{
	(void)state;
	struct channel *ch = open_as(0, "notes", "");
	struct channel *own = open_as(1, "notes", "");
	say(0, ch, false, "x");
	assert_int_equal(server_channels(1), 1);
	assert_int_equal(server_channels(2), 1);
	channels_close(of(0), ch);
	stage_run(&st, SIM_S);
	/* Client 1 has it for itself still, so 2 keeps its too. */
	assert_int_equal(server_channels(2), 1);
	channels_close(of(1), own);
	stage_run(&st, SIM_S);
	assert_int_equal(server_channels(2), 0);
}

/* Also where its owner leaves without closing: others' tables are finite. */
static void who_leaves_takes_its_labels_along(void **state)
{
	(void)state;
	static const struct assoc_reliability reliable;
	char label[16];
	for (unsigned k = 0; k < 20; k++) {
		snprintf(label, sizeof(label), "label %u", k);
		struct channel *ch = channels_open(of(0), label, "", &reliable);
		channels_send(of(0), ch, false, (const uint8_t *)"x", 1);
	}
	stage_run(&st, SIM_S);
	assert_int_equal(server_channels(1), 20);
	conference_leave(st.sim.conference, st.sim.now_us, st.seat[0]->id,
		SFU_BY_COMMAND, &st.sim.out);
	stage_run(&st, 2 * SIM_S);
	assert_int_equal(server_channels(1), 0);
	assert_int_equal(server_channels(2), 0);
}

static void who_does_not_keep_up_loses_the_channel(void **state)
{
	(void)state;
	uint8_t *block = calloc(1, 60000);
	struct channel *ch = open_as(0, "file", "");
	say(0, ch, true, "first");
	st.seat[2]->up.cut = st.seat[2]->down.cut = true;
	const struct channel *in =
		channels_find(st.p[0]->peer.channels, "file");
	struct channel *out = channels_find(st.p[2]->peer.channels, "file");
	unsigned sent = 0;
	while (out->state == CHANNEL_OPEN && sent < 1000) {
		message_route(st.p[0], st.sim.now_us, in, true, block, 60000);
		stage_run(&st, 50000);
		sent++;
	}
	/* The ceiling and what usrsctp holds, no more. */
	assert_in_range(sent * 60000u, st.sim.env.limits.channel_queue,
		st.sim.env.limits.channel_queue + ASSOC_SEND_BUFFER + 60000u);
	assert_int_equal(out->state, CHANNEL_CLOSING);
	assert_int_equal(st.p[2]->stats.channel_overflows, 1);
	/* For a while nothing is tried … */
	assert_true(st.p[2]->overflow_until_us > st.sim.now_us);
	message_route(st.p[0], st.sim.now_us, in, true, block, 10);
	assert_int_equal(st.p[2]->stats.channel_overflows, 2);
	assert_null(channels_find(st.p[2]->peer.channels, "file"));
	/* … and the other one noticed nothing. */
	stage_run(&st, SIM_S);
	assert_int_equal(heard[1].n, sent + 2);
	free(block);
}

static void too_long_for_a_receiver_is_counted(void **state)
{
	(void)state;
	uint8_t *big = calloc(1, 70000);
	struct channel *ch = open_as(0, "x", "");
	say(0, ch, false, "open");
	channels_set_max(st.p[2]->peer.channels, 65536);
	message_route(st.p[0], st.sim.now_us,
		channels_find(st.p[0]->peer.channels, "x"), true, big, 70000);
	stage_run(&st, SIM_S);
	assert_int_equal(heard[1].len, 70000);
	assert_int_equal(heard[2].n, 1);
	assert_int_equal(st.p[2]->stats.channel_overflows, 1);
	free(big);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(all_others_and_only_they),
		CASE(the_sender_is_told_to_who_asks),
		CASE(the_control_label_is_the_fronts),
		CASE(a_long_control_message_is_dropped),
		CASE(the_largest_message_arrives),
		CASE(what_was_opened_for_a_label_goes_with_it),
		CASE(who_leaves_takes_its_labels_along),
		CASE(who_does_not_keep_up_loses_the_channel),
		CASE(too_long_for_a_receiver_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
