/*
 * Who speaks, and how loud: a local program that takes a call's sound from
 * hearth's feed. README.md says how to run it; feed/README.md how one gets in.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "feed/frame.h"

enum {
	STREAMS = 64,
	EVERY_US = 1000000,
	SILENT = 127,
	LEVEL_ID = 1, /* the extension's number in our offer */
	LINE_MAX = 4096,
};

struct sound {
	uint32_t ssrc, owner;
	char stream[129], label[513];
	unsigned packets, loudest; /* 0 is the loudest there can be */
};

struct listener {
	int fd;
	uint8_t buf[FEED_HEADER + FEED_PAYLOAD_MAX];
	size_t used;
	struct sound sound[STREAMS];
	unsigned n;
	uint64_t told_us;
};

static const char offer[] =
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	"m=audio 9 RTP/AVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"
	"a=rtpmap:111 opus/48000/2\r\n"
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";

static bool write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_offer(int fd)
{
	struct feed_frame f = { .type = FEED_OFFER, .len = strlen(offer) };
	uint8_t header[FEED_HEADER];

	feed_header_write(&f, header);
	return write_all(fd, header, sizeof(header)) &&
	       write_all(fd, offer, f.len);
}

/* What we know of the streams: SDP has their SSRCs, STREAMS whose they are. */

static struct sound *sound_of(struct listener *l, uint32_t ssrc)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->sound[i].ssrc == ssrc)
			return &l->sound[i];
	return NULL;
}

static void note_sound(struct listener *l, const char *stream, uint32_t ssrc)
{
	if (!*stream || !ssrc || l->n == STREAMS)
		return;
	l->sound[l->n] = (struct sound){ .ssrc = ssrc, .loudest = SILENT };
	snprintf(l->sound[l->n++].stream, sizeof(l->sound->stream), "%s",
		stream);
}

/* Lines of one m= after the other; the a=ssrc of its first source. */
static void read_sdp(struct listener *l, const char *text, size_t len)
{
	char stream[129] = "", line[LINE_MAX];
	const char *end = text + len;
	uint32_t ssrc = 0;

	l->n = 0;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((stop ? stop : end) - text);

		snprintf(line, sizeof(line), "%.*s",
			n < sizeof(line) ? (int)n : LINE_MAX - 1, text);
		if (strncmp(line, "m=", 2) == 0) {
			note_sound(l, stream, ssrc);
			stream[0] = '\0';
			ssrc = 0;
		}
		sscanf(line, "a=msid:%128s", stream);
		if (!ssrc)
			sscanf(line, "a=ssrc:%" SCNu32, &ssrc);
		text += n + 1;
	}
	note_sound(l, stream, ssrc);
}

static void read_streams(struct listener *l, const char *text, size_t len)
{
	const char *end = text + len;
	struct feed_stream s;

	while (feed_stream_next(&text, end, &s) == 1)
		for (unsigned i = 0; i < l->n; i++)
			if (strcmp(l->sound[i].stream, s.id) == 0) {
				l->sound[i].owner = s.owner;
				memcpy(l->sound[i].label, s.label,
					sizeof(s.label));
			}
}

/* RFC 6464 in RFC 8285's one-byte form: bit 7 says voice, the rest -dBov. */
static unsigned level_of(const uint8_t *p, size_t len)
{
	size_t at = 12 + 4 * (size_t)(p[0] & 15), end;

	if (!(p[0] & 0x10) || at + 4 > len || p[at] != 0xbe ||
		p[at + 1] != 0xde)
		return SILENT;
	end = at + 4 + 4 * ((size_t)p[at + 2] << 8 | p[at + 3]);
	if (end > len)
		return SILENT;
	for (at += 4; at + 1 < end; at += 2 + (size_t)(p[at] & 15)) {
		while (at + 1 < end && p[at] == 0)
			at++;
		if (at + 1 < end && p[at] >> 4 == LEVEL_ID)
			return p[at + 1] & 127;
	}
	return SILENT;
}

static void take_rtp(struct listener *l, const struct feed_frame *f)
{
	const uint8_t *p = f->payload;
	struct sound *s;
	unsigned level;

	if (f->len < 12)
		return;
	s = sound_of(l, (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 |
				(uint32_t)p[10] << 8 | p[11]);
	if (!s)
		return;
	level = level_of(p, f->len);
	s->packets++;
	if (level < s->loudest)
		s->loudest = level;
}

/* Once a second of the frames' own clock. */
static void tell(struct listener *l, uint64_t time_us)
{
	if (time_us < l->told_us + EVERY_US)
		return;
	l->told_us = time_us;
	for (unsigned i = 0; i < l->n; i++) {
		struct sound *s = &l->sound[i];

		if (s->packets)
			printf("%s  %u packets  loudest -%u dBov\n", s->label,
				s->packets, s->loudest);
		s->packets = 0;
		s->loudest = SILENT;
	}
	fflush(stdout);
}

static void tell_speaker(const struct listener *l, const struct feed_frame *f)
{
	const char *who = "nobody";
	unsigned long owner;
	char text[16];

	snprintf(text, sizeof(text), "%.*s", f->len < 16 ? (int)f->len : 15,
		(const char *)f->payload);
	owner = strtoul(text, NULL, 10);
	for (unsigned i = 0; i < l->n; i++)
		if (owner && l->sound[i].owner == owner)
			who = l->sound[i].label;
	printf("speaking: %s\n", who);
	fflush(stdout);
}

/* False: the call is over, or hearth said no. */
static bool take(struct listener *l, const struct feed_frame *f)
{
	const char *text = (const char *)f->payload;

	switch (f->type) {
	case FEED_HELLO:
		return send_offer(l->fd);
	case FEED_SDP:
		read_sdp(l, text, f->len);
		break;
	case FEED_STREAMS:
		read_streams(l, text, f->len);
		break;
	case FEED_RTP:
		take_rtp(l, f);
		break;
	case FEED_SPEAKER:
		tell_speaker(l, f);
		break;
	case FEED_REFUSED:
		fprintf(stderr, "refused: %.*s\n", (int)f->len, text);
		return false;
	case FEED_BYE:
		return false;
	default:
		break;
	}
	tell(l, f->time_us);
	return true;
}

/* All whole frames of the buffer; -1: the stream is broken, 0: the end. */
static int take_all(struct listener *l)
{
	struct feed_frame f;
	size_t at = 0;
	int64_t n;

	while ((n = feed_frame_read(l->buf + at, l->used - at, &f)) > 0) {
		if (!take(l, &f))
			return 0;
		at += (size_t)n;
	}
	memmove(l->buf, l->buf + at, l->used - at);
	l->used -= at;
	return n < 0 ? -1 : 1;
}

static int run(struct listener *l)
{
	int going = take_all(l);

	while (going > 0) {
		ssize_t n =
			read(l->fd, l->buf + l->used, sizeof(l->buf) - l->used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		l->used += (size_t)n;
		going = take_all(l);
	}
	return going;
}

/* Getting in: a line of JSON there, a line back. */

static int dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool read_token(const char *path, char ret[256])
{
	FILE *f = fopen(path, "re");
	bool good = f && fgets(ret, 256, f);

	if (f)
		fclose(f);
	if (good)
		ret[strcspn(ret, "\r\n")] = '\0';
	return good;
}

/* Neither a token nor a room id has a quote or a backslash in it. */
static bool enter(int fd, const char *token, const char *room)
{
	char line[1024], c;
	size_t n = 0;
	int len = snprintf(line, sizeof(line),
		"{\"token\": \"%s\", \"room\": \"%s\"}\n", token, room);

	if (len < 0 || (size_t)len >= sizeof(line) || strpbrk(token, "\"\\") ||
		strpbrk(room, "\"\\") || !write_all(fd, line, (size_t)len))
		return false;
	/* Byte by byte: what follows the line is frames. */
	while (n < sizeof(line) - 1 && read(fd, &c, 1) == 1 && c != '\n')
		line[n++] = c;
	line[n] = '\0';
	if (strstr(line, "\"ok\""))
		return true;
	fprintf(stderr, "hearth says: %s\n", line);
	return false;
}

int main(int argc, char **argv)
{
	struct listener *l = calloc(1, sizeof(*l));
	char token[256];
	int code = EXIT_FAILURE;

	if (!l || argc != 4) {
		fprintf(stderr, "usage: example_levels SOCKET TOKEN_FILE "
				"ROOM\n");
		free(l);
		return 2;
	}
	l->fd = dial(argv[1]);
	if (l->fd < 0 || !read_token(argv[2], token))
		fprintf(stderr, "%s\n", strerror(errno));
	else if (enter(l->fd, token, argv[3]) && run(l) == 0)
		code = EXIT_SUCCESS;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	return code;
}
