/* Transport of the simulated client: ICE checks, DTLS, SRTP, data channels. */
#include "tests/sim/client.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define CONTAINER(ptr, type, member)                                           \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

enum { CHECKS_KEPT = 32 };

struct ice_engine_client {
	StunAgent agent;
	StunTransactionId sent[CHECKS_KEPT];
	unsigned n_sent;
};

static const uint16_t known_attributes[] = { STUN_ATTRIBUTE_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_PRIORITY,
	STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_ICE_CONTROLLED,
	STUN_ATTRIBUTE_ICE_CONTROLLING, STUN_ATTRIBUTE_FINGERPRINT, 0 };

static void on_dtls_out(struct dtls_out *o, const uint8_t *buf, size_t len)
{
	struct client *c = CONTAINER(o, struct client, dtls_out);
	c->out->send(c->out, buf, len);
}

static void on_assoc_out(struct assoc_out *o, const uint8_t *buf, size_t len)
{
	struct client *c = CONTAINER(o, struct client, assoc_out);
	if (c->dtls)
		dtls_write(c->dtls, buf, len, &c->dtls_out);
}

static void init_send(struct client *c, unsigned k)
{
	static const uint16_t height[CLIENT_SENDS] = { 0, 720, 180, 360 };
	struct client_send *s = client_send_at(c, k);
	uint8_t random[8];
	s->on = k == CLIENT_AUDIO ? c->cfg.audio
				  : c->cfg.video && (k == CLIENT_VIDEO ||
							    c->cfg.simulcast);
	if (!s->on || cert_random(c->cert, random, sizeof(random)))
		return;
	s->ssrc = c->cfg.id * 16 + k + 1;
	s->rtx_ssrc = c->cfg.rtx && k != CLIENT_AUDIO ? s->ssrc + 8 : 0;
	if (c->cfg.simulcast) {
		s->height = height[k];
		memcpy(&s->ts, random + 2, 4);
		s->picture = random[6];
		s->tl0 = random[7];
	}
	memcpy(&s->seq, random, 2);
	s->unwrapped = 65536u + s->seq;
	s->want_key = true;
	s->history = history_new(512);
}

struct client *client_new(const struct client_config *cfg, struct cert *cert,
	struct client_out *out)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->cfg = *cfg;
	c->cert = cert;
	c->out = out;
	c->dtls_out.send = on_dtls_out;
	c->assoc_out.send = on_assoc_out;
	c->check_us = c->report_us = c->nack_us = UINT64_MAX;
	c->rtcp_ssrc = cfg->id * 16;
	c->video_pt = 96;
	arrival_init(&c->arrival);
	c->stun = calloc(1, sizeof(*c->stun));
	if (!c->stun)
		return client_free(c);
	stun_agent_init(&c->stun->agent, known_attributes,
		STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS |
			STUN_AGENT_USAGE_USE_FINGERPRINT);
	if (cfg->layered && !cfg->svc) {
		c->judge = calloc(1, sizeof(*c->judge));
		if (!c->judge)
			return client_free(c);
	}
	for (unsigned k = 0; k < CLIENT_SENDS; k++)
		init_send(c, k);
	return c;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	channels_free(c->channels);
	dtls_free(c->dtls);
	crypt_free(c->crypt);
	history_free(c->send[CLIENT_AUDIO].history);
	history_free(c->send[CLIENT_VIDEO].history);
	for (unsigned i = 0; i < CLIENT_LOWER; i++)
		history_free(c->lower[i].history);
	free(c->stun);
	free(c->judge);
	free(c);
	return NULL;
}

void client_close(struct client *c)
{
	c->closed = true;
	c->channels = channels_free(c->channels);
	if (c->dtls)
		dtls_close(c->dtls, &c->dtls_out);
}

/* An agent has room for 200 transactions: those long unanswered make way. */
static void remember(struct ice_engine_client *e, const StunMessage *msg)
{
	StunTransactionId *slot = &e->sent[e->n_sent % CHECKS_KEPT];
	if (e->n_sent++ >= CHECKS_KEPT)
		stun_agent_forget_transaction(&e->agent, *slot);
	stun_message_id(msg, *slot);
}

static void send_check(struct client *c)
{
	uint8_t buf[512], username[600];
	StunMessage msg;
	int n = snprintf((char *)username, sizeof(username), "%s:%s",
		c->remote_ufrag, c->ufrag);
	size_t len = stun_usage_ice_conncheck_create(&c->stun->agent, &msg, buf,
		sizeof(buf), username, (size_t)n, (uint8_t *)c->remote_pwd,
		strlen(c->remote_pwd), !c->controlled, !c->controlled,
		0x6e0001ff, c->cfg.id + 1, "1",
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	c->count.checks++;
	c->out->send(c->out, buf, len);
	remember(c->stun, &msg);
}

static void nominate(struct client *c)
{
	if (c->nominated || !c->reached || (c->controlled && !c->chosen))
		return;
	c->nominated = true;
	if (dtls_state(c->dtls) == DTLS_NEW)
		dtls_start(c->dtls, c->now_us, &c->dtls_out);
}

static void stun_reply(struct client *c, const uint8_t *buf, size_t len)
{
	StunMessage msg;
	struct sockaddr_storage mapped;
	socklen_t mapped_len = sizeof(mapped);
	if (stun_agent_validate(&c->stun->agent, &msg, buf, len, NULL, NULL) !=
		STUN_VALIDATION_SUCCESS) {
		c->count.bad++;
		return;
	}
	if (stun_usage_ice_conncheck_process(&msg, &mapped, &mapped_len,
		    STUN_USAGE_ICE_COMPATIBILITY_RFC5245) !=
		STUN_USAGE_ICE_RETURN_SUCCESS) {
		c->count.bad++;
		return;
	}
	c->last_reply_us = c->now_us;
	c->reached = true;
	nominate(c);
}

static bool own_password(StunAgent *agent, StunMessage *msg, uint8_t *username,
	uint16_t username_len, uint8_t **password, size_t *password_len,
	void *arg)
{
	struct client *c = arg;
	(void)agent;
	(void)msg;
	(void)username;
	(void)username_len;
	*password = (uint8_t *)c->pwd;
	*password_len = strlen(c->pwd);
	return true;
}

/* hearth has none to send; servers with full ICE start nothing before it. */
static void answer_check(struct client *c, const uint8_t *buf, size_t len)
{
	StunAgent *agent = &c->stun->agent;
	StunMessage request, reply;
	uint8_t out[256];
	memset(&request, 0, sizeof(request));
	memset(&reply, 0, sizeof(reply));
	if (!c->remote.ss_family ||
		stun_agent_validate(agent, &request, buf, len, own_password,
			c) != STUN_VALIDATION_SUCCESS ||
		!stun_agent_init_response(
			agent, &reply, out, sizeof(out), &request) ||
		stun_message_append_xor_addr(&reply,
			STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &c->remote,
			sizeof(struct sockaddr_in)) !=
			STUN_MESSAGE_RETURN_SUCCESS) {
		c->count.bad++;
		return;
	}
	len = stun_agent_finish_message(agent, &reply, NULL, 0);
	if (len)
		c->out->send(c->out, out, len);
	if (stun_message_find_flag(&request, STUN_ATTRIBUTE_USE_CANDIDATE) ==
		STUN_MESSAGE_RETURN_SUCCESS)
		c->chosen = true;
	nominate(c);
}

static void stun_datagram(struct client *c, const uint8_t *buf, size_t len)
{
	/* RFC 8489 5: a request, or an answer to ours. */
	if ((buf[0] & 1) == 0 && len > 1 && (buf[1] & 0x10) == 0)
		answer_check(c, buf, len);
	else
		stun_reply(c, buf, len);
}

static void now_connected(struct client *c)
{
	uint8_t keys[DTLS_KEYS_LEN];
	if (c->connected || dtls_state(c->dtls) != DTLS_CONNECTED)
		return;
	if (dtls_keys(c->dtls, keys) ||
		crypt_new(&c->crypt, keys, dtls_is_client(c->dtls)))
		return;
	c->connected = true;
	c->connected_us = c->now_us;
	c->report_us = c->now_us + 1000000;
	c->send[CLIENT_AUDIO].next_us = c->now_us;
	for (unsigned k = CLIENT_VIDEO; k < CLIENT_SENDS; k++)
		client_send_at(c, k)->next_us = c->now_us;
	if (c->cfg.data)
		channels_new(&c->channels, &c->assoc_out,
			dtls_is_client(c->dtls), 5000, 5000, 8u << 20);
}

void client_channels(struct client *c, uint64_t now_us)
{
	struct channel_event ev;
	c->now_us = now_us;
	while (c->channels && channels_next(c->channels, &ev)) {
		if (ev.type != CHANNEL_EV_MESSAGE)
			continue;
		c->count.messages++;
		c->count.message_bytes += ev.len;
		if (c->on_message)
			c->on_message(
				c, ev.channel, ev.binary, ev.data, ev.len);
	}
}

static void dtls_datagram(struct client *c, const uint8_t *buf, size_t len)
{
	uint8_t record[2048];
	size_t n;
	dtls_input(c->dtls, c->now_us, buf, len, &c->dtls_out);
	now_connected(c);
	while ((n = dtls_read(c->dtls, record, sizeof(record))) > 0)
		if (c->channels)
			channels_input(c->channels, record, n);
	client_channels(c, c->now_us);
}

void client_input(struct client *c, uint64_t now_us, uint8_t *buf, size_t len)
{
	c->now_us = now_us;
	c->count.datagrams++;
	if (c->closed || !c->dtls)
		return;
	switch (rtp_classify(buf, len)) {
	case RTP_KIND_STUN:
		stun_datagram(c, buf, len);
		break;
	case RTP_KIND_DTLS:
		dtls_datagram(c, buf, len);
		break;
	case RTP_KIND_RTP:
		if (c->crypt && crypt_open_rtp(c->crypt, buf, &len) == CRYPT_OK)
			client_media_packet(c, buf, len);
		break;
	case RTP_KIND_RTCP:
		if (c->crypt &&
			crypt_open_rtcp(c->crypt, buf, &len) == CRYPT_OK)
			client_media_rtcp(c, buf, len);
		break;
	case RTP_KIND_UNKNOWN:
		c->count.bad++;
		break;
	}
}

void client_tick(struct client *c, uint64_t now_us)
{
	c->now_us = now_us;
	if (c->closed || !c->dtls)
		return;
	if (c->check_us <= now_us) {
		send_check(c);
		c->check_us =
			now_us + (c->nominated ? CLIENT_CHECK_US : 100000);
	}
	if (dtls_deadline(c->dtls) <= now_us) {
		dtls_tick(c->dtls, now_us, &c->dtls_out);
		now_connected(c);
	}
	if (c->connected)
		client_media_tick(c);
}

uint64_t client_deadline(const struct client *c)
{
	if (c->closed || !c->dtls)
		return UINT64_MAX;
	uint64_t at = c->check_us, d = dtls_deadline(c->dtls);
	at = d < at ? d : at;
	d = c->connected ? client_media_deadline(c) : UINT64_MAX;
	return d < at ? d : at;
}

unsigned client_live(const struct client *c, uint32_t from, uint64_t now_us)
{
	unsigned n = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *s = &c->stream[i];
		n += s->used && s->started && s->from == from &&
		     now_us - s->last_us < CLIENT_LIVE_US;
	}
	return n;
}
