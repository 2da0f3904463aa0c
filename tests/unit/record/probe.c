#include "probe.h"

#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "../rtp/check.h"

struct decoder {
	AVCodecContext *codec;
	AVFrame *frame;
};

static void open_decoder(struct decoder *d, const AVStream *stream)
{
	const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);

	assert_non_null(codec);
	d->codec = avcodec_alloc_context3(codec);
	d->frame = av_frame_alloc();
	assert_true(d->codec && d->frame);
	assert_true(
		avcodec_parameters_to_context(d->codec, stream->codecpar) >= 0);
	d->codec->thread_count = 1;
	assert_int_equal(avcodec_open2(d->codec, codec, NULL), 0);
}

static void decode(
	struct decoder *d, struct probe_track *t, const AVPacket *packet)
{
	if (avcodec_send_packet(d->codec, packet) < 0)
		t->errors++;
	while (avcodec_receive_frame(d->codec, d->frame) == 0)
		t->decoded++;
}

static void note(struct probe_track *t, const AVPacket *p)
{
	if (!t->packets)
		t->first_ms = p->pts;
	else if (p->pts - t->last_ms > t->longest_ms)
		t->longest_ms = p->pts - t->last_ms;
	assert_true(!t->packets || p->pts >= t->last_ms);
	t->last_ms = p->pts;
	t->packets++;
}

static void read_all(AVFormatContext *in, struct probe *ret)
{
	struct decoder decoder[2] = { { NULL, NULL } };
	struct probe_track *track[2] = { NULL };
	AVPacket *packet = av_packet_alloc();

	assert_non_null(packet);
	assert_in_range(in->nb_streams, 1, 2);
	for (unsigned i = 0; i < in->nb_streams; i++) {
		const AVCodecParameters *par = in->streams[i]->codecpar;

		track[i] = par->codec_type == AVMEDIA_TYPE_AUDIO ? &ret->audio
								 : &ret->video;
		track[i]->there = true;
		track[i]->width = par->width;
		track[i]->height = par->height;
		snprintf(track[i]->codec, sizeof(track[i]->codec), "%s",
			avcodec_get_name(par->codec_id));
		open_decoder(&decoder[i], in->streams[i]);
	}
	while (av_read_frame(in, packet) >= 0) {
		note(track[packet->stream_index], packet);
		decode(&decoder[packet->stream_index],
			track[packet->stream_index], packet);
		av_packet_unref(packet);
	}
	for (unsigned i = 0; i < in->nb_streams; i++) {
		decode(&decoder[i], track[i], NULL);
		avcodec_free_context(&decoder[i].codec);
		av_frame_free(&decoder[i].frame);
	}
	av_packet_free(&packet);
}

static bool seeks(AVFormatContext *in, int64_t to_ms)
{
	AVPacket *packet = av_packet_alloc();
	bool there = false;

	assert_non_null(packet);
	if (to_ms > 0 &&
		av_seek_frame(in, -1, to_ms * 1000, AVSEEK_FLAG_BACKWARD) >=
			0 &&
		av_read_frame(in, packet) >= 0)
		there = packet->pts <= to_ms && packet->pts > to_ms / 4;
	av_packet_free(&packet);
	return there;
}

bool probe_try(const char *dir, const char *name, struct probe *ret)
{
	AVFormatContext *in = NULL;
	char path[512];

	*ret = (struct probe){ .duration_ms = -1 };
	av_log_set_level(AV_LOG_QUIET);
	snprintf(path, sizeof(path), "file:%s/%s", dir, name);
	if (avformat_open_input(&in, path, NULL, NULL) < 0)
		return false;
	snprintf(ret->format, sizeof(ret->format), "%s", in->iformat->name);
	if (in->duration != AV_NOPTS_VALUE)
		ret->duration_ms = in->duration / 1000;
	read_all(in, ret);
	ret->seekable = seeks(in, ret->duration_ms / 2);
	avformat_close_input(&in);
	return ret->audio.packets + ret->video.packets > 0;
}

void probe_file(const char *dir, const char *name, struct probe *ret)
{
	if (!probe_try(dir, name, ret))
		fail_msg("%s/%s does not play", dir, name);
}
