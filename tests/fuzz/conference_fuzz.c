/*
 * A conference under arbitrary treatment, after str0m's `receive`: time passes,
 * somebody joins, offers, answers, sends sealed or raw bytes, leaves. What must
 * hold whatever happens is asserted after each step; memory is the sanitizers'.
 *
 * Input: steps of (verb, who, length, bytes). Handshakes are skipped, they cost
 * milliseconds: a peer that passed its check is given keys by hand. The last
 * seat is a local program's.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "sfu/conference_private.h"
#include "tests/fuzz/conference_check.h"
#include "tests/sim/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_cert_random(struct cert *c, void *ret, size_t len);

enum { SEATS = 6, S = 1000000 };

struct seat {
	struct client_out out; /* first */
	struct client *client; /* NULL: nobody, or a program */
	bool program;
	struct crypt *crypt;
	sfu_id id;
	bool gone;       /* SFU_EV_LEFT was said */
	char *offer;     /* hearth's latest, unanswered */
	unsigned number; /* of this seat */
};

static struct {
	uint64_t now_us, random;
	struct env env;
	struct outbox out;
	struct conference *c;
	struct cert *client_cert;
	struct seat seat[SEATS];
	sfu_id next_id;
} w;

static uint64_t draw(void)
{
	w.random ^= w.random >> 12;
	w.random ^= w.random << 25;
	w.random ^= w.random >> 27;
	return w.random * 2685821657736338717u;
}

int __wrap_cert_random(struct cert *c, void *ret, size_t len)
{
	uint8_t *to = ret;
	(void)c;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(draw() >> 32);
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

static struct sockaddr_in addr_of(const struct seat *s)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)(1000 + s->number)) };
}

/* --- what must always hold ---------------------------------------------------
 */

static void check_packets(void)
{
	for (unsigned i = 0; i < w.out.n; i++) {
		const struct packet *p = &w.out.v[i];
		bool known = !p->key;
		assert(p->len <= OUTBOX_SLOT - CRYPT_TRAILER);
		if (p->plug) {
			assert(!p->key && p->plug == w.seat[SEATS - 1].id);
			continue;
		}
		assert(outbox_to(&w.out, p)->sa_family == AF_INET);
		for (unsigned k = 0; k < w.c->n; k++)
			known |= p->key == w.c->p[k]->peer.crypt;
		assert(known);
	}
}

static void on_flush(struct outbox *out)
{
	check_packets();
	outbox_seal(out);
	assert(out->unsealed == 0);
	out->n = out->n_plug = 0;
}

static void on_event(const struct sfu_event *ev)
{
	for (unsigned i = 0; i < SEATS; i++) {
		struct seat *s = &w.seat[i];
		if (s->id != ev->participant)
			continue;
		assert(!s->gone); /* LEFT is the last */
		if (ev->type == SFU_EV_LEFT)
			s->gone = true;
		if (ev->type == SFU_EV_ANSWER && s->client)
			client_answer(s->client, w.now_us, ev->sdp);
		if (ev->type == SFU_EV_OFFER) {
			free(s->offer);
			s->offer = strdup(ev->sdp);
		}
		return;
	}
	abort(); /* an event of nobody */
}

static void settle(void)
{
	struct sfu_event ev;
	while (conference_next_event(w.c, &ev))
		on_event(&ev);
	for (unsigned i = 0; i < w.c->n; i++)
		check_participant(w.c->p[i]);
	on_flush(&w.out);
	conference_sweep(w.c);
	for (unsigned i = 0; i < SEATS; i++) {
		const struct seat *s = &w.seat[i];
		assert(!s->id || s->gone == !conference_find(w.c, s->id));
	}
}

/* --- verbs -------------------------------------------------------------------
 */

static void input(struct seat *s, uint8_t *buf, size_t len, bool known)
{
	struct participant *p = conference_find(w.c, s->id);
	struct sockaddr_in from = addr_of(s);
	if (!known)
		from.sin_port = 1;
	if (p)
		conference_input(w.c, w.now_us, p, (struct sockaddr *)&from,
			buf, len, &w.out);
}

static void raw(struct seat *s, const uint8_t *data, size_t len, bool known)
{
	uint8_t *copy = malloc(len ? len : 1); /* so that ASan sees its end */
	memcpy(copy, data, len);
	input(s, copy, len, known);
	free(copy);
}

static void on_client_out(
	struct client_out *out, const uint8_t *buf, size_t len)
{
	raw((struct seat *)out, buf, len, true);
}

static void keys_by_hand(struct seat *s)
{
	uint8_t keys[CRYPT_KEYS_LEN];
	struct participant *p = conference_find(w.c, s->id);
	if (!p || p->peer.state != PEER_CONNECTING ||
		!ice_selected(&p->peer.ice))
		return;
	memset(keys, (int)s->number + 1, sizeof(keys));
	crypt_free(s->crypt);
	s->crypt = NULL;
	assert(crypt_new(&s->crypt, keys, true) == 0);
	assert(crypt_new(&p->peer.crypt, keys, false) == 0);
	p->peer.want_data = false;
	p->peer.state = PEER_CONNECTED;
	w.env.out = &w.out;
	participant_settle(p, w.now_us);
	w.env.out = NULL;
}

static void check_ice(struct seat *s)
{
	s->client->check_us = w.now_us;
	client_tick(s->client, w.now_us);
	keys_by_hand(s);
}

static void empty(struct seat *s)
{
	s->client = client_free(s->client);
	s->crypt = crypt_free(s->crypt);
	s->program = false;
	free(s->offer);
	s->offer = NULL;
	s->id = 0;
}

static void join(struct seat *s, uint8_t how)
{
	const struct client_config cfg = { .id = s->number + 1,
		.audio = !(how & 1),
		.video = !(how & 2),
		.data = true,
		.dtls_server = how & 4,
		.metadata_free = how & 8,
		.layered = how & 64,
		.undescribed = how & 128,
		.simulcast = how & 16   ? CLIENT_RIDS
			     : how & 32 ? CLIENT_SIM_GROUP
					: CLIENT_SINGLE };
	const struct sfu_join_options opt = { .renegotiate = !(how & 8) };
	if (s->client && !s->gone)
		return;
	empty(s);
	s->gone = false;
	s->id = w.next_id++;
	s->client = client_new(&cfg, w.client_cert, &s->out);
	assert(conference_join(w.c, w.now_us, s->id, "label", &opt) == 0);
}

/* A good text with some bytes of it replaced: (position, byte) each. */
static void spoil(char *text, const uint8_t *data, size_t len)
{
	size_t n = strlen(text);
	for (; n && len >= 3; data += 3, len -= 3)
		text[(size_t)(data[0] << 8 | data[1]) % n] =
			data[2] ? (char)data[2] : 'x';
}

static void offer(struct seat *s, const uint8_t *data, size_t len, bool restart)
{
	char *text = client_offer(s->client, restart);
	spoil(text, data, len);
	conference_offer(w.c, w.now_us, s->id, text, strlen(text), &w.out);
	free(text);
}

static void answer(struct seat *s, const uint8_t *data, size_t len)
{
	char *text = s->offer && s->client->dtls
			     ? client_negotiate(s->client, w.now_us, s->offer)
			     : NULL;
	if (!text)
		return;
	spoil(text, data, len);
	conference_answer(w.c, w.now_us, s->id, text, strlen(text), &w.out);
	free(text);
	free(s->offer);
	s->offer = NULL;
}

static uint32_t ssrc_of(const struct seat *s, uint8_t kind, uint8_t which)
{
	unsigned lower = which % (CLIENT_LOWER + 1);
	if (kind == CLIENT_VP9_PT)
		kind = CLIENT_VIDEO;
	if (kind & 1 && s->client->cfg.simulcast && lower)
		return s->client->lower[lower - 1].ssrc;
	return s->client->send[kind & 1].ssrc;
}

/* What it shows of one that it is sent, or of nobody. */
static void view(struct seat *s, const uint8_t *data, size_t len)
{
	struct participant *p = conference_find(w.c, s->id);
	const struct track *t = NULL;
	if (!p || len < 3)
		return;
	if (p->n_subs)
		t = p->sub[data[0] % p->n_subs]->track;
	conference_view(w.c, w.now_us, s->id, t ? t->stream : "nobody's",
		data[1] * 8u, data[2] & 1);
}

/* Which of those it publishes is a screen, or nobody's. */
static void screen(struct seat *s, const uint8_t *data, size_t len)
{
	struct participant *p = conference_find(w.c, s->id);
	const struct track *t = NULL;
	if (!p || len < 2)
		return;
	if (p->n_tracks)
		t = p->track[data[0] % p->n_tracks];
	conference_screen(w.c, w.now_us, s->id,
		t && data[0] < 128 ? t->source_stream : "nobody's",
		data[1] & 1);
}

/* (payload type and marker, SSRC of the client's or another, sequence number,
 * level, payload). The level says which extensions there are: with the second
 * bit the payload begins with a dependency descriptor and its length. */
static void rtp(struct seat *s, const uint8_t *data, size_t len)
{
	uint8_t buf[RTP_PACKET_MAX + RTP_HEADER_MAX + CRYPT_TRAILER];
	const uint8_t level = len > 4 ? data[4] : 0;
	struct rtp_ext ext[2] = { { .id = 1, .len = 1, .data = &level } };
	unsigned n_ext = level & 1;
	if (!s->crypt || len < 5)
		return;
	const uint8_t *body = data + 5;
	size_t left = len - 5;
	if (level & 2 && left > 0 && body[0] < left) {
		ext[n_ext++] = (struct rtp_ext){
			.id = CLIENT_DD_EXT, .len = body[0], .data = body + 1
		};
		left -= body[0] + 1u;
		body += body[0] + 1u;
	}
	const struct rtp_header h = { .pt = data[0] < 128 ? data[0]
					    : data[0] & 1 ? 96
							  : 111,
		.marker = data[0] & 1,
		.ssrc = data[1] < 128 ? ssrc_of(s, data[0], data[1]) : data[1],
		.seq = (uint16_t)(data[2] << 8 | data[3]),
		.ts = (uint32_t)(w.now_us / 11),
		.n_ext = n_ext,
		.ext = ext };
	size_t n = rtp_write_header(buf, &h);
	memcpy(buf + n, body, left);
	n += left;
	if (crypt_seal_rtp(s->crypt, buf, &n) == 0)
		raw(s, buf, n, true);
}

/* Bytes as they are, or feedback about one of the streams it receives. */
static void rtcp(struct seat *s, const uint8_t *data, size_t len)
{
	uint8_t buf[1024];
	struct participant *p = conference_find(w.c, s->id);
	if (!s->crypt || !p || len < 8)
		return;
	memcpy(buf, data, len);
	if (p->n_subs && len >= 12 && data[0] & 1) {
		uint32_t ssrc = htonl(p->sub[data[2] % p->n_subs]->ssrc);
		memcpy(buf + 8, &ssrc, 4);
		buf[2] = 0;
		buf[3] = (uint8_t)(len / 4 - 1);
		len &= ~(size_t)3;
	}
	buf[0] = (uint8_t)(0x80 | (buf[0] & 31));
	if (crypt_seal_rtcp(s->crypt, buf, &len) == 0)
		raw(s, buf, len, true);
}

static void pass_time(uint64_t us)
{
	uint64_t end = w.now_us + us;
	for (unsigned spins = 0; w.now_us < end; spins++) {
		uint64_t at = conference_deadline(w.c);
		at = at < end ? at : end;
		if (at > w.now_us)
			w.now_us = at;
		/* Something due for ever would hang a worker. */
		assert(spins < 100000);
		if (conference_deadline(w.c) <= w.now_us)
			conference_tick(w.c, w.now_us, &w.out);
		settle();
	}
}

/* --- a program ---------------------------------------------------------------
 */

static void plug(struct seat *s, uint8_t how)
{
	const struct sfu_plug_options may = { .listen = !(how & 1),
		.publish = !(how & 2) };
	empty(s);
	s->gone = false;
	s->program = true;
	s->id = w.next_id++;
	assert(conference_plug(w.c, w.now_us, s->id, "program", &may) == 0);
}

/* What is left out by a bit of the first byte, then bytes replaced. */
static void describe(struct seat *s, const uint8_t *data, size_t len)
{
	static const char *const part[] = {
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
		"m=audio 9 RTP/AVPF 100\r\na=mid:a\r\na=recvonly\r\n"
		"a=rtpmap:100 opus/48000/2\r\n",
		"m=video 9 RTP/AVPF 101 102\r\na=mid:v\r\na=recvonly\r\n"
		"a=rtpmap:101 VP8/90000\r\na=rtcp-fb:101 nack pli\r\n"
		"a=rtpmap:102 H264/90000\r\n",
		"m=audio 9 RTP/AVP 100\r\na=mid:p\r\na=sendonly\r\n"
		"a=rtpmap:100 opus/48000/2\r\na=ssrc:7 cname:c\r\n",
		"m=video 9 RTP/AVPF 101\r\na=mid:q\r\na=sendrecv\r\n"
		"a=rtpmap:101 VP8/90000\r\na=msid:s t\r\n",
	};
	char text[2048] = "";
	for (unsigned i = 0; i < sizeof(part) / sizeof(*part); i++)
		if (!len || !(data[0] >> i & 1))
			strcat(text, part[i]);
	if (len)
		spoil(text, data + 1, len - 1);
	conference_offer(w.c, w.now_us, s->id, text, strlen(text), &w.out);
}

static void plain(struct seat *s, bool rtcp, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct participant *p = conference_find(w.c, s->id);
	memcpy(copy, data, len);
	if (p && rtcp && p->n_subs && len >= 12 && data[0] & 1) {
		uint32_t ssrc = htonl(p->sub[data[2] % p->n_subs]->ssrc);
		memcpy(copy + 8, &ssrc, 4);
		copy[2] = 0;
		copy[3] = (uint8_t)(len / 4 - 1);
	}
	if (len && !(data[0] & 2))
		copy[0] = (uint8_t)(0x80 | (copy[0] & 31));
	if (p)
		conference_plain_input(
			w.c, w.now_us, p, rtcp, copy, len, &w.out);
	free(copy);
}

static void program_step(
	uint8_t verb, struct seat *s, const uint8_t *data, size_t len)
{
	switch (verb % 6) {
	case 0:
		pass_time((uint64_t)(len ? data[0] + 1 : 1) * 20000);
		break;
	case 1:
		plain(s, false, data, len);
		break;
	case 2:
		plain(s, true, data, len);
		break;
	case 3:
		describe(s, data, len);
		break;
	case 4:
		raw(s, data, len, true);
		conference_answer(
			w.c, w.now_us, s->id, (const char *)data, len, &w.out);
		break;
	case 5:
		conference_leave(w.c, w.now_us, s->id, SFU_BY_COMMAND, &w.out);
		break;
	}
}

static void step(uint8_t verb, struct seat *s, const uint8_t *data, size_t len)
{
	char line[256] = { 0 };
	if (s->program && !s->gone) {
		program_step(verb, s, data, len);
		return;
	}
	if (s->number == SEATS - 1) {
		plug(s, verb);
		return;
	}
	if (!s->client || s->gone) {
		join(s, verb);
		return;
	}
	memcpy(line, data, len);
	switch (verb % 12) {
	case 0:
		pass_time((uint64_t)(len ? data[0] + 1 : 1) * 20000);
		break;
	case 1:
		raw(s, data, len, verb & 64);
		break;
	case 2:
	case 3:
		rtp(s, data, len);
		break;
	case 4:
	case 5:
		rtcp(s, data, len);
		break;
	case 6:
		check_ice(s);
		break;
	case 7:
		offer(s, data, len, verb & 64);
		break;
	case 8:
		answer(s, data, len);
		break;
	case 9:
		conference_leave(w.c, w.now_us, s->id, SFU_BY_COMMAND, &w.out);
		break;
	case 10:
		conference_candidate(w.c, w.now_us, s->id, line);
		view(s, data, len);
		screen(s, data, len);
		conference_message(
			w.c, w.now_us, s->id, true, data, len, &w.out);
		break;
	case 11:
		conference_offer(
			w.c, w.now_us, s->id, line, strlen(line), &w.out);
		break;
	}
}

/* A good start, or few inputs would get anywhere: three in a call, one of them
 * of layers within a stream, one of several encodings. */
static void begin(void)
{
	for (unsigned i = 0; i < 3; i++) {
		join(&w.seat[i], i == 2 ? 8 : i == 1 ? 96 : 64);
		offer(&w.seat[i], NULL, 0, false);
		settle();
		check_ice(&w.seat[i]);
		settle();
		assert(participant_ready(conference_find(w.c, w.seat[i].id)));
	}
}

static void make_world(void)
{
	static const char *const codecs[] = { "opus", "VP8", "VP9", "H264",
		"AV1", NULL };
	assert(assoc_global_init() == 0 && crypt_global_init() == 0);
	w.client_cert = cert_new(1700000000);
	w.env.cert = cert_new(1700000000);
	w.env.ice = ice_engine_new();
	w.env.codecs = codecs;
	w.env.candidate[0] =
		"candidate:1 1 udp 2130706431 10.0.0.1 7882 typ host";
	w.env.n_candidates = 1;
	w.env.limits = (struct limits){ .participants = 16,
		.tracks = 3,
		.media_lines = 12,
		.video_max_bps = 1000000,
		.channel_queue = 65536,
		.history_video = 32,
		.history_audio = 8,
		.resend_bps = 1000000 };
	assert(outbox_init(&w.out, on_flush, NULL) == 0);
	for (unsigned i = 0; i < SEATS; i++) {
		w.seat[i].out.send = on_client_out;
		w.seat[i].number = i;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	w.random = 88172645463325252u;
	if (!w.client_cert)
		make_world();
	w.now_us = S;
	w.next_id = 1;
	w.c = conference_new(&w.env, "fuzz");
	begin();
	while (size >= 3) {
		uint8_t verb = data[0];
		struct seat *s = &w.seat[data[1] % SEATS];
		size_t len = data[2];
		data += 3;
		size -= 3;
		len = len < size ? len : size;
		step(verb, s, data, len);
		settle();
		data += len;
		size -= len;
	}
	pass_time(40 * S);
	conference_free(w.c);
	for (unsigned i = 0; i < SEATS; i++)
		empty(&w.seat[i]);
	return 0;
}
