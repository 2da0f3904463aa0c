/*
 * The whole of dtls/: channels over SCTP over DTLS, as sfu/peer.c stacks them,
 * over a lossy wire in virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "dtls/channel.h"
#include "dtls/dtls.h"
#include "net.h"

struct end {
	struct dtls_out wire; /* first */
	struct assoc_out sctp;
	unsigned to;
	struct cert *cert;
	struct dtls *dtls;
	struct channels *c;
	unsigned opened, messages, closed, down;
	uint64_t bytes, hash;
};

static struct net net;
static struct end end[2];
static const struct assoc_reliability reliable = { .kind = ASSOC_RELIABLE };

static uint64_t hash_of(uint64_t hash, const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ buf[i]) * 1099511628211ull;
	return hash;
}

static void on_wire(struct dtls_out *out, const uint8_t *buf, size_t len)
{
	net_send(&net, ((struct end *)out)->to, buf, len);
}

static void on_sctp(struct assoc_out *out, const uint8_t *buf, size_t len)
{
	struct end *e =
		(struct end *)((char *)out - offsetof(struct end, sctp));

	/* Lost before the handshake is over or after the end; SCTP copes. */
	dtls_write(e->dtls, buf, len, &e->wire);
}

static void drain(struct end *e)
{
	struct channel_event ev;

	while (channels_next(e->c, &ev)) {
		e->opened += ev.type == CHANNEL_EV_OPEN;
		e->closed += ev.type == CHANNEL_EV_CLOSED;
		e->down += ev.type == CHANNEL_EV_DOWN;
		if (ev.type != CHANNEL_EV_MESSAGE)
			continue;
		e->messages++;
		e->bytes += ev.len;
		e->hash = hash_of(e->hash, ev.data, ev.len);
	}
}

static void on_receive(void *arg, unsigned to, const uint8_t *buf, size_t len)
{
	struct end *e = &end[to];
	uint8_t record[2048];
	size_t n;

	(void)arg;
	dtls_input(e->dtls, net.now_us, buf, len, &e->wire);
	while ((n = dtls_read(e->dtls, record, sizeof(record))) > 0) {
		channels_input(e->c, record, n);
		drain(e);
	}
}

static void run(uint64_t for_us)
{
	uint64_t until_us = net.now_us + for_us;

	while (net.now_us < until_us) {
		net.now_us += 1000;
		clock_now_us = net.now_us;
		if (net.now_us % ASSOC_TICK_US == 0)
			assoc_global_tick(net.now_us);
		for (unsigned i = 0; i < 2; i++) {
			dtls_tick(end[i].dtls, net.now_us, &end[i].wire);
			drain(&end[i]);
		}
		net_deliver(&net);
	}
}

static void start(unsigned loss_percent)
{
	net_init(&net, 21);
	net.now_us = clock_now_us;
	net.receive = on_receive;
	net.loss_percent = loss_percent;
	memset(end, 0, sizeof(end));
	for (unsigned i = 0; i < 2; i++)
		end[i].cert = cert_new(1795500000);
	for (unsigned i = 0; i < 2; i++) {
		end[i].wire.send = on_wire;
		end[i].sctp.send = on_sctp;
		end[i].to = 1 - i;
		end[i].hash = 1;
		assert_int_equal(
			dtls_new(&end[i].dtls, end[i].cert,
				i ? DTLS_SERVER : DTLS_CLIENT, "sha-256",
				cert_fingerprint(end[1 - i].cert)),
			0);
		/* Before DTLS is up, as from an SDP: the INITs are repeated. */
		assert_int_equal(channels_new(&end[i].c, &end[i].sctp, i == 0,
					 5000, 5000, 4 << 20),
			0);
	}
	for (unsigned i = 2; i-- > 0;)
		dtls_start(end[i].dtls, net.now_us, &end[i].wire);
	for (unsigned i = 0; i < 200 && !(channels_is_up(end[0].c) &&
						channels_is_up(end[1].c));
		i++)
		run(100000);
	assert_true(channels_is_up(end[0].c) && channels_is_up(end[1].c));
}

static void stop(void)
{
	for (unsigned i = 0; i < 2; i++) {
		channels_free(end[i].c);
		dtls_free(end[i].dtls);
		cert_free(end[i].cert);
	}
	net_done(&net);
}

/* Both ways at once, 10 MB and 2 MB, 5 % loss, byte exact and in order. */
static void files_cross_a_lossy_wire(void **state)
{
	static uint8_t chunk[2][16000];
	static const unsigned want[2] = { 625, 125 };
	uint64_t hash[2] = { 1, 1 };
	unsigned sent[2] = { 0, 0 };
	struct channel *ch[2];

	(void)state;
	start(5);
	for (unsigned i = 0; i < 2; i++)
		ch[i] = channels_open(end[i].c, "file", "", &reliable);
	for (unsigned turn = 0; turn < 20000; turn++) {
		for (unsigned i = 0; i < 2; i++) {
			for (size_t k = 0; k < sizeof(chunk[i]); k++)
				chunk[i][k] = (uint8_t)(k * 7 + sent[i] + i);
			if (sent[i] == want[i] ||
				channels_send(end[i].c, ch[i], true, chunk[i],
					sizeof(chunk[i])) != 0)
				continue;
			sent[i]++;
			hash[i] = hash_of(hash[i], chunk[i], sizeof(chunk[i]));
		}
		run(10000);
		if (end[1].messages == want[0] && end[0].messages == want[1])
			break;
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(end[1 - i].messages, want[i]);
		assert_true(end[1 - i].hash == hash[i]);
	}
	assert_true(net.longest <= DTLS_DATAGRAM_MAX);
	assert_true(net.lost > 100);
	stop();
}

static void joins_under_heavy_loss(void **state)
{
	(void)state;
	start(30);
	assert_non_null(channels_open(end[0].c, "chat", "", &reliable));
	run(20000000);
	assert_int_equal(end[0].opened, 1);
	assert_int_equal(end[1].opened, 1);
	stop();
}

/* close_notify in the midst: nothing more is sent, nothing is read. */
static void dtls_closes_under_it(void **state)
{
	static uint8_t big[60000];
	struct channel *ch;

	(void)state;
	start(0);
	ch = channels_open(end[0].c, "cut", "", &reliable);
	run(200000);
	for (unsigned i = 0; i < 20; i++)
		channels_send(end[0].c, ch, true, big, sizeof(big));
	dtls_close(end[1].dtls, &end[1].wire);
	run(1000000);
	assert_int_equal(dtls_state(end[0].dtls), DTLS_CLOSED);
	net.sent = 0;
	run(5000000);
	assert_int_equal(net.sent, 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_cross_a_lossy_wire),
		cmocka_unit_test(joins_under_heavy_loss),
		cmocka_unit_test(dtls_closes_under_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
