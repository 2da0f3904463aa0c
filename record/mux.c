#include "record/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/dict.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>

enum { AVIO_BUFFER = 65536, OPUS_HEAD = 19 };

struct mux {
	AVFormatContext *format;
	AVPacket *packet;
	mux_write_h *write;
	void *arg;
	/* What libavformat gave since the last word to `write`: one stretch
	 * of bytes from `start`. */
	uint8_t *held;
	size_t held_len, held_cap;
	uint64_t start, at, end;
	bool failed; /* no memory: a stretch was lost */
};

static const enum AVCodecID codec_ids[] = {
	[TAKE_OPUS] = AV_CODEC_ID_OPUS,
	[TAKE_VP8] = AV_CODEC_ID_VP8,
	[TAKE_VP9] = AV_CODEC_ID_VP9,
	[TAKE_H264] = AV_CODEC_ID_H264,
	[TAKE_AV1] = AV_CODEC_ID_AV1,
};

void mux_quiet(void)
{
	av_log_set_level(AV_LOG_QUIET);
}

bool mux_is_webm(const struct mux_track *tracks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (tracks[i].codec == TAKE_H264)
			return false;
	return true;
}

const char *mux_ending(const struct mux_track *tracks, unsigned n)
{
	return mux_is_webm(tracks, n) ? "webm" : "mkv";
}

int mux_options(AVDictionary **ret)
{
	AVDictionary *options = NULL;

	if (av_dict_set_int(&options, "cluster_time_limit", MUX_CLUSTER_MS, 0) <
			0 ||
		av_dict_set(&options, "write_crc32", "0", 0) < 0) {
		av_dict_free(&options);
		return -ENOMEM;
	}
	*ret = options;
	return 0;
}

static void give(struct mux *m)
{
	if (m->held_len)
		m->write(m->arg, m->start, m->held, m->held_len);
	else
		free(m->held);
	m->held = NULL;
	m->held_len = m->held_cap = 0;
}

static bool hold(struct mux *m, const uint8_t *buf, size_t len)
{
	if (m->held_len + len > m->held_cap) {
		size_t cap = m->held_cap ? 2 * m->held_cap : AVIO_BUFFER;
		uint8_t *grown;

		while (cap < m->held_len + len)
			cap *= 2;
		grown = realloc(m->held, cap);
		if (!grown)
			return false;
		m->held = grown;
		m->held_cap = cap;
	}
	memcpy(m->held + m->held_len, buf, len);
	m->held_len += len;
	return true;
}

static int on_write(void *arg, uint8_t *buf, int len)
{
	struct mux *m = arg;

	if (m->held_len && m->at != m->start + m->held_len)
		give(m);
	if (!m->held_len)
		m->start = m->at;
	if (!hold(m, buf, (size_t)len)) {
		m->failed = true;
		return AVERROR(ENOMEM);
	}
	m->at += (uint64_t)len;
	if (m->end < m->at)
		m->end = m->at;
	return len;
}

static int64_t on_seek(void *arg, int64_t offset, int whence)
{
	struct mux *m = arg;

	switch (whence & ~AVSEEK_FORCE) {
	case AVSEEK_SIZE:
		return (int64_t)m->end;
	case SEEK_CUR:
		offset += (int64_t)m->at;
		break;
	case SEEK_END:
		offset += (int64_t)m->end;
		break;
	default:
		break;
	}
	if (offset < 0)
		return AVERROR(EINVAL);
	m->at = (uint64_t)offset;
	return offset;
}

static int open_io(struct mux *m)
{
	uint8_t *buffer = av_malloc(AVIO_BUFFER);

	if (!buffer)
		return -ENOMEM;
	m->format->pb = avio_alloc_context(
		buffer, AVIO_BUFFER, 1, m, NULL, on_write, on_seek);
	if (!m->format->pb) {
		av_free(buffer);
		return -ENOMEM;
	}
	m->format->flags |= AVFMT_FLAG_CUSTOM_IO;
	return 0;
}

static int set_extradata(AVCodecParameters *par, const void *data, size_t len)
{
	par->extradata = av_mallocz(len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return -ENOMEM;
	memcpy(par->extradata, data, len);
	par->extradata_size = (int)len;
	return 0;
}

/* RFC 7845 section 5.1. No pre-skip: a recording begins in the middle of what
 * the encoder made, and its times are those of the packets. */
static int set_opus(AVCodecParameters *par)
{
	static const uint8_t head[OPUS_HEAD] = "OpusHead\x01\x02\0\0\x80\xbb";

	par->codec_type = AVMEDIA_TYPE_AUDIO;
	par->sample_rate = 48000;
	av_channel_layout_default(&par->ch_layout, 2);
	return set_extradata(par, head, sizeof(head));
}

static int add_stream(struct mux *m, const struct mux_track *t)
{
	AVStream *stream = avformat_new_stream(m->format, NULL);
	AVCodecParameters *par;

	if (!stream)
		return -ENOMEM;
	stream->time_base = (AVRational){ 1, 1000 };
	par = stream->codecpar;
	par->codec_id = codec_ids[t->codec];
	if (t->codec == TAKE_OPUS)
		return set_opus(par);
	par->codec_type = AVMEDIA_TYPE_VIDEO;
	par->width = (int)t->width;
	par->height = (int)t->height;
	return t->setup_len ? set_extradata(par, t->setup, t->setup_len) : 0;
}

static int set_tags(struct mux *m, const struct mux_tags *tags)
{
	AVDictionary **to = &m->format->metadata;

	if (av_dict_set_int(to, "HEARTH_FROM_MS", tags->from_ms, 0) < 0 ||
		av_dict_set_int(to, "HEARTH_STARTED_MS", tags->started_ms, 0) <
			0)
		return -ENOMEM;
	return 0;
}

/* libavformat's errors are negative errno here, or its own. */
static int error_of(struct mux *m, int err)
{
	if (m->failed || err == AVERROR(ENOMEM))
		return -ENOMEM;
	return err < 0 ? -EINVAL : 0;
}

static int write_header(struct mux *m)
{
	AVDictionary *options = NULL;
	int err = mux_options(&options);

	if (!err)
		err = avformat_write_header(m->format, &options);
	av_dict_free(&options);
	avio_flush(m->format->pb);
	give(m);
	return error_of(m, err);
}

int mux_new(struct mux **ret, const struct mux_track *tracks, unsigned n,
	const struct mux_tags *tags, mux_write_h *write, void *arg)
{
	struct mux *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->write = write;
	m->arg = arg;
	m->packet = av_packet_alloc();
	err = avformat_alloc_output_context2(&m->format, NULL,
		mux_is_webm(tracks, n) ? "webm" : "matroska", NULL);
	err = err < 0 || !m->packet ? -ENOMEM : open_io(m);
	for (unsigned i = 0; i < n && !err; i++)
		err = add_stream(m, &tracks[i]);
	if (!err)
		err = set_tags(m, tags);
	if (!err)
		err = write_header(m);
	if (err) {
		mux_free(m);
		return err;
	}
	*ret = m;
	return 0;
}

struct mux *mux_free(struct mux *m)
{
	if (!m)
		return NULL;
	av_packet_free(&m->packet);
	if (m->format && m->format->pb) {
		av_freep(&m->format->pb->buffer);
		avio_context_free(&m->format->pb);
	}
	avformat_free_context(m->format);
	free(m->held);
	free(m);
	return NULL;
}

int mux_frame(struct mux *m, unsigned track, int64_t at_ms,
	unsigned duration_ms, const uint8_t *data, size_t len, bool keyframe)
{
	AVPacket *p = m->packet;
	int err;

	if (track >= m->format->nb_streams || len > INT32_MAX / 2)
		return -EINVAL;
	if (av_new_packet(p, (int)len) < 0)
		return -ENOMEM;
	memcpy(p->data, data, len);
	p->stream_index = (int)track;
	p->pts = p->dts = at_ms;
	p->duration = duration_ms;
	p->flags = keyframe ? AV_PKT_FLAG_KEY : 0;
	err = av_write_frame(m->format, p);
	av_packet_unref(p);
	avio_flush(m->format->pb);
	give(m);
	return error_of(m, err);
}

int mux_flush(struct mux *m)
{
	int err = av_write_frame(m->format, NULL);

	avio_flush(m->format->pb);
	give(m);
	return error_of(m, err);
}

int mux_end(struct mux *m)
{
	int err = av_write_trailer(m->format);

	avio_flush(m->format->pb);
	give(m);
	return error_of(m, err);
}
