/* The strings that an m-line keeps of the peer's texts: its names, and its
 * words where they are not the usual ones. */
#include "sfu/sdp/negotiation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is said again and again is not kept again and again. */
static const char *known(const char *word)
{
	static const char *const words[] = { "audio", "video", "application",
		"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/AVPF", "RTP/AVP",
		"RTP/SAVPF", "UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP",
		"webrtc-datachannel", "0" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], word) == 0)
			return words[i];
	return NULL;
}

static bool id_fits(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= NEGOTIATE_ID_MAX && strcmp(id, "-") != 0;
}

/* The first of the m-line's formats: a rejection repeats it. */
static void format_read(
	char ret[NEGOTIATION_WORD_MAX], const struct sdp_media *m)
{
	size_t len = strcspn(m->formats, " \t");

	if (len == 0 || len >= NEGOTIATION_WORD_MAX)
		snprintf(ret, NEGOTIATION_WORD_MAX, "0");
	else
		snprintf(ret, NEGOTIATION_WORD_MAX, "%.*s", (int)len,
			m->formats);
}

/* Strings, each with its NUL, one behind the other. */
struct bag {
	size_t len;
	char text[2 * (NEGOTIATE_ID_MAX + 1) + 3 * NEGOTIATION_WORD_MAX];
};

static void put(struct bag *b, const char *word)
{
	size_t size = strlen(word) + 1;

	memcpy(b->text + b->len, word, size);
	b->len += size;
}

static void put_unknown(struct bag *b, const char *word)
{
	put(b, known(word) ? "" : word);
}

/* Every published track has a name, also where the peer gave none (Nheko,
 * GStreamer, streamless tracks): one that stays the same for that m-line. */
static void put_names(struct bag *b, const struct sdp_media *m, unsigned i)
{
	char own[NEGOTIATE_ID_MAX + 1], name[NEGOTIATE_ID_MAX + 1];

	if (*m->mid)
		snprintf(own, sizeof(own), "%s", m->mid);
	else
		snprintf(own, sizeof(own), "%u", i);
	snprintf(name, sizeof(name), "stream-%.64s", own);
	put(b, id_fits(m->stream_id) ? m->stream_id : name);
	snprintf(name, sizeof(name), "track-%.64s", own);
	put(b, id_fits(m->track_id) ? m->track_id : name);
}

/* Of an m-line that lives with RTP the format is one of its codecs, and not
 * needed. */
static bool needs_format(const struct sdp_media *m, bool live)
{
	return !live || !kind_is_rtp(m->kind);
}

/* Behind the strings: what simulcast_read fills. */
static size_t rids_size(const struct sdp_media *m, bool receives)
{
	return receives && m->n_rids && m->simulcast
		       ? NEGOTIATE_RIDS * (NEGOTIATE_RID_MAX + 1)
		       : 0;
}

static int reserve(char **ret, const struct sdp_media *m, unsigned i, bool live)
{
	static const char nothing[5];
	char format[NEGOTIATION_WORD_MAX];
	struct bag b = { .len = 0 };

	const bool receives =
		live && kind_is_rtp(m->kind) && direction_sends(m->direction);

	if (receives)
		put_names(&b, m, i);
	else
		put(&b, ""), put(&b, "");
	put_unknown(&b, m->kind_text);
	put_unknown(&b, m->protocol);
	format_read(format, m);
	put_unknown(&b, needs_format(m, live) ? format : "0");
	if (b.len == sizeof(nothing))
		return 0;
	*ret = malloc(b.len + rids_size(m, receives));
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, b.text, b.len);
	return 0;
}

int words_reserve(struct verdict *v, const struct sdp *s)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n_media; i++)
		r = reserve(&v->words[i], &s->media[i], i, v->accept[i]);
	return r;
}

void words_done(struct verdict *v, const struct sdp *s)
{
	for (unsigned i = 0; i < s->n_media; i++)
		free(v->words[i]);
}

static const char *next(const char **at)
{
	const char *word = *at;

	if (!word)
		return "";
	*at += strlen(word) + 1;
	return word;
}

static const char *next_known(const char **at, const char *said)
{
	const char *word = next(at), *usual = known(said);

	return *word || !usual ? word : usual;
}

void words_take(struct line *l, const struct sdp_media *m, char **words)
{
	char format[NEGOTIATION_WORD_MAX];
	const char *at = *words;

	free(l->words);
	l->words = *words;
	*words = NULL;
	l->t.recv_streamless = !id_fits(m->stream_id);
	l->t.recv_slides = m->slides;
	l->t.recv_stream = next(&at);
	l->t.recv_track = next(&at);
	l->kind_text = next_known(&at, m->kind_text);
	l->protocol = next_known(&at, m->protocol);
	format_read(format, m);
	l->format = next_known(&at, format);
	if (!*l->format)
		l->format = "0";
	l->t.recv_rid = NULL;
	if (at && rids_size(m, *l->t.recv_stream))
		l->t.recv_rid = (void *)(l->words + (at - l->words));
}
