#include "record/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feed/frame.h"
#include "sfu/sdp/sdp.h"

#define VIDEO(pt, name)                                                        \
	"a=rtpmap:" pt " " name "/90000\r\n"                                   \
	"a=rtcp-fb:" pt " nack pli\r\n"
#define VIDEO_FMTP(pt, name, fmtp)                                             \
	VIDEO(pt, name)                                                        \
	"a=fmtp:" pt " " fmtp "\r\n"
#define H264(pt, mode, profile)                                                \
	VIDEO_FMTP(pt, "H264",                                                 \
		"level-asymmetry-allowed=1;packetization-mode=" mode           \
		";profile-level-id=" profile)

/* One line of each profile that browsers use: hearth compares profiles, not
 * levels (RFC 6184 section 8.2.2). */
static const char offer[] =
	"v=0\r\n"
	"o=- 1 1 IN IP4 127.0.0.1\r\n"
	"s=-\r\n"
	"t=0 0\r\n"
	"a=group:BUNDLE 0 1\r\n"
	"m=audio 9 RTP/AVPF 111\r\n"
	"c=IN IP4 127.0.0.1\r\n"
	"a=mid:0\r\n"
	"a=recvonly\r\n"
	"a=rtcp-mux\r\n"
	"a=rtpmap:111 opus/48000/2\r\n"
	"a=fmtp:111 minptime=10;useinbandfec=1\r\n"
	"m=video 9 RTP/AVPF 96 97 98 99 100 101 102 103 104 105 106 107 108 "
	"109 110 112 113 114 115\r\n"
	"c=IN IP4 127.0.0.1\r\n"
	"a=mid:1\r\n"
	"a=recvonly\r\n"
	"a=rtcp-mux\r\n" VIDEO("96", "VP8") VIDEO_FMTP("97", "VP9",
		"profile-id=0") VIDEO_FMTP("98", "VP9", "profile-id=1")
		VIDEO_FMTP("99", "VP9", "profile-id=2") VIDEO_FMTP(
			"100", "VP9", "profile-id=3") VIDEO_FMTP("101", "AV1",
			"level-idx=5;profile=0;tier=0") VIDEO_FMTP("102", "AV1",
			"level-idx=5;profile=1;tier=0") H264("103", "1",
			"42e01f") H264("104", "0", "42e01f") H264("105", "1",
			"42001f") H264("106", "0", "42001f") H264("107", "1",
			"4d001f") H264("108", "0", "4d001f") H264("109", "1",
			"64001f") H264("110", "0", "64001f")
			H264("112", "1", "640c1f") H264("113", "0", "640c1f")
				H264("114", "1", "f4001f")
					H264("115", "0", "f4001f");

const char *streams_offer(void)
{
	return offer;
}

static const struct {
	const char *name;
	enum sdp_kind kind;
	enum take_codec codec;
} known[] = {
	{ "opus", SDP_AUDIO, TAKE_OPUS },
	{ "VP8", SDP_VIDEO, TAKE_VP8 },
	{ "VP9", SDP_VIDEO, TAKE_VP9 },
	{ "H264", SDP_VIDEO, TAKE_H264 },
	{ "AV1", SDP_VIDEO, TAKE_AV1 },
};

static void read_codecs(struct stream *ret, const struct sdp_media *m)
{
	const size_t n = sizeof(known) / sizeof(*known);

	for (unsigned i = 0; i < m->n_codecs; i++) {
		const struct sdp_codec *c = &m->codec[i];
		size_t j = 0;

		while (j < n && (known[j].kind != m->kind ||
					strcasecmp(known[j].name, c->name)))
			j++;
		if (j == n || ret->n_codecs == STREAM_CODECS_MAX)
			continue;
		if (ret->clock_hz && ret->clock_hz != c->clock_hz)
			continue;
		ret->clock_hz = c->clock_hz;
		ret->codec[ret->n_codecs++] =
			(struct stream_codec){ .pt = c->pt,
				.codec = known[j].codec };
	}
}

static bool sends(const struct sdp_media *m)
{
	return m->port &&
	       (m->direction == SDP_SENDONLY || m->direction == SDP_SENDRECV);
}

static bool read_media(struct stream *ret, const struct sdp_media *m)
{
	*ret = (struct stream){ 0 };
	if (!sends(m) || (m->kind != SDP_AUDIO && m->kind != SDP_VIDEO) ||
		!m->n_ssrc || !m->stream_id[0])
		return false;
	ret->kind = m->kind == SDP_AUDIO ? PART_AUDIO : PART_VIDEO;
	ret->ssrc = m->ssrc[0].ssrc;
	read_codecs(ret, m);
	return ret->n_codecs > 0;
}

/* Which line of STREAMS an m-line belongs to. */
static int find_owner(struct stream *ret, const char *stream_id,
	const char *lines, size_t len)
{
	const char *at = lines, *end = lines + len;
	struct feed_stream s;
	int got;

	while ((got = feed_stream_next(&at, end, &s)) == 1) {
		if (strcmp(s.id, stream_id) != 0)
			continue;
		ret->owner = s.owner;
		memcpy(ret->source, s.source, sizeof(ret->source));
		memcpy(ret->label, s.label, sizeof(ret->label));
		return 1;
	}
	return got;
}

static int collect(const struct sdp *sdp, const char *lines, size_t len,
	struct stream *ret, unsigned *ret_n)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sdp->n_media && n < STREAMS_MAX; i++) {
		const struct sdp_media *m = &sdp->media[i];
		int got;

		if (!read_media(&ret[n], m))
			continue;
		got = find_owner(&ret[n], m->stream_id, lines, len);
		if (got < 0)
			return got;
		n += got == 1;
	}
	*ret_n = n;
	return 0;
}

int streams_read(const char *text, size_t len, const char *lines,
	size_t lines_len, struct stream **ret, unsigned *ret_n)
{
	char error[SDP_ERROR_MAX];
	struct stream *list;
	struct sdp *sdp;
	int err = sdp_parse(text, len, &sdp, error);

	if (err)
		return err == -ENOMEM ? -ENOMEM : -EBADMSG;
	list = calloc(sdp->n_media + 1, sizeof(*list));
	err = list ? collect(sdp, lines, lines_len, list, ret_n) : -ENOMEM;
	sdp_free(sdp);
	if (err) {
		free(list);
		return err;
	}
	*ret = list;
	return 0;
}

bool stream_same(const struct stream *a, const struct stream *b)
{
	return a->ssrc == b->ssrc && a->owner == b->owner &&
	       a->kind == b->kind && strcmp(a->source, b->source) == 0 &&
	       strcmp(a->label, b->label) == 0;
}
