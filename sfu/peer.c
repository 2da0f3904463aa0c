#include "sfu/peer.h"
#include <assert.h>
#include <errno.h>
#include <string.h>
#include "ice/candidate.h"
#include "rtp/packet.h"

#define CONTAINER(ptr, type, member)                                           \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

void peer_drop(struct peer *p, enum conference_drop why)
{
	p->drops[why]++;
}

static void set_state(struct peer *p, enum peer_state to)
{
	static const bool edge[4][4] = {
		[PEER_NEW] = { [PEER_CONNECTING] = true, [PEER_DEAD] = true },
		[PEER_CONNECTING] = { [PEER_CONNECTED] = true,
			[PEER_DEAD] = true },
		[PEER_CONNECTED] = { [PEER_DEAD] = true },
	};
	assert(edge[p->state][to]);
	p->state = to;
}

static void die(struct peer *p, enum sfu_reason reason)
{
	if (p->state == PEER_DEAD)
		return;
	p->reason = reason;
	set_state(p, PEER_DEAD);
}

static void send_plain(struct peer *p, const uint8_t *buf, size_t len)
{
	const struct sockaddr *to = ice_selected(&p->ice);
	if (!to || !p->env->out || len > OUTBOX_SLOT)
		return;
	struct packet *out = outbox_add(p->env->out, to);
	memcpy(out->data, buf, len);
	out->len = (uint16_t)len;
}

static void on_dtls_out(struct dtls_out *o, const uint8_t *buf, size_t len)
{
	send_plain(CONTAINER(o, struct peer, dtls_out), buf, len);
}

static void on_assoc_out(struct assoc_out *o, const uint8_t *buf, size_t len)
{
	struct peer *p = CONTAINER(o, struct peer, assoc_out);
	if (p->dtls)
		dtls_write(p->dtls, buf, len, &p->dtls_out);
}

int peer_init(struct peer *p, struct env *env, uint64_t now_us)
{
	uint8_t random[24];
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->since_us = now_us;
	p->dtls_out.send = on_dtls_out;
	p->assoc_out.send = on_assoc_out;
	int err = cert_random(env->cert, random, sizeof(random));
	if (err)
		return err;
	ice_init(&p->ice, env->ice, random);
	return 0;
}

void peer_init_plain(
	struct peer *p, struct env *env, uint64_t now_us, sfu_id plug)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->since_us = now_us;
	p->plug = plug;
}

static void free_dtls(struct peer *p)
{
	if (handshake_is_away(p->handshake)) {
		handshake_give_up(p->handshake);
		p->handshake = NULL;
		p->dtls = NULL;
		return;
	}
	p->handshake = handshake_free(p->handshake);
	if (p->dtls)
		dtls_close(p->dtls, &p->dtls_out);
	p->dtls = dtls_free(p->dtls);
}

void peer_done(struct peer *p)
{
	/* Goodbyes go out before the records and keys they need are gone. */
	p->channels = channels_free(p->channels);
	free_dtls(p);
	if (p->env->out)
		outbox_release(p->env->out, p->crypt);
	p->crypt = crypt_free(p->crypt);
}

static int new_dtls(struct peer *p, const struct negotiate_remote *r)
{
	/* We answer active unless the peer insists on that role itself. */
	enum dtls_role role =
		r->setup == SDP_ACTIVE ? DTLS_SERVER : DTLS_CLIENT;
	int err = dtls_new(&p->dtls, p->env->cert, role, r->fingerprint_hash,
		r->fingerprint);
	if (err || !p->env->errands)
		return err;
	p->handshake = handshake_new(p->dtls, p->id);
	return p->handshake ? 0 : -ENOMEM;
}

static int first_remote(
	struct peer *p, uint64_t now_us, const struct negotiate_remote *r)
{
	int err = new_dtls(p, r);
	if (!err)
		err = ice_set_remote(&p->ice, r->ufrag, r->pwd);
	if (err) {
		free_dtls(p);
		return err;
	}
	p->since_us = now_us;
	set_state(p, PEER_CONNECTING);
	return 0;
}

static int restart(struct peer *p, const struct negotiate_remote *r)
{
	uint8_t random[24];
	int err = cert_random(p->env->cert, random, sizeof(random));
	if (!err)
		err = ice_restart(&p->ice, random, r->ufrag, r->pwd);
	if (!err)
		p->ice_restarts++;
	return err;
}

static int open_channels(struct peer *p)
{
	if (!p->want_data || p->channels || p->state != PEER_CONNECTED)
		return 0;
	int err = channels_new(&p->channels, &p->assoc_out,
		dtls_is_client(p->dtls), 5000, p->sctp_port,
		p->env->limits.channel_queue);
	if (!err)
		channels_set_max(p->channels, p->max_message);
	return err;
}

int peer_remote(
	struct peer *p, uint64_t now_us, const struct negotiate_remote *r)
{
	int err = 0;
	if (p->state == PEER_DEAD)
		return -EINVAL;
	if (p->plug) {
		if (p->state == PEER_NEW) {
			set_state(p, PEER_CONNECTING);
			set_state(p, PEER_CONNECTED);
		}
		return 0;
	}
	if (p->state == PEER_NEW)
		err = first_remote(p, now_us, r);
	else if (r->fingerprint_changed)
		/* Another certificate would be another peer. */
		err = -EINVAL;
	else if (r->ice_restart)
		err = restart(p, r);
	if (err)
		return err;
	if (r->has_data) {
		p->want_data = true;
		p->sctp_port = r->sctp_port ? r->sctp_port : 5000;
		p->max_message = r->max_message_size;
	}
	return open_channels(p);
}

static void now_connected(struct peer *p)
{
	uint8_t keys[DTLS_KEYS_LEN];
	if (dtls_keys(p->dtls, keys) ||
		crypt_new(&p->crypt, keys, dtls_is_client(p->dtls))) {
		die(p, SFU_DTLS_FAILED);
		return;
	}
	memset(keys, 0, sizeof(keys));
	set_state(p, PEER_CONNECTED);
	if (open_channels(p))
		die(p, SFU_FULL);
}

/* Draws the consequences of whatever the DTLS session just did. */
static void settle_dtls(struct peer *p)
{
	enum dtls_state state = dtls_state(p->dtls);
	if (state == DTLS_CONNECTED && p->state == PEER_CONNECTING)
		now_connected(p);
	else if (state == DTLS_FAILED)
		die(p, SFU_DTLS_FAILED);
	else if (state == DTLS_CLOSED)
		die(p, SFU_CLOSED);
}

/* A step of the handshake that nobody repeats for us. */
static void errand(struct peer *p, uint64_t now_us, enum errand_verb verb)
{
	bool sent = errand_send(
		p->env->errands, p->handshake, verb, now_us, NULL, 0);
	if (!sent)
		p->errand_us = now_us + ERRAND_RETRY_US;
	p->want_start = verb == ERRAND_START && !sent;
}

static void start_dtls(struct peer *p, uint64_t now_us)
{
	if (!p->dtls || handshake_is_away(p->handshake) ||
		dtls_state(p->dtls) != DTLS_NEW)
		return;
	if (p->handshake)
		errand(p, now_us, ERRAND_START);
	else
		dtls_start(p->dtls, now_us, &p->dtls_out);
}

static void tick_dtls(struct peer *p, uint64_t now_us)
{
	if (!p->handshake) {
		dtls_tick(p->dtls, now_us, &p->dtls_out);
		settle_dtls(p);
	} else if (p->want_start)
		start_dtls(p, now_us);
	else
		errand(p, now_us, ERRAND_TICK);
}

static uint64_t deadline_dtls(const struct peer *p)
{
	if (handshake_is_away(p->handshake))
		return UINT64_MAX;
	uint64_t at = p->want_start ? 0 : dtls_deadline(p->dtls);
	return at < p->errand_us ? p->errand_us : at;
}

static enum peer_got input_stun(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len)
{
	uint8_t reply[ICE_REPLY_MAX];
	size_t reply_len = 0;
	enum ice_got got =
		ice_input(&p->ice, now_us, from, buf, len, reply, &reply_len);
	if (reply_len) {
		/* To where it came from, which need not be the selected pair.
		 */
		struct packet *out = outbox_add(p->env->out, from);
		memcpy(out->data, reply, reply_len);
		out->len = (uint16_t)reply_len;
	}
	if (got >= ICE_DROP_MALFORMED) {
		peer_drop(p, DROP_STUN);
		return PEER_DROPPED;
	}
	if (got == ICE_GOT_SELECTED) {
		start_dtls(p, now_us);
		return PEER_MOVED;
	}
	return got == ICE_GOT_REPLY ? PEER_STUN : PEER_NOTHING;
}

/* from: whose address the records prove; NULL: not known any more. */
static void read_records(
	struct peer *p, uint64_t now_us, const struct sockaddr *from)
{
	uint8_t record[2048];
	size_t n;
	while (p->state == PEER_CONNECTED &&
		(n = dtls_read(p->dtls, record, sizeof(record))) > 0) {
		if (from)
			ice_proven(&p->ice, now_us, from);
		if (p->channels)
			channels_input(p->channels, record, n);
	}
}

static enum peer_got input_dtls(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, const uint8_t *buf, size_t len)
{
	if (!p->dtls ||
		(p->handshake && !errand_send(p->env->errands, p->handshake,
					 ERRAND_INPUT, now_us, buf, len))) {
		peer_drop(p, DROP_DTLS);
		return PEER_DROPPED;
	}
	if (p->handshake)
		return PEER_NOTHING;
	dtls_input(p->dtls, now_us, buf, len, &p->dtls_out);
	settle_dtls(p);
	read_records(p, now_us, from);
	return PEER_NOTHING;
}

void peer_errand_done(struct peer *p, uint64_t now_us, const struct errand *e)
{
	const uint8_t *at = e->out;
	for (unsigned i = 0; i < e->sent; at += e->sent_len[i++])
		send_plain(p, at, e->sent_len[i]);
	if (--p->handshake->out > 0)
		return;
	settle_dtls(p);
	if (p->state == PEER_CONNECTING)
		return;
	/* At home for good: from here on its steps are cheap. */
	p->handshake = handshake_free(p->handshake);
	read_records(p, now_us, NULL);
}

bool peer_opens(struct peer *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct crypt_open *ret)
{
	enum rtp_kind kind = rtp_classify(buf, len);
	if ((kind != RTP_KIND_RTP && kind != RTP_KIND_RTCP) || !p->crypt ||
		p->state == PEER_DEAD || !ice_known(&p->ice, from))
		return false;
	*ret = (struct crypt_open){ .key = p->crypt,
		.buf = buf,
		.len = len,
		.rtcp = kind == RTP_KIND_RTCP };
	return true;
}

enum peer_got peer_opened(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, const struct crypt_open *o)
{
	if (o->got == CRYPT_OK) {
		ice_proven(&p->ice, now_us, from);
		return o->rtcp ? PEER_RTCP : PEER_RTP;
	}
	peer_drop(p, o->got == CRYPT_DROP_AUTH     ? DROP_AUTH
		     : o->got == CRYPT_DROP_REPLAY ? DROP_REPLAY
		     : o->got == CRYPT_DROP_SSRC   ? DROP_UNKNOWN_SSRC
						   : DROP_MALFORMED);
	return PEER_DROPPED;
}

static enum peer_got open_one(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, struct crypt_open *o, size_t *len)
{
	crypt_open_batch(o, 1);
	*len = o->len;
	return peer_opened(p, now_us, from, o);
}

enum peer_got peer_input(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, uint8_t *buf, size_t *len)
{
	enum rtp_kind kind = rtp_classify(buf, *len);
	struct crypt_open o;
	if (peer_opens(p, from, buf, *len, &o))
		return open_one(p, now_us, from, &o, len);
	if (p->state == PEER_DEAD || p->plug || kind == RTP_KIND_UNKNOWN) {
		peer_drop(p, DROP_CLASS);
		return PEER_DROPPED;
	}
	if (kind == RTP_KIND_STUN)
		return input_stun(p, now_us, from, buf, *len);
	/* Nothing is believed from an address that passed no check: a spoofed
	 * ClientHello must not kill a call (faults-and-attacks 13). */
	if (!ice_known(&p->ice, from)) {
		peer_drop(p, DROP_UNKNOWN_SOURCE);
		return PEER_DROPPED;
	}
	if (kind == RTP_KIND_DTLS)
		return input_dtls(p, now_us, from, buf, *len);
	peer_drop(p, DROP_NO_KEYS);
	return PEER_DROPPED;
}

void peer_candidate(struct peer *p, const char *line)
{
	struct candidate c;
	if (p->candidates >= CANDIDATES_PER_PEER_MAX) {
		p->bad_candidates++;
		return;
	}
	p->candidates++;
	enum candidate_got got = candidate_parse(line, &c);
	if (got == CANDIDATE_MALFORMED || got == CANDIDATE_FORBIDDEN)
		p->bad_candidates++;
}

void peer_tick(struct peer *p, uint64_t now_us)
{
	if (p->state == PEER_DEAD || p->plug)
		return;
	if (p->state != PEER_CONNECTED &&
		now_us - p->since_us >= PEER_SETUP_US) {
		die(p, SFU_ICE_FAILED);
		return;
	}
	if (p->state == PEER_NEW)
		return;
	ice_tick(&p->ice, now_us);
	if (p->ice.state == ICE_EXPIRED) {
		die(p, p->state == PEER_CONNECTED ? SFU_ICE_TIMEOUT
						  : SFU_ICE_FAILED);
		return;
	}
	if (deadline_dtls(p) <= now_us)
		tick_dtls(p, now_us);
}

uint64_t peer_deadline(const struct peer *p)
{
	if (p->state == PEER_DEAD || p->plug)
		return UINT64_MAX;
	if (p->state == PEER_NEW)
		return p->since_us + PEER_SETUP_US;
	uint64_t at = ice_deadline(&p->ice), d = deadline_dtls(p);
	if (d < at)
		at = d;
	if (p->state == PEER_CONNECTING && p->since_us + PEER_SETUP_US < at)
		at = p->since_us + PEER_SETUP_US;
	return at;
}

struct packet *peer_packet(struct peer *p, bool rtcp)
{
	struct packet *out;
	if (p->plug) {
		out = outbox_add_plug(p->env->out, p->plug);
		out->rtcp = rtcp;
		return out;
	}
	const struct sockaddr *to = ice_selected(&p->ice);
	if (!to || !p->crypt)
		return NULL;
	out = outbox_add_flow(p->env->out, to, &p->flow);
	out->key = p->crypt;
	out->rtcp = rtcp;
	return out;
}
