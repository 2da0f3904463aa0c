#include "ice/stun.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <stun/stunagent.h>

#include "ice/ice.h"

/* RFC 8489 14.6. A request may carry both integrities; SHA-1 is what ICE uses,
 * so this one is known in order to be read over. */
enum { ATTRIBUTE_INTEGRITY_SHA256 = 0x001c };

static const uint16_t known_attributes[] = { STUN_ATTRIBUTE_USERNAME,
	STUN_ATTRIBUTE_MESSAGE_INTEGRITY, ATTRIBUTE_INTEGRITY_SHA256,
	STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE, 0 };

struct ice_engine {
	StunAgent agent;
	StunMessage request; /* the one checked last */
};

struct ice_engine *ice_engine_new(void)
{
	struct ice_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	stun_agent_init(&engine->agent, known_attributes,
		STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS |
			STUN_AGENT_USAGE_USE_FINGERPRINT |
			STUN_AGENT_USAGE_NO_INDICATION_AUTH);
	return engine;
}

struct ice_engine *ice_engine_free(struct ice_engine *engine)
{
	free(engine);
	return NULL;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static bool scan_attribute(struct ice_stun_scan *scan, unsigned type,
	const uint8_t *value, size_t len)
{
	switch (type) {
	case STUN_ATTRIBUTE_MESSAGE_INTEGRITY:
		scan->integrity = true;
		return len == 20;
	case STUN_ATTRIBUTE_FINGERPRINT:
		scan->fingerprint = true;
		return len == 4;
	case STUN_ATTRIBUTE_USERNAME:
		if (!scan->integrity && !scan->username) {
			scan->username = value;
			scan->username_len = len;
		}
		return true;
	default:
		return true;
	}
}

static bool scan_attributes(
	const uint8_t *buf, size_t len, struct ice_stun_scan *scan)
{
	size_t at = ICE_STUN_HEADER;

	while (at < len) {
		size_t value_len;

		if (scan->fingerprint || len - at < 4)
			return false;
		value_len = get16(buf + at + 2);
		if (((value_len + 3) & ~(size_t)3) > len - at - 4)
			return false;
		if (!scan_attribute(
			    scan, get16(buf + at), buf + at + 4, value_len))
			return false;
		at += 4 + ((value_len + 3) & ~(size_t)3);
	}
	return true;
}

bool ice_stun_scan(const uint8_t *buf, size_t len, struct ice_stun_scan *ret)
{
	static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
	struct ice_stun_scan scan = { 0 };
	unsigned type;

	if (len < ICE_STUN_HEADER || len % 4 || buf[0] & 0xc0)
		return false;
	if (get16(buf + 2) != len - ICE_STUN_HEADER)
		return false;
	if (memcmp(buf + 4, cookie, sizeof(cookie)) != 0)
		return false;
	/* RFC 8489 5: the class bits C1 and C0 stand inside the method. */
	type = get16(buf);
	scan.cls = (enum ice_stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	scan.method =
		(type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2;
	if (!scan_attributes(buf, len, &scan))
		return false;
	*ret = scan;
	return true;
}

/* Which password belongs to the USERNAME was decided before the call. */
static bool give_password(StunAgent *agent, StunMessage *message,
	uint8_t *username, uint16_t username_len, uint8_t **password,
	size_t *password_len, void *arg)
{
	(void)agent;
	(void)message;
	(void)username;
	(void)username_len;
	if (!arg)
		return false;
	*password = arg;
	*password_len = strlen(arg);
	return true;
}

static enum ice_stun_verdict verdict_of(StunValidationStatus status)
{
	switch (status) {
	case STUN_VALIDATION_SUCCESS:
		return ICE_STUN_OK;
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
	case STUN_VALIDATION_UNKNOWN_ATTRIBUTE:
		return ICE_STUN_UNKNOWN;
	case STUN_VALIDATION_BAD_REQUEST:
		/* Its two reasons are the cookie, which the scan has seen, and
		 * the fingerprint. */
		return ICE_STUN_BAD_FINGERPRINT;
	case STUN_VALIDATION_UNMATCHED_RESPONSE:
		return ICE_STUN_UNMATCHED;
	case STUN_VALIDATION_NOT_STUN:
	case STUN_VALIDATION_INCOMPLETE_STUN:
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
	case STUN_VALIDATION_UNAUTHORIZED:
	case STUN_VALIDATION_FORBIDDEN:
		break;
	}
	return ICE_STUN_BAD_INTEGRITY;
}

enum ice_stun_verdict ice_stun_check(struct ice_engine *engine,
	const uint8_t *buf, size_t len, const char *pwd,
	struct ice_stun_request *ret)
{
	StunMessage *msg = &engine->request;
	enum ice_stun_verdict verdict;
	uint16_t value_len;

	memset(msg, 0, sizeof(*msg));
	/* libnice asks for a writable password and does not write to it. */
	verdict = verdict_of(stun_agent_validate(&engine->agent, msg, buf, len,
		give_password, (void *)(uintptr_t)pwd));
	if (verdict > ICE_STUN_UNKNOWN)
		return verdict;
	ret->use_candidate =
		stun_message_find_flag(msg, STUN_ATTRIBUTE_USE_CANDIDATE) ==
		STUN_MESSAGE_RETURN_SUCCESS;
	ret->controlled = stun_message_find(msg, STUN_ATTRIBUTE_ICE_CONTROLLED,
				  &value_len) != NULL;
	return verdict;
}

/* A dual-stack socket shows an IPv4 peer as ::ffff:a.b.c.d; the peer knows
 * itself by its IPv4 address. */
static socklen_t mapped_address(
	const struct sockaddr *from, struct sockaddr_storage *ret)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (from->sa_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = in6->sin6_port;
		memcpy(&in->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
		return sizeof(*in);
	}
	memcpy(ret, from, ice_addr_len(from));
	return ice_addr_len(from);
}

size_t ice_stun_reply(struct ice_engine *engine, const struct sockaddr *from,
	uint8_t *ret, size_t size)
{
	struct sockaddr_storage mapped;
	StunMessage msg;
	socklen_t len = mapped_address(from, &mapped);

	memset(&msg, 0, sizeof(msg));
	if (!stun_agent_init_response(
		    &engine->agent, &msg, ret, size, &engine->request))
		return 0;
	if (stun_message_append_xor_addr(&msg,
		    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped,
		    len) != STUN_MESSAGE_RETURN_SUCCESS)
		return 0;
	return stun_agent_finish_message(&engine->agent, &msg, NULL, 0);
}

size_t ice_stun_reply_unknown(
	struct ice_engine *engine, uint8_t *ret, size_t size)
{
	StunMessage msg;

	memset(&msg, 0, sizeof(msg));
	return stun_agent_build_unknown_attributes_error(
		&engine->agent, &msg, ret, size, &engine->request);
}

size_t ice_stun_reply_conflict(
	struct ice_engine *engine, uint8_t *ret, size_t size)
{
	StunMessage msg;

	memset(&msg, 0, sizeof(msg));
	if (!stun_agent_init_error(&engine->agent, &msg, ret, size,
		    &engine->request, STUN_ERROR_ROLE_CONFLICT))
		return 0;
	return stun_agent_finish_message(&engine->agent, &msg, NULL, 0);
}
