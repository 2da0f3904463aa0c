#include "sfu/sdp/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/sdp/parse.h"

char *parse_word(char **cursor)
{
	char *word = *cursor + strspn(*cursor, " \t");

	if (!*word)
		return NULL;
	*cursor = word + strcspn(word, " \t");
	if (**cursor)
		*(*cursor)++ = '\0';
	return word;
}

bool parse_number(const char *word, unsigned long max, unsigned long *ret)
{
	unsigned long value = 0;

	if (!*word)
		return false;
	for (; *word; word++) {
		unsigned digit = (unsigned)(*word - '0');

		if (*word < '0' || *word > '9')
			return false;
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

/* Payload types below 96 that need no rtpmap (RFC 3551 section 6). */
static void codec_static(struct sdp_codec *c)
{
	static const struct {
		uint8_t pt;
		const char *name;
		uint32_t clock_hz;
	} table[] = { { 0, "PCMU", 8000 }, { 3, "GSM", 8000 },
		{ 4, "G723", 8000 }, { 8, "PCMA", 8000 }, { 9, "G722", 8000 },
		{ 13, "CN", 8000 }, { 18, "G729", 8000 }, { 26, "JPEG", 90000 },
		{ 31, "H261", 90000 }, { 34, "H263", 90000 } };

	c->name = "";
	c->fmtp = "";
	c->channels = 1;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (table[i].pt != c->pt)
			continue;
		c->name = table[i].name;
		c->clock_hz = table[i].clock_hz;
	}
}

static struct sdp_codec *codec_find(struct sdp_media *m, unsigned long pt)
{
	for (unsigned i = 0; i < m->n_codecs; i++)
		if (m->codec[i].pt == pt)
			return &m->codec[i];
	return NULL;
}

static int formats_read(struct parse *p, struct sdp_media *m, char *cursor)
{
	unsigned long pt;
	char *word;

	while ((word = parse_word(&cursor))) {
		struct sdp_codec *list;

		/* No number twice, so never more than SDP_CODECS_MAX. */
		if (!parse_number(word, 127, &pt) || codec_find(m, pt))
			continue;
		list = arena_grow(
			p->arena, m->codec, m->n_codecs, sizeof(*list));
		if (!list)
			return -ENOMEM;
		m->codec = list;
		list[m->n_codecs] = (struct sdp_codec){ .pt = (uint8_t)pt };
		codec_static(&list[m->n_codecs++]);
	}
	return 0;
}

static enum sdp_kind kind_of(const char *text)
{
	if (strcmp(text, "audio") == 0)
		return SDP_AUDIO;
	if (strcmp(text, "video") == 0)
		return SDP_VIDEO;
	if (strcmp(text, "application") == 0)
		return SDP_APPLICATION;
	return SDP_OTHER;
}

/* What is said above the m-lines holds for each that does not say otherwise. */
static int media_inherit(struct parse *p, struct sdp_media *m)
{
	const struct sdp_media *s = &p->session;

	m->direction = s->direction;
	m->ufrag = s->ufrag;
	m->pwd = s->pwd;
	m->fingerprint_hash = s->fingerprint_hash;
	m->fingerprint = s->fingerprint;
	m->setup = s->setup;
	m->ice_lite = s->ice_lite;
	for (unsigned i = 0; i < s->n_ext; i++) {
		struct sdp_extmap *list =
			arena_grow(p->arena, m->ext, m->n_ext, sizeof(*list));

		if (!list)
			return -ENOMEM;
		m->ext = list;
		list[m->n_ext++] = s->ext[i];
	}
	return 0;
}

static void media_blank(struct sdp_media *m)
{
	*m = (struct sdp_media){ .kind_text = "",
		.protocol = "",
		.formats = "",
		.mid = "",
		.ufrag = "",
		.pwd = "",
		.fingerprint_hash = "",
		.fingerprint = "",
		.stream_id = "",
		.track_id = "" };
}

static char *copy_string(struct parse *p, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_alloc(p->arena, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static int media_begin(struct parse *p, char *value)
{
	char *kind = parse_word(&value), *port = parse_word(&value);
	char *protocol = parse_word(&value);
	struct sdp *s = p->sdp;
	struct sdp_media *list;
	unsigned long number;
	int r;

	if (!protocol)
		return -EBADMSG;
	port[strcspn(port, "/")] = '\0'; /* "/2": two ports, of old */
	if (!parse_number(port, 65535, &number))
		return -EBADMSG;
	if (s->n_media == SDP_MEDIA_MAX)
		return -E2BIG;
	list = arena_grow(p->arena, s->media, s->n_media, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->media = list;
	p->media = &list[s->n_media++];
	media_blank(p->media);
	p->media->kind = kind_of(kind);
	p->media->kind_text = kind;
	p->media->port = (uint16_t)number;
	p->media->protocol = protocol;
	p->media->formats = copy_string(p, value + strspn(value, " \t"));
	if (!p->media->formats)
		return -ENOMEM;
	r = media_inherit(p, p->media);
	if (r == 0 && p->media->kind != SDP_APPLICATION)
		r = formats_read(p, p->media, value);
	return r;
}

static void origin_read(struct parse *p, char *value)
{
	char *word;

	if (!parse_word(&value)) /* user name */
		return;
	word = parse_word(&value);
	p->sdp->session_id = word ? strtoull(word, NULL, 10) : 0;
	word = parse_word(&value);
	p->sdp->session_version = word ? strtoull(word, NULL, 10) : 0;
}

static int line_read(struct parse *p, char *line)
{
	char *value;

	if (line[0] == '\0')
		return 0;
	if (line[1] != '=')
		return -EBADMSG;
	value = line + 2;
	if (line[0] == 'm') {
		if (p->media)
			parse_media_end(p, p->media);
		return media_begin(p, value);
	}
	if (line[0] == 'o' && !p->media)
		origin_read(p, value);
	if (line[0] == 'a') {
		char *colon = strchr(value, ':');

		if (colon)
			*colon++ = '\0';
		parse_attribute(p, value, colon ? colon : strchr(value, '\0'));
	}
	return p->no_memory ? -ENOMEM : 0;
}

static int lines_read(struct parse *p, char *text, unsigned *line_number)
{
	char *next;
	int r;

	for (; text; text = next) {
		size_t len;

		if (++*line_number > SDP_LINES_MAX)
			return -E2BIG;
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		len = strlen(text);
		if (len > 0 && text[len - 1] == '\r')
			text[--len] = '\0';
		while (len > 0 &&
			(text[len - 1] == ' ' || text[len - 1] == '\t'))
			text[--len] = '\0';
		if (strchr(text, '\r'))
			return -EBADMSG;
		if (*line_number == 1 && strcmp(text, "v=0") != 0)
			return -EBADMSG;
		r = line_read(p, text);
		if (r < 0)
			return r;
	}
	if (p->media)
		parse_media_end(p, p->media);
	return p->no_memory ? -ENOMEM : 0;
}

/* Nothing that could end a line or a string early, or upset a terminal, gets
 * into a struct sdp: its strings are printed again, to others. */
static bool text_is_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') ||
			c == 0x7f)
			return false;
	}
	return true;
}

static void explain(int error, unsigned line, char ret_error[SDP_ERROR_MAX])
{
	const char *what = "This is not SDP";

	if (error == -E2BIG)
		what = "The SDP is larger than is accepted";
	else if (error == -ENOMEM)
		what = "There is no memory for the SDP";
	if (line)
		snprintf(ret_error, SDP_ERROR_MAX, "%s (line %u).", what, line);
	else
		snprintf(ret_error, SDP_ERROR_MAX, "%s.", what);
}

int sdp_parse(const char *text, size_t len, struct sdp **ret,
	char ret_error[SDP_ERROR_MAX])
{
	struct arena *arena = NULL;
	struct parse p = { 0 };
	unsigned line = 0;
	char *copy;
	int r = -E2BIG;

	if (len > SDP_TEXT_MAX)
		goto fail;
	r = -EBADMSG;
	if (!text_is_clean(text, len))
		goto fail;
	r = -ENOMEM;
	arena = calloc(1, sizeof(*arena));
	if (!arena)
		goto fail;
	p.arena = arena;
	p.sdp = arena_alloc(arena, sizeof(*p.sdp));
	copy = arena_alloc(arena, len + 1);
	if (!p.sdp || !copy)
		goto fail;
	if (len)
		memcpy(copy, text, len);
	media_blank(&p.session);
	r = lines_read(&p, copy, &line);
	if (r < 0)
		goto fail;
	p.sdp->arena = arena;
	*ret = p.sdp;
	return 0;
fail:
	explain(r, line, ret_error);
	if (arena)
		arena_done(arena);
	free(arena);
	return r;
}

struct sdp *sdp_free(struct sdp *s)
{
	struct arena *arena = s ? s->arena : NULL;

	if (arena)
		arena_done(arena);
	free(arena);
	return NULL;
}
