#include "dtls/dcep.h"

#include <errno.h>
#include <string.h>

enum { HEAD = 12, PRIORITY_NORMAL = 256, TYPE_UNORDERED = 0x80 };

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Bytes of the character at buf; 0: none (RFC 3629 section 4). */
static size_t character(const uint8_t *buf, size_t len)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (buf[0] < 0x80)
		return buf[0] != 0;
	if (buf[0] < 0xc2 || buf[0] > 0xf4)
		return 0;
	n = buf[0] < 0xe0 ? 2 : buf[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	/* The second byte rules out what is overlong, a surrogate or beyond
	 * U+10FFFF. */
	if (buf[0] == 0xe0)
		low = 0xa0;
	else if (buf[0] == 0xed)
		high = 0x9f;
	else if (buf[0] == 0xf0)
		low = 0x90;
	else if (buf[0] == 0xf4)
		high = 0x8f;
	if (buf[1] < low || buf[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (buf[i] < 0x80 || buf[i] > 0xbf)
			return 0;
	return n;
}

bool dcep_is_text(const uint8_t *buf, size_t len)
{
	while (len > 0) {
		size_t n = character(buf, len);

		if (n == 0)
			return false;
		buf += n;
		len -= n;
	}
	return true;
}

static int parse_type(
	struct assoc_reliability *ret, uint8_t type, const uint8_t *value)
{
	ret->unordered = type & TYPE_UNORDERED;
	ret->value = (uint32_t)get16(value) << 16 | get16(value + 2);
	switch (type & ~TYPE_UNORDERED) {
	case 0:
		ret->kind = ASSOC_RELIABLE;
		ret->value = 0;
		return 0;
	case 1:
		ret->kind = ASSOC_REXMIT;
		return 0;
	case 2:
		ret->kind = ASSOC_TIMED;
		return 0;
	default:
		return -EINVAL;
	}
}

int dcep_parse_open(struct dcep_open *ret, const uint8_t *buf, size_t len)
{
	struct assoc_reliability how;
	size_t label, protocol;

	if (len < HEAD || buf[0] != DCEP_OPEN ||
		parse_type(&how, buf[1], buf + 4) != 0)
		return -EINVAL;
	label = get16(buf + 8);
	protocol = get16(buf + 10);
	if (label + protocol != len - HEAD || label > CHANNEL_LABEL_MAX ||
		protocol > CHANNEL_PROTOCOL_MAX ||
		!dcep_is_text(buf + HEAD, label) ||
		!dcep_is_text(buf + HEAD + label, protocol))
		return -EINVAL;
	ret->how = how;
	ret->priority = (uint16_t)get16(buf + 2);
	memcpy(ret->label, buf + HEAD, label);
	ret->label[label] = '\0';
	memcpy(ret->protocol, buf + HEAD + label, protocol);
	ret->protocol[protocol] = '\0';
	return 0;
}

size_t dcep_write_open(uint8_t *ret, const struct assoc_reliability *how,
	const char *label, const char *protocol)
{
	size_t n = strlen(label), m = strlen(protocol);
	uint32_t value = how->kind == ASSOC_RELIABLE ? 0 : how->value;
	uint8_t kind = how->kind == ASSOC_RELIABLE ? 0
		       : how->kind == ASSOC_REXMIT ? 1
						   : 2;

	if (n > CHANNEL_LABEL_MAX || m > CHANNEL_PROTOCOL_MAX ||
		!dcep_is_text((const uint8_t *)label, n) ||
		!dcep_is_text((const uint8_t *)protocol, m))
		return 0;
	ret[0] = DCEP_OPEN;
	ret[1] = (uint8_t)(kind | (how->unordered ? TYPE_UNORDERED : 0));
	put16(ret + 2, PRIORITY_NORMAL);
	put16(ret + 4, value >> 16);
	put16(ret + 6, value & 0xffff);
	put16(ret + 8, n);
	put16(ret + 10, m);
	memcpy(ret + HEAD, label, n);
	memcpy(ret + HEAD + n, protocol, m);
	return HEAD + n + m;
}
