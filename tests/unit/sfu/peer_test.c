#include "tests/sim/cmocka_sim.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ice/candidate.h"
#include "sfu/peer.h"
#include "tests/sim/client.h"

enum { S = 1000000 };

/* One peer, one client, and no network between them. */
struct pair {
	struct client_out out; /* first: the client's way out */
	struct env env;
	struct outbox box;
	struct peer peer;
	struct client *client;
	struct cert *cert;
	struct negotiation *negotiation;
	struct negotiate_remote remote;
	struct sockaddr_in addr;
	uint64_t now_us;
	unsigned rtp, rtcp;
	bool deaf; /* the peer hears nothing */
};

static struct pair w;

static void on_flush(struct outbox *o)
{
	o->n = 0;
}

static enum peer_got input_from(
	const struct sockaddr_in *from, const uint8_t *buf, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, buf, len);
	enum peer_got got = peer_input(
		&w.peer, w.now_us, (const struct sockaddr *)from, copy, &len);
	free(copy);
	return got;
}

static void on_client_out(
	struct client_out *out, const uint8_t *buf, size_t len)
{
	(void)out;
	if (w.deaf)
		return;
	enum peer_got got = input_from(&w.addr, buf, len);
	w.rtp += got == PEER_RTP;
	w.rtcp += got == PEER_RTCP;
}

static void pump(void)
{
	while (w.box.n) {
		uint8_t copy[OUTBOX_SLOT];
		outbox_seal(&w.box);
		unsigned n = w.box.n;
		for (unsigned i = 0; i < n; i++) {
			memcpy(copy, w.box.v[i].data, w.box.v[i].len);
			client_input(w.client, w.now_us, copy, w.box.v[i].len);
		}
		/* What the client said to it may have added some. */
		unsigned more = w.box.n - n;
		for (unsigned i = 0; i < more; i++) {
			uint8_t *data = w.box.v[i].data;
			w.box.v[i] = w.box.v[n + i];
			w.box.v[n + i].data = data;
		}
		w.box.n = more;
	}
}

static void step(uint64_t us)
{
	w.now_us += us;
	w.env.now_us = w.now_us;
	client_tick(w.client, w.now_us);
	pump();
	peer_tick(&w.peer, w.now_us);
	pump();
}

static void answer(void)
{
	struct negotiate_local local = { .ufrag = w.peer.ice.local.ufrag,
		.pwd = w.peer.ice.local.pwd,
		.fingerprint = cert_fingerprint(w.env.cert) };
	char *text = negotiation_answer(w.negotiation, &local);
	assert_non_null(text);
	assert_int_equal(client_answer(w.client, w.now_us, text), 0);
	free(text);
}

static void offer(bool restart)
{
	char error[SDP_ERROR_MAX];
	char *text = client_offer(w.client, restart);
	assert_int_equal(negotiation_remote_offer(w.negotiation, text,
				 strlen(text), &w.remote, error),
		0);
	free(text);
}

static void connect_them(void)
{
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	answer();
	for (unsigned i = 0; i < 50 && w.peer.state != PEER_CONNECTED; i++)
		step(10000);
	assert_int_equal(w.peer.state, PEER_CONNECTED);
	step(10000);
	assert_true(w.client->connected);
}

static int setup(void **state)
{
	static const char *const codecs[] = { "opus", "VP8", NULL };
	const struct client_config cfg = {
		.id = 1, .audio = true, .video = true, .data = true
	};
	(void)state;
	memset(&w, 0, sizeof(w));
	w.out.send = on_client_out;
	w.now_us = S;
	w.addr = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(4000) };
	assert_int_equal(assoc_global_init(), 0);
	assert_int_equal(crypt_global_init(), 0);
	w.cert = cert_new(1700000000);
	w.env.cert = cert_new(1700000000);
	w.env.ice = ice_engine_new();
	w.env.limits.channel_queue = 1 << 20;
	assert_int_equal(outbox_init(&w.box, on_flush, NULL), 0);
	w.env.out = &w.box;
	assert_int_equal(peer_init(&w.peer, &w.env, w.now_us), 0);
	w.client = client_new(&cfg, w.cert, &w.out);
	w.negotiation = negotiation_new(codecs, 1, 10);
	assert_non_null(w.negotiation);
	offer(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	w.deaf = true;
	client_free(w.client);
	peer_done(&w.peer);
	negotiation_free(w.negotiation);
	outbox_done(&w.box);
	ice_engine_free(w.env.ice);
	cert_free(w.env.cert);
	cert_free(w.cert);
	return 0;
}

/* --- what is let in ---------------------------------------------------------
 */

/* Attacks 13, 26: nothing is believed of an address that passed no check. */
static void strangers_move_nothing(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[24];
		size_t len;
		enum conference_drop why;
	} t[] = {
		{ { 0 }, 0, DROP_CLASS },
		{ { 0xff, 1, 2 }, 3, DROP_CLASS },
		{ { 100 }, 1, DROP_CLASS },
		{ { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, DROP_STUN },
		{ { 0 }, 1, DROP_STUN },
		{ { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 1 }, 24,
			DROP_UNKNOWN_SOURCE },
		{ { 0x80, 96 }, 24, DROP_UNKNOWN_SOURCE },
		{ { 0x80, 200 }, 24, DROP_UNKNOWN_SOURCE },
	};
	for (unsigned round = 0; round < 2; round++) {
		uint64_t drops[CONFERENCE_DROPS];
		enum peer_state before = w.peer.state;
		struct sockaddr_in stranger = w.addr;
		stranger.sin_port = htons(6666);
		memcpy(drops, w.peer.drops, sizeof(drops));
		for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			assert_int_equal(
				input_from(&stranger, t[i].bytes, t[i].len),
				PEER_DROPPED);
			drops[t[i].why]++;
			assert_memory_equal(drops, w.peer.drops, sizeof(drops));
			assert_int_equal(w.box.n, 0);
			assert_int_equal(w.peer.state, before);
		}
		if (round == 0)
			connect_them(); /* the same while a call runs */
	}
}

static void media_before_keys_is_dropped(void **state)
{
	(void)state;
	static const uint8_t rtp[32] = { 0x80, 96 };
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	answer();
	client_tick(w.client, w.now_us); /* its first check, no more */
	assert_true(w.box.n > 0);
	assert_int_equal(input_from(&w.addr, rtp, 32), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_NO_KEYS], 1);
	assert_null(peer_packet(&w.peer, false));
}

static size_t sealed(uint8_t buf[256], uint32_t ssrc, uint16_t seq)
{
	const struct rtp_header h = { .pt = 96, .seq = seq, .ssrc = ssrc };
	size_t len = rtp_write_header(buf, &h) + 40;
	memset(buf + RTP_HEADER_LEN, 7, 40);
	assert_int_equal(crypt_seal_rtp(w.client->crypt, buf, &len), 0);
	return len;
}

/* Attacks 27, 29. */
static void only_sealed_media_and_only_once(void **state)
{
	(void)state;
	uint8_t buf[256], clear[52] = { 0x80, 96 };
	connect_them();
	assert_int_equal(
		input_from(&w.addr, clear, sizeof(clear)), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_AUTH], 1);
	assert_int_equal(input_from(&w.addr, clear, 12), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_MALFORMED], 1);
	size_t len = sealed(buf, 1234, 1);
	buf[len - 1] ^= 1;
	assert_int_equal(input_from(&w.addr, buf, len), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_AUTH], 2);
	buf[len - 1] ^= 1;
	assert_int_equal(input_from(&w.addr, buf, len), PEER_RTP);
	assert_int_equal(input_from(&w.addr, buf, len), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_REPLAY], 1);
	/* Good, but from elsewhere: RTP bleed. */
	struct sockaddr_in other = w.addr;
	other.sin_port = htons(4001);
	len = sealed(buf, 1234, 2);
	assert_int_equal(input_from(&other, buf, len), PEER_DROPPED);
	assert_int_equal(w.peer.drops[DROP_UNKNOWN_SOURCE], 1);
	assert_int_equal(input_from(&w.addr, buf, len), PEER_RTP);
}

static void ssrcs_have_a_ceiling(void **state)
{
	(void)state;
	uint8_t buf[256];
	unsigned taken = 0;
	connect_them();
	for (uint32_t i = 0; i < 1000; i++) {
		size_t len = sealed(buf, 50000 + i, 1);
		taken += input_from(&w.addr, buf, len) == PEER_RTP;
	}
	assert_in_range(taken, CRYPT_SSRC_MAX - 8, CRYPT_SSRC_MAX);
	assert_int_equal(w.peer.drops[DROP_UNKNOWN_SSRC], 1000 - taken);
}

/* --- life
 * ---------------------------------------------------------------------
 */

static void run_to_the_deadline(unsigned most)
{
	while (w.peer.state != PEER_DEAD && most--) {
		uint64_t at = peer_deadline(&w.peer);
		assert_true(at != UINT64_MAX);
		if (at > w.now_us)
			w.now_us = at;
		peer_tick(&w.peer, w.now_us);
		w.box.n = 0;
	}
	assert_int_equal(w.peer.state, PEER_DEAD);
	assert_true(peer_deadline(&w.peer) == UINT64_MAX);
}

static void silence_has_an_end(void **state)
{
	(void)state;
	/* Never offered. */
	uint64_t then = w.now_us;
	run_to_the_deadline(1);
	assert_int_equal(w.now_us - then, PEER_SETUP_US);
	assert_int_equal(w.peer.reason, SFU_ICE_FAILED);
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), -EINVAL);
}

static void setting_up_has_an_end(void **state)
{
	(void)state;
	w.now_us += 20 * S;
	uint64_t then = w.now_us;
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	run_to_the_deadline(3);
	assert_int_equal(w.now_us - then, PEER_SETUP_US);
	assert_int_equal(w.peer.reason, SFU_ICE_FAILED);
}

static void consent_has_an_end(void **state)
{
	(void)state;
	connect_them();
	uint64_t then = w.now_us;
	run_to_the_deadline(100);
	assert_in_range(w.now_us - then, ICE_CONSENT_US - S, ICE_CONSENT_US);
	assert_int_equal(w.peer.reason, SFU_ICE_TIMEOUT);
	/* Nothing is sent to who is not there. */
	assert_null(peer_packet(&w.peer, false));
	uint8_t buf[256];
	size_t len = sealed(buf, 1234, 2);
	assert_int_equal(input_from(&w.addr, buf, len), PEER_DROPPED);
}

/* libnice sends no checks once it is connected: good media is consent, what
 * anybody could have sent is none. */
static void media_is_consent(void **state)
{
	(void)state;
	uint8_t buf[256];
	connect_them();
	uint64_t then = w.now_us;
	for (uint16_t i = 1; i <= 4; i++) {
		w.now_us += 20 * S;
		size_t len = sealed(buf, 1234, i);
		assert_int_equal(input_from(&w.addr, buf, len), PEER_RTP);
		peer_tick(&w.peer, w.now_us);
		w.box.n = 0;
	}
	assert_int_equal(w.peer.state, PEER_CONNECTED);
	w.now_us += 20 * S;
	size_t len = sealed(buf, 1234, 5);
	buf[len - 1] ^= 1;
	assert_int_equal(input_from(&w.addr, buf, len), PEER_DROPPED);
	run_to_the_deadline(100);
	assert_int_equal(w.now_us - then, 80 * S + ICE_CONSENT_US);
	assert_int_equal(w.peer.reason, SFU_ICE_TIMEOUT);
}

static void another_certificate_is_another_peer(void **state)
{
	(void)state;
	char *hex = w.remote.fingerprint;
	hex[0] = hex[0] == 'A' ? 'B' : 'A';
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	answer();
	for (unsigned i = 0; i < 50 && w.peer.state != PEER_DEAD; i++)
		step(10000);
	assert_int_equal(w.peer.state, PEER_DEAD);
	assert_int_equal(w.peer.reason, SFU_DTLS_FAILED);
	assert_null(w.peer.crypt);
}

static void bad_descriptions_change_nothing(void **state)
{
	(void)state;
	struct negotiate_remote r = w.remote;
	strcpy(r.fingerprint_hash, "sha-1");
	assert_int_equal(peer_remote(&w.peer, w.now_us, &r), -ENOTSUP);
	r = w.remote;
	strcpy(r.ufrag, "x");
	assert_int_equal(peer_remote(&w.peer, w.now_us, &r), -EINVAL);
	r = w.remote;
	strcpy(r.fingerprint, "nonsense");
	assert_int_equal(peer_remote(&w.peer, w.now_us, &r), -EINVAL);
	assert_int_equal(w.peer.state, PEER_NEW);
	assert_null(w.peer.dtls);
	connect_them(); /* the good one works after all that */
	r = w.remote;
	r.fingerprint_changed = true;
	assert_int_equal(peer_remote(&w.peer, w.now_us, &r), -EINVAL);
	assert_int_equal(w.peer.state, PEER_CONNECTED);
}

static void restarts_are_counted_and_work(void **state)
{
	(void)state;
	char before[sizeof(w.peer.ice.local.ufrag)];
	connect_them();
	strcpy(before, w.peer.ice.local.ufrag);
	offer(true);
	assert_true(w.remote.ice_restart);
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	assert_int_equal(w.peer.ice_restarts, 1);
	assert_string_not_equal(before, w.peer.ice.local.ufrag);
	answer();
	for (unsigned i = 0; i < 400; i++)
		step(100000);
	assert_int_equal(w.peer.state, PEER_CONNECTED);
}

static void both_roles(void **state)
{
	(void)state;
	w.client->cfg.dtls_server = true;
	offer(false);
	connect_them();
	assert_true(dtls_is_client(w.peer.dtls));
}

static void the_insistent_get_to_be_client(void **state)
{
	(void)state;
	w.remote.setup = SDP_ACTIVE;
	assert_int_equal(peer_remote(&w.peer, w.now_us, &w.remote), 0);
	assert_false(dtls_is_client(w.peer.dtls));
}

static void packets_bear_key_and_kind(void **state)
{
	(void)state;
	assert_null(peer_packet(&w.peer, true));
	connect_them();
	struct packet *p = peer_packet(&w.peer, true);
	assert_ptr_equal(p->key, w.peer.crypt);
	assert_true(p->rtcp);
	assert_true(ice_addr_equal(
		outbox_to(&w.box, p), (struct sockaddr *)&w.addr));
	assert_false(peer_packet(&w.peer, false)->rtcp);
	w.box.n = 0;
}

static void channels_come_when_they_may(void **state)
{
	(void)state;
	connect_them();
	assert_non_null(w.peer.channels);
	assert_int_equal(w.peer.max_message, 262144);
}

static void candidates_are_counted_and_capped(void **state)
{
	(void)state;
	/* Attack 11. */
	static const struct {
		const char *line;
		bool bad;
	} t[] = {
		{ "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
			false },
		{ "", false },
		{ "candidate:1 1 udp 2130706431 0.0.0.0 5000 typ host", true },
		{ "candidate:1 1 udp 2130706431 192.0.2.1 0 typ host", true },
		{ "rubbish", true },
	};
	unsigned bad = 0;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		peer_candidate(&w.peer, t[i].line);
		bad += t[i].bad;
		if (w.peer.bad_candidates != bad)
			fail_msg("%s", t[i].line);
	}
	for (unsigned i = 0; i < 500; i++)
		peer_candidate(&w.peer, t[0].line);
	assert_int_equal(w.peer.candidates, CANDIDATES_PER_PEER_MAX);
	assert_true(w.peer.bad_candidates > 300);
	assert_int_equal(w.box.n, 0); /* a lite agent never dials */
}

static void the_end_is_said(void **state)
{
	(void)state;
	connect_them();
	struct packet *p = peer_packet(&w.peer, false);
	const struct rtp_header h = { .pt = 96, .ssrc = 9 };
	p->len = (uint16_t)(rtp_write_header(p->data, &h) + 20);
	peer_done(&w.peer);
	/* What still waited was sealed with the key before it went. */
	for (unsigned i = 0; i < w.box.n; i++)
		assert_null(w.box.v[i].key);
	assert_int_equal(w.box.unsealed, 0);
	pump();
	assert_int_equal(dtls_state(w.client->dtls), DTLS_CLOSED);
	assert_null(w.peer.dtls);
	peer_done(&w.peer); /* twice is once */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(strangers_move_nothing),
		CASE(media_before_keys_is_dropped),
		CASE(only_sealed_media_and_only_once),
		CASE(ssrcs_have_a_ceiling),
		CASE(silence_has_an_end),
		CASE(setting_up_has_an_end),
		CASE(consent_has_an_end),
		CASE(media_is_consent),
		CASE(another_certificate_is_another_peer),
		CASE(bad_descriptions_change_nothing),
		CASE(restarts_are_counted_and_work),
		CASE(both_roles),
		CASE(the_insistent_get_to_be_client),
		CASE(packets_bear_key_and_kind),
		CASE(channels_come_when_they_may),
		CASE(candidates_are_counted_and_capped),
		CASE(the_end_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
