/*
 * One peer and its client on a wire that the input rules: datagrams are
 * delivered, lost, repeated and changed, others are made up, time passes. The
 * handshake is real.
 *
 * Input: steps of (verb, length, bytes).
 */
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "sfu/peer.h"
#include "tests/sim/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_cert_random(struct cert *c, void *ret, size_t len);

enum { S = 1000000, QUEUE = 64 };

struct datagram {
	size_t len;
	uint8_t buf[2048];
};

struct queue {
	unsigned head, n;
	struct datagram v[QUEUE];
};

static struct {
	struct client_out out; /* first */
	uint64_t now_us, random;
	struct env env;
	struct outbox box;
	struct peer peer;
	struct client *client;
	struct cert *cert;
	struct queue up, down;
	uint64_t inputs, drops_before;
} w;

int __wrap_cert_random(struct cert *c, void *ret, size_t len)
{
	uint8_t *to = ret;
	(void)c;
	for (size_t i = 0; i < len; i++) {
		w.random = w.random * 6364136223846793005u + 1;
		to[i] = (uint8_t)(w.random >> 56);
	}
	return 0;
}

/* usrsctp's clock. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = (time_t)(1700000000 + w.now_us / S);
	tv->tv_usec = (suseconds_t)(w.now_us % S);
	return 0;
}

static void put(struct queue *q, const uint8_t *buf, size_t len)
{
	if (q->n == QUEUE || len > sizeof(q->v[0].buf))
		return;
	struct datagram *d = &q->v[(q->head + q->n++) % QUEUE];
	memcpy(d->buf, buf, len);
	d->len = len;
}

static void on_client_out(
	struct client_out *out, const uint8_t *buf, size_t len)
{
	(void)out;
	put(&w.up, buf, len);
}

static void on_flush(struct outbox *o)
{
	outbox_seal(o);
	assert(o->unsealed == 0);
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].len)
			put(&w.down, o->v[i].data, o->v[i].len);
	o->n = 0;
}

static uint64_t drops(void)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < CONFERENCE_DROPS; i++)
		n += w.peer.drops[i];
	return n;
}

static void input(const uint8_t *buf, size_t len, bool known)
{
	const struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_port = htons(known ? 4000 : 6666) };
	uint8_t *copy = malloc(len ? len : 1); /* so that ASan sees its end */
	uint64_t before = drops();
	enum peer_state state = w.peer.state;
	memcpy(copy, buf, len);
	enum peer_got got = peer_input(
		&w.peer, w.now_us, (const struct sockaddr *)&from, copy, &len);
	/* Each drop is counted once, and moves nothing. */
	assert(drops() - before == (got == PEER_DROPPED));
	assert(got != PEER_DROPPED || w.peer.state == state);
	assert(known || got == PEER_DROPPED || got <= PEER_MOVED);
	free(copy);
}

static void channels(void)
{
	struct channel_event ev;
	while (w.peer.channels && channels_next(w.peer.channels, &ev))
		if (ev.type == CHANNEL_EV_MESSAGE && ev.len < 1000)
			channels_send(w.peer.channels, ev.channel, ev.binary,
				ev.data, ev.len);
}

static void settle(void)
{
	channels();
	on_flush(&w.box);
	if (w.peer.state != PEER_CONNECTED)
		assert(!w.peer.crypt || w.peer.state == PEER_DEAD);
	else
		assert(w.peer.crypt && dtls_state(w.peer.dtls) != DTLS_NEW);
	if (w.peer.state == PEER_DEAD)
		assert(peer_deadline(&w.peer) == UINT64_MAX);
}

static void pass_time(uint64_t us)
{
	uint64_t end = w.now_us + us;
	for (unsigned spins = 0; w.now_us < end; spins++) {
		uint64_t at = peer_deadline(&w.peer);
		at = at < end ? at : end;
		assert(spins < 10000);
		w.now_us = at > w.now_us ? at : w.now_us;
		peer_tick(&w.peer, w.now_us);
		settle();
	}
	client_tick(w.client, w.now_us);
	assoc_global_tick(w.now_us);
	client_channels(w.client, w.now_us);
}

/* One datagram of a queue arrives, changed where data says so. */
static void deliver(struct queue *q, bool keep, const uint8_t *data, size_t len)
{
	struct datagram d;
	if (!q->n)
		return;
	d = q->v[q->head];
	if (!keep) {
		q->head = (q->head + 1) % QUEUE;
		q->n--;
	}
	for (; d.len && len >= 2; data += 2, len -= 2)
		d.buf[data[0] % d.len] ^= data[1];
	if (q == &w.up)
		input(d.buf, d.len, true);
	else
		client_input(w.client, w.now_us, d.buf, d.len);
}

static void run_well(unsigned turns)
{
	while (turns--) {
		while (w.up.n || w.down.n) {
			deliver(&w.up, false, NULL, 0);
			settle();
			deliver(&w.down, false, NULL, 0);
		}
		pass_time(20000);
	}
}

static void say(const uint8_t *data, size_t len)
{
	static const struct assoc_reliability how;
	struct channels *c = w.client->channels;
	struct channel *ch = c ? channels_find(c, "fuzz") : NULL;
	if (c && !ch)
		ch = channels_open(c, "fuzz", "", &how);
	if (ch)
		channels_send(c, ch, true, data, len);
}

/* Sealed with the right keys, wrong inside. */
static void sealed(const uint8_t *data, size_t len)
{
	uint8_t buf[512];
	if (!w.client->crypt || len < 12)
		return;
	memcpy(buf, data, len);
	buf[0] = (uint8_t)(0x80 | (buf[0] & 63));
	bool rtcp = (buf[1] & 127) >= 64 && (buf[1] & 127) < 96;
	int err = rtcp ? crypt_seal_rtcp(w.client->crypt, buf, &len)
		       : crypt_seal_rtp(w.client->crypt, buf, &len);
	if (!err)
		input(buf, len, true);
}

static void record(const uint8_t *data, size_t len)
{
	if (w.client->connected)
		dtls_write(w.client->dtls, data, len, &w.client->dtls_out);
	deliver(&w.up, false, NULL, 0);
}

static void step(uint8_t verb, const uint8_t *data, size_t len)
{
	char line[256] = { 0 };
	memcpy(line, data, len);
	switch (verb % 12) {
	case 0:
		deliver(&w.up, false, data, verb & 64 ? len : 0);
		break;
	case 1:
		deliver(&w.down, false, data, verb & 64 ? len : 0);
		break;
	case 2:
		deliver(&w.up, true, data, verb & 64 ? len : 0);
		break;
	case 3:
		w.up.n = w.down.n = 0;
		break;
	case 4:
		pass_time((uint64_t)(len ? data[0] + 1 : 1) * 10000);
		break;
	case 5:
		input(data, len, verb & 64);
		break;
	case 6:
		run_well(1 + verb / 32);
		break;
	case 7:
		sealed(data, len);
		break;
	case 8:
		record(data, len);
		break;
	case 9:
		say(data, len);
		break;
	case 10:
		peer_candidate(&w.peer, line);
		break;
	case 11:
		w.client->check_us = w.now_us;
		client_tick(w.client, w.now_us);
		break;
	}
}

static bool meet(struct negotiation *n)
{
	struct negotiate_remote remote;
	char error[SDP_ERROR_MAX];
	char *text = client_offer(w.client, false);
	assert(negotiation_remote_offer(
		       n, text, strlen(text), &remote, error) == 0);
	free(text);
	assert(peer_remote(&w.peer, w.now_us, &remote) == 0);
	const struct negotiate_local local = { .ufrag = w.peer.ice.local.ufrag,
		.pwd = w.peer.ice.local.pwd,
		.fingerprint = cert_fingerprint(w.env.cert) };
	text = negotiation_answer(n, &local);
	bool ok = client_answer(w.client, w.now_us, text) == 0;
	free(text);
	return ok;
}

static void make_world(void)
{
	assert(assoc_global_init() == 0 && crypt_global_init() == 0);
	w.out.send = on_client_out;
	w.cert = cert_new(1700000000);
	w.env.cert = cert_new(1700000000);
	w.env.ice = ice_engine_new();
	w.env.limits.channel_queue = 65536;
	w.env.out = &w.box;
	assert(outbox_init(&w.box, on_flush, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codecs[] = { "opus", "VP8", NULL };
	const struct client_config cfg = { .id = 1,
		.audio = true,
		.data = true,
		.dtls_server = size && data[0] & 1 };
	w.random = 4711;
	if (!w.cert)
		make_world();
	w.now_us = S;
	w.up.n = w.down.n = 0;
	struct negotiation *n = negotiation_new(codecs, 1, 4);
	w.client = client_new(&cfg, w.cert, &w.out);
	assert(peer_init(&w.peer, &w.env, w.now_us) == 0);
	assert(meet(n));
	if (size && data[0] & 2) /* from the middle of a call */
		run_well(12);
	while (size >= 2) {
		uint8_t verb = data[0];
		size_t len = data[1];
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		step(verb, data, len);
		settle();
		data += len;
		size -= len;
	}
	peer_done(&w.peer);
	on_flush(&w.box);
	client_free(w.client);
	negotiation_free(n);
	return 0;
}
