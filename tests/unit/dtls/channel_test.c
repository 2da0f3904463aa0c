#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "chans.h"

static const struct assoc_reliability reliable = { .kind = ASSOC_RELIABLE };

static struct chans p;

static int set_up(void **state)
{
	(void)state;
	chans_init(&p, 7, 4 << 20);
	return chans_connect(&p) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	chans_done(&p);
	return 0;
}

static struct channel *open_from(unsigned i, const char *label)
{
	struct channel *ch = channels_open(p.end[i].c, label, "", &reliable);

	assert_non_null(ch);
	chans_run(&p, 200000);
	return ch;
}

static void send_text(unsigned from, struct channel *ch, const char *text)
{
	assert_int_equal(channels_send(p.end[from].c, ch, false,
				 (const uint8_t *)text, strlen(text)),
		0);
}

static void opens_from_both_sides(void **state)
{
	struct assoc_reliability how = { true, ASSOC_REXMIT, 3 };
	struct channel *a, *b, *seen;

	(void)state;
	a = channels_open(p.end[0].c, "chät", "x.y", &how);
	b = channels_open(p.end[1].c, "other", "", &reliable);
	assert_non_null(a);
	assert_non_null(b);
	chans_run(&p, 200000);
	assert_int_equal(p.end[0].opened, 2);
	assert_int_equal(p.end[1].opened, 2);
	assert_int_equal(a->stream, 0); /* the DTLS client's are even */
	assert_int_equal(b->stream, 1);
	seen = channels_find(p.end[1].c, "chät");
	assert_non_null(seen);
	assert_string_equal(seen->protocol, "x.y");
	assert_true(seen->how.unordered);
	assert_int_equal(seen->how.kind, ASSOC_REXMIT);
	assert_int_equal(seen->how.value, 3);
	assert_false(seen->ours);
	assert_true(a->ours);
	assert_int_equal(seen->state, CHANNEL_OPEN);
	assert_ptr_equal(
		channels_find(p.end[0].c, "other"), channels_at(p.end[0].c, 1));
	assert_null(channels_at(p.end[0].c, 2));
	assert_null(channels_find(p.end[0].c, "none"));
}

/* Attack 66: text and binary, empty and not, stay what they are. */
static void keeps_kind_and_emptiness(void **state)
{
	struct channel *ch = open_from(0, "kinds");
	static const struct {
		bool binary;
		const char *data;
	} rows[] = { { false, "text" }, { true, "bin" }, { false, "" },
		{ true, "" }, { false, "end" } };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		size_t len = strlen(rows[i].data);

		assert_int_equal(channels_send(p.end[0].c, ch, rows[i].binary,
					 (const uint8_t *)rows[i].data, len),
			0);
		chans_run(&p, 100000);
		assert_int_equal(p.end[1].messages, i + 1);
		assert_int_equal(p.end[1].is_binary, rows[i].binary);
		assert_int_equal(p.end[1].len, len);
		if (len)
			assert_memory_equal(p.end[1].first, rows[i].data, len);
	}
}

/* RFC 8832 section 6: it need not wait for the ACK. */
static void sends_before_the_ack(void **state)
{
	struct assoc_reliability how = { true, ASSOC_RELIABLE, 0 };
	struct channel *ch = channels_open(p.end[0].c, "early", "", &how);

	(void)state;
	assert_int_equal(ch->state, CHANNEL_OPENING);
	for (unsigned i = 0; i < 20; i++)
		send_text(0, ch, "at once");
	p.net.jitter_us = 50000; /* the OPEN may come last */
	chans_run(&p, 1000000);
	assert_int_equal(p.end[1].messages, 20);
	assert_int_equal(p.end[1].opened, 1);
	assert_int_equal(channels_drops(p.end[1].c), 0);
}

static void closes_both_ways_and_reuses_the_id(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct channel *ch = open_from(0, "again");

		assert_int_equal(ch->stream, 0);
		send_text(0, ch, "last words");
		if (i % 2 == 0)
			channels_close(p.end[0].c, ch);
		else
			channels_close(
				p.end[1].c, channels_find(p.end[1].c, "again"));
		assert_int_equal(
			channels_send(p.end[i % 2].c,
				i % 2 ? p.end[1].last : ch, false, NULL, 0),
			-ENOTCONN);
		chans_run(&p, 1500000);
		assert_int_equal(p.end[0].closed, i + 1);
		assert_int_equal(p.end[1].closed, i + 1);
		if (i % 2 == 0) /* what was sent before comes before */
			assert_memory_equal(p.end[1].first, "last wor", 8);
		assert_null(channels_find(p.end[1].c, "again"));
	}
	assert_int_equal(p.end[1].opened, 6);
}

/* Many resets at once: usrsctp takes one request at a time. */
static void closes_many_under_loss(void **state)
{
	struct channel *ch[30];

	(void)state;
	p.net.loss_percent = 20;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 30; i++) {
			ch[i] = channels_open(
				p.end[i % 2].c, "many", "", &reliable);
			assert_non_null(ch[i]);
		}
		chans_run(&p, 10000000);
		assert_int_equal(p.end[0].opened, 30 * (round + 1));
		for (unsigned i = 0; i < 30; i++) {
			channels_close(p.end[i % 2].c, ch[i]);
			chans_run(&p, 3000);
		}
		chans_run(&p, 60000000);
		assert_int_equal(p.end[0].closed, 30 * (round + 1));
		assert_int_equal(p.end[1].closed, 30 * (round + 1));
	}
	assert_null(channels_at(p.end[0].c, 0));
}

static void refuses_what_does_not_fit(void **state)
{
	static uint8_t big[ASSOC_MESSAGE_MAX + 1];
	struct channel *ch = open_from(0, "limits");
	char label[CHANNEL_LABEL_MAX + 2];
	struct channels *c = p.end[0].c;

	(void)state;
	memset(label, 'x', sizeof(label));
	label[sizeof(label) - 1] = '\0';
	assert_null(channels_open(c, label, "", &reliable));
	assert_null(channels_open(c, "\xff", "", &reliable));
	assert_int_equal(channels_send(c, ch, true, big, 65537), -EMSGSIZE);
	assert_int_equal(channels_send(c, ch, true, big, 65536), 0);
	channels_set_max(c, 1000);
	assert_int_equal(channels_send(c, ch, true, big, 1001), -EMSGSIZE);
	channels_set_max(c, 0);
	assert_int_equal(
		channels_send(c, ch, true, big, sizeof(big)), -EMSGSIZE);
	for (unsigned i = 1; i < CHANNELS_MAX; i++)
		assert_non_null(channels_open(c, "n", "", &reliable));
	assert_null(channels_open(c, "one more", "", &reliable));
	chans_run(&p, 2000000);
	assert_int_equal(p.end[1].opened, CHANNELS_MAX);
}

/* Both sides fill their tables: the second half is refused, not stuck. */
static void refuses_channels_over_the_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		channels_open(p.end[0].c, "a", "", &reliable);
		channels_open(p.end[1].c, "b", "", &reliable);
	}
	chans_run(&p, 10000000);
	assert_int_equal(channels_drops(p.end[0].c), CHANNELS_MAX);
	assert_int_equal(channels_drops(p.end[1].c), CHANNELS_MAX);
	assert_int_equal(p.end[0].closed, CHANNELS_MAX);
	assert_int_equal(p.end[1].closed, CHANNELS_MAX);
}

static void carries_250_kb(void **state)
{
	static uint8_t big[250000];
	struct channel *ch = open_from(0, "big");

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 31 + i / 257);
	channels_set_max(p.end[0].c, ASSOC_MESSAGE_MAX);
	p.net.loss_percent = 3;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(
			channels_send(p.end[0].c, ch, true, big, sizeof(big)),
			0);
		send_text(0, ch, "small");
		chans_run(&p, 20000000);
		assert_int_equal(p.end[1].messages, 2 * i);
	}
	assert_int_equal(p.end[1].bytes, 3 * (sizeof(big) + 5));
	assert_true(p.net.longest <= ASSOC_MTU);
}

/* The table of the brief: 10 MB, 5 % loss, byte exact and in order, with a
 * queue in us since usrsctp takes 1 MB. */
static void carries_10_mb_through_loss(void **state)
{
	static uint8_t chunk[16000];
	struct channel *ch = open_from(0, "file");
	uint64_t hash = CHANS_HASH;
	unsigned sent = 0, full = 0;

	(void)state;
	p.net.loss_percent = 5;
	p.net.jitter_us = 3000;
	while (sent < 625) {
		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = (uint8_t)(i * 13 + sent * 7 + i / 211);
		if (channels_send(p.end[0].c, ch, true, chunk, sizeof(chunk)) ==
			0) {
			hash = chans_hash(hash, chunk, sizeof(chunk));
			sent++;
			continue;
		}
		full++;
		chans_run(&p, 50000);
	}
	for (unsigned i = 0; i < 3000 && p.end[1].messages < 625; i++)
		chans_run(&p, 100000);
	assert_true(full > 0);
	assert_int_equal(p.end[1].messages, 625);
	assert_int_equal(p.end[1].bytes, 10000000);
	assert_true(p.end[1].hash == hash);
	chans_run(&p, 1000000);
	assert_int_equal(channels_queued(p.end[0].c), 0);
}

static void overflow_is_enobufs_and_passes(void **state)
{
	static uint8_t chunk[60000];
	struct channel *ch = open_from(0, "flood");
	unsigned taken = 0;
	int ret;

	(void)state;
	while ((ret = channels_send(
			p.end[0].c, ch, true, chunk, sizeof(chunk))) == 0)
		taken++;
	assert_int_equal(ret, -ENOBUFS);
	/* 1 MB in usrsctp, 4 MB in us */
	assert_in_range(taken, 80, 90);
	assert_true(channels_queued(p.end[0].c) > 4 << 20);
	chans_run(&p, 30000000);
	assert_int_equal(p.end[1].messages, taken);
	assert_int_equal(channels_queued(p.end[0].c), 0);
	send_text(0, ch, "goes again");
	chans_run(&p, 100000);
	assert_int_equal(p.end[1].messages, taken + 1);
}

/* A channel with messages in the queue closes after them. */
static void closes_after_its_queue(void **state)
{
	static uint8_t chunk[60000];
	struct channel *ch = open_from(0, "queue");

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(channels_send(p.end[0].c, ch, true, chunk,
					 sizeof(chunk)),
			0);
	channels_close(p.end[0].c, ch);
	chans_run(&p, 30000000);
	assert_int_equal(p.end[1].messages, 40);
	assert_int_equal(p.end[0].closed, 1);
}

static void partial_reliability_drops_some(void **state)
{
	struct assoc_reliability none = { true, ASSOC_REXMIT, 0 };
	struct assoc_reliability timed = { false, ASSOC_TIMED, 50 };
	struct channel *a = channels_open(p.end[0].c, "none", "", &none);
	struct channel *b = channels_open(p.end[0].c, "timed", "", &timed);
	struct channel *c = open_from(0, "all");
	unsigned lossy;

	(void)state;
	p.net.loss_percent = 20;
	for (unsigned i = 0; i < 200; i++) {
		send_text(0, a, "unordered, never again");
		send_text(0, b, "ordered, for 50 ms");
		chans_run(&p, 20000);
	}
	chans_run(&p, 10000000);
	lossy = p.end[1].messages;
	assert_in_range(lossy, 200, 395); /* most, but not all 400 */
	for (unsigned i = 0; i < 200; i++)
		send_text(0, c, "reliable");
	chans_run(&p, 30000000);
	assert_int_equal(p.end[1].messages, lossy + 200);
}

static void down_when_the_peer_goes(void **state)
{
	struct channel *ch = open_from(0, "going");

	(void)state;
	p.end[1].c = channels_free(p.end[1].c); /* aborts */
	chans_run(&p, 100000);
	assert_int_equal(p.end[0].down, 1);
	assert_false(channels_is_up(p.end[0].c));
	assert_int_equal(
		channels_send(p.end[0].c, ch, false, NULL, 0), -ENOTCONN);
	assert_null(channels_open(p.end[0].c, "x", "", &reliable));
	assert_null(channels_at(p.end[0].c, 0));
}

/* Attack 65, and nothing is left that holds on to freed memory. */
static void aborts_in_the_midst(void **state)
{
	static uint8_t chunk[60000];
	struct channel *ch = open_from(0, "cut");

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		channels_send(p.end[0].c, ch, true, chunk, sizeof(chunk));
	chans_run(&p, 60000);
	p.end[0].c = channels_free(p.end[0].c);
	chans_run(&p, 5000000);
	assert_int_equal(p.end[1].down, 1);
}

static void down_when_the_path_is_dead(void **state)
{
	struct channel *ch = open_from(0, "dead");

	(void)state;
	p.net.loss_percent = 100;
	send_text(0, ch, "hello?");
	chans_run(&p, 120000000);
	assert_int_equal(p.end[0].down, 1);
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(opens_from_both_sides),
		WITH_PAIR(keeps_kind_and_emptiness),
		WITH_PAIR(sends_before_the_ack),
		WITH_PAIR(closes_both_ways_and_reuses_the_id),
		WITH_PAIR(closes_many_under_loss),
		WITH_PAIR(refuses_what_does_not_fit),
		WITH_PAIR(refuses_channels_over_the_table),
		WITH_PAIR(carries_250_kb),
		WITH_PAIR(carries_10_mb_through_loss),
		WITH_PAIR(overflow_is_enobufs_and_passes),
		WITH_PAIR(closes_after_its_queue),
		WITH_PAIR(partial_reliability_drops_some),
		WITH_PAIR(down_when_the_peer_goes),
		WITH_PAIR(aborts_in_the_midst),
		WITH_PAIR(down_when_the_path_is_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
