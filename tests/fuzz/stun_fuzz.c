/*
 * One lite agent against datagrams: the first byte picks address, time step and
 * what happens in between, the second says how long the datagram is. So that
 * the fuzzer gets past the integrity, FINGERPRINT and MESSAGE-INTEGRITY of
 * every other datagram are made right, if it has room for them.
 */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include <stun/stunagent.h>

#include "ice/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t random_bytes[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

static struct sockaddr_storage address(unsigned n)
{
	struct sockaddr_storage ret = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret;

	if (n & 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = (in_port_t)n;
	} else {
		in->sin_family = AF_INET;
		in->sin_port = (in_port_t)n;
	}
	return ret;
}

/* A request whose attributes are the fuzzer's and whose seal is right. */
static size_t sealed(
	const struct ice *ice, const uint8_t *data, size_t len, uint8_t *ret)
{
	static const uint16_t known[] = { 0 };
	char username[64];
	StunAgent agent;
	StunMessage msg = { 0 };

	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS |
			STUN_AGENT_USAGE_USE_FINGERPRINT);
	stun_agent_init_request(&agent, &msg, ret, 2048, STUN_BINDING);
	strcpy(username, ice->local.ufrag);
	strcat(username, ":peer");
	stun_message_append_string(&msg, STUN_ATTRIBUTE_USERNAME, username);
	while (len >= 3) {
		size_t n = data[2] % 16;

		if (n > len - 3)
			break;
		stun_message_append_bytes(&msg,
			(StunAttribute)(data[0] << 8 | data[1]), data + 3, n);
		data += 3 + n;
		len -= 3 + n;
	}
	return stun_agent_finish_message(&agent, &msg,
		(const uint8_t *)ice->local.pwd, strlen(ice->local.pwd));
}

static void check(const struct ice *ice)
{
	const struct sockaddr *to = ice_selected(ice);

	assert(ice->n_pairs <= ICE_PAIRS_MAX);
	assert(ice->selected < (int)ice->n_pairs);
	assert(ice->state != ICE_NOMINATED || to);
	assert(ice->state != ICE_NEW || !to);
	assert(!to || ice_known(ice, to));
	assert(ice->state != ICE_EXPIRED || !to);
}

static void between(struct ice *ice, unsigned what, uint64_t now_us)
{
	if (what == 1)
		ice_set_remote(ice, "peer", "peerpeerpeerpeerpeerpeer");
	else if (what == 2)
		ice_restart(
			ice, random_bytes, "peer", "peerpeerpeerpeerpeerpeer");
	else if (what == 3)
		ice_tick(ice, now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ice_engine *engine = ice_engine_new();
	uint8_t reply[ICE_REPLY_MAX], made[2048];
	uint64_t now_us = 0;
	struct ice ice;

	ice_init(&ice, engine, random_bytes);
	while (size >= 2) {
		struct sockaddr_storage from = address(data[0] % 32);
		size_t len = data[1], n, reply_len;
		enum ice_got got;
		char ufrag[32];

		now_us += (uint64_t)(data[0] >> 7) * 9000000;
		between(&ice, data[0] >> 5 & 3, now_us);
		size -= 2;
		len = len > size ? size : len;
		ice_peek_ufrag(data + 2, len, ufrag, sizeof(ufrag));
		n = data[1] & 1 ? sealed(&ice, data + 2, len, made) : 0;
		got = ice_input(&ice, now_us, (struct sockaddr *)&from,
			n ? made : data + 2, n ? n : len, reply, &reply_len);
		assert(reply_len <= ICE_REPLY_MAX);
		assert(got < ICE_DROP_MALFORMED || reply_len == 0);
		check(&ice);
		data += 2 + len;
		size -= len;
	}
	ice_engine_free(engine);
	return 0;
}
