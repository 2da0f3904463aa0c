#include "sfu/sdp/codecs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What we know how to speak of. keep: the fmtp parameters that go into our own
 * texts; receiver limits of the peer (max-fs, ...) are not ours to repeat. */
static const struct codec_known {
	const char *name;
	enum sdp_kind kind;
	uint32_t clock_hz;
	uint8_t channels;
	const char *keep;
} known[] = {
	/* Not the sprop-* ones: they tell of what the peer sends itself. */
	{ "opus", SDP_AUDIO, 48000, 2,
		"minptime useinbandfec usedtx stereo maxplaybackrate "
		"maxaveragebitrate cbr" },
	{ "VP8", SDP_VIDEO, 90000, 1, "" },
	{ "VP9", SDP_VIDEO, 90000, 1, "profile-id" },
	{ "H264", SDP_VIDEO, 90000, 1,
		"level-asymmetry-allowed packetization-mode profile-level-id" },
	{ "AV1", SDP_VIDEO, 90000, 1, "level-idx profile tier" },
};

static const struct codec_known *known_find(
	const char *name, enum sdp_kind kind)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].kind == kind &&
			strcasecmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

int codec_rank(
	const char *const *accepted, const char *name, enum sdp_kind kind)
{
	if (!known_find(name, kind))
		return -1;
	for (int i = 0; accepted[i]; i++)
		if (strcasecmp(accepted[i], name) == 0)
			return i;
	return -1;
}

/* The next "name=value" of an fmtp: its bounds, blanks around it cut. */
static const char *param_next(
	const char **cursor, size_t *name_len, size_t *len)
{
	const char *p = *cursor + strspn(*cursor, "; \t");

	*len = strcspn(p, ";");
	*cursor = p + *len;
	while (*len && (p[*len - 1] == ' ' || p[*len - 1] == '\t'))
		--*len;
	*name_len = 0;
	while (*name_len < *len && p[*name_len] != '=')
		++*name_len;
	return *len ? p : NULL;
}

static bool param_is(const char *param, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(param, name, len) == 0;
}

/* The value of a parameter as a string in ret, "" where absent. */
static void param_get(const char *fmtp, const char *name, char ret[32])
{
	size_t name_len, len;
	const char *p;

	ret[0] = '\0';
	while ((p = param_next(&fmtp, &name_len, &len))) {
		if (!param_is(p, name_len, name) || name_len == len)
			continue;
		len -= name_len + 1;
		snprintf(ret, 32, "%.*s", len < 32 ? (int)len : 31,
			p + name_len + 1);
		return;
	}
}

static bool keep_has(const char *keep, const char *param, size_t len)
{
	const char *end;

	for (; *keep; keep = *end ? end + 1 : end) {
		end = keep + strcspn(keep, " ");
		if ((size_t)(end - keep) == len &&
			strncasecmp(keep, param, len) == 0)
			return true;
	}
	return false;
}

/* Parameters that do not fit are left out whole. */
static void fmtp_keep(
	char *ret, size_t size, const char *fmtp, const char *keep)
{
	size_t name_len, len, used = 0;
	const char *p;

	ret[0] = '\0';
	while ((p = param_next(&fmtp, &name_len, &len))) {
		if (!keep_has(keep, p, name_len))
			continue;
		if (used + len + 2 > size)
			continue;
		if (used)
			ret[used++] = ';';
		memcpy(ret + used, p, len);
		used += len;
		ret[used] = '\0';
	}
}

static void feedback_read(
	struct negotiate_codec *ret, const struct sdp_codec *c, bool video)
{
	for (unsigned i = 0; i < c->n_fb; i++) {
		const char *fb = c->fb[i].value;

		if (strcmp(fb, "nack") == 0)
			ret->nack = true;
		else if (video && strcmp(fb, "nack pli") == 0)
			ret->pli = true;
		else if (video && strcmp(fb, "ccm fir") == 0)
			ret->fir = true;
		else if (video && strcmp(fb, "goog-remb") == 0)
			ret->remb = true;
		else if (strcmp(fb, "transport-cc") == 0)
			ret->twcc = true;
	}
}

bool codec_read(struct negotiate_codec *ret, const struct sdp_codec *c,
	enum sdp_kind kind, const char *const *accepted)
{
	const struct codec_known *k = known_find(c->name, kind);

	if (!k || codec_rank(accepted, c->name, kind) < 0)
		return false;
	if (c->clock_hz != k->clock_hz || c->channels != k->channels)
		return false;
	*ret = (struct negotiate_codec){
		.clock_hz = k->clock_hz, .channels = k->channels, .pt = c->pt
	};
	snprintf(ret->name, sizeof(ret->name), "%s", k->name);
	fmtp_keep(ret->fmtp, sizeof(ret->fmtp), c->fmtp, k->keep);
	feedback_read(ret, c, kind == SDP_VIDEO);
	return true;
}

enum h264_profile {
	H264_OTHER,
	H264_CONSTRAINED_BASELINE,
	H264_BASELINE,
	H264_MAIN,
	H264_CONSTRAINED_HIGH,
	H264_HIGH
};

/* RFC 6184 table 5; the level is nobody's business here. */
static enum h264_profile h264_profile(unsigned idc, unsigned iop)
{
	if (idc == 0x42 && (iop & 0x0f) == 0)
		return iop & 0x40 ? H264_CONSTRAINED_BASELINE : H264_BASELINE;
	if (idc == 0x4d && (iop & 0x8f) == 0x80)
		return H264_CONSTRAINED_BASELINE;
	if (idc == 0x4d && (iop & 0x8f) == 0)
		return H264_MAIN;
	if (idc == 0x58 && (iop & 0xcf) == 0xc0)
		return H264_CONSTRAINED_BASELINE;
	if (idc == 0x58 && (iop & 0xcf) == 0x80)
		return H264_BASELINE;
	if (idc == 0x64 && iop == 0)
		return H264_HIGH;
	if (idc == 0x64 && iop == 0x0c)
		return H264_CONSTRAINED_HIGH;
	return H264_OTHER;
}

static bool h264_equal(const char *a, const char *b)
{
	const char *const fmtp[2] = { a, b };
	unsigned long id[2];
	char value[32], mode[2];

	for (int i = 0; i < 2; i++) {
		param_get(fmtp[i], "packetization-mode", value);
		mode[i] = value[0] ? value[0] : '0';
		param_get(fmtp[i], "profile-level-id", value);
		/* Absent: Baseline, level 1 (RFC 6184 section 8.1). */
		id[i] = value[0] ? strtoul(value, NULL, 16) : 0x42000a;
		id[i] = (id[i] >> 8) & 0xffff;
	}
	if (mode[0] != mode[1])
		return false;
	for (int i = 0; i < 2; i++) {
		enum h264_profile p = h264_profile(
			(unsigned)id[i] >> 8, (unsigned)id[i] & 0xff);

		if (p != H264_OTHER)
			id[i] = p;
	}
	return id[0] == id[1];
}

static bool param_equal(const char *a, const char *b, const char *name)
{
	char left[32], right[32];

	param_get(a, name, left);
	param_get(b, name, right);
	return strcmp(left[0] ? left : "0", right[0] ? right : "0") == 0;
}

bool codec_same_format(
	const struct negotiate_codec *a, const struct negotiate_codec *b)
{
	return strcasecmp(a->name, b->name) == 0 &&
	       a->clock_hz == b->clock_hz && a->channels == b->channels;
}

bool negotiate_codec_equal(
	const struct negotiate_codec *a, const struct negotiate_codec *b)
{
	if (!codec_same_format(a, b))
		return false;
	if (strcasecmp(a->name, "H264") == 0)
		return h264_equal(a->fmtp, b->fmtp);
	if (strcasecmp(a->name, "VP9") == 0)
		return param_equal(a->fmtp, b->fmtp, "profile-id");
	if (strcasecmp(a->name, "AV1") == 0)
		return param_equal(a->fmtp, b->fmtp, "profile");
	return true;
}

int codec_table_reserve(struct codec_table *t, unsigned more)
{
	for (unsigned i = t->n; i < t->n + more && i < NEGOTIATE_CODECS; i++) {
		if (t->codec[i])
			continue;
		t->codec[i] = calloc(1, sizeof(*t->codec[i]));
		if (!t->codec[i])
			return -ENOMEM;
	}
	return 0;
}

void codec_table_done(struct codec_table *t)
{
	for (unsigned i = 0; i < NEGOTIATE_CODECS; i++)
		free(t->codec[i]);
	*t = (struct codec_table){ .n = 0 };
}

int codec_table_find(const struct codec_table *t, unsigned pt)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->codec[i]->pt == pt)
			return (int)i;
	return -1;
}

void codec_forget(struct negotiate_codec *c)
{
	*c = (struct negotiate_codec){ .pt = 255 };
}

/* What one m-line has, another may do without. */
static void replace(
	struct negotiate_codec *old, const struct negotiate_codec *c)
{
	uint8_t rtx_pt = c->rtx_pt ? c->rtx_pt : old->rtx_pt;
	uint8_t red_pt = c->red_pt ? c->red_pt : old->red_pt;

	*old = *c;
	old->rtx_pt = rtx_pt;
	old->red_pt = red_pt;
}

int codec_table_put(struct codec_table *t, const struct negotiate_codec *c)
{
	int i = codec_table_find(t, c->pt);

	/* Forgotten entries have no name and free their place. */
	for (unsigned j = 0; i < 0 && j < t->n; j++)
		if (!t->codec[j]->name[0])
			i = (int)j;
	if (i < 0 &&
		(t->n == NEGOTIATE_CODECS || codec_table_reserve(t, 1) < 0))
		return -1;
	if (i < 0) {
		i = (int)t->n++;
		codec_forget(t->codec[i]);
	}
	replace(t->codec[i], c);
	t->codec[i]->at = (uint8_t)i;
	return i;
}

bool codec_in(const struct negotiate_codec *c,
	const struct negotiate_codec *const *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (negotiate_codec_equal(c, list[i]))
			return true;
	return false;
}

void codec_sort(const struct negotiate_codec **list, unsigned n,
	enum sdp_kind kind, const char *const *accepted)
{
	for (unsigned i = 1; i < n; i++) {
		const struct negotiate_codec *c = list[i];
		int rank = codec_rank(accepted, c->name, kind);
		unsigned j = i;

		for (; j > 0; j--) {
			if (codec_rank(accepted, list[j - 1]->name, kind) <=
				rank)
				break;
			list[j] = list[j - 1];
		}
		list[j] = c;
	}
}

static const struct codec_default {
	const char *name;
	uint8_t pt;
	const char *fmtp;
} defaults[] = {
	{ "opus", 111, "minptime=10;useinbandfec=1" },
	{ "VP8", 96, "" },
	{ "VP9", 98, "profile-id=0" },
	{ "VP9", 100, "profile-id=2" },
	{ "H264", 102,
		"level-asymmetry-allowed=1;packetization-mode=1;"
		"profile-level-id=42e01f" },
	{ "H264", 104,
		"level-asymmetry-allowed=1;packetization-mode=0;"
		"profile-level-id=42e01f" },
	{ "H264", 106,
		"level-asymmetry-allowed=1;packetization-mode=1;"
		"profile-level-id=42001f" },
	{ "H264", 108,
		"level-asymmetry-allowed=1;packetization-mode=1;"
		"profile-level-id=4d001f" },
	{ "H264", 112,
		"level-asymmetry-allowed=1;packetization-mode=1;"
		"profile-level-id=64001f" },
	{ "AV1", 45, "level-idx=5;profile=0;tier=0" },
};

/* The dynamic range proper first, then what RFC 5761 leaves beside RTCP. */
static unsigned pt_free(unsigned wish, const bool used[128])
{
	if (!used[wish])
		return wish;
	for (unsigned pt = 96; pt < 128; pt++)
		if (!used[pt])
			return pt;
	for (unsigned pt = 35; pt < 64; pt++)
		if (!used[pt])
			return pt;
	return 128;
}

unsigned codec_defaults_count(enum sdp_kind kind, const char *const *accepted)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		n += codec_rank(accepted, defaults[i].name, kind) >= 0;
	return n;
}

/* The next number of the same feature; 0: none is left. */
static uint8_t pt_beside(unsigned wish, bool wanted, bool used[128])
{
	unsigned pt = wanted ? pt_free(wish, used) : 128;

	if (pt == 128)
		return 0;
	used[pt] = true;
	return (uint8_t)pt;
}

void codec_defaults(struct codec_table *t, enum sdp_kind kind,
	const char *const *accepted, const struct negotiate_features *features,
	bool used[128])
{
	const bool video = kind == SDP_VIDEO;

	t->n = 0;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		const struct codec_default *d = &defaults[i];
		const struct codec_known *k = known_find(d->name, kind);
		struct negotiate_codec c = { .nack = video,
			.pli = video,
			.fir = video,
			.remb = video,
			.twcc = features->twcc };
		unsigned pt = pt_free(d->pt, used);

		if (!k || codec_rank(accepted, d->name, kind) < 0 || pt == 128)
			continue;
		used[pt] = true;
		c.clock_hz = k->clock_hz;
		c.channels = k->channels;
		c.pt = (uint8_t)pt;
		c.rtx_pt = pt_beside(d->pt + 1u, features->rtx && video, used);
		c.red_pt = pt_beside(63, features->red && !video, used);
		snprintf(c.name, sizeof(c.name), "%s", k->name);
		snprintf(c.fmtp, sizeof(c.fmtp), "%s", d->fmtp);
		codec_table_put(t, &c);
	}
}
