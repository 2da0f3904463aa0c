#include "sfu/sdp/parse.h"

#include <string.h>
#include <strings.h>

/* One more element in m->LIST, or NULL where it is full or memory is. */
#define GROW(p, list, count, max)                                              \
	((count) < (max)                                                       \
			? grow(p, (void **)&(list), &(count), sizeof(*(list))) \
			: NULL)

static void *grow(struct parse *p, void **list, unsigned *count, size_t size)
{
	void *bigger = arena_grow(p->arena, *list, *count, size);

	if (!bigger) {
		p->no_memory = true;
		return NULL;
	}
	*list = bigger;
	return (char *)bigger + size * (*count)++;
}

static struct sdp_codec *codec_by_word(struct sdp_media *m, const char *word)
{
	unsigned long pt;

	if (!word || !parse_number(word, 127, &pt))
		return NULL;
	for (unsigned i = 0; i < m->n_codecs; i++)
		if (m->codec[i].pt == pt)
			return &m->codec[i];
	return NULL;
}

/* 111 opus/48000/2 */
static void on_rtpmap(struct parse *p, struct sdp_media *m, char *value)
{
	struct sdp_codec *c = codec_by_word(m, parse_word(&value));
	char *name = parse_word(&value), *clock, *channels;
	unsigned long number;

	(void)p;
	if (!c || !name)
		return;
	clock = strchr(name, '/');
	if (!clock)
		return;
	*clock++ = '\0';
	channels = strchr(clock, '/');
	if (channels)
		*channels++ = '\0';
	if (!parse_number(clock, UINT32_MAX, &number))
		return;
	c->name = name;
	c->clock_hz = (uint32_t)number;
	c->channels = 1;
	if (channels && parse_number(channels, 255, &number) && number)
		c->channels = (unsigned)number;
}

static void on_fmtp(struct parse *p, struct sdp_media *m, char *value)
{
	struct sdp_codec *c = codec_by_word(m, parse_word(&value));

	(void)p;
	if (c)
		c->fmtp = value + strspn(value, " \t");
}

static void codec_add_fb(
	struct parse *p, struct sdp_codec *c, const char *value)
{
	struct sdp_fb *fb = GROW(p, c->fb, c->n_fb, PARSE_FB_MAX);

	if (fb)
		fb->value = value;
}

static void on_rtcp_fb(struct parse *p, struct sdp_media *m, char *value)
{
	char *word = parse_word(&value);
	struct sdp_codec *c;

	if (!word)
		return;
	value += strspn(value, " \t");
	if (strcmp(word, "*") == 0) {
		for (unsigned i = 0; i < m->n_codecs; i++)
			codec_add_fb(p, &m->codec[i], value);
		return;
	}
	c = codec_by_word(m, word);
	if (c)
		codec_add_fb(p, c, value);
}

static bool direction_read(const char *word, enum sdp_direction *ret)
{
	static const char *const name[] = { [SDP_SENDRECV] = "sendrecv",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_INACTIVE] = "inactive" };

	for (int i = SDP_SENDRECV; i <= SDP_INACTIVE; i++) {
		if (strcmp(word, name[i]) != 0)
			continue;
		*ret = (enum sdp_direction)i;
		return true;
	}
	return false;
}

/* 6/recvonly URI attributes */
static void on_extmap(struct parse *p, struct sdp_media *m, char *value)
{
	char *id = parse_word(&value), *uri = parse_word(&value), *slash;
	struct sdp_extmap ext = { .direction = SDP_SENDRECV, .uri = uri };
	struct sdp_extmap *slot;
	unsigned long number;

	if (!uri)
		return;
	slash = strchr(id, '/');
	if (slash)
		*slash++ = '\0';
	if (slash && !direction_read(slash, &ext.direction))
		return;
	/* 4096 and up are placeholders for a choice the answer makes (RFC 8285
	 * section 7); nobody here makes it. */
	if (!parse_number(id, 255, &number) || number == 0)
		return;
	ext.id = (uint8_t)number;
	slot = GROW(p, m->ext, m->n_ext, PARSE_EXT_MAX);
	if (slot)
		*slot = ext;
}

static struct sdp_ssrc *ssrc_get(
	struct parse *p, struct sdp_media *m, uint32_t number)
{
	struct sdp_ssrc *s;

	for (unsigned i = 0; i < m->n_ssrc; i++)
		if (m->ssrc[i].ssrc == number)
			return &m->ssrc[i];
	s = GROW(p, m->ssrc, m->n_ssrc, PARSE_SSRC_MAX);
	if (s)
		*s = (struct sdp_ssrc){ number, "", "" };
	return s;
}

/* 3528921894 cname:F+EZJTG+N9rc3P7f */
static void on_ssrc(struct parse *p, struct sdp_media *m, char *value)
{
	char *word = parse_word(&value);
	unsigned long number;
	struct sdp_ssrc *s;

	if (!word || !parse_number(word, UINT32_MAX, &number))
		return;
	s = ssrc_get(p, m, (uint32_t)number);
	if (!s)
		return;
	value += strspn(value, " \t");
	if (strncmp(value, "cname:", 6) == 0)
		s->cname = value + 6;
	else if (strncmp(value, "msid:", 5) == 0)
		s->msid = value + 5;
}

static void on_ssrc_group(struct parse *p, struct sdp_media *m, char *value)
{
	struct sdp_ssrc_group g = { .semantics = parse_word(&value) }, *slot;
	const unsigned max = sizeof(g.ssrc) / sizeof(*g.ssrc);
	unsigned long number;
	char *word;

	if (!g.semantics)
		return;
	while (g.n < max && (word = parse_word(&value)))
		if (parse_number(word, UINT32_MAX, &number))
			g.ssrc[g.n++] = (uint32_t)number;
	slot = GROW(p, m->group, m->n_groups, PARSE_GROUP_MAX);
	if (slot)
		*slot = g;
}

static void on_rid(struct parse *p, struct sdp_media *m, char *value)
{
	char *id = parse_word(&value), *direction = parse_word(&value);
	struct sdp_rid *slot;

	if (!direction)
		return;
	slot = GROW(p, m->rid, m->n_rids, PARSE_RID_MAX);
	if (slot)
		*slot = (struct sdp_rid){ id, strcmp(direction, "send") == 0 };
}

/* How much a fingerprint is worth to us, where an m-line has several. */
static int hash_rank(const char *hash)
{
	static const char *const best[] = { "sha-256", "sha-384", "sha-512" };

	for (int i = 0; i < 3; i++)
		if (strcasecmp(hash, best[i]) == 0)
			return 3 - i;
	return *hash ? 0 : -1;
}

static void on_fingerprint(struct parse *p, struct sdp_media *m, char *value)
{
	char *hash = parse_word(&value), *print = parse_word(&value);
	bool inherited = p->media && m->fingerprint == p->session.fingerprint;

	if (!print)
		return;
	if (!inherited && hash_rank(hash) <= hash_rank(m->fingerprint_hash))
		return;
	m->fingerprint_hash = hash;
	m->fingerprint = print;
}

static void on_setup(struct parse *p, struct sdp_media *m, char *value)
{
	(void)p;
	if (strcmp(value, "actpass") == 0)
		m->setup = SDP_ACTPASS;
	else if (strcmp(value, "active") == 0)
		m->setup = SDP_ACTIVE;
	else if (strcmp(value, "passive") == 0)
		m->setup = SDP_PASSIVE;
}

static void msid_read(struct sdp_media *m, char *value)
{
	char *stream = parse_word(&value), *track = parse_word(&value);

	if (!stream)
		return;
	m->stream_id = stream;
	m->track_id = track ? track : "";
}

/* Of several lines (one track in several streams) the first counts. */
static void on_msid(struct parse *p, struct sdp_media *m, char *value)
{
	(void)p;
	if (!*m->stream_id)
		msid_read(m, value);
}

static void on_candidate(struct parse *p, struct sdp_media *m, char *value)
{
	const char **slot;

	if (!*value)
		return;
	slot = GROW(p, m->candidate, m->n_candidates, PARSE_CANDIDATE_MAX);
	if (!slot)
		return;
	/* As candidate lines are passed on everywhere: with their name. */
	value[-1] = ':';
	*slot = value - sizeof("candidate:") + 1;
}

static void on_sctp_port(struct parse *p, struct sdp_media *m, char *value)
{
	unsigned long number;

	(void)p;
	if (parse_number(value, 65535, &number))
		m->sctp_port = (uint16_t)number;
}

/* Before RFC 8841: a=sctpmap:5000 webrtc-datachannel 1024 */
static void on_sctpmap(struct parse *p, struct sdp_media *m, char *value)
{
	char *port = parse_word(&value);

	if (port && m->sctp_port == 0)
		on_sctp_port(p, m, port);
}

static void on_message_size(struct parse *p, struct sdp_media *m, char *value)
{
	unsigned long number;

	(void)p;
	/* A size beyond what fits is as good as the largest that does. */
	if (parse_number(value, UINT32_MAX, &number))
		m->max_message_size = (uint32_t)number;
	else if (*value && value[strspn(value, "0123456789")] == '\0')
		m->max_message_size = UINT32_MAX;
	else
		return;
	m->max_message_size_given = true;
}

static void on_simulcast(struct parse *p, struct sdp_media *m, char *value)
{
	(void)p;
	m->simulcast = value;
}

static void on_content(struct parse *p, struct sdp_media *m, char *value)
{
	(void)p;
	for (size_t len; *value; value += len + (value[len] == ',')) {
		len = strcspn(value, ",");
		m->slides |= len == 6 && strncmp(value, "slides", len) == 0;
	}
}

static void on_group(struct parse *p, char *value)
{
	struct sdp *s = p->sdp;
	char *word = parse_word(&value);
	const char **slot;

	if (!word || strcmp(word, "BUNDLE") != 0 || s->bundle)
		return;
	while ((word = parse_word(&value))) {
		slot = GROW(p, s->bundle, s->n_bundle, PARSE_BUNDLE_MAX);
		if (!slot)
			return;
		*slot = word;
	}
}

struct handler {
	const char *name;
	void (*on)(struct parse *p, struct sdp_media *m, char *value);
};

static const struct handler handlers[] = { { "rtpmap", on_rtpmap },
	{ "fmtp", on_fmtp }, { "rtcp-fb", on_rtcp_fb }, { "extmap", on_extmap },
	{ "ssrc", on_ssrc }, { "ssrc-group", on_ssrc_group }, { "rid", on_rid },
	{ "fingerprint", on_fingerprint }, { "setup", on_setup },
	{ "msid", on_msid }, { "candidate", on_candidate },
	{ "sctp-port", on_sctp_port }, { "sctpmap", on_sctpmap },
	{ "max-message-size", on_message_size }, { "simulcast", on_simulcast },
	{ "content", on_content } };

struct text_field {
	const char *name;
	size_t offset; /* in struct sdp_media */
};

static const struct text_field words[] = {
	{ "mid", offsetof(struct sdp_media, mid) },
	{ "ice-ufrag", offsetof(struct sdp_media, ufrag) },
	{ "ice-pwd", offsetof(struct sdp_media, pwd) }
};

static const struct text_field flags[] = {
	{ "rtcp-mux", offsetof(struct sdp_media, rtcp_mux) },
	{ "rtcp-rsize", offsetof(struct sdp_media, rtcp_rsize) },
	{ "bundle-only", offsetof(struct sdp_media, bundle_only) },
	{ "ice-lite", offsetof(struct sdp_media, ice_lite) },
	{ "end-of-candidates", offsetof(struct sdp_media, end_of_candidates) }
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static bool media_flag(struct sdp_media *m, const char *name)
{
	if (direction_read(name, &m->direction))
		return true;
	for (size_t i = 0; i < COUNT(flags); i++) {
		if (strcmp(name, flags[i].name) != 0)
			continue;
		*(bool *)(void *)((char *)m + flags[i].offset) = true;
		return true;
	}
	return false;
}

static bool media_word(struct sdp_media *m, const char *name, char *value)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		char *field = (char *)m + words[i].offset;
		char *word;

		if (strcmp(name, words[i].name) != 0)
			continue;
		word = parse_word(&value);
		*(const char **)(void *)field = word ? word : "";
		return true;
	}
	return false;
}

void parse_attribute(struct parse *p, const char *name, char *value)
{
	struct sdp_media *m = p->media ? p->media : &p->session;

	if (strcmp(name, "extmap-allow-mixed") == 0) {
		p->sdp->extmap_allow_mixed = true;
		return;
	}
	if (strcmp(name, "group") == 0 && !p->media) {
		on_group(p, value);
		return;
	}
	if (media_flag(m, name))
		return;
	if (media_word(m, name, value))
		return;
	for (size_t i = 0; i < COUNT(handlers); i++)
		if (strcmp(name, handlers[i].name) == 0)
			handlers[i].on(p, m, value);
}

void parse_media_end(struct parse *p, struct sdp_media *m)
{
	unsigned long number;

	(void)p;
	for (unsigned i = 0; i < m->n_ssrc && !*m->stream_id; i++) {
		size_t len = strlen(m->ssrc[i].msid) + 1;
		char *copy;

		if (len == 1)
			continue;
		copy = arena_alloc(p->arena, len);
		if (!copy) {
			p->no_memory = true;
			return;
		}
		msid_read(m, memcpy(copy, m->ssrc[i].msid, len));
	}
	if (m->kind == SDP_APPLICATION && m->sctp_port == 0 &&
		parse_number(m->formats, 65535, &number))
		m->sctp_port = (uint16_t)number;
}
