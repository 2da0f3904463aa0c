#include "sfu/relay.h"

#include <errno.h>
#include <string.h>

enum { BINARY = 1, UNORDERED = 2, KIND_SHIFT = 2, FLAGS_MAX = 0xf };

static void put(uint8_t *to, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static uint32_t get(const uint8_t *from, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | from[i];
	return v;
}

void relay_header_write(const struct relay_frame *f, uint8_t ret[RELAY_HEADER])
{
	put(ret, 4, (uint32_t)f->len);
	ret[4] = (uint8_t)f->type;
	put(ret + 5, 3, 0);
	put(ret + 8, 4, f->id);
}

static size_t longest(unsigned type)
{
	return type == RELAY_RTP || type == RELAY_RTCP ? RELAY_PACKET_MAX
						       : RELAY_PAYLOAD_MAX;
}

int64_t relay_frame_read(
	const uint8_t *buf, size_t len, struct relay_frame *ret)
{
	size_t n;
	unsigned type;

	if (len < RELAY_HEADER)
		return 0;
	n = get(buf, 4);
	type = buf[4];
	if (type < RELAY_SEAT || type >= RELAY_TYPES || get(buf + 5, 3) ||
		(!get(buf + 8, 4) && type != RELAY_SPEAKER) ||
		n > longest(type))
		return -EBADMSG;
	if (len - RELAY_HEADER < n)
		return 0;
	*ret = (struct relay_frame){ .type = (enum relay_type)type,
		.id = get(buf + 8, 4),
		.payload = buf + RELAY_HEADER,
		.len = n };
	return (int64_t)(RELAY_HEADER + n);
}

int relay_seat_read(const uint8_t *payload, size_t len,
	char ret_label[SFU_LABEL_MAX + 1], const char **ret_sdp,
	size_t *ret_len)
{
	const uint8_t *end = len ? memchr(payload, '\n', len) : NULL;
	size_t n = end ? (size_t)(end - payload) : 0;

	if (!end || n > SFU_LABEL_MAX || memchr(payload, 0, len))
		return -EBADMSG;
	memcpy(ret_label, payload, n);
	ret_label[n] = 0;
	*ret_sdp = (const char *)end + 1;
	*ret_len = len - n - 1;
	return 0;
}

/* Flags, protocol's length, label's length, value of the reliability; then the
 * two names and the message. */
int64_t relay_message_write(const struct channel *ch, bool binary,
	const uint8_t *data, size_t len, uint8_t *ret, size_t size)
{
	size_t label = strlen(ch->label), protocol = strlen(ch->protocol);
	size_t head = RELAY_MESSAGE_HEAD + label + protocol;

	if (head > size || len > size - head)
		return -E2BIG;
	ret[0] = (uint8_t)((binary ? BINARY : 0) |
			   (ch->how.unordered ? UNORDERED : 0) |
			   (unsigned)ch->how.kind << KIND_SHIFT);
	ret[1] = (uint8_t)protocol;
	put(ret + 2, 2, (uint32_t)label);
	put(ret + 4, 4, ch->how.value);
	memcpy(ret + RELAY_MESSAGE_HEAD, ch->label, label);
	memcpy(ret + RELAY_MESSAGE_HEAD + label, ch->protocol, protocol);
	if (len)
		memcpy(ret + head, data, len);
	return (int64_t)(head + len);
}

static bool copy_name(char *ret, size_t max, const uint8_t *from, size_t len)
{
	if (len > max || memchr(from, 0, len))
		return false;
	memcpy(ret, from, len);
	return true;
}

int relay_message_read(const uint8_t *payload, size_t len,
	struct channel *ret_channel, bool *ret_binary, const uint8_t **ret_data,
	size_t *ret_len)
{
	struct channel ch = { .stream = 0 };
	size_t label, protocol, head;
	unsigned kind;

	if (len < RELAY_MESSAGE_HEAD)
		return -EBADMSG;
	protocol = payload[1];
	label = get(payload + 2, 2);
	head = RELAY_MESSAGE_HEAD + label + protocol;
	kind = payload[0] >> KIND_SHIFT;
	if (payload[0] > FLAGS_MAX || kind > ASSOC_TIMED || head > len ||
		len - head > ASSOC_MESSAGE_MAX)
		return -EBADMSG;
	if (!copy_name(ch.label, CHANNEL_LABEL_MAX,
		    payload + RELAY_MESSAGE_HEAD, label) ||
		!copy_name(ch.protocol, CHANNEL_PROTOCOL_MAX,
			payload + RELAY_MESSAGE_HEAD + label, protocol))
		return -EBADMSG;
	ch.how.unordered = payload[0] & UNORDERED;
	ch.how.kind = kind;
	ch.how.value = get(payload + 4, 4);
	*ret_channel = ch;
	*ret_binary = payload[0] & BINARY;
	*ret_data = payload + head;
	*ret_len = len - head;
	return 0;
}
