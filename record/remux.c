#include "record/remux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>

#include "record/mux.h"

struct job {
	AVFormatContext *in, *out;
	AVIOContext *from;
	AVPacket *packet;
	int index[REMUX_TRACKS_MAX]; /* of the input's stream */
	int64_t last_ms[REMUX_TRACKS_MAX];
	struct remux_found found;
};

static const struct {
	enum AVCodecID id;
	const char *name;
} codecs[] = {
	{ AV_CODEC_ID_OPUS, "opus" },
	{ AV_CODEC_ID_VP8, "vp8" },
	{ AV_CODEC_ID_VP9, "vp9" },
	{ AV_CODEC_ID_H264, "h264" },
	{ AV_CODEC_ID_AV1, "av1" },
};

/* A path is never a protocol's name. */
static int with_scheme(char ret[4096 + 8], const char *path)
{
	int n = snprintf(ret, 4096 + 8, "file:%s", path);

	return n > 0 && n < 4096 + 8 ? 0 : -ENAMETOOLONG;
}

static int64_t tag(const AVFormatContext *in, const char *name)
{
	const AVDictionaryEntry *e = av_dict_get(in->metadata, name, NULL, 0);
	char *end;
	long long v;

	if (!e)
		return -1;
	v = strtoll(e->value, &end, 10);
	return *end || end == e->value || v < 0 ? -1 : (int64_t)v;
}

static void add_track(struct job *j, int index, const AVCodecParameters *par)
{
	struct remux_track *t = &j->found.track[j->found.n_tracks];

	for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
		if (codecs[i].id != par->codec_id ||
			j->found.n_tracks == REMUX_TRACKS_MAX)
			continue;
		*t = (struct remux_track){
			.video = par->codec_type == AVMEDIA_TYPE_VIDEO,
			.width = (unsigned)par->width,
			.height = (unsigned)par->height,
		};
		snprintf(t->codec, sizeof(t->codec), "%s", codecs[i].name);
		j->index[j->found.n_tracks++] = index;
	}
}

static int errno_of(int err)
{
	return err > -4096 ? err : -EIO;
}

/* Only what the file holds makes it a ruin; what a disk does not give now it
 * may give later. (Of a file cut off in its head libavformat says EIO, too.) */
static int unread(const struct job *j, int err)
{
	if (err == AVERROR(ENOMEM))
		return -ENOMEM;
	if (j->from->error < 0 && j->from->error != AVERROR_EOF)
		return errno_of(j->from->error);
	return -ENODATA;
}

static int open_in(struct job *j, const char *path)
{
	char url[4096 + 8];
	int err = with_scheme(url, path);

	if (err)
		return err;
	err = avio_open(&j->from, url, AVIO_FLAG_READ);
	if (err < 0)
		return errno_of(err);
	j->in = avformat_alloc_context();
	if (!j->in)
		return -ENOMEM;
	j->in->pb = j->from;
	err = avformat_open_input(
		&j->in, url, av_find_input_format("matroska"), NULL);
	if (err < 0)
		return unread(j, err);
	for (unsigned i = 0; i < j->in->nb_streams; i++)
		add_track(j, (int)i, j->in->streams[i]->codecpar);
	j->found.from_ms = tag(j->in, "HEARTH_FROM_MS");
	j->found.started_ms = tag(j->in, "HEARTH_STARTED_MS");
	return j->found.n_tracks ? 0 : -ENODATA;
}

static bool is_webm(const struct job *j)
{
	for (unsigned i = 0; i < j->found.n_tracks; i++)
		if (strcmp(j->found.track[i].codec, "h264") == 0)
			return false;
	return true;
}

static int add_stream(struct job *j, int index)
{
	AVStream *out = avformat_new_stream(j->out, NULL);

	if (!out)
		return -ENOMEM;
	out->time_base = (AVRational){ 1, 1000 };
	if (avcodec_parameters_copy(
		    out->codecpar, j->in->streams[index]->codecpar) < 0)
		return -ENOMEM;
	out->codecpar->codec_tag = 0;
	return 0;
}

/* libavformat's errors of writing are negative errno. */
static int written(int err)
{
	if (err >= 0)
		return 0;
	return err > -4096 ? err : -EINVAL;
}

static int open_out(struct job *j, const char *path)
{
	AVDictionary *options = NULL;
	char url[4096 + 8];
	int err = with_scheme(url, path);

	if (err)
		return err;
	if (avformat_alloc_output_context2(
		    &j->out, NULL, is_webm(j) ? "webm" : "matroska", NULL) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < j->found.n_tracks && !err; i++)
		err = add_stream(j, j->index[i]);
	if (!err && av_dict_copy(&j->out->metadata, j->in->metadata, 0) < 0)
		err = -ENOMEM;
	if (!err)
		err = written(avio_open(&j->out->pb, url, AVIO_FLAG_WRITE));
	if (!err)
		err = mux_options(&options);
	if (!err)
		err = written(avformat_write_header(j->out, &options));
	av_dict_free(&options);
	return err;
}

static int track_of(const struct job *j, int index)
{
	for (unsigned i = 0; i < j->found.n_tracks; i++)
		if (j->index[i] == index)
			return (int)i;
	return -1;
}

static int copy_packet(struct job *j)
{
	AVPacket *p = j->packet;
	const int i = track_of(j, p->stream_index);
	int64_t end_ms;

	if (i < 0 || p->pts == AV_NOPTS_VALUE || p->size <= 0)
		return 0;
	av_packet_rescale_ts(p, j->in->streams[p->stream_index]->time_base,
		(AVRational){ 1, 1000 });
	if (p->pts < j->last_ms[i])
		p->pts = j->last_ms[i];
	p->dts = j->last_ms[i] = p->pts;
	p->stream_index = i;
	p->pos = -1;
	end_ms = p->pts + (j->found.track[i].video ? 0 : p->duration);
	if (j->found.end_ms < end_ms)
		j->found.end_ms = end_ms;
	j->found.track[i].frames++;
	return j->out ? written(av_write_frame(j->out, p)) : 0;
}

/* 1: that was all. A file that was cut off ends in ruins: what was read up to
 * there is kept. */
static int read_one(struct job *j)
{
	int err = av_read_frame(j->in, j->packet);

	if (err >= 0)
		return 0;
	err = unread(j, err);
	return err == -ENODATA ? 1 : err;
}

static int copy_all(struct job *j)
{
	int err, end = 0;

	while ((end = read_one(j)) == 0) {
		err = copy_packet(j);
		av_packet_unref(j->packet);
		if (err)
			return err;
	}
	err = end < 0 ? end : 0;
	if (!err && j->out)
		err = written(av_write_trailer(j->out));
	if (!err && j->out && j->out->pb->error)
		err = written(j->out->pb->error);
	return err;
}

static void forget_empty(struct remux_found *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_tracks; i++)
		if (f->track[i].frames)
			f->track[n++] = f->track[i];
	f->n_tracks = n;
}

int remux_file(const char *from, const char *to, struct remux_found *ret)
{
	struct job j = { .packet = av_packet_alloc() };
	int err = j.packet ? open_in(&j, from) : -ENOMEM;
	int closed = 0;

	if (!err && to)
		err = open_out(&j, to);
	if (!err)
		err = copy_all(&j);
	if (j.out && j.out->pb)
		closed = avio_closep(&j.out->pb);
	if (!err)
		err = written(closed);
	avformat_free_context(j.out);
	avformat_close_input(&j.in);
	avio_closep(&j.from);
	av_packet_free(&j.packet);
	if (err)
		return err;
	forget_empty(&j.found);
	if (!j.found.n_tracks)
		return -ENODATA;
	*ret = j.found;
	return 0;
}
