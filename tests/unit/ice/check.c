#include "tests/unit/ice/check.h"
#include "ice/credentials.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <stun/usages/ice.h>

static void agent_init(StunAgent *agent, const struct check *check)
{
	static const uint16_t known[] = { STUN_ATTRIBUTE_ERROR_CODE,
		STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
		STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
		STUN_ATTRIBUTE_MESSAGE_INTEGRITY, 0 };

	stun_agent_init(agent, known, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS |
			(check && check->no_fingerprint
					? 0
					: STUN_AGENT_USAGE_USE_FINGERPRINT));
}

static void append_username(StunMessage *msg, const struct check *check)
{
	char username[1024];
	int len;

	if (!check->ours)
		return;
	len = snprintf(username, sizeof(username), "%s:%s", check->ours,
		check->theirs ? check->theirs : "");
	stun_message_append_bytes(
		msg, STUN_ATTRIBUTE_USERNAME, username, (size_t)len);
}

size_t check_make(const struct check *check, uint8_t ret[CHECK_MAX])
{
	static const uint8_t unknown_value[4] = { 1, 2, 3, 4 };
	StunMethod method =
		check->method ? (StunMethod)check->method : STUN_BINDING;
	StunAgent agent;
	StunMessage msg = { 0 };
	size_t len;

	agent_init(&agent, check);
	if (check->indication)
		stun_agent_init_indication(
			&agent, &msg, ret, CHECK_MAX, method);
	else
		stun_agent_init_request(&agent, &msg, ret, CHECK_MAX, method);
	append_username(&msg, check);
	if (!check->no_priority)
		stun_message_append32(
			&msg, STUN_ATTRIBUTE_PRIORITY, 0x6e0001ff);
	stun_message_append64(&msg,
		check->controlled ? STUN_ATTRIBUTE_ICE_CONTROLLED
				  : STUN_ATTRIBUTE_ICE_CONTROLLING,
		0x0123456789abcdef);
	if (check->use_candidate)
		stun_message_append_flag(&msg, STUN_ATTRIBUTE_USE_CANDIDATE);
	for (unsigned i = 0; i < check->unknown; i++)
		stun_message_append_bytes(&msg, (StunAttribute)(0x7000 + i),
			unknown_value, sizeof(unknown_value));
	len = stun_agent_finish_message(&agent, &msg,
		(const uint8_t *)check->pwd,
		check->pwd ? strlen(check->pwd) : 0);
	assert_true(len > 0);
	return len;
}

static bool give_pwd(StunAgent *agent, StunMessage *msg, uint8_t *username,
	uint16_t username_len, uint8_t **pwd, size_t *pwd_len, void *arg)
{
	(void)agent;
	(void)msg;
	(void)username;
	(void)username_len;
	*pwd = arg;
	*pwd_len = strlen(arg);
	return true;
}

/* Makes the agent remember a request, so that it judges the answer to it. */
static void expect_reply(
	StunAgent *agent, const uint8_t *reply, const char *pwd)
{
	agent->sent_ids[0].valid = true;
	agent->sent_ids[0].method = STUN_BINDING;
	agent->sent_ids[0].key = (uint8_t *)(uintptr_t)pwd;
	agent->sent_ids[0].key_len = strlen(pwd);
	memcpy(agent->sent_ids[0].id, reply + 4, 16);
}

struct check_reply check_read(const uint8_t *buf, size_t len, const char *pwd)
{
	struct check_reply ret = { 0 };
	socklen_t addr_len = sizeof(ret.mapped);
	StunValidationStatus status;
	StunMessage msg = { 0 };
	StunAgent agent;
	uint16_t integrity_len;

	assert_true(len >= 20);
	agent_init(&agent, NULL);
	expect_reply(&agent, buf, pwd);
	status = stun_agent_validate(
		&agent, &msg, buf, len, give_pwd, (void *)(uintptr_t)pwd);
	assert_int_not_equal(status, STUN_VALIDATION_NOT_STUN);
	assert_int_not_equal(status, STUN_VALIDATION_INCOMPLETE_STUN);
	ret.authentic =
		status == STUN_VALIDATION_SUCCESS &&
		stun_message_find(&msg, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
			&integrity_len) != NULL;
	memcpy(ret.id, buf + 8, sizeof(ret.id));
	stun_message_find_xor_addr(&msg, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
		&ret.mapped, &addr_len);
	if (stun_message_get_class(&msg) == STUN_ERROR)
		stun_message_find_error(&msg, &ret.code);
	else
		assert_int_equal(stun_message_get_class(&msg), STUN_RESPONSE);
	return ret;
}

struct sockaddr_storage check_addr(const char *ip, unsigned port)
{
	struct sockaddr_storage ret = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret;

	if (strchr(ip, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		assert_int_equal(inet_pton(AF_INET, ip, &in->sin_addr), 1);
	}
	return ret;
}

/* It keeps a mark of our ufrag only: which of ours is it? */
static const char *check_ufrag(const struct ice *ice)
{
	static const char anew[] = CHECK_NEW_UFRAG;

	return ice->remote.ufrag_mark ==
			       ice_credentials_mark(
				       (const uint8_t *)anew, strlen(anew))
		       ? anew
		       : CHECK_UFRAG;
}

enum ice_got check_good(struct ice *ice, uint64_t now_us,
	const struct sockaddr_storage *from, bool use_candidate)
{
	struct check check = { .ours = ice->local.ufrag,
		.theirs = check_ufrag(ice),
		.pwd = ice->local.pwd,
		.use_candidate = use_candidate };
	uint8_t buf[CHECK_MAX], reply[ICE_REPLY_MAX];
	size_t len = check_make(&check, buf), reply_len;
	struct check_reply read;
	enum ice_got got;

	got = ice_input(ice, now_us, (const struct sockaddr *)from, buf, len,
		reply, &reply_len);
	if (got > ICE_GOT_SELECTED)
		return got;
	read = check_read(reply, reply_len, ice->local.pwd);
	assert_true(read.authentic);
	assert_int_equal(read.code, 0);
	assert_memory_equal(read.id, buf + 8, sizeof(read.id));
	assert_true(ice_addr_equal((struct sockaddr *)&read.mapped,
		(const struct sockaddr *)from));
	assert_true(reply_len <= len);
	return got;
}

enum ice_got check_give(struct ice *ice, uint64_t now_us,
	const struct sockaddr_storage *from, const struct check *check,
	size_t *ret_len)
{
	uint8_t buf[CHECK_MAX], reply[ICE_REPLY_MAX];
	size_t len = check_make(check, buf), reply_len = 12345;
	enum ice_got got;

	got = ice_input(ice, now_us, (const struct sockaddr *)from, buf, len,
		reply, &reply_len);
	if (ret_len)
		*ret_len = reply_len;
	return got;
}

const uint8_t *check_random(uint8_t seed)
{
	static uint8_t bytes[24];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(seed + i * 7);
	return bytes;
}
