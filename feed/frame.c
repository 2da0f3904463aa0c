#include "feed/frame.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void put(uint8_t *to, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | from[i];
	return v;
}

void feed_header_write(const struct feed_frame *f, uint8_t ret[FEED_HEADER])
{
	memset(ret, 0, FEED_HEADER);
	put(ret, 4, f->len);
	ret[4] = (uint8_t)f->type;
	put(ret + 8, 8, f->time_us);
}

static size_t longest(unsigned type)
{
	return type == FEED_RTP || type == FEED_RTCP ? FEED_PACKET_MAX
						     : FEED_PAYLOAD_MAX;
}

int64_t feed_frame_read(const uint8_t *buf, size_t len, struct feed_frame *ret)
{
	if (len < FEED_HEADER)
		return 0;
	size_t n = (size_t)get(buf, 4);
	unsigned type = buf[4];
	if (type < FEED_HELLO || type >= FEED_TYPES || get(buf + 5, 3) ||
		n > longest(type))
		return -EBADMSG;
	if (len - FEED_HEADER < n)
		return 0;
	*ret = (struct feed_frame){ .type = (enum feed_type)type,
		.time_us = get(buf + 8, 8),
		.payload = buf + FEED_HEADER,
		.len = n };
	return (int64_t)(FEED_HEADER + n);
}

/* --- FEED_STREAMS ------------------------------------------------------------
 */

/* The word at *at, which a space ends; moves *at behind that space. */
static int word(const char **at, const char *end, char *ret, size_t cap)
{
	const char *space = memchr(*at, ' ', (size_t)(end - *at));
	size_t n = space ? (size_t)(space - *at) : 0;
	if (n == 0 || n >= cap || memchr(*at, 0, n))
		return -EBADMSG;
	memcpy(ret, *at, n);
	ret[n] = 0;
	*at = space + 1;
	return 0;
}

static int number(const char *text, uint32_t *ret)
{
	uint64_t v = 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EBADMSG;
		v = v * 10 + (uint64_t)(*text - '0');
		if (v > UINT32_MAX)
			return -EBADMSG;
	}
	*ret = (uint32_t)v;
	return 0;
}

static int kinds(const char *text, struct feed_stream *ret)
{
	ret->audio =
		strcmp(text, "audio") == 0 || strcmp(text, "audio,video") == 0;
	ret->video =
		strcmp(text, "video") == 0 || strcmp(text, "audio,video") == 0;
	return ret->audio || ret->video ? 0 : -EBADMSG;
}

int feed_stream_next(const char **at, const char *end, struct feed_stream *ret)
{
	struct feed_stream s = { .id = "" };
	char owner[11], what[12];
	const char *p = *at;
	if (p == end)
		return 0;
	const char *line = memchr(p, '\n', (size_t)(end - p));
	if (!line || word(&p, line, s.id, sizeof(s.id)) ||
		word(&p, line, owner, sizeof(owner)) ||
		number(owner, &s.owner) ||
		word(&p, line, s.source, sizeof(s.source)) ||
		word(&p, line, what, sizeof(what)) || kinds(what, &s))
		return -EBADMSG;
	size_t n = (size_t)(line - p);
	if (n >= sizeof(s.label) || memchr(p, 0, n))
		return -EBADMSG;
	memcpy(s.label, p, n);
	*ret = s;
	*at = line + 1;
	return 1;
}

static int is_word(const char *text)
{
	return text[0] && !strpbrk(text, " \n");
}

int feed_stream_write(const struct feed_stream *s, char *buf, size_t cap)
{
	const char *what = s->audio && s->video ? "audio,video"
			   : s->audio           ? "audio"
						: "video";
	if (!is_word(s->id) || !is_word(s->source) || strchr(s->label, '\n') ||
		(!s->audio && !s->video))
		return -EINVAL;
	int n = snprintf(buf, cap, "%s %u %s %s %s\n", s->id,
		(unsigned)s->owner, s->source, what, s->label);
	return n > 0 && (size_t)n < cap ? n : -ENOSPC;
}
