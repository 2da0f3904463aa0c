#include "ice/candidate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TOKENS = 8, TYPE_PREFERENCE_HOST = 126 };

static bool skip_prefix(const char **s, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncasecmp(*s, prefix, len) != 0)
		return false;
	*s += len;
	return true;
}

/* The next run of characters that are not blanks, cut to size; false at the end
 * of the line and for one that does not fit. */
static bool next_token(const char **s, char *ret, size_t size)
{
	size_t len;

	*s += strspn(*s, " \t");
	len = strcspn(*s, " \t\r\n");
	if (len == 0 || len >= size)
		return false;
	memcpy(ret, *s, len);
	ret[len] = '\0';
	*s += len;
	return true;
}

static bool parse_number(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > max)
			return false;
	}
	*ret = value;
	return true;
}

static bool foundation_ok(const char *s)
{
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789+/") == strlen(s);
}

static bool type_of(const char *s, enum candidate_type *ret)
{
	static const char *const names[] = { [CANDIDATE_HOST] = "host",
		[CANDIDATE_SRFLX] = "srflx",
		[CANDIDATE_PRFLX] = "prflx",
		[CANDIDATE_RELAY] = "relay" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(s, names[i]) == 0) {
			*ret = (enum candidate_type)i;
			return true;
		}
	return false;
}

static bool v4_forbidden(const struct in_addr *a)
{
	uint32_t host = ntohl(a->s_addr);

	/* 0.0.0.0/8, 224.0.0.0/4 multicast, 240.0.0.0/4 with broadcast */
	return host >> 24 == 0 || host >> 28 >= 0xe;
}

static bool v6_forbidden(const struct in6_addr *a)
{
	/* ::/96 holds the unspecified and the old v4-compatible addresses; the
	 * loopback in it is as harmless as 127.0.0.1. */
	return IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_MULTICAST(a) ||
	       IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a);
}

static bool is_name(const char *s)
{
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789-.") == strlen(s);
}

static bool ends_in_local(const char *s)
{
	size_t len = strlen(s);

	return len > 6 && strcasecmp(s + len - 6, ".local") == 0;
}

static enum candidate_got parse_address(
	const char *s, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, s, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return v4_forbidden(&in->sin_addr) ? CANDIDATE_FORBIDDEN
						   : CANDIDATE_OK;
	}
	if (inet_pton(AF_INET6, s, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return v6_forbidden(&in6->sin6_addr) ? CANDIDATE_FORBIDDEN
						     : CANDIDATE_OK;
	}
	if (!is_name(s))
		return CANDIDATE_MALFORMED;
	return ends_in_local(s) ? CANDIDATE_MDNS : CANDIDATE_FORBIDDEN;
}

/* foundation component transport priority address port "typ" type */
static enum candidate_got parse_tokens(
	char token[TOKENS][CANDIDATE_LINE_MAX], struct candidate *ret)
{
	uint64_t component, priority, port;
	enum candidate_got got;

	if (strlen(token[0]) >= sizeof(ret->foundation) ||
		!foundation_ok(token[0]))
		return CANDIDATE_MALFORMED;
	memcpy(ret->foundation, token[0], strlen(token[0]) + 1);
	if (!parse_number(token[1], 2, &component) || component == 0 ||
		!parse_number(token[3], UINT32_MAX, &priority) ||
		!parse_number(token[5], UINT16_MAX, &port) ||
		strcasecmp(token[6], "typ") != 0 ||
		!type_of(token[7], &ret->type))
		return CANDIDATE_MALFORMED;
	ret->component = (unsigned)component;
	ret->priority = (uint32_t)priority;
	got = parse_address(token[4], (unsigned)port, &ret->addr);
	if (got == CANDIDATE_MALFORMED)
		return got;
	if (strcasecmp(token[2], "udp") != 0)
		return CANDIDATE_TCP;
	if (got != CANDIDATE_FORBIDDEN && (port == 0 || priority == 0))
		return CANDIDATE_FORBIDDEN;
	return got;
}

enum candidate_got candidate_parse(const char *line, struct candidate *ret)
{
	char token[TOKENS][CANDIDATE_LINE_MAX];
	struct candidate candidate = { 0 };
	enum candidate_got got;

	if (strnlen(line, CANDIDATE_LINE_MAX) == CANDIDATE_LINE_MAX)
		return CANDIDATE_MALFORMED;
	line += strspn(line, " \t");
	skip_prefix(&line, "a=");
	if (line[strspn(line, " \t\r\n")] == '\0' ||
		skip_prefix(&line, "end-of-candidates"))
		return CANDIDATE_END;
	if (skip_prefix(&line, "candidate:") &&
		line[strspn(line, " \t\r\n")] == '\0')
		return CANDIDATE_END;
	for (unsigned i = 0; i < TOKENS; i++)
		if (!next_token(&line, token[i], sizeof(token[i])))
			return CANDIDATE_MALFORMED;
	got = parse_tokens(token, &candidate);
	if (got == CANDIDATE_OK)
		*ret = candidate;
	return got;
}

static bool printable(const struct sockaddr *addr, char text[INET6_ADDRSTRLEN],
	unsigned *ret_port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (addr->sa_family == AF_INET) {
		*ret_port = ntohs(in->sin_port);
		return !v4_forbidden(&in->sin_addr) &&
		       inet_ntop(
			       AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
	}
	if (addr->sa_family != AF_INET6)
		return false;
	*ret_port = ntohs(in6->sin6_port);
	return !v6_forbidden(&in6->sin6_addr) &&
	       inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
}

int candidate_print(
	const struct sockaddr *addr, unsigned index, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t priority;
	unsigned port;
	int len;

	if (index > UINT16_MAX || !printable(addr, text, &port) || port == 0)
		return -EINVAL;
	/* RFC 8445 5.1.2.1 with component 1: the last term is 256 - 1. */
	priority = (uint32_t)TYPE_PREFERENCE_HOST << 24 |
		   (UINT16_MAX - index) << 8 | 255;
	len = snprintf(ret, size, "candidate:%u 1 udp %u %s %u typ host",
		index + 1, priority, text, port);
	if (len < 0 || (size_t)len >= size)
		return -ENOSPC;
	return len;
}
