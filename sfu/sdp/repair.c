/* What goes with a codec or a stream to make up for losses: the payload types
 * of RTX (RFC 4588) and RED (RFC 2198), and SSRC groups (RFC 5576). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sfu/sdp/negotiation.h"

static bool is_rtx(const struct sdp_codec *c)
{
	return strcasecmp(c->name, "rtx") == 0;
}

static bool is_red(const struct sdp_codec *c)
{
	return strcasecmp(c->name, "red") == 0;
}

/* The value of apt= in "apt=96;rtx-time=3000"; -1: none. */
static long apt_of(const char *fmtp)
{
	for (; *fmtp; fmtp += strcspn(fmtp, ";")) {
		char *end;
		long pt;

		fmtp += strspn(fmtp, "; \t");
		if (strncasecmp(fmtp, "apt=", 4) != 0)
			continue;
		pt = strtol(fmtp + 4, &end, 10);
		return end == fmtp + 4 ? -1 : pt;
	}
	return -1;
}

/* Every block of "111/111" is of that payload type (RFC 2198 section 5): we
 * have no use for other redundancy. */
static bool red_is_of(const char *fmtp, unsigned pt)
{
	unsigned n = 0;

	for (;; n++) {
		char *end;
		long block = strtol(fmtp, &end, 10);

		if (end == fmtp || block != (long)pt)
			return false;
		if (*end != '/')
			return n > 0 && strspn(end, " \t") == strlen(end);
		fmtp = end + 1;
	}
}

void repair_read(struct negotiate_codec *c, const struct sdp_media *m,
	const struct negotiate_features *features)
{
	c->twcc = c->twcc && features->twcc;
	for (unsigned i = 0; i < m->n_codecs; i++) {
		const struct sdp_codec *other = &m->codec[i];

		if (other->pt == 0 || other->clock_hz != c->clock_hz)
			continue;
		if (!c->rtx_pt && features->rtx && m->kind == SDP_VIDEO &&
			is_rtx(other) && apt_of(other->fmtp) == c->pt)
			c->rtx_pt = other->pt;
		if (!c->red_pt && features->red && m->kind == SDP_AUDIO &&
			is_red(other) && other->channels == c->channels &&
			red_is_of(other->fmtp, c->pt))
			c->red_pt = other->pt;
	}
}

void repair_forget(struct codec_table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		t->codec[i]->rtx_pt = t->codec[i]->red_pt = 0;
}

void repair_note(struct transceiver *t, unsigned at, bool has)
{
	t->bare &= ~(1u << at);
	if (!has)
		t->bare |= 1u << at;
}

static bool is_bare(
	const struct transceiver *t, const struct negotiate_codec *c)
{
	return t->bare >> c->at & 1;
}

uint8_t transceiver_rtx_pt(
	const struct transceiver *t, const struct negotiate_codec *c)
{
	return is_bare(t, c) ? 0 : c->rtx_pt;
}

uint8_t transceiver_red_pt(
	const struct transceiver *t, const struct negotiate_codec *c)
{
	return is_bare(t, c) ? 0 : c->red_pt;
}

bool repair_is_ours(
	const struct sdp_codec *c, const struct negotiate_features *features)
{
	return (features->rtx && is_rtx(c)) || (features->red && is_red(c));
}

/* --- SSRCs -------------------------------------------------------------- */

static bool ssrc_is_repair(const struct sdp_media *m, uint32_t ssrc)
{
	for (unsigned i = 0; i < m->n_groups; i++) {
		const struct sdp_ssrc_group *g = &m->group[i];

		if (strncmp(g->semantics, "F", 1) != 0)
			continue; /* neither FID nor FEC-FR */
		for (unsigned j = 1; j < g->n; j++)
			if (g->ssrc[j] == ssrc)
				return true;
	}
	return false;
}

/* Another stream's SSRC in the same m-line: a leftover of Plan B. */
static bool ssrc_is_foreign(const struct sdp_media *m, const char *msid)
{
	size_t len = strlen(m->stream_id);

	return *msid && (strncmp(msid, m->stream_id, len) != 0 ||
				strcspn(msid, " \t") != len);
}

/* Whether the m-line has that SSRC, as one of the stream that counts. */
static bool ssrc_is_sent(const struct sdp_media *m, uint32_t ssrc)
{
	for (unsigned i = 0; i < m->n_ssrc; i++)
		if (m->ssrc[i].ssrc == ssrc)
			return !ssrc_is_repair(m, ssrc) &&
			       !ssrc_is_foreign(m, m->ssrc[i].msid);
	return false;
}

static uint32_t rtx_of(const struct sdp_media *m, uint32_t ssrc)
{
	for (unsigned i = 0; i < m->n_groups; i++) {
		const struct sdp_ssrc_group *g = &m->group[i];

		if (strcmp(g->semantics, "FID") == 0 && g->n == 2 &&
			g->ssrc[0] == ssrc)
			return g->ssrc[1];
	}
	return 0;
}

static void ssrc_add(struct transceiver *t, const struct sdp_media *m,
	uint32_t ssrc, const struct negotiate_features *features)
{
	unsigned n = t->n_recv_ssrc;

	if (n == NEGOTIATE_SSRCS || !ssrc_is_sent(m, ssrc))
		return;
	for (unsigned i = 0; i < n; i++)
		if (t->recv_ssrc[i] == ssrc)
			return;
	t->recv_ssrc[n] = ssrc;
	t->recv_rtx_ssrc[n] = features->rtx ? rtx_of(m, ssrc) : 0;
	t->n_recv_ssrc++;
}

void repair_ssrcs(struct transceiver *t, const struct sdp_media *m,
	const struct negotiate_features *features)
{
	t->n_recv_ssrc = 0;
	t->recv_sim = false;
	/* The layers of a SIM group stand in its order, and alone. */
	for (unsigned i = 0; i < m->n_groups && features->simulcast; i++) {
		const struct sdp_ssrc_group *g = &m->group[i];

		if (strcmp(g->semantics, "SIM") != 0 || t->n_recv_ssrc)
			continue;
		for (unsigned j = 0; j < g->n; j++)
			ssrc_add(t, m, g->ssrc[j], features);
	}
	if (t->n_recv_ssrc > 1) {
		t->recv_sim = true;
		return;
	}
	for (unsigned i = 0; i < m->n_ssrc; i++)
		ssrc_add(t, m, m->ssrc[i].ssrc, features);
}
